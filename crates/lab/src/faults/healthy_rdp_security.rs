//! Standard RDP Security with 128 bits, up to the picture: what XP and Server 2003 do.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-rdp-security",
    summary: "logs the lab's account on with Standard RDP Security and paints a desktop",
    cause: None,
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::BIT_128,
            level: EncryptionLevel::High,
        },
        ..Behaviour::HEALTHY
    },
};
