//! The X.224 exchange with the security negotiation (MS-RDPBCGR 1.3.1.1), and the fall-back that
//! `mstsc` makes after "TLS not allowed".

use std::net::SocketAddr;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, Negotiation, Purpose};
use rdpdoctor_wire::{encode, frame};
use tokio::time::Instant;

use crate::context::Context;
use crate::exchange::exchange;
use crate::link::Link;
use crate::stream::MeteredStream;

/// SSL_NOT_ALLOWED_BY_SERVER: the one refusal after which `mstsc` comes back with less.
const SSL_NOT_ALLOWED: u32 = 2;

/// PROTOCOL_SSL with PROTOCOL_HYBRID and PROTOCOL_HYBRID_EX: what `mstsc` offers.
pub(crate) const MSTSC_OFFER: u32 = 0x0B;

/// PROTOCOL_HYBRID: CredSSP, the one protocol of the direct approach.
pub(crate) const PROTOCOL_HYBRID: u32 = 2;

/// EXTENDED_CLIENT_DATA_SUPPORTED (MS-RDPBCGR 2.2.1.2.1).
const EXTENDED_CLIENT_DATA_SUPPORTED: u8 = 0x01;

/// RESTRICTED_ADMIN_MODE_SUPPORTED (MS-RDPBCGR 2.2.1.2.1).
const RESTRICTED_ADMIN_SUPPORTED: u8 = 0x08;

/// A negotiated connection.
pub(crate) struct Negotiated {
    pub(crate) stream: MeteredStream,
    /// selectedProtocol; 0 is Standard RDP Security.
    pub(crate) protocol: u32,
    /// The server takes Extended Client Data Blocks.
    pub(crate) takes_extended_data: bool,
}

/// The negotiated connection; the error says why there is none.
pub(crate) async fn run(context: &Context, stream: MeteredStream) -> Result<Negotiated, String> {
    let offered = context.offer;
    match negotiate(context, stream, offered).await? {
        Answer::Selected(negotiated) => Ok(*negotiated),
        Answer::Refused(SSL_NOT_ALLOWED, remote) if offered == MSTSC_OFFER => {
            let stream = context
                .again(remote, Purpose::Fallback)
                .await
                .ok_or("the retry without TLS did not connect")?;
            match negotiate(context, stream, 0).await? {
                Answer::Selected(negotiated) => Ok(*negotiated),
                Answer::Refused(code, _) => Err(refusal(code)),
            }
        }
        Answer::Refused(code, _) => Err(refusal(code)),
    }
}

/// The same inside an encryption that was made without asking (MS-RDPBCGR 5.4.2.2): the server has
/// to say that it is the one it selects.
pub(crate) async fn inside(context: &Context, link: &mut Link) -> Result<(), String> {
    let mut random = [0; 16];
    rand_bytes(&mut random).map_err(|error| error.to_string())?;
    let id = Some(encode::correlation_id(random));
    let request = request(context, PROTOCOL_HYBRID, id).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + context.deadlines.x224;
    link.facts();
    link.send(&request, deadline).await.map_err(|over| over.0)?;
    link.message(frame::pdu, deadline).await.map_err(|over| over.0)?;
    let negotiation = link.facts().into_iter().find_map(|fact| match fact {
        Fact::ConnectionConfirm { negotiation } => Some(negotiation),
        _ => None,
    });
    let why = match negotiation {
        Some(Negotiation::Response { selected_protocol: PROTOCOL_HYBRID, .. }) => return Ok(()),
        Some(Negotiation::Failure { code }) => refusal(code),
        Some(_) => "the server selects another protocol than the one in use".to_owned(),
        None => "the server gave no answer to the connection request that counts".to_owned(),
    };
    link.finish();
    Err(why)
}

fn refusal(code: u32) -> String {
    format!("the server refused with negotiation failure {code}")
}

enum Answer {
    Selected(Box<Negotiated>),
    Refused(u32, SocketAddr),
}

async fn negotiate(
    context: &Context,
    mut stream: MeteredStream,
    offered: u32,
) -> Result<Answer, String> {
    let mut random = [0; 16];
    rand_bytes(&mut random).map_err(|error| error.to_string())?;
    let id = Some(encode::correlation_id(random));
    let request = request(context, offered, id).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + context.deadlines.x224;
    let facts = exchange(&mut stream, &request, deadline, is_answer).await;
    let negotiation = facts.iter().find_map(|fact| match fact {
        Fact::ConnectionConfirm { negotiation } => Some(*negotiation),
        _ => None,
    });
    match negotiation {
        None => Err("the server gave no answer to the connection request that counts".to_owned()),
        Some(Negotiation::None) => {
            let takes_extended_data = false;
            Ok(Answer::Selected(Box::new(Negotiated { stream, protocol: 0, takes_extended_data })))
        }
        Some(Negotiation::Failure { code }) => {
            let remote = stream.remote();
            stream.finish(Ending::ClosedByClient);
            Ok(Answer::Refused(code, remote))
        }
        Some(Negotiation::Response { flags, .. })
            if context.wants_restricted_admin() && flags & RESTRICTED_ADMIN_SUPPORTED == 0 =>
        {
            stream.finish(Ending::ClosedByClient);
            Err("the server does not take Restricted Admin".to_owned())
        }
        Some(Negotiation::Response { selected_protocol: protocol, flags }) => {
            let takes_extended_data = flags & EXTENDED_CLIENT_DATA_SUPPORTED != 0;
            if protocol == 0 || (protocol.is_power_of_two() && offered & protocol != 0) {
                Ok(Answer::Selected(Box::new(Negotiated { stream, protocol, takes_extended_data })))
            } else {
                Err(format!("the server chose protocol {protocol:#x}, which was not offered"))
            }
        }
    }
}

/// The first bytes of a client: a broker's token goes before what the user's file says.
fn request(
    context: &Context,
    offered: u32,
    id: Option<[u8; 16]>,
) -> Result<Vec<u8>, encode::EncodeError> {
    if let Some(token) = &context.routing_token {
        return encode::routed_request(offered, id, token);
    }
    if context.wants_restricted_admin() {
        return encode::restricted_admin_request(offered, id);
    }
    let routing = context.routing.as_deref();
    match routing.and_then(|info| encode::load_balanced_request(offered, id, info)) {
        Some(request) => Ok(request),
        None => encode::connection_request(offered, id),
    }
}

/// Whether a fact ends the waiting for a Connection Confirm.
pub(crate) fn is_answer(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ConnectionConfirm { .. }
            | Fact::DisconnectRequest { .. }
            | Fact::X224Malformed { .. }
            | Fact::ForeignService { .. }
            | Fact::StreamEnded { .. }
    )
}

/// Whether the server chose TLS, with or without NLA inside.
pub(crate) fn selects_tls(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ConnectionConfirm {
            negotiation: Negotiation::Response { selected_protocol: 1 | 2 | 8, .. }
        }
    )
}

/// Asks what a server takes, on a connection of its own; nothing after the answer.
pub(crate) async fn ask(stream: &mut MeteredStream, offered: u32, deadline: Instant) -> Vec<Fact> {
    let Ok(request) = encode::connection_request(offered, None) else { return Vec::new() };
    exchange(stream, &request, deadline, is_answer).await
}
