//! What of a run can be held against another run: one value an aspect, and when two values are the
//! same. Times, numbers of connections, random values and whatever a busy machine changes are no
//! aspects.

mod connection;
mod encryption;
mod names;
mod server;

use std::collections::{BTreeMap, BTreeSet};

use rdpdoctor_model::{ObservationId, Stage};
use serde::Serialize;

use crate::{Evidence, loss_interval};

/// One thing that a run saw, comparable with what another run saw of the same.
#[derive(Debug, Clone)]
pub(super) struct Aspect {
    pub(super) stage: Stage,
    pub(super) name: String,
    pub(super) weight: Weight,
    pub(super) key: Key,
    pub(super) text: String,
    pub(super) evidence: Vec<ObservationId>,
}

/// How much a difference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It can have to do with a failure.
    Matters,
    /// It does so where the runs are about the same host, and goes without saying where not.
    Identity,
    /// It tells the runs apart and explains nothing.
    Context,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    /// Equal or not.
    Text(String),
    /// The same where they share a member or both are empty: who is asked twice may hear two
    /// addresses of a farm.
    Any(BTreeSet<String>),
    /// Milliseconds of a clock, which the way and the machine blur.
    Clock(i64),
    /// A round trip; `true` when a series measured it and not one handshake on a busy machine.
    RoundTrip(f64, bool),
    /// Lost, of so many.
    Loss(u32, u32),
}

/// Two clocks that are this close may be right both: Kerberos takes five minutes (RFC 4120 8.2).
const CLOCK_NOISE_MS: i64 = 300_000;

/// Round trips differ when one is so many times the other and they are this far apart.
const TIMES_LONGER: f64 = 2.0;
const FARTHER_MS: f64 = 30.0;
const FARTHER_BY_HANDSHAKE_MS: f64 = 150.0;

impl Key {
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any(a), Self::Any(b)) => (a.is_empty() && b.is_empty()) || !a.is_disjoint(b),
            (Self::Clock(a), Self::Clock(b)) => a.abs_diff(*b) <= CLOCK_NOISE_MS.unsigned_abs(),
            (Self::RoundTrip(a, series), Self::RoundTrip(b, other_series)) => {
                let far =
                    if *series && *other_series { FARTHER_MS } else { FARTHER_BY_HANDSHAKE_MS };
                (a - b).abs() < far || a.max(*b) < a.min(*b) * TIMES_LONGER
            }
            // Nobody who answers no echo request loses anything by that.
            (Self::Loss(lost, sent), Self::Loss(other_lost, other_sent)) => {
                lost == sent
                    || other_lost == other_sent
                    || overlap(loss_interval(*lost, *sent), loss_interval(*other_lost, *other_sent))
            }
            (a, b) => a == b,
        }
    }
}

fn overlap(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.0 <= b.1 && b.0 <= a.1,
        _ => true,
    }
}

/// The aspects of a run by stage and name, each with its place in the order of collecting.
pub(super) type Aspects = BTreeMap<(Stage, String), (usize, Aspect)>;

/// Every aspect of a run. Of several with one name the first counts.
pub(super) fn of(evidence: &Evidence<'_>) -> Aspects {
    let mut aspects = Collector(Vec::new());
    names::collect(evidence, &mut aspects);
    connection::collect(evidence, &mut aspects);
    encryption::collect(evidence, &mut aspects);
    server::collect(evidence, &mut aspects);
    let mut by_name = Aspects::new();
    for (place, aspect) in aspects.0.into_iter().enumerate() {
        by_name.entry((aspect.stage, aspect.name.clone())).or_insert((place, aspect));
    }
    by_name
}

/// What a run says of an aspect that only another run has: a file that does not set something is
/// read as that, all else was not looked at.
pub(super) fn unset(aspects: &Aspects, stage: Stage, name: &str) -> Option<Aspect> {
    let of_file = name.starts_with("setting ") || name.starts_with("problem ");
    let (_, file) = aspects.get(&(Stage::RdpFile, names::FILE.to_owned()))?;
    (stage == Stage::RdpFile && of_file).then(|| {
        let text = "not there".to_owned();
        let (name, evidence) = (name.to_owned(), file.evidence.clone());
        let key = Key::Text(text.clone());
        Aspect { stage, name, weight: Weight::Matters, key, text, evidence }
    })
}

/// Aspects in the making.
pub(super) struct Collector(Vec<Aspect>);

impl Collector {
    /// A text that is its own key.
    fn text(
        &mut self,
        (stage, name): (Stage, &str),
        weight: Weight,
        text: impl Into<String>,
        evidence: impl IntoIterator<Item = ObservationId>,
    ) {
        let text = text.into();
        self.keyed((stage, name), weight, Key::Text(text.clone()), text, evidence);
    }

    /// A text with a key of its own.
    fn keyed(
        &mut self,
        (stage, name): (Stage, &str),
        weight: Weight,
        key: Key,
        text: impl Into<String>,
        evidence: impl IntoIterator<Item = ObservationId>,
    ) {
        let (name, text) = (name.to_owned(), text.into());
        let evidence = evidence.into_iter().collect();
        self.0.push(Aspect { stage, name, weight, key, text, evidence });
    }
}

/// The word by which the document names a value (`refused`, `hybrid-ex`).
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("not known").to_owned()
}

/// Members in a row, or `none`.
fn list(members: &BTreeSet<String>) -> String {
    if members.is_empty() {
        return "none".to_owned();
    }
    members.iter().cloned().collect::<Vec<_>>().join(", ")
}
