//! The host may use FIPS-approved algorithms only.

use rdpdoctor_model::{CauseId, Stage};

use crate::host_view::leading;
use crate::machine::{LISTENER, Machine, POLICY};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

const FIPS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\FIPSAlgorithmPolicy";

/// The highest of MinEncryptionLevel ([MS-RDPBCGR] 5.4.1, ENCRYPTION_LEVEL_FIPS).
const LEVEL_FIPS: u64 = 4;

/// `host.fips`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.fips"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} may use FIPS-approved algorithms only",
    explanation: "FIPS mode takes algorithms away from the whole of Windows and sets the encryption level of Remote Desktop to its highest. Clients of today connect all the same; old ones and some that are not Microsoft's are refused. Who made the rule knows whether it may go.",
    excludes: &["password, account, licence"],
    remedies: &[Remedy {
        id: "use-a-client-that-can",
        place: Where::Client,
        risk: Risk::Low,
        title: "Use a client that can; ask before the mode is switched off, since it may be required",
        steps: &[
            "PS> Get-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\FIPSAlgorithmPolicy' Enabled   (on the host)",
            "PS> gpresult /scope computer /h gp.html   (whether a policy sets it: Security Options, System cryptography)",
            "Update the client that is refused, or connect with the one that Windows has.",
        ],
        interrupts: "nothing",
        undo: &["nothing to undo: nothing was changed"],
        verify: "rdpdoctor check {target} gets past 'encryption'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/windows-server/remote/rdp-client-disconnects-cannot-reconnect-same-session",
        "MS-RDPBCGR 5.4.1",
    ],
    client_shows: &[ClientCode { code: 0xE06, extended: None, proof: Proof::Possible }],
    more_specific_than: &[CauseId("rdpsec.fips-mismatch"), CauseId("rdpsec.no-common-encryption")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// It is a setting, and no fault by itself.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let mode = host.setting(FIPS, "Enabled").filter(|setting| setting.data.number() == Some(1));
    let level = host
        .effective(POLICY, LISTENER, "MinEncryptionLevel")
        .filter(|setting| setting.data.number() == Some(LEVEL_FIPS));
    let words = match (&mode, &level) {
        (Some(_), _) => "FIPSAlgorithmPolicy is on.",
        (None, Some(_)) => "MinEncryptionLevel is 4.",
        (None, None) => return None,
    };
    let ids = [mode, level].into_iter().flatten().map(|setting| setting.id);
    let found = Match::new(Severity::Info, Proof::Proven, ids).detailed(words);
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, FIPS, LISTENER, POLICY};
    use crate::Severity;
    use crate::testing::Scene;

    #[test]
    fn on_off_and_unread() {
        let judged = |scene: Scene| scene.judge(&CAUSE).map(|found| found.severity);
        let level = |key: &str, level| Scene::new().host_number(key, "MinEncryptionLevel", level);
        let on = Some(Severity::Info);
        assert_eq!(judged(Scene::new().host_number(FIPS, "Enabled", Some(1))), on);
        assert_eq!(judged(Scene::new().host_number(FIPS, "Enabled", Some(0))), None);
        assert_eq!(judged(Scene::new().host_unread(FIPS, "Enabled")), None);
        assert_eq!(judged(level(LISTENER, Some(4))), on);
        assert_eq!(judged(level(LISTENER, Some(3))), None);
        let policy = level(LISTENER, Some(4)).host_number(POLICY, "MinEncryptionLevel", Some(3));
        assert_eq!(judged(policy), None, "the policy's level counts");
    }
}
