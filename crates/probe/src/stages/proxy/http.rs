//! HTTP CONNECT (RFC 9110 9.3.6), with Basic (RFC 7617) or NTLM (MS-NTHT). What answers with a ticket
//! stands in `negotiate`.

use openssl::base64::{decode_block, encode_block};
use rdpdoctor_model::{Awaited, Mechanism, ProxyReply, Secret, UserName};
use rdpdoctor_wire::proxy::{ResponseHead, response_head};

use super::dialog::{Carrier, Dialog, Lost};
use crate::proxy::{Destination, ProxySignIn, ProxySignInBy};
use crate::sign_in::identity;
use crate::stages::gateway::token::NtlmClient;

/// Longest body of a challenge; squid's pages have some 4 KB.
const LONGEST_BODY: usize = 256 * 1024;

/// Interim responses (RFC 9110 15.2) before the one that counts.
const MOST_INTERIM: usize = 4;

pub(super) async fn connect<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    sign_in: Option<(&ProxySignIn, ProxySignInBy)>,
    proxy_host: &str,
    workstation: String,
) -> Result<ProxyReply, Lost> {
    dialog.awaits(Awaited::ProxyAnswer);
    match sign_in {
        // A ticket is shown elsewhere.
        None | Some((_, ProxySignInBy::Ticket)) => {
            Ok(exchange(dialog, destination, None).await?.reply)
        }
        Some((sign_in, ProxySignInBy::Basic)) => {
            dialog.signs_in(Mechanism::Basic, true);
            Ok(exchange(dialog, destination, Some(&basic(sign_in))).await?.reply)
        }
        Some((sign_in, ProxySignInBy::Ntlm(scheme))) => {
            let service = format!("HTTP/{proxy_host}");
            match client(sign_in, service, workstation) {
                Ok(client) => by_ntlm(dialog, destination, scheme, client).await,
                Err(why) => Ok(dialog.malformed(format!("no NTLM with this user: {why}"))),
            }
        }
    }
}

fn client(
    sign_in: &ProxySignIn,
    service: String,
    workstation: String,
) -> Result<NtlmClient, String> {
    let user: UserName = sign_in.user.parse().map_err(|error| format!("{error}"))?;
    let identity = identity(&user, &sign_in.password)?;
    // Proxies in clear have no TLS to bind to, and those inside one do not ask for it.
    NtlmClient::new(&identity, service, workstation, None)
}

/// Three messages on one connection: the middle one is the proxy's challenge.
async fn by_ntlm<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    scheme: &str,
    mut client: NtlmClient,
) -> Result<ProxyReply, Lost> {
    let value = |token: &[u8]| Secret::new(format!("{scheme} {}", encode_block(token)));
    let Ok(first) = client.step(&[]) else { return Ok(dialog.malformed("no NTLM begun")) };
    let answer = exchange(dialog, destination, Some(&value(&first))).await?;
    let Some(challenge) = challenge(&answer, scheme) else {
        dialog.signs_in(Mechanism::Ntlm, false);
        return Ok(answer.reply);
    };
    dialog.signs_in(Mechanism::Ntlm, true);
    if !skip(dialog, answer.body).await? {
        return Ok(dialog.malformed("a challenge with a body without an end"));
    }
    match client.step(&challenge) {
        Ok(proof) => Ok(exchange(dialog, destination, Some(&value(&proof))).await?.reply),
        Err(why) => Ok(dialog.malformed(format!("an NTLM challenge that breaks the rules: {why}"))),
    }
}

/// What a 407 wants an answer to.
pub(super) fn challenge(answer: &ResponseHead, scheme: &str) -> Option<Vec<u8>> {
    let own = |(name, token): &(String, String)| {
        name.eq_ignore_ascii_case(scheme).then(|| decode_block(token).ok()).flatten()
    };
    let challenge = answer.tokens.iter().find_map(own).filter(|token| !token.is_empty());
    challenge.filter(|_| matches!(answer.reply, ProxyReply::Http { status: 407, .. }))
}

/// Puts a body away; false where it has no end that can be known.
pub(super) async fn skip<C: Carrier>(
    dialog: &mut Dialog<C>,
    body: Option<usize>,
) -> Result<bool, Lost> {
    let Some(mut left) = body.filter(|&length| length <= LONGEST_BODY) else { return Ok(false) };
    while left > 0 {
        if dialog.inbox().is_empty() {
            dialog.more().await?;
        }
        let some = dialog.inbox().len().min(left);
        dialog.take(some);
        left -= some;
    }
    Ok(true)
}

/// One request, and the head of the answer that counts.
pub(super) async fn exchange<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    authorization: Option<&Secret>,
) -> Result<ResponseHead, Lost> {
    dialog.send(request(destination, authorization).expose()).await?;
    for _ in 0..MOST_INTERIM {
        let head = match head(dialog).await? {
            Ok(head) => head,
            Err(malformed) => return Ok(broken(malformed)),
        };
        dialog.take(head.length);
        if let Some(fact) = head.ticket.clone() {
            dialog.note_fact(fact);
        }
        if !matches!(head.reply, ProxyReply::Http { status: 100..=199, .. }) {
            return Ok(head);
        }
    }
    Ok(broken(dialog.malformed("interim responses without an end")))
}

/// An answer that breaks the rules, or has no end.
fn broken(reply: ProxyReply) -> ResponseHead {
    ResponseHead { length: 0, reply, ticket: None, tokens: Vec::new(), body: None }
}

fn basic(sign_in: &ProxySignIn) -> Secret {
    let ProxySignIn { user, password } = sign_in;
    let pair = Secret::new([user.as_bytes(), b":", password.expose()].concat());
    let encoded = Secret::new(encode_block(pair.expose()));
    Secret::new([b"Basic ", encoded.expose()].concat())
}

fn request(destination: &Destination, authorization: Option<&Secret>) -> Secret {
    let mut text = format!(
        "CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\nUser-Agent: rdpdoctor/{}\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes();
    if let Some(value) = authorization {
        text.extend_from_slice(b"Proxy-Connection: Keep-Alive\r\nProxy-Authorization: ");
        text.extend_from_slice(value.expose());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    Secret::new(text)
}

/// The next head, or what is wrong with it.
async fn head<C: Carrier>(
    dialog: &mut Dialog<C>,
) -> Result<Result<ResponseHead, ProxyReply>, Lost> {
    loop {
        match response_head(dialog.inbox()) {
            Ok(Some(head)) => return Ok(Ok(head)),
            Ok(None) if dialog.more().await? => {}
            Ok(None) => return Ok(Err(dialog.malformed("a head without an end"))),
            Err(error) => return Ok(Err(dialog.malformed(format!("no HTTP: {error}")))),
        }
    }
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
        let signed = request(&destination, Some(&basic(&ProxySignIn { user, password })));
        let text = String::from_utf8(signed.expose().to_vec()).expect("text");
        assert!(text.contains("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"), "{text}");
    }
}
