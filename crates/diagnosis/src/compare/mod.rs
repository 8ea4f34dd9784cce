//! Several runs held side by side: what separates two groups of them, and which cause that points
//! to. Pure, as the rules are: evidence comes in, differences come out.

mod aspects;
mod causes;
mod groups;
#[cfg(test)]
mod tests;

use rdpdoctor_model::{ObservationId, Stage};

use crate::{Cause, Evidence, Proof};

/// What separates two groups of runs.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What differs, in the order of the stages.
    pub differences: Vec<Difference>,
    /// The causes that this points to, surest first.
    pub findings: Vec<Pointer>,
    /// How many aspects were seen in both groups; without any there is nothing to compare.
    pub compared: usize,
}

impl Comparison {
    /// Whether anything differs that matters.
    pub fn matters(&self) -> bool {
        !self.findings.is_empty() || self.differences.iter().any(|d| d.matters)
    }
}

/// One of the two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The runs that went well, or simply the first one.
    First,
    /// The runs that did not, or simply the second one.
    Second,
}

impl Group {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// Something that was seen in both groups and is nowhere the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where it shows.
    pub stage: Stage,
    /// What differs: kebab-case, and a name behind a space where there are several of a kind.
    pub aspect: String,
    /// Whether it can have to do with a failure; what follows from other hosts or other places
    /// being compared does not.
    pub matters: bool,
    /// The runs of the first group that saw it, and of the second.
    pub values: [Vec<Value>; 2],
}

impl Difference {
    /// What the group's runs saw.
    pub fn of(&self, group: Group) -> &[Value] {
        &self.values[group.index()]
    }
}

/// What one run saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The run's place in its group.
    pub run: usize,
    /// What it saw, in words.
    pub text: String,
    /// The observations that say so; none where it is what the run was asked for.
    pub evidence: Vec<ObservationId>,
}

/// A cause that the comparison points to.
#[derive(Debug, Clone)]
pub struct Pointer {
    /// The cause.
    pub cause: &'static Cause,
    /// How sure that is.
    pub proof: Proof,
    /// The group that suffers from it, where that is known.
    pub group: Option<Group>,
    /// One line that a person understands.
    pub title: String,
    /// Why the difference points there, and what else it may be.
    pub explanation: String,
    /// The aspects of the differences that it rests on.
    pub aspects: Vec<String>,
    /// The observations that it rests on.
    pub evidence: Vec<Cited>,
}

/// An observation of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// The run's group.
    pub group: Group,
    /// The run's place in it.
    pub run: usize,
    /// The observation.
    pub id: ObservationId,
}

/// Holds two groups of runs side by side. A group that is empty has nothing to compare.
pub fn compare(first: &[Evidence<'_>], second: &[Evidence<'_>]) -> Comparison {
    let groups = groups::Groups::new(first, second);
    let (differences, compared) = groups.differences();
    let findings = causes::point(&groups, &differences);
    Comparison { differences, findings, compared }
}
