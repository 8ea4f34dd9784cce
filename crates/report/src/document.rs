//! The JSON document: what other programs may rely on.

use std::net::IpAddr;

use rdpdoctor_diagnosis::{Cause, Diagnosis, gateway_place, key_file};
use rdpdoctor_model::{Observation, ObservationId, Stage, Target, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{harmless, summary};

/// The version of the document's form; a document of another version is another contract.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run knows of itself beside its observations.
#[derive(Debug, Clone, PartialEq)]
pub struct RunContext {
    /// Whom it was about.
    pub target: Target,
    /// The target's addresses in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// The gateway or proxy that was used.
    pub via: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Who went the client's way.
    pub engine: Engine,
    /// How far the check was asked to go. Stages that were never begun are listed as skipped; with
    /// `None` only those that reported are listed.
    pub last_stage_asked: Option<Stage>,
}

/// The answer of one run, complete: verdict, stages, findings, evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// The version of this form, 1.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// Whom it is about.
    pub target: TargetEntry,
    /// When the run began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The answer in one place.
    pub verdict: Verdict,
    /// How each stage went, in order.
    pub stages: Vec<StageEntry>,
    /// Every cause that fits, ranked: the first one is the verdict's.
    pub findings: Vec<Finding>,
    /// What would tell the remaining causes apart.
    pub next_tests: Vec<NextTest>,
    /// The single attempts when the evidence holds several; empty for one attempt. Of a watch those
    /// that prove its verdict (the first of each kind that failed, the last one that worked), and
    /// behind them the whole watch with its last try.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Everything that was seen.
    pub observations: Vec<Observation>,
}

/// What made a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `rdpdoctor`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who went the client's way.
    pub engine: Engine,
}

/// Who went the client's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// rdpdoctor's own protocol stack, the same on every system.
    Portable,
    /// The system's own: Schannel and SSPI of Windows.
    Native,
}

/// Whom a document is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetEntry {
    /// What the user typed.
    pub input: String,
    /// The host's name or address.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// Its addresses in the order in which they were tried.
    pub addresses: Vec<IpAddr>,
    /// The gateway or proxy that was used.
    #[serde(default)]
    pub via: Option<String>,
}

/// The answer in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether a connection can be made.
    pub status: Status,
    /// Where it fails or suffers.
    pub stage: Option<Stage>,
    /// The identifier of the first finding's cause; null when no finding is above `info` and none
    /// fits the reported code.
    pub cause: Option<String>,
    /// How sure that is.
    pub proof: Option<Proof>,
    /// One line that a person understands.
    pub title: String,
    /// Whose it is to mend.
    pub owner: Option<Owner>,
    /// What this is not, as far as was reached.
    pub excludes: Vec<String>,
    /// What a Microsoft client shows for it.
    pub client_shows: Vec<ClientCode>,
    /// What the user's client showed, when that was told.
    #[serde(default)]
    pub reported: Option<Reported>,
}

/// A pair of codes that a Microsoft client shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientCode {
    /// The disconnect reason, hexadecimal (`0x904`).
    pub code: String,
    /// The extended reason, hexadecimal; null when unknown.
    pub extended: Option<String>,
    /// How sure that is.
    pub proof: Proof,
}

/// What the user's client showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// The disconnect reason, hexadecimal.
    pub code: String,
    /// The extended reason, hexadecimal; null when it was not told.
    pub extended: Option<String>,
    /// Whether a finding explains it.
    pub reproduced: bool,
}

/// How one stage went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageEntry {
    /// Which.
    pub stage: Stage,
    /// How.
    pub status: StageStatus,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What was seen there, in words.
    pub detail: String,
}

/// A cause that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The cause's identifier, `area.kebab-case`.
    pub cause: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub proof: Proof,
    /// One line that a person understands.
    pub title: String,
    /// What happens, and why it shows like this.
    pub explanation: String,
    /// The observations it rests on.
    pub evidence: Vec<ObservationId>,
    /// What to do, best first.
    pub remedies: Vec<Remedy>,
    /// Where one can read it up.
    pub references: Vec<String>,
}

/// Something to do about a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// Kebab-case, unique within the cause.
    pub id: String,
    /// Where it is done.
    #[serde(rename = "where")]
    pub place: Place,
    /// What it may cost.
    pub risk: Risk,
    /// One line, imperative.
    pub title: String,
    /// Exact steps; a command stands behind `PS> ` (PowerShell) or `$ ` (shell).
    pub steps: Vec<String>,
    /// What it interrupts.
    pub interrupts: String,
    /// The way back.
    pub undo: Vec<String>,
    /// How to see that it helped.
    pub verify: String,
}

/// A question that would tell remaining causes apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextTest {
    /// Which findings it would tell apart.
    pub why: String,
    /// The command, ready to paste.
    pub command: String,
}

/// One attempt of several in one body of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Whom it was about.
    pub target: TargetEntry,
    /// Its answer.
    pub verdict: Verdict,
    /// How each stage went.
    pub stages: Vec<StageEntry>,
    /// Every cause that fits.
    pub findings: Vec<Finding>,
    /// The observations it is made of.
    pub observations: Vec<Observation>,
}

/// An enumeration of the document and its twin among the types that judge.
macro_rules! twin {
    ($(#[$meta:meta])* $name:ident of $twin:path { $($(#[$variant_meta:meta])* $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl From<$twin> for $name {
            fn from(value: $twin) -> Self {
                use $twin as Twin;
                match value {
                    $(Twin::$variant => Self::$variant,)*
                }
            }
        }
    };
}

twin! {
    /// Whether a connection can be made.
    Status of rdpdoctor_diagnosis::Status {
        /// Works as far as it was tried, nothing to warn of.
        Ok,
        /// Works, or would after a warning, but something is wrong.
        Degraded,
        /// A connection cannot be made.
        Failed,
        /// Could not be tried or decided.
        Unknown,
    }
}

twin! {
    /// How one stage went.
    StageStatus of rdpdoctor_diagnosis::StageStatus {
        /// Passed.
        Ok,
        /// Passed with a warning.
        Warned,
        /// Blocked here.
        Failed,
        /// Not tried.
        Skipped,
        /// Tried without a result.
        Unknown,
    }
}

twin! {
    /// How bad a finding is, worst first.
    Severity of rdpdoctor_diagnosis::Severity {
        /// No connection can be made.
        Blocking,
        /// It works, or works after a question, but something is wrong.
        Warning,
        /// Worth knowing.
        Info,
    }
}

twin! {
    /// How sure a finding is, surest first.
    Proof of rdpdoctor_diagnosis::Proof {
        /// An observation states the cause by itself.
        Proven,
        /// It is the usual reason for what was seen.
        Likely,
        /// Other causes explain it as well, and they are listed too.
        Possible,
    }
}

twin! {
    /// Whose it is to mend.
    Owner of rdpdoctor_diagnosis::Owner {
        /// Who administers the Windows host.
        Host,
        /// Who sits at the client.
        Client,
        /// Who runs the network in between.
        Network,
        /// Who runs the RD Gateway.
        Gateway,
        /// Who runs the directory.
        Directory,
        /// Who runs the privileged access product.
        Pam,
        /// Who runs the cloud subscription.
        Cloud,
        /// The user.
        User,
    }
}

twin! {
    /// Where a remedy is carried out.
    Place of rdpdoctor_diagnosis::Where {
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
}

twin! {
    /// What a remedy may cost.
    Risk of rdpdoctor_diagnosis::Risk {
        /// Nobody notices.
        Low,
        /// Something is interrupted or has to be watched.
        Medium,
        /// It can make things worse or weakens protection for a while.
        High,
    }
}

impl Document {
    /// The document of a run that came to `diagnosis` from `observations`.
    pub fn new(run: RunContext, diagnosis: &Diagnosis, observations: Vec<Observation>) -> Self {
        let stages = summary::stages(&run, diagnosis, &observations);
        let texts = Texts::new(&run, &observations);
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "rdpdoctor".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                engine: run.engine,
            },
            verdict: texts.verdict(&diagnosis.verdict),
            stages,
            findings: diagnosis.findings.iter().map(|finding| texts.finding(finding)).collect(),
            next_tests: diagnosis.next_tests.iter().map(|test| texts.next_test(test)).collect(),
            attempts: Vec::new(),
            observations,
            target: TargetEntry {
                input: run.target.input,
                host: run.target.host,
                port: run.target.port,
                addresses: run.addresses,
                via: run.via,
            },
            started_at: run.started_at,
            elapsed_ms: run.elapsed_ms,
        }
    }

    /// The document as indented JSON with a final line end. Control and directional characters
    /// stand as escapes, so that it can be shown on a terminal.
    ///
    /// # Errors
    /// None that a document built here can cause; serialising is fallible by its type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = harmless::json(&serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text)
    }

    /// The same on one line, for many documents in one stream.
    ///
    /// # Errors
    /// As [`Document::to_json`].
    pub fn to_json_line(&self) -> Result<String, serde_json::Error> {
        let mut text = harmless::json(&serde_json::to_string(self)?);
        text.push('\n');
        Ok(text)
    }

    /// Reads a saved document; fields that this version does not know are passed over.
    ///
    /// # Errors
    /// When the text is no JSON or lacks what a document must have.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// The catalogue's texts with a run's values in them.
pub(crate) struct Texts<'a> {
    run: &'a RunContext,
    gateway: Option<String>,
    key_file: String,
}

impl<'a> Texts<'a> {
    /// The texts of a run in which this was seen.
    pub(crate) fn new(run: &'a RunContext, observations: &[Observation]) -> Self {
        /// The usual port of a gateway.
        const GATEWAY_PORT: u16 = 443;
        let gateway = gateway_place(observations).map(|place| place.place(GATEWAY_PORT));
        Self { run, gateway, key_file: key_file(observations) }
    }

    fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let target = &self.run.target;
        let address = self.run.addresses.first().map(ToString::to_string);
        text.replace("{host}", &target.host)
            .replace("{port}", &target.port.to_string())
            .replace("{target}", &target.input)
            .replace("{gateway}", self.gateway.as_deref().unwrap_or("the gateway"))
            .replace("{key_file}", &self.key_file)
            .replace("{address}", address.as_deref().unwrap_or(&target.host))
    }

    fn fill_all(&self, texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| self.fill(text)).collect()
    }

    fn verdict(&self, verdict: &rdpdoctor_diagnosis::Verdict) -> Verdict {
        let cause = verdict.cause;
        Verdict {
            status: verdict.status.into(),
            stage: verdict.stage,
            cause: cause.map(|cause| cause.id.to_string()),
            proof: verdict.proof.map(Proof::from),
            title: verdict.title.clone(),
            owner: cause.map(|cause| cause.owner.into()),
            excludes: cause.map(|cause| self.fill_all(cause.excludes)).unwrap_or_default(),
            client_shows: cause
                .iter()
                .flat_map(|cause| cause.client_shows)
                .map(|shown| ClientCode {
                    code: hex(shown.code),
                    extended: shown.extended.map(hex),
                    proof: shown.proof.into(),
                })
                .collect(),
            reported: verdict.reported.map(|reported| Reported {
                code: hex(reported.code),
                extended: reported.extended.map(hex),
                reproduced: reported.reproduced,
            }),
        }
    }

    pub(crate) fn remedies(&self, cause: &Cause) -> Vec<Remedy> {
        let remedy = |remedy: &rdpdoctor_diagnosis::Remedy| Remedy {
            id: remedy.id.to_owned(),
            place: remedy.place.into(),
            risk: remedy.risk.into(),
            title: self.fill(remedy.title),
            steps: self.fill_all(remedy.steps),
            interrupts: self.fill(remedy.interrupts),
            undo: self.fill_all(remedy.undo),
            verify: self.fill(remedy.verify),
        };
        cause.remedies.iter().map(remedy).collect()
    }

    pub(crate) fn next_test(&self, test: &rdpdoctor_diagnosis::NextTest) -> NextTest {
        NextTest { why: self.fill(test.why), command: self.fill(test.command) }
    }

    fn finding(&self, finding: &rdpdoctor_diagnosis::Finding) -> Finding {
        let cause = finding.cause;
        let mut remedies = self.remedies(cause);
        if finding.managed {
            remedies.sort_by_key(|remedy| remedy.place != Place::Policy);
        }
        Finding {
            cause: cause.id.to_string(),
            severity: finding.severity.into(),
            proof: finding.proof.into(),
            title: finding.title.clone(),
            explanation: finding.explanation.clone(),
            evidence: finding.evidence.clone(),
            remedies,
            references: cause.references.iter().map(ToString::to_string).collect(),
        }
    }
}

fn hex(code: u32) -> String {
    format!("{code:#x}")
}
