//! Lines in coloured pieces.

use super::Style;
use crate::harmless::{width, wrap_at_most};

/// Where the text behind a label begins.
pub(super) const LABEL_COLUMN: usize = 15;

/// How a piece of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Paint {
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
pub(in crate::render) struct Line(pub(super) Vec<(Paint, String)>);

impl Line {
    pub(in crate::render) fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Paint::Plain, text.into())])
    }

    /// Text in front of which stands a coloured piece, padded to `column`.
    pub(in crate::render) fn labelled(
        paint: Paint,
        label: &str,
        column: usize,
        text: &str,
    ) -> Self {
        let gap = column.saturating_sub(2 + width(label)).max(2);
        Self(vec![
            (Paint::Plain, "  ".to_owned()),
            (paint, label.to_owned()),
            (Paint::Plain, format!("{}{text}", " ".repeat(gap))),
        ])
    }

    pub(in crate::render) fn paint(&self, style: Style) -> String {
        let pieces = self.0.iter().map(|(paint, text)| match (style, paint.sgr()) {
            (Style::Ansi, Some(sgr)) => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
            _ => text.clone(),
        });
        let line: String = pieces.collect();
        line.trim_end().to_owned()
    }
}

/// Text behind a label, indented below it. A label that is too long for its column takes the room
/// from the text.
pub(in crate::render) fn labelled_text(
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
