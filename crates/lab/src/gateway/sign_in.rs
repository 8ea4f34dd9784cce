//! Who may come in: NTLM in HTTP's headers or in packets, bound to the TLS or not, and Basic.

use md5::{Digest, Md5};
use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::rand::rand_bytes;

use super::Judgement;
use crate::behaviour::Challenge;
use crate::channel::Channel;
use crate::credssp;
use crate::ntlm::{self, Earlier, Outcome};
use crate::server::Server;

/// One client's sign-in on one connection.
pub(super) struct SignIn<'a> {
    server: &'a Server,
    judgement: Judgement,
    sent: Option<Sent>,
}

/// What was sent to it.
struct Sent {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    server_challenge: [u8; 8],
}

/// What a token of NTLM leads to.
pub(super) enum Answer {
    Challenge(Vec<u8>),
    Welcome,
    Refused,
}

impl<'a> SignIn<'a> {
    pub(super) fn new(server: &'a Server, judgement: Judgement) -> Self {
        Self { server, judgement, sent: None }
    }

    /// What follows an Authorization header; none where it is not understood. A challenge is given as
    /// the header's value.
    pub(super) fn by_header(&mut self, header: &str, channel: &Channel) -> Option<Answer> {
        let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
        let bytes = decode_block(value).ok()?;
        match scheme {
            "Negotiate"
                if !bytes.starts_with(b"NTLMSSP\0") && self.server.ticket_error.is_some() =>
            {
                let token = credssp::ticket_error("HTTP", self.server.ticket_error?);
                Some(Answer::Challenge(format!("{scheme} {}", encode_block(&token)).into()))
            }
            "NTLM" | "Negotiate" => Some(match self.ntlm(&bytes, true, channel)? {
                Answer::Challenge(token) => {
                    let value = format!("{scheme} {}", encode_block(&token));
                    Answer::Challenge(value.into())
                }
                other => other,
            }),
            "Basic" => {
                channel.note(|record| record.credentials_received = true);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let (user, password) = text.split_once(':')?;
                let known = crate::sign_in::is_account(user, password);
                let welcome = known && self.judgement != Judgement::Nobody;
                Some(if welcome { Answer::Welcome } else { Answer::Refused })
            }
            _ => None,
        }
    }

    /// What follows a message of NTLM; inside packets it is never bound to the TLS (MS-TSGU
    /// 3.3.5.3.3).
    pub(super) fn ntlm(&mut self, token: &[u8], bound: bool, channel: &Channel) -> Option<Answer> {
        // It is in no domain, and takes no tickets.
        if !token.starts_with(b"NTLMSSP\0") {
            return Some(Answer::Refused);
        }
        if !token.starts_with(ntlm::AUTHENTICATE) {
            let mut server_challenge = [0; 8];
            rand_bytes(&mut server_challenge).ok()?;
            let computer = &self.server.computer;
            let challenge =
                credssp::ntlm_challenge(&Challenge::HEALTHY, computer, server_challenge);
            let negotiate = token.to_vec();
            let answer = challenge.clone();
            self.sent = Some(Sent { negotiate, challenge, server_challenge });
            return Some(Answer::Challenge(answer));
        }
        channel.note(|record| record.authenticate_received = true);
        let sent = self.sent.take()?;
        let earlier = Earlier {
            negotiate: &sent.negotiate,
            challenge: &sent.challenge,
            server_challenge: sent.server_challenge,
        };
        let known = matches!(ntlm::judge(token, &earlier), Outcome::Proved(_));
        let fits = match self.judgement {
            Judgement::Nobody => false,
            Judgement::SameChannel if !bound => true,
            Judgement::SameChannel => ntlm::channel_binding(token) == self.binding(),
            // Whoever sees this certificate is bound to it, and not to the other one.
            Judgement::OtherChannel => ntlm::channel_binding(token).is_none(),
        };
        Some(if known && fits { Answer::Welcome } else { Answer::Refused })
    }

    /// What a client that sees this certificate binds NTLM to: MD5 of a gss_channel_bindings_struct
    /// (MS-NLMP 2.2.2.1) with tls-server-end-point (RFC 5929 4).
    fn binding(&self) -> Option<ntlm::Key> {
        let hash = self.server.context.certificate()?.digest(MessageDigest::sha256()).ok()?;
        let data = [&b"tls-server-end-point:"[..], &hash].concat();
        let length = data.len().to_le_bytes();
        Some(Md5::digest([&[0; 16][..], &length[..4], &data].concat()).into())
    }
}
