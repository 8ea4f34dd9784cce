//! Facts that were read on the host, beside a connection to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use rdpdoctor_diagnosis::{Evidence, Policy, SameMachine, same_machine};
use rdpdoctor_files::pcap;
use rdpdoctor_host::Side;
use rdpdoctor_model::{
    Apart, Fact, FactsOf, JoinedEvidence, JoinedSource, Observation, ObservationId, Source, Target,
    Timestamp,
};

use super::{not_used, said};
use crate::machine::MachineFacts;

/// Collections of facts that were read on hosts.
#[derive(Clone)]
pub struct HostFacts(Vec<MachineFacts>);

/// The facts of one machine, held against a connection.
struct Held<'a> {
    machine: &'a MachineFacts,
    is: SameMachine,
    collected_at: Option<Timestamp>,
}

impl HostFacts {
    /// Reads the collections that `--host-facts` names.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let machines = MachineFacts::read(&paths)?;
        for machine in &machines {
            ensure!(
                machine.side == Side::Host,
                "{} holds facts of the other end; --host-facts takes those of the host",
                machine.file.as_deref().unwrap_or("it")
            );
        }
        Ok(Self(machines))
    }

    /// The same with those of one more machine.
    pub fn add(&mut self, machine: MachineFacts) {
        self.0.push(machine);
    }

    /// Puts the facts of the machine that answered behind what was seen from outside: the newest ones.
    /// Facts of another machine do not decide, and that is said. With `sure` something must say that it
    /// is the same machine; whoever checks a target with facts in hand says it.
    ///
    /// Returns which of the collections was taken.
    pub fn join(
        &self,
        observations: &mut Vec<Observation>,
        target: &Target,
        at: Timestamp,
        sure: bool,
    ) -> Option<usize> {
        let held = self.held(observations, target, at);
        let known_by = |is: Option<bool>| {
            let fit = held.iter().filter(|(_, held)| held.is.same == is);
            fit.map(|(_, held)| held.computer()).collect::<BTreeSet<_>>()
        };
        // Of two machines that may both be it none is taken.
        let unclear = known_by(Some(true)).is_empty() && known_by(None).len() > 1;
        let fits = |held: &&(usize, Held<'_>)| match held.1.is.same {
            Some(same) => same,
            None => !sure && !unclear,
        };
        let best = held
            .iter()
            .filter(fits)
            .max_by_key(|(_, held)| (held.is.same, held.collected_at.map(Timestamp::unix_millis)));
        let taken = best.map(|(index, _)| *index);
        let mut apart: Vec<&Held<'_>> = Vec::new();
        for (index, one) in &held {
            if Some(*index) == taken {
                add(observations, one.machine);
            } else {
                apart.push(one);
            }
            let why = (Some(*index) != taken).then_some(match one.is.same {
                Some(true) => Apart::Older,
                Some(false) => Apart::OtherMachine,
                None if sure => Apart::Unknown,
                None => Apart::Ambiguous,
            });
            let file = one.machine.file.as_deref();
            let fact = one.said(at, why);
            observations.push(said(observations.len() + 1, Source::Host, file, fact));
        }
        if taken.is_none() && !apart.is_empty() {
            let why = why_not(&apart);
            observations.push(not_used(observations.len() + 1, Source::Host, &why));
        }
        taken
    }

    fn held(
        &self,
        observations: &[Observation],
        target: &Target,
        at: Timestamp,
    ) -> Vec<(usize, Held<'_>)> {
        let evidence = Evidence::new(observations, Some(target), at, Policy::default());
        let held = self.0.iter().map(|machine| Held {
            machine,
            is: same_machine(&evidence, &machine.facts),
            collected_at: of(machine).and_then(|of| of.collected_at),
        });
        held.enumerate().collect()
    }
}

/// Puts the facts of hosts into the evidence of captured tries of the same machines; what is about none
/// of them is handed back.
pub fn join_machines(
    captures: &mut [pcap::Attempt],
    machines: Vec<MachineFacts>,
) -> Vec<MachineFacts> {
    let (hosts, mut others): (Vec<_>, Vec<_>) =
        machines.into_iter().partition(|machine| machine.side == Side::Host);
    let hosts = HostFacts(hosts);
    let mut taken = BTreeSet::new();
    for capture in captures {
        let (target, at) = (&capture.target, capture.started_at);
        taken.extend(hosts.join(&mut capture.observations, target, at, true));
    }
    let left = hosts.0.into_iter().enumerate().filter(|(index, _)| !taken.contains(index));
    others.extend(left.map(|(_, machine)| machine));
    others
}

impl Held<'_> {
    fn computer(&self) -> Option<String> {
        of(self.machine).and_then(|of| of.computer.clone())
    }

    fn said(&self, at: Timestamp, apart: Option<Apart>) -> JoinedEvidence {
        let age = self.collected_at.map(|collected_at| at.millis_since(collected_at));
        JoinedEvidence {
            evidence_of: JoinedSource::HostFacts,
            computer: self.computer(),
            joined: apart.is_none(),
            by: self.is.by.clone(),
            clock_ahead_ms: None,
            common_events: 0,
            spread_ms: 0,
            age_ms: age.and_then(|age| u64::try_from(age).ok()),
            apart,
        }
    }
}

fn of(machine: &MachineFacts) -> Option<&FactsOf> {
    machine.facts.iter().find_map(|fact| match fact {
        Fact::FactsOf(of) => Some(of),
        _ => None,
    })
}

/// The facts behind what is there, numbered on.
fn add(observations: &mut Vec<Observation>, machine: &MachineFacts) {
    for mut observation in machine.observations() {
        observation.id = ObservationId::numbered(observations.len() + 1);
        observations.push(observation);
    }
}

/// That facts were given and none of them is about the machine that answered.
fn why_not(apart: &[&Held<'_>]) -> String {
    let names: Vec<String> = apart.iter().filter_map(|held| held.computer()).collect();
    let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
    let other = apart.iter().all(|held| held.is.same == Some(false));
    let why =
        if other { "another machine answered" } else { "nothing says which machine answered" };
    format!("facts{of}, and {why}")
}
