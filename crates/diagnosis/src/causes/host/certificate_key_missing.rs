//! The private key of the Remote Desktop certificate is gone.

use rdpdoctor_model::{CauseId, Fact, ObservationId, Stage};

use crate::causes::{advice, logged};
use crate::host_view::certificate::{Bound, BoundCertificate, bound};
use crate::host_view::leading;
use crate::host_view::renewal;
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";

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
            "PS> $f = {key_file}; Test-Path $f; icacls $f   (is the key there, and who may read it?)",
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
    more_specific_than: &[
        CauseId("tls.private-key-unavailable"),
        CauseId("tls.closed"),
        CauseId("tls.alert"),
    ],
    reproduction: Reproduction::Test("event_logs_of_windows"),
    next_tests: &[advice::LOOK_AT_KEY],
    rule,
};

/// What is changed: the self-signed certificate makes room for a new one. A CA's stays.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "make-a-new-certificate",
    changes: |evidence| {
        let Bound::Found(found) = bound(evidence) else { return Vec::new() };
        let lost = lost(evidence, &found).is_some_and(|lost| lost.severity == Severity::Blocking);
        if lost { renewal::changes(evidence, &found) } else { Vec::new() }
    },
};

/// The certificate that is bound, its key, and what the host wrote down.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = match bound(evidence) {
        Bound::Found(found) => lost(evidence, &found),
        Bound::Dangling { .. } | Bound::Unknown => None,
    };
    let seen = seen.map(|found| leading(evidence, &CAUSE, found));
    seen.or_else(|| logged::by_event(evidence, CAUSE.id))
        .or_else(|| moved_aside(evidence))
        .or_else(|| elsewhere(evidence))
}

/// Without a key, or with one whose file is gone.
fn lost(evidence: &Evidence<'_>, found: &BoundCertificate<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    if found.seen.value.key.is_absent() {
        return Some(
            Match::new(Severity::Blocking, Proof::Proven, found.ids())
                .detailed("The certificate in the store has no private key at all."),
        );
    }
    let file = found.key_file(&host).filter(|file| file.value.state.is_absent())?;
    if !found.is_key_a_file() {
        return None;
    }
    // The name of an old provider's file follows from the container's; that of CNG is believed to.
    let proof = if found.is_key_a_known_file() { Proof::Proven } else { Proof::Likely };
    let ids = found.ids().into_iter().chain([file.id()]);
    let other = other_guid(&host, &file.value.path);
    let found = Match::new(Severity::Blocking, proof, ids);
    Some(match other {
        Some(id) => {
            let mut found = found.detailed(
                "The file of its key is not there, but one of another machine id is: the disk was cloned, or MachineGuid was changed.",
            );
            found.evidence.push(id);
            found
        }
        None => found.detailed("The file of its key is not there."),
    })
}

/// A file of the same container that was made under another machine id.
fn other_guid(host: &Machine<'_, '_>, path: &str) -> Option<ObservationId> {
    let name = path.rsplit('\\').next()?;
    let start = format!(r"\{}_", name.split_once('_')?.0.to_ascii_lowercase());
    let same = host.all(|fact| match fact {
        Fact::WindowsFile(file) => {
            let lower = file.path.to_ascii_lowercase();
            let other = lower.contains(&start) && !file.path.eq_ignore_ascii_case(path);
            (other && file.state.as_seen().is_some()).then_some(())
        }
        _ => None,
    });
    same.first().map(crate::Seen::id)
}

/// Somebody renamed the whole folder of keys, as bad advice has it. Other programs lost theirs too.
fn moved_aside(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let folders = host.all(|fact| match fact {
        Fact::WindowsFile(file) => {
            let lower = file.path.to_ascii_lowercase();
            let name = lower
                .strip_prefix(r"c:\programdata\microsoft\crypto\rsa\")
                .or_else(|| lower.split_once(r"\microsoft\crypto\rsa\").map(|(_, name)| name))?;
            let aside = name.starts_with("machinekeys") && name.len() > "machinekeys".len();
            (aside && !name.contains('\\') && file.state.as_seen().is_some())
                .then_some(file.path.as_str())
        }
        _ => None,
    });
    let folder = folders.first()?;
    let name: String = folder.value.chars().filter(|c| !c.is_control()).take(120).collect();
    let found = Match::new(Severity::Warning, Proof::Possible, [folder.id()])
        .titled("The folder of private keys on {host} was moved aside")
        .detailed(format!(
            "{name} lies beside MachineKeys: keys of other programs in it are lost to them. Copy missing files back, but for those that begin with f686aace."
        ));
    Some(found)
}

/// Windows looks for keys where this value says.
fn elsewhere(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let setting = host.setting(PROFILES, "ProgramData")?;
    let path = setting.data.text()?;
    let usual = path.eq_ignore_ascii_case(r"%SystemDrive%\ProgramData")
        || path.get(1..).is_some_and(|rest| rest.eq_ignore_ascii_case(r":\ProgramData"));
    (!usual).then(|| {
        let path: String = path.chars().filter(|c| !c.is_control()).take(120).collect();
        Match::new(Severity::Warning, Proof::Possible, [setting.id])
            .titled("The folder of program data on {host} is not the usual one")
            .detailed(format!(
                "ProgramData is {path}: if the keys did not move with it, none of them is found."
            ))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Awaited, Change, Ending, KeyPlace, Lookup, Purpose, Stage, WindowsEvent,
    };

    use super::{CAUSE, MEND, PROFILES};
    use crate::testing::{Scene, certificate};
    use crate::testing_host::{KEY_ACCESS, KEY_FILE};
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

    fn own() -> Scene {
        Scene::new().pinned(None).in_store("Remote Desktop", certificate())
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn the_file_of_the_key_is_gone() {
        let gone = own().host_file_asked(KEY_FILE, Lookup::Absent);
        assert_eq!(judged(&gone), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(&own().host_file(KEY_FILE, Lookup::seen(KEY_ACCESS))), None);
        let unread = own().host_file_asked(KEY_FILE, Lookup::unavailable("access denied"));
        assert_eq!(judged(&unread), None);
        assert_eq!(judged(&own()), None, "nobody looked at the file");
        let cloned = gone.host_file(&KEY_FILE.replace("-1111-", "-9999-"), Lookup::Absent);
        let detail = cloned.judge(&CAUSE).and_then(|found| found.detail).expect("words");
        assert!(detail.contains("cloned"), "{detail}");
    }

    #[test]
    fn a_key_that_is_in_no_file() {
        let key = |provider: &str, provider_type| KeyPlace {
            provider: provider.to_owned(),
            provider_type,
            container: "TSSecKeySet1".to_owned(),
            key_spec: 0,
            file: Some(KEY_FILE.to_owned()),
        };
        let with = |key| {
            Scene::new()
                .pinned(None)
                .in_store_with("Remote Desktop", certificate(), key)
                .host_file_asked(KEY_FILE, Lookup::Absent)
        };
        let tpm = with(Lookup::seen(key("Microsoft Platform Crypto Provider", 0)));
        assert_eq!(judged(&tpm), None);
        let cng = with(Lookup::seen(key("Microsoft Software Key Storage Provider", 0)));
        assert_eq!(judged(&cng), Some((Severity::Blocking, Proof::Likely)));
        assert_eq!(judged(&with(Lookup::Absent)), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(&with(Lookup::unavailable("cut off"))), None);
    }

    #[test]
    fn only_the_self_signed_certificate_is_taken_out() {
        let gone = own().host_file_asked(KEY_FILE, Lookup::Absent);
        let remove = Change::RemoveCertificate {
            store: "Remote Desktop".to_owned(),
            thumbprint: "00".repeat(20),
        };
        let restart = Change::RestartService { name: "SessionEnv".to_owned() };
        assert_eq!(gone.with_evidence(MEND.changes), [remove, restart]);
        let mut of_ca = certificate();
        (of_ca.self_issued, of_ca.sha1) = (false, "01".repeat(20));
        let pinned = Scene::new()
            .pinned(Some([1; 20]))
            .in_store("My", of_ca)
            .host_file_asked(KEY_FILE, Lookup::Absent);
        assert_eq!(judged(&pinned), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(pinned.with_evidence(MEND.changes), []);
        assert_eq!(own().with_evidence(MEND.changes), []);
    }

    #[test]
    fn it_leads_a_dropped_handshake() {
        let scene = own()
            .host_file_asked(KEY_FILE, Lookup::Absent)
            .connected("10.0.0.1:3389")
            .ended(Ending::Fin, Awaited::ServerHello)
            .connection(Purpose::PlainClientHello)
            .ended(Ending::Fin, Awaited::ServerHello);
        let found = scene.judge(&CAUSE).expect("it fits");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::Tls)));
    }

    #[test]
    fn a_folder_of_keys_that_was_moved() {
        let folder = |name: &str| {
            let path = format!(r"C:\ProgramData\Microsoft\Crypto\RSA\{name}");
            judged(&Scene::new().host_file(&path, Lookup::Absent))
        };
        assert_eq!(folder("MachineKeys.old"), Some((Severity::Warning, Proof::Possible)));
        assert_eq!(folder("MachineKeys"), None);
        assert_eq!(folder("S-1-5-18"), None);
        let data = |path: &str| judged(&Scene::new().host_text(PROFILES, "ProgramData", path));
        assert_eq!(data(r"%SystemDrive%\ProgramData"), None);
        assert_eq!(data(r"C:\ProgramData"), None);
        assert_eq!(data(r"D:\Data"), Some((Severity::Warning, Proof::Possible)));
    }
}
