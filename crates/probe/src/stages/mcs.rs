//! MCS Connect (MS-RDPBCGR 1.3.1.1), inside TLS or, with Standard RDP Security, in clear.

use rdpdoctor_model::Fact;
use rdpdoctor_wire::{encode, frame};
use tokio::time::Instant;

use crate::check::Context;
use crate::link::Link;

/// Asks for the Connect Response; the error says why there is none.
pub(crate) async fn run(context: &Context, link: &mut Link, protocol: u32) -> Result<(), String> {
    let deadline = Instant::now() + context.deadlines.mcs;
    link.facts();
    link.send(&encode::mcs_connect_initial(protocol)?, deadline).await.map_err(|over| over.0)?;
    let answer = link.message(frame::pdu, deadline).await;
    let accepted =
        link.facts().iter().any(|fact| matches!(fact, Fact::McsConnectResponse { result: 0, .. }));
    link.finish();
    match answer {
        _ if accepted => Ok(()),
        Ok(_) => Err("the server did not answer MCS Connect".to_owned()),
        Err(over) => Err(over.0),
    }
}
