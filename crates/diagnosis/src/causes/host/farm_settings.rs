//! The host asks a broker where a session belongs.

use rdpdoctor_model::{CauseId, Stage};

use crate::machine::{Machine, POLICY};
use crate::machine_facts::{Point, matched, number, text};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `host.farm-settings`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.farm-settings"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "{host} belongs to a farm: a broker decides where a session goes",
    explanation: "A member of a farm asks a connection broker for each session, and the broker may send the client to another host. On a host that stands alone such settings are left over, and lead clients to a broker or a host that is no longer there.",
    excludes: &[],
    remedies: &[Remedy {
        id: "leave-the-farm",
        place: Where::Host,
        risk: Risk::Medium,
        title: "Only where the host stands alone: take the settings of the farm away",
        steps: &[
            "PS> reg export 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\ClusterSettings' C:\\farm.reg",
            "PS> Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\ClusterSettings' SessionDirectoryActive 0",
            "Where a policy sets it: Remote Desktop Session Host, RD Connection Broker: Join RD Connection Broker",
        ],
        interrupts: "the host takes no more part in the farm",
        undo: &["PS> reg import C:\\farm.reg"],
        verify: "rdpdoctor check {target} -u <user> --logon is not redirected",
    }],
    references: &["MS-RDPBCGR 2.2.13", "MS-TSSD 1.3"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_hosts"),
    next_tests: &[],
    rule,
};

const CLUSTER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\ClusterSettings";
const LOCATION: &str = "SessionDirectoryLocation";

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let active = "SessionDirectoryActive";
    let (place, (setting, _)) = [POLICY, CLUSTER]
        .into_iter()
        .find_map(|key| Some((key, number(&host, key, active)?)))
        .filter(|(_, (_, on))| *on == 1)?;
    let location = text(&host, place, LOCATION).or_else(|| text(&host, CLUSTER, LOCATION));
    let looked = host.is_absent(place, LOCATION);
    let title = CAUSE.title;
    let point = match location {
        Some((location, name)) => {
            let name: String = name.chars().take(120).collect();
            let words = format!("The broker is {name}.");
            let mut point =
                Point::of_setting(Severity::Info, Proof::Proven, &setting, title, &words);
            point.evidence.push(location.id);
            point
        }
        None if looked => Point::of_setting(
            Severity::Warning,
            Proof::Likely,
            &setting,
            "{host} is set to ask a broker, and none is named",
            "It is set to ask a broker, and none is named.",
        ),
        None => return None,
    };
    matched(vec![point])
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Lookup, RegistryData, Stage};

    use super::{CAUSE, CLUSTER, LOCATION, POLICY};
    use crate::Severity;
    use crate::testing::Scene;

    fn judged(active: Option<u32>, location: Lookup<&str>) -> Option<Severity> {
        let location = location.map_seen(|name| RegistryData::Text(name.to_owned()));
        let scene = Scene::new()
            .host_number(CLUSTER, "SessionDirectoryActive", active)
            .machine_value(Stage::Host, CLUSTER, LOCATION, location);
        scene.judge(&CAUSE).map(|found| found.severity)
    }

    #[test]
    fn a_broker_that_is_named_and_one_that_is_not() {
        assert_eq!(judged(Some(1), Lookup::seen("rdcb1")), Some(Severity::Info));
        assert_eq!(judged(Some(1), Lookup::Absent), Some(Severity::Warning));
        assert_eq!(judged(Some(1), Lookup::unavailable("access denied")), None);
        assert_eq!(judged(Some(0), Lookup::seen("rdcb1")), None);
        assert_eq!(judged(None, Lookup::Absent), None);
    }

    #[test]
    fn a_policy_goes_before_the_hosts_own() {
        let scene = Scene::new()
            .host_number(POLICY, "SessionDirectoryActive", Some(0))
            .host_number(CLUSTER, "SessionDirectoryActive", Some(1))
            .machine_value(Stage::Host, CLUSTER, LOCATION, Lookup::Absent);
        assert_eq!(scene.judge(&CAUSE), None);
    }
}
