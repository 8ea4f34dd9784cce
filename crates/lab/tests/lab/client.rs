//! A tiny client that walks as far as a server lets it and notes in words what it saw. It shares no
//! code with the lab: its messages are written out here.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use rdpdoctor_lab::{ConnectionRecord, Options, Running, fault, start};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

/// After so long without a byte a server counts as silent. Twice what the slow server takes.
const QUIET: Duration = Duration::from_secs(3);

/// A TSRequest of version 6 with an NTLM NEGOTIATE_MESSAGE.
pub const NTLM: &[u8] = b"\x30\x37\xa0\x03\x02\x01\x06\xa1\x30\x30\x2e\x30\x2c\xa0\x2a\x04\x28\
    NTLMSSP\0\x01\0\0\0\x37\x82\x08\xe2\0\0\0\0\x28\0\0\0\0\0\0\0\x28\0\0\0\x0a\0\x58\x66\0\0\0\x0f";

/// The beginning of an MCS Connect Initial in its TPKT and X.224 data header.
pub const CONNECT_INITIAL: &[u8] = b"\x03\x00\x00\x0b\x02\xf0\x80\x7f\x65\x01\x00";

/// Starts a server on a free port of loopback.
pub async fn run(name: &str) -> Running {
    run_with(name, Options::default()).await
}

pub async fn run_with(name: &str, options: Options) -> Running {
    let fault = fault(name).unwrap_or_else(|| panic!("no fault is called {name}"));
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    start(fault, any_port, options).await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A connection that knows how it ended and what came in.
pub struct Tap {
    stream: TcpStream,
    pub received: Vec<u8>,
    pub end: Option<&'static str>,
}

impl Tap {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        Self { stream, received: Vec::new(), end: None }
    }

    /// Reads until so many bytes are there, or the end, or silence.
    pub async fn read_for(&mut self, enough: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < enough
            && matches!(timeout(QUIET, self.read_buf(&mut bytes)).await, Ok(Ok(1..)))
        {}
        bytes
    }

    /// How the connection ended, now that nothing more is expected.
    pub async fn ending(&mut self) -> &'static str {
        let mut rest = Vec::new();
        while self.end.is_none()
            && matches!(timeout(QUIET, self.read_buf(&mut rest)).await, Ok(Ok(1..)))
        {}
        self.end.unwrap_or("open")
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        let received = buffer.filled()[before..].to_vec();
        match &outcome {
            Ok(()) if received.is_empty() && room > 0 => self.end = Some("fin"),
            Ok(()) => self.received.extend(received),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.end = Some("rst"),
            Err(_) => {}
        }
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A Connection Request with a cookie and, unless `None`, a negotiation request.
pub fn connection_request(requested: Option<u8>) -> Vec<u8> {
    let mut variable = b"Cookie: mstshash=lab\r\n".to_vec();
    if let Some(requested) = requested {
        variable.extend([1, 0, 8, 0, requested, 0, 0, 0]);
    }
    let length = u8::try_from(11 + variable.len()).expect("short");
    let mut bytes = vec![3, 0, 0, length, length - 5, 0xE0, 0, 0, 0, 0, 0];
    bytes.extend(variable);
    bytes
}

/// A client that accepts every certificate; with `newest` it is of the year of that version.
pub fn tls_client(newest: Option<SslVersion>) -> SslContext {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client()).expect("a context");
    builder.set_security_level(0);
    builder.set_min_proto_version(Some(SslVersion::TLS1)).expect("is known");
    builder.set_max_proto_version(newest).expect("is known");
    builder.set_verify(SslVerifyMode::NONE);
    builder.build()
}

pub async fn handshake(
    tap: Tap,
    context: &SslContext,
) -> (SslStream<Tap>, Result<(), openssl::ssl::Error>) {
    let ssl = Ssl::new(context).expect("a connection");
    let mut stream = SslStream::new(ssl, tap).expect("a stream");
    let outcome = timeout(QUIET, Pin::new(&mut stream).connect()).await;
    (stream, outcome.unwrap_or(Ok(())))
}

/// Negotiates with 0x0B, or with what is given, and carries out the handshake.
pub async fn secured(server: &Running, requested: u8) -> SslStream<Tap> {
    let mut tap = Tap::open(server.address()).await;
    tap.write_all(&connection_request(Some(requested))).await.expect("is sent");
    assert_eq!(tap.read_for(19).await.len(), 19);
    let (stream, outcome) = handshake(tap, &tls_client(None)).await;
    outcome.expect("the handshake succeeds");
    stream
}

/// The certificates that a server shows, its own first.
pub async fn certificates(server: &Running) -> Vec<X509> {
    let stream = secured(server, 0x0B).await;
    let chain = stream.ssl().peer_cert_chain().expect("a chain");
    chain.iter().map(ToOwned::to_owned).collect()
}

/// What a server answers to a TSRequest.
pub async fn sign_in(server: &Running, ts_request: &[u8]) -> Vec<u8> {
    let mut stream = secured(server, 0x0B).await;
    exchange(&mut stream, ts_request).await
}

/// Sends, and reads what comes in one piece.
pub async fn exchange(stream: &mut SslStream<Tap>, message: &[u8]) -> Vec<u8> {
    stream.write_all(message).await.expect("is sent");
    let mut answer = Vec::new();
    while !is_whole(&answer)
        && matches!(timeout(QUIET, stream.read_buf(&mut answer)).await, Ok(Ok(1..)))
    {}
    answer
}

/// Whether a TSRequest or a TPKT is complete; of anything else every piece is.
fn is_whole(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x82, high, low, ..] => {
            bytes.len() >= 4 + usize::from(u16::from_be_bytes([*high, *low]))
        }
        [0x30, 0x81, length, ..] => bytes.len() >= 3 + usize::from(*length),
        [0x30, length, ..] if *length < 0x80 => bytes.len() >= 2 + usize::from(*length),
        [3, 0, high, low, ..] => bytes.len() >= usize::from(u16::from_be_bytes([*high, *low])),
        [] | [0x30] | [0x30, 0x81 | 0x82, ..] | [3] | [3, 0] | [3, 0, _] => false,
        _ => true,
    }
}

/// Walks as a client without credentials does and tells what it saw.
pub async fn walk(server: &Running) -> String {
    let mut tap = Tap::open(server.address()).await;
    // A server that has hung up already shows it in the answer.
    let _ = tap.write_all(&connection_request(Some(0x0B))).await;
    let mut answer = tap.read_for(4).await;
    if let [3, 0, 0, length, ..] = answer[..] {
        answer.extend(tap.read_for(usize::from(length).saturating_sub(answer.len())).await);
    }
    let (mut seen, selected) = match answer[..] {
        [3, 0, 0, 19, 14, 0xD0, _, _, _, _, 0, 2, 0x1F, 8, 0, selected, 0, 0, 0] => {
            (format!("select {selected}"), selected)
        }
        [3, 0, 0, 19, 14, 0xD0, _, _, _, _, 0, 3, 0, 8, 0, code, 0, 0, 0] => {
            return format!("failure {code}, {}", tap.ending().await);
        }
        [3, 0, 0, 11, 6, 0xD0, ..] => ("confirm".to_owned(), 0),
        [] => return tap.ending().await.to_owned(),
        _ => {
            let ending = tap.ending().await;
            return format!("{}, {ending}", in_words(&tap.received));
        }
    };

    if selected == 0 {
        tap.write_all(CONNECT_INITIAL).await.expect("is sent");
        let answer = tap.read_for(64).await;
        return format!("{seen}, {}, {}", connect_answer(&answer), tap.ending().await);
    }

    let before = tap.received.len();
    let (mut stream, outcome) = handshake(tap, &tls_client(None)).await;
    let established = stream.ssl().is_init_finished() && outcome.is_ok();
    if !established {
        let tap = stream.get_mut();
        let ending = tap.ending().await;
        let answer = match tap.received.get(before..).unwrap_or_default() {
            [] => String::new(),
            [21, 3, _, 0, 2, 2, alert] => format!(", alert {alert}"),
            [22, 3, _, _, _, 2, _, _, _, 3, minor, behind @ ..] if behind.len() < 60 => {
                format!(", only a ServerHello 3.{minor}")
            }
            [22, 3, _, _, _, 2, ..] => ", a handshake that is refused".to_owned(),
            other => format!(", {}", in_words(other)),
        };
        return format!("{seen}{answer}, {ending}");
    }
    let certificate = stream.ssl().peer_certificate().expect("a certificate");
    let name = certificate.subject_name().entries().next().expect("a name");
    let name = name.data().to_string().expect("UTF-8");
    seen += &format!(", {} {name}", stream.ssl().version_str());

    if selected == 4 {
        return format!("{seen}, {}", stream.get_mut().ending().await);
    }
    let message = if selected == 1 { CONNECT_INITIAL } else { NTLM };
    let answer = exchange(&mut stream, message).await;
    let answer = match &answer[..] {
        [] if stream.get_ref().end.is_none() => "close_notify".to_owned(),
        [] => String::new(),
        [3, ..] => connect_answer(&answer),
        [0x30, 5, 0xA0, 3, 2, 1, 6] => "an empty TSRequest".to_owned(),
        [0x30, 13, 0xA0, 3, 2, 1, 6, 0xA4, 6, 2, 4, status @ ..] => {
            format!("status {}", hex(status))
        }
        [0x30, ..] => challenge(&answer),
        other => in_words(other),
    };
    // A server at its regular end waits; with the next message it closes.
    let ending = if answer.starts_with("challenge") {
        stream.write_all(NTLM).await.expect("is sent");
        format!("then {}", stream.get_mut().ending().await)
    } else {
        stream.get_mut().ending().await.to_owned()
    };
    let silent = answer.is_empty() || (answer == "close_notify" && ending == "open");
    if silent { format!("{seen}, {ending}") } else { format!("{seen}, {answer}, {ending}") }
}

/// `challenge of LABPC01 in version 6`.
fn challenge(ts_request: &[u8]) -> String {
    let at = ts_request.windows(12).position(|window| window == b"NTLMSSP\0\x02\0\0\0");
    let message = &ts_request[at.expect("a challenge")..];
    let pair = |id: u8| av_pair(message, id).expect("the pair is there");
    let version = ts_request.windows(5).find(|w| w[..4] == [0xA0, 3, 2, 1]).expect("a version")[4];
    let text: Vec<u16> =
        pair(1).chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    format!("challenge of {} in version {version}", String::from_utf16_lossy(&text))
}

/// A value of the target information of a CHALLENGE_MESSAGE (MS-NLMP 2.2.2.1).
pub fn av_pair(message: &[u8], id: u8) -> Option<Vec<u8>> {
    let number = |at: usize| usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
    let mut pairs = &message[number(44)..number(44) + number(40)];
    while let [kind, 0, low, high, rest @ ..] = pairs {
        let (value, behind) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        if *kind == id {
            return Some(value.to_vec());
        }
        pairs = behind;
    }
    None
}

fn connect_answer(answer: &[u8]) -> String {
    match answer {
        [3, 0, _, _, 2, 0xF0, 0x80, 0x7F, 0x66, rest @ ..] => {
            let at = rest.windows(2).position(|window| window == [10, 1]).expect("a result");
            format!("MCS result {}", rest[at + 2])
        }
        [3, 0, 0, 9, 2, 0xF0, 0x80, 0x20, 0x80] => "MCS ultimatum".to_owned(),
        [] => String::new(),
        other => in_words(other),
    }
}

fn in_words(bytes: &[u8]) -> String {
    let end = bytes.len().min(16);
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')) => {
            format!("{text:?}")
        }
        _ => hex(&bytes[..end]),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a server has received on its first connection, once it fits.
pub async fn record(server: &Running, fits: fn(&ConnectionRecord) -> bool) -> ConnectionRecord {
    for _ in 0..300 {
        if let Some(record) = server.record().into_iter().next().filter(fits) {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no such record: {:?}", server.record());
}

/// This machine's name without its domain; where there is no `uname`, Windows gives it.
pub fn host_name() -> String {
    let uname = || {
        let output = std::process::Command::new("uname").arg("-n").output().expect("runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let name = std::env::var("COMPUTERNAME").unwrap_or_else(|_| uname());
    name.trim().split('.').next().expect("a first part").to_owned()
}
