//! The ways in which WinRM fails, a few lines each.

use super::{Answers, Create, FarHow, Front, How, Run, WinrmFault};
use crate::certificate;

/// All of them.
pub static WINRM_FAULTS: &[WinrmFault] = &[
    WinrmFault {
        name: "healthy-winrm",
        summary: "lets the lab's account in by HTTPS and runs a script",
        how: How::HEALTHY,
    },
    WinrmFault {
        name: "healthy-winrm-http",
        summary: "the same by HTTP, each message encrypted",
        how: HTTP,
    },
    WinrmFault {
        name: "winrm-untrusted",
        summary: "has a certificate that it made for itself",
        how: How { certificate: Some(certificate::self_signed), ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-certificate-changes",
        summary: "ends its first connection, and shows another certificate on the next",
        how: How { changes_certificate: true, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-silent",
        summary: "accepts the connection and says nothing",
        how: How { front: Front::Silence, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-web-server",
        summary: "is a web server that knows no such page",
        how: How { front: Front::WebServer, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-ssh",
        summary: "is another service",
        how: How { front: Front::Ssh, ..HTTP },
    },
    WinrmFault {
        name: "winrm-basic-only",
        summary: "takes nothing but the password itself",
        how: How { offers: &["Basic realm=\"WSMAN\""], ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-rejected",
        summary: "lets nobody in",
        how: How { lets_in: false, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-access-denied",
        summary: "knows the user and makes no shell for it",
        how: How { create: Create::Denied, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-quota",
        summary: "has as many shells of this user as it may have",
        how: How { create: Create::Quota, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-no-powershell",
        summary: "finds no PowerShell",
        how: How { run: Run::NoProgram, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-script-refused",
        summary: "has a PowerShell that may not run scripts",
        how: How { run: Run::Refuses, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-connection-cut",
        summary: "ends the connection in the middle of the output",
        how: How { run: Run::EndsTheConnection, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-output-cut",
        summary: "loses the end of the output",
        how: How { run: Run::LosesTheEnd, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-endless",
        summary: "has a script that never stops writing",
        how: How { run: Run::Endless, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-hangs",
        summary: "has a script that never writes anything",
        how: How { run: Run::Hangs, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-in-clear",
        summary: "answers in clear where it should encrypt",
        how: How { answers: Answers::InClear, ..HTTP },
    },
    WinrmFault {
        name: "winrm-altered",
        summary: "somebody on the way changes an encrypted answer",
        how: How { answers: Answers::Altered, ..HTTP },
    },
    WinrmFault {
        name: "winrm-other-answer",
        summary: "answers another question than the one that was asked",
        how: How { answers: Answers::ToAnother, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-garbage",
        summary: "answers with what is no message",
        how: How { answers: Answers::Garbage, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-constrained",
        summary: "has a PowerShell that brings no program",
        how: How { far: FarHow::Constrained, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-arm",
        summary: "has another processor than the program that is brought",
        how: How { far: FarHow::Arm, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-blocked",
        summary: "has a policy that does not let the program run",
        how: How { far: FarHow::Blocked, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-altered",
        summary: "keeps another program than the one that was sent",
        how: How { far: FarHow::Alters, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-other-version",
        summary: "runs another version of the program",
        how: How { far: FarHow::OtherVersion, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-cut",
        summary: "is changed, and cannot be reached any more",
        how: How { far: FarHow::Cut, ..How::HEALTHY },
    },
    WinrmFault {
        name: "winrm-far-lies",
        summary: "answers for the program with what it never said",
        how: How { far: FarHow::Lies, ..How::HEALTHY },
    },
];

/// What Windows has where it was only told to let itself be managed: HTTP, and nothing in clear.
const HTTP: How = How { certificate: None, ..How::HEALTHY };

/// The fault with this name.
pub fn winrm_fault(name: &str) -> Option<&'static WinrmFault> {
    WINRM_FAULTS.iter().find(|fault| fault.name == name)
}
