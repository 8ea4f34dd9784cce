//! Ways in which a packet lies in a frame, and in which it is cut into several.

use rdpdoctor_model::Fact;

use crate::writer::{CLIENT, REFUSAL_NLA, REQUEST, SERVER, Talk, Writer, ether_type, read};

/// The IP packets of a refused connection.
fn packets(client: &str, server: &str) -> Vec<Vec<u8>> {
    let mut writer = Writer::default();
    let mut talk = Talk::between(client, server, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, REFUSAL_NLA);
    writer.frames.into_iter().map(|(_, frame)| frame[14..].to_vec()).collect()
}

/// Whether a capture of these frames shows the refusal.
fn is_read(link: u32, frames: Vec<Vec<u8>>) -> bool {
    let frames = frames.into_iter().enumerate().map(|(at, frame)| (at as u64, frame)).collect();
    let capture = read(&Writer { frames }.pcap(link));
    let facts = capture.attempts.iter().flat_map(|attempt| &attempt.observations);
    facts.into_iter().any(|o| matches!(o.fact, Fact::ConnectionConfirm { .. }))
}

#[test]
fn link_types_and_tunnels() {
    let outer = |carries: u8, inner: &[u8]| {
        let length = u16::try_from(20 + inner.len()).expect("short").to_be_bytes();
        let mut packet = vec![0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, carries, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        packet.extend(inner);
        packet
    };
    type Wrap = fn(&[u8]) -> Vec<u8>;
    let links: [(u32, Wrap); 6] = [
        (0, |p| [&[2, 0, 0, 0], p].concat()),
        (1, |p| [&[0xAA; 12][..], &[0x81, 0, 0, 7], &ether_type(p), p].concat()),
        (9, |p| [&[0xFF, 3, 0, if p[0] >> 4 == 4 { 0x21 } else { 0x57 }], p].concat()),
        (101, <[u8]>::to_vec),
        (113, |p| [&[0; 14][..], &ether_type(p), p].concat()),
        (276, |p| [&ether_type(p)[..], &[0; 18], p].concat()),
    ];
    for (client, server) in [(CLIENT, SERVER), ("[fd00::1]:50000", "[fd00::2]:3389")] {
        let packets = packets(client, server);
        for (link, wrap) in links {
            assert!(is_read(link, packets.iter().map(|p| wrap(p)).collect()), "link type {link}");
        }
        let gre =
            |p: &[u8]| outer(47, &[&[0x20, 0][..], &ether_type(p), &[0, 0, 0, 9], p].concat());
        assert!(is_read(101, packets.iter().map(|p| gre(p)).collect()), "GRE with a key");
        let number = if client.starts_with('[') { 41 } else { 4 };
        assert!(is_read(101, packets.iter().map(|p| outer(number, p)).collect()), "IP in IP");
        let vxlan = |p: &[u8]| {
            let inner = [&[0xAA; 12][..], &ether_type(p), p].concat();
            let length = u16::try_from(16 + inner.len()).expect("short").to_be_bytes();
            outer(
                17,
                &[
                    &[0x30, 0, 0x12, 0xB5, length[0], length[1], 0, 0][..],
                    &[8, 0, 0, 0, 0, 0, 1, 0],
                    &inner,
                ]
                .concat(),
            )
        };
        assert!(is_read(101, packets.iter().map(|p| vxlan(p)).collect()), "VXLAN");
    }
    assert!(!is_read(127, packets(CLIENT, SERVER)), "radio headers are not read");
}

#[test]
fn a_link_type_that_is_not_read_is_told() {
    let frames = packets(CLIENT, SERVER).into_iter().map(|p| (0, p)).collect();
    let capture = read(&Writer { frames }.pcap(127));
    assert!(capture.attempts.is_empty());
    assert!(capture.notes.iter().any(|note| note.contains("link type 127")), "{:?}", capture.notes);
}

#[test]
fn fragments_of_both_families_in_any_order() {
    let cut = |packet: &[u8]| -> Vec<Vec<u8>> {
        let (head, body) = packet.split_at(20);
        let pieces: Vec<&[u8]> = body.chunks(8).collect();
        let last = pieces.len() - 1;
        let each = pieces.iter().enumerate().map(|(number, piece)| {
            let mut head = head.to_vec();
            let length = u16::try_from(20 + piece.len()).expect("short").to_be_bytes();
            let more = if number == last { 0 } else { 0x20 };
            head[2..4].copy_from_slice(&length);
            head[6] = more;
            head[7] = u8::try_from(number).expect("few");
            [head, piece.to_vec()].concat()
        });
        each.collect()
    };
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for (id, packet) in packets(CLIENT, SERVER).iter_mut().enumerate() {
        packet[4..6].copy_from_slice(&u16::try_from(id).expect("few").to_be_bytes());
        let mut pieces = cut(packet);
        pieces.reverse();
        frames.extend(pieces);
    }
    assert!(is_read(101, frames.clone()));
    frames.remove(10);
    frames.truncate(frames.len() - 1);
    assert!(!is_read(101, frames), "a piece is missing");

    let mut frames = Vec::new();
    for (id, packet) in packets("[fd00::1]:50000", "[fd00::2]:3389").into_iter().enumerate() {
        let (head, body) = packet.split_at(40);
        let pieces: Vec<&[u8]> = body.chunks(16).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let mut head = head.to_vec();
            head[4..6]
                .copy_from_slice(&u16::try_from(8 + piece.len()).expect("short").to_be_bytes());
            head[6] = 44;
            let more = u16::from(number + 1 < pieces.len());
            let offset = (u16::try_from(number * 16).expect("few") | more).to_be_bytes();
            let id = u8::try_from(id).expect("few");
            frames.push([&head[..], &[6, 0], &offset, &[0, 0, 0, id], piece].concat());
        }
    }
    assert!(is_read(101, frames));
}
