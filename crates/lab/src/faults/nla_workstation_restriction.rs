//! errorCode 0xC0000070 (MS-ERREF 2.3.1): the account may log on from other computers.

use crate::Fault;
use crate::behaviour::{Behaviour, Verdict};

pub(super) static FAULT: Fault = Fault {
    name: "nla-workstation-restriction",
    summary: "answers the right password with STATUS_INVALID_WORKSTATION",
    cause: Some("nla.workstation-restriction"),
    behaviour: Behaviour { verdict: Verdict::Status(0xC000_0070), ..Behaviour::HEALTHY },
};
