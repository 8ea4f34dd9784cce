//! Failure code 7: the host admits only sign-in with a Microsoft Entra account.

use crate::Fault;
use crate::behaviour::{Answer, Behaviour};

pub(super) static FAULT: Fault = Fault {
    name: "nego-entra-required",
    summary: "refuses with failure code 7, sign-in by Microsoft Entra required",
    cause: Some("nego.entra-required"),
    behaviour: Behaviour { negotiation: |_| Answer::Failure(7), ..Behaviour::HEALTHY },
};
