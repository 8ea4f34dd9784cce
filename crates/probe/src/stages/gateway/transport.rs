//! A transport on which packets pass: one WebSocket, or two channels of HTTP (MS-TSGU 3.3.5.1).

use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::BodyExt as _;
use http_body_util::channel::Channel as BodyChannel;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use openssl::base64::encode_block;
use openssl::rand::rand_bytes;
use openssl::sha::sha1;
use rdpdoctor_model::{Awaited, Ending, Fact, GatewayStep, GatewayTransport};
use rdpdoctor_wire::tsgu::{self, Packet};
use tokio::time::Instant;

use super::Visit;
use super::admission::{Admitted, Refused, Wish};
use super::http::{Connection, Shared, drain};
use super::packets::{Input, Packets};

/// What RFC 6455 4.2.2 puts behind the client's key.
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How long the first packet may take before another transport is tried.
const FIRST_PACKET: Duration = Duration::from_secs(10);

/// Statuses with which a server says that this request is none for it: then RPC is asked for.
const NOT_FOR_ME: [u16; 8] = [400, 403, 404, 405, 410, 426, 501, 505];

/// What a try of one transport came to.
enum Tried {
    /// Packets pass.
    Open(Box<Packets>, bool),
    /// Nothing passes on this one.
    Not(GatewayTransport, Option<u16>),
}

impl Visit<'_> {
    /// The first transport on which packets pass, its versions agreed.
    pub(super) async fn transport(&self, first: Connection) -> Result<(Packets, bool), Refused> {
        let mut first = Some(first);
        let mut status = None;
        for &transport in self.route.transports() {
            let connection = match first.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match self.tried(connection, transport).await? {
                Tried::Open(packets, in_packets) => return Ok((*packets, in_packets)),
                Tried::Not(failed, answered) => {
                    status = answered.or(status);
                    self.route.without_websocket.store(true, Ordering::Relaxed);
                    // Whoever passed over the upgrade has been tried with two channels already.
                    if failed == GatewayTransport::Http {
                        break;
                    }
                }
            }
        }
        if status.is_some_and(|status| NOT_FOR_ME.contains(&status)) {
            self.ask_for_rpc().await;
        }
        Err(Refused::Over(match status {
            Some(status) => format!("the gateway refuses its transports with status {status}"),
            None => "no packet passes on either transport".to_owned(),
        }))
    }

    async fn tried(
        &self,
        mut connection: Connection,
        transport: GatewayTransport,
    ) -> Result<Tried, Refused> {
        let (id, key) = (guid()?, nonce()?);
        let upgrade = transport == GatewayTransport::WebSocket;
        let key = upgrade.then_some(key.as_str());
        let wish = Wish { method: "RDG_OUT_DATA", transport, id: &id, key };
        let Admitted { response, in_packets } = self.admitted(&mut connection, wish).await?;
        let status = response.status().as_u16();
        let (transport, packets) = match (status, key) {
            (101, Some(key)) if accepts(response.headers(), key) => {
                let upgraded = hyper::upgrade::on(response).await;
                let upgraded = upgraded.map_err(|error| error.to_string())?;
                let parts = upgraded.downcast::<TokioIo<Shared>>();
                let parts = parts.map_err(|_| "the upgraded connection is not ours")?;
                let (stream, read) = (parts.io.into_inner(), parts.read_buf.to_vec());
                (transport, Packets::websocket(stream, read).await)
            }
            (101, _) => {
                let problem = "the answer to the upgrade is for another key".to_owned();
                self.note(Fact::GatewayTransportFailed { transport, problem });
                connection.stream.finish(Ending::ClosedByClient);
                return Ok(Tried::Not(transport, None));
            }
            // Whoever does not know the upgrade passes over it.
            (200, _) => {
                let out = response.into_body();
                let wish = Wish { transport: GatewayTransport::Http, key: None, ..wish };
                match self.input(wish).await? {
                    Ok(input) => {
                        let stream = connection.stream.clone();
                        let holds = Box::new(connection.into_driver());
                        let packets = Packets::http(out, stream, input, holds);
                        (GatewayTransport::Http, packets)
                    }
                    Err(status) => {
                        return Ok(Tried::Not(GatewayTransport::Http, Some(status)));
                    }
                }
            }
            _ => {
                drain(response, self.deadline()).await;
                connection.stream.finish(Ending::ClosedByClient);
                return Ok(Tried::Not(transport, Some(status)));
            }
        };
        self.greeted(packets, in_packets, transport).await
    }

    /// The IN channel (MS-TSGU 3.3.5.1): a sign-in of its own, then a request without an end. The
    /// inner error is another status than 200.
    async fn input(&self, wish: Wish<'_>) -> Result<Result<Input, u16>, Refused> {
        /// Packets that wait for the library to take them.
        const WAITING: usize = 16;
        let mut connection = self.connect().await?;
        let wish = Wish { method: "RDG_IN_DATA", ..wish };
        let Admitted { response, .. } = self.admitted(&mut connection, wish).await?;
        let status = response.status().as_u16();
        drain(response, self.deadline()).await;
        if status != 200 {
            connection.stream.finish(Ending::ClosedByClient);
            return Ok(Err(status));
        }
        if !connection.is_usable().await {
            return Err("the gateway ended the IN channel behind its sign-in".into());
        }
        let (sender, body) = BodyChannel::<Bytes>::new(WAITING);
        let request = self.request(wish, None, body.boxed())?;
        let stream = connection.stream.clone();
        let answer = Box::pin(connection.last(request));
        Ok(Ok(Input { sender, answer, stream }))
    }

    /// The handshake of versions, which shows whether packets pass at all.
    async fn greeted(
        &self,
        mut packets: Packets,
        in_packets: bool,
        transport: GatewayTransport,
    ) -> Result<Tried, Refused> {
        let now = Instant::now();
        let left = self.deadline().saturating_duration_since(now);
        let until = match transport {
            GatewayTransport::WebSocket => now + FIRST_PACKET.min(left / 2),
            _ => self.deadline(),
        };
        let extended_auth = if in_packets { tsgu::EXTENDED_AUTH_NTLM } else { 0 };
        let hello = Packet::HandshakeRequest { version: tsgu::VERSION, extended_auth };
        packets.awaits(Awaited::GatewayHandshake);
        let answer = match packets.send(&hello, until).await {
            Ok(()) => packets.receive(until).await,
            Err(ended) => Err(ended),
        };
        match answer {
            Ok(Packet::HandshakeResponse { code, .. }) => {
                self.said(GatewayStep::Handshake, code).inspect_err(|_| packets.close())?;
                Ok(Tried::Open(Box::new(packets), in_packets))
            }
            Ok(Packet::CloseChannel { code }) => {
                self.said(GatewayStep::Close, code).inspect_err(|_| packets.close())?;
                packets.close();
                Err("the gateway closed the channel at once".into())
            }
            Ok(other) => {
                packets.close();
                Err(self.unexpected(Awaited::GatewayHandshake, &other))
            }
            Err(ended) => {
                packets.finish(&ended);
                let problem = ended.words();
                self.note(Fact::GatewayTransportFailed { transport, problem });
                Ok(Tried::Not(transport, None))
            }
        }
    }
}

/// Whether the answer to an upgrade is for this key (RFC 6455 4.2.2).
fn accepts(headers: &HeaderMap, key: &str) -> bool {
    let expected = encode_block(&sha1(format!("{key}{WEBSOCKET_GUID}").as_bytes()));
    let given = headers.get(hyper::header::SEC_WEBSOCKET_ACCEPT);
    given.is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

/// A GUID in braces (RFC 9562 5.4).
pub(crate) fn guid() -> Result<String, String> {
    let mut bytes = [0; 16];
    rand_bytes(&mut bytes).map_err(|error| error.to_string())?;
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Ok(format!("{{{}}}", parts.join("-")))
}

fn nonce() -> Result<String, String> {
    let mut bytes = [0; 16];
    rand_bytes(&mut bytes).map_err(|error| error.to_string())?;
    Ok(encode_block(&bytes))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT};

    use super::*;

    #[test]
    fn an_upgrade_is_for_one_key() {
        // The example of RFC 6455 1.3.
        let value = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let headers: HeaderMap = [(SEC_WEBSOCKET_ACCEPT, value)].into_iter().collect();
        assert!(accepts(&headers, "dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!accepts(&headers, "dGhlIHNhbXBsZSBub25jZR=="));
        assert!(!accepts(&HeaderMap::new(), "dGhlIHNhbXBsZSBub25jZQ=="));
    }

    #[test]
    fn guids_have_their_form() {
        let one = guid().expect("random bytes");
        assert_eq!((one.len(), &one[15..16]), (38, "4"), "{one}");
        assert_ne!(one, guid().expect("random bytes"));
    }
}
