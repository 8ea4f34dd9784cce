//! Standard RDP Security at the level FIPS, up to the picture.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-rdp-fips",
    summary: "does so with Triple DES at the level FIPS",
    cause: None,
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::FIPS,
            level: EncryptionLevel::Fips,
        },
        ..Behaviour::HEALTHY
    },
};
