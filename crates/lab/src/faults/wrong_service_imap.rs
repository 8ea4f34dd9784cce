//! The greeting is due at once (RFC 9051 section 7.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-imap",
    summary: "is an IMAP server: greets with * OK",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"* OK [CAPABILITY IMAP4rev1] mail.lab.example ready\r\n",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(b"* BAD Invalid command\r\n", Then::Silence))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
