//! An alias, a farm, a NAT rule, or a stale DNS record: the machine that answers has another name than
//! the one asked for. Worth a remark, no failure.

use crate::Fault;
use crate::behaviour::{Behaviour, Computer};

pub(super) static FAULT: Fault = Fault {
    name: "other-name",
    summary: "calls itself FILESRV02.lab.example in its certificate and in NTLM",
    cause: None,
    behaviour: Behaviour { computer: || Computer::named("FILESRV02"), ..Behaviour::HEALTHY },
};
