//! MsvAvTimestamp is optional (MS-NLMP 2.2.2.1); Samba and servers before Vista leave it out.

use crate::Fault;
use crate::behaviour::{Behaviour, Challenge, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "healthy-no-timestamp",
    summary: "leaves the time out of its NTLM challenge",
    cause: None,
    behaviour: Behaviour {
        sign_in: SignIn::Challenge(Challenge { timestamp: false, ..Challenge::HEALTHY }),
        ..Behaviour::HEALTHY
    },
};
