//! The name exists without an address.

use rdpdoctor_model::{CauseId, ResolveFailure, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `dns.no-address`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.no-address"),
    stage: Stage::Dns,
    owner: Owner::Directory,
    title: "The name {host} exists, but has no address",
    explanation: "The DNS knows the name, but holds neither an IPv4 nor an IPv6 address for it. The host may never have registered itself, or its record was removed.",
    excludes: &["a slip in spelling", "the host's service, certificate, password"],
    remedies: &[advice::MEND_DNS, advice::CHECK_NAME_AT_CLIENT],
    references: &["RFC 2308 2.2"],
    client_shows: &[ClientCode { code: 0x104, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::None(
        "needs a DNS zone with such a name; the rule's tests build its evidence",
    ),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if look::dns_records(evidence) {
        return None;
    }
    let failed = look::name_failed(evidence, ResolveFailure::NoAddress).or_else(|| {
        let failed = look::name_failed(evidence, ResolveFailure::NotFound)?;
        look::dns_says_no_data(evidence).then_some(failed)
    })?;
    Some(Match::new(Severity::Blocking, Proof::Proven, [failed]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{DnsOutcome, ResolveFailure};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn no_data_is_another_answer_than_no_such_name() {
        let failed = || Scene::new().name_failed(ResolveFailure::NotFound);
        assert!(failed().dns_answer(DnsOutcome::NoData, &[]).judge(&CAUSE).is_some());
        assert_eq!(failed().dns_answer(DnsOutcome::NxDomain, &[]).judge(&CAUSE), None);
    }
}
