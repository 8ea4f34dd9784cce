//! A TCP connection that keeps a bounded record of what it received, sends at a set pace, and ends
//! in exactly the way it is told to.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use crate::behaviour::{Ending, Pace, Then};
use crate::{ConnectionRecord, FirstPicture};

/// How long silence is kept when the client does not leave.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// How long a client may take to leave after FIN.
const LONGEST_FAREWELL: Duration = Duration::from_secs(30);

/// How late each answer of a slow server is.
const SLOW_ANSWER: Duration = Duration::from_millis(1500);

/// What lies between the first bytes of a dripping server's answer; the timer knows no less.
const BETWEEN_DRIPS: Duration = Duration::from_millis(1);

/// How many bytes of an answer have this time between them. The others are writes of their own and
/// no more: a chain of certificates at a byte a millisecond would run into a client's time limits.
const UNHURRIED_DRIPS: u16 = 200;

/// Bytes of each kind that a record keeps.
const LONGEST_RECORD: usize = 64 * 1024;

/// One accepted connection.
pub(crate) struct Link {
    stream: TcpStream,
    record: Arc<Mutex<ConnectionRecord>>,
    unread: Vec<u8>,
    pace: Pace,
    /// Pauses made since something was received.
    pauses: u16,
    pause: Option<Pin<Box<Sleep>>>,
    accepted: Instant,
    /// How often something was sent behind something received.
    answers: u32,
    /// Nothing was sent since something was received.
    answer_due: bool,
}

impl Link {
    pub(crate) fn new(
        stream: TcpStream,
        record: Arc<Mutex<ConnectionRecord>>,
        pace: Pace,
    ) -> io::Result<Self> {
        // Otherwise the kernel would glue a dripping server's bytes together again.
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            record,
            unread: Vec::new(),
            pace,
            pauses: 0,
            pause: None,
            accepted: Instant::now(),
            answers: 0,
            answer_due: false,
        })
    }

    /// The picture begins now; what began already began.
    pub(crate) fn picture_begins(&self) {
        let picture = FirstPicture { round_trips: self.answers, after: self.accepted.elapsed() };
        self.note(|record| _ = record.picture.get_or_insert(picture));
    }

    /// Puts bytes back, to be read before all others.
    pub(crate) fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.append(&mut self.unread);
        self.unread = bytes;
    }

    /// Adds to what was received above TLS.
    pub(crate) fn record_above_tls(&self, bytes: &[u8]) {
        self.note(|record| keep(&mut record.above_tls, bytes));
    }

    /// Notes something of what was received.
    pub(crate) fn note(&self, note: impl FnOnce(&mut ConnectionRecord)) {
        note(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Does what follows the last word. A failure means that the client has left before.
    pub(crate) async fn finish(&mut self, then: Then) {
        match then {
            Then::Silence => {
                let _ = timeout(LONGEST_SILENCE, self.drain()).await;
            }
            Then::End(Ending::Fin) => {
                if self.stream.shutdown().await.is_ok() {
                    // Closing with unread bytes in the socket would send RST behind the FIN.
                    let _ = timeout(LONGEST_FAREWELL, self.drain()).await;
                }
            }
            Then::End(Ending::Reset) => {
                // Closing with a linger time of zero sends RST; the caller drops the socket next.
                let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            }
        }
    }

    /// Reads until the client leaves, keeping nothing beyond the record's bound.
    async fn drain(&mut self) {
        let mut buffer = vec![0; 4096];
        while !matches!(self.read(&mut buffer).await, Ok(0) | Err(_)) {}
    }

    /// Waits out the pause that the pace puts before a write.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let length = match self.pace {
            Pace::Slow if self.pauses == 0 => SLOW_ANSWER,
            Pace::Dripping if self.pauses < UNHURRIED_DRIPS => BETWEEN_DRIPS,
            Pace::Normal | Pace::Slow | Pace::Dripping => return Poll::Ready(()),
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(length)));
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        self.pauses += 1;
        Poll::Ready(())
    }
}

fn keep(record: &mut Vec<u8>, bytes: &[u8]) {
    let room = LONGEST_RECORD.saturating_sub(record.len());
    record.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread[..length]);
            self.unread.drain(..length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let received = &buffer.filled()[before..];
        if !received.is_empty() {
            self.note(|record| keep(&mut record.on_wire, received));
            self.pauses = 0;
            self.answer_due = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pause(cx));
        self.answers += u32::from(std::mem::take(&mut self.answer_due));
        let bytes = if self.pace == Pace::Dripping { &bytes[..bytes.len().min(1)] } else { bytes };
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
