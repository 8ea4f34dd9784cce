//! The server that all faults deviate from: NLA required, TLS 1.2 and 1.3, a self-signed certificate,
//! one account, a session with a picture.

use crate::Fault;
use crate::behaviour::Behaviour;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-nla",
    summary: "Windows Server 2022 that requires NLA",
    cause: None,
    behaviour: Behaviour::HEALTHY,
};
