//! An RD Gateway (MS-TSGU 3.3): HTTP or WebSocket inside TLS, a sign-in, a tunnel, and a channel to
//! one healthy server of its own, whatever host the client names.

mod http;
mod packet;
mod serve;
mod sign_in;
mod wire;

pub(crate) use serve::{Waiting, serve};

use crate::behaviour::Ending;

/// A gateway from its first to its last step. Faults are written as
/// `Gateway { the_step_that_differs, ..Gateway::HEALTHY }`.
pub(crate) struct Gateway {
    /// What it takes of the request for a channel.
    pub(crate) front: Front,
    /// How it answers RPC over HTTP, which came before its own transports.
    pub(crate) rpc: u16,
    /// The schemes that it offers, as WWW-Authenticate has them.
    pub(crate) offers: &'static [&'static str],
    /// Whose password is right.
    pub(crate) judgement: Judgement,
    /// The answers to its packets, in their order.
    pub(crate) handshake: Reply,
    pub(crate) tunnel: Reply,
    pub(crate) authorization: Reply,
    pub(crate) channel: Reply,
    /// What a user has to agree to before the tunnel is used.
    pub(crate) consent: Option<&'static str>,
    /// Whether every connection but the first shows a certificate of its own making.
    pub(crate) changes_certificate: bool,
    /// How the channel ends, other than with the server's or the client's own end.
    pub(crate) ending: Reply,
}

impl Gateway {
    /// Windows Server 2022: NTLM or Negotiate, WebSocket, the TLS channel checked.
    pub(crate) const HEALTHY: Self = Self {
        front: Front::WebSocket,
        rpc: 404,
        offers: &["Negotiate", "NTLM"],
        judgement: Judgement::SameChannel,
        handshake: Reply::Agree,
        tunnel: Reply::Agree,
        authorization: Reply::Agree,
        channel: Reply::Agree,
        consent: None,
        changes_certificate: false,
        ending: Reply::Agree,
    };
}

/// How a gateway takes RDG_OUT_DATA with an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// It upgrades, and takes two channels as well.
    WebSocket,
    /// It knows two channels only and passes over the upgrade.
    Http,
    /// Something before it refuses an upgrade with this status and passes two channels on.
    RefusedUpgrade(u16),
    /// It upgrades, then nothing passes; two channels are refused with this status.
    DeadUpgrade(u16),
    /// Whatever is asked has this status.
    Status(u16),
    /// It never says a word.
    Silence,
    /// It says something that is no HTTP.
    Garbage,
    /// It begins an answer whose head has no end.
    Endless,
}

/// Whom a gateway lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The lab's account, if NTLM is bound to this TLS (RFC 5929 4).
    SameChannel,
    /// The lab's account, if NTLM is bound to the TLS of another certificate: something between the
    /// client and the gateway has ended the encryption.
    OtherChannel,
    /// Nobody.
    Nobody,
}

/// The answer to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Agree,
    /// This code, an HRESULT or the Win32 code inside it (MS-TSGU 2.2.6).
    Code(u32),
    Silence,
    Garbage,
    /// A thousand messages to everybody, then silence.
    Chatter,
    End(Ending),
}

/// One step at which a gateway is told to answer with a code of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayStep {
    /// HTTP_HANDSHAKE_RESPONSE_PACKET.
    Handshake,
    /// HTTP_TUNNEL_RESPONSE.
    Tunnel,
    /// HTTP_TUNNEL_AUTH_RESPONSE.
    Authorization,
    /// HTTP_CHANNEL_RESPONSE.
    Channel,
    /// HTTP_CLOSE_PACKET, in the middle of the server's first answer.
    Close,
}

impl std::str::FromStr for GatewayStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "handshake" => Self::Handshake,
            "tunnel" => Self::Tunnel,
            "authorization" => Self::Authorization,
            "channel" => Self::Channel,
            "close" => Self::Close,
            _ => return Err("handshake, tunnel, authorization, channel or close".to_owned()),
        })
    }
}
