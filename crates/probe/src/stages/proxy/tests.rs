//! Dialogs with proxies that drip, chatter and lie, over pipes.

use std::sync::Arc;
use std::time::Duration;

use rdpdoctor_model::{Ending, ProxyReply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::dialog::Dialog;
use super::{http, socks};
use crate::Journal;
use crate::proxy::Destination;
use crate::stream::MeteredStream;

/// Which protocol is spoken.
#[derive(Clone, Copy)]
enum Kind {
    Http,
    Socks,
}

/// What a client makes of a proxy that says this byte by byte and then leaves: the answer, or how
/// it was lost, and what stayed behind it.
async fn told(kind: Kind, says: &[u8]) -> (Result<ProxyReply, Ending>, Vec<u8>) {
    let (near, far) = duplex(64 * 1024);
    let remote = "127.0.0.1:3128".parse().expect("an address");
    let stream = MeteredStream::inside(near, Arc::new(Journal::default()), 1, remote);
    let mut dialog = Dialog::new(stream, Duration::from_secs(20));
    let says = says.to_vec();
    let proxy = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(far);
        for byte in says {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        let _ = writer.shutdown().await;
        let _ = reader.read_to_end(&mut Vec::new()).await;
    });
    let destination = Destination::new("pc42", 3389);
    let reply = match kind {
        Kind::Http => http::connect(&mut dialog, &destination, None, "proxy", String::new()).await,
        Kind::Socks => socks::connect(&mut dialog, &destination, None).await,
    };
    let (stream, rest) = dialog.into_parts();
    drop(stream);
    proxy.await.expect("it ended");
    (reply.map_err(|lost| lost.0), rest)
}

#[tokio::test]
async fn what_follows_the_consent_is_the_targets() {
    let (reply, rest) =
        told(Kind::Http, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n").await;
    assert!(reply.is_ok_and(|reply| reply.granted()) && rest.is_empty());
    // A name as the bound address; whatever else came in the same moment stays.
    let (reply, _) = told(Kind::Socks, b"\x05\x00\x05\x00\x00\x03\x04pc42\x0D\x3DSSH-2.0").await;
    assert_eq!(reply, Ok(ProxyReply::SocksReply { code: 0 }));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for (kind, says) in [
        (Kind::Http, &b"HTTP/1.1 200 OK\r\nVia: x\r\n"[..]),
        (Kind::Http, b""),
        (Kind::Socks, b"\x05"),
        (Kind::Socks, b"\x05\x00\x05\x00\x00\x01\x00\x00"),
    ] {
        assert_eq!(told(kind, says).await.0, Err(Ending::Fin), "{says:?}");
    }
    // A refusal is told by its second byte.
    let (reply, _) = told(Kind::Socks, b"\x05\x00\x05\x02").await;
    assert_eq!(reply, Ok(ProxyReply::SocksReply { code: 2 }));
}

#[tokio::test]
async fn what_is_no_proxy_and_what_has_no_end() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(40_000));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
    for (kind, says) in [
        (Kind::Http, &b"SSH-2.0-OpenSSH_9.2\r\n"[..]),
        (Kind::Http, b"\x05\x00"),
        (Kind::Http, endless.as_bytes()),
        (Kind::Http, interim.as_bytes()),
        (Kind::Socks, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (Kind::Socks, b"\x05\x00\x04\x00"),
        (Kind::Socks, b"\x05\x00\x05\x00\x00\x09\x00\x00"),
    ] {
        let (reply, _) = told(kind, says).await;
        let Ok(ProxyReply::Malformed { bytes, .. }) = reply else { panic!("{reply:?}") };
        assert!(bytes.0.len() <= 32);
    }
    // A method that was not offered.
    let (reply, _) = told(Kind::Socks, b"\x05\x02").await;
    assert_eq!(reply, Ok(ProxyReply::SocksMethod { method: 2 }));
}
