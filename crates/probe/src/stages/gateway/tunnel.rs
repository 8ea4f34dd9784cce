//! A transport, and the packets on it: versions, tunnel, authorisation, channel (MS-TSGU 3.3.5.2),
//! then RDP in both directions.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Polling, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use http_body_util::channel::Channel as BodyChannel;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use openssl::base64::encode_block;
use openssl::rand::rand_bytes;
use openssl::sha::sha1;
use rdpdoctor_model::{
    Awaited, Ending, Fact, GatewayStep, GatewayTransport, Mechanism, Stage, Transport,
};
use rdpdoctor_wire::tsgu::{self, Packet};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf,
};
use tokio::time::Instant;

use super::admission::{Admitted, Refused, Wish};
use super::http::{Connection, Shared, drain};
use super::packets::{Ended, Input, Packets};
use super::{Route, Visit};
use crate::Journal;
use crate::stream::MeteredStream;

/// What RFC 6455 4.2.2 puts behind the client's key.
const WEBSOCKET_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// How long the first packet may take before another transport is tried.
const FIRST_PACKET: Duration = Duration::from_secs(10);

/// Statuses with which a server says that this request is none for it: then RPC is asked for.
const NOT_FOR_ME: [u16; 8] = [400, 403, 404, 405, 410, 426, 501, 505];

/// Bytes of RDP that wait on their way.
const PIPE: usize = 64 * 1024;

/// How long one packet of RDP may take to leave.
const SENDING: Duration = Duration::from_secs(30);

/// A carrier has no deadline of its own: whoever waits at its other end has.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// E_PROXY_QUARANTINE_ACCESSDENIED: a client goes on behind it (MS-TSGU 3.3.5.2).
const QUARANTINE: [u32; 2] = [0x8007_59ED, 0x59ED];

/// ERROR_BAD_ARGUMENTS: the host closed its connection to the gateway unexpectedly (MS-TSGU 2.2.6.1).
const HOST_CLOSED: u32 = 0xA0;

/// What a try of one transport came to.
enum Tried {
    /// Packets pass.
    Open(Box<Packets>, bool),
    /// Nothing passes on this one.
    Not(GatewayTransport, Option<u16>),
}

impl Visit<'_> {
    /// Opens a tunnel and a channel in it, from a first connection to the gateway on.
    pub(super) async fn tunnel(&self, first: Connection) -> Result<MeteredStream, Refused> {
        let (mut packets, in_packets) = self.transport(first).await?;
        let opened = self.open(&mut packets, in_packets).await;
        match opened {
            Ok(()) => Ok(self.carried(packets)),
            Err(refused) => {
                packets.close();
                Err(refused)
            }
        }
    }

    /// The first transport on which packets pass, its versions agreed.
    async fn transport(&self, first: Connection) -> Result<(Packets, bool), Refused> {
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

    /// Sign-in where it comes with packets, tunnel, authorisation, channel.
    async fn open(&self, packets: &mut Packets, in_packets: bool) -> Result<(), Refused> {
        if in_packets {
            self.signs_in(packets).await?;
        }
        let create = Packet::TunnelCreate { capabilities: tsgu::CAPABILITIES };
        self.step(packets, create, Awaited::GatewayTunnel).await?;
        let client = self.about.own_name().to_uppercase();
        let authorize = Packet::TunnelAuth { client };
        self.step(packets, authorize, Awaited::GatewayAuthorization).await?;
        let (resources, port) = (self.names.to_vec(), self.context.target.port);
        let create = Packet::ChannelCreate { resources, port };
        self.step(packets, create, Awaited::GatewayChannel).await?;
        Ok(())
    }

    /// NTLM inside packets (MS-TSGU 3.3.5.3.3).
    async fn signs_in(&self, packets: &mut Packets) -> Result<(), Refused> {
        let mut client = self.ntlm_client(None)?;
        let blob = client.step(&[])?;
        let awaited = Awaited::GatewayAuthentication;
        let first = Packet::ExtendedAuth { code: 0, blob };
        let challenge = self.step(packets, first, awaited).await?;
        self.gate(Mechanism::Ntlm).await?;
        let blob = client.step(&challenge)?;
        self.note(Fact::CredentialSent { mechanism: Mechanism::Ntlm });
        self.step(packets, Packet::ExtendedAuth { code: 0, blob }, awaited).await?;
        Ok(())
    }

    /// Sends a packet and reads its answer, with what the gateway says in between; what it gives is
    /// the answer's blob.
    async fn step(
        &self,
        packets: &mut Packets,
        packet: Packet,
        awaited: Awaited,
    ) -> Result<Vec<u8>, Refused> {
        packets.awaits(awaited);
        let deadline = self.deadline();
        if let Err(ended) = packets.send(&packet, deadline).await {
            return Err(self.over(packets, &ended, awaited));
        }
        loop {
            let answer = match packets.receive(deadline).await {
                Ok(answer) => answer,
                Err(ended) => return Err(self.over(packets, &ended, awaited)),
            };
            let (step, code, blob) = match (awaited, answer) {
                (_, Packet::Keepalive | Packet::Reauth { .. }) => continue,
                (_, Packet::ServiceMessage(text)) => {
                    self.route.tell(&self.about.journal, false, text);
                    continue;
                }
                (_, Packet::CloseChannel { code }) => {
                    self.said(GatewayStep::Close, code)?;
                    return Err("the gateway closed the channel".into());
                }
                (Awaited::GatewayAuthentication, Packet::ExtendedAuth { code, blob }) => {
                    (GatewayStep::Authentication, code, blob)
                }
                (Awaited::GatewayTunnel, Packet::TunnelResponse { code, consent, .. }) => {
                    if let Some(text) = consent {
                        self.route.tell(&self.about.journal, true, text);
                    }
                    (GatewayStep::Tunnel, code, Vec::new())
                }
                (Awaited::GatewayAuthorization, Packet::TunnelAuthResponse { code, .. }) => {
                    (GatewayStep::Authorization, code, Vec::new())
                }
                (Awaited::GatewayChannel, Packet::ChannelResponse { code, .. }) => {
                    (GatewayStep::Channel, code, Vec::new())
                }
                (_, other) => return Err(self.unexpected(awaited, &other)),
            };
            self.said(step, code)?;
            return Ok(blob);
        }
    }

    /// Writes down the gateway's number for a step; one that refuses ends the matter.
    fn said(&self, step: GatewayStep, code: u32) -> Result<(), Refused> {
        self.note(Fact::GatewayCode { step, code });
        let goes_on = step == GatewayStep::Authorization && QUARANTINE.contains(&code);
        if code == 0 || goes_on {
            return Ok(());
        }
        Err(Refused::Over(format!("the gateway says 0x{code:X}")))
    }

    fn unexpected(&self, awaited: Awaited, packet: &Packet) -> Refused {
        let name = format!("{packet:?}");
        let name = name.split([' ', '(', '{']).next().unwrap_or_default();
        let problem = format!("a packet that does not belong here: {name}");
        self.note(Fact::GatewayMalformed { awaited, problem });
        Refused::Over("the gateway's answer is not the one that belongs here".to_owned())
    }

    fn over(&self, packets: &Packets, ended: &Ended, awaited: Awaited) -> Refused {
        packets.finish(ended);
        if let Ended::Broken(problem) = ended {
            let problem = problem.clone();
            self.note(Fact::GatewayMalformed { awaited, problem });
        }
        Refused::Over(format!("the gateway: {}", ended.words()))
    }

    /// The connection to the host, which a task of its own carries.
    fn carried(&self, packets: Packets) -> MeteredStream {
        packets.awaits(Awaited::GatewayData);
        let journal = Arc::clone(&self.context.journal);
        let number = journal.next_connection();
        let remote = packets.stream().map(|stream| stream.metered(|stream| stream.remote()));
        let remote = remote.unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
        let (purpose, transport) = (self.purpose, Transport::Tunnel);
        let fact = Fact::Connection { number, purpose, transport, remote, local: None };
        journal.note(Stage::Tcp, Some(number), fact);
        let (pipe, far) = tokio::io::duplex(PIPE);
        let cut = Arc::new(Cut::default());
        let carrier = Carrier {
            route: Arc::clone(self.route),
            journal: Arc::clone(&journal),
            cut: Arc::clone(&cut),
        };
        self.route.carry(carrier.carry(packets, far));
        MeteredStream::inside(Tunnelled { pipe, cut }, journal, number, remote)
    }
}

/// The check's end of a tunnel. Where the gateway cut it, the end is none of the host's.
struct Tunnelled {
    pipe: DuplexStream,
    cut: Arc<Cut>,
}

/// Who ended a tunnel, where it was not the check.
#[derive(Default)]
struct Cut {
    by_gateway: AtomicBool,
    /// The host had reset its connection to the gateway.
    by_reset: AtomicBool,
}

impl AsyncRead for Tunnelled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        std::task::ready!(Pin::new(&mut self.pipe).poll_read(polling, buffer))?;
        let ended = buffer.filled().len() == before && room > 0;
        if ended && self.cut.by_reset.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if ended && self.cut.by_gateway.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::other("the gateway cut the tunnel")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(polling, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(polling)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(polling)
    }
}

/// Moves RDP between the check and the gateway.
struct Carrier {
    route: Arc<Route>,
    journal: Arc<Journal>,
    cut: Arc<Cut>,
}

impl Carrier {
    /// Until either side has had enough.
    async fn carry(self, mut packets: Packets, mut pipe: DuplexStream) {
        /// What one packet takes of one read.
        const PIECE: usize = 16 * 1024;
        let mut buffer = vec![0; PIECE];
        loop {
            tokio::select! {
                packet = packets.receive(Instant::now() + FOREVER) => match packet {
                    Ok(Packet::Data(data)) => {
                        if pipe.write_all(&data).await.is_err() {
                            break;
                        }
                    }
                    Ok(Packet::CloseChannel { code }) => {
                        self.note(Fact::GatewayCode { step: GatewayStep::Close, code });
                        let by_host = [0, HOST_CLOSED].contains(&code);
                        self.cut.by_gateway.store(!by_host, Ordering::Release);
                        self.cut.by_reset.store(code == HOST_CLOSED, Ordering::Release);
                        let answer = Packet::CloseChannelResponse { code: 0 };
                        let _ = packets.send(&answer, Instant::now() + SENDING).await;
                        return packets.close();
                    }
                    Ok(Packet::ServiceMessage(text)) => {
                        self.route.tell(&self.journal, false, text);
                    }
                    Ok(_) => {}
                    Err(ended) => return self.broken(&packets, &ended),
                },
                read = pipe.read(&mut buffer) => match read {
                    Ok(length) if length > 0 => {
                        let data = Packet::Data(buffer[..length].to_vec());
                        let sent = packets.send(&data, Instant::now() + SENDING).await;
                        if let Err(ended) = sent {
                            return self.broken(&packets, &ended);
                        }
                    }
                    _ => break,
                },
            }
        }
        let _ = packets.send(&Packet::CloseChannel { code: 0 }, Instant::now() + SENDING).await;
        packets.close();
    }

    /// The gateway's end of it came to an end.
    fn broken(&self, packets: &Packets, ended: &Ended) {
        self.cut.by_gateway.store(true, Ordering::Release);
        if let Ended::Broken(problem) = ended {
            let (awaited, problem) = (Awaited::GatewayData, problem.clone());
            self.note(Fact::GatewayMalformed { awaited, problem });
        }
        packets.finish(ended);
    }

    fn note(&self, fact: Fact) {
        self.journal.note(Stage::Gateway, None, fact);
    }
}

/// Whether the answer to an upgrade is for this key (RFC 6455 4.2.2).
fn accepts(headers: &HeaderMap, key: &str) -> bool {
    let expected = encode_block(&sha1(format!("{key}{WEBSOCKET_GUID}").as_bytes()));
    let given = headers.get(hyper::header::SEC_WEBSOCKET_ACCEPT);
    given.is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

/// A GUID in braces (RFC 9562 5.4).
fn guid() -> Result<String, String> {
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
