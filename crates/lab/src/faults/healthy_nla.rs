//! The server that all faults deviate from: NLA required, TLS 1.2 and 1.3, a self-signed certificate, an
//! NTLM challenge. It ends the connection at the message that would hold a credential.

use crate::Fault;
use crate::behaviour::Behaviour;

pub(super) static FAULT: Fault = Fault {
    name: "healthy-nla",
    summary: "Windows Server 2022 that requires NLA, up to its NTLM challenge",
    cause: None,
    behaviour: Behaviour::HEALTHY,
};
