//! Privileged access products and bastions that end the connection themselves and make another one to
//! the host: known by the names in their certificates, or by a list that an administrator keeps.

use rdpdoctor_model::{BastionMark, Certificate, Fact, ObservationId, Source};

use crate::causes::look;
use crate::inspectors::{has_words, name_parts};
use crate::{Evidence, Proof};

/// Makers and products whose names stand for nothing else. Makers that sell much besides (One Identity,
/// ManageEngine) take the product's name too.
const BASTIONS: &[(&str, &str)] = &[
    ("CyberArk", "cyberark"),
    ("WALLIX Bastion", "wallix"),
    ("BeyondTrust", "beyondtrust"),
    ("BeyondTrust", "bomgar"),
    ("Delinea Secret Server", "delinea"),
    ("Delinea Secret Server", "thycotic"),
    ("One Identity Safeguard", "one identity safeguard"),
    ("One Identity Safeguard", "balabit"),
    ("Fudo", "fudo security"),
    ("Fudo", "wheel systems"),
    ("Teleport", "teleport"),
    ("senhasegura", "senhasegura"),
    ("ARCON PAM", "arcon"),
    ("ManageEngine PAM360", "pam360"),
    ("ManageEngine Password Manager Pro", "password manager pro"),
    ("JumpServer", "jumpserver"),
    ("Devolutions Server", "devolutions"),
    ("Systancia Cleanroom", "systancia"),
];

/// The product that a certificate's subject or issuer names.
fn product(name: &str) -> Option<&'static str> {
    let parts = name_parts(name);
    let is_named = |words: &str| parts.iter().any(|part| has_words(part, words));
    BASTIONS.iter().find(|(_, words)| is_named(words)).map(|(product, _)| *product)
}

/// A bastion that stands in the path.
pub(crate) struct Known {
    /// What to call it.
    pub(crate) name: String,
    /// How sure it is that it is one.
    pub(crate) proof: Proof,
    /// By what it is known, in words.
    pub(crate) by: String,
    /// The observations that say so.
    pub(crate) ids: Vec<ObservationId>,
}

/// The bastion in the path: one of the administrator's list, or a product by its certificate.
pub(crate) fn known(evidence: &Evidence<'_>) -> Option<Known> {
    listed(evidence).or_else(|| by_certificate(evidence)).or_else(|| by_user_name(evidence))
}

fn listed(evidence: &Evidence<'_>) -> Option<Known> {
    let seen = evidence
        .all(|fact| match fact {
            Fact::ListedBastion { label, by } => Some((label, by)),
            _ => None,
        })
        .pop()?;
    let (label, by) = seen.value;
    let certain = by.contains(&BastionMark::Fingerprint);
    let certificate = evidence.server_certificate().filter(|_| *by != [BastionMark::Target]);
    let words: Vec<_> = by.iter().map(|mark| words(*mark)).collect();
    Some(Known {
        name: label.clone(),
        proof: if certain { Proof::Proven } else { Proof::Likely },
        by: format!("The list of bastions has it: {} fits.", words.join(" and ")),
        ids: std::iter::once(seen.id()).chain(certificate.map(|seen| seen.id())).collect(),
    })
}

fn words(mark: BastionMark) -> &'static str {
    match mark {
        BastionMark::Target => "the name that was asked for",
        BastionMark::Name => "its own name",
        BastionMark::Issuer => "who issued its certificate",
        BastionMark::Fingerprint => "its certificate's fingerprint",
    }
}

fn by_certificate(evidence: &Evidence<'_>) -> Option<Known> {
    let seen = evidence.server_certificate()?;
    let product = product(&seen.value.subject).or_else(|| product(&seen.value.issuer))?;
    Some(Known {
        name: product.to_owned(),
        proof: Proof::Likely,
        by: format!(
            "The certificate is of {}, issued by {}.",
            seen.value.subject, seen.value.issuer
        ),
        ids: vec![seen.id()],
    })
}

/// `user@target@bastion`, `user#target`: the forms that bastions take.
fn by_user_name(evidence: &Evidence<'_>) -> Option<Known> {
    let names_target =
        |fact: &Fact| matches!(fact, Fact::RdpFileUser { names_target: true, .. }).then_some(());
    let seen = evidence.all(names_target).pop()?;
    (seen.observation.source == Source::RdpFile).then(|| Known {
        name: "A bastion".to_owned(),
        proof: Proof::Possible,
        by: "The file's user name names another target, as bastions want it.".to_owned(),
        ids: vec![seen.id()],
    })
}

// ── the administrator's list ────────────────────────────────────────────────────────────────────

/// A bastion as an administrator describes it. Of each list one has to fit; a list that is empty asks
/// for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BastionEntry {
    /// What people call it.
    pub label: String,
    /// Patterns of its names, with `*` for any characters.
    pub names: Vec<String>,
    /// Patterns of who issues its certificates: the common name, organisation or unit of an issuer.
    pub issuers: Vec<String>,
    /// SHA-256 or SHA-1 of its certificates, lower-case hexadecimal.
    pub fingerprints: Vec<String>,
}

impl BastionEntry {
    /// The fact that this entry fits what was seen. Something of it has to fit, and nothing that was
    /// seen may speak against it; what was not reached does neither.
    pub fn fitting(&self, evidence: &Evidence<'_>) -> Option<Fact> {
        let chain = evidence.main_path(|fact| match fact {
            Fact::ServerCertificates { certificates } => Some(certificates.as_slice()),
            _ => None,
        });
        let chain = chain.last().map(|seen| seen.value).unwrap_or_default();
        let marks = [
            self.by_name(evidence, chain.first()),
            self.by_issuer(chain),
            self.by_fingerprint(chain.first()),
        ];
        let by: Vec<BastionMark> = marks.into_iter().collect::<Option<Vec<_>>>()?.concat();
        (!by.is_empty()).then(|| Fact::ListedBastion { label: self.label.clone(), by })
    }

    /// By the name asked for, and by those that the server gives itself; `None` speaks against it.
    fn by_name(
        &self,
        evidence: &Evidence<'_>,
        own: Option<&Certificate>,
    ) -> Option<Vec<BastionMark>> {
        if self.names.is_empty() {
            return Some(Vec::new());
        }
        let fits = |name: &str| self.names.iter().any(|pattern| matches(pattern, name));
        let target = evidence.target.filter(|target| fits(&target.host));
        let introduced = look::ntlm_names(evidence).map(|seen| seen.value);
        let introduced =
            introduced.into_iter().flat_map(|names| [names.netbios, names.dns]).flatten();
        let certified = own.into_iter().flat_map(|certificate| {
            let common = certificate.subject_common_name.as_ref();
            common.into_iter().chain(&certificate.dns_names).map(String::as_str)
        });
        let named = certified.chain(introduced).any(fits);
        let marks: Vec<_> =
            [target.map(|_| BastionMark::Target), named.then_some(BastionMark::Name)]
                .into_iter()
                .flatten()
                .collect();
        (!marks.is_empty()).then_some(marks)
    }

    fn by_issuer(&self, chain: &[Certificate]) -> Option<Vec<BastionMark>> {
        if self.issuers.is_empty() || chain.is_empty() {
            return Some(Vec::new());
        }
        let issued = |certificate: &Certificate| {
            let parts = name_parts(&certificate.issuer);
            self.issuers.iter().any(|pattern| {
                matches(pattern, &certificate.issuer)
                    || parts.iter().any(|part| matches(pattern, part))
            })
        };
        chain.iter().any(issued).then(|| vec![BastionMark::Issuer])
    }

    fn by_fingerprint(&self, own: Option<&Certificate>) -> Option<Vec<BastionMark>> {
        let Some(own) = own.filter(|_| !self.fingerprints.is_empty()) else {
            return Some(Vec::new());
        };
        let fits = |text: &String| *text == own.sha256 || *text == own.sha1;
        self.fingerprints.iter().any(fits).then(|| vec![BastionMark::Fingerprint])
    }
}

/// Whether a pattern takes the whole text; `*` stands for any characters, case does not count.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.trim_end_matches('.').to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{BastionMark, Fact};

    use super::{BastionEntry, matches, product};
    use crate::testing::{Scene, certificate};

    #[test]
    fn products_and_near_misses() {
        for (name, expected) in [
            ("CN=bastion.corp.example, O=WALLIX", Some("WALLIX Bastion")),
            ("CN=psm01, OU=CyberArk PSM, O=Example", Some("CyberArk")),
            ("CN=One Identity Safeguard Appliance", Some("One Identity Safeguard")),
            ("CN=pc42.corp.example, O=One Identity", None),
            ("CN=teleporter.corp.example", None),
            ("L=Wallix, CN=pc42", None),
            ("", None),
        ] {
            assert_eq!(product(name), expected, "{name}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("bastion.corp.example", "BASTION.corp.example.", true),
            ("bastion*.corp.example", "bastion7.corp.example", true),
            ("*.pam.*", "a.pam.corp", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*c", "a-c-b", false),
            ("bastion", "bastion2", false),
            ("bastion*.corp.example", "bastion.corp.example.evil", false),
            ("*.corp.example", "corp.example", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    /// What an entry fits by, on a server whose certificate says this.
    fn marks(entry: &BastionEntry, target: &str, name: &str, issuer: &str) -> Vec<BastionMark> {
        let mut shown = certificate();
        shown.subject_common_name = Some(name.to_owned());
        shown.issuer = issuer.to_owned();
        let scene = Scene::negotiated(1).target(target).certified(shown, &[]);
        scene.with_evidence(|evidence| by(entry.fitting(evidence)))
    }

    fn by(fact: Option<Fact>) -> Vec<BastionMark> {
        match fact {
            Some(Fact::ListedBastion { by, .. }) => by,
            _ => Vec::new(),
        }
    }

    fn entry(names: &[&str], issuers: &[&str], fingerprints: &[&str]) -> BastionEntry {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        BastionEntry {
            label: "the corp bastion".to_owned(),
            names: owned(names),
            issuers: owned(issuers),
            fingerprints: owned(fingerprints),
        }
    }

    #[test]
    fn by_name_issuer_and_fingerprint() {
        use BastionMark::{Fingerprint, Issuer, Name, Target};
        let zeros = "00".repeat(32);
        let whole = entry(&["gate*.corp.example"], &["Corp PAM CA"], &[&zeros]);
        let issuer = "CN=Corp PAM CA, O=Corp";
        let all = marks(&whole, "gate1.corp.example", "gate1.corp.example", issuer);
        assert_eq!(all, [Target, Name, Issuer, Fingerprint]);
        // In between: the host was asked for, the bastion answers.
        assert_eq!(
            marks(&whole, "pc42.corp.example", "gate1.corp.example", issuer),
            [Name, Issuer, Fingerprint]
        );
        let sha1 = "00".repeat(20);
        assert_eq!(marks(&entry(&[], &[], &[&sha1]), "pc42", "pc42", "CN=x"), [Fingerprint]);
        assert_eq!(marks(&entry(&[], &["*pam*"], &[]), "pc42", "pc42", issuer), [Issuer]);
    }

    #[test]
    fn near_miss_what_speaks_against_it() {
        let issuer = "CN=Corp PAM CA, O=Corp";
        let by = |entry: &BastionEntry| marks(entry, "gate1", "gate1", issuer);
        assert_eq!(by(&entry(&["gate2"], &["Corp PAM CA"], &[])), []);
        assert_eq!(by(&entry(&["gate1"], &["Other CA"], &[])), []);
        assert_eq!(by(&entry(&["gate1"], &[], &[&"11".repeat(32)])), []);
        assert_eq!(by(&entry(&[], &["PAM"], &[])), []);
        assert_eq!(by(&entry(&[], &[], &[])), []);
    }

    /// No certificate was reached: only the name can speak.
    #[test]
    fn what_was_not_reached_speaks_neither_way() {
        let zeros = "00".repeat(32);
        let scene = Scene::new().target("gate1").connected("10.0.0.1:3389");
        scene.with_evidence(|evidence| {
            let known = entry(&["gate1"], &["Corp PAM CA"], &[&zeros]).fitting(evidence);
            assert_eq!(by(known), [BastionMark::Target]);
            assert_eq!(entry(&[], &["Corp PAM CA"], &[&zeros]).fitting(evidence), None);
        });
    }
}
