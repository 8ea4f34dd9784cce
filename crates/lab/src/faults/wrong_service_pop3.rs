//! The greeting is due at once (RFC 1939 section 4).

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-pop3",
    summary: "is a POP3 server: greets with +OK",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"+OK mail.lab.example POP3 ready\r\n",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(b"-ERR Unknown command.\r\n", Then::Silence))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
