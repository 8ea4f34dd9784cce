//! Somebody else's program stands in the sign-in.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::machine::Machine;
use crate::machine_facts::{Point, matched};
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `host.sign-in-agent`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.sign-in-agent"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "A program that Windows does not bring takes part in sign-ins on {host}",
    explanation: "Products for a second factor hide Windows' own way to sign in behind a filter of theirs. When such an agent breaks, after an update for one, it lets nobody in: the connection ends right behind the password. That one is installed is no fault by itself.",
    excludes: &[],
    remedies: &[Remedy {
        id: "ask-who-runs-it",
        place: Where::Host,
        risk: Risk::High,
        title: "If sign-ins end right behind the password, have the agent repaired by who runs it",
        steps: &[
            "PS> Get-ChildItem 'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Authentication\\Credential Provider Filters' | Select-Object PSChildName, @{n='Name';e={$_.GetValue('')}}",
            "Read the agent's own log, and repair or update it at the console, by its maker's guide. It is a protection: do not take it away to see whether it helps.",
        ],
        interrupts: "sign-ins, while the agent is repaired",
        undo: &["install the agent's former version again"],
        verify: "rdpdoctor check {target} -u <user> --logon gets past 'session'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/win32/api/credentialprovider/nn-credentialprovider-icredentialproviderfilter",
        "https://github.com/dockur/windows/issues/416",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[NextTest {
        why: "where the connection ends: an agent that fails ends it right behind the password",
        command: "rdpdoctor check {target} -u <user> --logon",
    }],
    rule,
};

const FILTERS: &str = r"\authentication\credential provider filters\";

/// The filter that Windows brings (GenericFilter).
const OF_WINDOWS: &[&str] = &["{ddc0eed2-adbe-40b6-a217-ede16a79a0de}"];

/// Filters that are told one by one.
const TOLD: usize = 4;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let filters = host.all(|fact| match fact {
        Fact::RegistryValue(value) => {
            let key = value.key.to_ascii_lowercase();
            let (_, class) = key.split_once(FILTERS)?;
            let foreign = !OF_WINDOWS.contains(&class);
            foreign.then(|| match value.data.as_seen().and_then(|data| data.text()) {
                Some(name) => name.chars().take(80).collect(),
                None => class.to_owned(),
            })
        }
        _ => None,
    });
    let points = filters.iter().take(TOLD).map(|seen| {
        let words = format!("The filter is {}.", seen.value);
        Point::new(Severity::Info, Proof::Possible, [seen.id()], CAUSE.title, words)
    });
    matched(points.collect())
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::CAUSE;
    use crate::Severity;
    use crate::testing::Scene;

    #[test]
    fn filters_of_windows_and_of_others() {
        let found = |class: &str| {
            let key = format!(
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Authentication\Credential Provider Filters\{class}"
            );
            let name = Lookup::seen(RegistryData::Text("SomeFilter".to_owned()));
            let scene = Scene::new().machine_value(Stage::Host, &key, "", name);
            scene.judge(&CAUSE).map(|found| found.severity)
        };
        assert_eq!(found("{DDC0EED2-ADBE-40b6-A217-EDE16A79A0DE}"), None);
        let other = "{44E2ED41-48C7-4712-A3C3-250C5E6D5D84}";
        assert_eq!(found(other), Some(Severity::Info));
        assert_eq!(Scene::new().judge(&CAUSE), None);
    }
}
