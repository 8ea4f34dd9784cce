//! CredSSP up to the NTLM challenge (MS-CSSP 3.1.5), asked without any credential.

use rdpdoctor_model::{Ending, Fact, Party};
use rdpdoctor_wire::encode;
use tokio::time::Instant;
use tokio_openssl::SslStream;

use crate::check::Context;
use crate::exchange::{exchange_in_tls, metered};
use crate::stream::MeteredStream;

/// Asks for the challenge; the error says why there is none.
pub(crate) async fn run(
    context: &Context,
    mut stream: SslStream<MeteredStream>,
) -> Result<(), String> {
    let deadline = Instant::now() + context.deadlines.credssp;
    let facts = exchange_in_tls(&mut stream, &encode::credssp_negotiate(), deadline, |fact| {
        matches!(
            fact,
            Fact::TsRequest { from: Party::Server, .. }
                | Fact::CredSspMalformed { .. }
                | Fact::StreamEnded { .. }
        )
    })
    .await;
    metered(&mut stream).finish(Ending::ClosedByClient);
    if facts.iter().any(|fact| matches!(fact, Fact::NtlmChallenge { .. })) {
        Ok(())
    } else {
        Err("the server sent no NTLM challenge".to_owned())
    }
}
