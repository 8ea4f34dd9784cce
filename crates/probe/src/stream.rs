//! The one stream under everything: it counts, times, dissects, and knows who ended it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rdpdoctor_model::{Awaited, Ending, Fact, Party, Stage};
use rdpdoctor_wire::Dissector;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::{Journal, tcp_figures};

/// What carries a tunnel: the stream to a proxy or a gateway, or TLS over it.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// What a stream runs over.
enum Below {
    Tcp(TcpStream),
    Tunnel(Box<dyn Duplex>),
}

impl Below {
    fn pinned(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Tunnel(stream) => Pin::new(stream.as_mut()),
        }
    }
}

/// A connection whose bytes go through a [`Dissector`] on their way.
pub(crate) struct MeteredStream {
    below: Below,
    dissector: Dissector,
    journal: Arc<Journal>,
    number: u32,
    remote: SocketAddr,
    /// How the server ended it, once it did.
    ended: Option<(Ending, Option<i32>)>,
    /// The end was written down.
    finished: bool,
    /// How it ends when it is dropped before the server ended it.
    dropped: Ending,
}

impl MeteredStream {
    pub(crate) fn new(
        tcp: TcpStream,
        journal: Arc<Journal>,
        number: u32,
        remote: SocketAddr,
    ) -> Self {
        Self::over(Below::Tcp(tcp), journal, number, remote)
    }

    /// A stream inside a tunnel.
    pub(crate) fn inside(
        tunnel: impl Duplex + 'static,
        journal: Arc<Journal>,
        number: u32,
        remote: SocketAddr,
    ) -> Self {
        Self::over(Below::Tunnel(Box::new(tunnel)), journal, number, remote)
    }

    fn over(below: Below, journal: Arc<Journal>, number: u32, remote: SocketAddr) -> Self {
        Self {
            below,
            dissector: Dissector::new(),
            journal,
            number,
            remote,
            ended: None,
            finished: false,
            dropped: Ending::Cancelled,
        }
    }

    /// It has become what another stream runs over, and ends with that.
    pub(crate) fn carries(&mut self) {
        self.dissector.outside(Awaited::Nothing);
        self.dropped = Ending::ClosedByClient;
    }

    /// How it ends when it is dropped before the server ended it.
    #[cfg(windows)]
    pub(crate) fn ends_as(&mut self, ending: Ending) {
        self.dropped = ending;
    }

    /// The same to an RD Gateway: it begins with TLS, and all that is seen is the gateway's.
    pub(crate) fn of_gateway(mut self) -> Self {
        self.dissector = Dissector::of_gateway();
        self
    }

    /// What the dissector saw since the last call; written down as well.
    pub(crate) fn collect(&mut self) -> Vec<Fact> {
        let events = self.dissector.take_events();
        let mut facts = Vec::with_capacity(events.len());
        for event in events {
            facts.push(event.fact.clone());
            self.journal.note_at(event.at_ms, event.stage, Some(self.number), event.fact);
        }
        facts
    }

    pub(crate) fn dissector(&mut self) -> &mut Dissector {
        &mut self.dissector
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Writes down a fact about this connection.
    pub(crate) fn note(&self, stage: Stage, fact: Fact) {
        let stage = self.dissector.only_stage().unwrap_or(stage);
        self.journal.note(stage, Some(self.number), fact);
    }

    pub(crate) fn now_ms(&self) -> f64 {
        self.journal.elapsed_ms()
    }

    /// How the server ended it, if it did.
    pub(crate) fn ended(&self) -> Option<Ending> {
        self.ended.map(|(ending, _)| ending)
    }

    /// Nobody waits any more: writes down how the connection ended, by the server if it did so,
    /// else for the reason given.
    pub(crate) fn finish(&mut self, otherwise: Ending) -> Vec<Fact> {
        if !std::mem::replace(&mut self.finished, true)
            && let Below::Tcp(tcp) = &self.below
            && let Some(figures) = tcp_figures::read(tcp)
        {
            self.note(Stage::Network, figures);
        }
        let (ending, os_error) = self.ended.unwrap_or((otherwise, None));
        let now = self.now_ms();
        self.dissector.closed(ending, os_error, now);
        self.collect()
    }

    fn failed(&mut self, error: &io::Error) {
        let ending = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Ending::Reset,
            // Writing behind the server's FIN; what it sent before can still be read.
            io::ErrorKind::BrokenPipe => Ending::Fin,
            io::ErrorKind::TimedOut => Ending::Timeout,
            _ => Ending::Failed,
        };
        self.ended.get_or_insert((ending, error.raw_os_error()));
    }
}

impl Drop for MeteredStream {
    /// A stream that is dropped unfinished was cancelled; its last facts are kept.
    fn drop(&mut self) {
        self.finish(self.dropped);
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let result = std::task::ready!(this.below.pinned().poll_read(context, buffer));
        match &result {
            Ok(()) => {
                let now = this.journal.elapsed_ms();
                let read = &buffer.filled()[before..];
                if !read.is_empty() {
                    this.dissector.wire(Party::Server, read, now);
                } else if room > 0 {
                    this.ended.get_or_insert((Ending::Fin, None));
                }
            }
            Err(error) => this.failed(error),
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let result = std::task::ready!(this.below.pinned().poll_write(context, bytes));
        match &result {
            Ok(written) => {
                let now = this.journal.elapsed_ms();
                this.dissector.wire(Party::Client, &bytes[..*written], now);
            }
            Err(error) => this.failed(error),
        }
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.below.pinned().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.below.pinned().poll_shutdown(context)
    }
}
