//! The listener is bound to a certificate that it cannot use.

use rdpdoctor_model::{CauseId, Change, RegistryData, Stage};

use crate::causes::advice;
use crate::host_view::certificate::{
    Bound, BoundCertificate, OWN_STORE, STATIONS, bound, certificates, store_read,
};
use crate::host_view::{leading, service};
use crate::machine::{LISTENER, Machine, POLICY};
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const STORE_NAME: &str = "SelfSignedCertStore";
const TEMPLATE: &str = "CertTemplateName";

/// AT_SIGNATURE (wincrypt.h): a key of an old provider that may sign and not exchange keys.
const SIGNATURE_ONLY: u32 = 2;

/// `host.certificate-binding-broken`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.certificate-binding-broken"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "Remote Desktop on {host} is bound to a certificate that it cannot use",
    explanation: "The listener names a certificate by its thumbprint, and that one is not in the stores, cannot be read, or is not meant for a server. Windows then falls back to the certificate it makes for itself where it can (event 1051), and hangs up on the handshake where it cannot. A certificate that was replaced without binding the new one leaves this behind.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "bind-a-good-one",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Bind a certificate that is there, with its key; or let Windows use its own",
            steps: &[
                "PS> (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\").SSLCertificateSHA1Hash",
                "PS> Get-ChildItem 'Cert:\\LocalMachine\\Remote Desktop', Cert:\\LocalMachine\\My | Format-List Thumbprint, Subject, NotAfter, HasPrivateKey, EnhancedKeyUsageList",
                "PS> Set-CimInstance -Query \"SELECT * FROM Win32_TSGeneralSetting WHERE TerminalName='RDP-Tcp'\" -Namespace root/cimv2/TerminalServices -Property @{SSLCertificateSHA1Hash='<thumbprint>'}",
                "To use Windows' own again, not on a host with the Connection Broker role, keep the old value and take it out: PS> reg export \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp\" C:\\rdp-tcp.reg",
                "PS> Remove-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp' SSLCertificateSHA1Hash",
                "PS> Restart-Service SessionEnv -Force",
            ],
            interrupts: "nothing; sessions that are open go on",
            undo: &["PS> reg import C:\\rdp-tcp.reg"],
            verify: "rdpdoctor check {target} shows the certificate that was meant",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy names a certificate template, have the enrolment mended",
            steps: &[
                "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='Microsoft-Windows-TerminalServices-RemoteConnectionManager'; Id=1062,1063,1064,1065} -MaxEvents 5 | Format-List TimeCreated, Id, Message",
                "Computer Configuration, Administrative Templates, Windows Components, Remote Desktop Services, Remote Desktop Session Host, Security: Server authentication certificate template",
                "The template's name and its display name have to be the same, and the host has to be allowed to enrol.",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "PS> gpupdate /target:computer, then the thumbprint of the listener is that of the new certificate",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/remote-desktop-listener-certificate-configurations",
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/event-id-troubleshoot-vm-rdp-connecton",
        "https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-r2-and-2008/ee890993(v=ws.10)",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.private-key-unavailable"),
        CauseId("tls.closed"),
        CauseId("tls.certificate-wrong-usage"),
        CauseId("nego.server-certificate-missing"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the name of the store alone. Which certificate to bind is for people to say.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "bind-a-good-one",
    changes: |evidence| {
        let change = Change::RegistryValue {
            key: STATIONS.to_owned(),
            name: STORE_NAME.to_owned(),
            data: Some(RegistryData::Text(OWN_STORE.to_owned())),
        };
        other_store(&Machine::host(evidence)).map(|_| change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let found = match bound(evidence) {
        Bound::Dangling { thumbprint, ids } => {
            // Windows falls back to its own certificate where it has a good one.
            let falls_back = has_own(&host);
            let severity = if falls_back { Severity::Warning } else { Severity::Blocking };
            let proof = if falls_back { Proof::Proven } else { Proof::Likely };
            let instead = if falls_back {
                "Windows shows its own certificate instead."
            } else {
                "Windows has none of its own to show instead."
            };
            let words = format!("No store holds the certificate {thumbprint}. {instead}");
            Some(Match::new(severity, proof, ids).detailed(words))
        }
        Bound::Found(found) => unusable(&found),
        Bound::Unknown => none_at_all(&host),
    };
    let found = found.or_else(|| other_store(&host)).or_else(|| not_enrolled(&host));
    found.map(|found| leading(evidence, &CAUSE, found))
}

/// Bound, there, and not fit for a server.
fn unusable(found: &BoundCertificate<'_>) -> Option<Match> {
    let Some(certificate) = found.certificate() else {
        return Some(
            Match::new(Severity::Blocking, Proof::Likely, found.ids())
                .detailed("What lies in the store under its thumbprint is no certificate."),
        );
    };
    // Without the extension it is fit for all. Remote Desktop has a usage of its own.
    let usages = certificate.extended_key_usage.as_deref().unwrap_or_default();
    let fits = |usage: &String| {
        ["serverAuth", "any", "anyExtendedKeyUsage", "1.3.6.1.4.1.311.54.1.2", "2.5.29.37.0"]
            .contains(&usage.as_str())
    };
    if !usages.is_empty() && !usages.iter().any(fits) {
        let words = "It is not meant for servers: neither Server Authentication nor Remote Desktop Authentication is among its usages.";
        return Some(Match::new(Severity::Warning, Proof::Proven, found.ids()).detailed(words));
    }
    let place = found.key_place()?;
    (place.provider_type != 0 && place.key_spec == SIGNATURE_ONLY).then(|| {
        Match::new(Severity::Warning, Proof::Possible, found.ids()).detailed(
            "Its key was made for signatures only; suites that exchange keys by RSA cannot use it.",
        )
    })
}

/// Whether Windows has a certificate of its own with a key.
fn has_own(host: &Machine<'_, '_>) -> bool {
    certificates(host).iter().any(|seen| {
        seen.value.store.eq_ignore_ascii_case(OWN_STORE)
            && seen.value.certificate.as_seen().is_some()
            && !seen.value.key.is_absent()
    })
}

/// Remote Desktop runs, nothing is pinned, and Windows has made no certificate.
fn none_at_all(host: &Machine<'_, '_>) -> Option<Match> {
    let pin = host.value(LISTENER, "SSLCertificateSHA1Hash")?;
    let store = store_read(host, OWN_STORE)?;
    let empty = pin.value.data.is_absent() && certificates(host).is_empty();
    (empty && service::runs(host, service::TERM_SERVICE)).then(|| {
        Match::new(Severity::Warning, Proof::Possible, [pin.id(), store])
            .titled("{host} has no certificate for Remote Desktop")
            .detailed(
                "Its own store is empty. Windows makes one when the service starts, and did not.",
            )
    })
}

/// Windows looks for its own certificate in another store.
fn other_store(host: &Machine<'_, '_>) -> Option<Match> {
    let setting = host.setting(STATIONS, STORE_NAME)?;
    let name = setting.data.text()?;
    (!name.eq_ignore_ascii_case(OWN_STORE)).then(|| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Match::new(Severity::Warning, Proof::Likely, [setting.id.clone()])
            .titled("{host} keeps its Remote Desktop certificate in another store")
            .detailed(format!(
                "SelfSignedCertStore is {name}; it is \"{OWN_STORE}\" on every Windows."
            ))
    })
}

/// A policy wants a certificate from a template, and none is bound.
fn not_enrolled(host: &Machine<'_, '_>) -> Option<Match> {
    let template = host.setting(POLICY, TEMPLATE)?;
    let name = template.data.text().filter(|name| !name.trim().is_empty())?;
    let pin = host.value(LISTENER, "SSLCertificateSHA1Hash")?;
    pin.value.data.is_absent().then(|| {
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Match::new(Severity::Warning, Proof::Possible, [template.id.clone(), pin.id()])
            .titled("{host} did not get the certificate that a policy wants for it")
            .managed(true)
            .detailed(format!("The policy names the template {name}, and no certificate is bound; events 1062 to 1065 say why."))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Certificate, KeyPlace, Lookup};

    use super::{CAUSE, LISTENER, MEND, POLICY, STATIONS, STORE_NAME, TEMPLATE};
    use crate::testing::{Scene, certificate};
    use crate::{Proof, Severity};

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_thumbprint_that_no_store_holds() {
        let dangling = || Scene::new().pinned(Some([7; 20]));
        let none = dangling().empty_store("My").empty_store("Remote Desktop");
        assert_eq!(judged(&none), Some((Severity::Blocking, Proof::Likely)));
        let own = dangling().empty_store("My").in_store("Remote Desktop", certificate());
        assert_eq!(judged(&own), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(&dangling().empty_store("My")), None, "one store was not read");
        let there = Certificate { sha1: "07".repeat(20), ..certificate() };
        let bound = dangling().in_store("My", there).empty_store("Remote Desktop");
        assert_eq!(judged(&bound), None);
        let zeros = Scene::new().pinned(Some([0; 20])).in_store("Remote Desktop", certificate());
        assert_eq!(judged(&zeros), None, "nothing is pinned");
        let unread = Scene::new().host_unread(LISTENER, "SSLCertificateSHA1Hash").empty_store("My");
        assert_eq!(judged(&unread.empty_store("Remote Desktop")), None);
    }

    #[test]
    fn what_it_is_meant_for() {
        let with = |usages: &[&str]| {
            let usages = usages.iter().map(|usage| (*usage).to_owned()).collect();
            let certificate = Certificate { extended_key_usage: Some(usages), ..certificate() };
            judged(&Scene::new().pinned(None).in_store("Remote Desktop", certificate))
        };
        assert_eq!(with(&["clientAuth"]), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(with(&["serverAuth"]), None);
        assert_eq!(with(&["clientAuth", "1.3.6.1.4.1.311.54.1.2"]), None);
        let signing = KeyPlace {
            provider: "Microsoft Strong Cryptographic Provider".to_owned(),
            provider_type: 1,
            container: "x".to_owned(),
            key_spec: 2,
            file: None,
        };
        let scene = Scene::new().pinned(None).in_store_with(
            "Remote Desktop",
            certificate(),
            Lookup::seen(signing),
        );
        assert_eq!(judged(&scene), Some((Severity::Warning, Proof::Possible)));
    }

    #[test]
    fn store_and_template() {
        let store = |name: &str| Scene::new().host_text(STATIONS, STORE_NAME, name);
        assert_eq!(judged(&store("RDP")), Some((Severity::Warning, Proof::Likely)));
        assert_eq!(store("RDP").with_evidence(MEND.changes).len(), 1);
        assert_eq!(judged(&store("Remote Desktop")), None);
        assert_eq!(store("Remote Desktop").with_evidence(MEND.changes), []);
        let template = || Scene::new().host_text(POLICY, TEMPLATE, "RDP");
        let found = template().pinned(None).judge(&CAUSE).expect("not enrolled");
        assert_eq!((found.proof, found.managed), (Proof::Possible, true));
        assert_eq!(judged(&template()), None, "nobody looked at what is pinned");
    }

    #[test]
    fn no_certificate_at_all() {
        let empty = || Scene::new().pinned(None).empty_store("Remote Desktop");
        let runs = empty().service("TermService", 4, 3);
        assert_eq!(judged(&runs), Some((Severity::Warning, Proof::Possible)));
        assert_eq!(judged(&empty()), None, "it is made when the service starts");
    }
}
