use proptest::prelude::*;

use super::*;

/// What comes of the bytes of both directions in turn, fed in pieces of this size.
fn heard(turns: &[(Party, &[u8])], size: usize) -> (ProxyDialog, Vec<ProxyEvent>) {
    let first = turns.first().map(|(_, bytes)| *bytes).unwrap_or_default();
    let mut dialog = ProxyDialog::begun(first).flatten().expect("a dialog");
    let mut all = Vec::new();
    for (from, bytes) in turns {
        for piece in bytes.chunks(size) {
            all.extend(dialog.feed(*from, piece));
        }
    }
    (dialog, all)
}

fn replies(events: &[ProxyEvent]) -> Vec<ProxyReply> {
    let reply = |event: &ProxyEvent| match event {
        ProxyEvent::Reply(reply) => Some(reply.clone()),
        _ => None,
    };
    events.iter().filter_map(reply).collect()
}

fn inside(events: &[ProxyEvent], wanted: Party) -> Vec<u8> {
    let own = events.iter().filter_map(|event| match event {
        ProxyEvent::Inside(from, bytes) if *from == wanted => Some(bytes.as_slice()),
        _ => None,
    });
    own.flatten().copied().collect()
}

fn status(reply: &ProxyReply) -> u16 {
    match reply {
        ProxyReply::Http { status, .. } => *status,
        _ => 0,
    }
}

use Party::{Client, Server};

const CONNECT: &[u8] = b"CONNECT pc42:3389 HTTP/1.1\r\nHost: pc42:3389\r\n\r\n";
const YES: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

#[test]
fn which_first_bytes_begin_a_dialog() {
    let begun = |bytes: &[u8]| ProxyDialog::begun(bytes).map(|dialog| dialog.is_some());
    for bytes in [&b""[..], b"\x05", b"\x05\x02\x00", b"CONN"] {
        assert_eq!(begun(bytes), None, "{bytes:?}");
    }
    for bytes in [&b"\x05\x01\x00"[..], b"\x05\x02\x00\x02", b"CONNECT x"] {
        assert_eq!(begun(bytes), Some(true), "{bytes:?}");
    }
    for bytes in [&b"\x05\x00"[..], b"\x05\xFF\x00", b"\x03\x00\x00", b"GET /", b"CONNECTX"] {
        assert_eq!(begun(bytes), Some(false), "{bytes:?}");
    }
}

#[test]
fn http_that_makes_the_connection() {
    for size in [1, 3, 17, 5000] {
        let turns =
            [(Client, CONNECT), (Server, YES), (Client, &b"\x03\x00"[..]), (Server, b"\x03\x01")];
        let (dialog, events) = heard(&turns, size);
        let asked = dialog.asked().expect("a place");
        assert_eq!((asked.host.as_str(), asked.port), ("pc42", 3389));
        assert_eq!((dialog.scheme(), dialog.has_user()), (ProxyScheme::Http, false));
        assert_eq!(replies(&events).iter().map(status).collect::<Vec<_>>(), [200]);
        assert!(dialog.is_open() && events.contains(&ProxyEvent::Opened));
        assert_eq!((inside(&events, Client), inside(&events, Server)), (vec![3, 0], vec![3, 1]));
    }
}

#[test]
fn http_that_wants_a_sign_in_on_the_same_connection() {
    let asks = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 4\r\n\r\npage";
    let again = b"CONNECT pc42:3389 HTTP/1.1\r\nProxy-Authorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n";
    let turns = [(Client, CONNECT), (Server, &asks[..]), (Client, &again[..]), (Server, YES)];
    for size in [1, 50, 5000] {
        let (dialog, events) = heard(&turns, size);
        assert_eq!(replies(&events).iter().map(status).collect::<Vec<_>>(), [407, 200]);
        assert!(dialog.has_user() && dialog.is_open());
    }
    // Without a word about its page nothing behind it can be found.
    let endless = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
    let (dialog, events) = heard(&[(Client, CONNECT), (Server, endless), (Server, YES)], 9);
    assert_eq!(replies(&events).len(), 1);
    assert!(!dialog.is_open());
}

#[test]
fn how_a_client_signs_in_by_http() {
    let signed = |value: &str, answer: &[u8]| {
        let asks = format!("CONNECT pc42:3389 HTTP/1.1\r\nProxy-Authorization: {value}\r\n\r\n");
        let (_, events) = heard(&[(Client, asks.as_bytes()), (Server, answer)], 40);
        let credential = events.iter().find_map(|event| match event {
            ProxyEvent::Credential { mechanism, shown } => Some((*mechanism, *shown)),
            _ => None,
        });
        (credential, format!("{events:?}"))
    };
    let no = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    let (credential, said) = signed("Basic eDp5", no);
    assert_eq!(credential, Some((Mechanism::Basic, true)));
    assert!(!said.contains("eDp5"), "{said}");
    // NTLM type 1 without a challenge to it, and with one.
    let begun = "Negotiate TlRMTVNTUAABAAAA";
    assert_eq!(signed(begun, no).0, Some((Mechanism::Ntlm, false)));
    let challenge = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n\r\n";
    assert_eq!(signed("NTLM TlRMTVNTUAABAAAA", challenge).0, None);
    assert_eq!(signed("NTLM TlRMTVNTUAADAAAA", no).0, Some((Mechanism::Ntlm, true)));
}

#[test]
fn http_that_refuses_or_is_none() {
    let no = b"HTTP/1.1 502 Bad\r\nProxy-Status: p; error=connection_refused\r\n\r\n";
    let (dialog, events) = heard(&[(Client, CONNECT), (Server, no)], 7);
    assert!(replies(&events)[0].on_target().is_some());
    assert_eq!(dialog.awaited(), Awaited::Nothing);
    let (_, events) = heard(&[(Client, CONNECT), (Server, b"220 mail ESMTP\r\n")], 4);
    assert!(matches!(replies(&events)[..], [ProxyReply::Malformed { .. }]), "{events:?}");
    let (dialog, events) = heard(&[(Client, CONNECT)], 4);
    assert_eq!((events.len(), dialog.awaited()), (0, Awaited::ProxyAnswer));
}

const OFFER: &[u8] = b"\x05\x02\x00\x02";
const WANTED: &[u8] = b"\x05\x01\x00\x03\x04pc42\x0D\x3D";
const MADE: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

#[test]
fn socks_with_a_password_that_is_not_kept() {
    let turns = [
        (Client, OFFER),
        (Server, &b"\x05\x02"[..]),
        (Client, b"\x01\x03jo!\x06secret"),
        (Server, b"\x01\x00"),
        (Client, WANTED),
        (Server, MADE),
        (Client, b"x"),
    ];
    for size in [1, 4, 100] {
        let (dialog, events) = heard(&turns, size);
        let wanted = [
            ProxyReply::SocksMethod { method: 2 },
            ProxyReply::SocksSignIn { status: 0 },
            ProxyReply::SocksReply { code: 0 },
        ];
        assert_eq!(replies(&events), wanted);
        assert_eq!((inside(&events, Client), dialog.scheme()), (vec![b'x'], ProxyScheme::Socks5h));
        assert_eq!(dialog.asked().map(|asked| asked.port), Some(3389));
        assert!(!format!("{events:?}").contains("115, 101, 99"), "no byte of the password");
    }
}

#[test]
fn socks_that_refuses() {
    let none = heard(&[(Client, OFFER), (Server, b"\x05\xFF")], 1);
    assert_eq!(replies(&none.1), [ProxyReply::SocksMethod { method: 0xFF }]);
    let address = b"\x05\x01\x00\x01\x0A\x00\x00\x01\x0D\x3D";
    let turns =
        [(Client, OFFER), (Server, &b"\x05\x00"[..]), (Client, address), (Server, b"\x05\x05")];
    let (dialog, events) = heard(&turns, 1);
    assert_eq!(replies(&events).last(), Some(&ProxyReply::SocksReply { code: 5 }));
    let asked = dialog.asked().expect("a place");
    assert_eq!((asked.host.as_str(), asked.port), ("10.0.0.1", 3389));
    assert_eq!(dialog.scheme(), ProxyScheme::Socks5, "the client resolved the name");
    let garbage = heard(&[(Client, OFFER), (Server, b"HTTP/1.1 400")], 3);
    assert!(matches!(replies(&garbage.1)[..], [ProxyReply::Malformed { .. }]));
}

#[test]
fn heads() {
    let text = b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: x\r\n\
        proxy-authenticate: Negotiate, NTLM\r\n\
        Proxy-Authenticate: Digest realm=\"a, Kerberos b\", nonce=\"x\", Basic realm=\"y\"\r\n\r\nrest";
    let ResponseHead { length, reply, .. } = response_head(text).expect("HTTP").expect("complete");
    assert_eq!(&text[length..], b"rest");
    let ProxyReply::Http { status, schemes, error, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((status, error), (407, None));
    assert_eq!(schemes, ["Negotiate", "NTLM", "Digest", "Basic"]);
    for cut in 0..length {
        assert!(matches!(response_head(&text[..cut]), Ok(None)), "{cut} bytes");
    }
    assert!(response_head(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
    assert!(response_head(&[5, 0]).is_err());
}

#[test]
fn what_a_proxy_says_of_an_error_is_kept_short() {
    let long = "x".repeat(500);
    let text = format!("HTTP/1.1 503 {long}\r\nX-Squid-Error: ERR_CONNECT_FAIL 111{long}\r\n\r\n");
    let head = response_head(text.as_bytes()).expect("HTTP").expect("complete");
    let ProxyReply::Http { phrase, error: Some(error), .. } = head.reply else {
        panic!("{head:?}")
    };
    assert_eq!((phrase.len(), error.len()), (80, 120));
}

#[test]
fn what_has_no_end_is_given_up() {
    let mut dialog = ProxyDialog::begun(CONNECT).flatten().expect("a dialog");
    dialog.feed(Client, CONNECT);
    dialog.feed(Server, b"HTTP/1.1 200 OK\r\n");
    for _ in 0..LONGEST {
        dialog.feed(Server, b"x: y\r\n");
        assert!(dialog.server.len() <= LONGEST + 6);
    }
    assert!(!dialog.is_open() && dialog.server.is_empty());
}

proptest! {
    #[test]
    fn any_bytes(
        client in proptest::collection::vec(any::<u8>(), 0..100),
        server in proptest::collection::vec(any::<u8>(), 0..200),
        size in 1_usize..40,
    ) {
        let _ = ProxyDialog::begun(&client);
        for first in [OFFER, CONNECT] {
            let turns = [(Client, first), (Server, &server[..]), (Client, &client[..])];
            heard(&turns, size);
        }
        let socks = [(Client, OFFER), (Server, &b"\x05\x00"[..]), (Client, &client), (Server, &server)];
        heard(&socks, size);
        let page = [YES, &server].concat();
        heard(&[(Client, CONNECT), (Server, &page), (Client, &client)], size);
    }
}
