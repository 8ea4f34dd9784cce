//! What the stages behind the negotiation speak over: one message out, one message in, inside TLS
//! or in clear. Every byte passes the dissector, and how it ended is written down once.

use std::io;

use rdpdoctor_model::{Ending, Fact, Party};
use rdpdoctor_wire::frame::Frame;
use rdpdoctor_wire::security::Layer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::exchange::CLOSING;
use crate::stream::MeteredStream;
use crate::tls_stream::TlsStream;

/// More than one message is never kept; the longest is a TSRequest.
const MOST_KEPT: usize = 128 * 1024;

/// The connection is over, or what came cannot be read; the journal has the facts.
#[derive(Debug)]
pub(crate) struct Over(pub(crate) String);

/// A connection behind the negotiation.
pub(crate) struct Link {
    channel: Channel,
    /// Standard RDP Security, once its keys are agreed.
    security: Option<Layer>,
    /// What came and was not taken yet.
    inbox: Vec<u8>,
    /// Facts since [`Link::facts`] was called.
    facts: Vec<Fact>,
    /// Nothing more passes.
    over: bool,
}

/// What carries it.
enum Channel {
    Clear(Box<MeteredStream>),
    Tls(TlsStream),
}

impl Link {
    /// In clear: Standard RDP Security.
    pub(crate) fn clear(stream: MeteredStream) -> Self {
        Self::new(Channel::Clear(Box::new(stream)))
    }

    /// Inside TLS.
    pub(crate) fn tls(stream: TlsStream) -> Self {
        Self::new(Channel::Tls(stream))
    }

    fn new(channel: Channel) -> Self {
        Self { channel, security: None, inbox: Vec::new(), facts: Vec::new(), over: false }
    }

    /// The stream at the bottom.
    pub(crate) fn metered(&mut self) -> &mut MeteredStream {
        match &mut self.channel {
            Channel::Clear(stream) => stream,
            Channel::Tls(stream) => stream.metered(),
        }
    }

    /// The number of its connection.
    pub(crate) fn number(&self) -> u32 {
        match &self.channel {
            Channel::Clear(stream) => stream.number(),
            Channel::Tls(stream) => stream.number(),
        }
    }

    /// Whether Standard RDP Security encrypts what follows.
    pub(crate) fn is_encrypted_by_rdp(&mut self) -> bool {
        self.metered().dissector().is_secured()
    }

    /// From now on all PDUs pass this layer.
    pub(crate) fn secure(&mut self, layer: Layer) {
        self.security = Some(layer);
    }

    /// Whether it has ended, by whichever side.
    pub(crate) fn is_over(&mut self) -> bool {
        self.over || self.metered().ended().is_some()
    }

    /// The server's certificate as DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        match &self.channel {
            Channel::Clear(_) => None,
            Channel::Tls(stream) => stream.certificate(),
        }
    }

    /// What was seen since the last call.
    pub(crate) fn facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: &[u8], deadline: Instant) -> Result<(), Over> {
        let Some(layer) = &mut self.security else { return self.write(message, deadline).await };
        for passed in layer.seal(message).map_err(Over)? {
            self.write(&passed.pdu, deadline).await?;
            if let Some((flags, content)) = passed.content {
                self.deciphered(Party::Client, flags, &content);
            }
        }
        Ok(())
    }

    async fn write(&mut self, message: &[u8], deadline: Instant) -> Result<(), Over> {
        let written = match &mut self.channel {
            Channel::Clear(stream) => timeout_at(deadline, stream.write_all(message)).await,
            Channel::Tls(stream) => {
                let written = timeout_at(deadline, stream.write_all(message)).await;
                let metered = stream.metered();
                let now = metered.now_ms();
                metered.dissector().plaintext(Party::Client, message, now);
                written
            }
        };
        self.collect();
        match written {
            Ok(Ok(())) => Ok(()),
            // What the server said before it left can still be read.
            Ok(Err(_)) if self.metered().ended().is_some() => Ok(()),
            Ok(Err(error)) => Err(self.over(Ending::Failed, &error.to_string())),
            Err(_) => Err(self.over(Ending::Timeout, "nothing more could be sent in time")),
        }
    }

    /// Hands the dissector what only this side can read.
    fn deciphered(&mut self, from: Party, flags: u16, content: &[u8]) {
        let metered = self.metered();
        let now = metered.now_ms();
        metered.dissector().decrypted(from, flags, content, now);
        self.collect();
    }

    /// The server's PDU as it would be inside TLS.
    fn opened(&mut self, pdu: Vec<u8>) -> Result<Vec<u8>, Over> {
        let Some(layer) = &mut self.security else { return Ok(pdu) };
        match layer.open(&pdu) {
            Ok(passed) => {
                if let Some((flags, content)) = passed.content {
                    self.deciphered(Party::Server, flags, &content);
                }
                Ok(passed.pdu)
            }
            Err(problem) => {
                let metered = self.metered();
                let now = metered.now_ms();
                metered.dissector().undecipherable(problem.clone(), &pdu, now);
                Err(self.over(Ending::ClosedByClient, &problem))
            }
        }
    }

    /// The server's next message.
    pub(crate) async fn message(
        &mut self,
        frame: fn(&[u8]) -> Frame,
        deadline: Instant,
    ) -> Result<Vec<u8>, Over> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match frame(&self.inbox) {
                Frame::Whole(length) => {
                    let message = self.inbox.drain(..length).collect();
                    return self.opened(message);
                }
                Frame::Broken(problem) => return Err(self.over(Ending::ClosedByClient, &problem)),
                Frame::Incomplete if self.inbox.len() > MOST_KEPT => {
                    return Err(self.over(Ending::ClosedByClient, "a message without an end"));
                }
                Frame::Incomplete => {}
            }
            let read = match &mut self.channel {
                Channel::Clear(stream) => timeout_at(deadline, stream.read(&mut buffer)).await,
                Channel::Tls(stream) => timeout_at(deadline, stream.read(&mut buffer)).await,
            };
            match read {
                Ok(Ok(read)) if read > 0 => {
                    if let Channel::Tls(stream) = &mut self.channel {
                        let metered = stream.metered();
                        let now = metered.now_ms();
                        metered.dissector().plaintext(Party::Server, &buffer[..read], now);
                    }
                    self.inbox.extend_from_slice(&buffer[..read]);
                    self.collect();
                }
                Ok(result) => return Err(self.hung_up(result.err(), deadline).await),
                Err(_) => return Err(self.over(Ending::Timeout, "no answer in time")),
            }
        }
    }

    /// The server ended it: by close_notify, an alert, or the TCP connection's end.
    async fn hung_up(&mut self, error: Option<io::Error>, deadline: Instant) -> Over {
        if let Channel::Tls(stream) = &mut self.channel {
            let alert = error.as_ref().and_then(|error| stream.received_alert(error));
            let metered = stream.metered();
            let now = metered.now_ms();
            if let Some(description) = alert {
                metered.dissector().alert(Party::Server, 2, description, now);
            } else if metered.ended().is_none() {
                // close_notify: the TCP connection itself may end a moment later.
                metered.dissector().alert(Party::Server, 1, 0, now);
                let closing = Instant::now() + CLOSING;
                let _ = timeout_at(closing.min(deadline), metered.read(&mut [0; 512])).await;
            }
        }
        self.over(Ending::Fin, "the server ended the connection")
    }

    /// Nobody needs it any more.
    pub(crate) fn finish(&mut self) {
        self.over = true;
        let facts = self.metered().finish(Ending::ClosedByClient);
        self.facts.extend(facts);
    }

    fn over(&mut self, ending: Ending, why: &str) -> Over {
        self.over = true;
        let facts = self.metered().finish(ending);
        self.facts.extend(facts);
        Over(why.to_owned())
    }

    fn collect(&mut self) {
        let facts = self.metered().collect();
        self.facts.extend(facts);
    }
}
