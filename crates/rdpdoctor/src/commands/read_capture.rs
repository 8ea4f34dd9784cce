//! `read` of packet captures: an attempt after the other is judged, and the worst one answers.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_files::pcap::{self, KeyLog};
use rdpdoctor_model::{Fact, Observation, ObservationId, Origin, Source, Stage};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Attempt, Engine, RunContext, Status};

use crate::cli::ReadArgs;

/// A log of secrets is a few hundred bytes a connection.
const LONGEST_KEY_LOG: u64 = 64 * 1024 * 1024;

/// The answer that captures give.
pub fn document(files: &[&Path], args: &ReadArgs) -> anyhow::Result<Document> {
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    let mut documents = Vec::new();
    for file in files {
        documents.extend(judged(file, args, reported)?);
    }
    answer(documents, args.last).with_context(|| {
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        format!("no Remote Desktop connection in {}", names.join(", "))
    })
}

type Reported = Option<(u32, Option<u32>)>;

/// A document for each attempt in a file.
fn judged(file: &Path, args: &ReadArgs, reported: Reported) -> anyhow::Result<Vec<Document>> {
    let name = file.display().to_string();
    let opened = File::open(file).with_context(|| format!("cannot read {name}"))?;
    let capture = match pcap::read(opened, &name, key_log(args)?) {
        Ok(capture) => capture,
        Err(problem) => bail!("{name}: {problem}"),
    };
    let documents = capture.attempts.into_iter().map(|attempt| {
        let mut observations = attempt.observations;
        for what in &capture.notes {
            let fact = Fact::CaptureIncomplete { what: what.clone() };
            let origin = Some(Origin { file: name.clone(), frame: None });
            added(&mut observations, Source::Capture, Stage::Network, origin, fact);
        }
        if let Some((code, extended)) = reported {
            let fact = Fact::ReportedCode { code, extended };
            added(&mut observations, Source::User, Stage::Client, None, fact);
        }
        // What was valid then counts, not what is valid today.
        let judged_at = attempt.started_at;
        let policy = Policy::default();
        let evidence = Evidence::new(&observations, Some(&attempt.target), judged_at, policy);
        let diagnosis = diagnose(&evidence);
        let run = RunContext {
            target: attempt.target,
            addresses: attempt.addresses,
            via: None,
            started_at: attempt.started_at,
            elapsed_ms: attempt.elapsed_ms,
            engine: Engine::Portable,
            last_stage_asked: Some(Stage::Desktop),
        };
        Document::new(run, &diagnosis, observations)
    });
    Ok(documents.collect())
}

/// An observation that is not in the frames.
fn added(
    observations: &mut Vec<Observation>,
    source: Source,
    stage: Stage,
    origin: Option<Origin>,
    fact: Fact,
) {
    let id = ObservationId::numbered(observations.len() + 1);
    let connection = None;
    observations.push(Observation {
        id,
        source,
        stage,
        at: None,
        at_ms: 0,
        origin,
        connection,
        fact,
    });
}

/// The worst attempt, or the last one, with all of them where there are several.
fn answer(documents: Vec<Document>, last: bool) -> Option<Document> {
    let chosen = if last {
        documents.len().checked_sub(1)?
    } else {
        let worst = documents.iter().map(|document| badness(document.verdict.status)).max()?;
        documents.iter().position(|document| badness(document.verdict.status) == worst)?
    };
    let attempts = match documents.len() {
        1 => Vec::new(),
        _ => documents.iter().map(attempt).collect(),
    };
    let document = documents.into_iter().nth(chosen)?;
    Some(Document { attempts, ..document })
}

fn badness(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Unknown => 1,
        Status::Degraded => 2,
        Status::Failed => 3,
    }
}

fn attempt(document: &Document) -> Attempt {
    let document = document.clone();
    Attempt {
        target: document.target,
        verdict: document.verdict,
        stages: document.stages,
        findings: document.findings,
        observations: document.observations,
    }
}

fn key_log(args: &ReadArgs) -> anyhow::Result<KeyLog> {
    let mut secrets = KeyLog::new();
    if let Some(file) = &args.keylog {
        let mut text = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(LONGEST_KEY_LOG).read_to_end(&mut text))
            .with_context(|| format!("cannot read {}", file.display()))?;
        secrets.read(&text);
        // Where no handshake came so far the log is empty, and that is no mistake.
        let wrong = secrets.is_empty() && !text.is_empty();
        text.fill(0);
        if wrong {
            bail!("{} holds no secrets of TLS (SSLKEYLOGFILE)", file.display());
        }
    }
    Ok(secrets)
}
