//! Packets over one of the two transports.

use std::io;

use tokio::sync::mpsc;

use super::packet::{self, Packet};
use super::{http, packet::frame as packet_frame};
use crate::channel::{Channel, Frame};

/// What a client has to say in one packet at most, and a bit.
const MOST_KEPT: usize = 128 * 1024;

/// Packets come from the client's one connection, or from the second of two.
pub(super) struct Wire<'a> {
    channel: &'a mut Channel,
    kind: Kind,
    inbox: Vec<u8>,
}

enum Kind {
    WebSocket,
    /// The IN channel, and where the answers go.
    Http {
        chunked: bool,
        out: mpsc::Sender<Vec<u8>>,
    },
}

impl<'a> Wire<'a> {
    pub(super) fn websocket(channel: &'a mut Channel) -> Self {
        Self { channel, kind: Kind::WebSocket, inbox: Vec::new() }
    }

    pub(super) fn http(
        channel: &'a mut Channel,
        chunked: bool,
        out: mpsc::Sender<Vec<u8>>,
    ) -> Self {
        Self { channel, kind: Kind::Http { chunked, out }, inbox: Vec::new() }
    }

    /// The client's next packet. Whoever stops waiting loses nothing.
    pub(super) async fn receive(&mut self) -> io::Result<Packet> {
        loop {
            match packet_frame(&self.inbox) {
                Frame::Whole(length) => {
                    let packet: Vec<u8> = self.inbox.drain(..length).collect();
                    return Ok(packet::read(&packet));
                }
                Frame::Foreign => return Err(io::ErrorKind::InvalidData.into()),
                Frame::Incomplete if self.inbox.len() > MOST_KEPT => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                Frame::Incomplete => {}
            }
            match self.kind {
                Kind::WebSocket => {
                    let message = self.channel.message(websocket_frame).await?;
                    self.take_websocket(&message).await?;
                }
                Kind::Http { chunked: true, .. } => {
                    let chunk = self.channel.message(http::chunk).await?;
                    let carried = http::carried(&chunk);
                    if carried.is_empty() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.inbox.extend_from_slice(carried);
                }
                Kind::Http { chunked: false, .. } => {
                    let bytes = self.channel.anything().await?;
                    self.inbox.extend(bytes);
                }
            }
        }
    }

    /// A whole message of the client, which is masked (RFC 6455 5.2).
    async fn take_websocket(&mut self, message: &[u8]) -> io::Result<()> {
        const BINARY: u8 = 2;
        const CONTINUATION: u8 = 0;
        const CLOSE: u8 = 8;
        const PING: u8 = 9;
        let Some((head, length)) = websocket_head(message) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mask = &message[head - 4..head];
        let content = message[head..head + length].iter().zip(mask.iter().cycle());
        let content: Vec<u8> = content.map(|(byte, mask)| byte ^ mask).collect();
        match message[0] & 0x0F {
            BINARY | CONTINUATION => self.inbox.extend(content),
            PING => self.channel.send(&websocket(10, &content)).await?,
            CLOSE => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
        Ok(())
    }

    pub(super) async fn send(&mut self, packet: Vec<u8>) -> io::Result<()> {
        match &self.kind {
            Kind::WebSocket => self.channel.send(&websocket(2, &packet)).await,
            Kind::Http { out, .. } => {
                out.send(packet).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    /// The connection itself.
    pub(super) fn channel(&mut self) -> &mut Channel {
        self.channel
    }
}

/// A message of the server, not masked.
fn websocket(opcode: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = match content.len() {
        0..=125 => length[7..].to_vec(),
        126..=0xFFFF => [&[126][..], &length[6..]].concat(),
        _ => [&[127][..], &length].concat(),
    };
    [&[0x80 | opcode][..], &length, content].concat()
}

/// How long a masked message's head is, and what it carries.
fn websocket_head(bytes: &[u8]) -> Option<(usize, usize)> {
    let (&second, rest) = bytes.get(1..)?.split_first()?;
    let number = |digits: usize| {
        let digits = rest.get(..digits)?.iter();
        Some(digits.fold(0usize, |value, &byte| value << 8 | usize::from(byte)))
    };
    Some(match second & 0x7F {
        126 => (2 + 2 + 4, number(2)?),
        127 => (2 + 8 + 4, number(8)?),
        length => (2 + 4, usize::from(length)),
    })
}

fn websocket_frame(bytes: &[u8]) -> Frame {
    match websocket_head(bytes) {
        None => Frame::Incomplete,
        Some(_) if bytes[1] & 0x80 == 0 => Frame::Foreign,
        Some((_, length)) if length > MOST_KEPT => Frame::Foreign,
        Some((head, length)) => Frame::of(bytes, head + length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_length() {
        for length in [0, 125, 126, 0xFFFF, 0x1_0000] {
            let mut message = websocket(2, &vec![7; length]);
            assert!(matches!(websocket_frame(&message), Frame::Foreign), "not masked");
            message[1] |= 0x80;
            let head = message.len() - length;
            message.splice(head..head, [0; 4]);
            assert!(matches!(websocket_frame(&message), Frame::Whole(n) if n == message.len()));
            assert!(matches!(websocket_frame(&message[..message.len() - 1]), Frame::Incomplete));
        }
    }
}
