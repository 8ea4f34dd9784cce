//! The answer as one self-contained page: nothing is loaded, nothing runs.

use std::fmt::Write as _;

use rdpdoctor_model::{Observation, Stage};
use serde_json::Value;

use super::words;
use crate::Document;
use crate::connections::connections;
use crate::document::{Finding, Remedy, Severity, StageEntry, StageStatus, Status};
use crate::harmless::clean;
use crate::stage_label;

pub(super) const STYLE: &str = include_str!("page.css");

/// Renders `document` as an HTML page in UTF-8.
///
/// # Errors
/// As [`Document::to_json`]: the page holds the document.
pub fn render(document: &Document) -> Result<String, serde_json::Error> {
    let json = embeddable(&document.to_json()?);
    let mut page = Page(String::new());
    page.head(document);
    page.verdict(document);
    page.picture(&document.stages);
    page.stages(&document.stages);
    page.findings(&document.findings);
    page.next_tests(document);
    page.attempts(document);
    page.connections("Connections made", &document.observations);
    page.evidence(document);
    page.foot(document, &json);
    Ok(page.0)
}

/// JSON for the inside of a script element: without a `<`, nothing in it can close the element or
/// open a comment (HTML standard, 4.12.1.3).
pub(super) fn embeddable(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Foreign text as HTML: one line, treacherous characters as numbers, markup escaped.
fn escape(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text, limit).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn short(text: &str) -> String {
    escape(text, words::SHORT)
}

pub(super) fn long(text: &str) -> String {
    escape(text, words::LONG)
}

/// The colour of a verdict.
pub(super) fn tone(status: Status) -> &'static str {
    match status {
        Status::Ok => "good",
        Status::Degraded | Status::Unknown => "warn",
        Status::Failed => "bad",
    }
}

fn severity_tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "bad",
        Severity::Warning => "warn",
        Severity::Info => "none",
    }
}

fn stage_tone(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Ok => "good",
        StageStatus::Warned | StageStatus::Unknown => "warn",
        StageStatus::Failed => "bad",
        StageStatus::Skipped => "none",
    }
}

fn stage_word(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Ok => "ok",
        StageStatus::Warned => "warning",
        StageStatus::Failed => "fails",
        StageStatus::Skipped => "not tested",
        StageStatus::Unknown => "unclear",
    }
}

/// A page in the making.
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn add(&mut self, html: &str) {
        self.0.push_str(html);
        self.0.push('\n');
    }

    fn head(&mut self, document: &Document) {
        self.begin(&format!("{}: {}", words::label(document), words::title(document)));
    }

    /// The head of a page that loads nothing and runs nothing.
    pub(super) fn begin(&mut self, title: &str) {
        let _ = write!(
            self.0,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>{}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n",
            short(title)
        );
    }

    pub(super) fn verdict(&mut self, document: &Document) {
        let target = &document.target;
        self.add(&format!("<header class=\"{}\">", tone(document.verdict.status)));
        self.add(&format!(
            "<p class=\"kicker\">Remote Desktop to {}, {} UTC</p>",
            short(&words::destination(target)),
            document.started_at.to_string().get(..16).unwrap_or_default().replace('T', " ")
        ));
        self.add(&format!("<p class=\"label\">{}</p>", words::label(document)));
        self.add(&format!("<h1>{}</h1>", short(&words::title(document))));
        self.add("</header>\n<dl>");
        let mut row = |term: &str, text: Option<String>| {
            if let Some(text) = text {
                let _ = writeln!(self.0, "<dt>{term}</dt><dd>{}</dd>", long(&text));
            }
        };
        row("Cause", words::identity(document));
        row("Why", words::why_undecided(document));
        row("Not this", words::not_this(document));
        row("Or else", words::titles(&words::alternatives(document), 5));
        row("Also", words::titles(&words::also(document), 5));
        row("Whose", words::whose(document));
        row("By way of", target.via.as_deref().map(|via| clean(via, words::SHORT)));
        let first = document.findings.first();
        let first = first.filter(|f| document.verdict.cause.as_ref() == Some(&f.cause));
        let remedy = first.and_then(|finding| finding.remedies.first());
        row("First step", remedy.map(|remedy| clean(&remedy.title, words::SHORT)));
        self.add("</dl>");
    }

    // ── the picture ─────────────────────────────────────────────────────────────────────────────

    fn picture(&mut self, stages: &[StageEntry]) {
        if stages.is_empty() {
            return;
        }
        let hops = hops(stages);
        // Nothing of the way was tried: facts of a machine, read on it.
        if hops.iter().all(|hop| hop.is_start || hop.status == StageStatus::Skipped) {
            return;
        }
        let caption = caption(&hops);
        self.add("<figure>");
        self.wide(&hops, &caption);
        self.tall(&hops, &caption);
        self.add(&format!("<figcaption>{}</figcaption>\n</figure>", long(&caption)));
    }

    /// From left to right, for screens and paper.
    fn wide(&mut self, hops: &[Hop], caption: &str) {
        const STEP: usize = 120;
        let width = hops.len() * STEP;
        self.add(&format!(
            "<svg class=\"wide\" viewBox=\"0 0 {width} 112\" role=\"img\" \
             aria-labelledby=\"path-title path-text\">\n\
             <title id=\"path-title\">The way from this machine to the desktop</title>\n\
             <desc id=\"path-text\">{}</desc>",
            long(caption)
        ));
        for (number, hop) in hops.iter().enumerate() {
            let x = number * STEP + STEP / 2;
            if number > 0 {
                let (from, to) = (x - STEP + 26, x - 26);
                let tone = stage_tone(hop.status);
                self.add(&format!(
                    "<line class=\"link {tone}\" x1=\"{from}\" y1=\"34\" x2=\"{to}\" y2=\"34\"/>"
                ));
            }
            self.hop(hop, x, 34);
            self.add(&format!(
                "<text x=\"{x}\" y=\"82\" text-anchor=\"middle\">{}</text>",
                hop.label
            ));
            self.word(hop, x, 102, "middle");
        }
        self.add("</svg>");
    }

    /// From top to bottom, for phones.
    fn tall(&mut self, hops: &[Hop], caption: &str) {
        const STEP: usize = 62;
        let height = hops.len() * STEP;
        self.add(&format!(
            "<svg class=\"tall\" viewBox=\"0 0 340 {height}\" role=\"img\" \
             aria-labelledby=\"tall-title tall-text\">\n\
             <title id=\"tall-title\">The way from this machine to the desktop</title>\n\
             <desc id=\"tall-text\">{}</desc>",
            long(caption)
        ));
        for (number, hop) in hops.iter().enumerate() {
            let y = number * STEP + STEP / 2;
            if number > 0 {
                let (from, to) = (y - STEP + 24, y - 24);
                let tone = stage_tone(hop.status);
                self.add(&format!(
                    "<line class=\"link {tone}\" x1=\"40\" y1=\"{from}\" x2=\"40\" y2=\"{to}\"/>"
                ));
            }
            self.hop(hop, 40, y);
            self.add(&format!("<text x=\"76\" y=\"{}\">{}</text>", y + 5, hop.label));
            self.word(hop, 210, y + 5, "start");
        }
        self.add("</svg>");
    }

    /// A disc with a mark that says the same as its colour.
    fn hop(&mut self, hop: &Hop, x: usize, y: usize) {
        let mark = match hop.status {
            StageStatus::Ok => "M-8 0 L-2 6 L8 -6",
            StageStatus::Warned => "M0 -9 L0 2 M0 8 L0 8.1",
            StageStatus::Failed => "M-7 -7 L7 7 M7 -7 L-7 7",
            StageStatus::Skipped => "M-6 0 L6 0",
            StageStatus::Unknown => "M-5 -4 C-5 -11 6 -11 6 -4 C6 1 0 0 0 4 M0 9 L0 9.1",
        };
        self.add(&format!(
            "<g class=\"{}\" transform=\"translate({x} {y})\"><circle class=\"disc\" r=\"20\"/>\
             <path class=\"mark\" d=\"{mark}\"/></g>",
            stage_tone(hop.status)
        ));
    }

    fn word(&mut self, hop: &Hop, x: usize, y: usize, anchor: &str) {
        let word = if hop.is_start { "here" } else { stage_word(hop.status) };
        self.add(&format!(
            "<g class=\"{}\"><text class=\"word\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">\
             {word}</text></g>",
            stage_tone(hop.status)
        ));
    }

    // ── tables and lists ────────────────────────────────────────────────────────────────────────

    fn stages(&mut self, stages: &[StageEntry]) {
        if stages.is_empty() {
            return;
        }
        self.add(
            "<h2>Step by step</h2>\n<table>\n<thead><tr><th scope=\"col\">Result</th>\
             <th scope=\"col\">Step</th><th scope=\"col\">What was seen</th>\
             <th scope=\"col\">Time</th></tr></thead>\n<tbody>",
        );
        for stage in stages {
            let time = match stage.status {
                StageStatus::Skipped => String::new(),
                _ => format!("{} ms", stage.elapsed_ms),
            };
            self.add(&format!(
                "<tr><td class=\"status {}\">{}</td><td class=\"id\">{}</td>\
                 <td class=\"long\">{}</td><td class=\"id\">{time}</td></tr>",
                stage_tone(stage.status),
                stage_word(stage.status),
                stage_label(stage.stage),
                short(&stage.detail)
            ));
        }
        self.add("</tbody>\n</table>");
    }

    pub(super) fn findings(&mut self, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        self.add("<h2>Findings</h2>");
        for (number, finding) in findings.iter().enumerate() {
            self.finding(finding, number == 0);
        }
    }

    fn finding(&mut self, finding: &Finding, open: bool) {
        let open = if open { " open" } else { "" };
        self.add(&format!(
            "<details{open}>\n<summary><span class=\"tag {}\">{}</span> {}</summary>\n\
             <div class=\"inside\">",
            severity_tone(finding.severity),
            match finding.severity {
                Severity::Blocking => "Blocks:",
                Severity::Warning => "Warning:",
                Severity::Info => "Note:",
            },
            short(&finding.title)
        ));
        self.add(&format!("<p>{}</p>", long(&finding.explanation)));
        let cited: Vec<String> = finding.evidence.iter().map(|id| evidence_link(&id.0)).collect();
        self.add(&format!(
            "<p class=\"meta\"><code>{}</code>, {}. Evidence: {}</p>",
            short(&finding.cause),
            words::proof(finding.proof),
            cited.join(" ")
        ));
        for (number, remedy) in finding.remedies.iter().enumerate() {
            self.remedy(remedy, !open.is_empty() && number == 0);
        }
        if !finding.references.is_empty() {
            self.add("<h3>To read up</h3>\n<ul>");
            for reference in &finding.references {
                self.add(&format!("<li>{}</li>", reference_link(reference)));
            }
            self.add("</ul>");
        }
        self.add("</div>\n</details>");
    }

    pub(super) fn remedy(&mut self, remedy: &Remedy, open: bool) {
        let open = if open { " open" } else { "" };
        self.add(&format!(
            "<details{open}>\n<summary>{} <span class=\"meta\">({}, risk {})</span></summary>\n\
             <div class=\"inside\">",
            short(&remedy.title),
            words::place(remedy.place),
            words::risk(remedy.risk)
        ));
        self.steps(&remedy.steps);
        self.add(&format!("<p><b>Interrupts:</b> {}</p>", long(&remedy.interrupts)));
        if remedy.undo.is_empty() {
            self.add("<p><b>Way back:</b> nothing to take back</p>");
        } else {
            self.add("<p><b>Way back:</b></p>");
            self.steps(&remedy.undo);
        }
        self.add(&format!("<p><b>It helped when:</b> {}</p>", long(&remedy.verify)));
        self.add("</div>\n</details>");
    }

    /// Steps in order; the prompt of a command is drawn, not written, so that copying leaves it out.
    fn steps(&mut self, steps: &[String]) {
        self.add("<ol>");
        for step in steps {
            let item = match (step.strip_prefix("PS> "), step.strip_prefix("$ ")) {
                (Some(command), _) => format!("<pre class=\"ps\">{}</pre>", long(command)),
                (None, Some(command)) => format!("<pre class=\"sh\">{}</pre>", long(command)),
                (None, None) => long(step),
            };
            self.add(&format!("<li>{item}</li>"));
        }
        self.add("</ol>");
    }

    pub(super) fn next_tests(&mut self, document: &Document) {
        let explain = words::next_test(document).filter(|_| document.next_tests.is_empty());
        let tests: Vec<_> = document.next_tests.iter().cloned().chain(explain).collect();
        if tests.is_empty() {
            return;
        }
        self.add("<h2>What to test next</h2>\n<ul>");
        for test in tests {
            self.add(&format!(
                "<li><pre class=\"sh\">{}</pre>{}</li>",
                long(&test.command),
                long(&test.why)
            ));
        }
        self.add("</ul>");
    }

    fn attempts(&mut self, document: &Document) {
        if document.attempts.is_empty() {
            return;
        }
        self.add("<h2>Attempts in this evidence</h2>\n<ol>");
        for attempt in &document.attempts {
            self.add(&format!(
                "<li class=\"{}\"><span class=\"tag\">{} port {}</span>: {} <code>{}</code></li>",
                tone(attempt.verdict.status),
                short(&attempt.target.host),
                attempt.target.port,
                short(&attempt.verdict.title),
                short(attempt.verdict.cause.as_deref().unwrap_or("no cause"))
            ));
        }
        self.add("</ol>");
    }

    pub(super) fn connections(&mut self, heading: &str, observations: &[Observation]) {
        let connections = connections(observations);
        if connections.is_empty() {
            return;
        }
        self.add(&format!("<h2>{}</h2>", short(heading)));
        self.add(
            "<table>\n<thead><tr><th scope=\"col\">#</th>\
             <th scope=\"col\">Begun (UTC)</th><th scope=\"col\">From, to, what for</th>\
             <th scope=\"col\">Sent, received</th><th scope=\"col\">How it ended</th></tr></thead>\n\
             <tbody>",
        );
        for connection in connections {
            let begun = connection.begun.map(|begun| begun.to_string());
            let begun = begun.as_deref().and_then(|b| b.get(11..23)).unwrap_or("not known");
            let bytes = connection.sent_received.map(|(sent, got)| format!("{sent}, {got} bytes"));
            let mut ending: Vec<String> = Vec::new();
            ending.extend(connection.round_trip_ms.map(|ms| format!("round trip {ms:.1} ms")));
            ending.extend(connection.ending.clone());
            ending.extend(connection.never_came.map(|what| format!("never came: {what}")));
            ending.extend(connection.icmp.clone().filter(|icmp| icmp.starts_with("ICMP")));
            self.add(&format!(
                "<tr><td class=\"id\">{}</td><td class=\"id\">{begun}</td>\
                 <td class=\"long\">{}<br><span class=\"meta\">{}</span></td>\
                 <td class=\"id\">{}</td><td class=\"long\">{}</td></tr>",
                connection.number,
                long(&connection.five_tuple()),
                connection.purpose,
                bytes.unwrap_or_default(),
                long(&ending.join("; "))
            ));
        }
        self.add("</tbody>\n</table>");
    }

    pub(super) fn evidence(&mut self, document: &Document) {
        if document.observations.is_empty() {
            return;
        }
        self.add(
            "<h2>Evidence</h2>\n<table>\n<thead><tr><th scope=\"col\">Id</th>\
             <th scope=\"col\">After</th><th scope=\"col\">Step</th>\
             <th scope=\"col\">Seen</th></tr></thead>\n<tbody>",
        );
        for observation in &document.observations {
            let fact = serde_json::to_value(&observation.fact).unwrap_or(Value::Null);
            let kind = fact.get("kind").and_then(Value::as_str).unwrap_or("unknown");
            let mut fields = String::new();
            for (key, value) in fact.as_object().into_iter().flatten() {
                if key != "kind" && !value.is_null() {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    let _ = write!(fields, "{} <b>{}</b> ", short(key), short(&value));
                }
            }
            let id = anchor(&observation.id.0);
            let connection =
                observation.connection.map(|number| format!(" #{number}")).unwrap_or_default();
            self.add(&format!(
                "<tr id=\"{id}\"><td class=\"id\">{}</td><td class=\"id\">{} ms</td>\
                 <td class=\"id\">{}{connection}</td><td class=\"long\">{} \
                 <span class=\"fields\">{}</span></td></tr>",
                escape(&observation.id.0, 20),
                observation.at_ms,
                observation.stage,
                short(kind),
                fields.trim_end()
            ));
        }
        self.add("</tbody>\n</table>");
    }

    pub(super) fn foot(&mut self, document: &Document, json: &str) {
        self.add(&format!(
            "<footer>\n<p>Made by {} {} at {}; the check took {} ms. This page loads nothing and \
             runs nothing. The element <code>rdpdoctor-document</code> in its source holds the \
             whole document as JSON.</p>\n</footer>",
            short(&document.tool.name),
            short(&document.tool.version),
            document.started_at,
            document.elapsed_ms
        ));
        self.add(&format!(
            "<script type=\"application/json\" id=\"rdpdoctor-document\">\n{json}</script>\n\
             </body>\n</html>"
        ));
    }
}

/// One station of the picture.
struct Hop {
    label: &'static str,
    status: StageStatus,
    is_start: bool,
}

/// The stations from this machine to the desktop. The three stages of a session are one to the eye;
/// what stands beside the main path is in the table only.
fn hops(stages: &[StageEntry]) -> Vec<Hop> {
    let status = |stage: Stage| stages.iter().find(|s| s.stage == stage).map(|s| s.status);
    let hop = |label, status| Hop { label, status, is_start: false };
    let mut hops = vec![Hop { label: "this machine", status: StageStatus::Ok, is_start: true }];
    for stage in [Stage::RdpFile, Stage::Proxy, Stage::Gateway] {
        hops.extend(status(stage).map(|status| hop(stage_label(stage), status)));
    }
    for stage in [Stage::Dns, Stage::Tcp, Stage::X224, Stage::Tls, Stage::CredSsp] {
        hops.push(hop(stage_label(stage), status(stage).unwrap_or(StageStatus::Skipped)));
    }
    let session = [Stage::Mcs, Stage::Licensing, Stage::Session];
    let trouble = session.into_iter().filter_map(status).find(|status| {
        matches!(status, StageStatus::Failed | StageStatus::Unknown | StageStatus::Warned)
    });
    let session = trouble.or(status(Stage::Session)).unwrap_or(StageStatus::Skipped);
    hops.push(hop("session", session));
    hops.push(hop("desktop", status(Stage::Desktop).unwrap_or(StageStatus::Skipped)));
    hops
}

/// The picture in words.
fn caption(hops: &[Hop]) -> String {
    let names = |wanted: StageStatus| -> Vec<&str> {
        hops.iter().filter(|h| h.status == wanted && !h.is_start).map(|h| h.label).collect()
    };
    let sentences = [
        ("Breaks at", StageStatus::Failed),
        ("Unclear", StageStatus::Unknown),
        ("With a warning", StageStatus::Warned),
        ("Works", StageStatus::Ok),
        ("Not tested", StageStatus::Skipped),
    ];
    sentences
        .into_iter()
        .filter(|(_, status)| !names(*status).is_empty())
        .map(|(words, status)| format!("{words}: {}.", names(status).join(", ")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// An id that a link can name: letters and digits alone.
fn anchor(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).take(20).collect()
}

fn evidence_link(id: &str) -> String {
    format!("<a href=\"#{}\">{}</a>", anchor(id), escape(id, 20))
}

/// A link only for what is an address in the web; a saved document could hold anything.
pub(super) fn reference_link(reference: &str) -> String {
    let text = short(reference);
    if reference.starts_with("https://") || reference.starts_with("http://") {
        format!("<a href=\"{text}\" rel=\"noopener noreferrer\">{text}</a>")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::harmless::is_treacherous;
    use crate::{Document, testing};

    fn page(document: &Document) -> String {
        render(document).expect("renders")
    }

    /// All start tags with their attributes, as a parser sees them outside of the raw elements.
    fn tags(html: &str) -> Vec<&str> {
        let mut tags = Vec::new();
        let mut rest = html;
        while let Some((_, after)) = rest.split_once('<') {
            let (tag, behind) = after.split_once('>').expect("every tag is closed");
            tags.push(tag);
            rest = behind;
            for raw in ["style", "script"] {
                if tag.split(' ').next() == Some(raw) {
                    rest = rest.split_once(&format!("</{raw}")).expect("the element is closed").1;
                }
            }
        }
        tags
    }

    #[test]
    fn the_page_is_well_formed() {
        for document in
            [testing::healthy(), testing::dropped_hello(Some((0x904, Some(7)))), testing::hostile()]
        {
            let html = page(&document);
            let mut open: Vec<&str> = Vec::new();
            for tag in tags(&html) {
                let name = tag.split([' ', '\n']).next().unwrap_or_default();
                if let Some(closed) = name.strip_prefix('/') {
                    // The raw elements' end tags are eaten by the walk.
                    assert_eq!(open.pop(), Some(closed), "in {html}");
                } else if !tag.ends_with('/')
                    && !["!DOCTYPE", "meta", "br", "style", "script"].contains(&name)
                {
                    open.push(name);
                }
            }
            assert_eq!(open, Vec::<&str>::new());
        }
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        for document in [testing::dropped_hello(None), testing::hostile()] {
            let html = page(&document);
            assert!(html.contains("default-src 'none'"));
            for tag in tags(&html) {
                let name = tag.split(' ').next().unwrap_or_default();
                assert!(
                    !["img", "link", "iframe", "object", "embed", "form", "base"].contains(&name),
                    "{tag}"
                );
                assert!(name != "script" || tag.contains("application/json"), "{tag}");
                assert!(!tag.contains(" src=") && !tag.contains(" on"), "{tag}");
                assert!(!tag.to_lowercase().contains("javascript:"), "{tag}");
            }
            assert!(!html.contains("url(") && !html.contains("@import"));
        }
    }

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        let html = page(&testing::hostile());
        assert_eq!(html.chars().find(|c| *c != '\n' && is_treacherous(*c)), None);
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert_eq!(html.matches("</script>").count(), 1);
    }

    #[test]
    fn the_document_can_be_taken_out_of_the_page() {
        for document in [testing::dropped_hello(Some((0x904, Some(7)))), testing::hostile()] {
            let html = page(&document);
            let json = html.split_once("id=\"rdpdoctor-document\">").expect("is there").1;
            let json = json.split_once("</script>").expect("ends").0;
            assert_eq!(Document::from_json(json).expect("reads"), document);
        }
    }

    #[test]
    fn the_picture_says_where_it_broke() {
        let html = page(&testing::dropped_hello(None));
        let figure = html.split_once("<figure>").and_then(|(_, f)| f.split_once("</figure>"));
        let (figure, _) = figure.expect("there is a picture");
        assert!(
            figure.contains(
                "Breaks at: encryption. Works: name, network, RDP answer. \
                 Not tested: sign-in, session, desktop."
            ),
            "{figure}"
        );
        assert!(figure.contains("<desc") && figure.contains("<title"));
        insta::assert_snapshot!(figure);
    }

    #[test]
    fn evidence_links_lead_somewhere() {
        let html = page(&testing::dropped_hello(None));
        let targets: Vec<&str> = html
            .split("href=\"#")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(html.contains(&format!("id=\"{target}\"")), "{target}");
        }
    }
}
