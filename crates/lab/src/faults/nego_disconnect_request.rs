//! An X.224 Disconnect Request (ITU-T X.224 section 13.5) with reason 1, congestion at the TSAP.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Ending, Instead, Then};

pub(super) static FAULT: Fault = Fault {
    name: "nego-disconnect-request",
    summary: "answers with an X.224 Disconnect Request",
    cause: Some("nego.malformed-response"),
    behaviour: Behaviour {
        negotiation: |_| {
            Answer::Instead(Instead::Say(
                &[3, 0, 0, 11, 6, 0x80, 0, 0, 0x12, 0x34, 1],
                Then::End(Ending::Fin),
            ))
        },
        ..Behaviour::HEALTHY
    },
};
