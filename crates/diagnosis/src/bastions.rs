//! Privileged access products and bastions that end the connection themselves and make another one to
//! the host, by the names in their certificates.

use crate::inspectors::names_hold;

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
pub(crate) fn bastion(name: &str) -> Option<&'static str> {
    BASTIONS.iter().find(|(_, words)| names_hold(name, words)).map(|(product, _)| *product)
}

#[cfg(test)]
mod tests {
    use super::bastion;

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
            assert_eq!(bastion(name), expected, "{name}");
        }
    }
}
