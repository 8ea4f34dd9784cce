//! The firewall of Windows keeps Remote Desktop out.

use std::collections::BTreeSet;

use rdpdoctor_model::{CauseId, Change, FirewallProfile, RegistryData, Stage};

use crate::host_view::inbound::{Firewall, Inbound, Ruling, Why};
use crate::host_view::{leading, port};
use crate::machine::Machine;
use crate::mend::Mend;
use crate::{Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where};

const RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";

/// `host.firewall-blocks`
pub static CAUSE: Cause = Cause {
    id: CauseId("host.firewall-blocks"),
    stage: Stage::Host,
    owner: Owner::Host,
    title: "The firewall of {host} keeps Remote Desktop out",
    explanation: "The rules of the Windows firewall decide by port, program, kind of network and the other end's address; a rule that blocks wins over one that allows, and a policy can make it ignore the machine's own rules. Connections from outside meet silence, while one from the machine to itself works.",
    excludes: &["password, account, licence, certificate"],
    remedies: &[
        Remedy {
            id: "let-remote-desktop-in",
            place: Where::Host,
            risk: Risk::Medium,
            title: "Switch the built-in rule on, for those who need it",
            steps: &[
                "PS> Get-NetFirewallRule -Name 'RemoteDesktop-*' | Format-Table Name, Enabled, Profile, Action",
                "PS> Enable-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP",
                "On a port of its own the built-in rule does not fit; make one for that port: PS> New-NetFirewallRule -Name RDP-OwnPort -DisplayName 'Remote Desktop, own port' -Direction Inbound -Protocol TCP -LocalPort {port} -Service TermService -Action Allow -Profile Domain,Private",
                "If a rule that blocks is named above, ask who made it, then: PS> Disable-NetFirewallRule -Name <name>   (do not delete it)",
                "If everything is kept out whatever rules say: PS> Get-NetFirewallProfile | Format-Table Name, Enabled, DefaultInboundAction, AllowInboundRules",
                "PS> netsh advfirewall set <profile>profile firewallpolicy blockinbound,allowoutbound   (rules count again; the rest stays out)",
            ],
            interrupts: "nothing; the machine can be reached from then on",
            undo: &[
                "PS> Disable-NetFirewallRule -Name RemoteDesktop-UserMode-In-TCP",
                "PS> Remove-NetFirewallRule -Name RDP-OwnPort",
                "PS> Enable-NetFirewallRule -Name <name>",
            ],
            verify: "rdpdoctor check {target} gets past 'network' from another machine",
        },
        Remedy {
            id: "ask-for-the-policy",
            place: Where::Policy,
            risk: Risk::Medium,
            title: "Where a policy has the rules, have it let Remote Desktop in",
            steps: &[
                "PS> gpresult /scope computer /h gp.html   (it names the policy)",
                "Computer Configuration, Windows Settings, Security Settings, Windows Defender Firewall with Advanced Security, Inbound Rules: Remote Desktop, for the addresses that need it",
            ],
            interrupts: "nothing",
            undo: &["Set the policy back to what it was"],
            verify: "PS> gpupdate /target:computer, then rdpdoctor host finds it no longer",
        },
    ],
    references: &[
        "https://learn.microsoft.com/en-us/troubleshoot/azure/virtual-machines/windows/guest-os-firewall-blocking-inbound-traffic",
        "MS-GPFAS 2.2.2.19",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("net.no-answer"), CauseId("net.port-blocked")],
    reproduction: Reproduction::Test("host_facts"),
    next_tests: &[],
    rule,
};

/// What is changed: the machine's own built-in rule is switched on, where nothing but that is missing.
pub static MEND: Mend = Mend {
    cause: CAUSE.id,
    remedy: "let-remote-desktop-in",
    changes: |evidence| {
        let firewall = Firewall::of(evidence);
        let missing = blocked(&firewall).into_iter().any(|(_, ruling)| ruling.why == Why::NoRule);
        let change = || {
            let name = firewall.built_in_switched_off()?;
            let host = Machine::host(evidence);
            let setting = host.setting(RULES, name)?;
            let text = switched_on(setting.data.text()?)?;
            Some(Change::RegistryValue {
                key: RULES.to_owned(),
                name: setting.value.name.clone(),
                data: Some(RegistryData::Text(text)),
            })
        };
        missing.then(change).flatten().into_iter().collect()
    },
};

/// The rule's text with `Active=TRUE`.
fn switched_on(rule: &str) -> Option<String> {
    let is_switch = |part: &str| {
        part.split_once('=').is_some_and(|(field, _)| field.eq_ignore_ascii_case("Active"))
    };
    let parts: Vec<&str> =
        rule.split('|').map(|part| if is_switch(part) { "Active=TRUE" } else { part }).collect();
    parts.contains(&"Active=TRUE").then(|| parts.join("|"))
}

/// The kinds of network to judge: those that the machine is in; all where nobody could look.
fn profiles(firewall: &Firewall<'_, '_>) -> BTreeSet<FirewallProfile> {
    let current = firewall.current();
    if current.is_empty() { FirewallProfile::ALL.into_iter().collect() } else { current }
}

/// The networks from which nobody is let in; those that are merely public belong to another cause.
fn blocked(firewall: &Firewall<'_, '_>) -> Vec<(FirewallProfile, Ruling)> {
    let of = |profile| match firewall.judge(profile) {
        Inbound::Blocked(ruling) => {
            let public = profile == FirewallProfile::Public
                && ruling.why == Why::NoRule
                && firewall.lets_in_elsewhere(profile);
            (!public).then_some((profile, ruling))
        }
        _ => None,
    };
    profiles(firewall).into_iter().filter_map(of).collect()
}

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let host = Machine::host(evidence);
    let firewall = Firewall::of(evidence);
    let profiles = profiles(&firewall);
    let blocked = blocked(&firewall);
    let known = !firewall.current().is_empty();
    let all = blocked.len() == profiles.len();
    match blocked.first() {
        // Which network it is in is not known, and from some it is let in.
        Some(_) if !known && !all => narrow(&firewall, &profiles),
        Some((profile, ruling)) => {
            let severity = if all { Severity::Blocking } else { Severity::Warning };
            let words = why(&ruling.why, *profile, port(&host));
            let managed = ruling.why == Why::LocalRulesIgnored;
            let found = Match::new(severity, ruling.proof, ruling.ids.clone())
                .managed(managed)
                .detailed(words);
            Some(if all { leading(evidence, &CAUSE, found) } else { found })
        }
        None => narrow(&firewall, &profiles).map(|found| leading(evidence, &CAUSE, found)),
    }
}

/// Let in, but from some addresses only: who is elsewhere meets silence.
fn narrow(firewall: &Firewall<'_, '_>, profiles: &BTreeSet<FirewallProfile>) -> Option<Match> {
    let rulings: Option<Vec<Ruling>> = profiles
        .iter()
        .map(|profile| match firewall.judge(*profile) {
            Inbound::Narrow(ruling) => Some(ruling),
            _ => None,
        })
        .collect();
    let ruling = rulings?.into_iter().next()?;
    let Why::Only(whom) = &ruling.why else { return None };
    let whom = match whom.as_slice() {
        [] => "under conditions that cannot be judged from here".to_owned(),
        some => {
            let some: Vec<&str> = some.iter().take(8).map(String::as_str).collect();
            format!("from {} only", some.join(", "))
        }
    };
    let found = Match::new(Severity::Info, Proof::Possible, ruling.ids)
        .titled("The firewall of {host} lets in Remote Desktop from some places only")
        .detailed(format!("Its rules let in {whom}. Who connects from elsewhere gets no answer."));
    Some(found)
}

fn why(why: &Why, profile: FirewallProfile, port: u16) -> String {
    let network = match profile {
        FirewallProfile::Domain => "the domain's network",
        FirewallProfile::Private => "private networks",
        FirewallProfile::Public => "public networks",
    };
    match why {
        Why::NothingAtAll => {
            format!(
                "In {network} it takes no connection at all, whatever rules say (DoNotAllowExceptions)."
            )
        }
        Why::Rule(name) => {
            let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            format!("The rule {name} blocks TCP {port} in {network}, and a rule that blocks wins.")
        }
        Why::LocalRulesIgnored => format!(
            "The machine's own rule lets it in, but in {network} a policy makes the firewall ignore the machine's own rules (AllowLocalPolicyMerge is 0), and no rule of a policy lets TCP {port} in."
        ),
        Why::NoRule | Why::Only(_) => {
            format!("No rule that is switched on lets TCP {port} in for {network}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Change, ConnectFailure, RegistryData, Stage};

    use super::{CAUSE, MEND, RULES, switched_on};
    use crate::testing::Scene;
    use crate::{Proof, Severity};

    const BUILT_IN: &str = "RemoteDesktop-UserMode-In-TCP";
    const ON: &str = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|";
    const OFF: &str = "v2.30|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=3389|App=%SystemRoot%\\system32\\svchost.exe|Svc=termservice|Name=@FirewallAPI.dll,-28775|";
    const BLOCK: &str = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|Name=x|";
    const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall";
    const PRIVATE: u32 = 1;
    const DOMAIN: u32 = 2;

    fn judged(scene: &Scene) -> Option<(Severity, Proof)> {
        scene.judge(&CAUSE).map(|found| (found.severity, found.proof))
    }

    fn proven() -> Option<(Severity, Proof)> {
        Some((Severity::Blocking, Proof::Proven))
    }

    #[test]
    fn no_rule_lets_it_in() {
        let off = Scene::new().firewall(&[(BUILT_IN, OFF)]).network(PRIVATE);
        assert_eq!(judged(&off), proven());
        assert_eq!(judged(&Scene::new().firewall(&[]).network(DOMAIN)), proven());
        let on = Scene::new().firewall(&[(BUILT_IN, ON)]).network(PRIVATE);
        assert_eq!(judged(&on), None);
        let elsewhere = Scene::new().firewall(&[("{A}", ON)]).network(PRIVATE);
        assert_eq!(judged(&elsewhere), None, "another rule lets it in");
        let everything = "v2.30|Action=Allow|Active=TRUE|Dir=In|";
        assert_eq!(judged(&Scene::new().firewall(&[("{A}", everything)]).network(PRIVATE)), None);
    }

    #[test]
    fn a_rule_that_blocks_wins_and_is_named() {
        let scene = Scene::new().firewall(&[(BUILT_IN, ON), ("{B}", BLOCK)]).network(PRIVATE);
        assert_eq!(judged(&scene), proven());
        let detail = scene.judge(&CAUSE).and_then(|found| found.detail).expect("words");
        assert!(detail.contains("{B}"), "{detail}");
        let narrow = BLOCK.replace("Name=x", "RA4=10.9.9.9");
        let scene = Scene::new().firewall(&[(BUILT_IN, ON), ("{B}", &narrow)]).network(PRIVATE);
        assert_eq!(judged(&scene), None, "it blocks one other address");
    }

    #[test]
    fn the_port_that_the_listener_has() {
        let listener = crate::machine::LISTENER;
        let scene = Scene::new()
            .host_number(listener, "PortNumber", Some(3390))
            .firewall(&[(BUILT_IN, ON)])
            .network(PRIVATE);
        assert_eq!(judged(&scene), proven(), "the built-in rule is for 3389");
        assert_eq!(scene.with_evidence(MEND.changes), []);
    }

    #[test]
    fn settings_of_the_profile() {
        let key = RULES.replace("FirewallRules", "StandardProfile");
        let on = || Scene::new().firewall(&[(BUILT_IN, ON)]).network(PRIVATE);
        let off = || Scene::new().firewall(&[(BUILT_IN, OFF)]).network(PRIVATE);
        assert_eq!(judged(&on().host_number(&key, "DoNotAllowExceptions", Some(1))), proven());
        assert_eq!(judged(&off().host_number(&key, "EnableFirewall", Some(0))), None);
        assert_eq!(judged(&off().host_number(&key, "DefaultInboundAction", Some(0))), None);
        let unread = off().host_unread(&key, "EnableFirewall");
        assert_eq!(judged(&unread), None, "it may be off");
        let stopped = off().service("MpsSvc", 1, 2);
        assert_eq!(judged(&stopped), None, "no rule counts then");
        let policy = format!(r"{POLICY}\PrivateProfile");
        let ignored = on().host_number(&policy, "AllowLocalPolicyMerge", Some(0));
        assert_eq!(judged(&ignored), proven());
        assert!(ignored.judge(&CAUSE).is_some_and(|found| found.managed));
        let own = ignored.host_text(&format!(r"{POLICY}\FirewallRules"), "{P}", ON);
        assert_eq!(judged(&own), None, "the policy has a rule of its own");
    }

    #[test]
    fn where_it_is_not_known_which_network_it_is_in() {
        assert_eq!(judged(&Scene::new().firewall(&[(BUILT_IN, OFF)])), proven());
        let some = ON.replace("LPort", "Profile=Domain|LPort");
        assert_eq!(judged(&Scene::new().firewall(&[(BUILT_IN, &some)])), None);
        assert_eq!(judged(&Scene::new()), None);
        assert_eq!(judged(&Scene::new().network(PRIVATE)), None, "nobody read the rules");
    }

    #[test]
    fn some_addresses_only() {
        let narrow = ON.replace("LPort", "RA4=LocalSubnet|LPort");
        let scene = Scene::new().firewall(&[(BUILT_IN, &narrow)]).network(PRIVATE);
        assert_eq!(judged(&scene), Some((Severity::Info, Proof::Possible)));
        let silent = scene.not_connected("10.0.0.1:3389", ConnectFailure::Timeout);
        let found = silent.judge(&CAUSE).expect("it fits");
        assert_eq!((found.severity, found.stage), (Severity::Blocking, Some(Stage::Tcp)));
        assert_eq!(found.proof, Proof::Possible);
    }

    #[test]
    fn only_the_built_in_rule_is_switched_on() {
        let off = Scene::new().firewall(&[(BUILT_IN, OFF)]).network(PRIVATE);
        let change = Change::RegistryValue {
            key: RULES.to_owned(),
            name: BUILT_IN.to_owned(),
            data: Some(RegistryData::Text(ON.to_owned())),
        };
        assert_eq!(off.with_evidence(MEND.changes), [change]);
        let blocked = Scene::new().firewall(&[(BUILT_IN, OFF), ("{B}", BLOCK)]).network(PRIVATE);
        assert_eq!(blocked.with_evidence(MEND.changes), []);
        assert_eq!(switched_on("v2.30|Action=Allow|"), None);
    }
}
