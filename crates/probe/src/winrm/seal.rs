//! Sealing messages by the keys that a sign-in left (MS-WSMV 2.2.9.1), for NTLM and for Kerberos.

use sspi::{BufferType, EncryptionFlags, Ntlm, SecurityBufferRef, Sspi};

use super::Problem;
use crate::stages::gateway::token::NtlmClient;
use crate::tickets::Tickets;

/// Longer than any signature.
const MOST_SIGNATURE: usize = 1024;

/// The beginning of a message sealed by Kerberos (RFC 4121 4.2.6.2), and the bytes of its head.
const WRAPPED: [u8; 2] = [5, 4];
const WRAP_HEAD: usize = 16;

/// Confounder, encrypted head and sum, which are always there.
const WRAP_REST: usize = 16 + 16 + 12;

/// Filler that anybody uses.
const MOST_FILLER: usize = 16;

/// Who signed in, and can seal from there on.
pub(super) enum Signed {
    Ntlm(Box<NtlmClient>),
    Kerberos(Box<Tickets>),
}

/// A signature and what it belongs to.
pub(super) struct SealedParts {
    pub(super) token: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Signed {
    pub(super) fn seal(&mut self, plain: &[u8]) -> Result<SealedParts, Problem> {
        let sealed = match self {
            Self::Ntlm(client) => seal(client.context(), plain),
            Self::Kerberos(tickets) => seal(tickets.context(), plain),
        };
        sealed.map_err(|error| Problem::Own(error.to_string()))
    }

    /// What was sealed; the error says that it was not sealed by whoever the sign-in was made with.
    pub(super) fn open(&mut self, token: &[u8], data: &[u8]) -> Result<Vec<u8>, Problem> {
        let wrong = || Problem::Malformed("an encrypted answer cannot be opened".to_owned());
        match self {
            Self::Ntlm(client) if token.len() == 16 => open::<Ntlm>(client.context(), token, data),
            Self::Kerberos(tickets) if is_whole(token, data) => {
                open(tickets.context(), token, data)
            }
            Self::Ntlm(_) | Self::Kerberos(_) => return Err(wrong()),
        }
        .map_err(|_| wrong())
    }
}

/// Whether the lengths inside a wrapped message are such as it can have: `sspi` believes them.
fn is_whole(token: &[u8], data: &[u8]) -> bool {
    let Some(head) = token.first_chunk::<WRAP_HEAD>() else { return false };
    let filler = usize::from(u16::from_be_bytes([head[4], head[5]]));
    head[..2] == WRAPPED
        && filler <= MOST_FILLER
        && token.len() + data.len() >= WRAP_HEAD + WRAP_REST + filler
}

fn seal<S: Sspi>(context: &mut S, plain: &[u8]) -> sspi::Result<SealedParts> {
    let mut token = [0; MOST_SIGNATURE];
    let mut data = plain.to_vec();
    let mut buffers = vec![
        SecurityBufferRef::token_buf(token.as_mut_slice()),
        SecurityBufferRef::data_buf(data.as_mut_slice()),
    ];
    context.encrypt_message(EncryptionFlags::empty(), &mut buffers)?;
    let token = SecurityBufferRef::find_buffer(&buffers, BufferType::Token)?.data().to_vec();
    let data = SecurityBufferRef::find_buffer(&buffers, BufferType::Data)?.data().to_vec();
    Ok(SealedParts { token, data })
}

fn open<S: Sspi>(context: &mut S, token: &[u8], data: &[u8]) -> sspi::Result<Vec<u8>> {
    let (mut token, mut data) = (token.to_vec(), data.to_vec());
    let mut buffers =
        vec![SecurityBufferRef::data_buf(&mut data), SecurityBufferRef::token_buf(&mut token)];
    context.decrypt_message(&mut buffers)?;
    Ok(SecurityBufferRef::buf_data(&buffers, BufferType::Data)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_no_wrapped_message_has_are_refused() {
        let mut token = vec![0; 60];
        token[..2].copy_from_slice(&WRAPPED);
        assert!(is_whole(&token, b"data"));
        assert!(!is_whole(&token[..59], b""));
        assert!(!is_whole(&token[..8], b"data"));
        token[4] = 0xFF;
        assert!(!is_whole(&token, &[0; 600]), "more filler than there is");
        assert!(!is_whole(&[0; 60], b"data"));
    }
}
