//! A driver or filter that ends the session without a word.

use crate::Fault;
use crate::behaviour::{Behaviour, Ending, Instead, Outcome, SessionAnswer, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "session-closed",
    summary: "hangs up after the licence",
    cause: Some("session.closed"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        session: SessionAnswer::Instead(Instead::End(Ending::Fin)),
        ..Behaviour::HEALTHY
    },
};
