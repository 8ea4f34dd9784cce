//! A row for every stage.

use super::lines::{Line, Paint};
use crate::document::{StageEntry, StageStatus};
use crate::harmless::{clean, width, wrap_at_most};
use crate::render::words;
use crate::stage_label;
use crate::summary::joined;
use rdpdoctor_model::Stage;

/// Rows of stages in the short view.
const STAGE_ROWS: usize = 8;

/// Where a stage's label begins, and the text behind it.
pub(super) const STAGE_COLUMN: usize = 8;
pub(super) const DETAIL_COLUMN: usize = 23;

/// Columns up to which stages that share a row are named one by one.
const LABELS: usize = 27;

/// A row for every stage, at most [`STAGE_ROWS`]: skipped neighbours share one, and if there are
/// still too many, so do those that passed.
pub(super) fn stage_rows(stages: &[StageEntry]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // What was measured beside the path is worth a line only when it is not as it should be.
    let told = |stage: &&StageEntry| {
        let fine = matches!(stage.status, StageStatus::Ok | StageStatus::Skipped);
        // Who asked for a trace wants to read it.
        let of_machine = matches!(stage.stage, Stage::Host | Stage::Client);
        let joined = of_machine && joined::is_told(&stage.detail);
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

pub(super) struct Row {
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
    pub(super) fn lines(&self, columns: usize, most: usize) -> Vec<Line> {
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

pub(super) fn stage_mark(status: StageStatus) -> Line {
    let paint = match status {
        StageStatus::Ok => Paint::Good,
        StageStatus::Warned | StageStatus::Unknown => Paint::Warn,
        StageStatus::Failed => Paint::Bad,
        StageStatus::Skipped => Paint::Faint,
    };
    Line::labelled(paint, words::stage_mark(status), STAGE_COLUMN, "")
}
