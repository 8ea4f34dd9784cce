//! What the programs on this machine are told is not what the DNS says.

use rdpdoctor_model::{CauseId, DnsOutcome, Fact, Stage};

use crate::causes::{advice, look};
use crate::{Cause, ClientCode, Evidence, Match, Owner, Proof, Reproduction, Severity, TcpResult};

/// `dns.client-differs`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.client-differs"),
    stage: Stage::Dns,
    owner: Owner::Client,
    title: "This machine's resolver and the DNS disagree about {host}",
    explanation: "The DNS has one answer, the resolver that programs on this machine use has another. A cache, a name resolution policy, a search suffix, or a second DNS server behind a VPN lies between them.",
    excludes: &["the host's service, certificate, password"],
    remedies: &[advice::CHECK_NAME_AT_CLIENT],
    references: &["https://learn.microsoft.com/en-us/windows-server/networking/dns/dns-overview"],
    client_shows: &[ClientCode { code: 0x104, extended: Some(0), proof: Proof::Likely }],
    more_specific_than: &[CauseId("dns.name-not-found"), CauseId("dns.resolver-failed")],
    reproduction: Reproduction::None(
        "needs two resolvers that disagree; the rule's tests build its evidence",
    ),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let records = evidence.all(|fact| match fact {
        Fact::DnsAnswer { outcome: DnsOutcome::Records, addresses, .. } => Some(addresses),
        _ => None,
    });
    let known = records.first()?;
    let failed = evidence.all(|f| matches!(f, Fact::NameFailed { .. }).then_some(())).pop();
    if let Some(failed) = failed {
        return Some(Match::new(Severity::Blocking, Proof::Proven, [failed.id(), known.id()]));
    }
    // Two sets that share nothing may be a farm; it matters only when none of ours answers.
    let resolved = evidence
        .all(|fact| match fact {
            Fact::NameResolved { addresses, .. } => Some(addresses),
            _ => None,
        })
        .pop()?;
    let host = evidence.target.map(|target| target.host.to_lowercase()).unwrap_or_default();
    let local = !host.contains('.') || host.ends_with(".local") || host == "localhost";
    let shared = records.iter().any(|r| r.value.iter().any(|a| resolved.value.contains(a)));
    let dead = matches!(evidence.tcp(), TcpResult::Failed(..));
    if local || shared || !dead || look::hosts_entry(evidence).is_some() {
        return None;
    }
    Some(Match::new(Severity::Warning, Proof::Possible, [resolved.id(), known.id()]))
}

#[cfg(test)]
mod tests {

    use rdpdoctor_model::{DnsOutcome, ResolveFailure};

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn a_name_that_only_the_dns_knows() {
        let failed = || Scene::new().name_failed(ResolveFailure::NotFound);
        assert!(failed().dns_answer(DnsOutcome::Records, &["10.0.0.1"]).judge(&CAUSE).is_some());
        assert_eq!(failed().dns_answer(DnsOutcome::NxDomain, &[]).judge(&CAUSE), None);
    }
}
