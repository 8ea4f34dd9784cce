//! SOCKS 5 (RFC 1928) with user and password (RFC 1929).

use std::net::SocketAddr;

use rdpdoctor_model::{Awaited, ProxyReply, Secret};

use super::dialog::{Carrier, Dialog, Lost};
use crate::proxy::{Destination, ProxySignIn};

const VERSION: u8 = 5;

/// Methods (RFC 1928 3).
const WITHOUT_SIGN_IN: u8 = 0;
const GSSAPI: u8 = 1;
const USER_AND_PASSWORD: u8 = 2;

/// No method of those offered is taken.
pub(super) const NONE_TAKEN: u8 = 0xFF;

/// CMD and ATYP (RFC 1928 4 and 5).
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

pub(super) async fn connect<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    sign_in: Option<&ProxySignIn>,
) -> Result<ProxyReply, Lost> {
    let Some(request) = request(destination) else {
        return Ok(dialog.malformed("a name longer than SOCKS can carry"));
    };
    dialog.awaits(Awaited::ProxyGreeting);
    let offer = match sign_in {
        None => &[VERSION, 1, WITHOUT_SIGN_IN][..],
        Some(_) => &[VERSION, 2, WITHOUT_SIGN_IN, USER_AND_PASSWORD],
    };
    dialog.send(offer).await?;
    if dialog.need(1).await?[0] != VERSION {
        return Ok(dialog.malformed("no SOCKS 5"));
    }
    let method = dialog.need(2).await?[1];
    dialog.take(2);
    match (method, sign_in) {
        (WITHOUT_SIGN_IN, _) => dialog.note(ProxyReply::SocksMethod { method }),
        (USER_AND_PASSWORD, Some(sign_in)) => {
            dialog.note(ProxyReply::SocksMethod { method });
            dialog.send(credentials(sign_in).expose()).await?;
            // The version of this answer is 1; some say 5.
            let status = dialog.need(2).await?[1];
            dialog.take(2);
            if status != 0 {
                return Ok(ProxyReply::SocksSignIn { status });
            }
            dialog.note(ProxyReply::SocksSignIn { status });
        }
        _ => return Ok(ProxyReply::SocksMethod { method }),
    }
    dialog.awaits(Awaited::ProxyAnswer);
    dialog.send(&request).await?;
    reply(dialog).await
}

/// What a proxy would have taken that was not offered to it: GSSAPI (RFC 1961), which is not spoken
/// here, or a user and a password that nobody gave.
pub(super) async fn wanted<C: Carrier>(
    dialog: &mut Dialog<C>,
    offered_password: bool,
) -> Result<Option<u8>, Lost> {
    dialog.awaits(Awaited::ProxyGreeting);
    let offer = match offered_password {
        true => &[VERSION, 1, GSSAPI][..],
        false => &[VERSION, 2, GSSAPI, USER_AND_PASSWORD],
    };
    dialog.send(offer).await?;
    let answer = dialog.need(2).await?;
    let chosen = (answer[0] == VERSION).then_some(answer[1]);
    Ok(chosen.filter(|method| offer[2..].contains(method)))
}

/// RFC 1929 2. Who makes a sign-in sees to the lengths; what is too long is cut and so rejected.
fn credentials(sign_in: &ProxySignIn) -> Secret {
    let mut bytes = vec![1];
    for part in [sign_in.user.as_bytes(), sign_in.password.expose()] {
        let part = &part[..part.len().min(255)];
        bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(part);
    }
    Secret::new(bytes)
}

/// RFC 1928 4; none for a name of more than 255 bytes.
fn request(destination: &Destination) -> Option<Vec<u8>> {
    let mut bytes = vec![VERSION, CONNECT, 0];
    let port = match destination {
        Destination::Address(SocketAddr::V4(address)) => {
            bytes.push(IPV4);
            bytes.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Destination::Address(SocketAddr::V6(address)) => {
            bytes.push(IPV6);
            bytes.extend_from_slice(&address.ip().octets());
            address.port()
        }
        Destination::Name(name, port) => {
            bytes.extend_from_slice(&[NAME, u8::try_from(name.len()).ok()?]);
            bytes.extend_from_slice(name.as_bytes());
            *port
        }
    };
    bytes.extend_from_slice(&port.to_be_bytes());
    Some(bytes)
}

/// RFC 1928 6. A refusal says all with its second byte, and often ends there.
async fn reply<C: Carrier>(dialog: &mut Dialog<C>) -> Result<ProxyReply, Lost> {
    if dialog.need(1).await?[0] != VERSION {
        return Ok(dialog.malformed("no SOCKS 5 in the reply"));
    }
    let code = dialog.need(2).await?[1];
    if code != 0 {
        return Ok(ProxyReply::SocksReply { code });
    }
    let bound = match dialog.need(4).await?[3] {
        IPV4 => 4,
        IPV6 => 16,
        NAME => 1 + usize::from(dialog.need(5).await?[4]),
        _ => return Ok(dialog.malformed("a kind of address that SOCKS 5 does not know")),
    };
    let length = 4 + bound + 2;
    dialog.need(length).await?;
    dialog.take(length);
    Ok(ProxyReply::SocksReply { code })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn requests_for_names_and_addresses() {
        let wanted = |host: &str| request(&Destination::new(host, 0x0D3D)).expect("it fits");
        assert_eq!(wanted("pc42"), *b"\x05\x01\x00\x03\x04pc42\x0D\x3D");
        assert_eq!(wanted("10.0.0.1"), *b"\x05\x01\x00\x01\x0A\x00\x00\x01\x0D\x3D");
        assert_eq!(wanted("fd00::42")[..5], *b"\x05\x01\x00\x04\xFD");
        assert_eq!(wanted("fd00::42").len(), 22);
        assert_eq!(request(&Destination::Name("x".repeat(256), 1)), None);
    }

    #[test]
    fn credentials_have_their_lengths() {
        let sign_in = |user: &str, password: &str| {
            let password = Arc::new(Secret::new(password));
            credentials(&ProxySignIn { user: user.to_owned(), password }).expose().to_vec()
        };
        assert_eq!(sign_in("lab", "pass"), *b"\x01\x03lab\x04pass");
        assert_eq!(sign_in("", ""), *b"\x01\x00\x00");
        assert_eq!(sign_in(&"x".repeat(300), "y").len(), 1 + 1 + 255 + 2);
    }
}
