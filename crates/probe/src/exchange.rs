//! One question and its answer on the wire.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use openssl::ssl;
use rdpdoctor_model::{Ending, Fact};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};
use tokio_openssl::SslStream;

use crate::stream::MeteredStream;

/// How long a peer that said something unknown may go on before it is judged by that.
const QUIET: Duration = Duration::from_millis(500);

/// How long the end of the TCP connection is waited for behind a TLS close_notify.
pub(crate) const CLOSING: Duration = Duration::from_millis(200);

/// OpenSSL numbers the alerts it received as reasons from here on (SSL_AD_REASON_OFFSET).
const ALERT_REASONS: i32 = 1000;

/// Sends `request` (nothing when empty) and reads until `done` takes a fact, the server ends the
/// connection or the deadline passes; how it ended is then among the facts.
pub(crate) async fn exchange(
    stream: &mut MeteredStream,
    request: &[u8],
    deadline: Instant,
    done: impl Fn(&Fact) -> bool,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !request.is_empty() && stream.write_all(request).await.is_err() {
        // What the server said before it left can still be read below.
        facts.extend(stream.collect());
    }
    let mut buffer = [0; 2048];
    loop {
        facts.extend(stream.collect());
        if facts.iter().any(&done) {
            return facts;
        }
        let speaking = stream.dissector().has_unfinished_answer();
        let until = if speaking { deadline.min(Instant::now() + QUIET) } else { deadline };
        match timeout_at(until, stream.read(&mut buffer)).await {
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) => {
                facts.extend(stream.finish(Ending::Fin));
                return facts;
            }
            Err(_) if Instant::now() < deadline => {
                let now = stream.now_ms();
                stream.dissector().settle(now);
                facts.extend(stream.collect());
                if facts.iter().any(&done) {
                    return facts;
                }
                // Half an answer of the right kind: the rest may still come.
                match timeout_at(deadline, stream.read(&mut buffer)).await {
                    Ok(Ok(read)) if read > 0 => {}
                    Ok(_) => {
                        facts.extend(stream.finish(Ending::Fin));
                        return facts;
                    }
                    Err(_) => {
                        facts.extend(stream.finish(Ending::Timeout));
                        return facts;
                    }
                }
            }
            Err(_) => {
                facts.extend(stream.finish(Ending::Timeout));
                return facts;
            }
        }
    }
}

/// The metered stream below TLS.
pub(crate) fn metered(stream: &mut SslStream<MeteredStream>) -> &mut MeteredStream {
    Pin::new(stream).get_mut().get_mut()
}

/// The alert behind an error of the TLS library, where it received one.
pub(crate) fn received_alert(error: &io::Error) -> Option<u8> {
    error.get_ref()?.downcast_ref::<ssl::Error>().and_then(alert_of)
}

/// The alert that the TLS library received.
pub(crate) fn alert_of(error: &ssl::Error) -> Option<u8> {
    let stack = error.ssl_error()?;
    stack.errors().iter().find_map(|e| u8::try_from(e.reason_code() - ALERT_REASONS).ok())
}
