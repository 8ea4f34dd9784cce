//! The encrypted stream, whichever engine made it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_openssl::SslStream;

use crate::exchange::{metered, received_alert};
#[cfg(windows)]
use crate::schannel::Encrypted;
use crate::stream::{Duplex, MeteredStream};

/// The encrypted stream, whichever engine made it.
pub(crate) enum TlsStream {
    /// OpenSSL, the same on every system.
    Portable(Box<SslStream<MeteredStream>>),
    /// Schannel, the system's own.
    #[cfg(windows)]
    Native(Box<Encrypted>),
}

impl TlsStream {
    /// The stream at the bottom.
    pub(crate) fn metered(&mut self) -> &mut MeteredStream {
        match self {
            Self::Portable(stream) => metered(stream),
            #[cfg(windows)]
            Self::Native(stream) => stream.metered(),
        }
    }

    /// The number of its connection.
    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::Portable(stream) => stream.get_ref().number(),
            #[cfg(windows)]
            Self::Native(stream) => stream.number(),
        }
    }

    /// The server's certificate as DER.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Portable(stream) => stream.ssl().peer_certificate()?.to_der().ok(),
            #[cfg(windows)]
            Self::Native(stream) => stream.certificates().into_iter().next(),
        }
    }

    /// The alert behind an error, where the engine tells it.
    pub(crate) fn received_alert(&self, error: &io::Error) -> Option<u8> {
        match self {
            Self::Portable(_) => received_alert(error),
            #[cfg(windows)]
            Self::Native(_) => None,
        }
    }

    fn pinned(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Portable(stream) => Pin::new(stream.as_mut()),
            #[cfg(windows)]
            Self::Native(stream) => Pin::new(stream.as_mut()),
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pinned().poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_shutdown(context)
    }
}
