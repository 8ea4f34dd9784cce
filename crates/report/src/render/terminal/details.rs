//! The detailed view: all findings, all steps, all evidence.

use rdpdoctor_model::Stage;
use serde_json::Value;

use super::lines::{LABEL_COLUMN, Line, Paint, labelled_text};
use super::short::verdict_paint;
use super::stages::{DETAIL_COLUMN, STAGE_COLUMN, stage_mark};
use crate::Document;
use crate::connections::connections;
use crate::document::{Finding, Remedy, StageEntry};
use crate::harmless::{clean, wrap};
use crate::render::{sessions, words};
use crate::stage_label;

/// Lines in the making, with the width they keep to.
struct Page {
    columns: usize,
    lines: Vec<Line>,
}

pub(super) fn details(document: &Document, columns: usize) -> Vec<Line> {
    let mut page = Page { columns, lines: Vec::new() };
    page.head(document);
    page.stages(&document.stages);
    page.verdict(document);
    for (number, finding) in document.findings.iter().enumerate() {
        page.finding(number + 1, finding);
    }
    page.next_tests(document);
    page.attempts(document);
    page.connections(document);
    page.sessions(document);
    page.observations(document);
    page.lines
}

impl Page {
    fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        for line in wrap(text, self.columns) {
            self.lines.push(Line(vec![(Paint::Strong, line)]));
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        let text = clean(text, words::LONG);
        self.lines.extend(labelled_text(Paint::Faint, label, &text, self.columns, usize::MAX));
    }

    fn indented(&mut self, indent: usize, text: &str) {
        for line in wrap(&clean(text, words::LONG), self.columns - indent) {
            self.lines.push(Line::plain(format!("{}{line}", " ".repeat(indent))));
        }
    }

    /// A step behind its number. A command stays on its line, however long, to be copied whole.
    fn step(&mut self, number: usize, step: &str) {
        let mark = format!("{number:>5}. ");
        let step = clean(step, words::LONG);
        if words::command(&step).is_some() {
            self.lines.push(Line(vec![(Paint::Plain, mark), (Paint::Strong, step)]));
            return;
        }
        for (count, line) in wrap(&step, self.columns - mark.len()).iter().enumerate() {
            let mark = if count == 0 { mark.clone() } else { " ".repeat(mark.len()) };
            self.lines.push(Line::plain(format!("{mark}{line}")));
        }
    }

    fn head(&mut self, document: &Document) {
        let target = &document.target;
        self.labelled("Target", &words::destination(target));
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        if !addresses.is_empty() {
            self.labelled("Addresses", &addresses.join(", "));
        }
        if let Some(via) = &target.via {
            self.labelled("By way of", via);
        }
        if let Some(way) = crate::summary::own::way_out(&document.observations) {
            self.labelled("Way out", &way);
        }
        self.labelled("When", &format!("{}, took {} ms", document.started_at, document.elapsed_ms));
        let tool = &document.tool;
        let engine = serde_json::to_value(tool.engine).ok();
        let engine = engine.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        self.labelled("Made by", &format!("{} {}, {engine} engine", tool.name, tool.version));
    }

    fn stages(&mut self, stages: &[StageEntry]) {
        if stages.is_empty() {
            return;
        }
        self.heading("Stages");
        for stage in stages {
            let text = format!(
                "{} [{}, {} ms]",
                clean(&stage.detail, words::LONG),
                stage.stage,
                stage.elapsed_ms
            );
            for (count, line) in wrap(&text, self.columns - DETAIL_COLUMN).iter().enumerate() {
                let mut row = if count == 0 { stage_mark(stage.status) } else { Line::default() };
                let label = if count == 0 { stage_label(stage.stage) } else { "" };
                let room = if count == 0 { DETAIL_COLUMN - STAGE_COLUMN } else { DETAIL_COLUMN };
                row.0.push((Paint::Plain, format!("{label:room$}{line}")));
                self.lines.push(row);
            }
        }
    }

    fn verdict(&mut self, document: &Document) {
        self.lines.push(Line::default());
        let (paint, label) = (verdict_paint(document), words::label(document));
        let title = format!("{}.", words::title(document));
        self.lines.extend(labelled_text(paint, label, &title, self.columns, usize::MAX));
        if let Some(identity) = words::identity(document) {
            self.labelled("", &identity);
        }
        if let Some(not) = words::not_this(document) {
            self.labelled("Not this", &not);
        }
        if let Some(whose) = words::whose(document) {
            self.labelled("Whose", &whose);
        }
        for shown in &document.verdict.client_shows {
            let pair = words::pair(&shown.code, shown.extended.as_deref());
            self.labelled("Client shows", &format!("{pair}, {}", words::proof(shown.proof)));
        }
    }

    fn finding(&mut self, number: usize, finding: &Finding) {
        self.heading(&format!("{number}. {}", clean(&finding.title, words::LONG)));
        let cited: Vec<String> = finding.evidence.iter().map(ToString::to_string).collect();
        self.labelled(
            "Cause",
            &format!(
                "{}: {}, {}",
                finding.cause,
                words::severity(finding.severity),
                words::proof(finding.proof)
            ),
        );
        self.labelled("Evidence", &cited.join(" "));
        self.indented(2, &finding.explanation);
        for remedy in &finding.remedies {
            self.remedy(remedy);
        }
        for reference in &finding.references {
            let reference = clean(reference, words::LONG);
            self.lines.push(Line::labelled(Paint::Faint, "Read", LABEL_COLUMN, &reference));
        }
    }

    fn remedy(&mut self, remedy: &Remedy) {
        self.lines.push(Line::default());
        let place = words::place(remedy.place);
        let text = format!("{} ({place}, risk {})", remedy.title, words::risk(remedy.risk));
        self.labelled("Remedy", &text);
        for (number, step) in remedy.steps.iter().enumerate() {
            self.step(number + 1, step);
        }
        self.labelled("Interrupts", &remedy.interrupts);
        self.labelled("Way back", if remedy.undo.is_empty() { "nothing to take back" } else { "" });
        for (number, step) in remedy.undo.iter().enumerate() {
            self.step(number + 1, step);
        }
        self.labelled("Verify", &remedy.verify);
    }

    fn next_tests(&mut self, document: &Document) {
        if document.next_tests.is_empty() {
            return;
        }
        self.heading("Next tests");
        for test in &document.next_tests {
            let command = clean(&test.command, words::LONG);
            self.lines.push(Line(vec![(Paint::Plain, "  ".into()), (Paint::Strong, command)]));
            self.indented(4, &test.why);
        }
    }

    fn attempts(&mut self, document: &Document) {
        for (number, attempt) in document.attempts.iter().enumerate() {
            self.heading(&format!(
                "Attempt {} on {} port {}: {}",
                number + 1,
                clean(&attempt.target.host, words::SHORT),
                attempt.target.port,
                clean(&attempt.verdict.title, words::SHORT)
            ));
            let cause = attempt.verdict.cause.as_deref().unwrap_or("no cause");
            self.labelled("Cause", cause);
        }
    }

    fn connections(&mut self, document: &Document) {
        let connections = connections(&document.observations);
        if connections.is_empty() {
            return;
        }
        self.heading("Connections made");
        for connection in connections {
            self.indented(2, &format!("{}. {}", connection.number, connection.five_tuple()));
            let begun =
                connection.begun.map_or("time not known".to_owned(), |begun| begun.to_string());
            self.indented(5, &format!("{begun}: {}", connection.purpose));
            if let Some(ending) = &connection.ending {
                let bytes = connection
                    .sent_received
                    .map(|(sent, received)| format!("; sent {sent}, received {received} bytes"))
                    .unwrap_or_default();
                self.indented(5, &format!("{ending}{bytes}"));
            }
        }
    }

    fn sessions(&mut self, document: &Document) {
        let lines = sessions::lines(document);
        if lines.is_empty() {
            return;
        }
        self.heading("Sessions of the host");
        for line in lines {
            self.indented(2, &line);
        }
    }

    fn observations(&mut self, document: &Document) {
        if document.observations.is_empty() {
            return;
        }
        self.heading("Evidence");
        for observation in &document.observations {
            let fields = serde_json::to_value(&observation.fact).unwrap_or(Value::Null);
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or("unknown").to_owned();
            let mut text = format!(
                "{} {} ms {} {}",
                clean(&observation.id.0, 20),
                observation.at_ms,
                stage_id(observation.stage, observation.connection),
                clean(&kind, 60)
            );
            for (key, value) in fields.as_object().into_iter().flatten() {
                if key != "kind" && !value.is_null() {
                    let value = clean(&value.to_string(), words::SHORT);
                    text.push_str(&format!(" {}={value}", clean(key, 60)));
                }
            }
            for (count, line) in wrap(&text, self.columns - 6).iter().enumerate() {
                let indent = if count == 0 { 2 } else { 6 };
                self.lines.push(Line::plain(format!("{}{line}", " ".repeat(indent))));
            }
        }
    }
}

/// A stage, and the connection where there is one: `tls #2`.
fn stage_id(stage: Stage, connection: Option<u32>) -> String {
    connection.map_or(stage.to_string(), |number| format!("{stage} #{number}"))
}
