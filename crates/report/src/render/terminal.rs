//! The answer on a terminal: a short view that fits a screen of 24 lines, and one with everything.

mod details;
mod lines;
mod short;
mod stages;
#[cfg(test)]
mod tests;

pub(super) use self::lines::{Line, Paint, labelled_text};
use crate::Document;

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

/// Renders `document` for a terminal of `columns`, taken as 60 to 120.
///
/// The short view takes at most 23 lines of `columns`, whatever the document holds. In the detailed
/// view commands stand unbroken, so that they can be copied; all else keeps to `columns`.
pub fn render(document: &Document, view: View, style: Style, columns: usize) -> String {
    let columns = columns.clamp(60, 120);
    let lines = match view {
        View::Short => short::short(document, columns),
        View::Details => details::details(document, columns),
    };
    lines.iter().map(|line| line.paint(style) + "\n").collect()
}
