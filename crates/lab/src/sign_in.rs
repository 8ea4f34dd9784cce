//! The whole of CredSSP for the lab's one account (MS-CSSP 3.1.5), by `sspi`'s acceptor.

use std::io;

use sspi::credssp::{CredSspServer, CredentialsProxy, ServerMode, ServerState, TsRequest};
use sspi::generator::GeneratorState;
use sspi::ntlm::NtlmConfig;
use sspi::{AuthIdentity, Username};

use crate::behaviour::Outcome;
use crate::channel::Channel;
use crate::{PASSWORD, USER, der};

/// A sign-in takes three messages of the client.
const MOST_MESSAGES: usize = 5;

struct Account;

impl CredentialsProxy for Account {
    type AuthenticationData = AuthIdentity;

    fn auth_data_by_user(&mut self, username: &Username) -> io::Result<AuthIdentity> {
        if username.account_name().eq_ignore_ascii_case(USER) {
            Ok(AuthIdentity { username: username.clone(), password: PASSWORD.to_owned().into() })
        } else {
            Err(io::Error::other("no such user"))
        }
    }

    fn auth_data(&mut self) -> io::Result<Vec<AuthIdentity>> {
        Ok(Vec::new())
    }
}

/// Carries it out; `false` when the password was wrong, and the client was told so.
pub(crate) async fn complete(
    channel: &mut Channel,
    first: &[u8],
    subject_public_key: Vec<u8>,
    outcome: Outcome,
    early_authorization: bool,
) -> io::Result<bool> {
    let mode = ServerMode::Ntlm(NtlmConfig::default());
    let mut server = CredSspServer::new(subject_public_key, Account, mode).map_err(other)?;
    let mut message = first.to_vec();
    for _ in 0..MOST_MESSAGES {
        let request = TsRequest::from_buffer(&message).map_err(io::Error::other)?;
        let state = match server.process(request).start() {
            GeneratorState::Completed(state) => state,
            GeneratorState::Suspended(_) => return Err(io::Error::other("NTLM needs nobody else")),
        };
        match state {
            Ok(ServerState::ReplyNeeded(mut reply)) => {
                if outcome == Outcome::WrongBinding
                    && let Some(last) = reply.pub_key_auth.as_mut().and_then(|auth| auth.last_mut())
                {
                    *last ^= 0xFF;
                }
                let mut bytes = Vec::new();
                reply.encode_ts_request(&mut bytes).map_err(io::Error::other)?;
                channel.send(&bytes).await?;
                message = channel.message(der::frame).await?;
            }
            Ok(ServerState::Finished(_)) => {
                if early_authorization {
                    let result = match outcome {
                        Outcome::Authorization(result) => result,
                        Outcome::Accepted | Outcome::WrongBinding => 0,
                    };
                    channel.send(&result.to_le_bytes()).await?;
                }
                return Ok(true);
            }
            Err(_) => return Ok(false),
        }
    }
    Err(io::Error::other("a sign-in without an end"))
}

fn other(error: sspi::Error) -> io::Error {
    io::Error::other(error.to_string())
}
