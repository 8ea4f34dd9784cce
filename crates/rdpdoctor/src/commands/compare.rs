//! `compare`: what separates saved documents, and which cause that points to.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use rdpdoctor_files::Kind;
use rdpdoctor_report::ComparisonDocument;
use rdpdoctor_report::comparison::SavedRun;
use rdpdoctor_report::render::{comparison, terminal};

use super::read::saved;
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
    let (first, second) = (read(first)?, read(second)?);
    let document = ComparisonDocument::of(&first, &second, names)
        .context("nothing was seen on both sides, so there is nothing to compare")?;
    let code = if document.verdict.different { DIFFERENT } else { ALIKE };
    let document = if args.output.mask { document.masked(&[&first, &second])? } else { document };
    deliver(&document, args)?;
    Ok(code)
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<SavedRun>> {
    let one = |path: &PathBuf| {
        let kind = evidence_file::kind(path)?;
        let name = path.display();
        ensure!(
            kind == Kind::Document,
            "{name} is {kind}; compare takes documents saved with check --json -o"
        );
        let document = saved(path, None)?;
        ensure!(!document.observations.is_empty(), "{name} holds no observation to compare");
        Ok(SavedRun { file: name.to_string(), document })
    };
    files.iter().map(one).collect()
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
