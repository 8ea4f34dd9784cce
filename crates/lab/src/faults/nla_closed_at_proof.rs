//! The security service fails, or a product ends what it does not want.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-closed-at-proof",
    summary: "closes with FIN at the proof of the password",
    cause: Some("nla.closed-without-answer"),
    behaviour: Behaviour {
        verdict: Verdict::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
