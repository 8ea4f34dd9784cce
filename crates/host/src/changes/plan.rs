//! From what the causes propose to a plan: guarded, owned, with the state before it.

use rdpdoctor_model::{
    ByHand, Change, Fix, Lookup, Plan, Proposal, RefusedFix, RegistryData, State, Step, Timestamp,
};

use super::{guard, normal, sessions, state, way_in};
use crate::collect::{LISTENER, owner};
use crate::{Side, System};

/// Where policies set what stands in the keys of Remote Desktop.
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";

/// Services that are restarted only while a handshake still fails, in this order: the first makes the
/// certificate anew and interrupts nobody, the second cuts every session.
const ESCALATION: [&str; 2] = ["SessionEnv", "TermService"];

/// Makes the plan. Nothing is changed.
pub fn plan(
    system: &dyn System,
    side: Side,
    proposals: Vec<Proposal>,
    even_if_policy: bool,
    made_at: Timestamp,
) -> Plan {
    let mut plan = Plan {
        version: Plan::VERSION,
        computer: system.computer().as_seen().cloned(),
        made_at,
        even_if_policy,
        fixes: Vec::new(),
        refused: Vec::new(),
        by_hand: Vec::new(),
        escalation: Vec::new(),
        handshake_port: None,
        sessions: sessions::at_work(system),
    };
    for proposal in proposals {
        let policies = policies(system, &proposal);
        if proposal.changes.is_empty() && policies.is_empty() {
            let ByHandOf { id, title, first } = ByHandOf::from(proposal);
            plan.by_hand.push(ByHand { id, title, first });
            continue;
        }
        match fix(system, &proposal, &policies, even_if_policy) {
            Ok(fix) => plan.fixes.push(fix),
            Err(why) => plan.refused.push(RefusedFix {
                id: proposal.id,
                title: proposal.title,
                why,
                policies: policies.iter().map(written).collect(),
            }),
        }
    }
    if side == Side::Host && !plan.fixes.is_empty() {
        escalate(system, &mut plan);
    }
    plan
}

struct ByHandOf {
    id: String,
    title: String,
    first: Option<String>,
}

impl From<Proposal> for ByHandOf {
    fn from(proposal: Proposal) -> Self {
        let first = Some(proposal.does).filter(|first| !first.is_empty());
        Self { id: proposal.id, title: proposal.title, first }
    }
}

fn written((key, name): &(String, String)) -> String {
    format!(r"{key}\{name}")
}

/// The values of policies that own what is to be changed: those that the cause rests on, and those
/// that stand over a value that is changed.
fn policies(system: &dyn System, proposal: &Proposal) -> Vec<(String, String)> {
    let mut found = proposal.policies.clone();
    for change in &proposal.changes {
        let Change::RegistryValue { key, name, .. } = change else { continue };
        let over = match normal::key(key) {
            own if own == normal::key(SERVER) || own == normal::key(LISTENER) => POLICY,
            _ if !matches!(owner(key), rdpdoctor_model::SettingOwner::Local) => key,
            _ => continue,
        };
        if system.registry_value(over, name).as_seen().is_some() {
            found.push((over.to_owned(), name.clone()));
        }
    }
    found.sort();
    found.dedup_by(|a, b| normal::key(&a.0) == normal::key(&b.0) && a.1.eq_ignore_ascii_case(&b.1));
    found
}

fn fix(
    system: &dyn System,
    proposal: &Proposal,
    policies: &[(String, String)],
    even_if_policy: bool,
) -> Result<Fix, String> {
    if !policies.is_empty() && !even_if_policy {
        return Err("a policy owns it: whoever runs the policy has to change it there".to_owned());
    }
    let mut changes: Vec<Change> = Vec::new();
    for (key, name) in policies {
        let own = |change: &&Change| {
            matches!(change, Change::RegistryValue { key: k, name: n, .. }
                if normal::key(k) == normal::key(key) && n.eq_ignore_ascii_case(name))
        };
        // Without the policy's value the machine's own decides, until the next refresh.
        if proposal.changes.iter().find(own).is_none() {
            changes.push(Change::RegistryValue {
                key: key.clone(),
                name: name.clone(),
                data: None,
            });
        }
    }
    let own = proposal.changes.iter().filter(|change| rung(change).is_none());
    changes.extend(own.cloned());
    let steps: Vec<Step> =
        changes.into_iter().map(|change| step(system, change)).collect::<Result<_, _>>()?;
    // What is as it shall be already needs no step.
    let steps: Vec<Step> = steps
        .into_iter()
        .filter(|step| is_act(&step.change) || !state::wanted(&step.change, &step.before))
        .collect();
    // A mere restart is the escalation's: it follows only where a handshake fails.
    if steps.is_empty() && !proposal.changes.iter().any(|change| rung(change).is_some()) {
        return Err("everything it would change is as it should be".to_owned());
    }
    Ok(Fix {
        id: proposal.id.clone(),
        title: proposal.title.clone(),
        remedy: proposal.remedy.clone(),
        does: proposal.does.clone(),
        owner: proposal.owner.clone(),
        risk: proposal.risk.clone(),
        interrupts: proposal.interrupts.clone(),
        steps,
        stop_gap: policies.iter().map(written).collect(),
    })
}

/// A step with the state before it.
fn step(system: &dyn System, change: Change) -> Result<Step, String> {
    if let Some(why) = guard::refuses(&change) {
        return Err(format!("never done by a program: {why}"));
    }
    let before = state::read(system, &change);
    if let Some(why) = before.unknown() {
        return Err(format!(
            "nobody could look at what is there now, so there is no way back: {why}"
        ));
    }
    if let Some(missing) = missing(&change, &before) {
        return Err(missing.to_owned());
    }
    let way_in = way_in::touched(&change);
    Ok(Step { change, before, way_in })
}

/// What cannot be changed since it is not there.
fn missing(change: &Change, before: &State) -> Option<&'static str> {
    match (change, before) {
        (Change::ServiceStart { .. }, State::ServiceStart { start: Lookup::Absent })
        | (
            Change::StartService { .. } | Change::RestartService { .. },
            State::Service { current: Lookup::Absent },
        ) => Some("there is no such service"),
        (Change::FileAccess { .. }, State::FileAccess { sddl: Lookup::Absent }) => {
            Some("there is no such file")
        }
        _ => None,
    }
}

/// Whether a change is something that happens, not a state that is reached.
fn is_act(change: &Change) -> bool {
    matches!(change, Change::RestartService { .. } | Change::ResetSession { .. })
}

/// The rung of a change in the escalation.
fn rung(change: &Change) -> Option<usize> {
    let Change::RestartService { name } = change else { return None };
    ESCALATION.iter().position(|service| service.eq_ignore_ascii_case(name))
}

fn escalate(system: &dyn System, plan: &mut Plan) {
    let set = plan.certain_steps().find_map(|step| match &step.change {
        Change::RegistryValue { key, name, data: Some(data) }
            if normal::key(key) == normal::key(LISTENER)
                && name.eq_ignore_ascii_case("PortNumber") =>
        {
            data.number()
        }
        _ => None,
    });
    let port = set.or_else(|| {
        system.registry_value(LISTENER, "PortNumber").as_seen().and_then(RegistryData::number)
    });
    let port = port.and_then(|port| u16::try_from(port).ok());
    plan.handshake_port = Some(port.unwrap_or(rdpdoctor_model::DEFAULT_PORT));
    let restart = |name: &&str| step(system, Change::RestartService { name: (*name).to_owned() });
    plan.escalation = ESCALATION.iter().filter_map(|name| restart(name).ok()).collect();
}

/// The plan with only those fixes; the escalation stays as it is.
///
/// # Errors
///
/// The name that no fix has.
pub fn chosen(plan: &Plan, only: &[String]) -> Result<Plan, String> {
    if only.is_empty() {
        return Ok(plan.clone());
    }
    let named = |fix: &Fix, name: &str| {
        fix.id == name
            || fix.remedy == name
            || fix.id.split_once('.').is_some_and(|(_, id)| id == name)
    };
    if let Some(unknown) = only.iter().find(|name| !plan.fixes.iter().any(|fix| named(fix, name))) {
        return Err(unknown.clone());
    }
    let mut chosen = plan.clone();
    chosen.fixes.retain(|fix| only.iter().any(|name| named(fix, name)));
    Ok(chosen)
}

/// What of an approved plan is no longer so: it is held against one that was made just now.
pub fn drift(approved: &Plan, now: &Plan) -> Vec<String> {
    let mut drift = Vec::new();
    if approved.computer != now.computer {
        drift.push("the plan was made for another machine".to_owned());
    }
    if approved.handshake_port != now.handshake_port {
        drift.push("the listener's port is another one".to_owned());
    }
    for fix in &approved.fixes {
        match now.fixes.iter().find(|other| other.id == fix.id) {
            None => drift.push(format!("{}: nothing asks for this fix any more", fix.id)),
            Some(other) if !same_steps(&fix.steps, &other.steps) => {
                drift.push(format!("{}: what it would change is not as it was", fix.id));
            }
            Some(_) => {}
        }
    }
    if !same_steps(&approved.escalation, &now.escalation) {
        drift.push("the services of Remote Desktop are not as they were".to_owned());
    }
    drift
}

fn same_steps(a: &[Step], b: &[Step]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.change == b.change && state::same(&a.before, &b.before))
}
