//! A small proxy in front of the server: HTTP CONNECT (RFC 9110 9.3.6), the same inside TLS, and
//! SOCKS 5 (RFC 1928, RFC 1929), told apart by the first byte. Whatever it is asked for, it leads to
//! the lab's own server: it opens no way to anywhere else.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::base64::decode_block;
use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use crate::{PASSWORD, USER};

/// A request longer than this is none.
const LONGEST_REQUEST: usize = 8 * 1024;

/// No tunnel and no silence takes longer.
const LONGEST: Duration = Duration::from_secs(600);

/// So many requests are kept, and so many connections held.
const MOST: usize = 256;

/// What a proxy does with a request for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyAnswer {
    /// It connects everybody.
    Connect,
    /// It connects who signs in with the lab's account.
    SignIn,
    /// It takes only ways of signing in that are seldom spoken: Digest, Bearer, GSSAPI.
    SignInOtherwise,
    /// 403; reply 2, not allowed by ruleset.
    Forbid,
    /// 502; reply 1, general failure.
    Fail,
    /// 502 with a Proxy-Status (RFC 9209); reply 5, connection refused.
    TargetRefused,
    /// 504; reply 6, TTL expired, as Dante says it.
    TargetSilent,
    /// It speaks another protocol.
    Garbage,
    /// It reads and says nothing.
    Silence,
    /// It reads and hangs up.
    Close,
}

/// A proxy at work.
pub(crate) struct Proxy {
    pub(crate) listener: TcpListener,
    pub(crate) answer: ProxyAnswer,
    pub(crate) context: SslContext,
    pub(crate) server: SocketAddr,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Accepts as long as it lives.
    pub(crate) async fn serve(self) {
        let Self { listener, answer, context, server, asked } = self;
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MOST {
                connections.join_next().await;
                continue;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Desk { answer, server, asked: Arc::clone(&asked) };
                    let context = context.clone();
                    connections.spawn(async move {
                        // A client that goes wrong harms itself only.
                        let _ = timeout(LONGEST, desk.receive(stream, &context)).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

/// What serves one client.
struct Desk {
    answer: ProxyAnswer,
    server: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    async fn receive(&self, stream: TcpStream, context: &SslContext) -> io::Result<()> {
        const SOCKS: u8 = 5;
        const TLS_HANDSHAKE: u8 = 22;
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 {
            return Ok(());
        }
        match first[0] {
            SOCKS => self.socks(stream).await,
            TLS_HANDSHAKE => {
                let mut stream = SslStream::new(Ssl::new(context)?, stream)?;
                Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
                self.http(stream).await
            }
            _ => self.http(stream).await,
        }
    }

    fn note(&self, asked: String) {
        let mut list = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < MOST {
            list.push(asked);
        }
    }

    /// What does without protocol; true when that was all.
    async fn instead<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut S) -> io::Result<bool> {
        match self.answer {
            ProxyAnswer::Garbage => {
                stream.write_all(b"220 mail.lab.example ESMTP\r\n").await?;
                stream.shutdown().await?;
            }
            ProxyAnswer::Close => stream.shutdown().await?,
            ProxyAnswer::Silence => {}
            _ => return Ok(false),
        }
        // Closing with unread bytes would send RST.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok(true)
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> io::Result<()> {
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 || request.len() > LONGEST_REQUEST {
                return Ok(());
            }
        }
        let text = String::from_utf8_lossy(&request);
        let destination = text.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
        self.note(destination.unwrap_or("no CONNECT").to_owned());
        if self.instead(&mut stream).await? {
            return Ok(());
        }
        let (status, fields) = match self.answer {
            ProxyAnswer::SignIn if !signs_in(&text) => {
                ("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"lab\"\r\n")
            }
            ProxyAnswer::SignInOtherwise => (
                "407 Proxy Authentication Required",
                "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"1\"\r\nProxy-Authenticate: Bearer\r\n",
            ),
            ProxyAnswer::Forbid => ("403 Forbidden", ""),
            ProxyAnswer::Fail => ("502 Bad Gateway", ""),
            ProxyAnswer::TargetRefused => {
                ("502 Bad Gateway", "Proxy-Status: lab; error=connection_refused\r\n")
            }
            ProxyAnswer::TargetSilent => ("504 Gateway Timeout", ""),
            _ => {
                let server = TcpStream::connect(self.server).await?;
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                return forward(stream, server).await;
            }
        };
        let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.shutdown().await
    }

    async fn socks(&self, mut stream: TcpStream) -> io::Result<()> {
        const NONE_TAKEN: u8 = 0xFF;
        const GSSAPI: u8 = 1;
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let mut methods = vec![0; usize::from(head[1])];
        stream.read_exact(&mut methods).await?;
        if self.instead(&mut stream).await? {
            return Ok(());
        }
        let method = match self.answer {
            ProxyAnswer::SignIn if methods.contains(&2) => 2,
            ProxyAnswer::SignInOtherwise if methods.contains(&GSSAPI) => GSSAPI,
            ProxyAnswer::SignIn | ProxyAnswer::SignInOtherwise => NONE_TAKEN,
            _ => 0,
        };
        stream.write_all(&[5, method]).await?;
        if matches!(method, NONE_TAKEN | GSSAPI) {
            return stream.shutdown().await;
        }
        if method == 2 && !sign_in(&mut stream).await? {
            return stream.shutdown().await;
        }
        self.note(destination(&mut stream).await?);
        let code = match self.answer {
            ProxyAnswer::Forbid => 2,
            ProxyAnswer::Fail => 1,
            ProxyAnswer::TargetRefused => 5,
            ProxyAnswer::TargetSilent => 6,
            _ => 0,
        };
        let reply = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
        if code == 0 {
            let server = TcpStream::connect(self.server).await?;
            stream.write_all(&reply).await?;
            return forward(stream, server).await;
        }
        stream.write_all(&reply).await?;
        stream.shutdown().await
    }
}

/// Both directions, until both have ended.
async fn forward<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    mut server: TcpStream,
) -> io::Result<()> {
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Whether the head has the lab's account (RFC 7617).
fn signs_in(head: &str) -> bool {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let mut given = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Proxy-Authorization"));
    given.any(|(_, value)| {
        let encoded = value.strip_prefix("Basic ").unwrap_or_default();
        decode_block(encoded).is_ok_and(|pair| pair == format!("{USER}:{PASSWORD}").into_bytes())
    })
}

/// Whether it is the lab's account (RFC 1929).
async fn sign_in(stream: &mut TcpStream) -> io::Result<bool> {
    let _version = stream.read_u8().await?;
    let mut pair = Vec::new();
    for _ in 0..2 {
        let mut part = vec![0; usize::from(stream.read_u8().await?)];
        stream.read_exact(&mut part).await?;
        pair.push(part);
    }
    let right = pair == [USER.as_bytes(), PASSWORD.as_bytes()];
    stream.write_all(&[1, u8::from(!right)]).await?;
    Ok(right)
}

/// What is asked for (RFC 1928 4), as `host:port`.
async fn destination(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let host = match head[3] {
        1 => std::net::Ipv4Addr::from(stream.read_u32().await?).to_string(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(stream.read_u128().await?)),
        _ => {
            let mut name = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    Ok(format!("{host}:{}", stream.read_u16().await?))
}
