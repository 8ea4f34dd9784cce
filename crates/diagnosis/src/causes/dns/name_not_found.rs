//! The name does not exist, says the resolver that decides.

use rdpdoctor_model::{CauseId, DnsOutcome, Fact, ResolveFailure, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `dns.name-not-found`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.name-not-found"),
    stage: Stage::Dns,
    owner: Owner::User,
    title: "The name {host} is not known",
    explanation: "The resolver that every program on this machine uses says that the name does not exist. A slip in spelling, a missing domain part or a VPN that is down are the usual reasons.",
    excludes: &["the host, its service, certificate, password"],
    remedies: &[advice::CHECK_NAME_AT_CLIENT, advice::MEND_DNS],
    references: &["RFC 1035", "RFC 6761 6.4"],
    client_shows: &[ClientCode { code: 0x104, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("dns_name_not_found"),
    next_tests: &[advice::FROM_ELSEWHERE],
    rule,
};

/// The system's word is proof, unless the DNS itself knows the name (`dns.client-differs`); when no
/// DNS server answered at all, it is only likely.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let failed = look::name_failed(evidence, ResolveFailure::NotFound)?;
    if look::dns_records(evidence) || look::dns_says_no_data(evidence) {
        return None;
    }
    let answers = evidence.all(|fact| match fact {
        Fact::DnsAnswer { outcome, .. } => Some(outcome),
        _ => None,
    });
    let silent =
        !answers.is_empty() && answers.iter().all(|seen| *seen.value != DnsOutcome::NxDomain);
    let proof = if silent { Proof::Likely } else { Proof::Proven };
    let single = evidence.target.is_some_and(|target| !target.host.contains('.'));
    let found = Match::new(Severity::Blocking, proof, [failed]);
    Some(if single {
        found.detailed("It has no domain part: without the right search suffix (or the VPN that brings it) no resolver can find it.")
    } else {
        found
    })
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{DnsOutcome, ResolveFailure};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn the_resolver_is_proof_and_a_dns_that_knows_the_name_is_not() {
        let scene = Scene::new().name_failed(ResolveFailure::NotFound);
        assert_eq!(scene.judge(&CAUSE).map(|m| m.proof), Some(Proof::Proven));
        let known = Scene::new()
            .name_failed(ResolveFailure::NotFound)
            .dns_answer(DnsOutcome::Records, &["10.0.0.1"]);
        assert_eq!(known.judge(&CAUSE), None);
    }
}
