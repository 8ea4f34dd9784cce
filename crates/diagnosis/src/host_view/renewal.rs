//! How the self-signed certificate is made anew: it is taken out, and the service that makes it is
//! restarted (SessionEnv first, never the folder of keys).

use rdpdoctor_model::Change;

use super::certificate::BoundCertificate;
use super::service;
use crate::Evidence;
use crate::machine::Machine;

const MAKER: &str = "SessionEnv";

/// What makes Windows make a new certificate; nothing where the bound one is not its own.
pub(crate) fn changes(evidence: &Evidence<'_>, found: &BoundCertificate<'_>) -> Vec<Change> {
    if !found.is_own() || found.pin.is_some() {
        return Vec::new();
    }
    let host = Machine::host(evidence);
    let disabled = service::disabled(&host, MAKER)
        .map(|_| Change::ServiceStart { name: MAKER.to_owned(), start: 3 });
    let entry = found.seen.value;
    let remove = Change::RemoveCertificate {
        store: entry.store.clone(),
        thumbprint: entry.thumbprint.to_ascii_lowercase(),
    };
    let restart = Change::RestartService { name: MAKER.to_owned() };
    disabled.into_iter().chain([remove, restart]).collect()
}
