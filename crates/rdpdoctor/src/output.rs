//! Where answers and complaints go.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use rdpdoctor_report::render::{html, terminal, text};
use rdpdoctor_report::{Document, Masker};

use crate::cli::{OutputArgs, TextKind};

/// One line on standard error.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "rdpdoctor: {line}");
}

/// Gives the answer in the form asked for, where asked for.
pub fn deliver(document: &Document, args: &OutputArgs) -> anyhow::Result<()> {
    let masked;
    let document = if args.mask {
        masked = Masker::of(document)?.mask(document)?;
        &masked
    } else {
        document
    };
    // The answer itself comes first: a page that cannot be written must not keep it back.
    answer(document, args)?;
    match &args.html {
        Some(file) => write(file, &html::render(document)?),
        None => Ok(()),
    }
}

/// Says what a mended copy changed, behind the answer; beside it where the answer is for programs.
pub fn deliver_difference(difference: &str, args: &OutputArgs) -> anyhow::Result<()> {
    // Lines of a file may hold what drives a terminal.
    let plain: String =
        difference.chars().map(|c| if c.is_control() && c != '\n' { '?' } else { c }).collect();
    if args.json || args.text.is_some() {
        let _ = std::io::stderr().write_all(plain.as_bytes());
        return Ok(());
    }
    to_standard_output(&plain)
}

fn answer(document: &Document, args: &OutputArgs) -> anyhow::Result<()> {
    let answer = if args.json {
        document.to_json()?
    } else {
        match args.text {
            Some(TextKind::Ticket) => text::ticket(document),
            Some(TextKind::Network) => text::network(document),
            None => on_terminal(document, args),
        }
    };
    match &args.output {
        Some(file) => {
            std::fs::write(file, answer).with_context(|| format!("cannot write {}", file.display()))
        }
        None => to_standard_output(&answer),
    }
}

/// Writes a file of the user's choice.
pub fn write(file: &Path, content: &str) -> anyhow::Result<()> {
    std::fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

/// Writes to standard output; a reader that has left is no error.
pub fn to_standard_output(answer: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(answer.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

fn on_terminal(document: &Document, args: &OutputArgs) -> String {
    let view = if args.details { terminal::View::Details } else { terminal::View::Short };
    let style = style(args.output.as_deref(), args.no_color);
    terminal::render(document, view, style, terminal::DEFAULT_WIDTH)
}

/// Colours only where a person looks, and did not say no.
pub fn style(file: Option<&Path>, no_color: bool) -> terminal::Style {
    let coloured = file.is_none()
        && !no_color
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stdout().is_terminal()
        && crate::console::shows_colours();
    if coloured { terminal::Style::Ansi } else { terminal::Style::Plain }
}
