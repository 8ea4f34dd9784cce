//! Kerberos tickets: the server hands them to a service beside it that has the key of its name, and speaks
//! GSS-API (RFC 2743). A question is a letter, four bytes of length and so many bytes; an answer is a
//! status, 0 where it is one, and the same.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer is longer.
const LONGEST: u32 = 64 * 1024;

/// One sign-in at that service.
pub(crate) struct Tickets(TcpStream);

impl Tickets {
    pub(crate) async fn open(place: SocketAddr) -> io::Result<Self> {
        Ok(Self(TcpStream::connect(place).await?))
    }

    /// The answer to a client's token; an error says that the ticket is not taken.
    pub(crate) async fn step(&mut self, token: &[u8]) -> io::Result<Vec<u8>> {
        self.ask(b't', token).await
    }

    /// GSS_Unwrap of what the client sealed.
    pub(crate) async fn unseal(&mut self, sealed: &[u8]) -> io::Result<Vec<u8>> {
        self.ask(b'u', sealed).await
    }

    /// GSS_Wrap.
    pub(crate) async fn seal(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        self.ask(b'w', plain).await
    }

    async fn ask(&mut self, question: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.0.write_all(&[&[question], &length.to_be_bytes()[..], bytes].concat()).await?;
        let status = self.0.read_u8().await?;
        let length = self.0.read_u32().await?;
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length as usize];
        self.0.read_exact(&mut answer).await?;
        if status == 0 { Ok(answer) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}
