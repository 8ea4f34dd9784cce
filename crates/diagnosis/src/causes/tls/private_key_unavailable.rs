//! The host negotiates TLS and then drops the ClientHello, because it cannot use the private key of
//! its Remote Desktop certificate.

use rdpdoctor_model::{Awaited, CauseId, Ending, Stage};

use crate::causes::advice;
use crate::causes::look::{self, PlainHello};

use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// internal_error (RFC 8446 section 6.2): what Schannel may say when the key cannot be opened.
const ALERT_INTERNAL_ERROR: u8 = 80;

/// handshake_failure: no acceptable parameters, or a key that does not fit.
const ALERT_HANDSHAKE_FAILURE: u8 = 40;

/// `tls.private-key-unavailable`
pub static CAUSE: Cause = Cause {
    id: CauseId("tls.private-key-unavailable"),
    stage: Stage::Tls,
    owner: Owner::Host,
    title: "{host} cannot use the private key of its Remote Desktop certificate",
    explanation: "The server agreed to encrypt and then hung up on the first encrypted message, \
        before it had shown a certificate. A Windows host does this when NETWORK SERVICE, which \
        runs Remote Desktop, cannot open the private key of the bound certificate: the key file \
        is gone, or its permissions were changed. No single detail proves it from outside: \
        settings that share no cipher with a client, and a device in between, can look alike.",
    excludes: &["password", "account", "licence"],
    remedies: &[Remedy {
        id: "repair-the-key",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Let NETWORK SERVICE read the one key again; if it is lost, let Windows make a new certificate",
        steps: &[
            "Look first; the System log names the reason (Schannel 36870; RemoteConnectionManager 1057, 1058):",
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=36870,36871,36874,1057,1058} -MaxEvents 10 | Format-List TimeCreated, Id, Message",
            "Which certificate is bound (no value: the self-signed one in the store 'Remote Desktop'):",
            "PS> $t = (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\").SSLCertificateSHA1Hash; $t",
            "PS> $c = Get-ChildItem Cert:\\LocalMachine -Recurse | Where-Object Thumbprint -eq $t | Select-Object -First 1; certutil -store $(if ($c.PSParentPath -match 'Remote Desktop') {'Remote Desktop'} else {'My'}) $t",
            "certutil prints the unique container name: the file of that name lies in C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys or in C:\\ProgramData\\Microsoft\\Crypto\\Keys. Keep its permissions, then grant the read that is missing:",
            "PS> $f = 'C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\<name>'; (Get-Acl $f).Sddl | Set-Content C:\\rdp-key-acl.txt",
            "PS> icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
            "If the file is gone and the certificate is the self-signed one: export and remove that one certificate; Windows makes a new one:",
            "PS> Export-Certificate -Cert $c -FilePath C:\\rdp-old.cer; Remove-Item $c.PSPath; Restart-Service SessionEnv -Force",
            "If a certificate of your CA is bound: bind it again with its key, or enrol a new one; do not delete it.",
            "Only if the check still fails, and after telling who is logged on: PS> Restart-Service TermService -Force",
        ],
        interrupts: "granting the read: nothing; Restart-Service TermService cuts every Remote Desktop session",
        undo: &[
            "PS> $a = Get-Acl $f; $a.SetSecurityDescriptorSddlForm((Get-Content C:\\rdp-key-acl.txt)); Set-Acl $f $a",
            "PS> Import-Certificate C:\\rdp-old.cer -CertStoreLocation 'Cert:\\LocalMachine\\Remote Desktop'",
        ],
        verify: "rdpdoctor check {target} gets past 'encryption' and shows the certificate",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-internal-error",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
    ],
    client_shows: &[ClientCode { code: 0x904, extended: Some(7), proof: Proof::Likely }],
    more_specific_than: &[CauseId("tls.closed"), CauseId("tls.alert")],
    reproduction: Reproduction::Lab(&[
        "tls-key-unavailable-fin",
        "tls-key-unavailable-rst",
        "tls-key-unavailable-alert",
    ]),
    next_tests: &[advice::ON_THE_HOST],
    rule,
};

/// A dropped ClientHello is `likely` only when a second, plain one was dropped too: then it is
/// neither the hello's size nor its offers. Whether it is FIN or RST is partly a race and says
/// nothing.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if let Some(alert) = look::alert(evidence, &[Awaited::ServerHello]) {
        let proof = match alert.value {
            ALERT_INTERNAL_ERROR => Proof::Likely,
            // No common cipher is the likelier reason.
            ALERT_HANDSHAKE_FAILURE => Proof::Possible,
            _ => return None,
        };
        return Some(Match::new(Severity::Blocking, proof, [alert.id()]));
    }
    let dropped = evidence.ended_awaiting(Awaited::ServerHello)?;
    let hung_up = matches!(dropped.value.ending, Ending::Fin | Ending::Reset);
    if !hung_up || dropped.value.unfinished > 0 {
        return None;
    }
    match look::plain_hello(evidence) {
        PlainHello::Answered(_) => None,
        PlainHello::Dropped(second) => {
            Some(Match::new(Severity::Blocking, Proof::Likely, [dropped.id(), second]))
        }
        PlainHello::NotTried | PlainHello::Other => {
            Some(Match::new(Severity::Blocking, Proof::Possible, [dropped.id()]))
        }
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Purpose};

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn two_dropped_hellos_are_likely_whether_fin_or_reset() {
        for ending in [Ending::Fin, Ending::Reset] {
            let scene = Scene::negotiated(2)
                .ended(ending, Awaited::ServerHello)
                .connection(Purpose::PlainClientHello)
                .ended(ending, Awaited::ServerHello);
            assert_eq!(scene.judge(&CAUSE).map(|m| m.proof), Some(Proof::Likely));
        }
    }

    #[test]
    fn near_miss_the_plain_hello_was_answered() {
        let scene = Scene::negotiated(2)
            .ended(Ending::Reset, Awaited::ServerHello)
            .connection(Purpose::PlainClientHello)
            .server_hello(0x0303, 0x002f);
        assert_eq!(scene.judge(&CAUSE), None);
    }

    #[test]
    fn near_miss_silence_is_no_drop() {
        let scene = Scene::negotiated(2).ended(Ending::Timeout, Awaited::ServerHello);
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
