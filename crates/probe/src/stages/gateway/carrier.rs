//! RDP between the check and the gateway, once there is a channel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as Polling, Poll};
use std::time::Duration;

use rdpdoctor_model::{Awaited, Fact, GatewayStep, Stage};
use rdpdoctor_wire::tsgu::Packet;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf,
};
use tokio::time::Instant;

use super::Passage;
use super::packets::{Ended, Packets};
use crate::Journal;

/// Bytes of RDP that wait on their way.
const PIPE: usize = 64 * 1024;

/// How long one packet of RDP may take to leave.
const SENDING: Duration = Duration::from_secs(30);

/// A carrier has no deadline of its own: whoever waits at its other end has.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// ERROR_BAD_ARGUMENTS: the host closed its connection to the gateway unexpectedly (MS-TSGU 2.2.6.1).
const HOST_CLOSED: u32 = 0xA0;

/// Begins to carry; what it gives is the check's end.
pub(super) fn begin(route: &Arc<Passage>, packets: Packets, journal: &Arc<Journal>) -> Tunnelled {
    let (pipe, far) = tokio::io::duplex(PIPE);
    let cut = Arc::new(Cut::default());
    let (journal, ended) = (Arc::clone(journal), Arc::clone(&cut));
    let carrier = Carrier { route: Arc::clone(route), journal, cut: ended };
    route.carry(carrier.carry(packets, far));
    Tunnelled { pipe, cut }
}

/// The check's end of a tunnel. Where the gateway cut it, the end is none of the host's.
pub(super) struct Tunnelled {
    pipe: DuplexStream,
    cut: Arc<Cut>,
}

/// Who ended a tunnel, where it was not the check.
#[derive(Default)]
struct Cut {
    by_gateway: AtomicBool,
    /// The host had reset its connection to the gateway.
    by_reset: AtomicBool,
}

impl AsyncRead for Tunnelled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        std::task::ready!(Pin::new(&mut self.pipe).poll_read(polling, buffer))?;
        let ended = buffer.filled().len() == before && room > 0;
        if ended && self.cut.by_reset.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if ended && self.cut.by_gateway.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::other("the gateway cut the tunnel")));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(polling, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(polling)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, polling: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(polling)
    }
}

/// Moves RDP between the check and the gateway.
struct Carrier {
    route: Arc<Passage>,
    journal: Arc<Journal>,
    cut: Arc<Cut>,
}

impl Carrier {
    /// Until either side has had enough.
    async fn carry(self, mut packets: Packets, mut pipe: DuplexStream) {
        /// What one packet takes of one read.
        const PIECE: usize = 16 * 1024;
        let mut buffer = vec![0; PIECE];
        loop {
            tokio::select! {
                packet = packets.receive(Instant::now() + FOREVER) => match packet {
                    Ok(Packet::Data(data)) => {
                        if pipe.write_all(&data).await.is_err() {
                            break;
                        }
                    }
                    Ok(Packet::CloseChannel { code }) => {
                        self.note(Fact::GatewayCode { step: GatewayStep::Close, code });
                        let by_host = [0, HOST_CLOSED].contains(&code);
                        self.cut.by_gateway.store(!by_host, Ordering::Release);
                        self.cut.by_reset.store(code == HOST_CLOSED, Ordering::Release);
                        let answer = Packet::CloseChannelResponse { code: 0 };
                        let _ = packets.send(&answer, Instant::now() + SENDING).await;
                        return packets.close();
                    }
                    Ok(Packet::ServiceMessage(text)) => {
                        self.route.tell(&self.journal, false, text);
                    }
                    Ok(_) => {}
                    Err(ended) => return self.broken(&packets, &ended),
                },
                read = pipe.read(&mut buffer) => match read {
                    Ok(length) if length > 0 => {
                        let data = Packet::Data(buffer[..length].to_vec());
                        let sent = packets.send(&data, Instant::now() + SENDING).await;
                        if let Err(ended) = sent {
                            return self.broken(&packets, &ended);
                        }
                    }
                    _ => break,
                },
            }
        }
        let _ = packets.send(&Packet::CloseChannel { code: 0 }, Instant::now() + SENDING).await;
        packets.close();
    }

    /// The gateway's end of it came to an end.
    fn broken(&self, packets: &Packets, ended: &Ended) {
        self.cut.by_gateway.store(true, Ordering::Release);
        if let Ended::Broken(problem) = ended {
            let (awaited, problem) = (Awaited::GatewayData, problem.clone());
            self.note(Fact::GatewayMalformed { awaited, problem });
        }
        packets.finish(ended);
    }

    fn note(&self, fact: Fact) {
        self.journal.note(Stage::Gateway, None, fact);
    }
}
