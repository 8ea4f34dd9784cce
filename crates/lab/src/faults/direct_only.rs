//! MS-RDPBCGR 5.4.2.2: nothing is negotiated in clear, and whoever asks first gets FIN. To them it is
//! one of the services that begin with TLS.

use crate::Fault;
use crate::behaviour::{Behaviour, Opening};

pub(super) static FAULT: Fault = Fault {
    name: "direct-only",
    summary: "begins with TLS and the sign-in, and hangs up on whoever negotiates first",
    cause: Some("net.wrong-service"),
    behaviour: Behaviour { opening: Opening::Directly, ..Behaviour::HEALTHY },
};
