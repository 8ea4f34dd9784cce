//! `read` of packet captures: each attempt in them is judged by itself.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use rayon::prelude::*;
use rdpdoctor_diagnosis::Diagnosis;
use rdpdoctor_files::pcap::{self, KeyLog};
use rdpdoctor_model::{Fact, Observation, ObservationId, Origin, Source, Stage};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext};

use super::read::{ReportedCode, Weight, diagnosis, leading_of, report};
use crate::cli::ReadArgs;
use crate::{output, progress};

/// A log of secrets is a few hundred bytes a connection.
const LONGEST_KEY_LOG: u64 = 64 * 1024 * 1024;

/// Attempts of a capture that are listed; each has its own facts, findings and words.
const MOST_LISTED: usize = 300;

/// The attempts in a capture, each with what could not be looked at in the file.
pub fn attempts(path: &Path, args: &ReadArgs) -> anyhow::Result<Vec<pcap::Attempt>> {
    let name = path.display().to_string();
    let opened = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let followed = progress::followed(opened, &name, args.output.quiet);
    let capture = match pcap::read(followed, &name, key_log(args)?) {
        Ok(capture) => capture,
        Err(problem) => bail!("{name}: {problem}"),
    };
    if capture.attempts.is_empty() {
        let notes: String = capture.notes.iter().map(|note| format!("; {note}")).collect();
        let nothing = format!("no Remote Desktop connection in {name}{notes}");
        if args.files.len() == 1 {
            bail!("{nothing}");
        }
        output::complain(&nothing);
    }
    let mut attempts = capture.attempts;
    for attempt in &mut attempts {
        let before = attempt.observations.len();
        attempt.observations.extend(notes(&capture.notes, &name, before));
    }
    Ok(attempts)
}

/// A document for each attempt of the capture of that name, the newest ones of many.
pub fn judged(
    attempts: Vec<pcap::Attempt>,
    name: &str,
    last: bool,
    reported: ReportedCode,
) -> Vec<Document> {
    let mut listed: VecDeque<Judged> = VecDeque::new();
    let leading = |listed: &VecDeque<Judged>| leading_of(listed.iter().map(|one| one.weight), last);
    let mut unlisted = 0_u32;
    let mut attempts = attempts.into_iter();
    loop {
        // Each is judged by itself, and no more of them than are listed at a time.
        let next: Vec<_> = attempts.by_ref().take(MOST_LISTED).collect();
        if next.is_empty() {
            break;
        }
        let judged: Vec<_> =
            next.into_par_iter().map(|attempt| Judged::of(attempt, reported)).collect();
        for one in judged {
            listed.push_back(one);
            if listed.len() > MOST_LISTED {
                // The one that answers stays, however old it is.
                listed.remove(usize::from(leading(&listed) == 0));
                unlisted += 1;
            }
        }
    }
    let leading = leading(&listed);
    let mut documents: Vec<Document> =
        Vec::from(listed).into_par_iter().map(Judged::document).collect();
    if let Some(document) = documents.get_mut(leading).filter(|_| unlisted > 0) {
        let what = [format!("{unlisted} more attempts, which are not listed")];
        let all = &mut document.observations;
        let note: Vec<Observation> = notes(&what, name, all.len()).collect();
        all.extend(note);
    }
    documents
}

/// An attempt and what it comes to; only those that are listed become documents.
struct Judged {
    attempt: pcap::Attempt,
    diagnosis: Diagnosis,
    weight: Weight,
}

impl Judged {
    fn of(mut attempt: pcap::Attempt, reported: ReportedCode) -> Self {
        let observations = &mut attempt.observations;
        report(observations, reported);
        let diagnosis = diagnosis(&attempt.target, attempt.started_at, observations);
        let weight = Weight::of(diagnosis.verdict.status.into(), observations);
        Self { attempt, diagnosis, weight }
    }

    fn document(self) -> Document {
        let Self { attempt, diagnosis, .. } = self;
        let run = RunContext {
            target: attempt.target,
            addresses: attempt.addresses,
            via: attempt.via,
            // What was valid then counts, not what is valid today.
            started_at: attempt.started_at,
            elapsed_ms: attempt.elapsed_ms,
            engine: Engine::Portable,
            last_stage_asked: Some(Stage::Desktop),
        };
        Document::new(run, &diagnosis, attempt.observations)
    }
}

/// What could not be looked at in the file.
fn notes<'a>(
    notes: &'a [String],
    file: &'a str,
    before: usize,
) -> impl Iterator<Item = Observation> + 'a {
    notes.iter().enumerate().map(move |(index, what)| Observation {
        id: ObservationId::numbered(before + index + 1),
        source: Source::Capture,
        stage: Stage::Network,
        at: None,
        at_ms: 0,
        origin: Some(Origin { file: file.to_owned(), frame: None }),
        connection: None,
        fact: Fact::CaptureIncomplete { what: what.clone() },
    })
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
