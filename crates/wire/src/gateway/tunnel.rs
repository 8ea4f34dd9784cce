//! A tunnel and the channel in it (MS-TSGU 3.3.5.2), whichever connections carry its packets.

use rdpdoctor_model::{Awaited, Fact, GatewayStep, GatewayTransport, Mechanism, Party};

use super::sign_in;
use crate::tsgu::Packet;

/// Most messages of the administrator that are kept.
const MOST_MESSAGES: usize = 8;

/// Most names of a host that are kept.
const MOST_NAMES: usize = 8;

/// What a packet came to.
#[derive(Debug, PartialEq)]
pub enum TunnelEvent {
    /// Something seen.
    Fact(Fact),
    /// The client asks for a channel to a host, by the names that it has, any of which will do.
    Asked {
        /// The names.
        names: Vec<String>,
        /// The port.
        port: u16,
    },
    /// The channel is open.
    Opened,
    /// Bytes of the connection to the host.
    Data {
        /// Who sent them.
        from: Party,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The channel was closed.
    Closed {
        /// By whom.
        by: Party,
        /// With this number.
        code: u32,
    },
}

/// One tunnel, in which packets of both sides are put in the order in which they passed.
pub struct GatewayTunnel {
    transport: GatewayTransport,
    awaited: Awaited,
    messages: usize,
    open: bool,
    over: bool,
}

impl GatewayTunnel {
    /// A transport was agreed, and nothing has passed on it.
    pub fn new(transport: GatewayTransport) -> Self {
        let awaited = Awaited::GatewayHandshake;
        Self { transport, awaited, messages: 0, open: false, over: false }
    }

    /// What the client waits for.
    pub fn awaited(&self) -> Awaited {
        self.awaited
    }

    /// Whether a channel was opened.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// A packet, or what is wrong with it.
    pub fn packet(&mut self, from: Party, packet: Result<Packet, String>) -> Vec<TunnelEvent> {
        if self.over {
            return Vec::new();
        }
        match (from, packet) {
            (Party::Client, Ok(packet)) => self.asked(packet),
            (Party::Server, Ok(packet)) => self.answered(packet),
            // What a client says wrong is its own affair; nothing behind it can be read.
            (Party::Client, Err(_)) => {
                self.over = true;
                Vec::new()
            }
            (Party::Server, Err(problem)) => vec![self.malformed(problem)],
        }
    }

    /// Nothing more comes: what that means for the transport, where nothing had passed on it.
    pub fn ended(&mut self, how: &str) -> Option<Fact> {
        if std::mem::replace(&mut self.over, true) || self.awaited != Awaited::GatewayHandshake {
            return None;
        }
        let problem = how.to_owned();
        Some(Fact::GatewayTransportFailed { transport: self.transport, problem })
    }

    fn asked(&mut self, packet: Packet) -> Vec<TunnelEvent> {
        match packet {
            Packet::HandshakeRequest { .. } => self.awaited = Awaited::GatewayHandshake,
            Packet::ExtendedAuth { blob, .. } => {
                self.awaited = Awaited::GatewayAuthentication;
                if let Some(mechanism) = sign_in::mechanism(&blob) {
                    return vec![sent(mechanism)];
                }
            }
            Packet::TunnelCreate { .. } => self.awaited = Awaited::GatewayTunnel,
            Packet::TunnelAuth { .. } => self.awaited = Awaited::GatewayAuthorization,
            Packet::ChannelCreate { resources, port } => {
                self.awaited = Awaited::GatewayChannel;
                let names = resources.into_iter().take(MOST_NAMES).collect();
                return vec![TunnelEvent::Asked { names, port }];
            }
            Packet::Data(bytes) if self.open => {
                return vec![TunnelEvent::Data { from: Party::Client, bytes }];
            }
            Packet::CloseChannel { code } => {
                self.over = true;
                return vec![TunnelEvent::Closed { by: Party::Client, code }];
            }
            _ => {}
        }
        Vec::new()
    }

    fn answered(&mut self, packet: Packet) -> Vec<TunnelEvent> {
        let (step, code) = match (self.awaited, packet) {
            (_, Packet::Keepalive | Packet::Reauth { .. }) => return Vec::new(),
            (_, Packet::ServiceMessage(text)) => return self.message(false, text),
            (_, Packet::CloseChannel { code }) => {
                self.over = true;
                let said = Fact::GatewayCode { step: GatewayStep::Close, code };
                let closed = TunnelEvent::Closed { by: Party::Server, code };
                return vec![TunnelEvent::Fact(said), closed];
            }
            (Awaited::GatewayData, Packet::Data(bytes)) => {
                return vec![TunnelEvent::Data { from: Party::Server, bytes }];
            }
            (Awaited::GatewayData, _) => return Vec::new(),
            (Awaited::GatewayHandshake, Packet::HandshakeResponse { code, .. }) => {
                (GatewayStep::Handshake, code)
            }
            (Awaited::GatewayAuthentication, Packet::ExtendedAuth { code, .. }) => {
                (GatewayStep::Authentication, code)
            }
            (Awaited::GatewayTunnel, Packet::TunnelResponse { code, consent, .. }) => {
                let mut events = consent.map(|text| self.message(true, text)).unwrap_or_default();
                events.extend(self.said(GatewayStep::Tunnel, code));
                return events;
            }
            (Awaited::GatewayAuthorization, Packet::TunnelAuthResponse { code, .. }) => {
                (GatewayStep::Authorization, code)
            }
            (Awaited::GatewayChannel, Packet::ChannelResponse { code, .. }) => {
                (GatewayStep::Channel, code)
            }
            (_, other) => {
                let name = format!("{other:?}");
                let name = name.split([' ', '(', '{']).next().unwrap_or_default();
                let problem = format!("a packet that does not belong here: {name}");
                return vec![self.malformed(problem)];
            }
        };
        self.said(step, code)
    }

    /// The gateway's number for a step; what the client asks next is not known yet.
    fn said(&mut self, step: GatewayStep, code: u32) -> Vec<TunnelEvent> {
        self.awaited = Awaited::Nothing;
        let mut events = vec![TunnelEvent::Fact(Fact::GatewayCode { step, code })];
        if (step, code) == (GatewayStep::Channel, 0) {
            self.awaited = Awaited::GatewayData;
            self.open = true;
            events.push(TunnelEvent::Opened);
        }
        events
    }

    fn message(&mut self, consent: bool, text: String) -> Vec<TunnelEvent> {
        self.messages += 1;
        let kept = self.messages <= MOST_MESSAGES;
        kept.then_some(TunnelEvent::Fact(Fact::GatewayMessage { consent, text }))
            .into_iter()
            .collect()
    }

    fn malformed(&mut self, problem: String) -> TunnelEvent {
        self.over = true;
        TunnelEvent::Fact(match self.awaited {
            Awaited::GatewayHandshake => {
                Fact::GatewayTransportFailed { transport: self.transport, problem }
            }
            awaited => Fact::GatewayMalformed { awaited, problem },
        })
    }
}

fn sent(mechanism: Mechanism) -> TunnelEvent {
    TunnelEvent::Fact(Fact::CredentialSent { mechanism })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnel() -> GatewayTunnel {
        GatewayTunnel::new(GatewayTransport::WebSocket)
    }

    fn channel(code: u32) -> Packet {
        Packet::ChannelResponse { code, channel: None }
    }

    fn ask() -> Packet {
        Packet::ChannelCreate { resources: vec!["pc".to_owned()], port: 3389 }
    }

    fn code(step: GatewayStep, code: u32) -> TunnelEvent {
        TunnelEvent::Fact(Fact::GatewayCode { step, code })
    }

    #[test]
    fn a_channel_carries_data_once_it_is_open() {
        let mut tunnel = tunnel();
        assert_eq!(tunnel.packet(Party::Client, Ok(Packet::Data(vec![1]))), []);
        let names = vec!["pc".to_owned()];
        let asked = tunnel.packet(Party::Client, Ok(ask()));
        assert_eq!(asked, [TunnelEvent::Asked { names, port: 3389 }]);
        let opened = tunnel.packet(Party::Server, Ok(channel(0)));
        assert_eq!(opened, [code(GatewayStep::Channel, 0), TunnelEvent::Opened]);
        for from in [Party::Client, Party::Server] {
            let bytes = vec![3, 0];
            let data = tunnel.packet(from, Ok(Packet::Data(bytes.clone())));
            assert_eq!(data, [TunnelEvent::Data { from, bytes }]);
        }
        let closed = tunnel.packet(Party::Server, Ok(Packet::CloseChannel { code: 0xA0 }));
        let by = Party::Server;
        assert_eq!(
            closed,
            [code(GatewayStep::Close, 0xA0), TunnelEvent::Closed { by, code: 0xA0 }]
        );
        assert_eq!(tunnel.packet(by, Ok(Packet::Data(vec![1]))), [], "nothing comes behind it");
    }

    #[test]
    fn a_refused_channel_carries_nothing() {
        let mut tunnel = tunnel();
        tunnel.packet(Party::Client, Ok(ask()));
        assert_eq!(
            tunnel.packet(Party::Server, Ok(channel(0x59DD))),
            [code(GatewayStep::Channel, 0x59DD)]
        );
        assert_eq!((tunnel.is_open(), tunnel.awaited()), (false, Awaited::Nothing));
        assert_eq!(tunnel.ended("it ended"), None, "packets had passed");
    }

    #[test]
    fn what_does_not_belong_there_is_said_once() {
        let mut early = tunnel();
        let transport = GatewayTransport::WebSocket;
        let failed =
            |problem: &str| Fact::GatewayTransportFailed { transport, problem: problem.into() };
        let broken = early.packet(Party::Server, Err("words".into()));
        assert_eq!(broken, [TunnelEvent::Fact(failed("words"))]);
        assert_eq!(
            (early.packet(Party::Server, Err("more".into())), early.ended("x")),
            (vec![], None)
        );
        assert_eq!(tunnel().ended("it ended"), Some(failed("it ended")));
        let mut later = tunnel();
        later.packet(Party::Client, Ok(ask()));
        let problem = "a packet that does not belong here: HandshakeResponse".to_owned();
        let other = Packet::HandshakeResponse { code: 0, version: None, extended_auth: 0 };
        let awaited = Awaited::GatewayChannel;
        let said = later.packet(Party::Server, Ok(other));
        assert_eq!(said, [TunnelEvent::Fact(Fact::GatewayMalformed { awaited, problem })]);
    }

    #[test]
    fn a_talkative_administrator_is_heard_a_few_times() {
        let mut tunnel = tunnel();
        let messages = (0..1000).flat_map(|_| {
            tunnel.packet(Party::Server, Ok(Packet::ServiceMessage("words".to_owned())))
        });
        assert_eq!(messages.count(), MOST_MESSAGES);
    }
}
