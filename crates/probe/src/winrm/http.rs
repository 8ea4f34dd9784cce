//! Requests to `/wsman`, one after the other on one connection: the sign-in belongs to it.

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rdpdoctor_wire::wsman;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::Problem;
use crate::context::Context;

/// Most bytes of a head; those with a ticket of Kerberos have some 20 KB.
const LONGEST_HEAD: usize = 64 * 1024;

/// What Windows' own client calls itself.
const AGENT: &str = "Microsoft WinRM Client";

/// A connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

/// The task that moves the bytes ends with the connection.
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A request's body and what it is.
pub(super) struct Body {
    pub(super) kind: String,
    pub(super) bytes: Vec<u8>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn kind(&self) -> &str {
        self.header(CONTENT_TYPE.as_str())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Connection {
    pub(super) async fn open<S>(stream: S) -> Result<Self, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = Builder::new();
        builder.title_case_headers(true).max_buf_size(LONGEST_HEAD);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, driving) = opened.map_err(|error| Problem::Own(error.to_string()))?;
        let driver = tokio::spawn(async move {
            // How it ended is told by the request that has no answer.
            let _ = driving.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether one more request can be sent.
    pub(super) async fn is_usable(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// One request and its whole answer.
    pub(super) async fn post(
        &mut self,
        context: &Context,
        authorization: Option<&str>,
        body: Body,
        deadline: Instant,
    ) -> Result<Reply, Problem> {
        let port = context.target.port;
        let request = request(context, authorization, body)?;
        let asking = async {
            // The task that moves the bytes may not have put the last answer away yet.
            self.sender.ready().await.map_err(|_| Problem::Ended { port })?;
            let response = self.sender.send_request(request).await.map_err(|error| {
                if error.is_parse() {
                    Problem::NotWinrm { port, what: "no HTTP".to_owned() }
                } else {
                    Problem::Ended { port }
                }
            })?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, wsman::LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => Problem::Malformed("an answer is longer than any".to_owned()),
                None => Problem::Ended { port },
            })?;
            let body = body.to_bytes().to_vec();
            Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
        };
        timeout_at(deadline, asking).await.unwrap_or(Err(Problem::Silent { port }))
    }
}

fn request(
    context: &Context,
    authorization: Option<&str>,
    body: Body,
) -> Result<Request<Full<Bytes>>, Problem> {
    let own = |error: hyper::http::Error| Problem::Own(error.to_string());
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(wsman::PATH)
        .header(HOST, authority(context))
        .header(USER_AGENT, AGENT);
    if !body.kind.is_empty() {
        request = request.header(CONTENT_TYPE, body.kind);
    }
    if let Some(value) = authorization {
        let value = HeaderValue::from_str(value).map_err(|error| own(error.into()));
        let mut value = value?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Full::new(Bytes::from(body.bytes))).map_err(own)
}

/// Host and port, as a URL has them.
pub(super) fn authority(context: &Context) -> String {
    let place = &context.target;
    let host = &place.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{host}:{}", place.port)
}
