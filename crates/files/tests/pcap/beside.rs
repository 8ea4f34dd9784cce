//! Names, tickets and UDP beside a connection.

use etherparse::PacketBuilder;
use rdpdoctor_model::{DnsOutcome, Fact, KerberosExchange, Stage, UdpReply};

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

/// The SYN of RDP over UDP, as a client pads it.
fn syn() -> Vec<u8> {
    let mut datagram = [&[0xFF; 4][..], &[0, 0x40, 0x18, 0x01], &[1, 2, 3, 4]].concat();
    datagram.extend([4, 0xD0, 4, 0xD0]);
    datagram.resize(1232, 0);
    datagram
}

/// The SYN and ACK that answers it (MS-RDPEUDP 2.2.2.9 gives the version).
fn syn_ack() -> Vec<u8> {
    let mut datagram = vec![1, 2, 3, 4, 0, 0x40, 0x10, 0x05, 9, 9, 9, 9, 4, 0xD0, 4, 0xD0];
    datagram.extend([0, 0, 1, 1, 1, 1]);
    datagram.resize(1232, 0);
    datagram
}

/// The same with version 3 and the hash of a cookie, behind a correlation id of 32 bytes (MS-RDPEUDP 2.2.2.9).
fn syn_with_cookie() -> Vec<u8> {
    let mut datagram = syn();
    datagram[48..52].copy_from_slice(&[0, 1, 1, 1]);
    datagram[52..84].fill(0x5A);
    datagram
}

const UDP_CLIENT: ([u8; 4], u16) = (OWN, 50_500);
const UDP_SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 3389);

#[test]
fn rdp_over_udp_alone_is_told() {
    let mut writer = Writer::default();
    udp(&mut writer, 0, UDP_CLIENT, UDP_SERVER, &syn());
    let silent = writer.read().notes;
    assert!(silent.len() == 1 && silent[0].contains("not answered"), "{silent:?}");
    udp(&mut writer, 9, UDP_SERVER, UDP_CLIENT, &syn_ack());
    let answered = writer.read().notes;
    assert!(answered.len() == 1 && answered[0].contains("was answered"), "{answered:?}");
    // Nothing shorter is one.
    let mut writer = Writer::default();
    udp(&mut writer, 0, UDP_CLIENT, UDP_SERVER, &syn()[..64]);
    assert!(writer.read().notes.is_empty());
}

/// Both handshakes of one try, in the order in which they began, and what each offered.
#[test]
fn two_handshakes_beside_a_connection() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    let earlier = (OWN, UDP_CLIENT.1 + 1);
    for at in [100, 600, 1100] {
        udp(&mut writer, at, earlier, UDP_SERVER, &syn_with_cookie());
    }
    udp(&mut writer, 200, UDP_CLIENT, UDP_SERVER, &syn());
    udp(&mut writer, 210, UDP_SERVER, UDP_CLIENT, &syn_ack());
    talk.now = 800;
    talk.server(&mut writer, REFUSAL_NLA);
    writer.until(6000);
    let attempts = writer.read().attempts;
    let probes: Vec<_> = attempts[0]
        .observations
        .iter()
        .filter_map(|o| match &o.fact {
            Fact::UdpProbe { offered, tries, reply, .. } => {
                Some((o.connection, *offered, *tries, *reply == UdpReply::Silence))
            }
            _ => None,
        })
        .collect();
    // The one that was answered is over first.
    assert_eq!(probes, [(Some(3), None, 1, false), (Some(2), Some(0x101), 3, true)]);
}

#[test]
fn rdp_over_udp_beside_a_connection() {
    let replies = |more: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::default();
        let mut talk = Talk::between(CLIENT, SERVER, 0);
        talk.open(&mut writer);
        talk.client(&mut writer, REQUEST);
        udp(&mut writer, 100, UDP_CLIENT, UDP_SERVER, &syn());
        udp(&mut writer, 700, UDP_CLIENT, UDP_SERVER, &syn());
        more(&mut writer);
        talk.now = 800;
        talk.server(&mut writer, REFUSAL_NLA);
        writer.until(6000);
        let probes = writer.facts().into_iter().filter_map(|fact| match fact {
            Fact::UdpProbe { tries, reply, elapsed_ms, .. } => Some((tries, reply, elapsed_ms)),
            _ => None,
        });
        probes.collect::<Vec<_>>()
    };
    assert_eq!(replies(&|_| {}), [(2, UdpReply::Silence, 2400.0)]);
    let answered = replies(&|writer| udp(writer, 710, UDP_SERVER, UDP_CLIENT, &syn_ack()));
    let UdpReply::SynAck { upstream_mtu: 1232, .. } = answered[0].1 else { panic!("{answered:?}") };
    let rejected = replies(&|writer| {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(UDP_SERVER.0, OWN, 64);
        let quoted = [
            &[0x45, 0, 4, 0xEC, 0, 0, 0, 0, 64, 17, 0, 0][..],
            &OWN,
            &UDP_SERVER.0,
            &UDP_CLIENT.1.to_be_bytes(),
            &UDP_SERVER.1.to_be_bytes(),
            &[0; 4],
        ];
        let mut frame = Vec::new();
        builder.icmpv4_raw(3, 3, [0; 4]).write(&mut frame, &quoted.concat()).expect("a packet");
        writer.frames.push((720, frame));
    });
    let UdpReply::Rejected { icmp, .. } = &rejected[0].1 else { panic!("{rejected:?}") };
    assert_eq!(icmp.as_seen().map(|icmp| icmp.code), Some(3));
}
