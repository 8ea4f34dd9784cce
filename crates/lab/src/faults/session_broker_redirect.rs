//! A farm whose broker names a host that the client cannot reach (MS-RDPBCGR 2.2.13): nobody listens
//! there.

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-broker-redirect",
    summary: "redirects to 127.0.0.2",
    cause: Some("session.broker-redirect-failed"),
    behaviour: Behaviour { session: SessionAnswer::Redirected("127.0.0.2"), ..Behaviour::HEALTHY },
};
