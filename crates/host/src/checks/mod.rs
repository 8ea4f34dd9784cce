//! The rows of `host-checks.csv`, one area a file, each with the questions that it takes.

mod auth;
mod authorization;
mod certificate;
mod client;
mod enable;
mod firewall;
mod listener;
mod logon;
mod platform;
mod regression;
mod service;
mod tls;
mod transport;

use std::sync::LazyLock;

use crate::question::{Check, LeftOut, Question, Side};

/// Every area, those that decide most often first.
static AREAS: &[(&[Check], &[LeftOut])] = &[
    (enable::CHECKS, enable::LEFT_OUT),
    (service::CHECKS, service::LEFT_OUT),
    (listener::CHECKS, listener::LEFT_OUT),
    (certificate::CHECKS, certificate::LEFT_OUT),
    (tls::CHECKS, tls::LEFT_OUT),
    (firewall::CHECKS, firewall::LEFT_OUT),
    (platform::CHECKS, platform::LEFT_OUT),
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

/// A row of the table, as it was written down before there was a check for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// `H040`.
    pub row: &'static str,
    /// `host` or `client`.
    pub side: &'static str,
    /// What it is about: `service`, `firewall`.
    pub area: &'static str,
    /// What is checked.
    pub what: &'static str,
    /// Where that is from; `unverified` stands where no source was found.
    pub source: &'static str,
}

/// Every row of the table, checked or not.
pub fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let text = include_str!("../data/host_checks.tsv");
        text.lines().skip(1).filter_map(row).collect()
    });
    &ROWS
}

fn row(line: &'static str) -> Option<Row> {
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    Some(Row { row: next()?, side: next()?, area: next()?, what: next()?, source: next()? })
}
