//! Remedy for a port that the whole world may reach.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};
use std::net::IpAddr;

/// `net.exposed-to-internet`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.exposed-to-internet"),
    stage: Stage::X224,
    owner: Owner::Network,
    title: "Remote Desktop of {host} answers on a public address",
    explanation: "The address is a public one, and the port answered. If it answers everybody, it is under attack all day: password guessing, and every hole that is found in the service.",
    excludes: &[],
    remedies: &[Remedy {
        id: "put-it-behind-a-vpn",
        place: Where::Network,
        risk: Risk::Medium,
        title: "Let it be reached by VPN, gateway, bastion or just-in-time access only",
        steps: &[
            "See from a network that should not get in whether the port answers: rdpdoctor check {target}",
            "Restrict the firewall rule to the networks that need it, or close it and use a VPN, RD Gateway or bastion.",
        ],
        interrupts: "those who came in directly need the new way",
        undo: &["Restore the former firewall rule."],
        verify: "from outside: rdpdoctor check {target} says net.no-answer",
    }],
    references: &["https://www.cisa.gov/news-events/cybersecurity-advisories"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::None("needs a public address; the rule's tests build its evidence"),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let connected = evidence
        .main_path(|fact| match fact {
            Fact::TcpConnected { remote, .. } => Some(remote.ip()),
            _ => None,
        })
        .pop()?;
    let answered = evidence.negotiation()?;
    is_public(connected.value)
        .then(|| Match::new(Severity::Info, Proof::Possible, [connected.id(), answered.id()]))
}

/// Outside the special-purpose ranges of RFC 6890.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || shared
                || benchmark
                || a == 0
                || a >= 240)
        }
        // 2000::/3 without documentation 2001:db8::/32.
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            a & 0xE000 == 0x2000 && !(a == 0x2001 && b == 0x0DB8)
        }
    }
}

#[cfg(test)]
mod tests {

    use super::is_public;

    #[test]
    fn public_and_not() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("10.1.1.1", false),
            ("100.64.0.1", false),
            ("192.0.2.1", false),
            ("2a00::1", true),
            ("fd00::1", false),
        ] {
            assert_eq!(is_public(text.parse().expect("an address")), public, "{text}");
        }
    }
}
