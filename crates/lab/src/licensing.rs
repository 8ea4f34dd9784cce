//! Licensing as far as a server that asks for no licence goes (MS-RDPBCGR 2.2.1.12), encoded by
//! `ironrdp-pdu`.

use std::io;

use ironrdp_core::encode_vec;
use ironrdp_pdu::rdp::server_license::{
    LicenseErrorCode, LicensePdu, LicensingErrorMessage, LicensingStateTransition,
};

/// What follows the security header of a message that says it is longer than it is: a Server License
/// Request of 32767 bytes.
const BROKEN: [u8; 10] = [0x80, 0, 0, 0, 1, 3, 0xFF, 0x7F, 9, 9];

/// STATUS_VALID_CLIENT: no licence is needed.
pub(crate) fn valid_client() -> io::Result<Vec<u8>> {
    encode(LicensingErrorMessage::new_valid_client().map_err(io::Error::other)?)
}

/// A licensing error that ends the connection, and with it licensing: ST_TOTAL_ABORT.
pub(crate) fn error(code: LicenseErrorCode) -> io::Result<Vec<u8>> {
    let valid = LicensingErrorMessage::new_valid_client().map_err(io::Error::other)?;
    encode(LicensingErrorMessage {
        error_code: code,
        state_transition: LicensingStateTransition::TotalAbort,
        ..valid
    })
}

/// A licensing message that breaks the rules.
pub(crate) fn broken() -> Vec<u8> {
    BROKEN.to_vec()
}

fn encode(message: LicensingErrorMessage) -> io::Result<Vec<u8>> {
    encode_vec(&LicensePdu::LicensingErrorMessage(message)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_what_the_specification_says() {
        // MS-RDPBCGR 2.2.1.12.1.3: security header, preamble of 16 bytes, code, transition, no blob.
        let message = |code: u8, transition: u8| {
            [0x80, 0, 0, 0, 0xFF, 3, 16, 0, code, 0, 0, 0, transition, 0, 0, 0, 4, 0, 0, 0]
        };
        assert_eq!(valid_client().expect("encodes"), message(7, 2));
        assert_eq!(error(LicenseErrorCode::NoLicenseServer).expect("encodes"), message(6, 1));
    }
}
