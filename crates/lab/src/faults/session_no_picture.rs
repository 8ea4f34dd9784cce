//! The black screen.

use crate::Fault;
use crate::behaviour::{Behaviour, Outcome, SessionAnswer, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "session-no-picture",
    summary: "sets the session up and paints nothing",
    cause: Some("session.no-picture"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        session: SessionAnswer::Unpainted,
        ..Behaviour::HEALTHY
    },
};
