//! Licensing messages (MS-RDPELE 2.2.2, MS-RDPBCGR 2.2.1.12). `ironrdp-pdu` refuses error codes that
//! it does not know; here they keep their numbers.

use rdpdoctor_model::{Fact, Hex, Party};

use crate::reader::Reader;

const ERROR_ALERT: u8 = 0xFF;

/// LICENSE_REQUEST to UPGRADE_LICENSE, the messages of a server.
const OF_SERVER: std::ops::RangeInclusive<u8> = 1..=4;

/// STATUS_VALID_CLIENT.
const STATUS_VALID_CLIENT: u32 = 7;

/// Reads what stands behind the security header of a licensing PDU; nothing for the client's own
/// messages.
pub(crate) fn read(bytes: &[u8], from: Party) -> Option<Fact> {
    let broken = |problem: &str| {
        let problem = problem.to_owned();
        Some(Fact::LicenseMalformed { problem, bytes: Hex(bytes[..bytes.len().min(32)].to_vec()) })
    };
    let mut reader = Reader(bytes);
    let header = (|| Some((reader.u8()?, reader.u8()?, reader.u16()?)))();
    let Some((message_type, _flags, size)) = header else {
        return broken("a licensing message without a header");
    };
    if usize::from(size) > bytes.len() {
        return broken("a licensing message that is cut short");
    }
    match (message_type, from) {
        (ERROR_ALERT, _) => match reader.u32().zip(reader.u32()) {
            Some((code, state_transition)) => {
                Some(Fact::LicenseError { from, code, state_transition })
            }
            None => broken("a licensing error without a code"),
        },
        (kind, Party::Server) if OF_SERVER.contains(&kind) => {
            Some(Fact::LicenseMessage { message_type })
        }
        (_, Party::Server) => broken("a licensing message of an unknown type"),
        (_, Party::Client) => None,
    }
}

/// Whether licensing is done with this.
pub(crate) fn ends(fact: &Fact) -> bool {
    match fact {
        Fact::LicenseError { from: Party::Server, code, .. } => *code == STATUS_VALID_CLIENT,
        Fact::LicenseMessage { message_type } => matches!(message_type, 3 | 4),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_numbers() {
        let error = |code: u32| {
            [&[0xFF, 3, 16, 0][..], &code.to_le_bytes(), &2u32.to_le_bytes(), &[4, 0, 0, 0]]
                .concat()
        };
        let valid = read(&error(7), Party::Server).expect("a fact");
        assert!(ends(&valid));
        let unknown = read(&error(0x55), Party::Server).expect("a fact");
        assert!(matches!(unknown, Fact::LicenseError { code: 0x55, state_transition: 2, .. }));
        assert!(!ends(&unknown));
    }

    #[test]
    fn what_is_none() {
        for bytes in [&b""[..], &[0xFF, 3], &[0xFF, 3, 4, 0], &[9, 3, 4, 0], &[1, 3, 200, 0]] {
            let fact = read(bytes, Party::Server);
            assert!(matches!(fact, Some(Fact::LicenseMalformed { .. })), "{bytes:?}");
        }
        assert_eq!(read(&[0x13, 3, 4, 0], Party::Client), None);
    }
}
