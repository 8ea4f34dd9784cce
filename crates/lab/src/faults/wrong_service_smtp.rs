//! The greeting is due at once (RFC 5321 section 3.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-smtp",
    summary: "is a mail server: greets with code 220",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"220 mx.lab.example ESMTP Postfix\r\n",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(
                    b"502 5.5.2 Error: command not recognized\r\n",
                    Then::Silence,
                ))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
