//! RDP_NEG_RSP has 8 bytes and says so (MS-RDPBCGR 2.2.1.2.1); this one says 9.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Instead, Then};

pub(super) static FAULT: Fault = Fault {
    name: "nego-bad-length",
    summary: "answers with negotiation data of a wrong length",
    cause: Some("nego.malformed-response"),
    behaviour: Behaviour {
        negotiation: |_| {
            Answer::Instead(Instead::Say(
                &[3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0x1F, 9, 0, 8, 0, 0, 0],
                Then::Silence,
            ))
        },
        ..Behaviour::HEALTHY
    },
};
