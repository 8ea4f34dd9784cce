//! Which handshake by UDP a check makes. It makes one: version 2, for which nobody has to be known,
//! behind the encryption; or, where a session is wanted, version 3 with the cookie that the session's
//! server gives when it asks for UDP (MS-RDPBCGR 2.2.15.1), and version 2 only where it has not asked by
//! the time the connection is finalised. `--deep` makes both.
//!
//! Nothing is carried over it, and the server is told that no transport was made.

use std::net::SocketAddr;

use rdpdoctor_model::Fact;
use rdpdoctor_wire::encode::session::Channels;
use rdpdoctor_wire::multitransport::{self, SideChannels, TransportRequest};
use rdpdoctor_wire::udp::Offer;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::context::Context;
use crate::options::SideQuestions;
use crate::stages::udp;

/// A server asks for two transports at most, reliable and lossy; more are not even declined.
const MOST_DECLINED: u8 = 4;

/// What a session may do about UDP.
pub(crate) struct Asked<'a> {
    /// Where the handshakes of the check are.
    pub(crate) tasks: &'a mut JoinSet<()>,
    /// Where the session is.
    pub(crate) remote: SocketAddr,
}

/// What a session's server asks for, and what became of it.
pub(crate) struct Transport<'a> {
    context: &'a Context,
    asked: Asked<'a>,
    channels: Channels,
    side: SideChannels,
    /// The server asked.
    requested: bool,
    /// A handshake was begun for it.
    begun: bool,
    declined: u8,
    /// As long as the answer about it was not sent.
    handshake: Option<Handshake>,
}

/// A handshake of version 3 that was begun; the server awaits a word about it.
struct Handshake {
    request_id: u32,
    task: AbortHandle,
    over: watch::Receiver<()>,
}

impl<'a> Transport<'a> {
    pub(crate) fn new(
        context: &'a Context,
        asked: Asked<'a>,
        channels: Channels,
        side: SideChannels,
    ) -> Self {
        let mut own = Self {
            context,
            asked,
            channels,
            side,
            requested: false,
            begun: false,
            declined: 0,
            handshake: None,
        };
        if side.message.is_none() {
            own.ask_without_cookie();
        }
        own
    }

    /// Whether a PDU is beside the session.
    pub(crate) fn has(&self, pdu: &[u8]) -> bool {
        self.side.have(pdu)
    }

    /// Hears a PDU of the server. What is asked for begins at once; what cannot be done gives the
    /// answer to send.
    pub(crate) fn hear(&mut self, pdu: &[u8]) -> Option<Vec<u8>> {
        let request = TransportRequest::read(pdu, self.side.message?)?;
        self.requested = true;
        let asks_more = self.context.side == SideQuestions::All;
        if request.wants_reliable_udp() && !self.begun && (asks_more || self.asked.tasks.is_empty())
        {
            self.begin(&request);
            return None;
        }
        if self.declined == MOST_DECLINED {
            return None;
        }
        self.declined += 1;
        self.answer(request.request_id)
    }

    /// Takes note of what was seen on the connection.
    pub(crate) fn note(&mut self, fact: &Fact) {
        match fact {
            // It may have come with PDUs that were not taken yet.
            Fact::MultitransportRequest { .. } => self.requested = true,
            Fact::FontMap => self.ask_without_cookie(),
            _ => {}
        }
    }

    /// The handshake that was asked for is over, and this is the answer to send. Until then it waits.
    pub(crate) async fn over(&mut self) -> Option<Vec<u8>> {
        let Some(handshake) = &mut self.handshake else { return std::future::pending().await };
        // Nothing is ever sent: it ends when the task does.
        while handshake.over.changed().await.is_ok() {}
        let request_id = handshake.request_id;
        self.answer(request_id)
    }

    /// The answer of [`Self::over`] was sent.
    pub(crate) fn answered(&mut self) {
        self.handshake = None;
    }

    /// The same for a session that has come to its end: what is decided in its time is waited for.
    pub(crate) async fn decided(&mut self) -> Option<Vec<u8>> {
        self.handshake.as_ref()?;
        timeout(udp::LONGEST, self.over()).await.ok().flatten()
    }

    fn ask_without_cookie(&mut self) {
        if !self.requested && self.asked.tasks.is_empty() {
            let asking = udp::run(self.context.clone(), self.asked.remote, Offer::Version2);
            self.asked.tasks.spawn(asking);
        }
    }

    fn begin(&mut self, request: &TransportRequest) {
        self.begun = true;
        let offer = Offer::Version3(request.cookie_hash());
        let asking = udp::run(self.context.clone(), self.asked.remote, offer);
        let (done, over) = watch::channel(());
        let task = self.asked.tasks.spawn(async move {
            asking.await;
            drop(done);
        });
        self.handshake = Some(Handshake { request_id: request.request_id, task, over });
    }

    fn answer(&self, request_id: u32) -> Option<Vec<u8>> {
        multitransport::decline(self.channels, self.side.message?, request_id).ok()
    }
}

impl Drop for Transport<'_> {
    /// Behind the session its cookie is worth nothing.
    fn drop(&mut self) {
        if let Some(handshake) = &self.handshake {
            handshake.task.abort();
        }
    }
}
