//! Standard RDP Security with a level and no method.

use ironrdp_pdu::gcc::{EncryptionLevel, EncryptionMethod};

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};
use crate::security::StandardSecurity;

pub(super) static FAULT: Fault = Fault {
    name: "rdpsec-no-common-encryption",
    summary: "wants encryption and chooses no method",
    cause: Some("rdpsec.no-common-encryption"),
    behaviour: Behaviour {
        negotiation: |_| Answer::WithoutNegotiation,
        standard_security: StandardSecurity {
            method: EncryptionMethod::empty(),
            level: EncryptionLevel::High,
        },
        ..Behaviour::HEALTHY
    },
};
