//! Standard RDP Security with 56 bits in both directions.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "rdpsec-56-bit",
    summary: "encrypts with 56 bits",
    cause: Some("rdpsec.weak-encryption"),
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::BIT_56,
            level: EncryptionLevel::ClientCompatible,
        },
        ..Behaviour::HEALTHY
    },
};
