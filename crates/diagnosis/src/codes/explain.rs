use rdpdoctor_model::CauseId;

use super::advice::{ADVICE, Advice};
use super::near::{Near, near};
use super::pairs::{Pair, pairs_of};
use super::query::Query;
use super::table::{Entry, Table, entries, lookup, named};
use crate::{CATALOGUE, Cause, NextTest, Proof};

/// What is known of a code.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What was asked.
    pub query: Query,
    /// What the number officially means, table by table.
    pub meanings: Vec<Meaning>,
    /// What is known of the pair: claims judged, real reports.
    pub pairs: Vec<&'static Pair>,
    /// What the layout of the number suggests, where no table has it. Observed, not documented.
    pub fallback: Option<&'static str>,
    /// The causes that produce it, the most usual first.
    pub causes: Vec<PossibleCause>,
    /// What to check first; at most three.
    pub first_checks: Vec<NextTest>,
    /// Advice that is given for it and should not be followed.
    pub refused: Vec<&'static Advice>,
    /// What may have been meant, where nothing was found.
    pub near: Vec<Near>,
}

impl Explanation {
    /// Whether anything is known of it.
    pub fn found(&self) -> bool {
        !self.meanings.is_empty() || !self.pairs.is_empty()
    }
}

/// A row that speaks of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Which of the two numbers it is about.
    pub role: Role,
    /// The row.
    pub entry: &'static Entry,
}

/// Which number of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The error code, or the only number.
    Code,
    /// The extended error code.
    Extended,
}

/// A cause that produces the code.
#[derive(Debug, Clone, Copy)]
pub struct PossibleCause {
    /// Its identifier.
    pub id: CauseId,
    /// How sure the code alone makes it.
    pub proof: Proof,
    /// Its words, where this version can find it.
    pub cause: Option<&'static Cause>,
}

/// Explains a code.
pub fn explain(query: &Query) -> Explanation {
    let mut meanings = Vec::new();
    let mut pairs = Vec::new();
    let mut codes = None;
    match query {
        Query::Pair { code, extended } => {
            let row = |role| move |entry| Meaning { role, entry };
            meanings.extend(lookup(Table::DisconnectReason, *code).map(row(Role::Code)));
            for table in [Table::ExtendedReason, Table::Errinfo] {
                meanings.extend(lookup(table, *extended).map(row(Role::Extended)));
            }
            pairs = pairs_of(*code, Some(*extended));
            codes = Some((*code, Some(*extended)));
        }
        Query::Number { number, table } => {
            let role = Role::Code;
            let rows = entries().iter().filter(|entry| {
                entry.number == Some(*number)
                    && table.map_or(entry.table != Table::ClientEvent, |t| entry.table == t)
            });
            meanings.extend(rows.map(|entry| Meaning { role, entry }));
            if table.is_none() {
                pairs = pairs_of(*number, None);
                codes = Some((*number, None));
            }
        }
        Query::Name(name) => {
            meanings.extend(named(name).map(|entry| Meaning { role: Role::Code, entry }));
        }
    }
    let causes = causes(codes, &pairs, &meanings);
    let mut first_checks: Vec<NextTest> = Vec::new();
    let of_pairs = pairs.iter().flat_map(|pair| pair.first_checks);
    let of_causes = causes.iter().filter_map(|c| c.cause).flat_map(|cause| cause.next_tests);
    for check in of_pairs.chain(of_causes) {
        if first_checks.len() < 3 && !first_checks.contains(check) {
            first_checks.push(*check);
        }
    }
    let refused = ADVICE.iter().filter(|a| a.concerns(causes.iter().map(|c| &c.id))).collect();
    let unknown = meanings.is_empty() && pairs.is_empty();
    let number = match query {
        Query::Pair { code, .. } => Some(*code),
        Query::Number { number, .. } => Some(*number),
        Query::Name(_) => None,
    };
    Explanation {
        query: query.clone(),
        fallback: number.filter(|_| unknown).and_then(family),
        near: number.filter(|_| unknown).map(near).unwrap_or_default(),
        meanings,
        pairs,
        causes,
        first_checks,
        refused,
    }
}

/// The pair's own list first, then the catalogue's causes by proof and stage, then what the tables
/// name; each once.
fn causes(
    codes: Option<(u32, Option<u32>)>,
    pairs: &[&'static Pair],
    meanings: &[Meaning],
) -> Vec<PossibleCause> {
    let mut found: Vec<PossibleCause> = Vec::new();
    let mut add = |id: CauseId, proof| {
        if !found.iter().any(|known| known.id == id) {
            let cause = CATALOGUE.iter().copied().find(|cause| cause.id == id);
            found.push(PossibleCause { id, proof, cause });
        }
    };
    for suspect in pairs.iter().flat_map(|pair| pair.causes) {
        add(suspect.cause, suspect.proof);
    }
    if let Some((code, extended)) = codes {
        let mut showing: Vec<(Proof, &Cause)> = CATALOGUE
            .iter()
            .filter_map(|cause| {
                let shown = cause.client_shows.iter().find(|s| s.matches(code, extended))?;
                Some((shown.proof, *cause))
            })
            .collect();
        showing.sort_by_key(|(proof, cause)| (*proof, cause.stage));
        for (proof, cause) in showing {
            add(cause.id, proof);
        }
    }
    for id in meanings.iter().flat_map(|meaning| &meaning.entry.causes) {
        add(*id, Proof::Possible);
    }
    found.sort_by_key(|cause| cause.proof);
    found
}

/// What the low byte of an unknown disconnect reason stands for, as observed in the known ones.
fn family(code: u32) -> Option<&'static str> {
    if code > 0xFFFF {
        return None;
    }
    Some(match code & 0xFF {
        0x04 => "its low byte stands for the socket",
        0x06 => "its low byte stands for security or memory",
        0x07 => "its low byte stands for TLS or CredSSP",
        0x08 => "its low byte stands for the name, a time-out or the licence",
        0x09 => "its low byte stands for the policy on NLA",
        _ => return None,
    })
}
