//! AUTHZ_ACCESS_DENIED (MS-RDPBCGR 2.2.10.2).

use crate::Fault;
use crate::behaviour::{Behaviour, Outcome, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "session-insufficient-privileges",
    summary: "signs the user in and then does not let them on",
    cause: Some("session.insufficient-privileges"),
    behaviour: Behaviour {
        sign_in: SignIn::Complete(Outcome::Authorization(5)),
        ..Behaviour::HEALTHY
    },
};
