//! A rule of the cloud keeps Remote Desktop out.

use rdpdoctor_model::{CauseId, Cloud, CloudRule, Fact, Stage};

use crate::{
    Cause, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity, Where,
};

/// `cloud.rule-blocks`
pub static CAUSE: Cause = Cause {
    id: CauseId("cloud.rule-blocks"),
    stage: Stage::Tcp,
    owner: Owner::Cloud,
    title: "A rule of the cloud keeps Remote Desktop out",
    explanation: "The cloud drops connections to the host's port before they reach it: one of its rules says so, or none lets them in. To a client this looks like a host that is off, since nothing answers.",
    excludes: &["certificate, password, account, licence: none is reached"],
    remedies: &[Remedy {
        id: "let-one-network-in",
        place: Where::Cloud,
        risk: Risk::Medium,
        title: "Let the port in from the users' own network only, above the rule that blocks",
        steps: &[
            "Azure: $ az network nsg rule create -g <group> --nsg-name <nsg> -n rdp-from-office --priority <lower than the blocking rule> --access Allow --direction Inbound --protocol Tcp --destination-port-ranges 3389 --source-address-prefixes <your network>",
            "AWS: $ aws ec2 authorize-security-group-ingress --group-id <sg> --protocol tcp --port 3389 --cidr <your network>",
            "Google Cloud: $ gcloud compute firewall-rules create rdp-from-office --network <network> --allow tcp:3389 --source-ranges <your network> --priority <lower than the blocking rule>",
            "Do not open it to the whole internet: a VPN, a bastion or an RD Gateway is the way in from there.",
        ],
        interrupts: "nothing",
        undo: &["delete the rule of that name again"],
        verify: "rdpdoctor check {target} gets past 'network'",
    }],
    references: &[
        "https://learn.microsoft.com/en-us/azure/network-watcher/ip-flow-verify-overview",
        "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html",
        "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html",
        "https://cloud.google.com/firewall/docs/firewalls",
    ],
    client_shows: &[],
    more_specific_than: &[CauseId("net.no-answer"), CauseId("net.port-blocked")],
    reproduction: Reproduction::Test("rules_of_clouds"),
    next_tests: &[],
    rule,
};

/// Whether the evidence is a cloud's listing and nothing else.
pub(crate) fn is_all(evidence: &Evidence<'_>) -> bool {
    let about_cloud = |fact: &Fact| matches!(fact, Fact::CloudGroup { .. } | Fact::CloudRule(_));
    let all = evidence.observations();
    !all.is_empty()
        && all.iter().any(|o| about_cloud(&o.fact))
        && all.iter().all(|o| {
            about_cloud(&o.fact)
                || matches!(o.fact, Fact::StageEnded { .. } | Fact::ReportedCode { .. })
        })
}

/// What the cloud itself names decides; else group by group the first rule that goes for everybody.
fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let rules = evidence.all(|fact| match fact {
        Fact::CloudRule(rule) => Some(&**rule),
        _ => None,
    });
    if let Some(named) = rules.iter().rev().find(|seen| seen.value.decides) {
        return (!named.value.allows).then(|| blocked(named, Proof::Proven));
    }
    let groups = evidence.all(|fact| match fact {
        Fact::CloudGroup { cloud, group, .. } => Some((*cloud, group.as_str())),
        _ => None,
    });
    // Groups of AWS on one machine add up; those of Azure must all let it in, and so must the list in
    // front of a subnet of AWS.
    let adds = |cloud: Cloud, name: &str| cloud == Cloud::Aws && !is_list(name);
    let aws = groups.iter().filter(|seen| adds(seen.value.0, seen.value.1));
    let aws_rules = rules.iter().filter(|seen| adds(seen.value.cloud, &seen.value.group));
    let of_aws =
        aws.clone().next_back().filter(|_| aws_rules.clone().next().is_none()).map(|last| {
            let names: Vec<&str> = aws.clone().map(|seen| seen.value.1).collect();
            nothing_lets_in(last, &names.join(", ")).detailed(format!(
                "No rule of {} lets TCP 3389 in; what no rule lets in stays out.",
                names.join(", ")
            ))
        });
    of_aws
        .or_else(|| groups.iter().find_map(|group| in_group(group, &rules)))
        .or_else(|| some_only(aws_rules.collect()))
}

/// Whether it is a network ACL of AWS, by its id: its rules allow and deny, in their order.
fn is_list(name: &str) -> bool {
    name.starts_with("acl-")
}

/// The rules of one group of Azure or Google Cloud, or of a list of AWS, in their order.
fn in_group(group: &Seen<'_, (Cloud, &str)>, rules: &[Seen<'_, &CloudRule>]) -> Option<Match> {
    let (cloud, name) = group.value;
    if cloud == Cloud::Aws && !is_list(name) {
        return None;
    }
    let mut own: Vec<_> =
        rules.iter().filter(|s| s.value.cloud == cloud && s.value.group == name).collect();
    // With the same rank what denies goes first.
    own.sort_by_key(|seen| (seen.value.priority, seen.value.allows));
    let decides =
        |seen: &&&Seen<'_, &CloudRule>| seen.value.from_everywhere && !seen.value.for_some_only;
    let first = own.iter().position(|seen| decides(&seen));
    let before = own.get(..first.unwrap_or(own.len())).unwrap_or_default();
    let allowed: Vec<_> = before.iter().filter(|seen| seen.value.allows).copied().collect();
    match first.and_then(|index| own.get(index)) {
        Some(deciding) if deciding.value.allows => None,
        _ if before.iter().any(|seen| seen.value.allows) => some_only(allowed),
        Some(deciding) => Some(blocked(deciding, Proof::Proven)),
        None => Some(nothing_lets_in(group, name)),
    }
}

fn blocked(seen: &Seen<'_, &CloudRule>, proof: Proof) -> Match {
    let CloudRule { cloud, group, rule, priority, .. } = seen.value;
    let rank = priority.map(|rank| format!(" (priority {rank})")).unwrap_or_default();
    Match::new(Severity::Blocking, proof, [seen.id()])
        .titled(short(&format!("The {} rule {rule} keeps Remote Desktop out", cloud.name())))
        .detailed(format!("It is the rule {rule}{rank} of {group}."))
}

fn nothing_lets_in(group: &Seen<'_, (Cloud, &str)>, names: &str) -> Match {
    Match::new(Severity::Blocking, Proof::Proven, [group.id()])
        .titled(short(&format!("No {} rule of {names} lets TCP 3389 in", group.value.0.name())))
        .detailed(format!("What no rule of {names} lets in stays out."))
}

/// Some may come in and others not; who was not let in is not known here.
fn some_only(rules: Vec<&Seen<'_, &CloudRule>>) -> Option<Match> {
    let narrow = !rules.is_empty()
        && rules.iter().all(|seen| !seen.value.from_everywhere || seen.value.for_some_only);
    let from: Vec<&str> = rules
        .iter()
        .flat_map(|seen| seen.value.sources.iter().map(String::as_str))
        .take(5)
        .collect();
    narrow.then(|| {
        Match::new(Severity::Info, Proof::Possible, rules.iter().map(|seen| seen.id()))
            .titled(
                "The cloud lets Remote Desktop in from some addresses, or to some machines, only",
            )
            .detailed(format!("It lets in from {}; others are kept out.", from.join(", ")))
    })
}

fn short(title: &str) -> String {
    title.chars().take(90).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scene;

    fn group(scene: Scene, cloud: Cloud) -> Scene {
        let group = "g".to_owned();
        scene.fact(Stage::Tcp, Fact::CloudGroup { cloud, group, inbound_rules: 3 })
    }

    fn with(scene: Scene, cloud: Cloud, priority: u32, allows: bool, source: &str) -> Scene {
        of(scene, "g", cloud, priority, allows, source)
    }

    fn of(
        scene: Scene,
        group: &str,
        cloud: Cloud,
        priority: u32,
        allows: bool,
        source: &str,
    ) -> Scene {
        let rule = CloudRule {
            cloud,
            group: group.to_owned(),
            rule: format!("rule-{priority}"),
            allows,
            priority: Some(priority),
            sources: vec![source.to_owned()],
            from_everywhere: source == "*",
            for_some_only: false,
            decides: false,
        };
        scene.fact(Stage::Tcp, Fact::CloudRule(Box::new(rule)))
    }

    fn judged(scene: &Scene) -> Option<(Severity, Proof, String)> {
        scene.judge(&CAUSE).map(|m| (m.severity, m.proof, m.title.unwrap_or_default()))
    }

    #[test]
    fn the_first_rule_for_everybody_decides_whatever_its_place() {
        let azure = || group(Scene::new(), Cloud::Azure);
        let denied =
            with(with(azure(), Cloud::Azure, 200, true, "*"), Cloud::Azure, 100, false, "*");
        let (severity, proof, title) = judged(&denied).expect("fits");
        assert_eq!((severity, proof), (Severity::Blocking, Proof::Proven));
        assert!(title.contains("rule-100"), "{title}");
        let allowed =
            with(with(azure(), Cloud::Azure, 200, false, "*"), Cloud::Azure, 100, true, "*");
        assert_eq!(judged(&allowed), None);
        let some = with(
            with(azure(), Cloud::Azure, 200, false, "*"),
            Cloud::Azure,
            100,
            true,
            "10.0.0.0/8",
        );
        assert_eq!(judged(&some).map(|found| found.0), Some(Severity::Info));
        assert_eq!(judged(&azure()).map(|found| found.0), Some(Severity::Blocking));
    }

    /// A list in front of the subnet goes by the order of its rules, whatever the groups let in.
    #[test]
    fn lists_of_aws_allow_and_deny() {
        let of_list = |scene, number, allows| of(scene, "acl-1", Cloud::Aws, number, allows, "*");
        let list = |scene: Scene| {
            let group = "acl-1".to_owned();
            scene.fact(Stage::Tcp, Fact::CloudGroup { cloud: Cloud::Aws, group, inbound_rules: 2 })
        };
        let open = || with(group(Scene::new(), Cloud::Aws), Cloud::Aws, 1, true, "*");
        let denied = of_list(of_list(list(open()), 100, false), 110, true);
        let (severity, proof, title) = judged(&denied).expect("fits");
        assert_eq!((severity, proof), (Severity::Blocking, Proof::Proven));
        assert!(title.contains("rule-100"), "{title}");
        let allowed = of_list(of_list(list(open()), 100, true), 110, false);
        assert_eq!(judged(&allowed), None);
        let alone = of_list(list(Scene::new()), 100, true);
        assert_eq!(judged(&alone), None, "of the groups nothing is known");
    }

    #[test]
    fn groups_of_aws_only_let_in() {
        let aws = || group(Scene::new(), Cloud::Aws);
        let blocked = judged(&aws()).expect("fits");
        assert_eq!((blocked.0, blocked.1), (Severity::Blocking, Proof::Proven));
        assert_eq!(judged(&with(group(aws(), Cloud::Aws), Cloud::Aws, 1, true, "*")), None);
        let some = with(aws(), Cloud::Aws, 1, true, "10.0.0.0/8");
        assert_eq!(judged(&some).map(|found| found.0), Some(Severity::Info));
    }
}
