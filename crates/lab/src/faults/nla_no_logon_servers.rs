//! errorCode 0xC000005E (MS-CSSP 2.2.1, MS-ERREF 2.3.1): the host finds no domain controller.

use crate::Fault;
use crate::behaviour::{Behaviour, SignIn};

pub(super) static FAULT: Fault = Fault {
    name: "nla-no-logon-servers",
    summary: "answers with STATUS_NO_LOGON_SERVERS",
    cause: Some("nla.no-logon-servers"),
    behaviour: Behaviour { sign_in: SignIn::Status(0xC000_005E), ..Behaviour::HEALTHY },
};
