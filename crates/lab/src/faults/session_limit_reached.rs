//! LOGON_MSG_BUMP_OPTIONS (MS-RDPBCGR 2.2.10.1.1.4.1.1).

use crate::Fault;
use crate::behaviour::{Behaviour, Outcome, SessionAnswer, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "session-limit-reached",
    summary: "asks which of two users shall have the session",
    cause: Some("session.limit-reached"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Accepted),
        session: SessionAnswer::Notification(0xFFFF_FFFB, 0),
        ..Behaviour::HEALTHY
    },
};
