use rdpdoctor_model::{CauseId, Stage};

use super::explain::{explain, in_general};
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
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The cause.
    pub cause: &'static Cause,
    /// How sure the code alone makes it.
    pub proof: Proof,
    /// What is seen: the first sentence of the cause's explanation.
    pub seen: String,
    /// The causes of the same branch that remain when this one is ruled out: it is their more
    /// precise case.
    pub otherwise: Vec<CauseId>,
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
        let seen = in_general(first_sentence(cause.explanation));
        let outcome = Outcome { cause, proof: possible.proof, seen, otherwise: Vec::new() };
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
        let here: Vec<CauseId> = branch.outcomes.iter().map(|o| o.cause.id).collect();
        for outcome in &mut branch.outcomes {
            let less_precise = outcome.cause.more_specific_than.iter().copied();
            outcome.otherwise = less_precise.filter(|id| here.contains(id)).collect();
        }
        branch.fork = fork(&branch.outcomes);
    }
    Tree { branches }
}

/// The first test that at least half of several outcomes name.
fn fork(outcomes: &[Outcome]) -> Option<Fork> {
    let names = |test: &NextTest| {
        let naming = outcomes.iter().filter(|outcome| outcome.cause.next_tests.contains(test));
        naming.count() * 2 >= outcomes.len()
    };
    let mut tests = outcomes.iter().flat_map(|outcome| outcome.cause.next_tests);
    let test = tests.find(|test| outcomes.len() > 1 && names(test))?;
    Some(Fork { test: *test })
}

/// Up to the first full stop that ends a sentence.
fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::{first_sentence, tree};
    use crate::codes::Query;
    use crate::{CATALOGUE, Proof};

    #[test]
    fn every_cause_that_shows_a_code_is_in_its_tree_once() {
        for cause in CATALOGUE {
            for shown in cause.client_shows {
                let query = match shown.extended {
                    Some(extended) => Query::Pair { code: shown.code, extended },
                    None => Query::number(shown.code),
                };
                let drawn = tree(&query);
                let places = drawn.branches.iter().flat_map(|b| &b.outcomes);
                let here = places.filter(|o| o.cause.id == cause.id).count();
                assert_eq!(here, 1, "{} in {query}", cause.id);
                assert!(drawn.branches.is_sorted_by_key(|branch| branch.stage));
            }
        }
    }

    #[test]
    fn the_more_precise_case_names_what_remains() {
        let drawn = tree(&Query::Pair { code: 0x904, extended: 7 });
        let outcomes: Vec<_> = drawn.branches.iter().flat_map(|b| &b.outcomes).collect();
        let key = outcomes
            .iter()
            .find(|o| o.cause.id.0 == "tls.private-key-unavailable")
            .expect("it shows the pair");
        assert_eq!(key.proof, Proof::Likely);
        assert!(key.otherwise.iter().any(|id| id.0 == "tls.closed"), "{:?}", key.otherwise);
        for outcome in outcomes {
            assert!(outcome.seen.ends_with('.') && !outcome.seen.contains('{'), "{outcome:?}");
        }
    }

    #[test]
    fn an_unknown_code_has_no_branches() {
        assert!(tree(&Query::number(0x7C0C)).branches.is_empty());
    }

    #[test]
    fn sentences() {
        assert_eq!(first_sentence("One two. Three."), "One two.");
        assert_eq!(first_sentence("TLS 1.2 only."), "TLS 1.2 only.");
    }
}
