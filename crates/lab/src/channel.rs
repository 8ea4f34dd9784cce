//! Messages over a connection, in the clear or inside TLS.

use std::io;
use std::pin::Pin;

use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::ConnectionRecord;
use crate::behaviour::{Ending, Instead, Then};
use crate::link::Link;
use crate::security::{Encryption, Offer};

/// Longest message taken from a client; a client's first messages stay far below.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// What a framing says of the bytes at the beginning of a stream.
pub(crate) enum Frame {
    /// More bytes are needed.
    Incomplete,
    /// A message of so many bytes.
    Whole(usize),
    /// Not this protocol.
    Foreign,
}

impl Frame {
    /// A message that says it has so many bytes; the shortest has three.
    pub(crate) fn of(buffer: &[u8], length: usize) -> Self {
        if length < 3 {
            Self::Foreign
        } else if buffer.len() < length {
            Self::Incomplete
        } else {
            Self::Whole(length)
        }
    }
}

/// A connection with its transport of the moment.
pub(crate) struct Channel {
    transport: Transport,
    security: Security,
    pending: Vec<u8>,
}

/// Standard RDP Security.
enum Security {
    None,
    Offered(Box<Offer>),
    Agreed(Box<Encryption>),
}

enum Transport {
    Clear(Link),
    Secure(Box<SslStream<Link>>),
    /// OpenSSL refused to take it over.
    Gone,
}

impl Channel {
    pub(crate) fn new(link: Link) -> Self {
        Self { transport: Transport::Clear(link), security: Security::None, pending: Vec::new() }
    }

    /// From the client's Security Exchange PDU on, PDUs are encrypted.
    pub(crate) fn offer(&mut self, offer: Offer) {
        self.security = Security::Offered(Box::new(offer));
    }

    /// A PDU of the client as it would be inside TLS.
    fn opened(&mut self, pdu: Vec<u8>) -> io::Result<Vec<u8>> {
        match &mut self.security {
            Security::None => Ok(pdu),
            Security::Offered(offer) => {
                if let Some(encryption) = offer.agreed(&pdu)? {
                    self.security = Security::Agreed(Box::new(encryption));
                }
                Ok(pdu)
            }
            Security::Agreed(encryption) => encryption.open(pdu),
        }
    }

    /// The next message of the framing.
    ///
    /// # Errors
    /// `UnexpectedEof` when the client leaves, `InvalidData` when it speaks something else.
    pub(crate) async fn message(&mut self, frame: fn(&[u8]) -> Frame) -> io::Result<Vec<u8>> {
        loop {
            match frame(&self.pending) {
                Frame::Whole(length) if length <= self.pending.len() => {
                    let rest = self.pending.split_off(length);
                    let message = std::mem::replace(&mut self.pending, rest);
                    return self.opened(message);
                }
                Frame::Foreign => return Err(io::ErrorKind::InvalidData.into()),
                Frame::Whole(length) if length > LONGEST_MESSAGE => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                Frame::Whole(_) | Frame::Incomplete => self.receive().await?,
            }
        }
    }

    /// Whatever comes first.
    pub(crate) async fn anything(&mut self) -> io::Result<Vec<u8>> {
        if self.pending.is_empty() {
            self.receive().await?;
        }
        Ok(std::mem::take(&mut self.pending))
    }

    /// Notes something of what was received in the connection's record.
    pub(crate) fn note(&self, note: impl FnOnce(&mut ConnectionRecord)) {
        match &self.transport {
            Transport::Clear(link) => link.note(note),
            Transport::Secure(stream) => stream.get_ref().note(note),
            Transport::Gone => {}
        }
    }

    /// The picture begins now.
    pub(crate) fn picture_begins(&self) {
        match &self.transport {
            Transport::Clear(link) => link.picture_begins(),
            Transport::Secure(stream) => stream.get_ref().picture_begins(),
            Transport::Gone => {}
        }
    }

    /// Puts a message back.
    pub(crate) fn unread(&mut self, mut message: Vec<u8>) {
        message.append(&mut self.pending);
        self.pending = message;
    }

    async fn receive(&mut self) -> io::Result<()> {
        if self.pending.len() > LONGEST_MESSAGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut buffer = [0; 2048];
        let length = match &mut self.transport {
            Transport::Clear(link) => link.read(&mut buffer).await?,
            Transport::Secure(stream) => {
                let length = stream.read(&mut buffer).await?;
                stream.get_ref().record_above_tls(&buffer[..length]);
                length
            }
            Transport::Gone => 0,
        };
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.pending.extend_from_slice(&buffer[..length]);
        Ok(())
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sealed = match &mut self.security {
            Security::Agreed(encryption) => encryption.seal(bytes)?,
            Security::None | Security::Offered(_) => bytes.to_vec(),
        };
        let bytes = &sealed[..];
        match &mut self.transport {
            Transport::Clear(link) => link.write_all(bytes).await,
            Transport::Secure(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Transport::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Does something that is no step of the protocol, and tells what follows it.
    pub(crate) async fn perform(&mut self, instead: Instead) -> io::Result<Then> {
        match instead {
            Instead::Silence => Ok(Then::Silence),
            Instead::End(ending) => Ok(Then::End(ending)),
            Instead::Say(bytes, then) => {
                self.send(bytes).await?;
                Ok(then)
            }
        }
    }

    /// Carries out the handshake; what is sent and received from then on is inside TLS.
    pub(crate) async fn secure(&mut self, context: &SslContext) -> io::Result<()> {
        let Transport::Clear(mut link) = std::mem::replace(&mut self.transport, Transport::Gone)
        else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        link.unread(std::mem::take(&mut self.pending));
        let stream = Box::new(SslStream::new(Ssl::new(context)?, link)?);
        self.transport = Transport::Secure(stream);
        if let Transport::Secure(stream) = &mut self.transport {
            Pin::new(stream.as_mut()).accept().await.map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Says goodbye in TLS: the alert close_notify, which says that FIN follows.
    pub(crate) async fn close_notify(&mut self) -> io::Result<Then> {
        if let Transport::Secure(stream) = &mut self.transport {
            stream.shutdown().await?;
        }
        Ok(Then::End(Ending::Fin))
    }

    /// Does what follows the last word, on the TCP connection itself: inside TLS as well, no
    /// close_notify goes before it.
    pub(crate) async fn finish(mut self, then: Then) {
        match &mut self.transport {
            Transport::Clear(link) => link.finish(then).await,
            Transport::Secure(stream) => stream.get_mut().finish(then).await,
            Transport::Gone => {}
        }
    }
}
