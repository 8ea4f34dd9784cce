//! Settings of the client lead its connections through an RD Gateway.

use rdpdoctor_model::{CauseId, Fact, Stage};

use crate::machine::Machine;
use crate::machine_facts::{CLIENT, OWN_CLIENT, Point, matched, number, text};
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

/// `client.gateway-settings`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.gateway-settings"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "Settings of this client lead its connections through an RD Gateway",
    explanation: "A policy or the client's own settings name an RD Gateway, and say when it is used. Where that gateway is gone or names none, connections fail that would work straight; the host has no part in it.",
    excludes: &[],
    remedies: &[Remedy {
        id: "try-without-the-gateway",
        place: Where::Client,
        risk: Risk::Low,
        title: "Try once without the gateway, where the host can be reached straight",
        steps: &[
            "mstsc, Show Options, Advanced, Settings: Do not use an RD Gateway server",
            "Where a policy sets it: User Configuration, Administrative Templates, Windows Components, Remote Desktop Services, RD Gateway: Set RD Gateway server address",
        ],
        interrupts: "nothing",
        undo: &["Choose the former setting again"],
        verify: "rdpdoctor check {target} with and without --gateway <name> tells which way works",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/windows/client-management/mdm/policy-csp-admx-terminalserver",
        "https://policypicker.app/policy/windows11-25h2/windows-components/remote-desktop-services/rd-gateway/enable-connection-through-rd-gateway-81c43b9b93b4",
    ],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const POLICY: &str = r"HKCU\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";

/// gatewayusagemethod: always.
const ALWAYS: i64 = 1;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let points = [by_policy(&client), by_default(&client), transport(&client)];
    matched(points.into_iter().flatten().collect())
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}

fn by_policy(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = number(client, POLICY, "UseProxy").filter(|(_, on)| *on == 1)?;
    if let Some((named, name)) = text(client, POLICY, "ProxyName") {
        let words = format!("The policy's gateway is {}.", short(name));
        let title = "A policy leads connections through an RD Gateway where no straight way works";
        let mut point = Point::of_setting(Severity::Info, Proof::Proven, &setting, title, &words);
        point.evidence.push(named.id);
        return Some(point);
    }
    let title = "A policy wants an RD Gateway, and names none";
    let words = "Without a name, connections fail that cannot be made straight.";
    client
        .is_absent(POLICY, "ProxyName")
        .then(|| Point::of_setting(Severity::Warning, Proof::Proven, &setting, title, words))
}

fn by_default(client: &Machine<'_, '_>) -> Option<Point> {
    let defaults = client.last(|fact| match fact {
        Fact::ClientDefaults(defaults) => defaults.settings.as_seen(),
        _ => None,
    })?;
    let name = defaults.value.gateway_name.as_deref()?;
    (defaults.value.gateway_usage == Some(ALWAYS)).then(|| {
        let title = "The client's last settings lead every connection through an RD Gateway";
        let words = format!("Default.rdp names the gateway {}.", short(name));
        Point::new(Severity::Info, Proof::Proven, [defaults.id()], title, words)
    })
}

/// What else the value can be is not known; 1 is what people set to have the old transport.
fn transport(client: &Machine<'_, '_>) -> Option<Point> {
    let (setting, _) = [CLIENT, OWN_CLIENT]
        .into_iter()
        .find_map(|key| number(client, key, "RDGClientTransport"))
        .filter(|(_, transport)| *transport == 1)?;
    let title = "This client uses the old transport of RD Gateways";
    let words = "RDGClientTransport is 1: RPC over HTTP, which newer gateways do not take.";
    Some(Point::of_setting(Severity::Info, Proof::Possible, &setting, title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{ClientDefaults, DefaultSettings, Fact, Lookup, RegistryData, Stage};

    use super::{CAUSE, CLIENT, POLICY};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn number(key: &str, name: &str, number: u32) -> Scene {
        let data = Lookup::seen(RegistryData::Dword(number));
        Scene::new().machine_value(Stage::Client, key, name, data)
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn a_policy_with_and_without_a_name() {
        let of = |on, name: Lookup<&str>| {
            let name = name.map_seen(|name| RegistryData::Text(name.to_owned()));
            judged(&number(POLICY, "UseProxy", on).machine_value(
                Stage::Client,
                POLICY,
                "ProxyName",
                name,
            ))
        };
        assert_eq!(of(1, Lookup::seen("gw.example")), Some((Severity::Info, Proof::Proven)));
        assert_eq!(of(1, Lookup::Absent), Some((Severity::Warning, Proof::Proven)));
        assert_eq!((of(1, Lookup::unavailable("denied")), of(0, Lookup::Absent)), (None, None));
    }

    #[test]
    fn the_clients_own_settings() {
        let of = |gateway_usage| {
            let gateway_name = Some("gw.example".to_owned());
            let settings =
                DefaultSettings { gateway_name, gateway_usage, ..DefaultSettings::default() };
            let path = r"C:\Users\jo\Documents\Default.rdp".to_owned();
            let defaults = ClientDefaults { path, settings: Lookup::seen(settings) };
            judged(&Scene::new().fact(Stage::Client, Fact::ClientDefaults(Box::new(defaults))))
        };
        assert_eq!(of(Some(1)), Some((Severity::Info, Proof::Proven)));
        assert_eq!((of(Some(0)), of(Some(2)), of(None)), (None, None, None));
        let transport = |n| judged(&number(CLIENT, "RDGClientTransport", n));
        assert_eq!(transport(1), Some((Severity::Info, Proof::Possible)));
        assert_eq!(transport(0), None);
    }
}
