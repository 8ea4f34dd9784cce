//! TLS by Schannel, as `mstsc` makes it: it offers the versions and suites that the settings of this
//! machine leave, and nothing is asked of it that would widen or narrow them.
//!
//! The crate `schannel` holds all calls of SSPI. Its streams block or say [`WouldBlock`]; below it lies
//! the metered stream, which does the latter here.
//!
//! [`WouldBlock`]: io::ErrorKind::WouldBlock

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::schannel::cert_context::CertContext;
use ::schannel::schannel_cred::{Direction, SchannelCred};
use ::schannel::tls_stream::{Builder, HandshakeError, MidHandshakeTlsStream, TlsStream};
use rdpdoctor_model::Ending;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::stream::MeteredStream;

/// Certificates of a chain that are looked at.
const MOST_CERTIFICATES: usize = 16;

/// The encrypted stream.
pub(crate) struct Encrypted(TlsStream<Bridge>);

/// Makes the handshake within `limit`; the error is Schannel's, none says that the time was up. Whom it
/// meets is judged afterwards, by the caller; that whoever answers has the key of its certificate
/// Schannel sees to.
///
/// For its own judgement of the chain, which nobody asks for, Windows may fetch what is missing of it.
pub(crate) async fn handshake(
    server_name: Option<&str>,
    stream: MeteredStream,
    limit: Duration,
) -> Result<Encrypted, Option<io::Error>> {
    let left = Arc::new(Mutex::new(Ending::Cancelled));
    let bridge = Bridge { stream, waker: Waker::noop().clone(), left: Arc::clone(&left) };
    let mut step = Some(Step::First(Box::new((server_name.map(str::to_owned), bridge))));
    let steps = poll_fn(|context| {
        let Some(current) = step.take() else { return Poll::Pending };
        // Whoever lets go of the stream in here gave up; elsewhere the check was ended.
        set(&left, Ending::ClosedByClient);
        let result = current.go_on(context);
        set(&left, Ending::Cancelled);
        match result {
            Ok(stream) => Poll::Ready(Ok(Encrypted(stream))),
            Err(HandshakeError::Failure(error)) => Poll::Ready(Err(error)),
            Err(HandshakeError::Interrupted(middle)) => {
                step = Some(Step::Next(Box::new(middle)));
                Poll::Pending
            }
        }
    });
    let result = timeout(limit, steps).await;
    if result.is_err() {
        set(&left, Ending::Timeout);
    }
    result.map_err(|_| None)?.map_err(Some)
}

/// Where a handshake stands.
enum Step {
    First(Box<(Option<String>, Bridge)>),
    Next(Box<MidHandshakeTlsStream<Bridge>>),
}

impl Step {
    fn go_on(self, context: &Context<'_>) -> Result<TlsStream<Bridge>, HandshakeError<Bridge>> {
        match self {
            Self::First(parts) => {
                let (server_name, mut bridge) = *parts;
                bridge.waker.clone_from(context.waker());
                begin(server_name.as_deref(), bridge)
            }
            Self::Next(mut middle) => {
                middle.get_mut().waker.clone_from(context.waker());
                middle.handshake()
            }
        }
    }
}

fn begin(
    server_name: Option<&str>,
    bridge: Bridge,
) -> Result<TlsStream<Bridge>, HandshakeError<Bridge>> {
    // No protocol and no algorithm is named: what is left is what this machine's settings say.
    let credentials =
        SchannelCred::builder().acquire(Direction::Outbound).map_err(HandshakeError::Failure)?;
    let mut builder = Builder::new();
    builder.use_sni(server_name.is_some()).accept_invalid_hostnames(true);
    builder.verify_callback(|_| Ok(()));
    if let Some(name) = server_name {
        builder.domain(name);
    }
    builder.connect(credentials, bridge)
}

impl Encrypted {
    /// The stream at the bottom.
    pub(crate) fn metered(&mut self) -> &mut MeteredStream {
        &mut self.0.get_mut().stream
    }

    /// The number of its connection.
    pub(crate) fn number(&self) -> u32 {
        self.0.get_ref().stream.number()
    }

    /// The server's certificates as DER, its own first.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        let Ok(own) = self.0.peer_certificate() else { return Vec::new() };
        let others = own.cert_store();
        let others = others.iter().flat_map(|store| store.certs().take(MOST_CERTIFICATES));
        let others: Vec<CertContext> = others.filter(|other| *other != own).collect();
        std::iter::once(&own).chain(&others).map(|one| one.to_der().to_vec()).collect()
    }

    fn awakened(&mut self, context: &Context<'_>) -> &mut TlsStream<Bridge> {
        self.0.get_mut().waker.clone_from(context.waker());
        &mut self.0
    }
}

/// A result, or that it has to be waited for.
fn polled<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.initialize_unfilled();
        let read = std::task::ready!(polled(self.awakened(context).read(room)))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        polled(self.awakened(context).write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        polled(self.awakened(context).flush())
    }

    /// Without a goodbye of TLS, which no server waits for.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.metered()).poll_shutdown(context)
    }
}

/// How a stream ends that is let go of before the server ended it.
type Left = Arc<Mutex<Ending>>;

fn set(left: &Left, ending: Ending) {
    *left.lock().unwrap_or_else(PoisonError::into_inner) = ending;
}

/// The metered stream for who does not wait. `schannel` lets go of it where a handshake fails.
struct Bridge {
    stream: MeteredStream,
    /// Whom to wake when it can go on.
    waker: Waker,
    left: Left,
}

impl Bridge {
    fn wait<T>(
        &mut self,
        poll: impl FnOnce(Pin<&mut MeteredStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let waker = self.waker.clone();
        match poll(Pin::new(&mut self.stream), &mut Context::from_waker(&waker)) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Read for Bridge {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        self.wait(|stream, context| stream.poll_read(context, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for Bridge {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|stream, context| stream.poll_write(context, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait(|stream, context| stream.poll_flush(context))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let left = *self.left.lock().unwrap_or_else(PoisonError::into_inner);
        self.stream.ends_as(left);
    }
}
