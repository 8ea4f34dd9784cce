//! The level FIPS of Standard RDP Security with a method of another.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "rdpsec-fips-mismatch",
    summary: "says FIPS and encrypts with 128 bits",
    cause: Some("rdpsec.fips-mismatch"),
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::BIT_128,
            level: EncryptionLevel::Fips,
        },
        ..Behaviour::HEALTHY
    },
};
