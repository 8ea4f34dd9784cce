//! A folder that only administrators and its maker may look into, and write to. Windows lets every
//! user make folders in `ProgramData`; what somebody else has put there is not believed.

use std::path::{Path, PathBuf};

use super::{me, security};

/// SYSTEM, the administrators, and the owner; nothing from above.
const ACCESS: &str = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)";

/// Owners whom everything is believed: SYSTEM, the administrators.
const BELIEVED: [&str; 2] = ["SY", "BA"];

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFolderError {
    /// Somebody else made it.
    #[error("{0} belongs to somebody else; take it away, or name another folder")]
    Strange(PathBuf),
    /// It could not be asked, or closed.
    #[error("{0}: {1}")]
    Folder(PathBuf, String),
}

/// Closes a folder that was just made; one that was there must be ours.
pub(crate) fn private_folder(path: &Path, new: bool) -> Result<(), PrivateFolderError> {
    let shown = path.display().to_string();
    let failed = |error| PrivateFolderError::Folder(path.to_owned(), super::text::why(error));
    if new {
        return security::set_of_file(&shown, ACCESS).map_err(failed);
    }
    let sddl = security::of_file(&shown).map_err(failed)?;
    let owner = sddl.strip_prefix("O:").and_then(|rest| rest.split("G:").next());
    let owner = owner.unwrap_or_default();
    let own = me::user().as_seen().and_then(|user| security::sid_of(user).ok());
    let is_ours = BELIEVED.contains(&owner) || own.as_deref() == Some(owner);
    if is_ours { Ok(()) } else { Err(PrivateFolderError::Strange(path.to_owned())) }
}
