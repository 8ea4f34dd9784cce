use rdpdoctor_diagnosis::{Proof, Severity};
use rdpdoctor_model::{
    Certificate, ConnectFailure, Fact, Hex, InterfaceForm, LifeSource, Lookup, Observation, Origin,
    OwnInterface, ServiceKind, Stage, StageOutcome,
};
use serde_json::Value;

use super::{Masker, Vocabulary};
use crate::Document;
use crate::render::terminal::{Style, View};
use crate::render::{html, terminal, text};
use crate::testing::{self, Scene};

/// What must not be seen anywhere in a masked output, in lower case.
const ORIGINALS: [&str; 33] = [
    "pc42",
    "corp.example.com",
    "corpnb",
    "alice",
    "smith",
    "bob",
    "acme",
    "10.20.4.42",
    "10.20.4.1",
    "10.20.7.9",
    "fd00:4::42",
    "198.18.77.5",
    "2a02:810:1234::5",
    "5f1c0ffee0ddba11",
    "a94a8fe5ccb19ba6",
    "9f86d081884c7d65",
    "frankfurt",
    "issuing ca 7",
    "mail-gw",
    "laptop-77",
    "farm01",
    "old-name",
    "s-1-5-21-1004336348",
    "00:15:5d",
    "00-15-5d",
    "mgmt",
    "jump",
    "3640205228",
    "carol",
    "capture-of-pc",
    "jdoe",
    "dc01",
    "vault-9",
];

fn full_of_names() -> Document {
    let own = Certificate {
        subject: "CN=PC42.corp.example.com,OU=Frankfurt,O=Acme\\, Inc.,C=DE".into(),
        subject_common_name: Some("PC42.corp.example.com".into()),
        issuer: "CN=Acme Issuing CA 7,DC=corp,DC=example,DC=com".into(),
        self_issued: false,
        dns_names: vec!["PC42.corp.example.com".into(), "*.mgmt.corp.example.com".into()],
        ip_addresses: vec!["10.20.4.42".parse().expect("an address")],
        crl_urls: vec![
            "http://dc01.corp.example.com/CertEnroll/Acme%20Issuing%20CA%207.crl".into(),
            "ldap:///CN=Acme Issuing CA 7,CN=dc01,CN=CDP,CN=Public Key Services,CN=Services,\
             CN=Configuration,DC=corp,DC=example,DC=com?certificateRevocationList?base"
                .into(),
        ],
        ..testing::certificate()
    };
    let public = Certificate {
        subject: "CN=R3,O=Let's Encrypt,C=US".into(),
        subject_common_name: Some("R3".into()),
        issuer: "CN=ISRG Root X1,O=Internet Security Research Group,C=US".into(),
        self_issued: false,
        is_ca: true,
        serial: "912b084acf0c18a7".into(),
        sha1: "bb".repeat(20),
        sha256: "cc".repeat(32),
        dns_names: Vec::new(),
        ..testing::certificate()
    };
    let unknown: Fact = serde_json::from_value(serde_json::json!({
        "kind": "logged-on-somewhere", "user": "CORPNB\\bob", "computer": "JUMP-3",
        "text": "bob (S-1-5-21-1004336348-1177238915-682003330-1104) on 2a02:810:1234::5"
    }))
    .expect("any kind is kept");
    let mut scene = Scene::new()
        .fact(
            Stage::Client,
            Fact::ThisMachine {
                names: vec!["LAPTOP-77".into(), "laptop-77.corp.example.com".into()],
                addresses: vec!["10.20.7.9".parse().expect("an address")],
            },
        )
        .fact(
            Stage::Dns,
            Fact::NameResolved {
                name: "pc42.corp.example.com".into(),
                addresses: testing::run("xy").addresses,
                canonical_name: Some("farm01.corp.example.com".into()),
                elapsed_ms: 1.0,
            },
        )
        .fact(
            Stage::Dns,
            Fact::ReverseName {
                address: "10.20.4.42".parse().expect("an address"),
                names: Lookup::seen(vec!["old-name.corp.example.com.".into()]),
            },
        )
        .ended(Stage::Dns, StageOutcome::Passed)
        .connected()
        .negotiated()
        .fact(
            Stage::X224,
            Fact::ConnectionRequest {
                requested_protocols: None,
                flags: 0,
                cookie: Some("CORPNB\\jdoe".into()),
                routing_token: Some("Cookie: msts=3640205228.15629.0000".into()),
                correlation_id: None,
            },
        )
        .fact(
            Stage::X224,
            Fact::ForeignService {
                service: ServiceKind::Smtp,
                said: "220 mail-gw.corp.example.com ESMTP".into(),
                bytes: Hex(b"220 MAIL-GW.corp.example.com ESMTP".to_vec()),
                unasked: true,
            },
        )
        .encrypted(own)
        .fact(Stage::Tls, Fact::ServerCertificates { certificates: vec![public] })
        .challenged()
        .fact(
            Stage::CredSsp,
            Fact::CredSspMalformed {
                problem: "names PC42 and alice.smith@corp.example.com".into(),
                bytes: Hex(b"C\0O\0R\0P\0N\0B\0\\\0j\0D\0o\0e\0".to_vec()),
            },
        )
        .fact(
            Stage::Network,
            Fact::LifeSign {
                address: "198.18.77.5".parse().expect("an address"),
                by: LifeSource::Neighbour,
                port: None,
                answer: Lookup::seen("00:15:5d:01:02:03, 00-15-5D-01-02-04".into()),
            },
        )
        .fact(Stage::Host, unknown)
        .fact(
            Stage::Tcp,
            Fact::TcpFailed {
                remote: "10.20.4.1:3389".parse().expect("an address"),
                failure: ConnectFailure::Prohibited,
                icmp: Lookup::unavailable("C:\\Users\\carol\\rdp.log is not readable"),
                os_error: None,
                elapsed_ms: 3.0,
            },
        );
    for observation in &mut scene.observations {
        if let Fact::NtlmChallenge { netbios_domain, target_name, dns_domain, .. } =
            &mut observation.fact
        {
            *netbios_domain = Some("CORPNB".into());
            *target_name = Some("CORPNB".into());
            *dns_domain = Some("corp.example.com".into());
        }
    }
    scene.observations.iter_mut().for_each(from_a_file);
    let mut run = testing::run("PC42.corp.example.com");
    run.via = Some("https://carol@vault-9.corp.example.com:443/x".into());
    let found = testing::finding(&testing::KEY, Severity::Warning, Proof::Likely);
    scene.judged(run, vec![found])
}

fn from_a_file(observation: &mut Observation) {
    observation.origin =
        Some(Origin { file: "/home/carol/capture-of-pc42.pcapng".into(), frame: Some(7) });
}

fn masked(document: &Document) -> Document {
    Masker::of(document).and_then(|masker| masker.mask(document)).expect("masks")
}

fn outputs(document: &Document) -> Vec<(&'static str, String)> {
    vec![
        ("json", document.to_json().expect("serialises")),
        ("terminal", terminal::render(document, View::Short, Style::Plain, 80)),
        ("details", terminal::render(document, View::Details, Style::Plain, 120)),
        ("ticket", text::ticket(document)),
        ("network", text::network(document)),
        ("html", html::render(document).expect("renders")),
    ]
}

#[test]
fn no_original_survives_in_any_output() {
    for document in [full_of_names(), testing::dropped_hello(None), testing::refused()] {
        for (name, output) in outputs(&masked(&document)) {
            let output = output.to_lowercase();
            for original in ORIGINALS {
                assert!(!output.contains(original), "{original} is in {name}:\n{output}");
            }
        }
    }
    // What is looked for was there to be found.
    let before: String =
        outputs(&full_of_names()).into_iter().map(|(_, text)| text.to_lowercase()).collect();
    for original in ORIGINALS {
        assert!(before.contains(original), "{original} never was in the document");
    }
}

#[test]
fn names_inside_of_bytes_go_too() {
    let json = masked(&full_of_names()).to_json().expect("serialises");
    let hex = |bytes: &[u8]| Hex(bytes.to_vec()).to_string();
    assert!(!json.contains(&hex(b"MAIL-GW")) && json.contains(&hex(b"220 ")), "{json}");
    assert!(!json.contains(&hex(b"j\0D\0o\0e\0")), "{json}");
}

#[test]
fn a_masked_document_keeps_its_schema_and_its_meaning() {
    let document = full_of_names();
    let masked = masked(&document);
    let value: Value = serde_json::to_value(&masked).expect("serialises");
    let validator = jsonschema::draft202012::new(&crate::schema()).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    // Nothing fell back to an unknown kind, and whatever is no name is as it was.
    let kinds = |document: &Document| -> Vec<_> {
        document.observations.iter().map(|o| std::mem::discriminant(&o.fact)).collect()
    };
    assert_eq!(kinds(&masked), kinds(&document));
    assert_eq!(masked.stages.len(), document.stages.len());
    assert_eq!(masked.verdict.cause, document.verdict.cause);
    let text = value.to_string();
    for kept in
        ["CN=Services,CN=Configuration", "R3", "Let's Encrypt", "ISRG Root X1", ".com", "ESMTP"]
    {
        assert!(text.contains(kept), "{kept} should stay in {text}");
    }
    // A private address stays private.
    for address in &masked.target.addresses {
        match address {
            std::net::IpAddr::V4(v4) => assert!(v4.is_private()),
            std::net::IpAddr::V6(v6) => assert!(v6.is_unique_local()),
        }
    }
}

#[test]
fn the_same_name_is_the_same_pseudonym_everywhere() {
    let masker = Masker::of(&full_of_names()).expect("learns");
    let host = masker.text("pc42");
    assert_eq!(host, masker.text("PC42"));
    assert_eq!(masker.text(r"\\PC42\c$"), format!(r"\\{host}\c$"));
    assert!(masker.text("pc42.corp.example.com").starts_with(&format!("{host}.domain-")));
    assert!(masker.text("pc42.corp.example.com:3390").ends_with(".com:3390"));
    let other = Masker::of(&testing::healthy()).expect("learns");
    assert_eq!(other.text("pc42"), host);
    insta::assert_snapshot!(
        masker.text("pc42.corp.example.com 10.20.4.42 2a02:810:1234::5"),
        @"host-624c5c.domain-3a8f08.domain-0cb3d4.com 10.15.161.44 2001:db8:ced6::8982"
    );
}

#[test]
fn what_only_looks_like_a_name_stays() {
    let masker = Masker::of(&full_of_names()).expect("learns");
    for text in [
        "pc420 and xpc42",
        "127.0.0.1, ::1, 192.0.2.7, 2001:db8::7, 224.0.0.251",
        "version 10.0.20348.1 at 12:00:00.123",
        "icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
        "[IO.File]::Delete and [x]::Add(1)",
        r"C:\Users\Public\x",
        r"HKLM:\SYSTEM\CurrentControlSet",
    ] {
        assert_eq!(masker.text(text), text);
    }
    let once = masker.text("pc42.corp.example.com");
    assert_eq!(masker.text(&once), once);
}

#[test]
fn a_host_named_like_a_word_of_the_contract_leaves_the_contract_alone() {
    let scene = Scene::new().fact(Stage::Tcp, Fact::Interrupted { by: "server".into() });
    let document = masked(&scene.judged(testing::run("interrupted"), Vec::new()));
    let json = document.to_json().expect("serialises");
    assert!(document.target.host.starts_with("host-"), "{json}");
    assert!(json.contains("\"kind\": \"interrupted\""), "{json}");

    let document = testing::dropped_hello(None);
    let mut named = document.clone();
    named.target.host = "failed".into();
    assert_eq!(masked(&named).verdict.status, document.verdict.status);
}

#[test]
fn a_hostile_document_is_masked_in_good_time() {
    let document = testing::hostile();
    let begun = std::time::Instant::now();
    masked(&document);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn a_vpns_name_is_masked_and_everybodys_is_not() {
    let interface = |name: &str| OwnInterface {
        interface: name.to_owned(),
        form: InterfaceForm::Tunnel,
        driver: Some("wireguard".to_owned()),
        up: true,
        carrier: true,
        addresses: Vec::new(),
    };
    let interfaces = ["wg-acme", "enp3s0", "VPN", "tun0"].map(interface).to_vec();
    let fact = Fact::OwnInterfaces { interfaces };
    let mut masker = Masker::new();
    let mut value = serde_json::to_value(&fact).expect("a fact serialises");
    masker.collect(&value);
    masker.replace(&mut value, None, &Vocabulary::of_schema());
    let text = value.to_string();
    assert!(!text.contains("acme") && text.contains("interface-"), "{text}");
    assert!(["enp3s0", "VPN", "tun0", "wireguard"].iter().all(|n| text.contains(n)), "{text}");
    assert!(!masker.text("through WG-ACME, a tunnel").contains("ACME"));
}

/// What names a machine in its registry: bytes stay bytes, and the same ones everywhere.
#[test]
fn ids_of_a_machine_are_masked_and_still_agree() {
    let (thumbprint, guid) = ("0a".repeat(20), "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
    let mut value = serde_json::json!([
        {"kind": "registry-value", "name": "SSLCertificateSHA1Hash",
         "data": {"lookup": "seen", "value": {"type": "binary", "data": thumbprint}}},
        {"kind": "machine-certificate", "store": "My", "thumbprint": thumbprint},
        {"kind": "registry-value", "name": "MachineGuid",
         "data": {"lookup": "seen", "value": {"type": "text", "data": guid}}},
        {"kind": "windows-file", "path": format!("C:\\Keys\\f686aace_{guid}")},
        {"kind": "registry-value", "name": "ObjectName",
         "data": {"lookup": "seen", "value": {"type": "text", "data": "ACME\\jdoe"}}},
    ]);
    let mut masker = Masker::new();
    masker.collect(&value);
    masker.replace(&mut value, None, &Vocabulary::of_schema());
    let text = value.to_string();
    for original in [thumbprint.as_str(), guid, "jdoe", "ACME"] {
        assert!(!text.contains(original), "{original} in {text}");
    }
    let pin = value[0]["data"]["value"]["data"].as_str().expect("bytes");
    assert!(pin.len() == 40 && pin.bytes().all(|digit| digit.is_ascii_hexdigit()), "{pin}");
    assert_eq!(value[1]["thumbprint"].as_str(), Some(pin));
}
