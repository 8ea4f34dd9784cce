use proptest::prelude::*;
use rdpdoctor_model::{Fact, GatewayUse, Lookup, RdpFileFlaw as Flaw};

use super::{Gateway, LONGEST, RdpFile, mended};

fn file(text: &str) -> RdpFile {
    RdpFile::read(text.as_bytes())
}

fn flaws(text: &str) -> Vec<Flaw> {
    file(text).problems().iter().map(|problem| problem.flaw).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

const FINE: &str = "screen mode id:i:2\r\nfull address:s:pc42.corp.example\r\nusername:s:CORP\\jo\r\n\
                    authentication level:i:2\r\nredirectclipboard:i:1\r\n";

#[test]
fn what_mstsc_writes_has_no_problem() {
    let bytes = [b"\xFF\xFE".as_slice(), &utf16(FINE)].concat();
    for file in [RdpFile::read(&bytes), file(FINE), file(&FINE.replace("\r\n", "\n"))] {
        assert_eq!(file.problems(), []);
        let way = file.way("x.rdp").expect("a way");
        assert_eq!((way.target.host.as_str(), way.target.port), ("pc42.corp.example", 3389));
        assert_eq!((way.target.input.as_str(), way.gateway), ("x.rdp", None));
        assert_eq!((way.requested_protocols, way.routing), (None, None));
    }
}

#[test]
fn every_flaw_and_its_near_miss() {
    let address = "full address:s:pc42\n";
    let cases: &[(&str, &[Flaw])] = &[
        ("", &[Flaw::NoSettings]),
        ("hello\nworld\n", &[Flaw::NoSettings, Flaw::NotASetting, Flaw::NotASetting]),
        ("screen mode id:i:2\n", &[Flaw::NoAddress]),
        ("full address:s:\n", &[Flaw::NoAddress]),
        ("full address:s:\nalternate full address:s:pc42\n", &[]),
        ("full address:s:pc 42\n", &[Flaw::BadAddress]),
        ("full address:s:pc42:99999\n", &[Flaw::BadAddress]),
        ("full address:s:pc42:3390\n", &[]),
        ("full address:s:pc42\nserver port:i:0\n", &[Flaw::BadPort]),
        ("full address:s:pc42\nserver port:i:70000\n", &[Flaw::BadPort]),
        ("full address:s:pc42\nserver port:i:3390\n", &[]),
        ("full address:s:pc42:3391\nserver port:i:3390\n", &[Flaw::TwoPorts]),
        ("full address:s:pc42:3390\nserver port:i:3390\n", &[]),
        ("full address:i:pc42\n", &[Flaw::NoAddress, Flaw::WrongType]),
        ("full address:x:pc42\n", &[Flaw::NoAddress, Flaw::WrongType]),
        ("full address:pc42\n", &[Flaw::NoAddress, Flaw::MissingType]),
        ("FULL ADDRESS:S:pc42\n", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(flaws(text), *expected, "{text}");
    }
    let with_address: &[(&str, &[Flaw])] = &[
        ("authentication level:i:4\n", &[Flaw::OutOfRange]),
        ("authentication level:i:two\n", &[Flaw::BadValue]),
        ("authentication level:s:2\n", &[Flaw::WrongType]),
        ("authentication level:i:2\nauthentication level:i:0\n", &[Flaw::Duplicate]),
        ("authentication level:i:2\nauthentication level:i:2\n", &[]),
        ("some other:i:4\n", &[]),
        ("some other:i:four\n", &[]),
        ("some other:x:four\n", &[Flaw::UnknownType]),
        ("# a remark\n", &[Flaw::NotASetting]),
        ("gatewayusagemethod:i:1\n", &[Flaw::NoGateway]),
        ("gatewayusagemethod:i:4\n", &[]),
        ("gatewayusagemethod:i:1\ngatewayhostname:s:a b\n", &[Flaw::BadGateway]),
        ("gatewayusagemethod:i:1\ngatewayhostname:s:gw.example:443\n", &[]),
        ("gatewayusagemethod:i:0\ngatewayhostname:s:a b\n", &[]),
        ("remoteapplicationmode:i:1\n", &[Flaw::NoProgram]),
        ("remoteapplicationmode:i:1\nremoteapplicationprogram:s:||calc\n", &[]),
        ("password 51:b:zz\n", &[Flaw::BadValue]),
        ("password 51:b:01AB\n", &[]),
        ("alternate shell:s:a\u{7}b\n", &[Flaw::ControlCharacters]),
        ("username:s:jürgen\n", &[Flaw::AmbiguousCharacters]),
    ];
    for (text, expected) in with_address {
        assert_eq!(flaws(&format!("{address}{text}")), *expected, "{text}");
    }
    let long = format!("{address}loadbalanceinfo:s:{}\n", "x".repeat(239));
    assert_eq!(flaws(&long), [Flaw::RoutingTooLong]);
    assert_eq!(file(&long).way("").and_then(|way| way.routing), None);
}

#[test]
fn encodings_that_mstsc_may_not_read() {
    let flaws = |bytes: &[u8]| -> Vec<Flaw> {
        RdpFile::read(bytes).problems().iter().map(|problem| problem.flaw).collect()
    };
    let big: Vec<u8> =
        "\u{FEFF}full address:s:pc42\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(flaws(&utf16("full address:s:pc42\r\n")), [Flaw::NoByteOrderMark]);
    assert_eq!(flaws(&big), [Flaw::BigEndian]);
    assert_eq!(flaws(b"full address:s:pc42\nusername:s:J\xFCrgen"), [Flaw::AmbiguousCharacters]);
    assert_eq!(flaws("\u{FEFF}full address:s:pc42\nusername:s:Jürgen".as_bytes()), []);
}

#[test]
fn the_way_as_the_file_says() {
    let way = |text: &str| file(text).way("").expect("a way");
    let both = way("full address:s:shown.example\nalternate full address:s:real.example:3390\n");
    assert_eq!((both.target.host.as_str(), both.target.port), ("real.example", 3390));
    let port = way("full address:s:pc42\nserver port:i:3390\n");
    assert_eq!(port.target.port, 3390);
    let address_wins = way("full address:s:pc42:3391\nserver port:i:3390\n");
    assert_eq!(address_wins.target.port, 3391);
    let v6 = way("full address:s:fd00::3389\nserver port:i:3390\n");
    assert_eq!((v6.target.host.as_str(), v6.target.port), ("fd00::3389", 3390));
    let explicit = way("full address:s:[fd00::1]:3389\nserver port:i:3390\n");
    assert_eq!(explicit.target.port, 3389);

    let offer = |text: &str| way(&format!("full address:s:pc42\n{text}")).requested_protocols;
    assert_eq!(offer("enablecredsspsupport:i:0"), Some(1));
    assert_eq!(offer("negotiate security layer:i:0"), Some(2));
    assert_eq!(offer("enablecredsspsupport:i:1\nnegotiate security layer:i:1"), None);

    let routed =
        way("full address:s:pc42\nloadbalanceinfo:s:tsv://MS Terminal Services Plugin.1.A");
    assert_eq!(routed.routing.as_deref(), Some(&b"tsv://MS Terminal Services Plugin.1.A"[..]));
}

#[test]
fn gateways_by_their_method() {
    let gateway = |method: &str| {
        let text = format!("full address:s:pc42\ngatewayhostname:s:gw.example:444\n{method}");
        file(&text).way("").and_then(|way| way.gateway)
    };
    let named = |usage| Some(Gateway { host: "gw.example".to_owned(), port: 444, usage });
    assert_eq!(gateway("gatewayusagemethod:i:1"), named(GatewayUse::Always));
    assert_eq!(gateway("gatewayusagemethod:i:2"), named(GatewayUse::WhenNeeded));
    assert_eq!(gateway("gatewayusagemethod:i:3"), named(GatewayUse::ClientDefault));
    for never in ["gatewayusagemethod:i:0", "gatewayusagemethod:i:4", ""] {
        assert_eq!(gateway(never), None, "{never}");
    }
}

#[test]
fn users_that_name_a_target() {
    let names = |user: &str| {
        let facts = file(&format!("full address:s:bastion\nusername:s:{user}\n")).facts();
        facts.into_iter().find_map(|fact| match fact {
            Fact::RdpFileUser { names_target, .. } => Some(names_target),
            _ => None,
        })
    };
    for user in ["jo@pc42@bastion", "jo#pc42", "jo%pc42", "safe\\jo@pc42:3389"] {
        assert_eq!(names(user), Some(true), "{user}");
    }
    for user in ["jo", "CORP\\jo", "jo@corp.example"] {
        assert_eq!(names(user), Some(false), "{user}");
    }
}

/// Neither the observations nor the difference of the mended copy tell a secret.
#[test]
fn secrets_stay_in_the_file() {
    let text = "full address:s:pc42\npassword 51:b:01000000DEADBEEF\npassword:s:hunter2\n\
                gatewayaccesstoken:s:t0psecret\nmypassword:i:4711x\nnoise hunter2\n";
    let file = file(text);
    let (_, changes) = mended(&file);
    let told = format!("{:?} {changes:?}", file.facts());
    for secret in ["DEADBEEF", "hunter2", "t0psecret", "4711x"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let whole = file.facts().swap_remove(0);
    assert!(matches!(whole, Fact::RdpFile { password: true, clear_password: true, .. }));
}

#[test]
fn the_mended_copy() {
    let broken = "full address:pc42\r\nauthentication level:i:0\r\nenablecredsspsupport:s:1\r\n\
                  gatewayusagemethod:i:9\r\npassword:s:hunter2\r\nkeep me:i:7\r\n# a remark\r\n\
                  redirectclipboard:i:0\r\nredirectclipboard:i:1\r\nsignscope:s:Full Address\r\n\
                  signature:s:AQAB\r\n";
    let (bytes, changes) = mended(&file(broken));
    assert!(bytes.starts_with(b"\xFF\xFE"), "as mstsc writes");
    let text = crate::text::decode(&bytes).text;
    let expected = "full address:s:pc42\r\nauthentication level:i:2\r\nenablecredsspsupport:i:1\r\n\
                    keep me:i:7\r\n# a remark\r\nredirectclipboard:i:1\r\n";
    assert_eq!(text.trim_start_matches('\u{FEFF}'), expected);
    assert_eq!(changes.len(), 8, "{changes:?}");
    let (again, none) = mended(&RdpFile::read(&bytes));
    assert_eq!((again, none), (bytes, vec![]), "a mended file needs no mending");

    let twice = "loadbalanceinfo:s:a\u{1}b\nloadbalanceinfo:s:c\n";
    let (bytes, changes) = mended(&file(twice));
    assert_eq!(changes.len(), 1, "what does not count goes at once: {changes:?}");
    assert_eq!(mended(&RdpFile::read(&bytes)).1, []);
    for both in [
        "domain:sa\u{1}b:c\n",
        "domain:s:a\u{1}\ndomain:s:b\u{1}\n",
        "password 51:x:?\n",
        "authentication level:\u{e9}:0\n",
        "authentication level:x:9\n",
        "full address:s:pc:3390\nserver port:x:3389\n",
    ] {
        let (bytes, changes) = mended(&file(both));
        assert_eq!(mended(&RdpFile::read(&bytes)).1, [], "{both:?}: {changes:?}");
    }

    let signed = "full address:s:pc42\r\nsignscope:s:Full Address\r\nsignature:s:AQAB\r\n";
    assert_eq!(mended(&file(signed)).1, [], "a signed file that is fine stays signed");
}

#[test]
fn what_is_too_long_is_cut_and_said() {
    let long = "full address:s:pc42\n".repeat(LONGEST / 10);
    let file = file(&long);
    assert_eq!(file.problems().iter().map(|p| p.flaw).collect::<Vec<_>>(), [Flaw::TooLong]);
    assert!(file.facts().len() < 10);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let file = RdpFile::read(&bytes);
        prop_assert!(file.facts().len() < 400);
        let _ = (file.way("x"), mended(&file));
    }

    #[test]
    fn any_signature_is_looked_at(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        scope in "(full address|[a-z, ]{0,20})",
    ) {
        use base64ct::Encoding as _;
        let blob = base64ct::Base64::encode_string(&bytes);
        let text = format!("full address:s:pc42\nsignscope:s:{scope}\nsignature:s:{blob}\n");
        let fits = file(&text).facts().into_iter().any(|fact| {
            matches!(fact, Fact::RdpFileSignature { fits: Lookup::Seen { value: true }, .. })
        });
        prop_assert!(!fits);
    }

    #[test]
    fn any_settings_are_read(
        lines in proptest::collection::vec(
            ("(full address|server port|[a-z ]{0,12})", ":?[isbx]?:?", "\\PC{0,30}"), 0..60)
    ) {
        let text: String = lines.iter().map(|(a, b, c)| format!("{a}{b}{c}\n")).collect();
        let file = RdpFile::read(text.as_bytes());
        let (bytes, _) = mended(&file);
        let again = RdpFile::read(&bytes);
        prop_assert_eq!(mended(&again).0, bytes);
        if let Some(way) = file.way("x") {
            prop_assert_eq!(again.way("x").map(|way| way.target), Some(way.target));
        }
    }
}
