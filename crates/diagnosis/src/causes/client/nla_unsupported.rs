//! The client is set to sign in without NLA.

use rdpdoctor_model::{CauseId, Change, Fact, Negotiation, Stage};

use crate::machine::Machine;
use crate::machine_facts::{CLIENT, Point, matched, number};
use crate::mend::Mend;
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `client.nla-unsupported`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.nla-unsupported"),
    stage: Stage::Client,
    owner: Owner::Client,
    title: "This client is set to sign in without NLA, which most hosts ask for",
    explanation: "Network Level Authentication is a sign-in before the session, by CredSSP. This client is set not to offer it. Hosts that ask for it, as Windows does by itself, refuse the connection before anybody is asked for a password.",
    excludes: &["password, account, licence: none was reached"],
    remedies: &[Remedy {
        id: "let-it-offer-nla",
        place: Where::Client,
        risk: Risk::Low,
        title: "Take the setting away that keeps the client from NLA",
        steps: &[
            "PS> Remove-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Terminal Server Client' EnableCredSSPSupport",
            "In Default.rdp and other .rdp files: enablecredsspsupport:i:1",
        ],
        interrupts: "nothing; it counts from the next connection",
        undo: &[
            "PS> New-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Terminal Server Client' EnableCredSSPSupport -Value 0 -PropertyType DWord -Force",
        ],
        verify: "mstsc asks for the password before it opens a window",
    }],
    references: &["MS-RDPBCGR 5.4.5.2", "https://www.github.com/mRemoteNG/mRemoteNG/issues/875"],
    client_shows: &[ClientCode { code: 0xB09, extended: None, proof: Proof::Likely }],
    more_specific_than: &[],
    reproduction: Reproduction::Test("facts_of_broken_clients"),
    next_tests: &[],
    rule,
};

const SWITCH: &str = "EnableCredSSPSupport";

/// HYBRID_REQUIRED_BY_SERVER (MS-RDPBCGR 2.2.1.2.2).
const NLA_REQUIRED: u32 = 5;

/// What is changed: the machine's own switch.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "let-it-offer-nla",
    changes: |evidence| {
        let client = Machine::client(evidence);
        let off = number(&client, CLIENT, SWITCH)
            .is_some_and(|(setting, on)| on == 0 && !setting.is_managed());
        let (key, name) = (CLIENT.to_owned(), SWITCH.to_owned());
        let change = Change::RegistryValue { key, name, data: None };
        off.then_some(change).into_iter().collect()
    },
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let client = Machine::client(evidence);
    let required = evidence.all(|fact| match fact {
        Fact::ConnectionConfirm { negotiation: Negotiation::Failure { code: NLA_REQUIRED } } => {
            Some(())
        }
        _ => None,
    });
    // Only a host that was seen to ask for it is known to refuse.
    let severity = if required.is_empty() { Severity::Warning } else { Severity::Blocking };
    let mut points: Vec<Point> = [switched_off(&client, severity), by_default(&client, severity)]
        .into_iter()
        .flatten()
        .collect();
    for point in &mut points {
        point.evidence.extend(required.last().map(crate::Seen::id));
    }
    matched(points)
}

fn switched_off(client: &Machine<'_, '_>, severity: Severity) -> Option<Point> {
    let (setting, _) = number(client, CLIENT, SWITCH).filter(|(_, on)| *on == 0)?;
    let words = "EnableCredSSPSupport is 0 for the whole machine.";
    Some(Point::of_setting(severity, Proof::Proven, &setting, CAUSE.title, words))
}

fn by_default(client: &Machine<'_, '_>, severity: Severity) -> Option<Point> {
    let defaults = client.last(|fact| match fact {
        Fact::ClientDefaults(defaults) => defaults.settings.as_seen(),
        _ => None,
    })?;
    let words = "Default.rdp says enablecredsspsupport:i:0.";
    (defaults.value.credssp_support == Some(0))
        .then(|| Point::new(severity, Proof::Proven, [defaults.id()], CAUSE.title, words))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        ClientDefaults, DefaultSettings, Fact, Lookup, Negotiation, RegistryData, Stage,
    };

    use super::{CAUSE, CLIENT, MEND, SWITCH};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    fn set(scene: Scene, data: Lookup<u32>) -> Scene {
        scene.machine_value(Stage::Client, CLIENT, SWITCH, data.map_seen(RegistryData::Dword))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    #[test]
    fn the_switch_alone_and_before_a_host_that_asks() {
        let off = set(Scene::new(), Lookup::seen(0));
        assert_eq!(judged(&off), Some((Severity::Warning, Proof::Proven)));
        assert_eq!(off.with_evidence(|evidence| (MEND.changes)(evidence)).len(), 1);
        let asked =
            Scene::new().connected("10.0.0.1:3389").confirm(Negotiation::Failure { code: 5 });
        assert_eq!(judged(&set(asked, Lookup::seen(0))), Some((Severity::Blocking, Proof::Proven)));
        assert_eq!(judged(&set(Scene::new(), Lookup::seen(1))), None);
        assert_eq!(judged(&set(Scene::new(), Lookup::Absent)), None);
        assert_eq!(judged(&set(Scene::new(), Lookup::unavailable("denied"))), None);
    }

    #[test]
    fn the_clients_own_defaults() {
        let of = |credssp_support| {
            let settings = DefaultSettings { credssp_support, ..DefaultSettings::default() };
            let path = r"C:\Users\jo\Documents\Default.rdp".to_owned();
            let defaults = ClientDefaults { path, settings: Lookup::seen(settings) };
            let fact = Fact::ClientDefaults(Box::new(defaults));
            judged(&Scene::new().fact(Stage::Client, fact))
        };
        assert_eq!(of(Some(0)), Some((Severity::Warning, Proof::Proven)));
        assert_eq!((of(Some(1)), of(None)), (None, None));
    }
}
