//! Client and server have no encryption in common.

use rdpdoctor_model::{CauseId, Stage};

use super::{SPEAK_TLS, chosen, level, method};
use crate::causes::said;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `rdpsec.no-common-encryption`
pub static CAUSE: Cause = Cause {
    id: CauseId("rdpsec.no-common-encryption"),
    stage: Stage::Mcs,
    owner: Owner::Host,
    title: "{host} and this client have no encryption in common",
    explanation: "The client offered every method of Standard RDP Security: 40, 56 and 128 bits and FIPS. The server wants encryption and chose none of them, or said that it can use none.",
    excludes: &["name, route, firewall", "password, account, licence: none was reached"],
    remedies: &[SPEAK_TLS],
    references: &["MS-RDPBCGR 2.2.1.3.3", "MS-RDPBCGR 2.2.1.4.3", "MS-RDPBCGR 2.2.5.1.1"],
    client_shows: &[ClientCode { code: 0x506, extended: None, proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["rdpsec-no-common-encryption"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    said::by_number(evidence, CAUSE.id).or_else(|| {
        let seen = chosen(evidence)?;
        let (number, chosen_level) = seen.value;
        method(number).is_none().then(|| {
            let words = format!(
                "Its level is {} and its method {number:#x}, which is none.",
                level(chosen_level)
            );
            Match::new(Severity::Blocking, Proof::Proven, [seen.id()]).detailed(words)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn no_method_and_the_word_of_the_server() {
        for (method, none) in [(0, true), (3, true), (2, false), (0x10, false)] {
            let scene = Scene::negotiated(0).standard_security(method, 3);
            assert_eq!(scene.judge(&CAUSE).is_some(), none, "{method}");
        }
        assert!(Scene::negotiated(0).error_info(0x1194).judge(&CAUSE).is_some());
        assert_eq!(Scene::negotiated(0).error_info(0x1192).judge(&CAUSE), None);
        assert_eq!(Scene::negotiated(1).judge(&CAUSE), None);
    }
}
