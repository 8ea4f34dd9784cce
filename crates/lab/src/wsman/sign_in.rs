//! Who is let in: NTLM by Negotiate, bound to the TLS where there is one.

use md5::{Digest, Md5};
use openssl::base64::{decode_block, encode_block};
use openssl::hash::MessageDigest;
use openssl::rand::rand_bytes;
use openssl::ssl::SslContext;

use super::Service;
use crate::behaviour::Challenge;
use crate::credssp;
use crate::ntlm::{self, Earlier, Outcome, Sealing};

/// One connection's sign-in.
#[derive(Default)]
pub(super) struct SignIn {
    sent: Option<(Vec<u8>, Vec<u8>, [u8; 8])>,
}

/// What a header leads to.
pub(super) enum Answer {
    /// The value of WWW-Authenticate.
    Challenge(String),
    Welcome(Box<Sealing>),
    Refused,
}

impl SignIn {
    pub(super) fn by_header(
        &mut self,
        service: &Service,
        header: &str,
        tls: Option<&SslContext>,
    ) -> Answer {
        let Some(token) = header.strip_prefix("Negotiate ") else {
            if header.starts_with("Basic ") {
                service.record().password_received = true;
            }
            return Answer::Refused;
        };
        let Ok(token) = decode_block(token) else {
            service.complain("a token is not base64");
            return Answer::Refused;
        };
        // It is in no domain, and takes no tickets.
        if !token.starts_with(b"NTLMSSP\0") {
            return Answer::Refused;
        }
        if !token.starts_with(ntlm::AUTHENTICATE) {
            let mut server_challenge = [0; 8];
            if rand_bytes(&mut server_challenge).is_err() {
                return Answer::Refused;
            }
            let settings = &Challenge::HEALTHY;
            let challenge = credssp::ntlm_challenge(settings, &service.computer, server_challenge);
            let value = format!("Negotiate {}", encode_block(&challenge));
            self.sent = Some((token, challenge, server_challenge));
            return Answer::Challenge(value);
        }
        service.record().proofs += 1;
        let Some((negotiate, challenge, server_challenge)) = self.sent.take() else {
            service.complain("a proof without a challenge");
            return Answer::Refused;
        };
        let earlier = Earlier { negotiate: &negotiate, challenge: &challenge, server_challenge };
        let bound = ntlm::channel_binding(&token) == tls.and_then(binding);
        match ntlm::judge(&token, &earlier) {
            Outcome::Proved(sealing) if service.how.lets_in && bound => Answer::Welcome(sealing),
            Outcome::Proved(_) if !bound => {
                service.complain("the proof is bound to another connection");
                Answer::Refused
            }
            Outcome::Invalid => {
                service.complain("the proof cannot be read");
                Answer::Refused
            }
            Outcome::Proved(_) | Outcome::Wrong => Answer::Refused,
        }
    }
}

/// What a client that sees this certificate binds NTLM to: MD5 of a gss_channel_bindings_struct
/// (MS-NLMP 2.2.2.1) with tls-server-end-point (RFC 5929 4).
fn binding(context: &SslContext) -> Option<ntlm::Key> {
    let hash = context.certificate()?.digest(MessageDigest::sha256()).ok()?;
    let data = [&b"tls-server-end-point:"[..], &hash].concat();
    let length = data.len().to_le_bytes();
    Some(Md5::digest([&[0; 16][..], &length[..4], &data].concat()).into())
}
