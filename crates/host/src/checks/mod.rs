//! The rows of `host-checks.csv`, one area a file, each with the questions that it takes.

mod auth;
mod authorization;
mod client;
mod enable;
mod logon;
mod regression;
mod transport;

use crate::question::{Check, LeftOut, Question, Side};

/// Every area, those that decide most often first.
static AREAS: &[(&[Check], &[LeftOut])] = &[
    (enable::CHECKS, enable::LEFT_OUT),
    (auth::CHECKS, auth::LEFT_OUT),
    (authorization::CHECKS, authorization::LEFT_OUT),
    (logon::CHECKS, logon::LEFT_OUT),
    (regression::CHECKS, regression::LEFT_OUT),
    (transport::CHECKS, transport::LEFT_OUT),
    (client::CHECKS, client::LEFT_OUT),
];

/// Every row that is implemented.
pub fn all() -> impl Iterator<Item = &'static Check> {
    AREAS.iter().flat_map(|(checks, _)| *checks)
}

/// Every row that is not asked about.
pub fn left_out() -> impl Iterator<Item = &'static LeftOut> {
    AREAS.iter().flat_map(|(_, left_out)| *left_out)
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
