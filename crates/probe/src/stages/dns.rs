//! The name's addresses, from the system's resolver: it decides the path, as it does for `mstsc`.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use rdpdoctor_model::{Fact, ResolveFailure, Stage};
use tokio::time::{Instant, timeout};

use crate::check::Context;

/// EAI_NODATA of the GNU C library, which POSIX does not know.
const EAI_NODATA: i32 = -5;

/// The addresses to try, in order; the error says why there are none.
pub(crate) async fn run(context: &Context) -> Result<Vec<IpAddr>, String> {
    if let Some(address) = context.target.address() {
        context.note(Stage::Dns, Fact::AddressLiteral { address });
        return Ok(vec![address]);
    }
    let name = context.target.host.clone();
    let begun = Instant::now();
    let answer = look_up(&name, context.deadlines.dns).await;
    let elapsed_ms = millis(begun.elapsed());
    match answer {
        Err((failure, text)) => {
            let fact = Fact::NameFailed { name, failure, text: text.clone(), elapsed_ms };
            context.note(Stage::Dns, fact);
            Err(format!("the name could not be resolved: {text}"))
        }
        Ok((addresses, canonical_name)) => {
            let canonical_name = canonical_name
                .filter(|canonical| !canonical.trim_end_matches('.').eq_ignore_ascii_case(&name));
            let fact = Fact::NameResolved {
                name,
                addresses: addresses.clone(),
                canonical_name,
                elapsed_ms,
            };
            context.note(Stage::Dns, fact);
            Ok(addresses)
        }
    }
}

/// What the system's resolver says of a name within `limit`.
pub(crate) async fn look_up(
    name: &str,
    limit: Duration,
) -> Result<Resolved, (ResolveFailure, String)> {
    let name = name.to_owned();
    match timeout(limit, tokio::task::spawn_blocking(move || resolve(&name))).await {
        Err(_) => Err((ResolveFailure::Timeout, "no answer in time".to_owned())),
        Ok(Err(panicked)) => Err((ResolveFailure::ResolverFailed, panicked.to_string())),
        Ok(Ok(answer)) => answer,
    }
}

/// Addresses in the resolver's order, and the canonical name.
pub(crate) type Resolved = (Vec<IpAddr>, Option<String>);

fn resolve(name: &str) -> Result<Resolved, (ResolveFailure, String)> {
    // AI_CANONNAME is 2 on Linux, Windows and macOS alike.
    let hints =
        AddrInfoHints { socktype: SockType::Stream.into(), flags: 2, ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|error| {
        let failure = match error.kind() {
            LookupErrorKind::NoName => ResolveFailure::NotFound,
            LookupErrorKind::NoData => ResolveFailure::NoAddress,
            _ if error.error_num() == EAI_NODATA => ResolveFailure::NoAddress,
            _ => ResolveFailure::ResolverFailed,
        };
        (failure, std::io::Error::from(error).to_string())
    })?;
    let (mut addresses, mut seen, mut canonical) = (Vec::new(), BTreeSet::new(), None);
    for info in found.flatten() {
        canonical = canonical.or(info.canonname);
        if seen.insert(info.sockaddr.ip()) {
            addresses.push(info.sockaddr.ip());
        }
    }
    if addresses.is_empty() {
        return Err((ResolveFailure::NoAddress, "no address in the answer".to_owned()));
    }
    addresses.truncate(16);
    Ok((addresses, canonical))
}

/// Milliseconds with their fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
