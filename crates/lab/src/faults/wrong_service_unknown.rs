//! In-house services exist; nobody can name them, but Remote Desktop it is not.

use crate::Fault;
use crate::behaviour::{Behaviour, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-unknown",
    summary: "answers with a line of words that belong to no known protocol",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(
                    b"ERR 17 these words have no meaning here, say HELP for those that have\r\n",
                    Then::Silence,
                ))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
