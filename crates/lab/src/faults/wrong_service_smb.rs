//! The NetBIOS session service refuses a packet of a type that it does not know (RFC 1002 section
//! 4.3.4, unspecified error). SMB on port 445 closes without a word.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-smb",
    summary: "is a file server: answers with a NetBIOS negative response and closes",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(&[0x83, 0, 0, 1, 0x8F], Then::End(Ending::Fin)))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
