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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ironrdp_core::encode_vec;
    use ironrdp_pdu::mcs::{McsMessage, SendDataIndication};
    use ironrdp_pdu::rdp::headers::{BasicSecurityHeader, BasicSecurityHeaderFlags};
    use ironrdp_pdu::rdp::multitransport::{MultitransportRequestPdu, RequestedProtocol};
    use ironrdp_pdu::x224::X224;
    use tokio::net::UdpSocket;

    use super::*;
    use crate::{CheckOptions, Journal, Prober};

    const CHANNELS: Channels = Channels { user: 1006, io: 1003 };
    const MESSAGES: u16 = 1005;
    const BOTH: SideChannels = SideChannels { message: Some(MESSAGES), dynamic: Some(1004) };

    fn context(side: SideQuestions) -> Option<Context> {
        let options = CheckOptions { side, ..CheckOptions::default() };
        let target = "127.0.0.1".parse().ok()?;
        Some(Prober::new().ok()?.context(&target, &options, &Arc::new(Journal::default())))
    }

    fn request(request_id: u32, requested_protocol: RequestedProtocol) -> Option<Vec<u8>> {
        let request = MultitransportRequestPdu {
            security_header: BasicSecurityHeader { flags: BasicSecurityHeaderFlags::TRANSPORT_REQ },
            request_id,
            requested_protocol,
            security_cookie: [7; 16],
        };
        let message = McsMessage::SendDataIndication(SendDataIndication {
            initiator_id: 1002,
            channel_id: MESSAGES,
            user_data: encode_vec(&request).ok()?.into(),
        });
        encode_vec(&X224(message)).ok()
    }

    /// A port that takes datagrams and says nothing.
    async fn silent() -> Option<(UdpSocket, SocketAddr)> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.ok()?;
        let remote = socket.local_addr().ok()?;
        Some((socket, remote))
    }

    #[tokio::test]
    async fn one_handshake_for_the_first_reliable_request() {
        let context = context(SideQuestions::Few).expect("a context");
        let (_socket, remote) = silent().await.expect("a port");
        let mut tasks = JoinSet::new();
        let asked = Asked { tasks: &mut tasks, remote };
        let mut transport = Transport::new(&context, asked, CHANNELS, BOTH);
        let lossy = request(1, RequestedProtocol::UdpFecL).expect("encodes");
        let declined = multitransport::decline(CHANNELS, MESSAGES, 1).ok();
        assert_eq!(transport.hear(&lossy), declined);
        // It asked: version 2 has nothing to say beside it.
        transport.note(&Fact::FontMap);
        assert_eq!(transport.asked.tasks.len(), 0);
        let reliable = request(2, RequestedProtocol::UdpFecR).expect("encodes");
        assert_eq!(transport.hear(&reliable), None);
        assert_eq!(transport.asked.tasks.len(), 1);
        // Nobody is asked twice, and who asks for ever is not answered for ever.
        let again: Vec<_> = (0..8).map(|_| transport.hear(&reliable).is_some()).collect();
        assert_eq!(again, [true, true, true, false, false, false, false, false]);
        assert_eq!(transport.asked.tasks.len(), 1);
        drop(transport);
        let ended = tasks.join_next().await.expect("a task").expect_err("it is cut off");
        assert!(ended.is_cancelled());
    }

    #[tokio::test]
    async fn version_2_where_the_server_does_not_ask() {
        let context = context(SideQuestions::Few).expect("a context");
        let (_socket, remote) = silent().await.expect("a port");
        let reliable = request(1, RequestedProtocol::UdpFecR).expect("encodes");
        for (side, before) in [(BOTH, 0), (SideChannels::default(), 1)] {
            let mut tasks = JoinSet::new();
            let asked = Asked { tasks: &mut tasks, remote };
            let mut transport = Transport::new(&context, asked, CHANNELS, side);
            assert_eq!(transport.asked.tasks.len(), before, "{side:?}");
            transport.note(&Fact::FontMap);
            assert_eq!(transport.asked.tasks.len(), 1);
            // Too late, or on a channel that is none.
            assert_eq!(transport.hear(&reliable).is_some(), side == BOTH);
            assert_eq!(transport.asked.tasks.len(), 1);
        }
    }

    /// `--deep` has asked version 2 behind the encryption.
    #[tokio::test]
    async fn both_where_all_is_asked() {
        let context = context(SideQuestions::All).expect("a context");
        let (_socket, remote) = silent().await.expect("a port");
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        let asked = Asked { tasks: &mut tasks, remote };
        let mut transport = Transport::new(&context, asked, CHANNELS, BOTH);
        let reliable = request(1, RequestedProtocol::UdpFecR).expect("encodes");
        assert_eq!(transport.hear(&reliable), None);
        assert_eq!(transport.asked.tasks.len(), 2);
    }
}
