//! What a check with credentials is given: who signs in, with what, and who decides whether it may.

use std::fmt;
use std::sync::Arc;

use sspi::{AuthIdentity, Username};

use crate::Logon;
use rdpdoctor_model::{Mechanism, Observation, ReleaseReason, Secret, UserName};

/// Judges, from what was seen so far, whether a credential may leave for the server. It may ask a
/// person and so block.
pub type Gate = Arc<dyn Fn(&[Observation]) -> Release + Send + Sync>;

/// The answer of a [`Gate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Whether it may.
    pub released: bool,
    /// Why, or why not.
    pub reason: ReleaseReason,
}

/// What proves who signs in.
#[derive(Clone)]
pub enum Credential {
    /// The user's password.
    Password(Arc<Secret>),
    /// That the user is logged on here: Windows' own library has what it takes, and gives it to nobody.
    LoggedOn,
}

/// Signing in. It is tried once.
#[derive(Clone)]
pub struct SignIn {
    /// Who.
    pub user: UserName,
    /// With what.
    pub credential: Credential,
    /// The one mechanism to try; none: Kerberos where Windows would, then NTLM where Windows would.
    pub mechanism: Option<Mechanism>,
    /// The key distribution centre, as `host` or `host:port`; none: the DNS is asked.
    pub kdc: Option<String>,
    /// Restricted Admin: the password proves who one is, and is not handed over (MS-CSSP 2.2.1.2.1).
    pub restricted_admin: bool,
    /// How far to go behind the sign-in; none: no session is made.
    pub logon: Option<Logon>,
    /// Asked before anything leaves that could be tried for a password.
    pub gate: Gate,
}

impl SignIn {
    /// The password, where somebody has it.
    pub(crate) fn password(&self) -> Option<&Secret> {
        match &self.credential {
            Credential::Password(password) => Some(password),
            Credential::LoggedOn => None,
        }
    }

    /// As `sspi` takes it.
    pub(crate) fn identity(&self) -> Result<AuthIdentity, String> {
        let password = self.password().ok_or("nobody has the password of who is logged on")?;
        identity(&self.user, password)
    }
}

/// A user with the password, as `sspi` takes them.
pub(crate) fn identity(user: &UserName, password: &Secret) -> Result<AuthIdentity, String> {
    let username = if user.is_principal() {
        Username::parse(&user.to_string())
    } else {
        Username::new(user.account(), user.domain())
    };
    let username = username.map_err(|error| error.to_string())?;
    let password = std::str::from_utf8(password.expose())
        .map_err(|_| "the password is not UTF-8".to_owned())?;
    Ok(AuthIdentity { username, password: password.to_owned().into() })
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("user", &self.user)
            .field("mechanism", &self.mechanism)
            .field("kdc", &self.kdc)
            .field("restricted_admin", &self.restricted_admin)
            .field("logon", &self.logon)
            .finish_non_exhaustive()
    }
}
