//! Connection limits and guards against guessed passwords close before a byte is read.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "net-closed-on-accept-fin",
    summary: "accepts and closes at once with FIN",
    cause: Some("net.closed-on-accept"),
    behaviour: Behaviour {
        opening: Opening::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
