//! The resolver itself failed: nobody said whether the name exists.

use rdpdoctor_model::{CauseId, ResolveFailure, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `dns.resolver-failed`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.resolver-failed"),
    stage: Stage::Dns,
    owner: Owner::Network,
    title: "No DNS server could tell the address of {host}",
    explanation: "The question for the name was not answered, or was answered with a failure. This says nothing about the host: the DNS server, the way to it, or the VPN that leads there is at fault.",
    excludes: &["the host: it was not even looked for", "certificate, password, account, licence"],
    remedies: &[advice::CHECK_NAME_AT_CLIENT, advice::ASK_NETWORK_TEAM],
    references: &["RFC 1035 4.1.1"],
    client_shows: &[ClientCode { code: 0x104, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::None(
        "needs a resolver that fails; the rule's tests build its evidence",
    ),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if look::dns_records(evidence) {
        return None;
    }
    let failed = look::name_failed(evidence, ResolveFailure::ResolverFailed)
        .or_else(|| look::name_failed(evidence, ResolveFailure::Timeout))?;
    Some(Match::new(Severity::Blocking, Proof::Proven, [failed]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::ResolveFailure;

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn a_failed_resolver_is_no_unknown_name() {
        assert!(Scene::new().name_failed(ResolveFailure::Timeout).judge(&CAUSE).is_some());
        assert_eq!(Scene::new().name_failed(ResolveFailure::NotFound).judge(&CAUSE), None);
    }
}
