//! A server older than the negotiation: Windows 2000, XP and Server 2003 without TLS, old terminals.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-legacy-only",
    summary: "confirms without negotiation data and goes on with Standard RDP Security",
    cause: Some("nego.legacy-security-only"),
    behaviour: Behaviour { negotiation: |_| Answer::WithoutNegotiation, ..Behaviour::HEALTHY },
};
