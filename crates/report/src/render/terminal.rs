//! The answer on a terminal: a short view that fits a screen of 24 lines, and one with everything.

use rdpdoctor_model::Stage;
use serde_json::Value;

use super::{attempts, sessions, words};
use crate::Document;
use crate::connections::connections;
use crate::document::{Finding, Remedy, Severity, StageEntry, StageStatus, Status};
use crate::harmless::{clean, width, wrap, wrap_at_most};
use crate::stage_label;
use crate::summary::joined;

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

/// Rows of stages in the short view.
const STAGE_ROWS: usize = 8;

/// Lines that the first command may take in the short view.
const COMMAND_LINES: usize = 3;

/// Where the text behind a label begins.
const LABEL_COLUMN: usize = 15;

/// Where a stage's label begins, and the text behind it.
const STAGE_COLUMN: usize = 8;
const DETAIL_COLUMN: usize = 23;

/// Columns up to which stages that share a row are named one by one.
const LABELS: usize = 27;

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
pub(super) enum Paint {
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
pub(super) struct Line(Vec<(Paint, String)>);

impl Line {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Paint::Plain, text.into())])
    }

    /// Text in front of which stands a coloured piece, padded to `column`.
    pub(super) fn labelled(paint: Paint, label: &str, column: usize, text: &str) -> Self {
        let gap = column.saturating_sub(2 + width(label)).max(2);
        Self(vec![
            (Paint::Plain, "  ".to_owned()),
            (paint, label.to_owned()),
            (Paint::Plain, format!("{}{text}", " ".repeat(gap))),
        ])
    }

    pub(super) fn paint(&self, style: Style) -> String {
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
    /// A stage, or several that share what is to be said.
    Stage(Row),
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
            Content::Text { .. } | Content::Stage(_) => self.lines - 1,
            Content::Whole(_) => 0,
        };
    }

    fn render(self, columns: usize) -> Vec<Line> {
        match self.content {
            Content::Whole(mut lines) => {
                lines.truncate(self.lines);
                lines
            }
            Content::Stage(row) => row.lines(columns, self.lines),
            Content::Text { .. } if self.lines == 0 => Vec::new(),
            Content::Text { paint, label, text } => {
                labelled_text(paint, label, &text, columns, self.lines)
            }
        }
    }
}

/// Text behind a label, indented below it. A label that is too long for its column takes the room
/// from the text.
pub(super) fn labelled_text(
    paint: Paint,
    label: &str,
    text: &str,
    columns: usize,
    most: usize,
) -> Vec<Line> {
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
    let attempts = attempts::summary(document);
    let mut blocks: Vec<Block> = attempts.iter().map(|line| one_line(line, columns)).collect();
    blocks.extend(stage_rows(&document.stages).into_iter().map(|row| {
        let lines = row.lines(columns, 2).len();
        Block { content: Content::Stage(row), lines, least: 1, spare: 11 }
    }));
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

/// A line that is cut where it is too long, and gives way to everything else.
fn one_line(text: &str, columns: usize) -> Block {
    let text = wrap_at_most(text, columns - 2, 1).into_iter().next().unwrap_or_default();
    Block::whole(vec![Line::plain(format!("  {text}"))], 12)
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
        blocks.extend(words::why_undecided(document).map(|why| text("Why", why, 2, 5)));
        blocks.extend(words::whose(document).map(|whose| text("Whose", whose, 2, 6)));
        blocks.extend(first_step(document, columns));
    }
    if let Some(test) = words::next_test(document) {
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
        blocks.push(text("", clean(&test.why, words::SHORT), 2, 9).may_vanish());
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
    format!("--details (steps{}, connections), --text ticket", cited.unwrap_or_default())
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
    let mut blocks = vec![Block::text("First step", title, columns, 2, 3)];
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

/// The first step that is a command, where it fits.
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

/// A command on one line, or on several that the shell reads as one: cut at spaces outside of
/// quotes, with the shell's own sign of continuation. `None` when it is too long even so.
fn command_lines(command: &str, prompt: Prompt, columns: usize) -> Option<Vec<String>> {
    let sign = match prompt {
        Prompt::PowerShell => " `",
        Prompt::Shell => " \\",
    };
    let mut lines = Vec::new();
    let mut rest = command.to_owned();
    while width(&rest) > columns {
        let mut quote = None;
        let mut cut = None;
        for (position, c) in rest.char_indices() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                // The first spaces belong to the prompt or to the indentation.
                (None, ' ') if position > 4 && width(&rest[..position]) + 2 <= columns => {
                    cut = Some(position);
                }
                _ => {}
            }
        }
        let (first, second) = rest.split_at(cut?);
        lines.push(format!("{first}{sign}"));
        rest = format!("    {}", second.trim_start());
    }
    lines.push(rest);
    (lines.len() <= COMMAND_LINES).then_some(lines)
}

// ── stages ──────────────────────────────────────────────────────────────────────────────────────

/// A row for every stage, at most [`STAGE_ROWS`]: skipped neighbours share one, and if there are
/// still too many, so do those that passed.
fn stage_rows(stages: &[StageEntry]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // What was measured beside the path is worth a line only when it is not as it should be.
    let told = |stage: &&StageEntry| {
        let fine = matches!(stage.status, StageStatus::Ok | StageStatus::Skipped);
        // Who asked for a trace wants to read it.
        let joined = stage.stage == Stage::Host && joined::is_told(&stage.detail);
        stage.stage < Stage::Udp || !fine || joined || stage.detail.contains(" at hop ")
    };
    for stage in stages.iter().filter(told) {
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
    while rows.len() > STAGE_ROWS {
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
    rows
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
    /// At most `most` lines. On a single one, what stands in brackets at the end goes before
    /// anything else: it is the measurements, which the details have too.
    fn lines(&self, columns: usize, most: usize) -> Vec<Line> {
        let labels = match (self.labels.join(", "), self.labels.first(), self.labels.last()) {
            (all, Some(first), Some(last)) if width(&all) > LABELS => format!("{first} to {last}"),
            (all, ..) => all,
        };
        let indent = DETAIL_COLUMN.max(STAGE_COLUMN + width(&labels) + 2);
        let room = columns - indent;
        let text = match self.detail.split_once(" (") {
            Some((words, _)) if most == 1 && width(&self.detail) > room => words,
            _ => &self.detail,
        };
        let paint = if self.status == StageStatus::Skipped { Paint::Faint } else { Paint::Plain };
        wrap_at_most(text, room, most)
            .into_iter()
            .enumerate()
            .map(|(number, detail)| {
                let (mut line, label, start) = match number {
                    0 => (stage_mark(self.status), labels.as_str(), STAGE_COLUMN),
                    _ => (Line::default(), "", 0),
                };
                let gap = " ".repeat(indent - start - width(label));
                line.0.push((paint, format!("{label}{gap}{detail}")));
                line
            })
            .collect()
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

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::{CATALOGUE, Proof, Reported, Severity, Status};
    use rdpdoctor_model::{Fact, ServiceKind, Stage};

    use super::{SCREEN_LINES, Style, View, render};
    use crate::Document;
    use crate::harmless::{is_treacherous, width};
    use crate::testing::{self, Scene, by_hand, finding};

    fn plain(document: &Document) -> String {
        let text = render(document, View::Short, Style::Plain, 80);
        assert_fits(&text, 80, "");
        text
    }

    fn assert_fits(text: &str, columns: usize, what: &str) {
        assert!(text.lines().count() <= SCREEN_LINES, "{what} has too many lines:\n{text}");
        for line in text.lines() {
            assert!(width(line) <= columns, "{what}: {} columns: {line}", width(line));
        }
    }

    #[test]
    fn a_healthy_host_gets_a_calm_answer() {
        insta::assert_snapshot!(plain(&testing::healthy()));
    }

    #[test]
    fn a_failure_with_the_code_that_fits() {
        insta::assert_snapshot!(plain(&testing::dropped_hello(Some((0x904, Some(7))))));
    }

    #[test]
    fn a_failure_with_a_code_that_does_not_fit() {
        let text = plain(&testing::dropped_hello(Some((0x516, None))));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("Does not explain your 0x516."), "{text}");
    }

    #[test]
    fn a_refused_connection() {
        insta::assert_snapshot!(plain(&testing::refused()));
    }

    #[test]
    fn something_works_but() {
        let warning = finding(&testing::KEY, Severity::Warning, Proof::Proven);
        let scene = Scene::new();
        let document = by_hand(Status::Degraded, vec![warning], None, scene);
        insta::assert_snapshot!(plain(&document));
    }

    #[test]
    fn undecided() {
        let scene = Scene::new()
            .resolved()
            .fact(Stage::Tcp, Fact::Interrupted { by: "the deadline of 5 s".into() });
        insta::assert_snapshot!(plain(&by_hand(Status::Unknown, Vec::new(), None, scene)));
    }

    #[test]
    fn nothing_explains_the_reported_code() {
        let mut document = testing::healthy();
        let reported = Some(Reported { code: 0x904, extended: Some(7), reproduced: false });
        let made = by_hand(Status::Unknown, Vec::new(), reported, Scene::new());
        document.verdict.status = made.verdict.status;
        document.verdict.reported = made.verdict.reported;
        insta::assert_snapshot!(plain(&document));
    }

    #[test]
    fn many_findings_on_one_screen() {
        let two = [&testing::KEY, &testing::REFUSED];
        let mut findings: Vec<_> = two
            .iter()
            .cycle()
            .take(6)
            .map(|cause| finding(cause, Severity::Blocking, Proof::Possible))
            .collect();
        findings.extend(two.map(|cause| finding(cause, Severity::Warning, Proof::Likely)));
        for (number, finding) in findings.iter_mut().enumerate().skip(1) {
            finding.title =
                format!("reason {number} that could explain what was seen here as well");
        }
        let document = by_hand(Status::Failed, findings, None, Scene::new());
        insta::assert_snapshot!(plain(&document));
    }

    #[test]
    fn everything_about_a_failure() {
        let document = testing::dropped_hello(Some((0x904, Some(7))));
        insta::assert_snapshot!(render(&document, View::Details, Style::Plain, 80));
    }

    #[test]
    fn colours_change_nothing_else() {
        let document = testing::dropped_hello(None);
        for view in [View::Short, View::Details] {
            let coloured = render(&document, view, Style::Ansi, 80);
            assert!(coloured.contains("\u{1b}[1;31mFAIL\u{1b}[0m"));
            let mut plain = String::new();
            let mut rest = coloured.as_str();
            while let Some((before, after)) = rest.split_once('\u{1b}') {
                plain.push_str(before);
                rest = after.split_once('m').expect("a complete sequence").1;
            }
            plain.push_str(rest);
            let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
            let wanted = render(&document, view, Style::Plain, 80);
            assert_eq!(trimmed, wanted.lines().collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_cause_of_the_catalogue_fits_a_screen() {
        let reported =
            Some(Reported { code: 0x8007_59da, extended: Some(0x8000_0007), reproduced: false });
        for cause in CATALOGUE {
            let single = |severity, proof| finding(cause, severity, proof);
            let documents = [
                by_hand(
                    Status::Failed,
                    vec![single(Severity::Blocking, Proof::Possible)],
                    reported,
                    Scene::new(),
                ),
                by_hand(
                    Status::Degraded,
                    vec![single(Severity::Warning, Proof::Likely)],
                    None,
                    Scene::new(),
                ),
            ];
            for document in documents {
                for columns in [60, 80, 120] {
                    let text = render(&document, View::Short, Style::Plain, columns);
                    assert_fits(&text, columns, cause.id.0);
                    assert!(text.contains(cause.id.0), "{text}");
                }
                // The title, the owner and the way to all the rest are never what is cut.
                let text = render(&document, View::Short, Style::Plain, 80);
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let title = document.verdict.title.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(&title), "{} loses its title:\n{text}", cause.id);
                assert!(text.contains("Whose") && text.contains("--details"), "{text}");
            }
        }
    }

    #[test]
    fn hostile_text_can_neither_drive_the_terminal_nor_fill_it() {
        let document = testing::hostile();
        for columns in [60, 80, 120] {
            let text = render(&document, View::Short, Style::Plain, columns);
            assert_fits(&text, columns, "hostile");
        }
        for view in [View::Short, View::Details] {
            let text = render(&document, view, Style::Plain, 80);
            let bad = text.chars().find(|c| *c != '\n' && is_treacherous(*c));
            assert_eq!(bad, None);
            assert!(text.len() < 1_000_000, "{}", text.len());
        }
    }

    #[test]
    fn all_stages_at_once_leave_room_for_the_answer() {
        let mut document = testing::dropped_hello(None);
        let template = document.stages[0].clone();
        document.stages = Stage::ALL
            .iter()
            .map(|stage| crate::document::StageEntry { stage: *stage, ..template.clone() })
            .collect();
        let text = plain(&document);
        assert!(text.contains("--details"), "{text}");
    }

    #[test]
    fn a_long_tail_of_skipped_stages_shares_a_line() {
        let mut scene = testing::Scene::new().resolved();
        for stage in [Stage::X224, Stage::Tls, Stage::CredSsp, Stage::Mcs, Stage::Session] {
            let reason = Some("stopped before".to_owned());
            let outcome = rdpdoctor_model::StageOutcome::Skipped;
            scene = scene.fact(stage, Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 });
        }
        let text = plain(&scene.document());
        let line = "  -     RDP answer to session  not tested: stopped before\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn a_foreign_service_is_quoted_on_the_stage_line() {
        let document = Scene::new()
            .resolved()
            .connected()
            .fact(
                Stage::X224,
                Fact::ForeignService {
                    service: ServiceKind::Ssh,
                    said: "SSH-2.0-OpenSSH_9.2p1\r\n".into(),
                    bytes: rdpdoctor_model::Hex(b"SSH".to_vec()),
                    unasked: true,
                },
            )
            .ended(Stage::X224, rdpdoctor_model::StageOutcome::Stopped)
            .document();
        let text = plain(&document);
        assert!(text.contains("answered by an SSH server: \"SSH-2.0-OpenSSH_9.2p1"), "{text}");
    }
}
