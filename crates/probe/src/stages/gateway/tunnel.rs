//! The packets on a transport: tunnel, authorisation, channel (MS-TSGU 3.3.5.2).

use std::sync::Arc;

use rdpdoctor_model::{Awaited, Fact, GatewayStep, Mechanism, Stage, Transport};
use rdpdoctor_wire::tsgu::{self, Packet};

use super::Visit;
use super::admission::Refused;
use super::carrier;
use super::http::Connection;
use super::packets::{Ended, Packets};
use crate::stream::MeteredStream;

/// E_PROXY_QUARANTINE_ACCESSDENIED: a client goes on behind it (MS-TSGU 3.3.5.2).
const QUARANTINE: [u32; 2] = [0x8007_59ED, 0x59ED];

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
    pub(super) fn said(&self, step: GatewayStep, code: u32) -> Result<(), Refused> {
        self.note(Fact::GatewayCode { step, code });
        let goes_on = step == GatewayStep::Authorization && QUARANTINE.contains(&code);
        if code == 0 || goes_on {
            return Ok(());
        }
        Err(Refused::Over(format!("the gateway says 0x{code:X}")))
    }

    pub(super) fn unexpected(&self, awaited: Awaited, packet: &Packet) -> Refused {
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
        let pipe = carrier::begin(self.route, packets, &journal);
        MeteredStream::inside(pipe, journal, number, remote)
    }
}
