use rdpdoctor_model::{CauseId, ObservationId, Stage};
use serde::{Deserialize, Serialize};

use crate::Evidence;

/// One way in which a connection can fail or suffer: its words, its cure and its rule.
///
/// Texts may hold `{host}`, `{port}` and `{address}`; the engine puts the target's in. Remedies and tests
/// may hold `{key_file}`, the file of the host's private key.
#[derive(Debug)]
pub struct Cause {
    /// `area.kebab-case`; the file's place is `causes/<area>/<kebab_case>.rs`.
    pub id: CauseId,
    /// The stage at which it shows.
    pub stage: Stage,
    /// Whose it is to mend.
    pub owner: Owner,
    /// One line that a person understands, without a full stop; at most 90 characters.
    pub title: &'static str,
    /// Two to five sentences: what happens, why it shows like this.
    pub explanation: &'static str,
    /// What it is not, as far as was reached: noun phrases ("password, account, licence").
    pub excludes: &'static [&'static str],
    /// What to do, best first.
    pub remedies: &'static [Remedy],
    /// Where one can read it up: URLs of specifications and vendors' pages, KB articles.
    pub references: &'static [&'static str],
    /// What a Microsoft client shows for it.
    pub client_shows: &'static [ClientCode],
    /// Causes that this one makes more precise; it is ranked before them.
    pub more_specific_than: &'static [CauseId],
    /// How one can have it in front of oneself.
    pub reproduction: Reproduction,
    /// What would tell it from its neighbours.
    pub next_tests: &'static [NextTest],
    /// The judgement: `None` when the evidence does not speak of it.
    pub rule: fn(&Evidence<'_>) -> Option<Match>,
}

/// What a rule says when its cause fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub proof: Proof,
    /// The observations it rests on; never empty.
    pub evidence: Vec<ObservationId>,
    /// A title with this case's own values, where the cause's is too general.
    pub title: Option<String>,
    /// One or two sentences with this case's own values, put behind the explanation.
    pub detail: Option<String>,
    /// The stage it struck at, where that is not the cause's own (a reset in mid-handshake).
    pub stage: Option<Stage>,
    /// Whether a policy or a management service set what is wrong: then what is done there comes
    /// first among the remedies, since a change by hand comes back.
    pub managed: bool,
}

impl Match {
    /// A match on `evidence`.
    pub fn new(
        severity: Severity,
        proof: Proof,
        evidence: impl IntoIterator<Item = ObservationId>,
    ) -> Self {
        Self {
            severity,
            proof,
            evidence: evidence.into_iter().collect(),
            title: None,
            detail: None,
            stage: None,
            managed: false,
        }
    }

    /// Says that a policy or a management service set what is wrong, if so.
    #[must_use]
    pub fn managed(mut self, managed: bool) -> Self {
        self.managed = managed;
        self
    }

    /// Replaces the cause's title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Says at which stage it struck, where that is not the cause's own.
    #[must_use]
    pub fn at_stage(mut self, stage: Stage) -> Self {
        self.stage = Some(stage);
        self
    }

    /// Adds this case's own values to the explanation.
    #[must_use]
    pub fn detailed(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// How bad a finding is. The order is the ranking: blocking first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No connection can be made.
    Blocking,
    /// It works, or works after a question, but something is wrong.
    Warning,
    /// Worth knowing.
    Info,
}

/// How sure a finding is. The order is the ranking: proven first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// An observation states the cause by itself.
    Proven,
    /// It is the usual reason for what was seen.
    Likely,
    /// Other causes explain it as well, and they are listed too.
    Possible,
}

/// Whose it is to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// Who administers the Windows host.
    Host,
    /// Who sits at the client.
    Client,
    /// Who runs the network in between.
    Network,
    /// Who runs the RD Gateway.
    Gateway,
    /// Who runs the directory: accounts, domain controllers, DNS of the domain.
    Directory,
    /// Who runs the privileged access product.
    Pam,
    /// Who runs the cloud subscription.
    Cloud,
    /// The user.
    User,
}

/// Where a remedy is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Where {
    /// On the Windows host.
    Host,
    /// On the machine in front of the user.
    Client,
    /// In the network in between.
    Network,
    /// On the RD Gateway.
    Gateway,
    /// In the directory.
    Directory,
    /// In a group policy.
    Policy,
    /// In the privileged access product.
    Pam,
    /// In the cloud's console.
    Cloud,
}

/// What a remedy may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nobody notices.
    Low,
    /// Something is interrupted or has to be watched.
    Medium,
    /// It can make things worse or weakens protection for a while.
    High,
}

/// Something to do about a cause, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// Kebab-case, unique within the cause.
    pub id: &'static str,
    /// Where it is done.
    pub place: Where,
    /// What it may cost.
    pub risk: Risk,
    /// One line, imperative, without a full stop.
    pub title: &'static str,
    /// Exact steps; a command stands alone on its step behind "PS> " (PowerShell) or "$ " (shell).
    pub steps: &'static [&'static str],
    /// What it interrupts; "nothing" when nothing.
    pub interrupts: &'static str,
    /// The way back.
    pub undo: &'static [&'static str],
    /// How to see that it helped.
    pub verify: &'static str,
}

/// A pair of codes that a Microsoft client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCode {
    /// The disconnect reason.
    pub code: u32,
    /// The extended one; `None` when unknown.
    pub extended: Option<u32>,
    /// How sure that is.
    pub proof: Proof,
}

/// A question that would tell remaining causes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTest {
    /// Which findings it would tell apart.
    pub why: &'static str,
    /// The command, ready to paste; `{host}`, `{port}` and `{target}` (what the user typed) stand
    /// for the target's.
    pub command: &'static str,
}

/// How one can have a cause in front of oneself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reproduction {
    /// Faults of the lab that produce it.
    Lab(&'static [&'static str]),
    /// A test that produces it on a made network or with a real server, by its name.
    Test(&'static str),
    /// Neither exists, and why.
    None(&'static str),
}
