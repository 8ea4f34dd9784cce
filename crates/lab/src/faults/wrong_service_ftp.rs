//! The greeting is due at once (RFC 959 section 5.4).

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-ftp",
    summary: "is an FTP server: greets with code 220",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"220 files.lab.example FTP server ready\r\n",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(
                    b"500 Command not understood.\r\n",
                    Then::Silence,
                ))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
