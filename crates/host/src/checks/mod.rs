//! The rows of `host-checks.csv`, one area a file, each with the questions that it takes.

mod enable;

use crate::question::{Check, Question, Side};

/// Every area, those that decide most often first.
static AREAS: &[&[Check]] = &[enable::CHECKS];

/// Every row that is implemented.
pub fn all() -> impl Iterator<Item = &'static Check> {
    AREAS.iter().copied().flatten()
}

/// What is asked of one side, those questions first whose answers can decide; a question may come
/// twice.
pub fn questions(side: Side) -> impl Iterator<Item = Question> {
    let of = move |decisive| {
        let rows = all().filter(move |check| check.side == side && check.decisive == decisive);
        rows.flat_map(|check| check.questions.iter().copied())
    };
    of(true).chain(of(false))
}
