//! LOGON_MSG_BUMP_OPTIONS (MS-RDPBCGR 2.2.10.1.1.4.1.1).

use ironrdp_pdu::rdp::session_info::LogonErrorNotificationType;

use crate::Fault;
use crate::behaviour::{Behaviour, SessionAnswer};

pub(super) static FAULT: Fault = Fault {
    name: "session-limit-reached",
    summary: "asks which of two users shall have the session",
    cause: Some("session.limit-reached"),
    behaviour: Behaviour {
        session: SessionAnswer::Notification(LogonErrorNotificationType::BumpOptions),
        ..Behaviour::HEALTHY
    },
};
