//! The private key of the Remote Desktop certificate is gone.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::{advice, logged};
use crate::{Cause, Evidence, Match, Owner, Remedy, Reproduction, Risk, Where};

/// `host.certificate-key-missing`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.certificate-key-missing"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The private key of the Remote Desktop certificate on {host} is gone",
    explanation: "Windows could not open the key of the certificate that Remote Desktop shows, or make a new one, because the key file is not where it should be. Cleaning up the folder MachineKeys, restoring the certificate without its key and cloned disks do this.",
    excludes: &["password", "account", "licence"],
    remedies: &[Remedy {
        id: "make-a-new-certificate",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Take out the one certificate without a key, and let Windows make a new one",
        steps: &[
            "PS> $f = \"$env:ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_$((Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft\\Cryptography).MachineGuid)\"; Test-Path $f; icacls $f   (is the key there, and who may read it?)",
            "PS> $t = (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\").SSLCertificateSHA1Hash; $t",
            "If it lies in the store 'Remote Desktop': PS> $c = Get-Item \"Cert:\\LocalMachine\\Remote Desktop\\$t\"; Export-Certificate -Cert $c -FilePath C:\\rdp-old.cer; Remove-Item $c.PSPath; Restart-Service SessionEnv -Force",
            "If a certificate of your CA is bound: import it again with its key, or enrol and bind a new one; do not delete it.",
        ],
        interrupts: "nothing; sessions that are open go on",
        undo: &[
            "PS> Import-Certificate -FilePath C:\\rdp-old.cer -CertStoreLocation 'Cert:\\LocalMachine\\Remote Desktop'",
        ],
        verify: "event 1056 in the System log tells of a new certificate; rdpdoctor check {target} gets past 'encryption'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[advice::LOOK_AT_KEY],
    rule,
};

/// What the host wrote down decides; no live connection tells it.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    logged::by_event(evidence, CAUSE.id)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Stage, WindowsEvent};

    use super::CAUSE;
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn logged(provider: &str, event_id: u32, more: WindowsEvent) -> Option<(Severity, Proof)> {
        let event = WindowsEvent { provider: provider.to_owned(), event_id, ..more };
        let found = Scene::new().logged(Stage::Tls, event).judge(&CAUSE);
        found.map(|found| (found.severity, found.proof))
    }

    #[test]
    fn its_events_and_no_others() {
        let none = WindowsEvent::default;
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1057, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Likely)));
        let found =
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1058, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Possible)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1056, none()),
            None
        );
    }
}
