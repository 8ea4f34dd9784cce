use rdpdoctor_model::Mechanism;

use super::*;

/// The example of RFC 6455 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const DENIED: &str = "HTTP/1.1 401 User Account Restricted\r\nServer: Microsoft-HTTPAPI/2.0\r\n\
                      WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nContent-Length: 5\r\n\r\nno no";

fn request(method: &str, more: &str) -> String {
    format!(
        "{method} /remoteDesktopGateway/ HTTP/1.1\r\nHost: gw.corp.example\r\n\
         RDG-Connection-Id: {{AB}}\r\n{more}\r\n"
    )
}

fn upgrade(more: &str) -> String {
    let socket = format!("Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n{more}");
    request("RDG_OUT_DATA", &socket)
}

fn ntlm(kind: u8) -> String {
    let token = [&b"NTLMSSP\0"[..], &[kind, 0, 0, 0]].concat();
    format!("Authorization: NTLM {}\r\n", Base64::encode_string(&token))
}

fn fed(leg: &mut GatewayLeg, from: Party, bytes: &[u8], size: usize) -> Vec<LegEvent> {
    bytes.chunks(size).flat_map(|piece| leg.feed(from, piece)).collect()
}

fn answer(transport: GatewayTransport, status: u16, after_credentials: bool) -> LegEvent {
    let schemes = match status {
        401 => vec!["Negotiate".to_owned(), "NTLM".to_owned()],
        _ => Vec::new(),
    };
    let server = (status == 401).then(|| "Microsoft-HTTPAPI/2.0".to_owned());
    let reason = Some(match status {
        401 => "User Account Restricted".to_owned(),
        _ => "OK".to_owned(),
    });
    let fact =
        Fact::GatewayAnswer { transport, status, reason, schemes, server, after_credentials };
    LegEvent::Fact(fact)
}

#[test]
fn what_a_connection_is_for() {
    let first = |text: &str| opening(text.as_bytes());
    assert_eq!(first("RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1\r\n"), Some(Opening::Gateway));
    assert_eq!(first("GET /remoteDesktopGateway/ HTTP/1.1\r\nHost"), Some(Opening::Gateway));
    assert_eq!(
        first("RPC_IN_DATA /rpc/rpcproxy.dll?localhost:3388 HTTP/1.1\r\n"),
        Some(Opening::Rpc)
    );
    assert_eq!(first("POST /KdcProxy HTTP/1.1\r\n"), Some(Opening::KdcProxy));
    assert_eq!(first("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(Opening::Http2));
    for other in ["GET / HTTP/1.1\r\n", "\r\n", "POST /KdcProxyOf HTTP/1.1\r\n", "\u{fffd}\r\n"] {
        assert_eq!(first(other), Some(Opening::Other), "{other}");
    }
    assert_eq!(first("RDG_OUT_DA"), None);
    assert_eq!(first("CONNECT pc42:3389 HTTP/1.1\r\nHost"), Some(Opening::Proxy));
    // A TSRequest with a version and a token (MS-CSSP 2.2.1); a request of LDAP begins with a number.
    let sign_in = b"\x30\x12\xA0\x03\x02\x01\x06\xA1\x0B\x30\x09\x30\x07\xA0\x05\x04\x03abc";
    for length in 1..sign_in.len() {
        assert_eq!(opening(&sign_in[..length]), None, "{length}");
    }
    assert_eq!(opening(sign_in), Some(Opening::CredSsp));
    assert_eq!(
        opening(b"\x30\x0C\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0"),
        Some(Opening::Other)
    );
    assert_eq!(first(&"x".repeat(5000)), Some(Opening::Other));
}

#[test]
fn a_sign_in_that_is_refused() {
    for size in [1, 11, 5000] {
        let mut leg = GatewayLeg::new();
        let socket = GatewayTransport::WebSocket;
        assert_eq!(fed(&mut leg, Party::Client, upgrade(&ntlm(1)).as_bytes(), size), []);
        assert_eq!(leg.awaited(), Awaited::GatewayAnswer);
        let answered = fed(&mut leg, Party::Server, DENIED.as_bytes(), size);
        assert_eq!(answered, [answer(socket, 401, false)]);
        assert_eq!(leg.awaited(), Awaited::Nothing);
        let sent = fed(&mut leg, Party::Client, upgrade(&ntlm(3)).as_bytes(), size);
        let mechanism = Mechanism::Ntlm;
        assert_eq!(sent, [LegEvent::Fact(Fact::CredentialSent { mechanism })]);
        let answered = fed(&mut leg, Party::Server, DENIED.as_bytes(), size);
        assert_eq!(answered, [answer(socket, 401, true)]);
        assert_eq!((leg.id(), leg.host()), (Some("{AB}"), Some("gw.corp.example")));
        assert!(!leg.carries());
    }
}

#[test]
fn packets_in_a_websocket() {
    let packet = Packet::HandshakeRequest { version: (1, 0), extended_auth: 0 };
    let bytes = packet.encode();
    let agreed = format!(
        "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: {ACCEPT}\r\nUpgrade: websocket\r\n\r\n"
    );
    let frame = [&[0x82, u8::try_from(bytes.len()).expect("short")][..], &bytes].concat();
    for size in [1, 5000] {
        let mut leg = GatewayLeg::new();
        fed(&mut leg, Party::Client, upgrade("").as_bytes(), size);
        // What the gateway says at once comes in one piece with its consent.
        let both = [agreed.as_bytes(), &frame].concat();
        let events = fed(&mut leg, Party::Server, &both, size);
        assert_eq!(events.get(1), Some(&LegEvent::Begun(GatewayTransport::WebSocket)));
        assert_eq!(events.get(2), Some(&LegEvent::Packet(Party::Server, Ok(packet.clone()))));
        let said = fed(&mut leg, Party::Client, &frame, size);
        assert_eq!(said, [LegEvent::Packet(Party::Client, Ok(packet.clone()))]);
        assert_eq!(leg.feed(Party::Server, &[0x88, 0]), [LegEvent::ClosedByGateway]);
    }
    let mut other = GatewayLeg::new();
    fed(&mut other, Party::Client, upgrade("").as_bytes(), 99);
    let events = other.feed(Party::Server, agreed.replace("s3p", "s3q").as_bytes());
    assert!(
        matches!(events.as_slice(), [_, LegEvent::Fact(Fact::GatewayTransportFailed { .. })]),
        "{events:?}"
    );
    assert_eq!(other.feed(Party::Server, &frame), []);
}

#[test]
fn packets_in_two_channels() {
    let hello = Packet::HandshakeRequest { version: (1, 0), extended_auth: 0 };
    let reply = [&[2, 0, 0, 0, 18, 0, 0, 0][..], &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]].concat();
    for size in [1, 9, 5000] {
        let mut out = GatewayLeg::new();
        fed(&mut out, Party::Client, request("RDG_OUT_DATA", "").as_bytes(), size);
        let answer = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[0xCD; 10], &reply].concat();
        let events = fed(&mut out, Party::Server, &answer, size);
        let packet = Packet::HandshakeResponse { code: 0, version: Some((1, 0)), extended_auth: 0 };
        let expected = [
            self::answer(GatewayTransport::Http, 200, false),
            LegEvent::Begun(GatewayTransport::Http),
            LegEvent::Packet(Party::Server, Ok(packet)),
        ];
        assert_eq!(events, expected);
        let mut input = GatewayLeg::new();
        let bytes = hello.encode();
        let (one, two) = bytes.split_at(5);
        let body =
            [b"5\r\n", one, b"\r\n", format!("{:x}\r\n", two.len()).as_bytes(), two, b"\r\n"]
                .concat();
        let chunked = request("RDG_IN_DATA", "Transfer-Encoding: chunked\r\n");
        let events = fed(&mut input, Party::Client, &[chunked.as_bytes(), &body].concat(), size);
        let expected = [
            LegEvent::Begun(GatewayTransport::Http),
            LegEvent::Packet(Party::Client, Ok(hello.clone())),
        ];
        assert_eq!(events, expected);
        assert_eq!(out.id(), input.id());
    }
}

#[test]
fn what_is_no_http_is_said_once() {
    let mut leg = GatewayLeg::new();
    fed(&mut leg, Party::Client, upgrade("").as_bytes(), 99);
    let events = fed(&mut leg, Party::Server, b"\x05\x00 this is no HTTP\r\n\r\nat all", 3);
    let awaited = Awaited::GatewayAnswer;
    assert!(
        matches!(events.as_slice(), [LegEvent::Fact(Fact::GatewayMalformed { awaited: a, .. })] if *a == awaited),
        "{events:?}"
    );
}
