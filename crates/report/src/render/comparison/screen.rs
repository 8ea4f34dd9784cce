//! A comparison on a terminal.

use super::super::terminal::{Line, Paint, Style, View, labelled_text};
use super::super::words;
use super::{aspect, label, name, values};
use crate::comparison::{ComparisonDocument, ComparisonFinding, DifferenceEntry, RunGroup};
use crate::document::{Proof, Status};
use crate::harmless::clean;
use crate::stage_label;

/// Lines that one value takes at most in the short view, and runs and differences that it lists.
const VALUE_LINES: usize = 3;
const MOST_RUNS: usize = 3;
const MOST_DIFFERENCES: usize = 12;

/// Lines that nothing is longer than in the detailed view.
const MANY: usize = 200;

/// Renders the comparison for a terminal of `columns`, taken as 60 to 120.
pub fn render(document: &ComparisonDocument, view: View, style: Style, columns: usize) -> String {
    let screen = Screen { document, all: view == View::Details, columns: columns.clamp(60, 120) };
    let mut lines = screen.group(&document.a);
    lines.extend(screen.group(&document.b));
    lines.push(Line::default());
    lines.extend(screen.differences());
    lines.extend(screen.answer());
    lines.iter().map(|line| line.paint(style) + "\n").collect()
}

struct Screen<'a> {
    document: &'a ComparisonDocument,
    all: bool,
    columns: usize,
}

impl Screen<'_> {
    fn text(&self, paint: Paint, label: &str, text: &str, most: usize) -> Vec<Line> {
        let most = if self.all { MANY } else { most };
        labelled_text(paint, label, text, self.columns, most)
    }

    fn group(&self, group: &RunGroup) -> Vec<Line> {
        let shown = if self.all { group.runs.len() } else { MOST_RUNS };
        let mut lines = Vec::new();
        for (number, run) in group.runs.iter().take(shown).enumerate() {
            let label = if number == 0 { group.name.as_str() } else { "" };
            let paint = match run.status {
                Status::Ok => Paint::Good,
                Status::Degraded | Status::Unknown => Paint::Warn,
                Status::Failed => Paint::Bad,
            };
            let text = format!(
                "{}: {}, {} UTC, {}",
                clean(&run.file, words::SHORT),
                clean(&run.target, words::SHORT),
                run.started_at.to_string().get(..16).unwrap_or_default().replace('T', " "),
                run.cause.as_deref().map_or_else(
                    || status(run.status).to_owned(),
                    |cause| format!("{} ({})", status(run.status), clean(cause, words::SHORT))
                )
            );
            lines.extend(self.text(paint, label, &text, 2));
        }
        if group.runs.len() > shown {
            let more = format!("and {} more", group.runs.len() - shown);
            lines.extend(self.text(Paint::Faint, "", &more, 1));
        }
        lines
    }

    fn differences(&self) -> Vec<Line> {
        let counted: Vec<_> = self.document.differences.iter().filter(|d| d.matters).collect();
        let shown = if self.all { counted.len() } else { MOST_DIFFERENCES };
        let mut lines = Vec::new();
        for difference in counted.iter().take(shown) {
            lines.extend(self.difference(difference));
        }
        if counted.len() > shown {
            lines.push(Line::plain(format!("  and {} more (--details)", counted.len() - shown)));
        }
        let others: Vec<_> = self.document.differences.iter().filter(|d| !d.matters).collect();
        if self.all {
            for difference in &others {
                lines.extend(self.difference(difference));
            }
        } else if !others.is_empty() {
            let names: Vec<String> = others.iter().map(|d| aspect(&d.aspect)).collect();
            let text = format!("{} (--details)", names.join(", "));
            lines.extend(self.text(Paint::Faint, "Not counted", &text, 2));
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines
    }

    fn difference(&self, difference: &DifferenceEntry) -> Vec<Line> {
        let title = format!("  {}: {}", stage_label(difference.stage), aspect(&difference.aspect));
        let mut lines = vec![Line::plain(title)];
        for (name, seen) in
            [(&self.document.a.name, &difference.a), (&self.document.b.name, &difference.b)]
        {
            let text = values(seen).join("; ");
            lines.extend(self.text(Paint::Faint, &format!("  {name}"), &text, VALUE_LINES));
        }
        lines
    }

    fn answer(&self) -> Vec<Line> {
        let verdict = &self.document.verdict;
        let paint = match (verdict.different, verdict.proof) {
            (false, _) => Paint::Good,
            (true, Some(Proof::Proven | Proof::Likely)) => Paint::Bad,
            (true, _) => Paint::Warn,
        };
        let title = format!("{}.", clean(&verdict.title, words::SHORT));
        let mut lines = self.text(paint, label(self.document), &title, 2);
        let Some((first, others)) = self.document.findings.split_first() else { return lines };
        lines.extend(self.finding(first));
        if self.all {
            for other in others {
                let title = format!("{}.", clean(&other.title, words::SHORT));
                lines.extend(self.text(Paint::Warn, "Or else", &title, 2));
                lines.extend(self.finding(other));
            }
        } else if !others.is_empty() {
            let other =
                |f: &ComparisonFinding| format!("{} ({})", clean(&f.title, words::SHORT), f.cause);
            let titles: Vec<String> = others.iter().take(3).map(other).collect();
            lines.extend(self.text(Paint::Faint, "Or else", &titles.join("; "), 4));
        }
        if let Some(test) = self.document.next_tests.first() {
            lines.extend(self.text(Paint::Faint, "Next", &clean(&test.command, words::SHORT), 2));
            lines.extend(self.text(Paint::Faint, "", &clean(&test.why, words::SHORT), 2));
        }
        lines
    }

    fn finding(&self, finding: &ComparisonFinding) -> Vec<Line> {
        let group = finding.group.map(|group| format!(" Seen in {}.", name(self.document, group)));
        let identity = format!(
            "{}, {}.{}",
            clean(&finding.cause, words::SHORT),
            words::proof(finding.proof),
            group.unwrap_or_default()
        );
        let mut lines = self.text(Paint::Faint, "", &identity, 2);
        let why = clean(&finding.explanation, words::LONG);
        lines.extend(self.text(Paint::Faint, "Why", &why, 7));
        if let Some(remedy) = finding.remedies.first() {
            let title = format!("{}.", clean(&remedy.title, words::SHORT));
            lines.extend(self.text(Paint::Faint, "First step", &title, 2));
        }
        if self.all {
            for step in finding.remedies.iter().flat_map(|remedy| &remedy.steps) {
                lines.extend(self.text(Paint::Faint, "", &clean(step, words::LONG), MANY));
            }
        }
        lines
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Degraded => "degraded",
        Status::Failed => "failed",
        Status::Unknown => "unknown",
    }
}
