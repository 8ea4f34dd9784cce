//! NETWORK SERVICE may not read the private key.

use rdpdoctor_model::{CauseId, Change, ObservationId, Stage, WindowsFile};

use crate::causes::{advice, logged};
use crate::host_view::access::{Access, NETWORK_SERVICE, READ, SYSTEM, WRITE, allows, granted};
use crate::host_view::certificate::{Bound, bound};
use crate::host_view::{files_ending, leading};
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

/// `host.certificate-key-permissions`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.certificate-key-permissions"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop on {host} may not read the private key of its certificate",
    explanation: "The key file of the Remote Desktop certificate is there, but NETWORK SERVICE, which runs Remote Desktop, is not allowed to read it, or SYSTEM may not replace it. Hardening scripts and a new owner of the folder MachineKeys do this.",
    excludes: &["password", "account", "licence"],
    remedies: &[Remedy {
        id: "grant-the-two-permissions",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Grant the two missing permissions on this one key file",
        steps: &[
            "PS> $f = {key_file}; Test-Path $f; icacls $f   (is the key there, and who may read it?)",
            "Keep its permissions, then grant the two, on this one file only: PS> icacls $f /save C:\\rdp-key-acl.txt",
            "PS> icacls $f /grant '*S-1-5-20:(R)' '*S-1-5-18:(F)'",
            "Check from outside now. Only if it still fails, and after telling who is logged on: PS> Restart-Service TermService -Force",
            "Leave the folder itself alone: every other program's keys lie in it.",
        ],
        interrupts: "granting: nothing; Restart-Service TermService cuts every Remote Desktop session",
        undo: &["PS> $f = {key_file}; icacls (Split-Path $f) /restore C:\\rdp-key-acl.txt"],
        verify: "rdpdoctor check {target} gets past 'encryption' and shows the certificate",
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

/// What is changed: the two permissions on the one file.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "grant-the-two-permissions",
    changes: |evidence| {
        let Some((file, sddl)) = key_file(evidence) else { return Vec::new() };
        let lacks = allows(sddl, NETWORK_SERVICE, READ) == Access::Denied
            || allows(sddl, SYSTEM, READ | WRITE) == Access::Denied;
        let path = file.value.path.clone();
        let sddl = if lacks { granted(sddl) } else { None };
        sddl.map(|sddl| Change::FileAccess { path, sddl }).into_iter().collect()
    },
};

/// The list of the key's file, and what the host wrote down.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let seen = unreadable(evidence).map(|found| leading(evidence, &CAUSE, found));
    seen.or_else(|| logged::by_event(evidence, CAUSE.id))
        .or_else(|| unreplaceable(evidence))
        .or_else(|| folder(evidence))
}

/// NETWORK SERVICE may not read the key.
fn unreadable(evidence: &Evidence<'_>) -> Option<Match> {
    let (file, sddl) = key_file(evidence)?;
    (allows(sddl, NETWORK_SERVICE, READ) == Access::Denied).then(|| {
        Match::new(Severity::Blocking, Proof::Proven, ids(evidence, &file))
            .detailed("The permissions of the key's file do not let NETWORK SERVICE read it.")
    })
}

/// SYSTEM may not replace it: it works until the certificate is to be renewed.
fn unreplaceable(evidence: &Evidence<'_>) -> Option<Match> {
    let (file, sddl) = key_file(evidence)?;
    (allows(sddl, SYSTEM, READ | WRITE) == Access::Denied).then(|| {
        Match::new(Severity::Warning, Proof::Likely, ids(evidence, &file))
            .titled("SYSTEM may not replace the private key of {host}'s certificate")
            .detailed("NETWORK SERVICE can read it, so it works until it is to be renewed.")
    })
}

/// SYSTEM may not make keys in the folder, whoever asks for one.
fn folder(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let folder = files_ending(&host, r"\microsoft\crypto\rsa\machinekeys").pop()?;
    let sddl = folder.value.state.as_seen()?.access.as_seen()?;
    (allows(sddl, SYSTEM, WRITE) == Access::Denied).then(|| {
        Match::new(Severity::Warning, Proof::Likely, [folder.id()])
            .titled("SYSTEM may not make private keys on {host}")
            .detailed(
                "The permissions of the folder MachineKeys keep it out, so no new certificate can be made. Give SYSTEM and Administrators full access to the folder itself, not to the files in it.",
            )
    })
}

/// The file of the bound certificate's key, and its list.
fn key_file<'a>(evidence: &Evidence<'a>) -> Option<(Seen<'a, &'a WindowsFile>, &'a str)> {
    let Bound::Found(found) = bound(evidence) else { return None };
    let file = found.is_key_a_file().then(|| found.key_file(&Machine::host(evidence))).flatten()?;
    let sddl = file.value.state.as_seen()?.access.as_seen()?;
    Some((file, sddl))
}

fn ids(evidence: &Evidence<'_>, file: &Seen<'_, &WindowsFile>) -> Vec<ObservationId> {
    let bound = match bound(evidence) {
        Bound::Found(found) => found.ids(),
        Bound::Dangling { .. } | Bound::Unknown => Vec::new(),
    };
    bound.into_iter().chain([file.id()]).collect()
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Change, Ending, Lookup, Stage, WindowsEvent};

    use super::{CAUSE, MEND};
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
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1058, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Likely)));
        let found = logged("Schannel", 36870, none());
        assert_eq!(found, Some((Severity::Blocking, Proof::Possible)));
        assert_eq!(
            logged("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1056, none()),
            None
        );
        assert_eq!(logged("Schannel", 36871, none()), None);
    }

    const WITHOUT: &str = "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)";

    fn key(access: Lookup<&str>) -> Scene {
        Scene::new()
            .pinned(None)
            .in_store("Remote Desktop", certificate())
            .host_file(KEY_FILE, access)
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn who_may_read_the_key() {
        let proven = Some((Severity::Blocking, Proof::Proven));
        assert_eq!(judged(&key(Lookup::seen(WITHOUT))), proven);
        assert_eq!(judged(&key(Lookup::seen(KEY_ACCESS))), None);
        assert_eq!(judged(&key(Lookup::unavailable("access denied"))), None);
        assert_eq!(judged(&key(Lookup::seen("nonsense"))), None);
        let reads = key(Lookup::seen("O:BAD:(A;;FR;;;NS)"));
        assert_eq!(judged(&reads), Some((Severity::Warning, Proof::Likely)));
        let other = Scene::new().pinned(None).in_store("Remote Desktop", certificate()).host_file(
            r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\6de9cb26_x",
            Lookup::seen(WITHOUT),
        );
        assert_eq!(judged(&other), None, "another program's key");
    }

    #[test]
    fn the_one_file_is_changed() {
        let changes = key(Lookup::seen(WITHOUT)).with_evidence(MEND.changes);
        let sddl = "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;NS)".to_owned();
        assert_eq!(changes, [Change::FileAccess { path: KEY_FILE.to_owned(), sddl }]);
        assert_eq!(key(Lookup::seen(KEY_ACCESS)).with_evidence(MEND.changes), []);
    }

    #[test]
    fn it_leads_a_dropped_handshake() {
        let scene = key(Lookup::seen(WITHOUT))
            .connected("10.0.0.1:3389")
            .ended(Ending::Reset, Awaited::ServerHello);
        let found = scene.judge(&CAUSE).expect("it fits");
        assert_eq!((found.stage, found.proof), (Some(Stage::Tls), Proof::Proven));
    }

    #[test]
    fn the_folder() {
        let folder = |sddl| {
            let path = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys";
            judged(&Scene::new().host_file(path, Lookup::seen(sddl)))
        };
        assert_eq!(folder("D:PAI(A;;0x12019f;;;WD)(A;;FA;;;BA)"), None);
        let kept_out = folder("D:PAI(A;;FR;;;WD)(A;;FA;;;S-1-5-21-1-2-3-1000)");
        assert_eq!(kept_out, Some((Severity::Warning, Proof::Likely)));
    }
}
