//! Whether a credential may leave for a server (contract, "Whether a credential leaves").

use std::io::{IsTerminal as _, Write as _};

use anyhow::ensure;
use rdpdoctor_diagnosis::{Evidence, GatewayView, Identity, Policy, Trust, identity};
use rdpdoctor_model::{Observation, ReleaseReason, Target, Timestamp};
use rdpdoctor_probe::Release;

use super::Memory;
use crate::progress::Line;

/// Decides, and asks a person where nothing else vouches for the server.
pub struct Gatekeeper {
    pub target: Target,
    pub trust: Trust,
    /// `--pin`, as 64 digits in lower case.
    pub pin: Option<String>,
    pub memory: Memory,
    pub line: Line,
    /// What would be done there, as the question says it.
    pub deed: &'static str,
}

/// A password is sent, at the latest when the session begins.
pub const SEND_PASSWORD: &str = "Send the password to";

/// Nobody knows the password; by NTLM what is shown of it can be tried out all the same.
pub const SIGN_IN_LOGGED_ON: &str = "Sign in with who is logged on here, at";

impl Gatekeeper {
    /// The decision.
    pub fn judge(&self, observations: &[Observation]) -> Release {
        let policy = Policy { trust: self.trust, ..Policy::default() };
        let evidence = Evidence::new(observations, Some(&self.target), Timestamp::now(), policy);
        self.decide(&identity(&evidence), self.pin.as_deref())
    }

    /// The decision about an RD Gateway, from what was seen of it alone.
    pub fn judge_gateway(&self, observations: &[Observation]) -> Release {
        let Some(view) = GatewayView::of(observations) else {
            return Release { released: false, reason: ReleaseReason::NotJudged };
        };
        let policy = Policy { trust: self.trust, ..Policy::default() };
        let evidence = view.judged(Timestamp::now(), policy);
        let identity = identity(&evidence);
        // A pin that differs is the host's.
        let pin = self.pin.as_deref().filter(|pin| identity.fingerprint == Some(*pin));
        self.decide(&identity, pin)
    }

    /// The decision about who answers on WinRM's port, which is seen as a gateway is. With `own_pin` the
    /// pin is for it; else it may be for the Remote Desktop's certificate as well. Without TLS there is
    /// no certificate that could be the one or another.
    pub fn judge_winrm(&self, observations: &[Observation], own_pin: bool) -> Release {
        let Some(view) = GatewayView::of(observations) else {
            return Release { released: false, reason: ReleaseReason::NotJudged };
        };
        let policy = Policy { trust: self.trust, ..Policy::default() };
        let evidence = view.judged(Timestamp::now(), policy);
        let identity = identity(&evidence);
        let shown = identity.fingerprint;
        let fits = |pin: &&str| shown.is_some() && (own_pin || shown == Some(*pin));
        self.decide(&identity, self.pin.as_deref().filter(fits))
    }

    fn decide(&self, identity: &Identity<'_>, pin: Option<&str>) -> Release {
        let reason = self.reason(identity, pin);
        if let (ReleaseReason::UserConfirmed | ReleaseReason::PinMatches, Some(fingerprint)) =
            (reason, identity.fingerprint)
        {
            self.memory.know(&self.target, fingerprint);
        }
        Release { released: releases(reason), reason }
    }

    fn reason(&self, identity: &Identity<'_>, pin: Option<&str>) -> ReleaseReason {
        if self.trust == Trust::Any {
            return ReleaseReason::TrustAny;
        }
        if identity.intercepted {
            return ReleaseReason::Intercepted;
        }
        let fingerprint = identity.fingerprint.unwrap_or_default();
        if let Some(pin) = pin {
            return if pin == fingerprint {
                ReleaseReason::PinMatches
            } else {
                ReleaseReason::PinDiffers
            };
        }
        if identity.trusted {
            return ReleaseReason::CertificateTrusted;
        }
        if identity.other_machine {
            return ReleaseReason::OtherMachine;
        }
        if self.trust == Trust::Strict {
            return ReleaseReason::NotJudged;
        }
        match self.memory.known(&self.target) {
            Some(known) if known == fingerprint => ReleaseReason::FingerprintKnown,
            Some(_) => ReleaseReason::FingerprintChanged,
            None if self.confirmed(fingerprint) => ReleaseReason::UserConfirmed,
            None => ReleaseReason::NotJudged,
        }
    }

    /// Asks on the terminal, where there is one.
    fn confirmed(&self, fingerprint: &str) -> bool {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        self.line.suspended(|| {
            let mut output = std::io::stderr();
            let (host, deed) = (&self.target.host, self.deed);
            let question = if fingerprint.is_empty() {
                // Standard RDP Security: its keys are signed by a key that everybody has.
                format!(
                    "Nothing vouches for {host}: it shows no certificate.\n\
                     {deed} whoever answers there? Type yes: "
                )
            } else {
                format!(
                    "Nothing vouches for {host}: its certificate is not trusted here.\n\
                     SHA-256 {}\n\
                     {deed} the holder of this certificate? Type yes: ",
                    grouped(fingerprint)
                )
            };
            let asked = output.write_all(question.as_bytes()).and_then(|()| output.flush());
            let mut answer = String::new();
            asked.is_ok()
                && std::io::stdin().read_line(&mut answer).is_ok()
                && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
        })
    }
}

fn releases(reason: ReleaseReason) -> bool {
    use ReleaseReason as R;
    match reason {
        R::CertificateTrusted
        | R::KerberosAuthenticates
        | R::PinMatches
        | R::FingerprintKnown
        | R::UserConfirmed
        | R::TrustAny => true,
        R::NotJudged
        | R::PinDiffers
        | R::FingerprintChanged
        | R::Intercepted
        | R::OtherMachine
        | R::EncryptionOracle => false,
    }
}

/// `ab:cd:…` as tools show fingerprints.
fn grouped(fingerprint: &str) -> String {
    let bytes: Vec<_> = fingerprint.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    bytes.join(":")
}

/// A fingerprint as tools show it: 64 hexadecimal digits, with or without colons or blanks.
///
/// # Errors
/// When it is none.
pub fn parse_pin(text: &str) -> anyhow::Result<String> {
    let text = text.strip_prefix("SHA256:").or(text.strip_prefix("sha256:")).unwrap_or(text);
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
    ensure!(
        digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()),
        "--pin takes the SHA-256 of a certificate: 64 hexadecimal digits"
    );
    Ok(digits.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_as_tools_show_them() {
        let plain = "ab".repeat(32);
        let colons = ["AB"; 32].join(":");
        assert_eq!(parse_pin(&colons).expect("a pin"), plain);
        assert_eq!(parse_pin(&format!("SHA256:{plain}")).expect("a pin"), plain);
        assert_eq!(grouped(&plain), ["ab"; 32].join(":"));
        assert!(parse_pin("ab").is_err());
        assert!(parse_pin(&"zz".repeat(32)).is_err());
    }
}
