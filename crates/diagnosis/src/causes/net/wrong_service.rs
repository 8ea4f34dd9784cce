//! Something else answers on the port.

use rdpdoctor_model::{CauseId, ServiceKind, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `net.wrong-service`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.wrong-service"),
    stage: Stage::X224,
    owner: Owner::Host,
    title: "Port {port} of {host} is not Remote Desktop",
    explanation: "Something answers on the port, but it speaks another protocol. The port was forwarded to the wrong place, Remote Desktop listens elsewhere, or another program took the port.",
    excludes: &[
        "the network: the port answers",
        "certificate, password, account, licence: none was reached",
    ],
    remedies: &[Remedy {
        id: "find-the-right-port",
        place: Where::Host,
        risk: Risk::Low,
        title: "Find the port of Remote Desktop and who owns {port}",
        steps: &[
            "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' PortNumber",
            "PS> Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort {port}).OwningProcess",
            "Connect to the right port, or correct the port forward.",
        ],
        interrupts: "nothing",
        undo: advice::NOTHING_TO_UNDO,
        verify: "rdpdoctor check {target} shows an RDP answer",
    }],
    references: &[
        "RFC 1006 6",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-internal-error",
    ],
    client_shows: &[
        ClientCode { code: 0x1104, extended: Some(0), proof: Proof::Possible },
        ClientCode { code: 0x904, extended: Some(7), proof: Proof::Possible },
    ],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&[
        "wrong-service-ssh",
        "wrong-service-http",
        "wrong-service-https",
        "direct-only",
        "wrong-service-vnc",
        "wrong-service-smb",
        "wrong-service-ftp",
        "wrong-service-smtp",
        "wrong-service-unknown",
        "wrong-service-mysql",
        "wrong-service-telnet",
        "wrong-service-https-alert",
        "wrong-service-imap",
        "wrong-service-pop3",
    ]),
    next_tests: &[advice::WITHOUT_NEGOTIATION],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = look::foreign_service(evidence)?;
    let (service, said) = seen.value;
    let name = match service {
        ServiceKind::Ssh => "an SSH server",
        ServiceKind::Http => "a web server (HTTP)",
        ServiceKind::Tls => "a TLS service such as HTTPS",
        ServiceKind::Vnc => "a VNC server",
        ServiceKind::Smb => "a file server (SMB)",
        ServiceKind::Ftp => "an FTP server",
        ServiceKind::Smtp => "a mail server (SMTP)",
        ServiceKind::Pop3 => "a mail server (POP3)",
        ServiceKind::Imap => "a mail server (IMAP)",
        ServiceKind::Telnet => "a Telnet server",
        ServiceKind::Mysql => "a MySQL or MariaDB server",
        ServiceKind::RdpLike | ServiceKind::Unknown => "some other service",
    };
    let target = evidence.target?;
    // So does a Remote Desktop host that lets nothing be negotiated.
    let is_tls = service == ServiceKind::Tls && said.is_empty();
    let proof = if is_tls { Proof::Likely } else { Proof::Proven };
    let found = Match::new(Severity::Blocking, proof, [seen.id()])
        .titled(format!("Port {} of {} is {name}, not Remote Desktop", target.port, target.host));
    Some(match said {
        "" if is_tls => found.detailed("It takes TLS from the first byte.".to_owned()),
        "" => found,
        said => found.detailed(format!("It said: {said}")),
    })
}

#[cfg(test)]
mod tests {

    use super::CAUSE;
    use crate::testing::Scene;

    #[test]
    fn another_protocol_is_named() {
        let found =
            Scene::new().connected("10.0.0.1:3389").ssh_banner().judge(&CAUSE).expect("fits");
        assert!(found.title.is_some_and(|title| title.contains("SSH")));
        assert_eq!(Scene::negotiated(2).judge(&CAUSE), None);
    }
}
