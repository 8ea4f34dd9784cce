//! The host's settings switch TLS off for its own end.

use rdpdoctor_model::{CauseId, Change, ObservationId, RegistryData, Stage};

use crate::causes::advice;
use crate::host_view::leading;
use crate::host_view::schannel::{Version, key_of, version};
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `host.tls-disabled`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.tls-disabled"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} has TLS 1.2 switched off",
    explanation: "Values under SCHANNEL\\Protocols switch versions of TLS off for the host's own end. Without a version that both ends speak, the handshake ends at once, and a client shows 0x904 or an internal error. Hardening scripts that mix up Enabled and DisabledByDefault do this. Advice to switch TLS 1.0 on belongs to old systems.",
    excludes: &["password, account, licence"],
    remedies: &[advice::TLS_SETTINGS],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/troubleshoot-rdp-internal-error",
        "https://learn.microsoft.com/en-us/windows-server/security/tls/tls-registry-settings",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.no-common-version"),
        CauseId("tls.private-key-unavailable"),
        CauseId("tls.version-outdated"),
        CauseId("tls.closed"),
        CauseId("tls.alert"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

const OTHERS: [&str; 3] = ["TLS 1.3", "TLS 1.1", "TLS 1.0"];

/// What is changed: TLS 1.2 is switched on again; the older ones never.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "mend-the-tls-settings",
    changes: |evidence| {
        let host = Machine::host(evidence);
        if !matches!(version(&host, "TLS 1.2"), Version::Off(_)) {
            return Vec::new();
        }
        let set = |name: &str, number| Change::RegistryValue {
            key: key_of("TLS 1.2"),
            name: name.to_owned(),
            data: Some(RegistryData::Dword(number)),
        };
        vec![set("Enabled", 1), set("DisabledByDefault", 0)]
    },
};

/// Without TLS 1.2 a client of today still speaks what else is on.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let Version::Off(ids) = version(&host, "TLS 1.2") else { return None };
    let others = OTHERS.map(|name| (name, version(&host, name)));
    let off = |(_, version): &&(&str, Version)| matches!(version, Version::Off(_));
    let all: Vec<ObservationId> = ids
        .into_iter()
        .chain(others.iter().filter_map(|(_, version)| match version {
            Version::Off(ids) => ids.first().cloned(),
            Version::On | Version::Unknown => None,
        }))
        .collect();
    let found = if others.iter().filter(off).count() == OTHERS.len() {
        Match::new(Severity::Blocking, Proof::Proven, all)
            .titled("{host} has every version of TLS switched off")
    } else {
        let left: Vec<&str> =
            others.iter().filter(|other| !off(other)).map(|(name, _)| *name).collect();
        Match::new(Severity::Warning, Proof::Proven, all)
            .detailed(format!("Not switched off: {}.", left.join(", ")))
    };
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Awaited, Ending, Stage};

    use super::{CAUSE, MEND, key_of};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn off(versions: &[&str]) -> Scene {
        versions.iter().fold(Scene::new(), |scene, version| {
            scene.host_number(&key_of(version), "Enabled", Some(0))
        })
    }

    #[test]
    fn one_and_all() {
        let judged = |scene: &Scene| scene.judge(&CAUSE).map(|m| (m.severity, m.proof));
        assert_eq!(judged(&off(&["TLS 1.2"])), Some((Severity::Warning, Proof::Proven)));
        let all = off(&["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]);
        assert_eq!(judged(&all), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(&off(&["TLS 1.0", "TLS 1.1"])), None, "as it should be");
        let by_default = Scene::new().host_number(&key_of("TLS 1.2"), "DisabledByDefault", Some(1));
        assert_eq!(judged(&by_default), Some((Severity::Warning, Proof::Proven)));
        let on = Scene::new().host_number(&key_of("TLS 1.2"), "Enabled", Some(0xFFFF_FFFF));
        assert_eq!(judged(&on), None);
        assert_eq!(judged(&Scene::new().host_unread(&key_of("TLS 1.2"), "Enabled")), None);
    }

    #[test]
    fn only_tls_1_2_is_switched_on() {
        let changes = off(&["TLS 1.0", "TLS 1.2"]).with_evidence(MEND.changes);
        assert_eq!(changes.len(), 2);
        assert_eq!(off(&["TLS 1.0"]).with_evidence(MEND.changes), []);
    }

    #[test]
    fn it_leads_a_handshake_that_ends_at_once() {
        let scene =
            off(&["TLS 1.2"]).connected("10.0.0.1:3389").ended(Ending::Reset, Awaited::ServerHello);
        let found = scene.judge(&CAUSE).expect("it fits");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::Tls)));
    }
}
