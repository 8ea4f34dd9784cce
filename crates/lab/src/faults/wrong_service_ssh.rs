//! OpenSSH greets first (RFC 4253 section 4.2) and tells a stranger so before it hangs up.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-ssh",
    summary: "is an SSH server: greets, and hangs up on what is no SSH",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
            answer: |_| {
                ForeignAnswer::Instead(Instead::Say(
                    b"Invalid SSH identification string.\r\n",
                    Then::End(Ending::Fin),
                ))
            },
        }),
        ..Behaviour::HEALTHY
    },
};
