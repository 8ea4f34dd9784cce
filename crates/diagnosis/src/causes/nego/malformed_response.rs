//! An answer that breaks the rules.

use rdpdoctor_model::{CauseId, Fact, Negotiation, Stage};

use crate::causes::advice;
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `nego.malformed-response`
pub static CAUSE: Cause = Cause {
    id: CauseId("nego.malformed-response"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "{host} answers the connection request with something broken",
    explanation: "The answer begins as a Remote Desktop server's does and then breaks the rules, or chooses what nobody offered. Another program, a proxy that rewrites traffic, or a faulty server is at the port.",
    excludes: &["the network: an answer came", "password, account, licence: none was reached"],
    remedies: &[advice::LOOK_AT_LISTENER],
    references: &["MS-RDPBCGR 2.2.1.2", "ITU-T X.224 13"],
    client_shows: &[ClientCode { code: 0x1104, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "nego-unknown-failure",
        "nego-disconnect-request",
        "nego-unrequested-protocol",
        "nego-bad-length",
        "nego-garbage-in-tpkt",
    ]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// failureCodes that MS-RDPBCGR 2.2.1.2.2 and current clients know.
const KNOWN_FAILURES: std::ops::RangeInclusive<u32> = 1..=7;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found =
        |id, detail| Some(Match::new(Severity::Blocking, Proof::Proven, [id]).detailed(detail));
    let broken = evidence.main_path(|fact| match fact {
        Fact::X224Malformed { problem, .. } => Some(format!("The answer: {problem}.")),
        Fact::DisconnectRequest { reason } => {
            Some(format!("It sent an X.224 disconnect request, reason {reason}."))
        }
        _ => None,
    });
    if let Some(seen) = broken.into_iter().next() {
        return found(seen.id(), seen.value);
    }
    let last = evidence.negotiation()?;
    match last.value {
        Negotiation::Failure { code } if !KNOWN_FAILURES.contains(&code) => {
            found(last.id(), format!("It refused with the unknown code {code}."))
        }
        Negotiation::Response { selected_protocol, .. } if selected_protocol != 0 => {
            let offered = evidence
                .main_path(|fact| match fact {
                    Fact::ConnectionRequest { requested_protocols, .. } => *requested_protocols,
                    _ => None,
                })
                .into_iter()
                .rfind(|seen| seen.observation.connection == last.observation.connection)?;
            let one = selected_protocol.is_power_of_two();
            if one && offered.value & selected_protocol != 0 {
                return None;
            }
            let text = format!(
                "It chose protocol {selected_protocol:#x}; {:#x} was offered.",
                offered.value
            );
            found(last.id(), text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::Negotiation;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn unknown_codes_and_choices_that_nobody_offered() {
        let answer = |negotiation| {
            Scene::new().connected("10.0.0.1:3389").request(0x0B).confirm(negotiation).judge(&CAUSE)
        };
        let chose =
            |selected_protocol| answer(Negotiation::Response { flags: 0, selected_protocol });
        assert!(answer(Negotiation::Failure { code: 42 }).is_some());
        assert_eq!(answer(Negotiation::Failure { code: 5 }), None);
        assert!(chose(4).is_some());
        assert!(chose(3).is_some());
        assert_eq!(chose(8), None);
        assert_eq!(chose(0), None);
    }
}
