//! The short view: the answer on one screen; what does not fit gives way in an order.

use super::lines::{LABEL_COLUMN, Line, Paint, labelled_text};
use super::stages::{Row, stage_rows};
use crate::Document;
use crate::document::{Finding, Remedy, Severity, Status};
use crate::harmless::{clean, width, wrap, wrap_at_most};
use crate::render::{attempts, words};

/// Lines of the short view: a screen of 24 less the one for the next prompt.
pub(super) const SCREEN_LINES: usize = 23;

/// Lines that the first command may take in the short view.
const COMMAND_LINES: usize = 3;

pub(super) fn short(document: &Document, columns: usize) -> Vec<Line> {
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
        match command_lines(&command, columns - LABEL_COLUMN) {
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

pub(super) fn verdict_paint(document: &Document) -> Paint {
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
    let indent = " ".repeat(4);
    let lines = command_lines(&clean(step, words::SHORT), columns - indent.len())?;
    Some(
        lines
            .iter()
            .map(|line| Line(vec![(Paint::Plain, indent.clone()), (Paint::Strong, line.clone())]))
            .collect(),
    )
}

/// A command on one line, or on several that the shell reads as one: cut at spaces outside of
/// quotes, with the sign of continuation of the shell whose prompt it begins with. `None` when it is
/// too long even so.
fn command_lines(command: &str, columns: usize) -> Option<Vec<String>> {
    let sign = if command.starts_with("PS> ") { " `" } else { " \\" };
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
