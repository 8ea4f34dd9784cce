//! TLS without CredSSP, as xrdp offers it or Windows where an administrator gave NLA up.

use crate::Fault;
use crate::behaviour::Behaviour;
use crate::x224;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-tls-only",
    summary: "a server that takes TLS without NLA",
    cause: None,
    behaviour: Behaviour { negotiation: x224::tls_only, ..Behaviour::HEALTHY },
};
