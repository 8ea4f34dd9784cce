//! What this machine remembers: whom a server rejected, for 30 minutes, and the certificates that
//! somebody vouched for.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use rdpdoctor_model::{
    Fact, KerberosExchange, Observation, Party, Stage, Target, Timestamp, UserName,
};
use serde::{Deserialize, Serialize};

/// How long a rejection is remembered: as long as the usual lockout counts (Windows' default resets
/// its counter after 10 to 30 minutes).
const REMEMBERED_MS: i64 = 30 * 60 * 1000;

/// Most entries of a file; the oldest go first.
const MOST: usize = 1000;

/// KDC_ERR_POLICY, KDC_ERR_CLIENT_REVOKED, KDC_ERR_KEY_EXPIRED, KDC_ERR_PREAUTH_FAILED (RFC 4120
/// 7.5.9): the centre judged the user.
const KDC_JUDGED: [u32; 4] = [12, 18, 23, 24];

/// The folder with both files; none where this system has no place for it.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rejection {
    at: Timestamp,
    status: Option<u32>,
}

impl Memory {
    /// `$XDG_STATE_HOME/rdpdoctor`, `~/.local/state/rdpdoctor`, or `%LOCALAPPDATA%\rdpdoctor`.
    pub fn open() -> Self {
        let base = if cfg!(windows) {
            std::env::var_os("LOCALAPPDATA").map(PathBuf::from)
        } else {
            let set = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty());
            set.map(PathBuf::from).or_else(|| {
                std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"))
            })
        };
        Self { folder: base.map(|base| base.join("rdpdoctor")) }
    }

    /// The rejection of this user within the last 30 minutes, as a fact.
    pub fn rejection(&self, user: &UserName) -> Option<Fact> {
        let all: BTreeMap<String, Rejection> = self.load("rejections.json");
        let found = all.get(&key(user))?;
        let age = Timestamp::now().millis_since(found.at);
        (0..REMEMBERED_MS)
            .contains(&age)
            .then_some(Fact::RejectionRemembered { rejected_at: found.at, status: found.status })
    }

    /// Whether an attempt was made in what was seen, and rejected.
    pub fn is_rejected(observations: &[Observation]) -> bool {
        rejection(observations).is_some()
    }

    /// Remembers what came of an attempt.
    pub fn remember(&self, user: &UserName, observations: &[Observation]) {
        let Some(status) = rejection(observations) else { return };
        let mut all: BTreeMap<String, Rejection> = self.load("rejections.json");
        let now = Timestamp::now();
        all.retain(|_, old| now.millis_since(old.at) < REMEMBERED_MS);
        all.insert(key(user), Rejection { at: now, status });
        while all.len() > MOST {
            all.pop_first();
        }
        self.store("rejections.json", &all);
    }

    /// The fingerprint that somebody vouched for.
    pub fn known(&self, target: &Target) -> Option<String> {
        let mut all: BTreeMap<String, String> = self.load("fingerprints.json");
        all.remove(&place(target))
    }

    /// Remembers a fingerprint that somebody vouched for.
    pub fn know(&self, target: &Target, fingerprint: &str) {
        let mut all: BTreeMap<String, String> = self.load("fingerprints.json");
        all.insert(place(target), fingerprint.to_owned());
        self.store("fingerprints.json", &all);
    }

    /// A file that is missing or damaged is empty.
    fn load<T: for<'a> Deserialize<'a> + Default>(&self, name: &str) -> T {
        let read = self.folder.as_ref().and_then(|folder| fs::read(folder.join(name)).ok());
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Whole or not at all, readable by its owner only; that nothing can be stored is said and ends
    /// nothing.
    fn store<T: Serialize>(&self, name: &str, value: &T) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = write(folder, name, value) {
            tracing::warn!("{}: not remembered: {error}", folder.join(name).display());
        }
    }
}

fn write<T: Serialize>(folder: &PathBuf, name: &str, value: &T) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// Case does not count in names of Windows' users.
fn key(user: &UserName) -> String {
    user.to_string().to_lowercase()
}

fn place(target: &Target) -> String {
    format!("{}:{}", target.host.to_lowercase(), target.port)
}

/// Whether an attempt was made and rejected; the status, where there is one.
#[allow(clippy::option_option, reason = "rejected without a status is an answer too")]
fn rejection(observations: &[Observation]) -> Option<Option<u32>> {
    let sent = observations.iter().position(|o| matches!(o.fact, Fact::CredentialSent { .. }));
    let status = sent.and_then(|sent| {
        observations[sent..].iter().find_map(|o| match o.fact {
            Fact::TsRequest { from: Party::Server, error_code: Some(code), .. } if code != 0 => {
                Some(code)
            }
            _ => None,
        })
    });
    let by_centre = observations.iter().any(|o| {
        o.stage != Stage::Proxy && matches!(o.fact, Fact::KerberosError { code, exchange: KerberosExchange::AuthenticationService, .. }
            if KDC_JUDGED.contains(&code))
    });
    // Windows asked the centre by itself.
    let by_system = observations
        .iter()
        .any(|o| matches!(o.fact, Fact::SystemSignInFailed { code: LOGON_DENIED, .. }));
    let by_system = by_system.then_some(Some(LOGON_DENIED));
    let by_host = status.map(Some).or(by_centre.then_some(None)).or(by_system);
    by_host.or_else(|| by_gateway(observations))
}

/// SEC_E_LOGON_DENIED (MS-ERREF 2.1.1).
const LOGON_DENIED: u32 = 0x8009_030C;

/// The same at an RD Gateway: its last answer by HTTP, or its number.
#[allow(clippy::option_option, reason = "rejected without a status is an answer too")]
fn by_gateway(observations: &[Observation]) -> Option<Option<u32>> {
    let denied =
        observations.iter().any(|o| matches!(o.fact, Fact::GatewayCode { code: LOGON_DENIED, .. }));
    let last = observations.iter().rev().find_map(|o| match o.fact {
        Fact::GatewayAnswer { status, after_credentials, .. } => Some((status, after_credentials)),
        _ => None,
    });
    if denied { Some(Some(LOGON_DENIED)) } else { (last == Some((401, true))).then_some(None) }
}
