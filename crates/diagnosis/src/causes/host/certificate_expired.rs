//! The certificate of Remote Desktop has expired.

use rdpdoctor_model::{CauseId, Stage};

use crate::causes::advice;
use crate::host_view::certificate::{Bound, bound};
use crate::host_view::leading;
use crate::host_view::renewal;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Reproduction, Severity};

/// `host.certificate-expired`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.certificate-expired"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The Remote Desktop certificate of {host} has expired",
    explanation: "The certificate that the listener is bound to is past its last day. Windows renews its own about every six months; where it did not, SessionEnv is off, or it may not write the key (events 1057 and 1058). One of a CA is renewed by whoever enrolled it. Clients warn, and strict ones refuse.",
    excludes: &["password, account, licence"],
    remedies: &[advice::RENEW_CERTIFICATE],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("tls.certificate-expired")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the self-signed certificate makes room for a new one. A CA's is not a program's.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "renew-the-certificate",
    changes: |evidence| match bound(evidence) {
        Bound::Found(found) if rule(evidence).is_some() => renewal::changes(evidence, &found),
        _ => Vec::new(),
    },
};

/// A client asks, and goes on (the contract's "what blocks, what warns").
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let Bound::Found(found) = bound(evidence) else { return None };
    let certificate = found.certificate()?;
    let (until, now) = (certificate.not_after, evidence.judged_at);
    (now > until).then(|| {
        let days = now.millis_since(until) / 86_400_000;
        let whose = if found.is_own() { "Windows' own" } else { "another one" };
        let detail = format!(
            "It was valid until {}, {days} days before the facts were read; it is {whose}.",
            until.date()
        );
        let seen = Match::new(Severity::Warning, Proof::Proven, found.ids()).detailed(detail);
        leading(evidence, &CAUSE, seen)
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Certificate, Change, Lookup};

    use super::{CAUSE, MEND};
    use crate::testing::{Scene, certificate, now};
    use crate::{Proof, Severity};

    fn ended() -> Certificate {
        Certificate { not_after: now().plus_millis(-1), ..certificate() }
    }

    #[test]
    fn the_one_that_is_bound() {
        let own = Scene::new().pinned(None).in_store("Remote Desktop", ended());
        let found = own.judge(&CAUSE).expect("expired");
        assert_eq!((found.severity, found.proof), (Severity::Warning, Proof::Proven));
        assert_eq!(own.with_evidence(MEND.changes).len(), 2);
        let disabled = own.service("SessionEnv", 1, 4).with_evidence(MEND.changes);
        assert!(matches!(disabled.first(), Some(Change::ServiceStart { start: 3, .. })));
    }

    #[test]
    fn near_misses() {
        let valid = Scene::new().pinned(None).in_store("Remote Desktop", certificate());
        assert_eq!(valid.judge(&CAUSE), None);
        let other = Scene::new().pinned(None).in_store("My", ended());
        assert_eq!(other.judge(&CAUSE), None, "it is not bound");
        let renewed = Certificate { sha1: "02".repeat(20), ..certificate() };
        let both = Scene::new()
            .pinned(None)
            .in_store("Remote Desktop", ended())
            .in_store("Remote Desktop", renewed);
        assert_eq!(both.judge(&CAUSE), None, "the newer one is used");
        let unread = Scene::new().in_store("Remote Desktop", ended());
        assert_eq!(unread.judge(&CAUSE), None, "nobody looked at what is pinned");
    }

    #[test]
    fn one_of_a_ca_is_nobodys_to_remove() {
        let of_ca = Certificate { self_issued: false, sha1: "01".repeat(20), ..ended() };
        let scene = Scene::new().pinned(Some([1; 20])).in_store_with(
            "My",
            of_ca,
            Lookup::unavailable("not asked"),
        );
        assert!(scene.judge(&CAUSE).is_some());
        assert_eq!(scene.with_evidence(MEND.changes), []);
    }
}
