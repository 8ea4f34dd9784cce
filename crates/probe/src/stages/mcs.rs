//! MCS Connect and the channels (MS-RDPBCGR 1.3.1.1), inside TLS or, with Standard RDP Security, in
//! clear.

use rdpdoctor_model::Fact;
use rdpdoctor_wire::encode::session::{self, Channels};
use rdpdoctor_wire::multitransport::SideChannels;
use rdpdoctor_wire::security::ServerSecurity;
use rdpdoctor_wire::{encode, frame};
use tokio::time::Instant;

use crate::context::Context;
use crate::link::Link;

/// What the Connect Response gave.
pub(crate) struct Connected {
    /// The I/O channel.
    pub(crate) io: u16,
    /// Those on which a transport beside TCP is asked for, where the client can be asked.
    pub(crate) side: SideChannels,
    /// What Standard RDP Security begins with, where it encrypts what follows; or why it cannot.
    pub(crate) security: Option<Result<ServerSecurity, String>>,
}

/// Asks for the Connect Response, with the channels on which the server may ask for a transport beside
/// TCP or without them. The error says why there is none.
pub(crate) async fn connect(
    context: &Context,
    link: &mut Link,
    protocol: u32,
    can_be_asked: bool,
) -> Result<Connected, String> {
    let deadline = Instant::now() + context.deadlines.mcs;
    let initial = if can_be_asked {
        encode::mcs_connect_initial_with_message_channel(protocol)?
    } else {
        encode::mcs_connect_initial(protocol)?
    };
    link.facts();
    link.send(&initial, deadline).await.map_err(|over| over.0)?;
    let answer = link.message(frame::pdu, deadline).await.map_err(|over| over.0)?;
    let accepted = |fact: &Fact| matches!(fact, Fact::McsConnectResponse { result: 0, .. });
    if link.facts().iter().any(accepted) {
        let encrypted = link.is_encrypted_by_rdp();
        let security = encrypted.then(|| ServerSecurity::read(&answer));
        let side = if can_be_asked { SideChannels::read(&answer) } else { SideChannels::default() };
        Ok(Connected { io: session::io_channel(&answer), side, security })
    } else {
        link.finish();
        Err("the server did not answer MCS Connect".to_owned())
    }
}

/// Attaches the user and joins its channel, the I/O channel and those beside it, one after the other
/// as MS-RDPBCGR 3.2.5.3.8 has it.
pub(crate) async fn join(
    context: &Context,
    link: &mut Link,
    io: u16,
    side: SideChannels,
) -> Result<Channels, String> {
    let deadline = Instant::now() + context.deadlines.mcs;
    link.send(&session::attach_user()?, deadline).await.map_err(|over| over.0)?;
    link.message(frame::pdu, deadline).await.map_err(|over| over.0)?;
    let user = link.facts().into_iter().find_map(|fact| match fact {
        Fact::McsAttachUserConfirm { result: 0, user_channel } => user_channel,
        _ => None,
    });
    let Some(user) = user else {
        link.finish();
        return Err("the server did not attach the user".to_owned());
    };
    let channels = Channels { user, io };
    for channel in [Some(user), Some(io), side.message, side.dynamic].into_iter().flatten() {
        link.send(&session::join(channels, channel)?, deadline).await.map_err(|over| over.0)?;
        link.message(frame::pdu, deadline).await.map_err(|over| over.0)?;
        let joined = |fact: &Fact| matches!(fact, Fact::McsChannelJoinConfirm { result: 0, .. });
        if !link.facts().iter().any(joined) {
            link.finish();
            return Err(format!("the server did not let the client join channel {channel}"));
        }
    }
    Ok(channels)
}
