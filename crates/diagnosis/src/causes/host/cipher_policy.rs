//! The host's list of cipher suites leaves none that a client and its certificate can use.

use rdpdoctor_model::{CauseId, Stage};

use crate::host_view::leading;
use crate::host_view::schannel::suites;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.cipher-policy`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.cipher-policy"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The cipher suites of {host} leave none for Remote Desktop",
    explanation: "A list of suites, or switches of single algorithms, leave no suite that a client of today offers and that fits the kind of key in the host's certificate. The handshake then ends with handshake_failure (Schannel 36874, 36888). A list for ECDSA keys on a host with an RSA certificate does this.",
    excludes: &["password, account, licence"],
    remedies: &[
        Remedy {
            id: "mend-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Give the policy suites that fit the certificate's key, or none at all",
            steps: &[
                "PS> Get-TlsCipherSuite | Select-Object Name, Certificate",
                "Computer Configuration, Administrative Templates, Network, SSL Configuration Settings, SSL Cipher Suite Order: Not configured, or with ECDHE suites for the key's kind",
                "PS> gpresult /scope computer /h gp.html   (it names the policy)",
                "Restart the machine: Schannel reads the list at start.",
            ],
            interrupts: "the restart ends every session",
            undo: &["Set the policy back to what it was"],
            verify: "rdpdoctor check {target} gets past 'encryption'",
        },
        Remedy {
            id: "mend-the-list",
            place: Where::Host,
            risk: Risk::High,
            title: "Where the machine's own settings are at fault, set back the one value",
            steps: &[
                "PS> reg export HKLM\\SYSTEM\\CurrentControlSet\\Control\\Cryptography\\Configuration\\Local\\SSL\\00010002 C:\\suites.reg",
                "PS> reg export HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL C:\\schannel.reg",
                "PS> Enable-TlsCipherSuite -Name TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "Compare both keys with a healthy host of the same version; set back the value that differs, not the whole key.",
                "Restart the machine.",
            ],
            interrupts: "the restart ends every session",
            undo: &[
                "PS> reg import C:\\suites.reg",
                "PS> reg import C:\\schannel.reg",
                "Restart the machine.",
            ],
            verify: "rdpdoctor check {target} gets past 'encryption'",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/windows-server/security/tls/manage-tls",
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/internal-error-has-occurred-connecting-remote-machine",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("tls.no-common-cipher"),
        CauseId("tls.private-key-unavailable"),
        CauseId("tls.closed"),
        CauseId("tls.alert"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// Names of suites are read, and none is tried: so it is never more than likely.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let suites = suites(evidence).filter(|suites| !suites.usable)?;
    let words = match (suites.listed, suites.usable_by_list) {
        (true, false) if suites.by_policy => {
            "The policy's list (SSL Cipher Suite Order) holds none that fits."
        }
        (true, false) => "The machine's own list holds none that fits.",
        _ => {
            "Ciphers, hashes or key exchanges that the suites need are switched off under SCHANNEL."
        }
    };
    let found = Match::new(Severity::Blocking, Proof::Likely, suites.ids)
        .managed(suites.by_policy)
        .detailed(words);
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Certificate, Lookup, PublicKey, RegistryData};

    use super::CAUSE;
    use crate::host_view::schannel::{SUITES, SUITES_BY_POLICY};
    use crate::testing::{Scene, certificate};
    use crate::{Proof, Severity};

    const SCHANNEL: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL";

    fn bound(algorithm: &str) -> Scene {
        let public_key = PublicKey { algorithm: algorithm.to_owned(), bits: None };
        let certificate = Certificate { public_key, ..certificate() };
        Scene::new().pinned(None).in_store("Remote Desktop", certificate)
    }

    fn list(scene: Scene, key: &str, suites: &[&str]) -> Option<(Severity, Proof, bool)> {
        let lines = suites.iter().map(|name| (*name).to_owned()).collect();
        let scene = scene.host_value(key, "Functions", Lookup::seen(RegistryData::Texts(lines)));
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof, found.managed))
    }

    #[test]
    fn a_list_without_a_suite_for_the_key() {
        let ecdsa = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
        let blocked = |managed| Some((Severity::Blocking, Proof::Likely, managed));
        assert_eq!(list(bound("RSA"), SUITES_BY_POLICY, &ecdsa), blocked(true));
        assert_eq!(list(bound("RSA"), SUITES, &ecdsa), blocked(false));
        assert_eq!(list(bound("EC"), SUITES_BY_POLICY, &ecdsa), None);
        assert_eq!(list(Scene::new(), SUITES, &ecdsa), None, "the key is not known");
        let old = ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256_P256"];
        assert_eq!(list(bound("RSA"), SUITES, &old), None);
        assert_eq!(list(bound("RSA"), SUITES, &["TLS_RSA_WITH_RC4_128_SHA"]), blocked(false));
        assert_eq!(list(bound("RSA"), SUITES, &["TLS_AES_256_GCM_SHA384"]), None);
        let text = "TLS_NULL_X,TLS_RSA_WITH_AES_128_CBC_SHA";
        let one = bound("RSA").host_text(SUITES_BY_POLICY, "Functions", text);
        assert_eq!(one.judge(&CAUSE), None, "a list in one text");
    }

    #[test]
    fn algorithms_that_are_switched_off() {
        let off = |places: &[&str]| {
            let scene = places.iter().fold(bound("RSA"), |scene, place| {
                scene.host_number(&format!(r"{SCHANNEL}\{place}"), "Enabled", Some(0))
            });
            scene.judge(&CAUSE).map(|found| found.severity)
        };
        assert_eq!(off(&[r"Ciphers\AES 128/128"]), None);
        let both = off(&[r"Ciphers\AES 128/128", r"Ciphers\AES 256/256"]);
        assert_eq!(both, Some(Severity::Blocking));
        assert_eq!(off(&[r"Ciphers\RC4 128/128"]), None);
        assert_eq!(bound("RSA").judge(&CAUSE), None);
        assert_eq!(bound("RSA").host_unread(SUITES, "Functions").judge(&CAUSE), None);
    }
}
