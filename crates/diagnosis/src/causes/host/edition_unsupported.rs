//! An edition of Windows that has no Remote Desktop host.

use rdpdoctor_model::{CauseId, Stage};

use crate::host_view::{WINDOWS, leading, service};
use crate::machine::Machine;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.edition-unsupported`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.edition-unsupported"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The edition of Windows on {host} cannot be connected to",
    explanation: "The Home editions of Windows have the client of Remote Desktop and not the host: nothing listens, whatever the settings say. No value of the registry changes that; programs that patch Windows for it break with updates and breach its licence.",
    excludes: &["network, certificate, password"],
    remedies: &[Remedy {
        id: "change-the-edition",
        place: Where::Host,
        risk: Risk::High,
        title: "Upgrade to Pro, or use another program for remote help",
        steps: &[
            "Settings, System, Activation: upgrade the edition, with a key for Pro.",
            "For help now and then: Quick Assist, which every edition has.",
        ],
        interrupts: "the upgrade restarts the machine",
        undo: &["There is no way back to Home but a new installation."],
        verify: "rdpdoctor check {target} gets an answer",
    }],
    references: &[
        "https://support.microsoft.com/en-us/windows/how-to-use-remote-desktop-5fe128d5-8fb1-7a23-3b8a-41e636865e8c",
    ],
    client_shows: &[],
    more_specific_than: &[
        CauseId("host.rdp-disabled"),
        CauseId("host.service-stopped"),
        CauseId("host.listener-missing"),
        CauseId("host.firewall-blocks"),
        CauseId("net.refused"),
        CauseId("net.no-answer"),
        CauseId("net.port-blocked"),
    ],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// EditionID of the Home editions: Core, CoreN, CoreSingleLanguage, CoreCountrySpecific.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let setting = host.setting(WINDOWS, "EditionID")?;
    let edition = setting.data.text()?;
    let home = edition.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("Core"));
    if !home {
        return None;
    }
    let name: String = edition.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    // A patched one listens; then it is no barrier, and not in order either.
    let listens = service::listens(&host) == Some(true);
    let severity = if listens { Severity::Warning } else { Severity::Blocking };
    let found = Match::new(severity, Proof::Proven, [setting.id])
        .detailed(format!("Its edition is {name}, one of the Home editions."));
    Some(leading(evidence, &CAUSE, found))
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, WINDOWS};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    #[test]
    fn home_and_others() {
        let edition = |name: &str| Scene::new().host_text(WINDOWS, "EditionID", name);
        let judged = |scene: Scene| scene.judge(&CAUSE).map(|m| (m.severity, m.proof));
        for home in ["Core", "CoreSingleLanguage", "CoreN"] {
            assert_eq!(judged(edition(home)), Some((Severity::Blocking, Proof::Proven)), "{home}");
        }
        for other in ["Professional", "ServerStandard", "Enterprise", "IoTEnterprise", ""] {
            assert_eq!(judged(edition(other)), None, "{other}");
        }
        let patched = edition("Core").listening(&[("svchost.exe", 7, &["TermService"])]);
        assert_eq!(judged(patched), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(judged(Scene::new().host_unread(WINDOWS, "EditionID")), None);
    }
}
