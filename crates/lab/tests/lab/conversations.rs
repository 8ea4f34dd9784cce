//! What depends on what the client says.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::io::AsyncWriteExt;

use crate::client::{
    CONNECT_INITIAL, NTLM, Tap, av_pair, connection_request, exchange, handshake, host_name,
    record, run, secured, sign_in, tls_client,
};

/// What a server answers to a Connection Request, and how it goes on when nothing follows.
async fn negotiated(name: &str, requested: Option<u8>) -> (Vec<u8>, &'static str) {
    let server = run(name).await;
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(requested)).await.expect("is sent");
    let ending = tap.ending().await;
    (tap.received.get(11..).unwrap_or_default().to_vec(), ending)
}

const fn response(selected: u8) -> [u8; 8] {
    [2, 0x1F, 8, 0, selected, 0, 0, 0]
}

const fn failure(code: u8) -> [u8; 8] {
    [3, 0, 8, 0, code, 0, 0, 0]
}

#[tokio::test(flavor = "multi_thread")]
async fn side_questions_get_the_answers_of_such_a_host() {
    let cases: [(&str, Option<u8>, &[u8], &str); 12] = [
        ("healthy-nla", Some(0x0B), &response(8), "open"),
        ("healthy-nla", Some(0x03), &response(2), "open"),
        ("healthy-nla", Some(0x01), &failure(5), "fin"),
        ("healthy-nla", Some(0x00), &failure(5), "fin"),
        ("healthy-nla", None, &[], "fin"),
        ("healthy-tls-only", Some(0x0B), &response(1), "open"),
        ("healthy-tls-only", Some(0x02), &failure(1), "fin"),
        ("nego-tls-not-allowed", Some(0x01), &failure(2), "fin"),
        ("nego-tls-not-allowed", Some(0x00), &response(0), "open"),
        ("nego-tls-not-allowed", None, &[], "open"),
        ("nego-tls-not-allowed-strict", Some(0x00), &failure(2), "fin"),
        ("nego-legacy-only", None, &[], "open"),
    ];
    let asked: Vec<_> = cases
        .into_iter()
        .map(|(name, requested, ..)| tokio::spawn(async move { negotiated(name, requested).await }))
        .collect();
    for (answer, (name, requested, expected, ending)) in asked.into_iter().zip(cases) {
        let (bytes, end) = answer.await.expect("an answer");
        assert_eq!((&bytes[..], end), (expected, ending), "{name} {requested:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weaker_second_try_gets_standard_rdp_security() {
    let server = run("nego-tls-not-allowed").await;
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(Some(0))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    tap.write_all(CONNECT_INITIAL).await.expect("is sent");
    let answer = tap.read_for(300).await;
    assert_eq!(answer[4..9], [2, 0xF0, 0x80, 0x7F, 0x66]);
    let key = answer.windows(4).position(|window| window == b"RSA1");
    assert!(key.is_some(), "{answer:x?}");
}

/// A TSRequest whose token is SPNEGO with an NTLM message in it, or with something else.
fn spnego(inside: &[u8]) -> Vec<u8> {
    let oid = [0x60, 0x80, 6, 6, 0x2B, 6, 1, 5, 5, 2];
    let mut bytes = [&oid[..], &[4], &[length(inside)], inside].concat();
    bytes[1] = length(&bytes[2..]);
    for tag in [4, 0xA0, 0x30, 0x30, 0xA1] {
        bytes.splice(0..0, [tag, length(&bytes)]);
    }
    bytes.splice(0..0, [0xA0, 3, 2, 1, 6]);
    bytes.splice(0..0, [0x30, length(&bytes)]);
    bytes
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).ok().filter(|length| *length < 0x80).expect("short")
}

/// Where a CHALLENGE_MESSAGE begins.
fn challenge(answer: &[u8]) -> &[u8] {
    let at = answer.windows(12).position(|window| window == b"NTLMSSP\0\x02\0\0\0");
    &answer[at.unwrap_or_else(|| panic!("no challenge in {answer:x?}"))..]
}

/// Whether an answer is a NegTokenResp that names NTLM.
fn is_spnego(answer: &[u8]) -> bool {
    answer.windows(10).any(|window| window == [0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10])
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_come_in_the_form_the_client_began_with() {
    let server = run("healthy-nla").await;
    let plain = sign_in(&server, NTLM).await;
    assert!(!is_spnego(&plain));
    assert_eq!(challenge(&plain)[20..24], 0xE289_8235u32.to_le_bytes());

    let inside = sign_in(&server, &spnego(&NTLM[17..])).await;
    assert!(is_spnego(&inside));
    challenge(&inside);

    let mut stream = secured(&server, 0x0B).await;
    let chosen = exchange(&mut stream, &spnego(b"a Kerberos ticket")).await;
    assert!(is_spnego(&chosen) && !chosen.windows(7).any(|window| window == b"NTLMSSP"));
    let then = exchange(&mut stream, &spnego(&NTLM[17..])).await;
    challenge(&then);

    let always = sign_in(&run("healthy-spnego-only").await, NTLM).await;
    assert!(is_spnego(&always));
    challenge(&always);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_are_right_wrong_or_missing() {
    for (name, seconds_back) in
        [("healthy-nla", Some(0)), ("nla-clock-skew", Some(7200)), ("healthy-no-timestamp", None)]
    {
        let answer = sign_in(&run(name).await, NTLM).await;
        let ticks = av_pair(challenge(&answer), 7)
            .map(|value| u64::from_le_bytes(value.try_into().expect("eight bytes")));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let back = ticks.map(|ticks| (now + 11_644_473_600).abs_diff(ticks / 10_000_000));
        match (back, seconds_back) {
            (Some(back), Some(expected)) => assert!(back.abs_diff(expected) < 60, "{name}: {back}"),
            (back, expected) => assert_eq!(back, expected, "{name}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_forward_to_this_machine_has_its_name() {
    let answer = sign_in(&run("self-connection").await, NTLM).await;
    let text: Vec<u16> = av_pair(challenge(&answer), 3)
        .expect("a DNS name")
        .chunks(2)
        .map(|two| u16::from_le_bytes([two[0], two[1]]))
        .collect();
    let name = String::from_utf16(&text).expect("UTF-16");
    assert_eq!(name.split('.').next(), Some(&*host_name().to_lowercase()));
    assert!(!name.starts_with('.'), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn web_servers_take_a_client_hello() {
    for name in ["wrong-service-https", "wrong-service-https-alert"] {
        let server = run(name).await;
        let (mut stream, outcome) =
            handshake(Tap::open(server.address()).await, &tls_client(None)).await;
        assert!(outcome.is_ok() && stream.ssl().is_init_finished(), "{name}: {outcome:?}");
        let answer = exchange(&mut stream, b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_greet_unasked_if_their_protocol_says_so() {
    for (name, greeting) in [
        ("wrong-service-ssh", &b"SSH-2.0-"[..]),
        ("wrong-service-vnc", b"RFB 003.008\n"),
        ("wrong-service-ftp", b"220 "),
        ("wrong-service-smtp", b"220 "),
        ("wrong-service-pop3", b"+OK "),
        ("wrong-service-imap", b"* OK "),
        ("wrong-service-telnet", &[255, 253]),
    ] {
        let server = run(name).await;
        let mut tap = Tap::open(server.address()).await;
        let bytes = tap.read_for(greeting.len()).await;
        assert!(bytes.starts_with(greeting), "{name}: {bytes:x?}");
    }
    let server = run("wrong-service-mysql").await;
    let greeting = Tap::open(server.address()).await.read_for(78).await;
    assert_eq!(greeting[..5], [74, 0, 0, 0, 10], "the packet says its length");
    assert_eq!(greeting.len(), 78);
    let server = run("wrong-service-http").await;
    assert_eq!(Tap::open(server.address()).await.ending().await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_close_after_the_request_wait_for_it() {
    for (name, ending) in [("nego-closed-fin", "fin"), ("nego-closed-rst", "rst")] {
        let server = run(name).await;
        let mut tap = Tap::open(server.address()).await;
        assert_eq!(tap.ending().await, "open", "{name} before the request");
        let request = connection_request(Some(0x0B));
        let (first, second) = request.split_at(7);
        tap.write_all(first).await.expect("is sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(tap.end, None);
        tap.write_all(second).await.expect("is sent");
        assert_eq!(tap.ending().await, ending, "{name}");
        assert_eq!(server.record()[0].on_wire, request);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_dripping_servers_are_so() {
    let slow = run("healthy-slow").await;
    let begin = Instant::now();
    let answer = sign_in(&slow, NTLM).await;
    challenge(&answer);
    // The confirm, the handshake and the challenge.
    assert!(begin.elapsed() > Duration::from_millis(4400), "{:?}", begin.elapsed());

    let dripping = run("healthy-dripping").await;
    let mut tap = Tap::open(dripping.address()).await;
    let begin = Instant::now();
    tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    assert!(begin.elapsed() > Duration::from_millis(18), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_shows_what_the_client_sent() {
    let server = run("healthy-nla").await;
    let request = connection_request(Some(0x0B));
    let answer = sign_in(&server, NTLM).await;
    challenge(&answer);
    let record = record(&server, |record| !record.above_tls.is_empty()).await;
    assert_eq!(record.above_tls, NTLM);
    assert_eq!(record.on_wire[..request.len()], request);
    assert_eq!(record.on_wire[request.len()], 22, "a ClientHello follows");
    assert!(!record.on_wire.windows(7).any(|window| window == b"NTLMSSP"));
}
