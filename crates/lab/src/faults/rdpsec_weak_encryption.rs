//! Standard RDP Security with 40 bits, where only the client encrypts.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "rdpsec-weak-encryption",
    summary: "encrypts with 40 bits, and only what the client sends",
    cause: Some("rdpsec.weak-encryption"),
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::BIT_40,
            level: EncryptionLevel::Low,
        },
        ..Behaviour::HEALTHY
    },
};
