//! HTTP/1.1 inside the gateway's TLS, with the connection's ends in hand: how it ended, and what was
//! waited for, is written down whatever the HTTP library makes of it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Polling, Poll};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rdpdoctor_model::{Awaited, Ending, Fact, Stage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_openssl::SslStream;

use crate::exchange::metered;
use crate::stream::MeteredStream;

/// Most bytes of a head; those with a ticket of Kerberos have some 20 KB.
const LONGEST_HEAD: usize = 64 * 1024;

/// Most bytes of an answer's body that are read away so that the connection can be used on.
const LONGEST_BODY: usize = 256 * 1024;

pub(super) type Body = BoxBody<Bytes, std::convert::Infallible>;

/// A connection on which requests are sent, one after the other.
pub(super) struct Connection {
    pub(super) stream: Shared,
    pub(super) certificate: Option<openssl::x509::X509>,
    sender: SendRequest<Body>,
    driver: Driver,
}

/// The task that moves a connection's bytes; it ends with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) async fn open(stream: SslStream<MeteredStream>) -> Result<Self, String> {
        let certificate = stream.ssl().peer_certificate();
        let stream = Shared(Arc::new(Mutex::new(stream)));
        let mut builder = Builder::new();
        builder.title_case_headers(true).max_buf_size(LONGEST_HEAD);
        let opened = builder.handshake::<_, Body>(TokioIo::new(stream.clone())).await;
        let (sender, driving) = opened.map_err(|error| error.to_string())?;
        let driver = tokio::spawn(async move {
            // How it ended is the stream's to say.
            let _ = driving.with_upgrades().await;
        });
        Ok(Self { stream, certificate, sender, driver: Driver(driver) })
    }

    /// Whether one more request can be sent.
    pub(super) async fn is_usable(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// One request and the head of its answer; the error says why there is none.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, String> {
        self.stream.awaits(Awaited::GatewayAnswer);
        match timeout_at(deadline, self.sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                if error.is_parse() {
                    let (awaited, problem) = (Awaited::GatewayAnswer, error.to_string());
                    let fact = Fact::GatewayMalformed { awaited, problem };
                    self.stream.metered(|stream| stream.note(Stage::Gateway, fact));
                    self.stream.finish(Ending::ClosedByClient);
                    return Err("the gateway's port speaks no HTTP".to_owned());
                }
                self.stream.finish(Ending::Failed);
                Err("the gateway ended the connection in place of an answer".to_owned())
            }
            Err(_) => {
                self.stream.finish(Ending::Timeout);
                Err("the gateway gave no answer in time".to_owned())
            }
        }
    }

    /// Sends a request whose answer, its status, comes when it is all over.
    pub(super) async fn last(mut self, request: Request<Body>) -> Result<u16, String> {
        let answer = self.sender.send_request(request).await;
        answer.map(|response| response.status().as_u16()).map_err(|error| error.to_string())
    }

    /// The task behind it, for as long as what was upgraded is used.
    pub(super) fn into_driver(self) -> impl Drop + Send {
        self.driver
    }
}

/// Reads an answer's body away.
pub(super) async fn drain(response: Response<Incoming>, deadline: Instant) {
    let body = Limited::new(response.into_body(), LONGEST_BODY);
    let _ = timeout_at(deadline, body.collect()).await;
}

/// A stream of which the HTTP library has one handle and the stage another.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<SslStream<MeteredStream>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, SslStream<MeteredStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn metered<T>(&self, work: impl FnOnce(&mut MeteredStream) -> T) -> T {
        work(metered(&mut self.lock()))
    }

    /// What is waited for from now on.
    pub(super) fn awaits(&self, awaited: Awaited) {
        self.metered(|stream| {
            stream.dissector().await_gateway(awaited);
            stream.collect();
        });
    }

    /// Nobody waits any more: by the gateway if it ended it, else for the reason given.
    pub(super) fn finish(&self, otherwise: Ending) {
        self.metered(|stream| stream.finish(otherwise));
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(polling, buffer)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(polling, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(polling)
    }

    fn poll_shutdown(self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(polling)
    }
}
