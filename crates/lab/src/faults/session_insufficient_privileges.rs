//! AUTHZ_ACCESS_DENIED (MS-RDPBCGR 2.2.10.2): the user is none of the Remote Desktop Users. Clients
//! that did not ask for it learn it from ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES behind the licence.

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "session-insufficient-privileges",
    summary: "lets nobody in whose password is right",
    cause: Some("session.insufficient-privileges"),
    behaviour: Behaviour {
        verdict: Verdict::EarlyAuthorization(5),
        session: SessionAnswer::Refused(0x9),
        ..Behaviour::HEALTHY
    },
};
