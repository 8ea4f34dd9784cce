//! The record is stale: another machine lives at that address now.

use rdpdoctor_model::{CauseId, Fact, Lookup, Stage};

use crate::causes::{advice, look};
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Seen, Severity};

/// `dns.stale-address`
pub static CAUSE: Cause = Cause {
    id: CauseId("dns.stale-address"),
    stage: Stage::Dns,
    owner: Owner::Directory,
    title: "{host} leads to another machine: its DNS record is out of date",
    explanation: "The machine that answers bears another name, and a second sign says the same: the record for the name still points to an address that now belongs to somebody else.",
    excludes: &["the password: it would go to the wrong machine"],
    remedies: &[advice::MEND_DNS],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/networking/dns-scavenging-setup",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("dns.other-name")],
    reproduction: Reproduction::None(
        "needs a DNS with reverse names; the rule's tests build its evidence",
    ),
    next_tests: &[],
    rule,
};

/// A second sign is asked for: an alias alone looks the same.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let (seen, name) = look::other_name(evidence)?;
    let own = look::first_label(&name);
    let target = evidence.target?;
    let alias = evidence.all(|fact| match fact {
        Fact::NameResolved { canonical_name: Some(name), .. } => Some(vec![name.as_str()]),
        Fact::DnsAnswer { names, .. } => Some(names.iter().map(String::as_str).collect()),
        _ => None,
    });
    if alias.iter().any(|a| a.value.iter().any(|name| look::first_label(name) == own)) {
        return None;
    }
    let reverse = evidence.all(|fact| match fact {
        Fact::ReverseName { names: Lookup::Seen { value }, .. } => {
            value.iter().any(|name| look::first_label(name) == own).then_some(())
        }
        _ => None,
    });
    let same_domain = look::ntlm_names(evidence).is_some_and(|names| {
        let domain = names.value.domain.unwrap_or_default().to_lowercase();
        !domain.is_empty() && target.host.to_lowercase().ends_with(&format!(".{domain}"))
    });
    let certificate = evidence.server_certificate().filter(|seen| {
        let name = seen.value.subject_common_name.as_deref().unwrap_or_default();
        same_domain && look::first_label(name) == own
    });
    let second = reverse.first().map(Seen::id).or_else(|| certificate.map(|seen| seen.id()))?;
    Some(
        Match::new(Severity::Warning, Proof::Likely, [seen, second])
            .detailed(format!("The machine there is {name}.")),
    )
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn a_reverse_name_is_the_second_sign() {
        let other = || Scene::negotiated(2).challenge("PC07", "pc07.corp.example");
        assert!(other().reverse_name("pc07.corp.example").judge(&CAUSE).is_some());
        assert_eq!(other().reverse_name("pc42.corp.example").judge(&CAUSE), None);
        assert_eq!(other().judge(&CAUSE), None);
    }
}
