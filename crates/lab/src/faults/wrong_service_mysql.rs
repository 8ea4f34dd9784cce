//! Protocol::HandshakeV10, the server's first packet; it refuses an answer that is out of order.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Foreign, ForeignAnswer, Instead, Opening, Then};

pub(super) static FAULT: Fault = Fault {
    name: "wrong-service-mysql",
    summary: "is a MySQL server: greets with its version",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour {
        opening: Opening::Foreign(Foreign {
            greeting: GREETING,
            answer: |_| ForeignAnswer::Instead(Instead::Say(REFUSAL, Then::End(Ending::Fin))),
        }),
        ..Behaviour::HEALTHY
    },
};

/// Length, sequence, protocol 10, version, thread, salt, capabilities, character set, status, salt,
/// authentication plugin.
const GREETING: &[u8] = b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0saltsalt\0\xff\xff\xff\x02\0\xff\xdf\
    \x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0caching_sha2_password\0";

/// ERR_Packet with error 1156, ER_NET_PACKETS_OUT_OF_ORDER.
const REFUSAL: &[u8] = b"\x21\0\0\x01\xff\x84\x04#08S01Got packets out of order";
