//! `read`: the same diagnosis from evidence on disk.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Diagnosis, Evidence, Policy, RequiredSecurity, diagnose};
use rdpdoctor_files::{Kind, cloud, pcap, text};
use rdpdoctor_model::{
    DEFAULT_PORT, Fact, Negotiation, Observation, ObservationId, Origin, Source, Stage,
    StageOutcome, Target, Timestamp,
};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Attempt, Engine, RunContext, SCHEMA_VERSION, Status};
use rdpdoctor_report::watch::is_watch;

use super::{exit_code, read_capture, read_logs};
use crate::bastion_list::BastionList;
use crate::cli::ReadArgs;
use crate::event_logs::{self, GivenLog};
use crate::evidence_file;
use crate::joined;
use crate::machine::MachineFacts;
use crate::output;
use crate::rdp_file::{self, GivenFile};

/// Longest saved document. One of a check has some 100 KB.
const LONGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// What `--reported` says.
pub type ReportedCode = Option<(u32, Option<u32>)>;

/// Reads the files, judges what is in them and answers as `check` does.
pub fn run(args: &ReadArgs) -> anyhow::Result<u8> {
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    rdp_file::may_write(args.fixed.as_ref())?;
    let bastions = BastionList::open(args.bastions.as_deref(), args.output.quiet)?;
    let mut given = Given::read(args, reported)?;
    let files = std::mem::take(&mut given.files);
    let documents = given.judged(args, reported)?;
    let documents = documents.into_iter().map(|document| with_bastions(document, &bastions));
    let document = combined(documents.collect(), args.last).context("there is nothing to judge")?;
    let difference = match (&args.fixed, files.as_slice()) {
        (None, _) => None,
        (Some(copy), [file]) => Some(file.write_mended(copy, args.output.mask)?),
        (Some(_), _) => bail!("--fixed takes one .rdp file, and {} were given", files.len()),
    };
    output::deliver(&document, &args.output)?;
    if let Some(difference) = difference {
        output::deliver_difference(&difference, &args.output)?;
    }
    Ok(exit_code(&document))
}

/// What was given, by its kind.
#[derive(Default)]
struct Given<'a> {
    documents: Vec<Document>,
    files: Vec<GivenFile>,
    logs: Vec<GivenLog>,
    facts: Vec<&'a Path>,
    captures: Vec<pcap::Attempt>,
    /// A capture's name, behind how many documents it was named, and how many attempts it holds.
    captured: Vec<(String, usize, usize)>,
}

impl<'a> Given<'a> {
    fn read(args: &'a ReadArgs, reported: ReportedCode) -> anyhow::Result<Self> {
        let mut given = Self::default();
        for path in &args.files {
            match evidence_file::kind(path)? {
                Kind::Document => given.documents.push(saved(path, reported)?),
                Kind::Pcap | Kind::PcapNg => {
                    let attempts = read_capture::attempts(path, args)?;
                    let (name, place) = (path.display().to_string(), given.documents.len());
                    given.captured.push((name, place, attempts.len()));
                    given.captures.extend(attempts);
                }
                Kind::Facts => given.facts.push(path),
                Kind::CloudRules => given.documents.push(cloud_rules(path, reported)?),
                Kind::Evtx => given.logs.push(GivenLog::read(path, args.output.quiet)?),
                kind if is_rdp_file(kind, path) => {
                    let file = GivenFile::read(path)?;
                    given.documents.push(judged(&file, file.observations(0), reported, None));
                    given.files.push(file);
                }
                kind => bail!("{}", refusal(kind, path)),
            }
        }
        Ok(given)
    }

    /// A document for each attempt; what tells of the same one is judged together.
    fn judged(self, args: &ReadArgs, reported: ReportedCode) -> anyhow::Result<Vec<Document>> {
        let (mut documents, mut captures) = (self.documents, self.captures);
        let machines = MachineFacts::read(&self.facts)?;
        if !args.output.quiet {
            self.logs.iter().filter_map(GivenLog::lost).for_each(|lost| output::complain(&lost));
        }
        let (mut logged, older) = match self.logs.as_slice() {
            [] => (Vec::new(), 0),
            logs => event_logs::logged(logs),
        };
        // Tens of thousands of entries are taken apart beside the judging.
        let logs = self.logs;
        rayon::spawn(move || drop(logs));
        let user = joined::join_incident(&mut captures, &mut logged);
        joined::join_logs(&mut logged);
        let machines = joined::join_machines(&mut captures, &mut logged, machines);
        for (name, place, count) in self.captured.into_iter().rev() {
            let own = captures.split_off(captures.len().saturating_sub(count));
            let own = read_capture::judged(own, &name, args.last, reported);
            documents.splice(place..place, own);
        }
        documents.extend(machines.iter().map(|machine| machine.judged(reported)));
        if !logged.is_empty() {
            documents.extend(read_logs::documents(logged, older, user, reported, args));
        }
        Ok(documents)
    }
}

/// By content; a file that is named so and has no setting in it is a broken one.
fn is_rdp_file(kind: Kind, path: &Path) -> bool {
    match kind {
        Kind::RdpFile => true,
        Kind::Text | Kind::Empty => rdp_file::has_extension(path),
        _ => false,
    }
}

/// What cannot be read, and what to do.
fn refusal(kind: Kind, path: &Path) -> String {
    let what_to_do = match kind {
        Kind::Packed => "; unpack it first",
        Kind::Empty => "; there is nothing to read",
        Kind::Text | Kind::Unknown => {
            "; give a capture, an event log, an .rdp file or a saved document"
        }
        _ => ", which this version cannot read yet",
    };
    format!("{} is {kind}{what_to_do}", path.display())
}

// ── .rdp files ──────────────────────────────────────────────────────────────────────────────────

/// The document of an `.rdp` file without a connection; `asked` is how far one was wanted.
pub fn judged(
    file: &GivenFile,
    mut observations: Vec<Observation>,
    reported: ReportedCode,
    asked: Option<Stage>,
) -> Document {
    let target = file.target();
    let addresses = target.address().into_iter().collect();
    report(&mut observations, reported);
    let run = RunContext {
        target,
        addresses,
        via: None,
        started_at: Timestamp::now(),
        elapsed_ms: 0,
        engine: Engine::Portable,
        last_stage_asked: asked,
    };
    judge(run, observations)
}

/// Adds what the user's client showed; what was said before gives way.
pub fn report(observations: &mut Vec<Observation>, reported: ReportedCode) {
    let Some((code, extended)) = reported else { return };
    observations.retain(|o| !matches!(o.fact, Fact::ReportedCode { .. }));
    let taken = |number: usize| {
        let id = ObservationId::numbered(number);
        observations.iter().any(|o| o.id == id)
    };
    let number = (observations.len() + 1..).find(|&number| !taken(number)).unwrap_or_default();
    observations.push(Observation {
        id: ObservationId::numbered(number),
        source: Source::User,
        stage: Stage::Client,
        at: None,
        at_ms: 0,
        origin: None,
        connection: None,
        fact: Fact::ReportedCode { code, extended },
    });
}

/// The document of what was seen, judged as of its beginning.
pub fn judge(run: RunContext, observations: Vec<Observation>) -> Document {
    let diagnosis = diagnosis(&run.target, run.started_at, &observations);
    Document::new(run, &diagnosis, observations)
}

/// What was seen, judged as of this moment.
pub fn diagnosis(target: &Target, at: Timestamp, observations: &[Observation]) -> Diagnosis {
    let target = Some(target).filter(|target| !target.host.is_empty());
    let evidence = Evidence::new(observations, target, at, policy(observations));
    diagnose(&evidence)
}

/// What a captured client insisted on: one that offers Standard RDP Security alone from the
/// beginning says nothing about what else the server takes, and so does one whose offer nobody saw.
fn policy(observations: &[Observation]) -> Policy {
    let mut captured = observations.iter().filter(|o| o.source == Source::Capture);
    let offers = captured.clone().find_map(|o| match o.fact {
        Fact::ConnectionRequest { requested_protocols, .. } => {
            Some(requested_protocols.unwrap_or(0))
        }
        _ => None,
    });
    let takes_none = |o: &Observation| {
        use Negotiation::{None, Response};
        let Fact::ConnectionConfirm { negotiation } = o.fact else { return false };
        matches!(negotiation, None | Response { selected_protocol: 0, .. })
    };
    let security = match offers {
        Some(0) => RequiredSecurity::Rdp,
        None if captured.any(takes_none) => RequiredSecurity::Rdp,
        _ => RequiredSecurity::Auto,
    };
    Policy { security, ..Policy::default() }
}

// ── cloud listings ──────────────────────────────────────────────────────────────────────────────

/// The document of a cloud's listing of rules.
fn cloud_rules(path: &Path, reported: ReportedCode) -> anyhow::Result<Document> {
    let name = path.display().to_string();
    let bytes = evidence_file::bytes(path, cloud::LONGEST + 1)?;
    ensure!(bytes.len() as u64 <= cloud::LONGEST, "{name} is longer than any listing of rules");
    let mut facts = cloud::facts(text::decode(&bytes).text.trim());
    ensure!(
        !facts.is_empty(),
        "{name} is a cloud's listing without rules that rdpdoctor can read; give the JSON of az \
         network nic list-effective-nsg, aws ec2 describe-security-groups or gcloud compute \
         firewall-rules list"
    );
    facts.push(Fact::StageEnded {
        outcome: StageOutcome::Passed,
        reason: Some("the cloud's rules were read; the connection was not tried".to_owned()),
        elapsed_ms: 0.0,
    });
    let observation = |(index, fact): (usize, Fact)| Observation {
        id: ObservationId::numbered(index + 1),
        source: Source::Cloud,
        stage: if matches!(fact, Fact::StageEnded { .. }) { Stage::Network } else { Stage::Tcp },
        at: None,
        at_ms: 0,
        origin: Some(Origin { file: name.clone(), frame: None }),
        connection: None,
        fact,
    };
    let mut observations: Vec<Observation> =
        facts.into_iter().enumerate().map(observation).collect();
    report(&mut observations, reported);
    let run = RunContext {
        target: Target { input: name, host: String::new(), port: DEFAULT_PORT },
        addresses: Vec::new(),
        via: None,
        started_at: Timestamp::now(),
        elapsed_ms: 0,
        engine: Engine::Portable,
        last_stage_asked: None,
    };
    Ok(judge(run, observations))
}

// ── saved documents ─────────────────────────────────────────────────────────────────────────────

/// A saved document, judged again with today's rules.
pub fn saved(path: &Path, reported: ReportedCode) -> anyhow::Result<Document> {
    let name = path.display();
    let bytes = evidence_file::bytes(path, LONGEST_DOCUMENT + 1)?;
    ensure!(bytes.len() as u64 <= LONGEST_DOCUMENT, "{name} is longer than any document");
    let text = text::decode(&bytes).text;
    let document = Document::from_json(text.trim())
        .with_context(|| format!("{name} is no whole rdpdoctor document"))?;
    ensure!(
        document.schema_version == SCHEMA_VERSION,
        "{name} is a document of version {}; this rdpdoctor reads version {SCHEMA_VERSION}",
        document.schema_version
    );
    if document.attempts.is_empty() {
        return Ok(again(&document, &attempt(&document), reported));
    }
    let judged = document.attempts.iter().map(|one| again(&document, one, reported)).collect();
    // The whole of a watch stands behind its tries, and is its answer.
    let mut judged = combined(judged, is_watch(&document.observations))
        .with_context(|| format!("{name} holds nothing to judge"))?;
    judged.started_at = document.started_at;
    Ok(judged)
}

/// The moment to judge by: a certificate may run out while it is watched.
pub fn judged_at(saved: &Document, attempt: &Attempt) -> Timestamp {
    let made = attempt.observations.iter().filter(|o| matches!(o.fact, Fact::Connection { .. }));
    let made = made.filter_map(|o| o.at).min().filter(|_| is_watch(&saved.observations));
    made.unwrap_or(saved.started_at)
}

/// Judged again with what of the list of bastions fits it.
fn with_bastions(document: Document, bastions: &BastionList) -> Document {
    if bastions.is_empty() {
        return document;
    }
    let judged = |mut one: Attempt| {
        let target = Target {
            input: one.target.input.clone(),
            host: one.target.host.clone(),
            port: one.target.port,
        };
        let fits = bastions.add_fitting(&target, document.started_at, &mut one.observations);
        fits.then(|| again(&document, &one, None))
    };
    let mut leading = judged(attempt(&document)).unwrap_or_else(|| document.clone());
    leading.started_at = document.started_at;
    let attempts = document.attempts.iter().cloned();
    leading.attempts =
        attempts.map(|one| judged(one.clone()).as_ref().map_or(one, attempt)).collect();
    leading
}

fn again(saved: &Document, attempt: &Attempt, reported: ReportedCode) -> Document {
    let mut observations = attempt.observations.clone();
    report(&mut observations, reported);
    let target = attempt.target.clone();
    let run = RunContext {
        target: Target { input: target.input, host: target.host, port: target.port },
        addresses: target.addresses,
        via: target.via,
        started_at: judged_at(saved, attempt),
        elapsed_ms: saved.elapsed_ms,
        engine: saved.tool.engine,
        last_stage_asked: last_stage_asked(attempt),
    };
    judge(run, observations)
}

/// How far the saved try was asked to go: to the last stage that it lists without having begun it.
fn last_stage_asked(attempt: &Attempt) -> Option<Stage> {
    let reported = |stage| {
        attempt
            .observations
            .iter()
            .any(|o| o.stage == stage && matches!(o.fact, Fact::StageEnded { .. }))
    };
    let probed = attempt.observations.iter().any(|o| o.source == Source::Probe);
    let unbegun = attempt.stages.iter().map(|entry| entry.stage).filter(|&stage| !reported(stage));
    unbegun.max().or(probed.then_some(Stage::Desktop))
}

// ── several ─────────────────────────────────────────────────────────────────────────────────────

/// One document of several: the worst one's answer, or the last one's, and all as attempts.
fn combined(mut documents: Vec<Document>, last: bool) -> Option<Document> {
    if documents.len() < 2 {
        return documents.pop();
    }
    let attempts = documents.iter().flat_map(attempts).collect();
    let leading = leading(&documents, last);
    let mut document = documents.swap_remove(leading);
    document.attempts = attempts;
    Some(document)
}

/// The document that answers.
pub fn leading<'a>(documents: impl IntoIterator<Item = &'a Document>, last: bool) -> usize {
    let weight = |one: &Document| Weight::of(one.verdict.status, &one.observations);
    leading_of(documents.into_iter().map(weight), last)
}

/// How much an attempt weighs beside others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    pub status: Status,
    /// When a log has its last entry.
    logged_at: Option<Timestamp>,
}

impl Weight {
    /// That of an attempt that comes to this.
    pub fn of(status: Status, observations: &[Observation]) -> Self {
        let entries = observations.iter().filter(|o| o.source == Source::EventLog);
        Self { status, logged_at: entries.filter_map(|entry| entry.at).max() }
    }
}

/// The attempt that answers: the worst one or the last. Of equals it is the first, and of attempts
/// in a log the latest.
pub fn leading_of(weights: impl IntoIterator<Item = Weight>, last: bool) -> usize {
    let weights: Vec<Weight> = weights.into_iter().collect();
    if last {
        return weights.len().saturating_sub(1);
    }
    let worst = |(_, weight): &(usize, &Weight)| (badness(weight.status), weight.logged_at);
    weights.iter().enumerate().rev().max_by_key(worst).map_or(0, |(place, _)| place)
}

/// The attempts that a document holds: itself, where it is one.
fn attempts(document: &Document) -> Vec<Attempt> {
    match document.attempts.as_slice() {
        [] => vec![attempt(document)],
        several => several.to_vec(),
    }
}

/// A document as an attempt of another one.
pub fn attempt(document: &Document) -> Attempt {
    Attempt {
        target: document.target.clone(),
        verdict: document.verdict.clone(),
        stages: document.stages.clone(),
        findings: document.findings.clone(),
        observations: document.observations.clone(),
    }
}

/// A failure is worse than a warning, and that than what could not be decided: a connection that was
/// broken off to ask for a password, or that nobody can look into, says least.
fn badness(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Unknown => 1,
        Status::Degraded => 2,
        Status::Failed => 3,
    }
}
