//! Question and answer with a proxy, bounded in time and size.

use std::io;

use rdpdoctor_model::{Awaited, Ending, Fact, Hex, Mechanism, ProxyReply, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Duration, Instant, timeout_at};
use tokio_openssl::SslStream;

use crate::exchange::metered;
use crate::stages::dns::millis;
use crate::stream::{Duplex, MeteredStream};

/// No answer of a proxy is longer; heads of HTTP responses have a few hundred bytes.
const LONGEST: usize = 16 * 1024;

/// A stream to a proxy, in clear or inside TLS.
pub(super) trait Carrier: Duplex + 'static {
    /// The stream at the bottom.
    fn metered(&mut self) -> &mut MeteredStream;
}

impl Carrier for MeteredStream {
    fn metered(&mut self) -> &mut MeteredStream {
        self
    }
}

impl Carrier for SslStream<MeteredStream> {
    fn metered(&mut self) -> &mut MeteredStream {
        metered(self)
    }
}

/// How the proxy left without an answer.
pub(super) struct Lost(pub(super) Ending);

/// One dialog.
pub(super) struct Dialog<C> {
    stream: C,
    begun: Instant,
    deadline: Instant,
    /// What came and was not taken yet.
    inbox: Vec<u8>,
}

impl<C: Carrier> Dialog<C> {
    pub(super) fn new(stream: C, limit: Duration) -> Self {
        let begun = Instant::now();
        Self { stream, begun, deadline: begun + limit, inbox: Vec::new() }
    }

    /// What is owed from now on.
    pub(super) fn awaits(&mut self, awaited: Awaited) {
        self.stream.metered().dissector().outside(awaited);
    }

    /// How long it has taken so far.
    pub(super) fn elapsed_ms(&self) -> f64 {
        millis(self.begun.elapsed())
    }

    /// Writes an answer down.
    pub(super) fn note(&mut self, reply: ProxyReply) {
        let elapsed_ms = self.elapsed_ms();
        self.stream.metered().note(Stage::Proxy, Fact::ProxyAnswer { reply, elapsed_ms });
    }

    /// Writes down something else that it showed.
    pub(super) fn note_fact(&mut self, fact: Fact) {
        self.stream.metered().note(Stage::Proxy, fact);
    }

    /// How it is signed in; `shown` says whether that came to a proof.
    pub(super) fn signs_in(&mut self, mechanism: Mechanism, shown: bool) {
        self.stream.metered().note(Stage::Proxy, Fact::ProxyCredential { mechanism, shown });
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), Lost> {
        let sending = async {
            self.stream.write_all(message).await?;
            self.stream.flush().await
        };
        match timeout_at(self.deadline, sending).await {
            // What it said before it left can still be read.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(Lost(Ending::Timeout)),
        }
    }

    /// What came and was not taken yet.
    pub(super) fn inbox(&self) -> &[u8] {
        &self.inbox
    }

    /// Waits for more; false where nothing more is kept.
    pub(super) async fn more(&mut self) -> Result<bool, Lost> {
        if self.inbox.len() >= LONGEST {
            return Ok(false);
        }
        let mut buffer = [0; 2048];
        match timeout_at(self.deadline, self.stream.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => {
                self.inbox.extend_from_slice(&buffer[..read]);
                Ok(true)
            }
            Ok(Ok(_)) => Err(Lost(Ending::Fin)),
            Ok(Err(error)) => Err(Lost(match error.kind() {
                io::ErrorKind::ConnectionReset => Ending::Reset,
                io::ErrorKind::UnexpectedEof => Ending::Fin,
                _ => Ending::Failed,
            })),
            Err(_) => Err(Lost(Ending::Timeout)),
        }
    }

    /// Waits until so many bytes are there.
    pub(super) async fn need(&mut self, count: usize) -> Result<&[u8], Lost> {
        while self.inbox.len() < count {
            self.more().await?;
        }
        Ok(&self.inbox[..count])
    }

    /// Puts so many bytes away.
    pub(super) fn take(&mut self, count: usize) {
        self.inbox.drain(..count.min(self.inbox.len()));
    }

    /// What came breaks the rules.
    pub(super) fn malformed(&self, problem: impl Into<String>) -> ProxyReply {
        let bytes = Hex(self.inbox[..self.inbox.len().min(32)].to_vec());
        ProxyReply::Malformed { problem: problem.into(), bytes }
    }

    /// Nobody needs it any more.
    pub(super) fn finish(&mut self, ending: Ending) {
        self.stream.metered().finish(ending);
    }

    /// The stream, and what came behind the answer.
    pub(super) fn into_parts(self) -> (C, Vec<u8>) {
        (self.stream, self.inbox)
    }
}
