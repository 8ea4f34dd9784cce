//! What is read of the machine in front of the user beside a check: the rows of the client that cost a few
//! milliseconds.

use std::collections::BTreeSet;

use rdpdoctor_model::Fact;

use crate::collect::answer;
use crate::question::Side;
use crate::{System, checks};

/// Its rows: TLS, CredSSP, UDP and NTLM, the hosts file, what is saved, what may not run, the client's
/// version; last the updates, which are many.
const ROWS: &[&str] = &[
    "C186", "C182", "C183", "C179", "C178", "C181", "C161", "C184", "C190", "C171", "C175", "C176",
    "C194", "H112", "C117",
];

/// Hands over the facts of these rows, each as soon as it is had: whoever waits for the connection alone
/// takes what is there by then.
pub fn collect_beside(system: &dyn System, mut keep: impl FnMut(Fact)) {
    let mut asked = BTreeSet::new();
    let rows = ROWS.iter().filter_map(|row| {
        checks::all().find(|check| check.side == Side::Client && check.row == *row)
    });
    for question in rows.flat_map(|check| check.questions).copied() {
        if asked.insert(question) {
            answer(system, question).into_iter().filter(is_about_a_check).for_each(&mut keep);
        }
    }
}

/// A file of `mstsc` that is not there says nothing about a connection that another program makes.
fn is_about_a_check(fact: &Fact) -> bool {
    !matches!(fact, Fact::WindowsFile(file) if file.state.is_absent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_one_of_the_client() {
        for row in ROWS {
            assert!(
                checks::all().any(|check| check.row == *row && check.side == Side::Client),
                "{row}"
            );
        }
    }
}
