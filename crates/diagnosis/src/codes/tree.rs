use rdpdoctor_model::Stage;

use super::explain::explain;
use super::query::Query;
use crate::{Cause, NextTest, Proof};

/// The decision tree that the catalogue implies for a code: stage by stage, what would be seen and
/// which cause it means.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Stages in order, those with a cause only.
    pub branches: Vec<StageBranch>,
}

/// One stage of the tree.
#[derive(Debug, Clone)]
pub struct StageBranch {
    /// Which.
    pub stage: Stage,
    /// What can come out there, the surest first.
    pub outcomes: Vec<Outcome>,
    /// What tells them apart.
    pub fork: Option<Fork>,
}

/// A cause at the end of a branch.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// The cause.
    pub cause: &'static Cause,
    /// How sure the code alone makes it.
    pub proof: Proof,
}

/// The test at which a branch forks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// The test.
    pub test: NextTest,
}

/// Draws the tree for a code; without branches when no cause of the catalogue shows it.
pub fn tree(query: &Query) -> Tree {
    let explanation = explain(query);
    let mut branches: Vec<StageBranch> = Vec::new();
    for possible in &explanation.causes {
        let Some(cause) = possible.cause else { continue };
        let outcome = Outcome { cause, proof: possible.proof };
        match branches.iter_mut().find(|branch| branch.stage == cause.stage) {
            Some(branch) => branch.outcomes.push(outcome),
            None => {
                let (stage, outcomes) = (cause.stage, vec![outcome]);
                branches.push(StageBranch { stage, outcomes, fork: None });
            }
        }
    }
    branches.sort_by_key(|branch| branch.stage);
    for branch in &mut branches {
        branch.outcomes.sort_by_key(|outcome| outcome.proof);
        let tests = branch.outcomes.iter().flat_map(|outcome| outcome.cause.next_tests);
        branch.fork =
            tests.copied().next().filter(|_| branch.outcomes.len() > 1).map(|test| Fork { test });
    }
    Tree { branches }
}
