//! How connections are made and end, and which of them belong together.

use rdpdoctor_model::{
    Awaited, ConnectFailure, Ending, Fact, LifeSource, Lookup, Negotiation, Purpose, Stage,
    StageOutcome,
};

use crate::writer::{
    CLIENT, CONFIRM_NLA, Flag, REFUSAL_NLA, REQUEST, REQUEST_TLS, SERVER, Talk, Writer, facts,
};

/// A ClientHello of TLS 1.2 as short as one can be.
fn client_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0, 0x2F, 1, 0]);
    let length = u8::try_from(body.len()).expect("short");
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(body);
    record
}

/// The same as a client of Remote Desktop sends it, with more than a question has; or as a web browser
/// does, which names its protocol (RFC 7301).
fn full_hello(names_protocol: bool) -> Vec<u8> {
    let mut extensions = vec![0, 23, 0, 0, 0xFF, 1, 0, 1, 0, 0, 35, 0, 0];
    if names_protocol {
        extensions.extend(b"\0\x10\0\x05\0\x03\x02h2");
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0, 0x2F, 1, 0, 0, u8::try_from(extensions.len()).expect("short")]);
    body.extend(extensions);
    let length = u8::try_from(body.len()).expect("short");
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

fn ended(facts: &[Fact]) -> Option<(Ending, Awaited)> {
    facts.iter().find_map(|fact| match fact {
        Fact::StreamEnded { ending, awaited, .. } => Some((*ending, *awaited)),
        _ => None,
    })
}

fn failure(facts: &[Fact]) -> Option<(ConnectFailure, Lookup<u8>)> {
    facts.iter().find_map(|fact| match fact {
        Fact::TcpFailed { failure, icmp, .. } => {
            let code = match icmp {
                Lookup::Seen { value } => Lookup::seen(value.code),
                Lookup::Absent => Lookup::Absent,
                Lookup::Unavailable { why } => Lookup::unavailable(why.clone()),
            };
            Some((*failure, code))
        }
        _ => None,
    })
}

fn purposes(facts: &[Fact]) -> Vec<Purpose> {
    let each = facts.iter().filter_map(|fact| match fact {
        Fact::Connection { purpose, .. } => Some(*purpose),
        _ => None,
    });
    each.collect()
}

#[test]
fn a_syn_that_is_answered_with_a_reset() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.send(&mut writer, true, Flag::Syn, b"");
    talk.send(&mut writer, false, Flag::Rst, b"");
    assert_eq!(failure(&writer.facts()), Some((ConnectFailure::Refused, Lookup::Absent)));
}

#[test]
fn a_syn_that_nobody_answers_and_what_the_host_answers_elsewhere() {
    let mut writer = Writer::default();
    for at in [0, 1000, 3000] {
        let mut talk = Talk::between(CLIENT, SERVER, at);
        talk.send(&mut writer, true, Flag::Syn, b"");
    }
    let mut other = Talk::between("10.0.0.1:50001", "10.0.0.2:445", 4000);
    other.send(&mut writer, true, Flag::Syn, b"");
    other.send(&mut writer, false, Flag::SynAck, b"");
    writer.until(9000);
    let facts = writer.facts();
    assert_eq!(failure(&facts), Some((ConnectFailure::Timeout, Lookup::Absent)));
    let elapsed = facts.iter().find_map(|fact| match fact {
        Fact::TcpFailed { elapsed_ms, .. } => Some(*elapsed_ms),
        _ => None,
    });
    assert_eq!(elapsed, Some(9000.0), "from the first SYN to where the capture ends");
    let alive = |fact: &Fact| {
        matches!(fact, Fact::LifeSign { by: LifeSource::OtherPort, port: Some(445), answer, .. }
            if answer.as_seen().is_some())
    };
    assert!(facts.iter().any(alive), "{facts:?}");
}

#[test]
fn a_capture_that_ends_right_behind_the_syn_tells_nothing() {
    let mut writer = Writer::default();
    Talk::between(CLIENT, SERVER, 0).send(&mut writer, true, Flag::Syn, b"");
    let facts = writer.facts();
    assert_eq!(failure(&facts), None);
    let undecided = |fact: &Fact| {
        matches!(fact, Fact::StageEnded { outcome: StageOutcome::Stopped, reason: Some(why), .. }
            if why.contains("capture ends"))
    };
    assert!(facts.iter().any(undecided));
}

#[test]
fn a_router_that_forbids() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    let syn = talk.ip(true, Flag::Syn, b"");
    let icmp = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 254], [10, 0, 0, 1], 64)
        .icmpv4_raw(3, 13, [0; 4]);
    let mut answer = Vec::new();
    icmp.write(&mut answer, &syn[..28]).expect("a packet");
    writer.frames.push((0, [&crate::writer::ETHERNET[..], &[8, 0], &syn].concat()));
    writer.frames.push((5, answer));
    assert_eq!(failure(&writer.facts()), Some((ConnectFailure::Prohibited, Lookup::seen(13))));
}

#[test]
fn who_ended_it_and_what_was_awaited() {
    let hello = client_hello();
    for (flag, by_client, wait, wanted) in [
        (Flag::Fin, false, 10, (Ending::Fin, Awaited::ServerHello)),
        (Flag::Rst, false, 10, (Ending::Reset, Awaited::ServerHello)),
        (Flag::Fin, true, 10, (Ending::ClosedByClient, Awaited::ServerHello)),
        (Flag::Fin, true, 8000, (Ending::Timeout, Awaited::ServerHello)),
        (Flag::Rst, true, 8000, (Ending::Timeout, Awaited::ServerHello)),
    ] {
        let mut writer = Writer::default();
        let mut talk = Talk::between(CLIENT, SERVER, 0);
        talk.open(&mut writer);
        talk.client(&mut writer, REQUEST);
        talk.server(&mut writer, CONFIRM_NLA);
        talk.client(&mut writer, &hello);
        talk.now += wait;
        talk.send(&mut writer, by_client, flag, b"");
        assert_eq!(ended(&writer.facts()), Some(wanted));
    }
}

/// `mstsc` asks for the password between the confirm and the ClientHello, and a server that waits
/// too long leaves: nothing of TLS failed.
#[test]
fn a_server_that_leaves_while_nothing_was_asked() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, CONFIRM_NLA);
    talk.now += 60_000;
    talk.send(&mut writer, false, Flag::Fin, b"");
    assert_eq!(ended(&writer.facts()), Some((Ending::Fin, Awaited::Nothing)));
}

#[test]
fn silence_until_the_capture_ends() {
    for (until, wanted) in
        [(1000, None), (9000, Some((Ending::Timeout, Awaited::ConnectionConfirm)))]
    {
        let mut writer = Writer::default();
        let mut talk = Talk::between(CLIENT, SERVER, 0);
        talk.open(&mut writer);
        talk.client(&mut writer, REQUEST);
        writer.until(until);
        assert_eq!(ended(&writer.facts()), wanted, "{until} ms");
    }
}

#[test]
fn lost_repeated_and_reordered_segments() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, &REQUEST[..5]);
    talk.client(&mut writer, &REQUEST[5..]);
    talk.server(&mut writer, &CONFIRM_NLA[..9]);
    talk.server(&mut writer, &CONFIRM_NLA[9..]);
    let mut mixed = writer.clone();
    mixed.frames.swap(3, 4);
    mixed.frames.swap(5, 6);
    let again = mixed.frames[4].1.clone();
    mixed.frames.push((300, again));
    let confirmed = |writer: &Writer| {
        let facts = writer.facts();
        let confirm = |fact: &Fact| {
            matches!(fact, Fact::ConnectionConfirm { negotiation: Negotiation::Response { .. } })
        };
        facts.iter().any(confirm)
    };
    assert!(confirmed(&writer) && confirmed(&mixed));
    assert!(mixed.facts().contains(&Fact::Retransmissions { client: 1, server: 0 }));
    // Captured going out and coming in: it was sent once.
    let twice: Vec<_> =
        writer.frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
    let twice = Writer { frames: twice };
    let repeated = |fact: &Fact| matches!(fact, Fact::Retransmissions { .. });
    assert!(confirmed(&twice) && !twice.facts().iter().any(repeated));

    // A segment that the other side has and the capture has not.
    writer.frames.remove(5);
    talk.send(&mut writer, true, Flag::Fin, b"");
    let facts = writer.facts();
    assert!(!confirmed(&writer));
    assert_eq!(ended(&facts).map(|(_, awaited)| awaited), Some(Awaited::Nothing));
    let missing = |fact: &Fact| matches!(fact, Fact::StageEnded { reason: Some(why), .. } if why.contains("missing"));
    assert!(facts.iter().any(missing), "{facts:?}");
}

/// The headers of what came in the server's name, up to what ended it; a client's end has none.
#[test]
fn the_headers_of_a_reset() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, CONFIRM_NLA);
    let mut left = writer.clone();
    talk.send(&mut writer, false, Flag::Rst, b"");
    // TTL of the last packet (RFC 791 3.1), behind the header of Ethernet.
    if let Some((_, frame)) = writer.frames.last_mut() {
        frame[14 + 8] = 40;
    }
    let heads = writer.facts().into_iter().find_map(|fact| match fact {
        Fact::ServerHeads { ending, end, syn_ack, data_hops, .. } => {
            Some((ending, end.hops, syn_ack.map(|head| head.hops), data_hops))
        }
        _ => None,
    });
    let usual = writer.frames[1].1[14 + 8];
    assert_eq!(heads, Some((Ending::Reset, 40, Some(usual), vec![usual])));
    talk.send(&mut left, true, Flag::Fin, b"");
    assert!(!left.facts().iter().any(|fact| matches!(fact, Fact::ServerHeads { .. })));
}

/// What is written is read as it was, with its secrets' place and its times.
#[test]
fn a_capture_that_was_written() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, REFUSAL_NLA);
    talk.now += 7;
    talk.send(&mut writer, false, Flag::Fin, b"");
    let packets = writer.frames.iter().map(|(at, packet)| {
        (std::time::Duration::from_millis(1_700_000_000_000 + at), &packet[14..])
    });
    let secrets = b"CLIENT_RANDOM 00 00\n";
    let file = rdpdoctor_files::pcap::write(packets, "test 1", "a comment", Some(secrets));
    let capture = crate::writer::read(&file.expect("it is written"));
    assert!(capture.notes.is_empty(), "{:?}", capture.notes);
    let attempt = &capture.attempts[0];
    assert_eq!(facts(attempt), writer.facts());
    assert_eq!(attempt.started_at.to_string(), "2023-11-14T22:13:20.001Z");
}

/// A capture with a short snap length: what was cut off is missing, not unsaid.
#[test]
fn frames_that_were_cut_when_captured() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, CONFIRM_NLA);
    talk.client(&mut writer, &client_hello());
    talk.now += 9000;
    talk.send(&mut writer, true, Flag::Fin, b"");
    for (_, frame) in &mut writer.frames {
        frame.truncate(60);
    }
    let facts = writer.facts();
    assert_eq!(ended(&facts).map(|(_, awaited)| awaited), Some(Awaited::Nothing), "{facts:?}");
    let missing = |fact: &Fact| matches!(fact, Fact::StageEnded { reason: Some(why), .. } if why.contains("missing"));
    assert!(facts.iter().any(missing), "{facts:?}");
}

/// Only what the client sends was captured: its acknowledgments say that it was answered.
#[test]
fn one_side_alone() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, CONFIRM_NLA);
    talk.client(&mut writer, &client_hello());
    talk.now += 20_000;
    talk.send(&mut writer, true, Flag::Fin, b"");
    let by_client = |frame: &(u64, Vec<u8>)| frame.1[29] == 1;
    writer.frames.retain(by_client);
    assert_eq!(writer.frames.len(), 5);
    let facts = writer.facts();
    assert!(facts.iter().any(|fact| matches!(fact, Fact::ConnectionRequest { .. })));
    assert_eq!(ended(&facts).map(|(_, awaited)| awaited), Some(Awaited::Nothing), "{facts:?}");
}

/// A connection of this offer that is refused at this time.
fn refused(writer: &mut Writer, port: u16, request: &[u8], at: u64) {
    let mut talk = Talk::between(&format!("10.0.0.1:{port}"), SERVER, at);
    talk.open(writer);
    talk.client(writer, request);
    talk.server(writer, REFUSAL_NLA);
    talk.send(writer, true, Flag::Fin, b"");
}

#[test]
fn connections_of_one_click_are_one_attempt() {
    let counts = |times: &[(&[u8], u64)]| {
        let mut writer = Writer::default();
        for (number, (request, at)) in times.iter().enumerate() {
            refused(&mut writer, 50_000 + u16::try_from(number).expect("few"), request, *at);
        }
        writer.read().attempts.len()
    };
    assert_eq!(counts(&[(REQUEST, 0), (REQUEST_TLS, 1000)]), 1, "less is a fall-back");
    assert_eq!(counts(&[(REQUEST, 0), (REQUEST, 4900)]), 1);
    assert_eq!(counts(&[(REQUEST, 0), (REQUEST, 5100)]), 2, "more than 5 s later");
    assert_eq!(counts(&[(REQUEST_TLS, 0), (REQUEST, 1000)]), 2, "more is a new try");
}

#[test]
fn other_clients_and_other_servers_are_other_attempts() {
    let mut writer = Writer::default();
    for (client, server) in
        [(CLIENT, SERVER), ("10.0.0.9:50000", SERVER), (CLIENT, "10.0.0.3:3389")]
    {
        let mut talk = Talk::between(client, server, 0);
        talk.open(&mut writer);
        talk.client(&mut writer, REQUEST);
        talk.server(&mut writer, REFUSAL_NLA);
    }
    let attempts = writer.read().attempts;
    let targets: Vec<_> = attempts.iter().map(|attempt| attempt.target.to_string()).collect();
    assert_eq!(targets, ["10.0.0.2", "10.0.0.2", "10.0.0.3"]);
}

/// Offering less after having come further is a question; the first connection decides.
#[test]
fn what_a_connection_was_for() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, SERVER, 0);
    talk.open(&mut writer);
    talk.client(&mut writer, REQUEST);
    talk.server(&mut writer, CONFIRM_NLA);
    talk.client(&mut writer, &client_hello());
    talk.send(&mut writer, false, Flag::Rst, b"");
    refused(&mut writer, 50_001, REQUEST_TLS, 100);
    let facts = facts(&writer.read().attempts[0]);
    assert_eq!(purposes(&facts), [Purpose::Main, Purpose::SecurityLayer]);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::SecurityLayerOffer { .. })));
}

#[test]
fn any_port_is_known_by_its_content() {
    let mut writer = Writer::default();
    let mut talk = Talk::between(CLIENT, "10.0.0.2:4711", 0);
    talk.open(&mut writer);
    for byte in REQUEST {
        talk.client(&mut writer, &[*byte]);
    }
    talk.server(&mut writer, REFUSAL_NLA);
    let mut web = Talk::between("10.0.0.1:50009", "10.0.0.2:80", 0);
    web.open(&mut writer);
    web.client(&mut writer, b"GET / HTTP/1.0\r\n\r\n");
    web.server(&mut writer, b"HTTP/1.0 200 OK\r\n\r\n");
    let attempts = writer.read().attempts;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].target.port, 4711);
    let confirm = attempts[0].observations.iter().find(|o| o.stage == Stage::X224);
    let origin = confirm.and_then(|o| o.origin.clone()).expect("an origin");
    assert_eq!((origin.file.as_str(), origin.frame), ("test.pcap", Some(22)));
}

/// MS-RDPBCGR 5.4.2.2, byte by byte; and what only looks like it.
#[test]
fn a_client_that_begins_with_tls() {
    let begun = |hello: &[u8], server: &str| {
        let mut writer = Writer::default();
        let mut talk = Talk::between(CLIENT, server, 0);
        talk.open(&mut writer);
        hello.iter().for_each(|byte| talk.client(&mut writer, &[*byte]));
        talk.send(&mut writer, false, Flag::Fin, b"");
        writer.read().attempts.iter().flat_map(facts).collect::<Vec<_>>()
    };
    let is_direct = |facts: &[Fact]| facts.iter().any(|f| matches!(f, Fact::DirectApproach));
    let direct = begun(&full_hello(false), SERVER);
    assert!(is_direct(&direct));
    assert_eq!(ended(&direct), Some((Ending::Fin, Awaited::ServerHello)));
    for (hello, server) in [
        // A question who is there, and a web browser.
        (client_hello(), SERVER),
        (full_hello(true), SERVER),
        // Anything may be on another port.
        (full_hello(false), "10.0.0.2:4000"),
        // Half a hello.
        (full_hello(false)[..20].to_vec(), SERVER),
        (vec![22; 40], SERVER),
    ] {
        assert!(!is_direct(&begun(&hello, server)), "{hello:?}");
    }
}
