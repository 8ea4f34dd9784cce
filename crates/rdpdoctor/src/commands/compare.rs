//! `compare`: what separates saved documents, and which cause that points to.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use rdpdoctor_files::Kind;
use rdpdoctor_report::comparison::SavedRun;
use rdpdoctor_report::document::{Attempt, Status};
use rdpdoctor_report::render::{comparison, terminal};
use rdpdoctor_report::watch::is_watch;
use rdpdoctor_report::{ComparisonDocument, Document};

use super::read::{judged_at, saved};
use crate::cli::CompareArgs;
use crate::evidence_file;
use crate::output;

/// Exit codes: nothing differs that matters, something does.
const ALIKE: u8 = 0;
const DIFFERENT: u8 = 1;

/// Reads the documents, holds them side by side and gives the answer.
pub fn run(args: &CompareArgs) -> anyhow::Result<u8> {
    let (first, second, names) = match args.files.as_slice() {
        [first, second] => (std::slice::from_ref(first), std::slice::from_ref(second), ["A", "B"]),
        _ => (args.good.as_slice(), args.bad.as_slice(), ["good", "bad"]),
    };
    let wanted = match args.files.is_empty() {
        true => [Some(Wanted::Good), Some(Wanted::Bad)],
        false => [None, None],
    };
    let (first, second) = (read(first, wanted[0])?, read(second, wanted[1])?);
    let document = ComparisonDocument::of(&first, &second, names)
        .context("nothing was seen on both sides, so there is nothing to compare")?;
    let code = if document.verdict.different { DIFFERENT } else { ALIKE };
    let document = if args.output.mask { document.masked(&[&first, &second])? } else { document };
    deliver(&document, args)?;
    Ok(code)
}

/// Which tries of a watch are meant.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Those that went well.
    Good,
    /// Those that did not.
    Bad,
}

fn read(files: &[PathBuf], wanted: Option<Wanted>) -> anyhow::Result<Vec<SavedRun>> {
    let one = |path: &PathBuf| {
        let kind = evidence_file::kind(path)?;
        let name = path.display();
        ensure!(
            kind == Kind::Document,
            "{name} is {kind}; compare takes documents saved with check --json -o"
        );
        let document = saved(path, None)?;
        ensure!(!document.observations.is_empty(), "{name} holds no observation to compare");
        Ok(runs(&name.to_string(), document, wanted))
    };
    let runs: Vec<Vec<SavedRun>> = files.iter().map(one).collect::<anyhow::Result<_>>()?;
    Ok(runs.into_iter().flatten().collect())
}

/// The runs of a document: itself, or, of a watch, its tries that went as wanted.
fn runs(name: &str, document: Document, wanted: Option<Wanted>) -> Vec<SavedRun> {
    let fits = |attempt: &&Attempt| {
        let good = matches!(attempt.verdict.status, Status::Ok | Status::Degraded);
        wanted == Some(if good { Wanted::Good } else { Wanted::Bad })
    };
    let tries: Vec<SavedRun> = match is_watch(&document.observations) {
        true => document
            .attempts
            .iter()
            .filter(fits)
            .map(|one| try_as_run(name, &document, one))
            .collect(),
        false => Vec::new(),
    };
    match tries.is_empty() {
        true => vec![SavedRun { file: name.to_owned(), document }],
        false => tries,
    }
}

/// A try of a watch as a run of its own.
fn try_as_run(name: &str, watch: &Document, attempt: &Attempt) -> SavedRun {
    let one = attempt.clone();
    let document = Document {
        target: one.target,
        started_at: judged_at(watch, attempt),
        verdict: one.verdict,
        stages: one.stages,
        findings: one.findings,
        next_tests: Vec::new(),
        attempts: Vec::new(),
        observations: one.observations,
        ..watch.clone()
    };
    SavedRun { file: name.to_owned(), document }
}

fn deliver(document: &ComparisonDocument, args: &CompareArgs) -> anyhow::Result<()> {
    let output = &args.output;
    let answer = if output.json {
        document.to_json()?
    } else {
        let view = if output.details { terminal::View::Details } else { terminal::View::Short };
        let style = output::style(output.output.as_deref(), output.no_color);
        comparison::terminal(document, view, style, terminal::DEFAULT_WIDTH)
    };
    match &output.output {
        Some(file) => output::write(file, &answer)?,
        None => output::to_standard_output(&answer)?,
    }
    match &output.html {
        Some(file) => output::write(file, &comparison::html(document)?),
        None => Ok(()),
    }
}
