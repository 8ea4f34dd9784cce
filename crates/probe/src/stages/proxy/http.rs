//! HTTP CONNECT (RFC 9110 9.3.6), with Basic authentication (RFC 7617).

use openssl::base64::encode_block;
use rdpdoctor_model::{Awaited, ProxyReply, Secret};

use super::dialog::{Carrier, Dialog, Lost};
use crate::proxy::{Destination, ProxySignIn};

/// More fields than this has no head of a response to CONNECT.
const MOST_FIELDS: usize = 96;

/// Longest texts kept.
const LONGEST_PHRASE: usize = 80;
const LONGEST_ERROR: usize = 120;
const MOST_SCHEMES: usize = 8;

/// Interim responses (RFC 9110 15.2) before the one that counts.
const MOST_INTERIM: usize = 4;

pub(super) async fn connect<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    sign_in: Option<&ProxySignIn>,
) -> Result<ProxyReply, Lost> {
    dialog.awaits(Awaited::ProxyAnswer);
    dialog.send(request(destination, sign_in).expose()).await?;
    for _ in 0..MOST_INTERIM {
        let (length, reply) = match head(dialog).await? {
            Ok(head) => head,
            Err(malformed) => return Ok(malformed),
        };
        if !matches!(reply, ProxyReply::Http { status: 100..=199, .. }) {
            dialog.take(length);
            return Ok(reply);
        }
        dialog.take(length);
    }
    Ok(dialog.malformed("interim responses without an end"))
}

/// With user and password at once, as curl does: one attempt.
fn request(destination: &Destination, sign_in: Option<&ProxySignIn>) -> Secret {
    let mut text = format!(
        "CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\nUser-Agent: rdpdoctor/{}\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes();
    if let Some(ProxySignIn { user, password }) = sign_in {
        let pair = Secret::new([user.as_bytes(), b":", password.expose()].concat());
        let encoded = Secret::new(encode_block(pair.expose()));
        text.extend_from_slice(b"Proxy-Authorization: Basic ");
        text.extend_from_slice(encoded.expose());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    Secret::new(text)
}

/// The next head and its length, or what is wrong with it.
async fn head<C: Carrier>(
    dialog: &mut Dialog<C>,
) -> Result<Result<(usize, ProxyReply), ProxyReply>, Lost> {
    loop {
        match read(dialog.inbox()) {
            Ok(Some(head)) => return Ok(Ok(head)),
            Ok(None) if dialog.more().await? => {}
            Ok(None) => return Ok(Err(dialog.malformed("a head without an end"))),
            Err(error) => return Ok(Err(dialog.malformed(format!("no HTTP: {error}")))),
        }
    }
}

/// A head at the beginning of these bytes; none when it is not complete.
fn read(bytes: &[u8]) -> Result<Option<(usize, ProxyReply)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let all = |name: &'static str| {
        let own = response.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
        own.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let mut schemes: Vec<String> = Vec::new();
    for scheme in all("Proxy-Authenticate").flat_map(|value| schemes_of(&value)) {
        if schemes.len() < MOST_SCHEMES && !schemes.contains(&scheme) {
            schemes.push(scheme);
        }
    }
    let error = all("Proxy-Status").next().or_else(|| all("X-Squid-Error").next());
    let reply = ProxyReply::Http {
        status: response.code.unwrap_or(0),
        phrase: printable(response.reason.unwrap_or_default(), LONGEST_PHRASE),
        schemes,
        error: error.map(|error| printable(&error, LONGEST_ERROR)),
    };
    Ok(Some((length, reply)))
}

/// The schemes of a list of challenges (RFC 9110 11.6.1): words without `=`, what is quoted aside.
fn schemes_of(value: &str) -> Vec<String> {
    let bare: String = value.split('"').step_by(2).collect();
    let words = bare.split(',').filter_map(|part| part.split_whitespace().next());
    let schemes = words.filter(|word| !word.contains('='));
    schemes.map(|scheme| printable(scheme, 20)).collect()
}

fn printable(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn requests() {
        let destination = Destination::new("pc42", 3389);
        let text = String::from_utf8(request(&destination, None).expose().to_vec()).expect("text");
        assert!(text.starts_with("CONNECT pc42:3389 HTTP/1.1\r\nHost: pc42:3389\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n") && !text.contains("Authorization"), "{text}");
        // The example of RFC 7617 2.
        let user = "Aladdin".to_owned();
        let password = Arc::new(Secret::new("open sesame"));
        let signed = request(&destination, Some(&ProxySignIn { user, password }));
        let text = String::from_utf8(signed.expose().to_vec()).expect("text");
        assert!(text.contains("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"), "{text}");
    }

    #[test]
    fn heads() {
        let text = b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: x\r\n\
            proxy-authenticate: Negotiate, NTLM\r\n\
            Proxy-Authenticate: Digest realm=\"a, Kerberos b\", nonce=\"x\", Basic realm=\"y\"\r\n\r\nrest";
        let (length, reply) = read(text).expect("HTTP").expect("complete");
        assert_eq!(&text[length..], b"rest");
        let ProxyReply::Http { status, schemes, error, .. } = reply else { panic!("{reply:?}") };
        assert_eq!((status, error), (407, None));
        assert_eq!(schemes, ["Negotiate", "NTLM", "Digest", "Basic"]);
        for cut in 0..length {
            assert!(matches!(read(&text[..cut]), Ok(None)), "{cut} bytes");
        }
        assert!(read(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
        assert!(read(&[5, 0]).is_err());
    }

    #[test]
    fn what_a_proxy_says_of_an_error_is_kept_short() {
        let long = "x".repeat(500);
        let text =
            format!("HTTP/1.1 503 {long}\r\nX-Squid-Error: ERR_CONNECT_FAIL 111{long}\r\n\r\n");
        let (_, reply) = read(text.as_bytes()).expect("HTTP").expect("complete");
        let ProxyReply::Http { phrase, error: Some(error), .. } = reply else {
            panic!("{reply:?}")
        };
        assert_eq!((phrase.len(), error.len()), (LONGEST_PHRASE, LONGEST_ERROR));
    }
}
