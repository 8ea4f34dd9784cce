//! Revocation lists (RFC 5280 section 5).

use rdpdoctor_model::{Hex, RevocationAnswer};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

/// What the list in `der` says of the certificate with this serial number (lower-case hexadecimal,
/// as [`rdpdoctor_model::Certificate::serial`]).
///
/// # Errors
/// When the bytes are not a revocation list, or one of another issuer.
pub fn read_crl(der: &[u8], issuer: &str, serial: &str) -> Result<RevocationAnswer, String> {
    let (_, list) = CertificateRevocationList::from_der(der)
        .map_err(|_| "what came is no revocation list".to_owned())?;
    if list.issuer().to_string() != issuer {
        return Err("the revocation list is of another issuer".to_owned());
    }
    let revoked = list
        .iter_revoked_certificates()
        .any(|r| Hex(r.raw_serial().to_vec()).to_string() == serial);
    Ok(if revoked { RevocationAnswer::Revoked } else { RevocationAnswer::Good })
}
