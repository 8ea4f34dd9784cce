//! Names, tickets and UDP beside a connection.

use etherparse::PacketBuilder;
use rdpdoctor_model::{DnsOutcome, Fact, KerberosExchange, Stage};

use crate::writer::{CLIENT, REFUSAL_NLA, REQUEST, SERVER, Talk, Writer};

fn udp(writer: &mut Writer, at: u64, from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from.0, to.0, 64);
    let mut frame = Vec::new();
    builder.udp(from.1, to.1).write(&mut frame, payload).expect("a packet");
    writer.frames.push((at, frame));
}

fn refused(writer: &mut Writer, at: u64) {
    let mut talk = Talk::between(CLIENT, SERVER, at);
    talk.open(writer);
    talk.client(writer, REQUEST);
    talk.server(writer, REFUSAL_NLA);
}

const OWN: [u8; 4] = [10, 0, 0, 1];
const OTHER: [u8; 4] = [10, 0, 0, 53];

/// An answer with one address for `pc42.corp.example`.
fn dns_answer(address: [u8; 4]) -> Vec<u8> {
    let mut answer = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    answer.extend(b"\x04pc42\x04corp\x07example\x00\x00\x01\x00\x01");
    answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    answer.extend(address);
    answer
}

#[test]
fn the_name_that_the_client_asked_for_is_the_target() {
    for (address, target) in [([10, 0, 0, 2], "pc42.corp.example"), ([10, 0, 0, 77], "10.0.0.2")] {
        let mut writer = Writer::default();
        udp(&mut writer, 0, (OTHER, 53), (OWN, 40_000), &dns_answer(address));
        refused(&mut writer, 10);
        let attempts = writer.read().attempts;
        assert_eq!(attempts[0].target.to_string(), target);
        let named = attempts[0].observations.iter().any(|o| {
            o.stage == Stage::Dns
                && matches!(&o.fact, Fact::DnsAnswer { outcome: DnsOutcome::Records, .. })
        });
        assert_eq!(named, target.starts_with("pc42"));
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("short");
    assert!(length < 128);
    [&[tag, length], content].concat()
}

/// KRB-ERROR (RFC 4120 5.9.1) of this code.
fn kerberos_error(code: u8) -> Vec<u8> {
    let name = tlv(0x30, &tlv(0x1B, b"krbtgt"));
    let service = [tlv(0xA0, &tlv(2, &[2])), tlv(0xA1, &name)].concat();
    let fields = [
        tlv(0xA0, &tlv(2, &[5])),
        tlv(0xA1, &tlv(2, &[30])),
        tlv(0xA4, &tlv(0x18, b"20231114221320Z")),
        tlv(0xA5, &tlv(2, &[1])),
        tlv(0xA6, &tlv(2, &[code])),
        tlv(0xA9, &tlv(0x1B, b"CORP")),
        tlv(0xAA, &tlv(0x30, &service)),
    ];
    tlv(0x7E, &tlv(0x30, &fields.concat()))
}

fn errors(writer: &Writer) -> Vec<(KerberosExchange, u32)> {
    let facts = writer.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::KerberosError { exchange, code, .. } => Some((exchange, code)),
            _ => None,
        })
        .collect()
}

#[test]
fn errors_of_the_centre_by_udp_and_by_tcp() {
    use KerberosExchange::{AuthenticationService, TicketGranting};
    let mut writer = Writer::default();
    for (at, request, code) in [(0, 0x6A, 25), (10, 0x6A, 24), (20, 0x6C, 37)] {
        udp(&mut writer, at, (OWN, 40_001), (OTHER, 88), &[request, 0]);
        udp(&mut writer, at + 1, (OTHER, 88), (OWN, 40_001), &kerberos_error(code));
    }
    let mut talk = Talk::between("10.0.0.1:40002", "10.0.0.53:88", 30);
    talk.open(&mut writer);
    talk.client(&mut writer, &[0, 0, 0, 2, 0x6A, 0]);
    let answer = kerberos_error(18);
    let length = u32::try_from(answer.len()).expect("short").to_be_bytes();
    let answer = [&length[..], &answer].concat();
    talk.server(&mut writer, &answer[..9]);
    talk.server(&mut writer, &answer[9..]);
    refused(&mut writer, 1000);
    let expected = [(AuthenticationService, 24), (TicketGranting, 37), (AuthenticationService, 18)];
    assert_eq!(errors(&writer), expected, "that it wants to be asked otherwise is no error");

    // What was asked for long before, or by somebody else, is another matter.
    let mut writer = Writer::default();
    udp(&mut writer, 0, (OTHER, 88), (OWN, 40_001), &kerberos_error(24));
    udp(&mut writer, 60_000, (OTHER, 88), ([10, 0, 0, 9], 40_001), &kerberos_error(24));
    refused(&mut writer, 60_001);
    assert_eq!(errors(&writer), []);
}

#[test]
fn rdp_over_udp_is_told() {
    let syn = |source: [u8; 4], flags: u16| {
        let mut datagram = [&source[..], &[0, 0x40], &flags.to_be_bytes()].concat();
        datagram.resize(1232, 0);
        datagram
    };
    let mut writer = Writer::default();
    let (client, server) = ((OWN, 50_000), ([10, 0, 0, 2], 3389));
    udp(&mut writer, 0, client, server, &syn([0xFF; 4], 0x1801));
    let silent = writer.read().notes;
    assert!(silent.len() == 1 && silent[0].contains("not answered"), "{silent:?}");
    udp(&mut writer, 9, server, client, &syn([1, 2, 3, 4], 0x1005));
    let answered = writer.read().notes;
    assert!(answered.len() == 1 && answered[0].contains("was answered"), "{answered:?}");
    // Nothing shorter is one.
    let mut writer = Writer::default();
    udp(&mut writer, 0, client, server, &syn([0xFF; 4], 0x1801)[..64]);
    assert!(writer.read().notes.is_empty());
}
