//! OpenSSL says protocol_version (70) to bytes that are no TLS record, before it hangs up.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-https-alert",
    summary: "is an HTTPS server: answers what is no ClientHello with a TLS alert",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"",
            answer: |first| match first {
                [22, ..] => ForeignAnswer::Https,
                _ => ForeignAnswer::Instead(Instead::Say(
                    &[21, 3, 1, 0, 2, 2, 70],
                    Then::End(Ending::Fin),
                )),
            },
        }),
        ..Behaviour::HEALTHY
    },
};
