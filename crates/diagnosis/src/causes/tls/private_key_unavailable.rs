//! The host negotiates TLS and then drops the ClientHello, because it cannot use the private key of
//! its Remote Desktop certificate.

use rdpdoctor_model::{Awaited, CauseId, Ending, ObservationId, Stage};

use crate::causes::advice;
use crate::causes::look::{self, PlainHello};

use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// internal_error (RFC 8446 section 6.2): what Schannel may say when the key cannot be opened.
const ALERT_INTERNAL_ERROR: u8 = 80;

/// handshake_failure: no acceptable parameters, or a key that does not fit.
const ALERT_HANDSHAKE_FAILURE: u8 = 40;

/// protocol_version (RFC 8446 6.2).
const ALERT_PROTOCOL_VERSION: u8 = 70;

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
            "Which certificate is bound:",
            "PS> $t = (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\").SSLCertificateSHA1Hash; $t",
            "PS> $c = Get-ChildItem 'Cert:\\LocalMachine\\Remote Desktop', Cert:\\LocalMachine\\My | Where-Object Thumbprint -eq $t | Select-Object -First 1; $c | Format-List PSParentPath, Subject, Issuer, NotAfter, HasPrivateKey",
            "Where its key is. In the store 'Remote Desktop' it is the self-signed one, whose file has the same name on every host but for the host's own id:",
            "PS> $f = \"$env:ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_$((Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft\\Cryptography).MachineGuid)\"; Test-Path $f",
            "In the store 'My' it is one of your CA; certutil prints its unique container name, which is the name of the file in RSA\\MachineKeys or in Crypto\\Keys: PS> certutil -store My $t",
            "PS> $f = \"$env:ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\<unique container name>\"; Test-Path $f",
            "If the file is there, keep its permissions, then grant the two that are missing, on this one file only:",
            "PS> icacls $f /save C:\\rdp-key-acl.txt",
            "PS> icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
            "Only if that says 'Access is denied', take the file first, repeat the two lines, then give it back to SYSTEM: PS> takeown /f $f /a",
            "PS> icacls $f /setowner '*S-1-5-18'",
            "If the file is gone and the certificate is the self-signed one: keep a copy, take that one certificate out, and Windows makes a new one (RemoteConnectionManager 1056 in the System log):",
            "PS> Export-Certificate -Cert $c -FilePath C:\\rdp-old.cer; Remove-Item $c.PSPath; Restart-Service SessionEnv -Force",
            "If event 1058 says that the object already exists: move this one file of the self-signed certificate aside, and let Windows make both anew:",
            "PS> Move-Item $f C:\\rdp-key.bak; Restart-Service SessionEnv -Force",
            "If the file is gone and a certificate of your CA is bound: import it again with its key, or enrol and bind a new one; do not delete it.",
            "Check from outside now. Only if it still fails, and after telling who is logged on: PS> Restart-Service TermService -Force",
            "Leave the folder itself alone: every other program's keys lie in it.",
        ],
        interrupts: "granting the permissions: nothing; Restart-Service TermService cuts every Remote Desktop session and can hang on a sick host",
        undo: &[
            "PS> icacls (Split-Path $f) /restore C:\\rdp-key-acl.txt",
            "PS> Move-Item C:\\rdp-key.bak $f",
            "PS> Import-Certificate -FilePath C:\\rdp-old.cer -CertStoreLocation 'Cert:\\LocalMachine\\Remote Desktop'",
        ],
        verify: "rdpdoctor check {target} gets past 'encryption' and shows the certificate",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-internal-error",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
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

/// A dropped ClientHello, or one answered with internal_error, is `likely` only when a second, plain
/// one met the same: then it is neither the hello's size nor its offers. Whether it is FIN or RST
/// is partly a race and says nothing.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let (first, again) = match look::alert(evidence, &[Awaited::ServerHello]) {
        Some(alert) if alert.value == ALERT_INTERNAL_ERROR => (alert.id(), Proof::Likely),
        // No common cipher is the likelier reason.
        Some(alert) if alert.value == ALERT_HANDSHAKE_FAILURE => (alert.id(), Proof::Possible),
        Some(_) => return None,
        None => (dropped(evidence)?, Proof::Likely),
    };
    let (proof, second) = match look::plain_hello(evidence) {
        PlainHello::Answered(_) => return None,
        // An alert of its own about the versions or the name speaks of something else.
        PlainHello::Alerted(second, ALERT_INTERNAL_ERROR | ALERT_HANDSHAKE_FAILURE)
        | PlainHello::Dropped(second) => (again, Some(second)),
        PlainHello::Alerted(..) | PlainHello::NotTried | PlainHello::Other => {
            (Proof::Possible, None)
        }
    };
    // Whoever can say which versions it takes did not fail at its key before.
    if look::alert_to_modern(evidence).is_some_and(|alert| alert.value == ALERT_PROTOCOL_VERSION) {
        return None;
    }
    let ids = [Some(first), second].into_iter().flatten();
    Some(Match::new(Severity::Blocking, proof, ids))
}

/// The ClientHello met FIN or RST. Whoever had begun to answer, or answered with something else, did
/// not fail at its key.
fn dropped(evidence: &Evidence<'_>) -> Option<ObservationId> {
    let ended = evidence.ended_awaiting(Awaited::ServerHello)?;
    let hung_up = matches!(ended.value.ending, Ending::Fin | Ending::Reset);
    let began = ended.value.unfinished > 0 || look::broken_tls(evidence);
    (hung_up && !began).then(|| ended.id())
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Lookup, Purpose};

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
    fn without_a_second_hello_it_is_only_possible() {
        let scene = Scene::negotiated(2).ended(Ending::Fin, Awaited::ServerHello);
        assert_eq!(scene.judge(&CAUSE).map(|m| m.proof), Some(Proof::Possible));
    }

    #[test]
    fn the_alert_says_how_sure_it_is() {
        for (description, proof) in [
            (80, Some(Proof::Likely)),
            (40, Some(Proof::Possible)),
            (70, None),
            (49, None),
            // In order, and so not for want of a key.
            (0, None),
        ] {
            let first = || {
                Scene::negotiated(2)
                    .alert(description, Awaited::ServerHello)
                    .ended(Ending::Fin, Awaited::ServerHello)
            };
            let twice = first()
                .connection(Purpose::PlainClientHello)
                .alert(description, Awaited::ServerHello);
            assert_eq!(twice.judge(&CAUSE).map(|m| m.proof), proof, "alert {description}");
            let once = first().judge(&CAUSE).map(|m| m.proof);
            assert_eq!(once, proof.map(|_| Proof::Possible), "alert {description} once");
            let answered = first().connection(Purpose::PlainClientHello).server_hello(0x0303, 0x2F);
            assert_eq!(answered.judge(&CAUSE), None, "alert {description}, then an answer");
        }
        let later = Scene::negotiated(2).alert(80, Awaited::HandshakeEnd);
        assert_eq!(later.judge(&CAUSE), None);
    }

    #[test]
    fn near_miss_it_can_say_which_versions_it_takes() {
        let asked = |description| {
            Scene::negotiated(2)
                .alert(80, Awaited::ServerHello)
                .connection(Purpose::PlainClientHello)
                .alert(80, Awaited::ServerHello)
                .connection(Purpose::TlsVersion)
                .alert(description, Awaited::ServerHello)
                .tls12_and_newer(Lookup::Absent)
                .judge(&CAUSE)
        };
        assert_eq!(asked(70), None);
        assert_eq!(asked(80).map(|m| m.proof), Some(Proof::Likely));
    }

    #[test]
    fn near_miss_an_answer_had_begun_or_was_something_else() {
        let begun = Scene::negotiated(2).ended_unfinished(Ending::Reset, Awaited::ServerHello);
        assert_eq!(begun.judge(&CAUSE), None);
        let garbage = Scene::negotiated(2).broken_tls().ended(Ending::Fin, Awaited::ServerHello);
        assert_eq!(garbage.judge(&CAUSE), None);
    }

    #[test]
    fn near_miss_silence_is_no_drop() {
        let scene = Scene::negotiated(2).ended(Ending::Timeout, Awaited::ServerHello);
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
