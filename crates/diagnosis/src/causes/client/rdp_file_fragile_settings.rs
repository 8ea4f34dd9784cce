//! Settings of the `.rdp` file with which connections are known to fail.

use std::net::IpAddr;

use rdpdoctor_model::{CauseId, Fact, GatewayUse, ObservationId, Stage};

use crate::causes::{look, rdp_file};
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `client.rdp-file-fragile-settings`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.rdp-file-fragile-settings"),
    stage: Stage::RdpFile,
    owner: Owner::Client,
    title: "The .rdp file has settings with which connections fail more easily",
    explanation: "These settings are allowed, and somebody may have meant them. Each of them makes a connection fail that would work with the client's own default.",
    excludes: &[],
    remedies: &[Remedy {
        id: "try-without-the-setting",
        place: Where::Client,
        risk: Risk::Low,
        title: "Try a copy of the file without these lines",
        steps: &[
            "Copy the file, delete the lines that are named here in the copy, and open the copy with mstsc.",
        ],
        interrupts: "nothing",
        undo: &["Delete the copy; the file itself stays as it is."],
        verify: "the copy connects where the file did not",
    }],
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rdp-properties",
        "https://learn.microsoft.com/windows/win32/termserv/imsrdpclientnonscriptable3-negotiatesecuritylayer",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("a_file_that_lets_nothing_be_negotiated"),
    next_tests: &[],
    rule,
};

/// A setting, the value with which connections fail, and how.
const FRAGILE: &[(&str, i64, &str)] = &[
    ("autoreconnection enabled", 0, "a short break of the network ends the session for good"),
    ("authentication level", 1, "a host with the certificate that Windows makes itself is refused"),
    // The direct approach (MS-RDPBCGR 5.4.2.2).
    (
        "negotiate security layer",
        0,
        "mstsc begins with TLS and sign-in at once, without asking first, and so does the check; a host that \
         negotiates first, or takes no sign-in before the session, cannot be reached",
    ),
    ("administrative session", 1, "only administrators get in"),
    ("connect to console", 1, "only administrators get in"),
    ("enablerdsaadauth", 1, "the sign-in goes by way of Microsoft Entra, which must know the host"),
    ("gatewaycredentialssource", 1, "the gateway takes a smart card only"),
];

/// The setting that turned the negotiation off, and a host that hung up because of it.
fn not_negotiated(evidence: &Evidence<'_>) -> Option<Match> {
    let ids = look::wants_negotiation(evidence)?;
    let host = evidence.target.map_or("the host", |target| target.host.as_str());
    let title = format!("The .rdp file lets nothing be negotiated, and {host} takes nothing else");
    let words = match ids.len() {
        2 => {
            "negotiate security layer:i:0 makes the client begin with TLS: the host answered that with a packet of \
             the negotiation, which it expects first."
        }
        _ => {
            "negotiate security layer:i:0 makes the client begin with TLS: the host hung up on that, and took TLS at \
             once where it was asked first."
        }
    };
    let found = Match::new(Severity::Blocking, Proof::Proven, ids);
    Some(found.titled(title).detailed(words.to_owned()))
}

/// A host that hung up on TLS at once, and was not asked first.
fn perhaps_not_negotiated(evidence: &Evidence<'_>) -> Option<Match> {
    let ids = look::may_want_negotiation(evidence)?;
    let found = Match::new(Severity::Blocking, Proof::Possible, ids).at_stage(Stage::Tls);
    let title = "{host} was not asked before TLS, and may take nothing else";
    let words = "The client began with TLS at once, as negotiate security layer:i:0 makes it do: a host that expects a \
                 Connection Request first hangs up on that, whatever its TLS is like.";
    Some(found.titled(title).detailed(words.to_owned()))
}

/// The test that tells a host that wants to be asked from one whose TLS fails.
pub(crate) fn separating(evidence: &Evidence<'_>, cause: CauseId) -> Option<NextTest> {
    (cause == CAUSE.id && look::may_want_negotiation(evidence).is_some()).then_some(NextTest {
        why: "asks before TLS, as mstsc does without that setting: tells a host that wants to be asked from one whose TLS fails",
        command: "rdpdoctor check {host}:{port}",
    })
}

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let found = not_negotiated(evidence).or_else(|| perhaps_not_negotiated(evidence));
    if found.is_some() {
        return found;
    }
    let found: Vec<(ObservationId, String)> = FRAGILE
        .iter()
        .filter_map(|(name, value, words)| {
            let (_, id) = rdp_file::number(evidence, name).filter(|(n, _)| n == value)?;
            Some((id, format!("{name}:i:{value}: {words}")))
        })
        .collect();
    let found = found.into_iter().chain(needless_gateway(evidence));
    let (ids, words): (Vec<_>, Vec<_>) = found.unzip();
    (!ids.is_empty()).then(|| {
        Match::new(Severity::Info, Proof::Possible, ids)
            .detailed(format!("Here: {}.", words.join("; ")))
    })
}

/// A gateway on every way, in front of a host that has no name or address outside its own network.
fn needless_gateway(evidence: &Evidence<'_>) -> Option<(ObservationId, String)> {
    let gateway = evidence.all(|fact| match fact {
        Fact::RdpFileGateway { usage: GatewayUse::Always, .. } => Some(()),
        _ => None,
    });
    let inside = evidence.all(|fact| match fact {
        Fact::RdpFileAddress { host, .. } => is_inside(host).then_some(()),
        _ => None,
    });
    let id = gateway.last()?.id();
    inside.last()?;
    let words = "gatewayusagemethod:i:1: also from the host's own network the gateway has to be up, which \
                 there nobody needs (2 goes straight where that works)";
    Some((id, words.to_owned()))
}

/// A name without a domain, or an address that is not of the internet.
fn is_inside(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(own)) => own.is_private() || own.is_link_local(),
        Ok(IpAddr::V6(own)) => own.is_unique_local() || own.is_unicast_link_local(),
        Err(_) => !host.is_empty() && !host.trim_end_matches('.').contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Fact, GatewayUse, Purpose, Stage};

    use super::{CAUSE, FRAGILE};
    use crate::causes::rdp_file::scenes::{file, number};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn each_of_them_and_its_near_miss() {
        for (name, value, _) in FRAGILE {
            let found = number(file(false), name, *value).judge(&CAUSE).expect("a match");
            assert_eq!((found.severity, found.proof), (Severity::Info, Proof::Possible));
            assert_eq!(number(file(false), name, 1 - value).judge(&CAUSE), None, "{name}");
        }
    }

    /// TLS at once, which the host hangs up on; behind a negotiation it answers, or does not.
    fn begun_with_tls(direct: bool, answered: bool) -> Option<(Severity, Proof)> {
        let scene = Scene::new().connected("10.0.0.1:3389");
        let scene = if direct { scene.fact(Stage::X224, Fact::DirectApproach) } else { scene };
        let scene = scene.ended_with(Ending::Fin, Awaited::ServerHello, 0, 517);
        let scene = scene.connection(Purpose::PlainClientHello);
        let scene = if answered {
            let hello = Fact::ServerHello { version: 0x0303, cipher_suite: 0x009C };
            scene.fact(Stage::Tls, hello)
        } else {
            scene.ended_with(Ending::Fin, Awaited::ServerHello, 19, 100)
        };
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_host_that_wants_to_negotiate_and_its_near_misses() {
        assert_eq!(begun_with_tls(true, true), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(begun_with_tls(true, false), None, "it takes no TLS either way");
        assert_eq!(begun_with_tls(false, true), None, "it was negotiated");
    }

    /// Seen alone, as in a capture: nobody asked the host whether it takes TLS behind a negotiation.
    #[test]
    fn begun_with_tls_and_never_asked() {
        let ended = |ending, received| {
            let scene = Scene::new().connected("10.0.0.1:3389");
            let scene = scene.fact(Stage::X224, Fact::DirectApproach);
            let scene = scene.ended_with(ending, Awaited::ServerHello, received, 517);
            scene.judge(&CAUSE).map(|found| (found.severity, found.proof, found.stage))
        };
        let possible = Some((Severity::Blocking, Proof::Possible, Some(Stage::Tls)));
        assert_eq!(ended(Ending::Fin, 0), possible);
        assert_eq!(ended(Ending::Reset, 0), possible);
        assert_eq!(ended(Ending::Timeout, 0), None, "it did not hang up");
        assert_eq!(ended(Ending::Fin, 5), None, "it had begun to answer");
    }

    /// A file that names a host and a gateway.
    fn by_gateway(host: &str, usage: GatewayUse) -> bool {
        let (setting, other_host) = ("full address".to_owned(), None);
        let address = Fact::RdpFileAddress {
            line: 1,
            setting,
            host: host.to_owned(),
            port: 3389,
            other_host,
        };
        let gateway =
            Fact::RdpFileGateway { line: 2, host: "gw.corp.example".to_owned(), port: 443, usage };
        let scene = file(false).fact(Stage::RdpFile, address).fact(Stage::RdpFile, gateway);
        let found = scene.judge(&CAUSE);
        found.is_some_and(|found| found.detail.is_some_and(|text| text.contains("gatewayusage")))
    }

    #[test]
    fn a_gateway_where_none_is_needed() {
        for host in ["pc42", "10.1.2.3", "192.168.7.7", "fd00::42"] {
            assert!(by_gateway(host, GatewayUse::Always), "{host}");
            assert!(!by_gateway(host, GatewayUse::WhenNeeded), "{host}");
        }
        for host in ["pc42.corp.example", "203.0.113.7", "2001:db8::7"] {
            assert!(!by_gateway(host, GatewayUse::Always), "{host}");
        }
    }
}
