//! Packets over WebSocket, or over two channels of HTTP.

use std::pin::Pin;

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use http_body_util::channel::Sender;
use hyper::body::{Bytes, Incoming};
use rdpdoctor_model::{Awaited, Ending};
use rdpdoctor_wire::frame::Frame;
use rdpdoctor_wire::tsgu::{self, Packet};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::http::Shared;

/// More than one packet and what came with it is never kept.
const MOST_KEPT: usize = 256 * 1024;

/// Why there is no next packet.
#[derive(Debug)]
pub(super) enum Ended {
    /// The gateway ended it.
    Closed(String),
    /// The time was up.
    Timeout,
    /// What came is no packet.
    Broken(String),
}

impl Ended {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Closed(why) | Self::Broken(why) => why.clone(),
            Self::Timeout => "no answer in time".to_owned(),
        }
    }
}

/// The IN channel.
pub(super) struct Input {
    pub(super) sender: Sender<Bytes>,
    /// The answer to its request, which comes when it is all over.
    pub(super) answer: Pin<Box<dyn Future<Output = Result<u16, String>> + Send>>,
    pub(super) stream: Shared,
}

/// A transport that was agreed.
pub(super) struct Packets {
    channel: Channel,
    /// The connections below it, the one that is read first.
    streams: Vec<Shared>,
    inbox: Vec<u8>,
}

enum Channel {
    WebSocket(Box<WebSocketStream<Shared>>),
    Http(Box<Http>),
}

struct Http {
    out: Incoming,
    /// The bytes without a meaning are behind us.
    seeded: bool,
    input: Input,
    /// What goes when it goes: the OUT channel's connection.
    _holds: Box<dyn Send>,
}

impl Packets {
    /// Over an upgraded connection, of which some bytes may have been read already.
    pub(super) async fn websocket(stream: Shared, read: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST_KEPT))
            .max_frame_size(Some(MOST_KEPT))
            .max_write_buffer_size(MOST_KEPT * 2);
        let (role, config) = (Role::Client, Some(config));
        let socket = WebSocketStream::from_partially_read(stream.clone(), read, role, config).await;
        let channel = Channel::WebSocket(Box::new(socket));
        Self { channel, streams: vec![stream], inbox: Vec::new() }
    }

    pub(super) fn http(out: Incoming, stream: Shared, input: Input, holds: Box<dyn Send>) -> Self {
        let streams = vec![stream, input.stream.clone()];
        let http = Http { out, seeded: false, input, _holds: holds };
        Self { channel: Channel::Http(Box::new(http)), streams, inbox: Vec::new() }
    }

    /// The connection on which answers come.
    pub(super) fn stream(&self) -> Option<&Shared> {
        self.streams.first()
    }

    /// What is waited for from now on.
    pub(super) fn awaits(&self, awaited: Awaited) {
        for stream in &self.streams {
            stream.awaits(awaited);
        }
    }

    /// It is over: writes down how.
    pub(super) fn finish(&self, ended: &Ended) {
        let otherwise = match ended {
            Ended::Closed(_) => Ending::Fin,
            Ended::Timeout => Ending::Timeout,
            Ended::Broken(_) => Ending::ClosedByClient,
        };
        for (at, stream) in self.streams.iter().enumerate() {
            stream.finish(if at == 0 { otherwise } else { Ending::ClosedByClient });
        }
    }

    /// Nobody needs it any more.
    pub(super) fn close(&self) {
        for stream in &self.streams {
            stream.finish(Ending::ClosedByClient);
        }
    }

    pub(super) async fn send(&mut self, packet: &Packet, deadline: Instant) -> Result<(), Ended> {
        let bytes = packet.encode();
        let sent = match &mut self.channel {
            Channel::WebSocket(socket) => {
                let sending = socket.send(Message::Binary(bytes.into()));
                timeout_at(deadline, sending).await.map(|sent| sent.map_err(|e| e.to_string()))
            }
            Channel::Http(http) => {
                let sending = http.input.sender.send_data(bytes.into());
                timeout_at(deadline, sending).await.map(|sent| sent.map_err(|e| e.to_string()))
            }
        };
        sent.map_err(|_| Ended::Timeout)?.map_err(Ended::Closed)
    }

    /// The next packet; whoever stops waiting loses nothing.
    pub(super) async fn receive(&mut self, deadline: Instant) -> Result<Packet, Ended> {
        loop {
            let framed =
                if self.pass_seed() { tsgu::frame(&self.inbox) } else { Frame::Incomplete };
            match framed {
                Frame::Whole(length) => {
                    let packet: Vec<u8> = self.inbox.drain(..length).collect();
                    return Packet::read(&packet).map_err(Ended::Broken);
                }
                Frame::Broken(problem) => return Err(Ended::Broken(problem)),
                Frame::Incomplete if self.inbox.len() > MOST_KEPT => {
                    return Err(Ended::Broken("a packet without an end".to_owned()));
                }
                Frame::Incomplete => {}
            }
            let more = timeout_at(deadline, self.channel.read()).await;
            let bytes = more.map_err(|_| Ended::Timeout)??;
            self.inbox.extend_from_slice(&bytes);
        }
    }

    /// Takes away what stands before the first packet (MS-TSGU 3.3.5.1); whether that is done.
    fn pass_seed(&mut self) -> bool {
        let Channel::Http(http) = &mut self.channel else { return true };
        if !http.seeded
            && let Some(length) = tsgu::behind_seed(&self.inbox)
        {
            self.inbox.drain(..length);
            http.seeded = true;
        }
        http.seeded
    }
}

impl Channel {
    async fn read(&mut self) -> Result<Bytes, Ended> {
        match self {
            Self::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                    Some(Ok(Message::Text(_))) => {
                        return Err(Ended::Broken("a message of text".to_owned()));
                    }
                    // Pings are answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_))) | None => {
                        return Err(Ended::Closed("the gateway closed the WebSocket".to_owned()));
                    }
                    Some(Err(error)) => return Err(Ended::Closed(error.to_string())),
                }
            },
            Self::Http(http) => http.read().await,
        }
    }
}

impl Http {
    async fn read(&mut self) -> Result<Bytes, Ended> {
        loop {
            tokio::select! {
                frame = self.out.frame() => match frame {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Ok(data);
                        }
                    }
                    Some(Err(error)) => return Err(Ended::Closed(error.to_string())),
                    None => return Err(Ended::Closed("the gateway ended the OUT channel".to_owned())),
                },
                answer = &mut self.input.answer => return Err(Ended::Closed(match answer {
                    Ok(status) => format!("the IN channel was answered with status {status}"),
                    Err(why) => format!("the IN channel ended: {why}"),
                })),
            }
        }
    }
}
