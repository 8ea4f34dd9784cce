//! Windows on the client is too old.

use rdpdoctor_model::{CauseId, Stage, Timestamp};

use crate::machine::Machine;
use crate::machine_facts::build;
use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
    windows_release,
};

/// `client.outdated`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.outdated"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "Windows on this client is out of support",
    explanation: "The Remote Desktop client is a part of Windows and gets no more updates with it. Hosts and gateways go on: what they ask for, newer versions of TLS and of CredSSP among it, such a client cannot give one day, and mended flaws stay open in it.",
    excludes: &[],
    remedies: &[Remedy {
        id: "update-windows",
        place: Where::Client,
        risk: Risk::Medium,
        title: "Update Windows to a release that is supported, or use another client",
        steps: &["PS> winver", "Settings, Windows Update; or the machine's administrator."],
        interrupts: "the update takes an hour and restarts the machine",
        undo: &["Settings, System, Recovery, Go back   (within 10 days)"],
        verify: "rdpdoctor client finds it no longer",
    }],
    references: &["https://learn.microsoft.com/en-us/lifecycle/products/"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

/// Windows 10 and 11 count their builds on; older ones are told by them just as well.
const VERSIONS: &[(u8, u8)] = &[(10, 0), (6, 3), (6, 2), (6, 1), (6, 0), (5, 2), (5, 1)];

/// A paid contract can give updates for longer, which no setting tells: it is likely, not proven.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let found = build(&client)?;
    let number = u16::try_from(found.number).ok()?;
    let release =
        VERSIONS.iter().find_map(|&(major, minor)| windows_release(major, minor, number))?;
    let end = release.end_of_support?;
    let ended: Timestamp = format!("{end}T23:59:59Z").parse().ok()?;
    (evidence.judged_at.millis_since(ended) > 0).then(|| {
        Match::new(Severity::Warning, Proof::Likely, [found.id]).detailed(format!(
            "Build {number} is {}; its last day of support without an extra contract was {end}.",
            release.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::CAUSE;
    use crate::machine_facts::VERSION;
    use crate::testing::Scene;

    #[test]
    fn releases_in_and_out_of_support() {
        let found = |build: Lookup<&str>| {
            let data = build.map_seen(|build| RegistryData::Text(build.to_owned()));
            let scene =
                Scene::new().machine_value(Stage::Client, VERSION, "CurrentBuildNumber", data);
            scene.judge(&CAUSE).is_some()
        };
        assert!(found(Lookup::seen("19045")) && found(Lookup::seen("7601")));
        assert!(!found(Lookup::seen("26200")) && !found(Lookup::seen("99999")));
        assert!(!found(Lookup::seen("none")) && !found(Lookup::unavailable("denied")));
    }
}
