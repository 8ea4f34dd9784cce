//! What is to be changed on a Windows machine, from what to what, before anything is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Change, Hex, Lookup, RegistryData, Timestamp};

/// A plan: nothing in it has happened yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The version of this form.
    pub version: u32,
    /// The machine's name.
    pub computer: Option<String>,
    /// When its facts were read.
    pub made_at: Timestamp,
    /// Whether what a policy owns is changed as a stop-gap.
    pub even_if_policy: bool,
    /// What is changed, the worst cause first.
    pub fixes: Vec<Fix>,
    /// What could be changed and is not, and why.
    pub refused: Vec<RefusedFix>,
    /// Causes about which no program can do anything.
    pub by_hand: Vec<ByHand>,
    /// What follows, one after the other, each only if a handshake with the listener still fails.
    pub escalation: Vec<Step>,
    /// The port of the listener once the plan is carried out; none where there is no listener to try.
    pub handshake_port: Option<u16>,
    /// Who is at work on the machine meanwhile.
    pub sessions: SessionsAtWork,
}

impl Plan {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Every step in the order in which they are carried out: the fixes', then the escalation's.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.certain_steps().chain(&self.escalation)
    }

    /// The steps that are carried out whatever a handshake says.
    pub fn certain_steps(&self) -> impl Iterator<Item = &Step> {
        self.fixes.iter().flat_map(|fix| &fix.steps)
    }
}

/// What mends one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// The cause, which also names the fix (`--only`).
    pub id: String,
    /// What is wrong.
    pub title: String,
    /// The cause's remedy that is carried out.
    pub remedy: String,
    /// What is done, in a line.
    pub does: String,
    /// Whose the machine is.
    pub owner: String,
    /// `low`, `medium`, `high`.
    pub risk: String,
    /// What it interrupts, as the remedy has it.
    pub interrupts: String,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// The policies' values that are overruled until they are refreshed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_gap: Vec<String>,
}

/// One change, and how it is before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The change.
    pub change: Change,
    /// What stands there now.
    pub before: State,
    /// What it touches of the way into the machine: after it nobody may be able to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_in: Option<WayIn>,
}

/// What of the way into a machine a change touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WayIn {
    /// The listener and its certificate.
    Listener,
    /// The port.
    Port,
    /// The firewall.
    Firewall,
    /// The network.
    Network,
    /// A service.
    Service,
    /// Who may sign in, and how (NLA).
    SignIn,
}

/// What a change touches, as it stands: read before it, kept, compared, put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum State {
    /// A value of the registry.
    RegistryValue {
        /// What it holds.
        data: Lookup<RegistryData>,
        /// The topmost key on the way to it that is not there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missing_key: Option<String>,
    },
    /// How a service starts.
    ServiceStart {
        /// Its number.
        start: Lookup<u64>,
    },
    /// Whether a service runs.
    Service {
        /// dwCurrentState.
        current: Lookup<u32>,
    },
    /// Who may do what with a file, in SDDL.
    FileAccess {
        /// Owner, group and DACL.
        sddl: Lookup<String>,
    },
    /// A file, and whether it was moved aside.
    File {
        /// Bytes in it.
        length: Lookup<u64>,
    },
    /// A certificate in a store.
    Certificate {
        /// Its entry in the store: the certificate, and where its key lies, never the key.
        entry: Lookup<Hex>,
    },
    /// A saved credential, by name only.
    Credential {
        /// Whether it is there.
        there: Lookup<bool>,
    },
    /// A session.
    Session {
        /// WTS_CONNECTSTATE_CLASS; absent when there is no such session.
        state: Lookup<u32>,
    },
}

impl State {
    /// Why nobody can tell how it is, where nobody can: then nothing is changed, for there would be
    /// no way back.
    pub fn unknown(&self) -> Option<&str> {
        fn why<T>(lookup: &Lookup<T>) -> Option<&str> {
            match lookup {
                Lookup::Unavailable { why } => Some(why),
                Lookup::Seen { .. } | Lookup::Absent => None,
            }
        }
        match self {
            Self::RegistryValue { data, .. } => why(data),
            Self::ServiceStart { start } => why(start),
            Self::Service { current } => why(current),
            Self::FileAccess { sddl } => why(sddl),
            Self::File { length } => why(length),
            Self::Certificate { entry } => why(entry),
            Self::Credential { there } => why(there),
            Self::Session { state } => why(state),
        }
    }
}

/// What could be changed and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedFix {
    /// The cause.
    pub id: String,
    /// What is wrong.
    pub title: String,
    /// Why not, in a line.
    pub why: String,
    /// The policies' values that own it, `KEY\name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// A cause about which no program can do anything, and what a person can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByHand {
    /// The cause.
    pub id: String,
    /// What is wrong.
    pub title: String,
    /// The first thing to do.
    pub first: Option<String>,
}

/// Who is at work on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsAtWork {
    /// Users whose sessions are connected, and those whose are not; could not look is an answer.
    pub users: Lookup<UserCount>,
    /// The session of whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<u32>,
    /// After how many milliseconds a disconnected session is ended, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_disconnected_after_ms: Option<u64>,
    /// Whether a policy says so.
    #[serde(default)]
    pub by_policy: bool,
}

/// Users on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserCount {
    /// At work.
    pub connected: u32,
    /// With a session that waits for them.
    pub disconnected: u32,
}

/// What a cause proposes.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The cause.
    pub id: String,
    /// What is wrong.
    pub title: String,
    /// Its remedy: the id, and what it does.
    pub remedy: String,
    /// What is done, in a line.
    pub does: String,
    /// Whose the machine is.
    pub owner: String,
    /// `low`, `medium`, `high`.
    pub risk: String,
    /// What it interrupts.
    pub interrupts: String,
    /// The changes; none where no program can do anything.
    pub changes: Vec<Change>,
    /// Values of policies on which the cause rests: key, name.
    pub policies: Vec<(String, String)>,
}
