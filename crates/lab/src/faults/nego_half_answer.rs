//! Six of nineteen bytes, then nothing: a host that hangs, or a path that lost the rest.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Instead, Then};

pub(super) static FAULT: Fault = Fault {
    name: "nego-half-answer",
    summary: "sends the first bytes of a confirm and stops",
    cause: Some("nego.timeout"),
    behaviour: Behaviour {
        negotiation: |_| Answer::Instead(Instead::Say(&[3, 0, 0, 19, 14, 0xD0], Then::Silence)),
        ..Behaviour::HEALTHY
    },
};
