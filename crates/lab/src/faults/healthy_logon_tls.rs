//! TLS without NLA, up to the picture: the password travels in the Client Info PDU (MS-RDPBCGR
//! 2.2.1.11), and a wrong one leaves the client at the logon screen.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-logon-tls",
    summary: "logs the lab's account on without NLA and paints a desktop",
    cause: None,
    behaviour: Behaviour { negotiation: x224::tls_only, ..Behaviour::HEALTHY },
};
