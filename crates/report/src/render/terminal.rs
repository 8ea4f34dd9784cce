//! The answer on a terminal: a short view that fits a screen of 24 lines, and one with everything.

use rdpdoctor_model::Stage;
use serde_json::Value;

use super::words;
use crate::Document;
use crate::connections::connections;
use crate::document::{Finding, Remedy, Severity, StageEntry, StageStatus, Status};
use crate::harmless::{clean, shorten, width, wrap, wrap_at_most};
use crate::stage_label;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The answer on one screen.
    Short,
    /// Everything: all findings, all steps, all evidence.
    Details,
}

/// Whether colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Ansi,
}

/// Columns that are used where the caller names none that fits.
pub const DEFAULT_WIDTH: usize = 80;

/// Lines of the short view: a screen of 24 less the one for the next prompt.
const SCREEN_LINES: usize = 23;

/// Lines that stages may take in the short view.
const STAGE_LINES: usize = 8;

/// Where the text behind a label begins.
const LABEL_COLUMN: usize = 15;

/// Where a stage's label begins, and the text behind it.
const STAGE_COLUMN: usize = 8;
const DETAIL_COLUMN: usize = 23;

/// Renders `document` for a terminal of `columns`, taken as 60 to 120.
///
/// The short view takes at most 23 lines of `columns`, whatever the document holds. In the detailed
/// view commands stand unbroken, so that they can be copied; all else keeps to `columns`.
pub fn render(document: &Document, view: View, style: Style, columns: usize) -> String {
    let columns = columns.clamp(60, 120);
    let lines = match view {
        View::Short => short(document, columns),
        View::Details => details(document, columns),
    };
    lines.iter().map(|line| line.paint(style) + "\n").collect()
}

/// How a piece of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Good,
    Warn,
    Bad,
    Faint,
    Strong,
}

impl Paint {
    /// The parameters of Select Graphic Rendition (ECMA-48 8.3.117).
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("1;31"),
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
        }
    }
}

/// One line in pieces.
#[derive(Debug, Clone, Default)]
struct Line(Vec<(Paint, String)>);

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Paint::Plain, text.into())])
    }

    /// Text in front of which stands a coloured piece, padded to `column`.
    fn labelled(paint: Paint, label: &str, column: usize, text: &str) -> Self {
        let gap = column.saturating_sub(2 + width(label)).max(2);
        Self(vec![
            (Paint::Plain, "  ".to_owned()),
            (paint, label.to_owned()),
            (Paint::Plain, format!("{}{text}", " ".repeat(gap))),
        ])
    }

    fn paint(&self, style: Style) -> String {
        let pieces = self.0.iter().map(|(paint, text)| match (style, paint.sgr()) {
            (Style::Ansi, Some(sgr)) => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
            _ => text.clone(),
        });
        let line: String = pieces.collect();
        line.trim_end().to_owned()
    }
}

/// A part of the short view that can give lines away.
struct Block {
    content: Content,
    /// Lines it may take now.
    lines: usize,
    /// Lines below which it is not cut.
    least: usize,
    /// Who gives first: the highest; 0 never gives.
    spare: u8,
}

enum Content {
    /// A label and text that can be cut anywhere.
    Text { paint: Paint, label: &'static str, text: String },
    /// Lines that make sense only together.
    Whole(Vec<Line>),
}

impl Block {
    fn text(label: &'static str, text: String, columns: usize, most: usize, spare: u8) -> Self {
        let lines = wrap(&text, columns - LABEL_COLUMN.max(2 + label.len() + 2)).len().min(most);
        Self { content: Content::Text { paint: Paint::Faint, label, text }, lines, least: 1, spare }
    }

    fn painted(mut self, colour: Paint) -> Self {
        if let Content::Text { paint, .. } = &mut self.content {
            *paint = colour;
        }
        self
    }

    /// Lines that are dropped together (`spare` above 0) or stay.
    fn whole(lines: Vec<Line>, spare: u8) -> Self {
        let count = lines.len();
        let least = if spare == 0 { count } else { 0 };
        Self { lines: count, least, spare, content: Content::Whole(lines) }
    }

    fn may_vanish(mut self) -> Self {
        self.least = 0;
        self
    }

    fn give_a_line(&mut self) {
        self.lines = match self.content {
            Content::Text { .. } => self.lines - 1,
            Content::Whole(_) => 0,
        };
    }

    fn render(self, columns: usize) -> Vec<Line> {
        match self.content {
            Content::Whole(mut lines) => {
                lines.truncate(self.lines);
                lines
            }
            Content::Text { .. } if self.lines == 0 => Vec::new(),
            Content::Text { paint, label, text } => {
                labelled_text(paint, label, &text, columns, self.lines)
            }
        }
    }
}

/// Text behind a label, indented below it. A label that is too long for its column takes the room
/// from the text.
fn labelled_text(paint: Paint, label: &str, text: &str, columns: usize, most: usize) -> Vec<Line> {
    let column = LABEL_COLUMN.max(2 + width(label) + 2);
    wrap_at_most(text, columns - column, most)
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let label = if number == 0 { label } else { "" };
            Line::labelled(paint, label, column, line)
        })
        .collect()
}

// ── the short view ──────────────────────────────────────────────────────────────────────────────

fn short(document: &Document, columns: usize) -> Vec<Line> {
    let mut blocks: Vec<Block> = stage_lines(&document.stages, columns)
        .into_iter()
        .map(|line| Block::whole(vec![line], 0))
        .collect();
    if !blocks.is_empty() {
        blocks.push(Block::whole(vec![Line::default()], 0));
    }
    blocks.extend(answer(document, columns));

    while blocks.iter().map(|block| block.lines).sum::<usize>() > SCREEN_LINES {
        let giving = blocks
            .iter_mut()
            .filter(|block| block.spare > 0 && block.lines > block.least)
            .max_by_key(|block| block.spare);
        match giving {
            Some(block) => block.give_a_line(),
            None => break,
        }
    }
    blocks.into_iter().flat_map(|block| block.render(columns)).collect()
}

fn answer(document: &Document, columns: usize) -> Vec<Block> {
    let text = |label, text, most, spare| Block::text(label, text, columns, most, spare);
    let mut blocks = Vec::new();

    let (paint, label) = (verdict_paint(document), words::label(document));
    blocks.push(text(label, format!("{}.", words::title(document)), 2, 0).painted(paint));
    let asked_in_vain =
        words::not_reproduced(document) && document.verdict.status == Status::Unknown;
    if !asked_in_vain && let Some(identity) = words::identity(document) {
        blocks.push(text("", identity, 2, 4));
    }
    if document.verdict.status == Status::Ok {
        if let Some(notes) = words::titles(&words::also(document), 2) {
            blocks.push(text("Note", notes, 3, 9).may_vanish());
        }
        blocks.push(text("Details", "--details (evidence, connections)".to_owned(), 1, 0));
        return blocks;
    }

    if !asked_in_vain {
        blocks.extend(words::not_this(document).map(|not| text("Not this", not, 2, 3)));
        let alternatives = words::titles(&words::alternatives(document), 3);
        blocks.extend(alternatives.map(|other| text("Or else", other, 3, 5)));
        blocks.extend(words::whose(document).map(|whose| text("Whose", whose, 2, 6)));
        blocks.extend(first_step(document, columns));
    }
    if let Some(test) = document.next_tests.first() {
        let command = clean(&test.command, words::SHORT);
        let paint = Paint::Strong;
        match command_lines(&command, Prompt::Shell, columns - LABEL_COLUMN) {
            Some(lines) => blocks.push(Block::whole(
                lines
                    .iter()
                    .enumerate()
                    .map(|(number, line)| {
                        let label = if number == 0 { "Next" } else { "" };
                        Line::labelled(Paint::Faint, label, LABEL_COLUMN, line)
                    })
                    .collect(),
                0,
            )),
            None => blocks.push(text("Next", command, 1, 0).painted(paint)),
        }
        blocks.push(text("", clean(&test.why, words::SHORT), 2, 7).may_vanish());
    }
    let also: Vec<&Finding> = if asked_in_vain {
        document.findings.iter().collect()
    } else {
        words::also(document).into_iter().filter(|f| f.severity != Severity::Info).collect()
    };
    blocks.extend(words::titles(&also, 3).map(|also| text("Also", also, 3, 9).may_vanish()));
    blocks.push(text("Details", details_hint(document), 2, 10));
    blocks
}

fn verdict_paint(document: &Document) -> Paint {
    match document.verdict.status {
        Status::Ok => Paint::Good,
        Status::Degraded | Status::Unknown => Paint::Warn,
        Status::Failed => Paint::Bad,
    }
}

fn details_hint(document: &Document) -> String {
    let cited = document.findings.first().map(|finding| {
        let ids: Vec<String> = finding.evidence.iter().take(4).map(|id| clean(&id.0, 12)).collect();
        format!(", evidence {}", ids.join(" "))
    });
    format!("--details (all steps{}, connections), --text ticket", cited.unwrap_or_default())
}

/// The best remedy: its title, its first command where that fits, and the way back.
fn first_step(document: &Document, columns: usize) -> Vec<Block> {
    let best = document
        .findings
        .iter()
        .find(|f| Some(f.cause.as_str()) == document.verdict.cause.as_deref())
        .and_then(|finding| finding.remedies.first());
    let Some(remedy) = best else { return Vec::new() };
    let title = format!("{}.", clean(&remedy.title, words::SHORT));
    let mut blocks = vec![Block::text("First step", title, columns, 2, 8)];
    if let Some(lines) = first_command(remedy, columns) {
        blocks.push(Block::whole(lines, 2));
    }
    if let Some(undo) = remedy.undo.first() {
        let undo = clean(undo, words::SHORT);
        let more = if remedy.undo.len() > 1 { " (and more: --details)" } else { "" };
        let fits = width(&undo) + more.len() <= columns - LABEL_COLUMN;
        let undo = if fits { format!("{undo}{more}") } else { "see --details".to_owned() };
        blocks.push(Block::text("Way back", undo, columns, 1, 9).may_vanish());
    }
    blocks
}

/// The first step that is a command, on one line or two.
fn first_command(remedy: &Remedy, columns: usize) -> Option<Vec<Line>> {
    let step = remedy.steps.iter().find(|step| words::command(step).is_some())?;
    let prompt = if step.starts_with("PS> ") { Prompt::PowerShell } else { Prompt::Shell };
    let indent = " ".repeat(4);
    let lines = command_lines(&clean(step, words::SHORT), prompt, columns - indent.len())?;
    Some(
        lines
            .iter()
            .map(|line| Line(vec![(Paint::Plain, indent.clone()), (Paint::Strong, line.clone())]))
            .collect(),
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    PowerShell,
    Shell,
}

/// A command on one line, or on two that the shell reads as one: cut at a space outside of quotes
/// and braces, with the shell's own sign of continuation. `None` when it is longer.
fn command_lines(command: &str, prompt: Prompt, columns: usize) -> Option<Vec<String>> {
    if width(command) <= columns {
        return Some(vec![command.to_owned()]);
    }
    let sign = match prompt {
        Prompt::PowerShell => " `",
        Prompt::Shell => " \\",
    };
    let mut quote = None;
    let mut cut = None;
    for (position, c) in command.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            // The first space belongs to the prompt.
            (None, ' ') if position > 4 && width(&command[..position]) + 2 <= columns => {
                cut = Some(position);
            }
            _ => {}
        }
    }
    let (first, rest) = command.split_at(cut?);
    let second = format!("    {}", rest.trim_start());
    (width(&second) <= columns).then(|| vec![format!("{first}{sign}"), second])
}

// ── stages ──────────────────────────────────────────────────────────────────────────────────────

/// One line a stage, at most [`STAGE_LINES`] of them: skipped neighbours share a line, and if there
/// are still too many, so do those that passed first.
fn stage_lines(stages: &[StageEntry], columns: usize) -> Vec<Line> {
    let mut rows: Vec<Row> = Vec::new();
    for stage in stages {
        let row = Row::from(stage);
        match rows.last_mut() {
            Some(last)
                if stage.status == StageStatus::Skipped
                    && last.status == StageStatus::Skipped
                    && last.detail == row.detail =>
            {
                last.labels.extend(row.labels);
            }
            _ => rows.push(row),
        }
    }
    while rows.len() > STAGE_LINES {
        let neighbours = rows
            .windows(2)
            .position(|pair| pair[0].status == pair[1].status && pair[0].status == StageStatus::Ok)
            .or_else(|| rows.windows(2).position(|pair| pair[0].status == pair[1].status))
            .unwrap_or(0);
        let second = rows.remove(neighbours + 1);
        if let Some(first) = rows.get_mut(neighbours) {
            first.labels.extend(second.labels);
            first.status = first.status.max(second.status);
            first.detail = match first.status {
                StageStatus::Ok => "passed".to_owned(),
                _ => "see --details".to_owned(),
            };
        }
    }
    rows.iter().map(|row| row.line(columns)).collect()
}

struct Row {
    status: StageStatus,
    labels: Vec<&'static str>,
    detail: String,
}

impl From<&StageEntry> for Row {
    fn from(entry: &StageEntry) -> Self {
        Self {
            status: entry.status,
            labels: vec![stage_label(entry.stage)],
            detail: clean(&entry.detail, words::SHORT),
        }
    }
}

impl Row {
    fn line(&self, columns: usize) -> Line {
        let labels = shorten(&self.labels.join(", "), columns - STAGE_COLUMN - 20);
        let gap = (DETAIL_COLUMN - STAGE_COLUMN).saturating_sub(width(&labels)).max(2);
        let room = columns - STAGE_COLUMN - width(&labels) - gap;
        let detail = shorten(&self.detail, room);
        let mut line = stage_mark(self.status);
        let (labels, detail) = (format!("{labels}{}", " ".repeat(gap)), detail);
        let paint = if self.status == StageStatus::Skipped { Paint::Faint } else { Paint::Plain };
        line.0.push((paint, labels));
        line.0.push((paint, detail));
        line
    }
}

fn stage_mark(status: StageStatus) -> Line {
    let paint = match status {
        StageStatus::Ok => Paint::Good,
        StageStatus::Warned | StageStatus::Unknown => Paint::Warn,
        StageStatus::Failed => Paint::Bad,
        StageStatus::Skipped => Paint::Faint,
    };
    Line::labelled(paint, words::stage_mark(status), STAGE_COLUMN, "")
}

// ── the detailed view ───────────────────────────────────────────────────────────────────────────

/// Lines in the making, with the width they keep to.
struct Page {
    columns: usize,
    lines: Vec<Line>,
}

fn details(document: &Document, columns: usize) -> Vec<Line> {
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
        self.labelled("Target", &format!("{} port {}", target.host, target.port));
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        if !addresses.is_empty() {
            self.labelled("Addresses", &addresses.join(", "));
        }
        if let Some(via) = &target.via {
            self.labelled("By way of", via);
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
