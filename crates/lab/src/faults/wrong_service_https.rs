//! TLS from the first byte: an RDP client's request is dropped without a word, a ClientHello is
//! answered.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-https",
    summary: "is an HTTPS server: hangs up on what is no ClientHello",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"",
            answer: |first| match first {
                [22, ..] => ForeignAnswer::Https,
                _ => ForeignAnswer::Instead(Instead::End(Ending::Fin)),
            },
        }),
        ..Behaviour::HEALTHY
    },
};
