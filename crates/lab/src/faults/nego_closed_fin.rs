//! A connection limit, a bastion or a guard against guessed passwords. As long as a client says nothing,
//! the server waits.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Ending, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "nego-closed-fin",
    summary: "reads the Connection Request and closes with FIN",
    cause: Some("nego.closed-after-request"),
    behaviour: Behaviour {
        negotiation: |_| Answer::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
