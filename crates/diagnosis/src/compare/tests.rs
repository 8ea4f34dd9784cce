use rdpdoctor_model::{
    Awaited, BastionMark, Certificate, ConnectFailure, DnsOutcome, Ending, Fact, Negotiation,
    NtlmVersion, Purpose, SecurityLayer, SecurityLayerAnswer, Stage, UdpReply,
};

use super::{Comparison, Group, compare};
use crate::testing::{Scene, certificate, now};
use crate::{Evidence, Proof};

fn compared(first: &[Scene], second: &[Scene]) -> Comparison {
    let first: Vec<Evidence<'_>> = first.iter().map(Scene::evidence).collect();
    let second: Vec<Evidence<'_>> = second.iter().map(Scene::evidence).collect();
    compare(&first, &second)
}

fn two(first: Scene, second: Scene) -> Comparison {
    compared(&[first], &[second])
}

fn aspects(comparison: &Comparison) -> Vec<&str> {
    comparison.differences.iter().filter(|d| d.matters).map(|d| d.aspect.as_str()).collect()
}

fn causes(comparison: &Comparison) -> Vec<(&str, Proof)> {
    comparison.findings.iter().map(|f| (f.cause.id.0, f.proof)).collect()
}

fn issued_by(issuer: &str) -> Certificate {
    let mut made = certificate();
    made.issuer = issuer.to_owned();
    made.self_issued = false;
    made.sha256 = format!("{:0>64}", issuer.len());
    made
}

fn seen(certificate: Certificate) -> Scene {
    Scene::negotiated(2).certified(certificate, &[]).challenge("PC42", "pc42.corp.example")
}

#[test]
fn the_same_twice_is_no_difference() {
    let run = || seen(certificate()).echoes(12, 0, 10.0);
    let comparison = two(run(), run());
    assert!(!comparison.matters(), "{comparison:?}");
    assert!(comparison.compared > 5, "{}", comparison.compared);
    // A round trip that a busy machine blurs, one lost packet, a clock that is a little off.
    let busy = || seen(certificate()).echoes(12, 1, 31.0).clock_off_by(20);
    assert!(!two(run(), busy()).matters());
    assert_eq!(two(Scene::new(), Scene::new()).compared, 0);
}

#[test]
fn what_one_side_never_looked_at_is_no_difference() {
    let offer = |answer| Fact::SecurityLayerOffer {
        layer: SecurityLayer::Tls,
        requested_protocols: 1,
        answer,
    };
    let asked = |answer| seen(certificate()).fact(Stage::X224, offer(answer));
    let (taken, refused) = (
        || SecurityLayerAnswer::Accepted { selected_protocol: 1 },
        SecurityLayerAnswer::Refused { code: 5 },
    );
    assert!(!two(asked(taken()), seen(certificate())).matters());
    assert_eq!(aspects(&two(asked(taken()), asked(refused))), ["security-layer tls"]);
}

#[test]
fn an_issuer_in_between() {
    let zscaler = || issued_by("CN=Zscaler Intermediate Root CA");
    let comparison = two(seen(certificate()), seen(zscaler()));
    let first = &comparison.findings[0];
    assert_eq!((first.cause.id.0, first.proof), ("tls.intercepted", Proof::Likely));
    assert_eq!(first.group, Some(Group::Second));
    assert!(first.explanation.contains("Zscaler"), "{}", first.explanation);
    // The same machine behind both certificates, and an issuer that nobody knows.
    let unknown = two(seen(certificate()), seen(issued_by("CN=Edge")));
    assert_eq!(causes(&unknown), [("tls.intercepted", Proof::Likely)]);
    // Nobody saw which machine it is.
    let bare = |shown| Scene::negotiated(2).certified(shown, &[]);
    let unknown = two(bare(certificate()), bare(issued_by("CN=Edge")));
    assert!(causes(&unknown).contains(&("tls.intercepted", Proof::Possible)), "{unknown:?}");
    assert!(causes(&unknown).contains(&("dns.other-name", Proof::Possible)), "{unknown:?}");
    // An address has no name that could lead to another host, and one machine is not two.
    let by_address = |shown| bare(shown).target("10.0.0.1");
    let unknown = two(by_address(certificate()), by_address(issued_by("CN=Edge")));
    assert_eq!(causes(&unknown), [("tls.intercepted", Proof::Possible)]);
    let mut again = certificate();
    again.sha256 = "b".repeat(64);
    let again = two(seen(certificate()), seen(again));
    assert_eq!(causes(&again), [("tls.intercepted", Proof::Possible)]);
    // Another host has another certificate.
    let elsewhere = seen(issued_by("CN=Edge")).target("pc43.corp.example");
    assert!(
        !causes(&two(seen(certificate()), elsewhere)).contains(&("tls.intercepted", Proof::Likely))
    );
}

#[test]
fn hosts_of_a_farm_each_have_their_own() {
    let own = |name: &str, print: &str| {
        let mut made = certificate();
        made.subject = format!("CN={name}");
        made.issuer = made.subject.clone();
        made.sha256 = print.repeat(64);
        Scene::negotiated(2).certified(made, &[18]).challenge(name, name)
    };
    let comparison = two(own("PC42", "a"), own("PC43", "b"));
    assert_eq!(causes(&comparison), [("dns.other-name", Proof::Likely)]);
}

#[test]
fn a_certificate_that_was_due_is_renewed() {
    let made = |from_days: i64, to_days: i64, print: &str| {
        let mut made = certificate();
        made.not_before = now().plus_millis(from_days * 86_400_000);
        made.not_after = now().plus_millis(to_days * 86_400_000);
        made.sha256 = print.repeat(64);
        made
    };
    let judge = |old: Certificate| {
        let (older, newer) = (seen(old), seen(made(-1, 180, "b")));
        let mut older = older.evidence();
        older.judged_at = now().plus_millis(-10 * 86_400_000);
        compare(&[older], &[newer.evidence()])
    };
    let due = judge(made(-180, 2, "a"));
    assert_eq!((aspects(&due), causes(&due)), (vec!["certificate"], vec![]));
    // Nobody renews in the middle of its time, but it can be.
    let early = judge(made(-20, 160, "a"));
    assert!(causes(&early).contains(&("tls.intercepted", Proof::Possible)), "{early:?}");
}

fn resolved(scene: Scene, addresses: &[&str]) -> Scene {
    let addresses = addresses.iter().map(|a| a.parse().expect("an address")).collect();
    let name = "pc42.corp.example".to_owned();
    let fact = Fact::NameResolved { name, addresses, canonical_name: None, elapsed_ms: 1.0 };
    scene.fact(Stage::Dns, fact)
}

#[test]
fn one_name_and_two_addresses() {
    let at = |addresses: &[&str]| resolved(seen(certificate()), addresses);
    // A rotation shares one of them.
    assert!(!two(at(&["10.0.0.1", "10.0.0.2"]), at(&["10.0.0.2", "10.0.0.3"])).matters());
    let moved = two(at(&["10.0.0.1"]), at(&["10.0.0.7"]));
    assert_eq!(aspects(&moved), ["ipv4-addresses"]);
    assert_eq!(
        causes(&moved),
        [("dns.stale-address", Proof::Possible), ("dns.client-differs", Proof::Possible)]
    );
    let by_file = || resolved(Scene::new(), &["10.0.0.7"]).hosts_file(&["10.0.0.7"]);
    let overridden = two(resolved(Scene::new(), &["10.0.0.1"]), by_file());
    assert_eq!(causes(&overridden)[0], ("dns.hosts-override", Proof::Proven));
    // The DNS says the same on both sides; the file agrees with it on one.
    let both = two(by_file(), by_file().dns_answer(DnsOutcome::Records, &["10.0.0.7"]));
    assert!(!both.matters(), "{both:?}");
}

#[test]
fn open_from_here_and_not_from_there() {
    let open = || seen(certificate());
    let silent = || Scene::new().not_connected("10.0.0.1:3389", ConnectFailure::Timeout);
    let comparison = two(open(), silent());
    assert!(causes(&comparison).contains(&("net.port-blocked", Proof::Likely)), "{comparison:?}");
    let other = Scene::new().not_connected("10.0.0.2:3389", ConnectFailure::Timeout);
    assert!(!causes(&two(open(), other)).iter().any(|c| c.0 == "net.port-blocked"));
    let refused = two(open(), Scene::new().refused("10.0.0.1:3389"));
    assert_eq!(causes(&refused)[0].0, "net.refused");
    assert_eq!(refused.findings[0].group, Some(Group::Second));
}

#[test]
fn only_what_separates_all_runs_of_the_groups() {
    let lossy = || seen(certificate()).echoes(200, 40, 10.0);
    let clean = || seen(certificate()).echoes(200, 0, 10.0);
    let comparison = compared(&[clean(), clean()], &[lossy(), lossy()]);
    assert_eq!(aspects(&comparison), ["loss"]);
    assert_eq!(causes(&comparison)[0].0, "net.packet-loss");
    assert_eq!(comparison.findings[0].group, Some(Group::Second));
    assert!(!compared(&[clean(), lossy()], &[lossy(), lossy()]).matters());
    // Nobody answers echo requests: no loss.
    let deaf = || seen(certificate()).echoes(12, 12, 0.0);
    assert!(!two(clean(), deaf()).matters());
}

#[test]
fn clocks_builds_and_security_layers() {
    let base = || Scene::negotiated(2).established(0x0303);
    let comparison = two(base().clock_off_by(0), base().clock_off_by(900));
    assert_eq!(aspects(&comparison), ["clock"]);
    assert_eq!(comparison.findings[0].cause.id.0, "nla.clock-skew");
    let build = |build| {
        let fact = Fact::NtlmChallenge {
            target_name: None,
            netbios_computer: Some("PC42".to_owned()),
            netbios_domain: None,
            dns_computer: None,
            dns_domain: None,
            dns_forest: None,
            version: Some(NtlmVersion { major: 10, minor: 0, build }),
            timestamp: None,
            flags: 0,
        };
        base().fact(Stage::CredSsp, fact)
    };
    let updated = two(build(20348), build(26100));
    assert_eq!((aspects(&updated), causes(&updated)), (vec!["build"], vec![]));
    let layer = |selected_protocol| {
        let answer = Negotiation::Response { flags: 0, selected_protocol };
        Scene::new().connected("10.0.0.1:3389").confirm(answer)
    };
    let layers = two(layer(2), layer(1));
    assert_eq!(aspects(&layers), ["answer"]);
    assert_eq!(causes(&layers), [("tls.intercepted", Proof::Possible)]);
    // Who asks for something else gets something else; another address is another server.
    assert!(causes(&two(layer(2).request(0x0B), layer(1).request(1))).is_empty());
    let answer = Negotiation::Response { flags: 0, selected_protocol: 1 };
    let elsewhere = Scene::new().connected("10.0.0.2:3389").confirm(answer);
    assert!(causes(&two(layer(2), elsewhere)).is_empty());
}

#[test]
fn hosts_that_are_not_the_same_may_differ_in_who_they_are() {
    let other = || {
        let mut shown = certificate();
        shown.subject = "CN=pc43".to_owned();
        shown.sha256 = "bb".repeat(32);
        Scene::negotiated(2)
            .certified(shown, &[])
            .challenge("PC43", "pc43.corp.example")
            .target("pc43.corp.example")
    };
    let comparison = two(seen(certificate()), other());
    assert!(!comparison.matters(), "{comparison:?}");
    assert!(comparison.differences.iter().any(|d| d.aspect == "certificate" && !d.matters));
    // The short name is the same host's.
    let short = two(seen(certificate()), other().target("pc42"));
    assert!(short.matters());
}

/// A second path beside the main one says nothing of the main one.
#[test]
fn side_questions_are_not_the_main_path() {
    let beside = seen(certificate())
        .connection(Purpose::OtherAddress)
        .certified(issued_by("CN=Example CA"), &[]);
    let comparison = two(seen(certificate()), beside);
    assert!(!aspects(&comparison).contains(&"certificate"), "{comparison:?}");
}

/// A document of whatever size is compared in a time that grows with it.
/// From one place UDP is answered, from the other it is not; a handshake that nobody waited for is none.
#[test]
fn datagrams_from_here_and_from_there() {
    let answer = UdpReply::SynAck { version: Some(2), upstream_mtu: 1232, downstream_mtu: 1232 };
    let asked = |reply| seen(certificate()).udp(3, reply);
    let differing = two(asked(answer.clone()), asked(UdpReply::Silence));
    assert_eq!(aspects(&differing), ["answer"]);
    assert!(!two(asked(answer.clone()), asked(UdpReply::NotAwaited)).matters());
    let by_session = |reply| asked(answer.clone()).asked_for_udp().udp_offered(0x101, 3, reply);
    let differing = two(by_session(answer.clone()), by_session(UdpReply::Silence));
    assert_eq!(aspects(&differing), ["answer with a session's cookie"]);
}

#[test]
fn a_file_of_a_hundred_thousand_settings() {
    let settings = |from: u32| {
        let file = Fact::RdpFile {
            encoding: rdpdoctor_model::RdpFileEncoding::Utf8,
            length: 1,
            settings: 1,
            unknown_settings: Vec::new(),
            password: false,
            clear_password: false,
            signed: false,
        };
        (from..from + 100_000).fold(Scene::new().fact(Stage::RdpFile, file), |scene, line| {
            let setting = format!("setting{line}");
            let value = rdpdoctor_model::RdpFileValue::Number(1);
            scene.fact(Stage::RdpFile, Fact::RdpFileSetting { line, setting, value })
        })
    };
    let comparison = two(settings(0), settings(50_000));
    assert_eq!(aspects(&comparison).len(), 100_000);
}

/// How sure a cause is in a comparison.
fn of(comparison: &Comparison, cause: &str) -> Option<Proof> {
    causes(comparison).into_iter().find(|(id, _)| *id == cause).map(|(_, proof)| proof)
}

/// A bastion by the administrator's list, with a certificate of its own.
fn by_bastion() -> Scene {
    let by = vec![BastionMark::Issuer];
    let listed = Fact::ListedBastion { label: "Jump 1".to_owned(), by };
    let scene = Scene::negotiated(1).certified(issued_by("CN=Corp PAM"), &[]);
    scene.fact(Stage::Client, listed)
}

#[test]
fn a_bastion_on_one_of_the_ways_is_no_interception() {
    let comparison = two(seen(certificate()), by_bastion());
    let found = comparison.findings.iter().find(|f| f.cause.id.0 == "pam.in-path");
    assert_eq!(found.map(|f| (f.proof, f.group)), Some((Proof::Likely, Some(Group::Second))));
    assert_eq!(of(&comparison, "tls.intercepted"), None, "{:?}", causes(&comparison));
    // Near misses: nobody knows of a bastion; one on both ways.
    let stranger = Scene::negotiated(2).certified(issued_by("CN=Corp PAM"), &[]);
    let unknown = two(seen(certificate()), stranger.challenge("PC42", "pc42.corp.example"));
    assert!(of(&unknown, "tls.intercepted").is_some(), "{:?}", causes(&unknown));
    assert_eq!(of(&two(by_bastion(), by_bastion()), "pam.in-path"), None);
}

#[test]
fn a_host_that_takes_nla_only_tells_why_a_bastion_does_not_get_there() {
    let broken = || {
        let sent = Fact::ClientInfoSent { autologon: true };
        by_bastion().fact(Stage::Session, sent).ended(Ending::Fin, Awaited::Picture)
    };
    let direct = |answer| {
        let offer =
            Fact::SecurityLayerOffer { layer: SecurityLayer::Tls, requested_protocols: 1, answer };
        seen(certificate()).fact(Stage::X224, offer)
    };
    let mismatch = "pam.backend-security-mismatch";
    let only_nla = two(direct(SecurityLayerAnswer::Refused { code: 5 }), broken());
    let refused = "pam.backend-refused";
    let proofs = |of_run: &Comparison| [mismatch, refused].map(|id| of(of_run, id));
    assert_eq!(proofs(&only_nla), [Some(Proof::Likely), Some(Proof::Possible)]);
    assert_eq!(of(&only_nla, "session.closed"), None);
    // It takes TLS as well: then that is not why.
    let also_tls = two(direct(SecurityLayerAnswer::Accepted { selected_protocol: 1 }), broken());
    assert_eq!(proofs(&also_tls), [Some(Proof::Possible), Some(Proof::Likely)]);
}
