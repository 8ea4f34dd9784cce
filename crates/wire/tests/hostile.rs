//! Whatever a peer sends, in whatever pieces, nothing panics and nothing grows without limit.

use proptest::collection::vec;
use proptest::prelude::*;
use rdpdoctor_model::{Ending, Party, Stage};
use rdpdoctor_wire::tls_decrypt::{KeyLog, TlsListener};
use rdpdoctor_wire::{Dissector, encode, read_certificate};

/// Confirms that lead the dissector into each of its phases.
const CONFIRMS: [&[u8]; 4] = [
    &[],
    &[3, 0, 0, 11, 6, 0xD0, 0, 0, 0x12, 0x34, 0],
    &[3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0],
    &[3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 8, 0, 0, 0],
];

/// How the data of PDUs of a session begins: attach and join confirms, an ultimatum, data from the
/// server and the client with a licence, client info, a demand, errors, a logon, a redirection.
const SESSION: [&[u8]; 12] = [
    &[0x2E],
    &[0x3E],
    &[0x21, 0x80],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 60, 0x80, 2, 0, 0],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 0x80, 100],
    &[0x64, 0, 3, 3, 0xEB, 0x70, 40, 0x40, 0, 0, 0],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 40, 40, 0, 0x11, 0, 0xEA, 3],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 22, 22, 0, 0x17, 0, 0xEA, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x2F, 0],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 60, 60, 0, 0x17, 0, 0xEA, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x26, 0],
    &[0x68, 0, 3, 3, 0xEB, 0x70, 60, 60, 0, 0x1A, 0, 0xEA, 3, 0, 0],
    &[0x64, 0, 3, 3, 0xEB, 0x70, 22, 22, 0, 0x17, 0, 0xEA, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0x27, 0],
    &[],
];

/// An X.224 data packet in its TPKT.
fn tpkt(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 7).unwrap_or(7).to_be_bytes();
    [&[3, 0, length[0], length[1], 2, 0xF0, 0x80][..], data].concat()
}

/// A Connect Response with rt-successful and nothing more.
fn connect_response() -> Vec<u8> {
    tpkt(&[0x7F, 0x66, 12, 10, 1, 0, 2, 1, 0, 0x30, 0, 4, 2, 0, 0])
}

/// Feeds `pieces` to a connection with an RD Gateway.
fn feed_gateway(established: bool, pieces: &[Vec<u8>]) -> usize {
    let mut dissector = Dissector::of_gateway();
    dissector.wire(Party::Client, &encode::plain_client_hello([1; 32], None), 0.0);
    if established {
        dissector.established();
    }
    for piece in pieces {
        dissector.wire(Party::Server, piece, 1.0);
        dissector.plaintext(Party::Server, piece, 1.0);
    }
    dissector.closed(Ending::Fin, None, 2.0);
    let events = dissector.take_events();
    assert!(events.iter().all(|event| event.stage == Stage::Gateway), "{events:?}");
    events.len()
}

/// Feeds `pieces` behind a confirm, on the wire or inside TLS.
fn feed(confirm: &[u8], established: bool, pieces: &[Vec<u8>]) -> usize {
    let mut dissector = Dissector::new();
    let request = encode::connection_request(0x0B, None).unwrap_or_default();
    dissector.wire(Party::Client, &request, 0.0);
    dissector.wire(Party::Server, confirm, 1.0);
    if established {
        dissector.established();
    }
    for piece in pieces {
        if established {
            dissector.plaintext(Party::Server, piece, 2.0);
        } else {
            dissector.wire(Party::Server, piece, 2.0);
        }
    }
    dissector.closed(Ending::Fin, None, 3.0);
    dissector.take_events().len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Records of whatever kind, in clear and as if they were encrypted, with a secret that fits.
    #[test]
    fn a_listener_takes_anything(
        records in vec((any::<bool>(), 19_u8..25, vec(any::<u8>(), 0..80)), 0..40),
        suite in prop_oneof![Just(0x002F_u16), Just(0xC030), Just(0x1301), Just(0x0005), any::<u16>()],
        modern in any::<bool>(),
    ) {
        let mut log = KeyLog::new();
        let random = "07".repeat(32);
        for label in ["CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"] {
            log.read(format!("{label} {random} {}", "ab".repeat(48)).as_bytes());
        }
        let mut listener = TlsListener::new();
        let hello = |kind: u8, tail: &[u8]| {
            let body = [&[3, 3][..], &[7; 32], &[0], tail].concat();
            let length = u8::try_from(body.len()).unwrap_or(0);
            [&[22, 3, 3, 0, length + 4, kind, 0, 0, length][..], &body].concat()
        };
        listener.feed(Party::Client, &hello(1, &[0, 2, 0, 0x2F, 1, 0]), &log);
        let [high, low] = suite.to_be_bytes();
        let versions: &[u8] = if modern { &[0, 6, 0, 43, 0, 2, 3, 4] } else { &[] };
        listener.feed(Party::Server, &hello(2, &[&[high, low, 0], versions].concat()), &log);
        for (client, kind, content) in records {
            let from = if client { Party::Client } else { Party::Server };
            let length = u8::try_from(content.len()).unwrap_or(0);
            listener.feed(from, &[&[kind, 3, 3, 0, length], content.as_slice()].concat(), &log);
        }
    }

    #[test]
    fn random_bytes(
        which in 0..CONFIRMS.len(),
        established: bool,
        pieces in vec(vec(any::<u8>(), 0..300), 0..8),
    ) {
        prop_assert!(feed(CONFIRMS[which], established, &pieces) <= 201);
        prop_assert!(feed_gateway(established, &pieces) <= 201);
    }

    /// Bytes that begin as a real message does go deeper.
    #[test]
    fn broken_messages(
        which in 0..CONFIRMS.len(),
        established: bool,
        start in prop::sample::select(vec![
            vec![0x30, 0x82], vec![0x30, 0x40, 0xA0, 0x03, 0x02, 0x01, 0x06, 0xA1],
            vec![3, 0, 0, 40, 2, 0xF0, 0x80, 0x7F, 0x66], vec![0x16, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3],
            vec![0x16, 3, 3, 1, 0, 11, 0, 0, 252, 0, 0, 249], b"NTLMSSP\0\x02\0\0\0".to_vec(),
        ]),
        rest in vec(any::<u8>(), 0..400),
        cut in 1usize..64,
    ) {
        let whole = [start, rest].concat();
        let pieces: Vec<Vec<u8>> = whole.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert!(feed(CONFIRMS[which], established, &pieces) <= 201);
        prop_assert!(feed_gateway(established, &pieces) <= 201);
    }

    /// Behind the MCS Connect Response: PDUs of the right frame with anything inside, from both sides.
    #[test]
    fn sessions(
        encrypted: bool,
        pdus in vec((any::<bool>(), 0usize..SESSION.len(), vec(any::<u8>(), 0..200)), 0..20),
        cut in 1usize..512,
    ) {
        let mut dissector = Dissector::new();
        let request = encode::connection_request(0x0B, None).unwrap_or_default();
        dissector.wire(Party::Client, &request, 0.0);
        dissector.wire(Party::Server, CONFIRMS[if encrypted { 2 } else { 1 }], 1.0);
        if encrypted {
            dissector.established();
        }
        let mut feed = |from, bytes: &[u8]| {
            for piece in bytes.chunks(cut) {
                if encrypted {
                    dissector.plaintext(from, piece, 2.0);
                } else {
                    dissector.wire(from, piece, 2.0);
                }
            }
        };
        feed(Party::Server, &connect_response());
        for (client, which, content) in pdus {
            let from = if client { Party::Client } else { Party::Server };
            feed(from, &tpkt(&[SESSION[which], &content[..]].concat()));
        }
        let _ = dissector.awaited();
        dissector.decrypted(Party::Server, 0x88, &[1, 2, 3], 2.5);
        dissector.closed(Ending::Fin, None, 3.0);
        prop_assert!(dissector.take_events().len() <= 201);
    }

    #[test]
    fn sign_ins(pieces in vec((any::<bool>(), vec(any::<u8>(), 0..120)), 0..10)) {
        let mut dissector = Dissector::new();
        dissector.wire(Party::Server, CONFIRMS[3], 1.0);
        dissector.established();
        for (client, content) in pieces {
            let from = if client { Party::Client } else { Party::Server };
            let length = u8::try_from(content.len()).unwrap_or(0);
            dissector.plaintext(from, &[&[0x30, 0x81, length][..], &content].concat(), 2.0);
        }
        dissector.closed(Ending::Fin, None, 3.0);
        prop_assert!(dissector.take_events().len() <= 201);
    }

    #[test]
    fn certificates(der in vec(any::<u8>(), 0..300)) {
        let _ = read_certificate(&der);
    }
}

/// A peer that sends for ever is not kept for ever.
#[test]
fn endless_streams_stay_bounded() {
    for established in [false, true] {
        for confirm in CONFIRMS {
            let piece = vec![0x30; 64 * 1024];
            let pieces: Vec<Vec<u8>> = (0..64).map(|_| piece.clone()).collect();
            assert!(feed(confirm, established, &pieces) < 50);
        }
    }
}
