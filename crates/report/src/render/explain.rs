//! What a code means: on the terminal, as JSON, and the decision tree on a page.

use std::fmt::Write as _;

use rdpdoctor_diagnosis::Proof;
use rdpdoctor_diagnosis::codes::{
    Explanation, Meaning, Near, Query, Role, Table, Tree, in_general,
};
use serde::Serialize;

use super::terminal::{DEFAULT_WIDTH, Style};
use crate::harmless::{width, wrap};
use crate::stage_label;

/// The explanation as plain text of 80 columns.
pub fn text(explanation: &Explanation) -> String {
    render(explanation, Style::Plain, DEFAULT_WIDTH)
}

/// The explanation for a terminal of `columns`, taken as 60 to 120. Commands stand unbroken, so
/// that they can be copied.
pub fn render(explanation: &Explanation, style: Style, columns: usize) -> String {
    let mut page = Text { out: String::new(), style, columns: columns.clamp(60, 120) };
    let _ = writeln!(page.out, "{}", title(&explanation.query));
    if explanation.found() {
        page.known(explanation);
    } else {
        page.unknown(explanation);
    }
    page.out
}

fn title(query: &Query) -> String {
    match query {
        Query::Pair { code, extended } => {
            format!(
                "Error code 0x{code:X} ({code}), extended error code 0x{extended:X} ({extended})"
            )
        }
        Query::Number { number, table: None } => format!("Code 0x{number:X} ({number})"),
        // `event 1026`, `errinfo 0x10A`.
        Query::Number { table: Some(_), .. } => query.to_string(),
        Query::Name(name) => name.clone(),
    }
}

/// A page of text in the making.
struct Text {
    out: String,
    style: Style,
    columns: usize,
}

impl Text {
    fn unknown(&mut self, explanation: &Explanation) {
        // Of a pair the extended code may still be known; the hint then says which one is not.
        self.paragraph(explanation.hint.unwrap_or("Nothing is known of it."));
        self.meanings(&explanation.meanings);
        if let Some(fallback) = explanation.fallback {
            self.item("Observed", &format!("{fallback}; no document says so"));
        }
        self.near(&explanation.near);
    }

    fn known(&mut self, explanation: &Explanation) {
        // The exact pair comes first; what holds for the code alone would only repeat it.
        if let Some(pair) = explanation.pairs.first() {
            self.paragraph(pair.means);
        }
        self.meanings(&explanation.meanings);
        if let Some(fallback) = explanation.fallback {
            self.item("Observed", &format!("{fallback}; no document says so"));
        }
        if let Some(hint) = explanation.hint {
            self.paragraph(hint);
        }
        self.near(&explanation.near);
        self.causes(explanation);
        self.checks(explanation);
        let claims: Vec<_> = explanation.pairs.iter().flat_map(|pair| pair.claims).collect();
        if !claims.is_empty() {
            self.section("Only claimed about it");
            for claim in claims {
                self.item(claim.verdict.id(), &format!("{}: {}", claim.claim, claim.why));
            }
        }
        if !explanation.refused.is_empty() {
            self.section("Advice not to follow");
            for advice in &explanation.refused {
                self.item("", &format!("{}: {}", advice.advice, advice.instead));
            }
        }
    }

    fn meanings(&mut self, meanings: &[Meaning]) {
        if meanings.is_empty() {
            return;
        }
        self.section("Officially");
        for meaning in meanings {
            let entry = meaning.entry;
            let which = if meaning.role == Role::Extended { "extended: " } else { "" };
            let name = entry.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
            let checked = match entry.verified.id() {
                "yes" => "checked against its source",
                other => other,
            };
            let mut text =
                format!("{which}{name}{} ({}, {checked})", entry.meaning, entry.table.title());
            if let Some(note) = &entry.note {
                let _ = write!(text, "; {note}");
            }
            if let Some(code) = entry.client_code {
                let _ = write!(text, "; a Microsoft client may show 0x{code:X} for it (inferred)");
            }
            self.item(&entry.number_text(), &text);
        }
    }

    fn causes(&mut self, explanation: &Explanation) {
        if explanation.causes.is_empty() {
            return;
        }
        self.section("Causes, the most usual first");
        for cause in &explanation.causes {
            let title = cause
                .cause
                .map_or_else(|| "not tested by this version".to_owned(), |c| in_general(c.title));
            self.item(proof(cause.proof), &format!("{}: {title}", cause.id));
        }
    }

    fn checks(&mut self, explanation: &Explanation) {
        if explanation.first_checks.is_empty() {
            return;
        }
        self.section("Check first");
        for (index, check) in explanation.first_checks.iter().enumerate() {
            let _ = writeln!(self.out, "  {}. {}", index + 1, check.command);
            for line in wrap(&check.why, self.columns - 5) {
                let _ = writeln!(self.out, "     {line}");
            }
        }
    }

    fn near(&mut self, near: &[Near]) {
        if near.is_empty() {
            return;
        }
        self.section("Did you mean");
        for near in near {
            let name = near.entry.name.as_deref().filter(|_| !matches!(near.query, Query::Name(_)));
            let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
            let text = format!("{name}{} ({})", near.entry.meaning, near.reason.id());
            self.item(&near.query.to_string(), &text);
        }
    }

    fn section(&mut self, title: &str) {
        let _ = match self.style {
            Style::Plain => writeln!(self.out, "\n{title}"),
            Style::Ansi => writeln!(self.out, "\n\u{1b}[1m{title}\u{1b}[0m"),
        };
    }

    fn paragraph(&mut self, text: &str) {
        self.out.push('\n');
        for line in wrap(text, self.columns - 2) {
            let _ = writeln!(self.out, "  {line}");
        }
    }

    /// A label and a text behind it, wrapped below itself; a long label has a line of its own.
    fn item(&mut self, label: &str, text: &str) {
        const LABEL: usize = 11;
        const TEXT_COLUMN: usize = LABEL + 3;
        let mut label = if label.is_empty() { "-" } else { label };
        if width(label) > LABEL {
            let _ = writeln!(self.out, "  {label}");
            label = "";
        }
        for line in wrap(text, self.columns - TEXT_COLUMN) {
            let _ = writeln!(self.out, "  {label:LABEL$} {line}");
            label = "";
        }
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
            for line in wrap(&format!("which one? {}", fork.test.why), DEFAULT_WIDTH - 6) {
                let _ = writeln!(out, "{bar}   {line}");
            }
        }
        let last = branch.outcomes.len() - 1;
        for (index, outcome) in branch.outcomes.iter().enumerate() {
            let (knot, inner) = if index == last { ("└─", "  ") } else { ("├─", "│ ") };
            let text = format!("{} ({})", outcome.cause.id, proof(outcome.proof));
            let _ = writeln!(out, "{bar}  {knot} {text}");
            for line in wrap(&in_general(outcome.cause.title), DEFAULT_WIDTH - 10) {
                let _ = writeln!(out, "{bar}  {inner}    {line}");
            }
        }
    }
    out
}

/// The decision tree as a page of its own: no script, nothing loaded from elsewhere.
pub fn tree_html(query: &Query, drawn: &Tree) -> String {
    let mut body = String::new();
    for branch in &drawn.branches {
        let _ = write!(body, "<li><h2>{}</h2>", escape(stage_label(branch.stage)));
        if let Some(fork) = branch.fork {
            let _ = write!(
                body,
                "<p>Which one? {}:</p><pre>{}</pre>",
                escape(&in_general(fork.test.why)),
                escape(&in_general(fork.test.command))
            );
        }
        body.push_str("<ul>");
        for outcome in &branch.outcomes {
            let _ = write!(
                body,
                "<li class=\"{proof}\"><p>{seen}</p><p><b>{title}</b><br><code>{id}</code>, \
                 {proof}</p>",
                proof = proof(outcome.proof),
                seen = escape(&outcome.seen),
                title = escape(&in_general(outcome.cause.title)),
                id = outcome.cause.id,
            );
            if !outcome.otherwise.is_empty() {
                let ids: Vec<String> =
                    outcome.otherwise.iter().map(|id| format!("<code>{id}</code>")).collect();
                let _ = write!(body, "<p>If it is not this: {}</p>", ids.join(", "));
            }
            body.push_str("</li>");
        }
        body.push_str("</ul></li>");
    }
    let intro = if drawn.branches.is_empty() {
        "<p>No cause of the catalogue shows this code.</p>"
    } else {
        "<p>Which stage fails, says <code>rdpdoctor check HOST</code>:</p>"
    };
    let title = escape(&title(query));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body><h1>{title}</h1>{intro}<ol>{body}</ol></body></html>\n"
    )
}

const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}\
    h1{font-size:1.4rem}h2{font-size:1.1rem;margin:0}\
    ol>li{margin:1.2rem 0}ul{list-style:none;padding:0}\
    ul>li{border-left:.3rem solid #8a8a8a;padding:.1rem .8rem;margin:.8rem 0}\
    li.likely{border-color:#c77700}li.proven{border-color:#c62828}\
    p{margin:.2rem 0}code,pre{font-family:ui-monospace,monospace}\
    pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[derive(Serialize)]
struct Page<'a> {
    schema_version: u32,
    tool: Tool,
    query: QueryEntry<'a>,
    found: bool,
    summary: Option<&'a str>,
    meanings: Vec<MeaningEntry<'a>>,
    fallback: Option<&'a str>,
    hint: Option<&'a str>,
    claims: Vec<ClaimEntry<'a>>,
    reports: Vec<ReportEntry<'a>>,
    causes: Vec<CauseEntry<'a>>,
    first_checks: Vec<CheckEntry<'a>>,
    refused: Vec<AdviceEntry<'a>>,
    near: Vec<NearEntry<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// A query in its parts, and as it can be typed again.
#[derive(Serialize)]
struct QueryEntry<'a> {
    text: String,
    code: Option<String>,
    extended: Option<String>,
    table: Option<&'static str>,
    name: Option<&'a str>,
}

impl<'a> From<&'a Query> for QueryEntry<'a> {
    fn from(query: &'a Query) -> Self {
        let hex = |number: &u32| Some(format!("0x{number:X}"));
        let (code, extended, table, name) = match query {
            Query::Pair { code, extended } => (hex(code), hex(extended), None, None),
            Query::Number { number, table } => (hex(number), None, table.map(Table::id), None),
            Query::Name(name) => (None, None, None, Some(name.as_str())),
        };
        Self { text: query.to_string(), code, extended, table, name }
    }
}

#[derive(Serialize)]
struct MeaningEntry<'a> {
    role: &'static str,
    table: &'static str,
    group: &'a str,
    number: String,
    name: Option<&'a str>,
    meaning: &'a str,
    note: Option<&'a str>,
    stage: Option<&'static str>,
    client_code: Option<String>,
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
struct ReportEntry<'a> {
    shows: String,
    what: &'a str,
    confidence: &'static str,
    link: Option<&'a str>,
}

#[derive(Serialize)]
struct CauseEntry<'a> {
    cause: &'a str,
    proof: &'static str,
    stage: Option<&'static str>,
    title: Option<String>,
}

#[derive(Serialize)]
struct CheckEntry<'a> {
    why: &'a str,
    command: &'a str,
}

#[derive(Serialize)]
struct AdviceEntry<'a> {
    advice: &'a str,
    instead: &'a str,
    harmful: bool,
}

#[derive(Serialize)]
struct NearEntry<'a> {
    query: QueryEntry<'a>,
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
        query: QueryEntry::from(&explanation.query),
        found: explanation.found(),
        summary: explanation.pairs.first().map(|pair| pair.means),
        meanings: explanation
            .meanings
            .iter()
            .map(|meaning| MeaningEntry {
                role: if meaning.role == Role::Extended { "extended" } else { "code" },
                table: meaning.entry.table.id(),
                group: &meaning.entry.group,
                number: meaning.entry.number_text(),
                name: meaning.entry.name.as_deref(),
                meaning: &meaning.entry.meaning,
                note: meaning.entry.note.as_deref(),
                stage: meaning.entry.stage.map(rdpdoctor_model::Stage::id),
                client_code: meaning.entry.client_code.map(|code| format!("0x{code:X}")),
                verified: meaning.entry.verified.id(),
                source: &meaning.entry.source,
            })
            .collect(),
        fallback: explanation.fallback,
        hint: explanation.hint,
        claims: explanation
            .pairs
            .iter()
            .flat_map(|pair| pair.claims)
            .map(|c| ClaimEntry { claim: c.claim, verdict: c.verdict.id(), why: c.why })
            .collect(),
        reports: explanation
            .pairs
            .iter()
            .flat_map(|pair| pair.reports.iter().map(move |report| (pair, report)))
            .map(|(pair, report)| ReportEntry {
                shows: match pair.extended {
                    Some(extended) => format!("0x{:X} 0x{extended:X}", pair.code),
                    None => format!("0x{:X}", pair.code),
                },
                what: report.what,
                confidence: report.confidence.id(),
                link: report.link,
            })
            .collect(),
        causes: explanation
            .causes
            .iter()
            .map(|c| CauseEntry {
                cause: c.id.0,
                proof: proof(c.proof),
                stage: c.cause.map(|cause| cause.stage.id()),
                title: c.cause.map(|cause| in_general(cause.title)),
            })
            .collect(),
        first_checks: explanation
            .first_checks
            .iter()
            .map(|check| CheckEntry { why: &check.why, command: &check.command })
            .collect(),
        refused: explanation
            .refused
            .iter()
            .map(|a| AdviceEntry { advice: a.advice, instead: a.instead, harmful: a.refuse })
            .collect(),
        near: explanation
            .near
            .iter()
            .map(|near| NearEntry {
                query: QueryEntry::from(&near.query),
                meaning: &near.entry.meaning,
                reason: near.reason.id(),
            })
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&page)? + "\n")
}

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::codes::{entries, explain, parse_query, tree as draw};

    use super::{Style, json, render, text, tree, tree_html};
    use crate::harmless::width;

    fn explained(typed: &str) -> rdpdoctor_diagnosis::codes::Explanation {
        explain(&parse_query(&[typed]).expect("a query"))
    }

    #[test]
    fn a_slip_in_a_pair() {
        insta::assert_snapshot!("explain-slip", text(&explained("904 7")));
    }

    #[test]
    fn an_unknown_code() {
        insta::assert_snapshot!("explain-unknown", text(&explained("0x7C07")));
    }

    #[test]
    fn an_unknown_name() {
        insta::assert_snapshot!("explain-unknown-name", text(&explained("STATUS_LOGON_FAILUR")));
    }

    #[test]
    fn a_number_alone_with_many_meanings() {
        let page = text(&explained("7"));
        assert!(page.contains("several meanings") && page.contains("ENTRA_AUTH"), "{page}");
    }

    #[test]
    fn every_row_fits_its_columns_but_for_commands() {
        for columns in [60, 80, 120] {
            for entry in entries() {
                let Some(number) = entry.number else { continue };
                let typed = format!("{} {number}", entry.table.keyword());
                let page = render(&explained(&typed), Style::Plain, columns);
                let commands =
                    |line: &&str| !(line.starts_with("  ") && line.get(3..5) == Some(". "));
                for line in page.lines().filter(commands) {
                    assert!(width(line) <= columns, "{typed}: {line}");
                }
            }
        }
    }

    #[test]
    fn colours_change_nothing_else() {
        let explanation = explained("0x904 0x7");
        let painted = render(&explanation, Style::Ansi, 80);
        assert!(painted.contains("\u{1b}[1mOfficially"));
        let plain = painted.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(plain, text(&explanation));
    }

    #[test]
    fn the_json_has_every_part() {
        let page: serde_json::Value =
            serde_json::from_str(&json(&explained("0x904 0x7")).expect("serialises"))
                .expect("JSON");
        assert_eq!(page["query"]["code"], "0x904");
        assert_eq!(page["query"]["extended"], "0x7");
        assert_eq!(page["found"], true);
        assert_eq!(page["tool"]["name"], "rdpdoctor");
        for part in ["meanings", "claims", "reports", "causes", "first_checks", "refused"] {
            assert!(page[part].as_array().is_some_and(|list| !list.is_empty()), "{part}");
        }
        assert!(!page.to_string().contains("{host}") && !page.to_string().contains("{target}"));
        let unknown: serde_json::Value =
            serde_json::from_str(&json(&explained("904 7")).expect("serialises")).expect("JSON");
        assert_eq!(unknown["found"], false);
        assert_eq!(unknown["near"][0]["query"]["text"], "0x904 0x7");
    }

    #[test]
    fn the_tree_page_stands_alone_and_escapes() {
        let query = parse_query(&["0x904 0x7"]).expect("a query");
        let page = tree_html(&query, &draw(&query));
        for part in ["tls.private-key-unavailable", "If it is not this", "encryption"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script"));
        let opened = |tag: &str| page.matches(&format!("<{tag}")).count();
        let closed = |tag: &str| page.matches(&format!("</{tag}>")).count();
        for tag in ["ul", "ol", "h1", "h2", "code", "pre"] {
            assert_eq!(opened(tag), closed(tag), "{tag}");
        }
        let hostile = rdpdoctor_diagnosis::codes::Query::Name("<b>&\"".to_owned());
        let page = tree_html(&hostile, &draw(&hostile));
        assert!(page.contains("&lt;b&gt;&amp;&quot;") && !page.contains("<b>"), "{page}");
        assert!(tree(&hostile, &draw(&hostile)).contains("No cause"));
    }
}
