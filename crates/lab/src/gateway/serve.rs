//! The steps of a gateway, from the first request to the channel's end.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::http::{self, Request};
use super::packet;
use super::sign_in::{Answer, SignIn};
use super::wire::Wire;
use super::{Front, Gateway, GatewayStep, Reply};
use crate::behaviour::{Ending, Then};
use crate::channel::Channel;
use crate::server::Server;

/// Where a gateway is, in lower case (MS-TSGU 3.3.4).
const PATH: &str = "/remotedesktopgateway";

/// A client that asks on without coming in.
const MOST_REQUESTS: usize = 8;

/// Packets that wait for the OUT channel to take them.
const WAITING_PACKETS: usize = 16;

/// OUT channels whose IN channel has not come yet.
const MOST_WAITING: usize = 256;

/// SEC_E_LOGON_DENIED (MS-ERREF 2.1.1).
const LOGON_DENIED: u32 = 0x8009_030C;

/// Fields of a head without an end, a thousand bytes each.
const ENDLESS: usize = 20_000;

/// What a gateway tells everybody, and how often.
const CHATTER: &str = "Confirm the sign-in on your telephone";
const MESSAGES: usize = 1000;

/// ERROR_BAD_ARGUMENTS: the host closed its connection unexpectedly (MS-TSGU 2.2.6.1).
const BAD_ARGUMENTS: u32 = 0xA0;

/// OUT channels by their RDG-Connection-Id (MS-TSGU 2.2.3.2.1).
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<String, mpsc::Sender<Vec<u8>>>>);

impl Waiting {
    fn begin(&self, id: &str) -> mpsc::Receiver<Vec<u8>> {
        let (sender, receiver) = mpsc::channel(WAITING_PACKETS);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, sender| !sender.is_closed());
        if all.len() < MOST_WAITING {
            all.insert(id.to_owned(), sender);
        }
        receiver
    }

    fn take(&self, id: &str) -> Option<mpsc::Sender<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }
}

/// Serves one connection, whose TLS is done.
pub(crate) async fn serve(
    server: &Server,
    gateway: &'static Gateway,
    channel: &mut Channel,
) -> io::Result<Then> {
    let mut sign_in = SignIn::new(server, gateway.judgement);
    let mut welcome = gateway.offers.is_empty();
    let mut in_packets = false;
    for _ in 0..MOST_REQUESTS {
        let request = channel.message(http::head).await?;
        let request = Request::read(&request).ok_or(io::ErrorKind::InvalidData)?;
        if request.method.starts_with("RPC_") {
            let offers: &[&str] = if gateway.rpc == 401 { &["NTLM"] } else { &[] };
            channel.send(&http::answer(gateway.rpc, &offered(offers))).await?;
            continue;
        }
        if let Some(then) = refusal(gateway, &request, channel).await? {
            match then {
                Some(then) => return Ok(then),
                None => continue,
            }
        }
        let authorization = request.field("authorization").filter(|_| !welcome);
        let answer = match authorization {
            Some("SSPI_NTLM") if gateway.offers.contains(&"SSPI_NTLM") => {
                in_packets = true;
                Some(Answer::Welcome)
            }
            Some(value) => sign_in.by_header(value, channel),
            None => None,
        };
        match answer {
            Some(Answer::Challenge(value)) => {
                let value = String::from_utf8_lossy(&value);
                let field = format!("WWW-Authenticate: {value}");
                channel.send(&http::answer(401, &[field])).await?;
                continue;
            }
            Some(Answer::Welcome) => welcome = true,
            Some(Answer::Refused) | None if !welcome => {
                channel.send(&http::answer(401, &offered(gateway.offers))).await?;
                continue;
            }
            Some(Answer::Refused) | None => {}
        }
        let talk = Talk { server, gateway, in_packets };
        if let Some(then) = talk.channels(&request, channel).await? {
            return Ok(then);
        }
    }
    Ok(Then::End(Ending::Fin))
}

fn offered(schemes: &[&str]) -> Vec<String> {
    schemes.iter().map(|scheme| format!("WWW-Authenticate: {scheme}")).collect()
}

/// What stands in the way of any sign-in: the outer answer is whether it was refused, the inner one
/// how the connection goes on.
async fn refusal(
    gateway: &Gateway,
    request: &Request,
    channel: &mut Channel,
) -> io::Result<Option<Option<Then>>> {
    let status = match gateway.front {
        Front::Status(status) => status,
        _ if !request.path.to_lowercase().starts_with(PATH) => 404,
        Front::RefusedUpgrade(status) if request.wants_upgrade() => status,
        Front::DeadUpgrade(status) if !request.wants_upgrade() => status,
        Front::Silence => return Ok(Some(Some(Then::Silence))),
        Front::Garbage => {
            channel.send(b"\x05\x00 this is no HTTP\r\n\r\n").await?;
            return Ok(Some(Some(Then::End(Ending::Fin))));
        }
        Front::Endless => {
            channel.send(b"HTTP/1.1 401 Unauthorized\r\n").await?;
            for number in 0..ENDLESS {
                channel
                    .send(format!("X-Field-{number}: {}\r\n", "x".repeat(1000)).as_bytes())
                    .await?;
            }
            return Ok(Some(Some(Then::Silence)));
        }
        _ => return Ok(None),
    };
    channel.send(&http::answer(status, &[])).await?;
    Ok(Some(None))
}

struct Talk<'a> {
    server: &'a Server,
    gateway: &'static Gateway,
    /// The sign-in comes with packets.
    in_packets: bool,
}

impl Talk<'_> {
    /// Opens what a welcome client asks for; none where it has to ask once more.
    async fn channels(&self, request: &Request, channel: &mut Channel) -> io::Result<Option<Then>> {
        let id = request.field("rdg-connection-id").unwrap_or_default().to_owned();
        match (request.method.as_str(), request.wants_upgrade(), self.gateway.front) {
            ("RDG_OUT_DATA" | "GET", true, Front::WebSocket) => {
                channel.send(&http::upgraded(request)).await?;
                self.packets(&mut Wire::websocket(channel)).await.map(Some)
            }
            ("RDG_OUT_DATA" | "GET", true, Front::DeadUpgrade(_)) => {
                channel.send(&http::upgraded(request)).await?;
                Ok(Some(Then::End(Ending::Fin)))
            }
            ("RDG_OUT_DATA", ..) => {
                let mut packets = self.server.waiting.begin(&id);
                channel.send(&http::out_channel()).await?;
                while let Some(packet) = packets.recv().await {
                    channel.send(&packet).await?;
                }
                Ok(Some(Then::End(Ending::Fin)))
            }
            ("RDG_IN_DATA", ..) => match request.body() {
                None => {
                    channel.send(&http::answer(200, &[])).await?;
                    Ok(None)
                }
                Some(chunked) => {
                    let out = self.server.waiting.take(&id).ok_or(io::ErrorKind::InvalidData)?;
                    self.packets(&mut Wire::http(channel, chunked, out)).await.map(Some)
                }
            },
            _ => {
                channel.send(&http::answer(404, &[])).await?;
                Ok(None)
            }
        }
    }

    /// The packets of a tunnel and its channel (MS-TSGU 3.3.5.2).
    async fn packets(&self, wire: &mut Wire<'_>) -> io::Result<Then> {
        loop {
            let (kind, body) = wire.receive().await?;
            let (step, reply, agreed): (_, _, fn(&Self, u32) -> Vec<u8>) = match kind {
                packet::HANDSHAKE_REQUEST => {
                    (GatewayStep::Handshake, self.gateway.handshake, |talk, code| {
                        packet::handshake(code, if talk.in_packets { 4 } else { 0 })
                    })
                }
                packet::EXTENDED_AUTH if self.in_packets => {
                    if !self.signs_in(wire, &body).await? {
                        return Ok(Then::End(Ending::Fin));
                    }
                    continue;
                }
                packet::TUNNEL_CREATE => {
                    (GatewayStep::Tunnel, self.gateway.tunnel, |talk, code| {
                        packet::tunnel(code, talk.gateway.consent)
                    })
                }
                packet::TUNNEL_AUTH => {
                    (GatewayStep::Authorization, self.gateway.authorization, |_, code| {
                        packet::authorization(code)
                    })
                }
                packet::CHANNEL_CREATE => {
                    (GatewayStep::Channel, self.gateway.channel, |_, code| packet::channel(code))
                }
                _ => return Err(io::ErrorKind::InvalidData.into()),
            };
            let reply = match self.server.gateway_code {
                Some((at, code)) if at == step => Reply::Code(code),
                Some(_) => Reply::Agree,
                None => reply,
            };
            match reply {
                Reply::Agree => wire.send(agreed(self, 0)).await?,
                Reply::Code(code) => {
                    wire.send(agreed(self, code)).await?;
                    // A client that goes on is answered: the health of its machine may not count.
                    continue;
                }
                Reply::Silence => return Ok(Then::Silence),
                Reply::Garbage => {
                    wire.send(b"these words are no packet".to_vec()).await?;
                    return Ok(Then::Silence);
                }
                Reply::Chatter => {
                    for _ in 0..MESSAGES {
                        wire.send(packet::service_message(CHATTER)).await?;
                    }
                    return Ok(Then::Silence);
                }
                Reply::End(ending) => return Ok(Then::End(ending)),
            }
            if step == GatewayStep::Channel {
                return self.relay(wire).await;
            }
        }
    }

    /// One message of NTLM inside a packet; whether the client may go on.
    async fn signs_in(&self, wire: &mut Wire<'_>, body: &[u8]) -> io::Result<bool> {
        let mut sign_in = SignIn::new(self.server, self.gateway.judgement);
        let mut token = packet::blob(body).unwrap_or_default().to_vec();
        loop {
            let answer = sign_in.ntlm(&token, false, wire.channel());
            match answer.ok_or(io::ErrorKind::InvalidData)? {
                Answer::Challenge(challenge) => {
                    wire.send(packet::extended_auth(0, &challenge)).await?;
                }
                Answer::Welcome => {
                    wire.send(packet::extended_auth(0, &[])).await?;
                    return Ok(true);
                }
                Answer::Refused => {
                    wire.send(packet::extended_auth(LOGON_DENIED, &[])).await?;
                    return Ok(false);
                }
            }
            let (_, body) = wire.receive().await?;
            token = packet::blob(&body).unwrap_or_default().to_vec();
        }
    }

    /// Passes everything on between the client and the one server behind this gateway.
    async fn relay(&self, wire: &mut Wire<'_>) -> io::Result<Then> {
        /// What a data packet holds of one read.
        const PIECE: usize = 8 * 1024;
        let address = self.server.behind.as_ref().ok_or(io::ErrorKind::NotConnected)?.address();
        let mut target = TcpStream::connect(address).await?;
        let mut buffer = vec![0; PIECE];
        let asked = self.server.gateway_code.filter(|(at, _)| *at == GatewayStep::Close);
        let ending = asked.map_or(self.gateway.ending, |(_, code)| Reply::Code(code));
        loop {
            tokio::select! {
                packet = wire.receive() => {
                    let (kind, body) = packet?;
                    if kind == packet::CLOSE_CHANNEL {
                        return closed(wire, packet::CLOSE_CHANNEL_RESPONSE, 0).await;
                    }
                    let carried = packet::carried(&body);
                    if kind == packet::DATA && target.write_all(carried).await.is_err() {
                        return closed(wire, packet::CLOSE_CHANNEL, BAD_ARGUMENTS).await;
                    }
                }
                read = target.read(&mut buffer) => match (read, ending) {
                    (Err(_), _) => {
                        return closed(wire, packet::CLOSE_CHANNEL, BAD_ARGUMENTS).await;
                    }
                    (Ok(0), _) => return closed(wire, packet::CLOSE_CHANNEL, 0).await,
                    (_, Reply::Code(code)) => {
                        return closed(wire, packet::CLOSE_CHANNEL, code).await;
                    }
                    (_, Reply::End(ending)) => return Ok(Then::End(ending)),
                    (_, Reply::Silence) => return Ok(Then::Silence),
                    (Ok(length), _) => wire.send(packet::data(&buffer[..length])).await?,
                },
            }
        }
    }
}

/// The last packet of a channel.
async fn closed(wire: &mut Wire<'_>, kind: u16, code: u32) -> io::Result<Then> {
    wire.send(packet::close(kind, code)).await?;
    Ok(Then::End(Ending::Fin))
}
