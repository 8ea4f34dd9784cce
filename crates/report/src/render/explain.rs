//! What a code means: on the terminal, as JSON, and the decision tree on a page.

use std::fmt::Write as _;

use rdpdoctor_diagnosis::Proof;
use rdpdoctor_diagnosis::codes::{Explanation, Query, Role, Tree};
use serde::Serialize;

use crate::harmless::wrap;
use crate::stage_label;

const COLUMNS: usize = 80;

/// The explanation as text of 80 columns.
pub fn text(explanation: &Explanation) -> String {
    let mut out = format!("{}\n", title(&explanation.query));
    if !explanation.found() {
        out.push_str("\n  Nothing is known of it.\n");
        if let Some(fallback) = explanation.fallback {
            item(&mut out, "Observed", &format!("{fallback}; no document says so"));
        }
        if !explanation.near.is_empty() {
            section(&mut out, "Did you mean");
            for near in &explanation.near {
                let name = near.entry.name.as_deref().unwrap_or_default();
                let text = format!("{name}: {} ({})", near.entry.meaning, near.reason.id());
                item(&mut out, &near.entry.number_text(), &text);
            }
        }
        return out;
    }
    // The exact pair comes first; what holds for the code alone would only repeat it.
    if let Some(pair) = explanation.pairs.first() {
        paragraph(&mut out, pair.means);
    }
    section(&mut out, "Officially");
    for meaning in &explanation.meanings {
        let entry = meaning.entry;
        let which = if meaning.role == Role::Extended { "extended: " } else { "" };
        let name = entry.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let text = format!(
            "{which}{name}{} ({}, {})",
            entry.meaning,
            entry.table.title(),
            if entry.verified.id() == "yes" {
                "checked against its source"
            } else {
                entry.verified.id()
            }
        );
        item(&mut out, &entry.number_text(), &text);
    }
    if !explanation.causes.is_empty() {
        section(&mut out, "Causes, the most usual first");
        for cause in &explanation.causes {
            let title = cause
                .cause
                .map_or_else(|| "not tested by this version".to_owned(), |c| general(c.title));
            item(&mut out, proof(cause.proof), &format!("{}: {title}", cause.id));
        }
    }
    if !explanation.first_checks.is_empty() {
        section(&mut out, "Check first");
        for (index, check) in explanation.first_checks.iter().enumerate() {
            let command = check.command.replace("{target}", "HOST").replace("{host}", "HOST");
            let command = command.replace("{port}", "3389");
            let _ = writeln!(out, "  {}. {command}", index + 1);
            for line in wrap(check.why, COLUMNS - 5) {
                let _ = writeln!(out, "     {line}");
            }
        }
    }
    let claims: Vec<_> = explanation.pairs.iter().flat_map(|pair| pair.claims).collect();
    if !claims.is_empty() {
        section(&mut out, "Only claimed about it");
        for claim in claims {
            item(&mut out, claim.verdict.id(), &format!("{}: {}", claim.claim, claim.why));
        }
    }
    if !explanation.refused.is_empty() {
        section(&mut out, "Advice not to follow");
        for advice in &explanation.refused {
            item(&mut out, "", &format!("{}: {}", advice.advice, advice.instead));
        }
    }
    out
}

fn title(query: &Query) -> String {
    match query {
        Query::Pair { code, extended } => {
            format!("Error code {code:#x} ({code}), extended error code {extended:#x} ({extended})")
        }
        Query::Number { number, .. } => format!("Code {number:#x} ({number})"),
        Query::Name(name) => name.clone(),
    }
}

/// A title without a target.
fn general(title: &str) -> String {
    let title = title.replace("{host}", "the host").replace("Port {port}", "The port");
    title.replace("port {port}", "its port").replace("{port}", "the port")
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{title}");
}

fn paragraph(out: &mut String, text: &str) {
    out.push('\n');
    for line in wrap(text, COLUMNS - 2) {
        let _ = writeln!(out, "  {line}");
    }
}

/// A label and a text behind it, wrapped below itself.
fn item(out: &mut String, label: &str, text: &str) {
    const TEXT_COLUMN: usize = 14;
    let label = if label.is_empty() { "-" } else { label };
    for (index, line) in wrap(text, COLUMNS - TEXT_COLUMN).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let _ = writeln!(out, "  {label:11} {line}");
    }
}

fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Proven => "proven",
        Proof::Likely => "likely",
        Proof::Possible => "possible",
    }
}

/// The decision tree as text.
pub fn tree(query: &Query, tree: &Tree) -> String {
    let mut out = format!("{}\n", title(query));
    if tree.branches.is_empty() {
        out.push_str("\n  No cause of the catalogue shows this code.\n");
        return out;
    }
    out.push_str("rdpdoctor check HOST: which stage fails?\n");
    let last_branch = tree.branches.len() - 1;
    for (index, branch) in tree.branches.iter().enumerate() {
        let (knot, bar) = if index == last_branch { ("└─", "  ") } else { ("├─", "│ ") };
        let _ = writeln!(out, "{knot} {}", stage_label(branch.stage));
        if let Some(fork) = branch.fork {
            for line in wrap(&format!("which one? {}", fork.test.why), COLUMNS - 6) {
                let _ = writeln!(out, "{bar}   {line}");
            }
        }
        let last = branch.outcomes.len() - 1;
        for (index, outcome) in branch.outcomes.iter().enumerate() {
            let (knot, inner) = if index == last { ("└─", "  ") } else { ("├─", "│ ") };
            let text = format!("{} ({})", outcome.cause.id, proof(outcome.proof));
            let _ = writeln!(out, "{bar}  {knot} {text}");
            for line in wrap(&general(outcome.cause.title), COLUMNS - 10) {
                let _ = writeln!(out, "{bar}  {inner}    {line}");
            }
        }
    }
    out
}

/// The decision tree as a page of its own.
pub fn tree_html(query: &Query, drawn: &Tree) -> String {
    let mut body = String::new();
    for branch in &drawn.branches {
        let _ = write!(body, "<li><b>{}</b>", escape(stage_label(branch.stage)));
        if let Some(fork) = branch.fork {
            let _ = write!(body, "<p>which one? {}</p>", escape(fork.test.why));
        }
        body.push_str("<ul>");
        for outcome in &branch.outcomes {
            let _ = write!(
                body,
                "<li><code>{}</code> ({})<br>{}</li>",
                outcome.cause.id,
                proof(outcome.proof),
                escape(&general(outcome.cause.title))
            );
        }
        body.push_str("</ul></li>");
    }
    let title = escape(&title(query));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 sans-serif;max-width:48rem;\
         margin:2rem auto;padding:0 1rem}}li{{margin:.5rem 0}}p{{margin:.2rem 0}}</style></head>\
         <body><h1>{title}</h1><p>Which stage fails, says <code>rdpdoctor check HOST</code>:</p>\
         <ol>{body}</ol></body></html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[derive(Serialize)]
struct Page<'a> {
    schema_version: u32,
    tool: Tool,
    query: String,
    found: bool,
    meanings: Vec<MeaningEntry<'a>>,
    claims: Vec<ClaimEntry<'a>>,
    causes: Vec<CauseEntry<'a>>,
    first_checks: Vec<CheckEntry<'a>>,
    near: Vec<NearEntry<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct MeaningEntry<'a> {
    role: &'static str,
    table: &'static str,
    number: String,
    name: Option<&'a str>,
    meaning: &'a str,
    verified: &'static str,
    source: &'a str,
}

#[derive(Serialize)]
struct ClaimEntry<'a> {
    claim: &'a str,
    verdict: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
struct CauseEntry<'a> {
    cause: &'a str,
    proof: &'static str,
    title: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckEntry<'a> {
    why: &'a str,
    command: &'a str,
}

#[derive(Serialize)]
struct NearEntry<'a> {
    number: String,
    name: Option<&'a str>,
    meaning: &'a str,
    reason: &'static str,
}

/// The explanation as one JSON document.
///
/// # Errors
/// None that an explanation can cause; serialising is fallible by its type.
pub fn json(explanation: &Explanation) -> Result<String, serde_json::Error> {
    let page = Page {
        schema_version: crate::document::SCHEMA_VERSION,
        tool: Tool { name: "rdpdoctor", version: env!("CARGO_PKG_VERSION") },
        query: title(&explanation.query),
        found: explanation.found(),
        meanings: explanation
            .meanings
            .iter()
            .map(|meaning| MeaningEntry {
                role: if meaning.role == Role::Extended { "extended" } else { "code" },
                table: meaning.entry.table.id(),
                number: meaning.entry.number_text(),
                name: meaning.entry.name.as_deref(),
                meaning: &meaning.entry.meaning,
                verified: meaning.entry.verified.id(),
                source: &meaning.entry.source,
            })
            .collect(),
        claims: explanation
            .pairs
            .iter()
            .flat_map(|pair| pair.claims)
            .map(|c| ClaimEntry { claim: c.claim, verdict: c.verdict.id(), why: c.why })
            .collect(),
        causes: explanation
            .causes
            .iter()
            .map(|c| CauseEntry {
                cause: c.id.0,
                proof: proof(c.proof),
                title: c.cause.map(|cause| cause.title),
            })
            .collect(),
        first_checks: explanation
            .first_checks
            .iter()
            .map(|check| CheckEntry { why: check.why, command: check.command })
            .collect(),
        near: explanation
            .near
            .iter()
            .map(|near| NearEntry {
                number: near.entry.number_text(),
                name: near.entry.name.as_deref(),
                meaning: &near.entry.meaning,
                reason: near.reason.id(),
            })
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&page)? + "\n")
}
