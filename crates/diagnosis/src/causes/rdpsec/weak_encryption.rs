//! The encryption can be broken by whoever listens.

use rdpdoctor_model::{CauseId, Stage};

use super::{LEVEL_LOW, SPEAK_TLS, chosen, level, method};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `rdpsec.weak-encryption`
pub static CAUSE: Cause = Cause {
    id: CauseId("rdpsec.weak-encryption"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} encrypts so weakly that a listener can read along",
    explanation: "The server uses Standard RDP Security with a key of 40 or 56 bits, or it encrypts only what the client sends. Keys of that length are found by trying them all. It still connects.",
    excludes: &[],
    remedies: &[SPEAK_TLS],
    references: &["MS-RDPBCGR 5.3.1", "MS-RDPBCGR 2.2.1.4.3"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["rdpsec-weak-encryption", "rdpsec-56-bit"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = chosen(evidence)?;
    let (number, chosen_level) = seen.value;
    let weak = matches!(number, 1 | 8) || chosen_level == LEVEL_LOW;
    weak.then(|| {
        let words = format!(
            "It chose {}, level {}.",
            method(number).unwrap_or("an unknown method"),
            level(chosen_level)
        );
        Match::new(Severity::Warning, Proof::Proven, [seen.id()]).detailed(words)
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn short_keys_and_half_of_the_traffic() {
        for (method, level, weak) in [
            (1, 2, true),
            (8, 2, true),
            (2, 1, true),
            (2, 2, false),
            (2, 3, false),
            (0x10, 4, false),
        ] {
            let scene = Scene::negotiated(0).standard_security(method, level);
            assert_eq!(scene.judge(&CAUSE).is_some(), weak, "{method}, {level}");
        }
    }
}
