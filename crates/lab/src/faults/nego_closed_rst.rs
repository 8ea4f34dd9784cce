//! As `nego-closed-fin`, by a reset.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour, Ending, Instead};

pub(super) static FAULT: Fault = Fault {
    name: "nego-closed-rst",
    summary: "reads the Connection Request and closes with RST",
    cause: Some("nego.closed-after-request"),
    behaviour: Behaviour {
        negotiation: |_| Answer::Instead(Instead::End(Ending::Reset)),
        ..Behaviour::HEALTHY
    },
};
