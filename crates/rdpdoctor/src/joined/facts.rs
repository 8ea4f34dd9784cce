//! Facts that were read on a machine, beside a try to connect to it or from it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use rayon::prelude::*;
use rdpdoctor_diagnosis::{Evidence, Policy, SameMachine, Status, same_client, same_machine};
use rdpdoctor_files::pcap;
use rdpdoctor_host::Side;
use rdpdoctor_model::{
    Apart, Fact, FactsOf, JoinedEvidence, JoinedSource, Observation, ObservationId, Target,
    Timestamp,
};

use super::{not_used, said};
use crate::commands::read::diagnosis;
use crate::event_logs::LoggedAttempt;
use crate::machine::MachineFacts;

/// Attempts of a machine's log that get its facts beside them, the newest ones: each holds them all.
const MOST_WITH_FACTS: usize = 20;

/// What was read of a machine says little of it a month before.
const FAR_MS: u64 = 30 * 86_400_000;

/// Collections of facts that were read on machines of one side.
#[derive(Clone)]
pub struct SideFacts {
    side: Side,
    machines: Vec<MachineFacts>,
}

/// The facts of one machine, held against a connection.
struct Held<'a> {
    machine: &'a MachineFacts,
    is: SameMachine,
    collected_at: Option<Timestamp>,
}

impl SideFacts {
    /// Reads the collections that `--host-facts` names.
    pub fn of_hosts(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let machines = MachineFacts::read(&paths)?;
        for machine in &machines {
            ensure!(
                machine.side == Side::Host,
                "{} holds facts of the other end; --host-facts takes those of the host",
                machine.file.as_deref().unwrap_or("it")
            );
        }
        Ok(Self { side: Side::Host, machines })
    }

    /// The same with those of one more machine.
    pub fn add(&mut self, machine: MachineFacts) {
        self.machines.push(machine);
    }

    /// Puts the facts of the machine that answered, or that asked, behind what was seen: the newest ones.
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
            let fit = held.iter().filter(|held| held.is.same == is);
            fit.map(Held::computer).collect::<BTreeSet<_>>()
        };
        // Of two machines that may both be it none is taken.
        let unclear = known_by(Some(true)).is_empty() && known_by(None).len() > 1;
        let fits = |held: &(usize, &Held<'_>)| match held.1.is.same {
            Some(same) => same,
            None => !sure && !unclear,
        };
        let best =
            held.iter().enumerate().filter(fits).max_by_key(|(_, held)| {
                (held.is.same, held.collected_at.map(Timestamp::unix_millis))
            });
        let taken = best.map(|(index, _)| index);
        let mut apart: Vec<&Held<'_>> = Vec::new();
        for (index, one) in held.iter().enumerate() {
            if Some(index) == taken {
                add(observations, one.machine);
            } else {
                apart.push(one);
            }
            let why = (Some(index) != taken).then(|| one.apart(sure));
            self.say(observations, one, at, why);
        }
        if taken.is_none() && !apart.is_empty() {
            let (number, why) = (observations.len() + 1, self.why_not(&apart));
            observations.push(not_used(number, self.side, self.side.source(), &why));
        }
        taken
    }

    /// Puts the facts of machines that wrote logs, or that a client's log names, into the attempts that
    /// they may explain: the last one, and those of the newest, and of the same month, that the log alone
    /// does not show to have worked. Of facts that are about none of them that is said.
    ///
    /// Returns which of the collections were taken.
    fn join_logged(&self, logged: &mut [LoggedAttempt]) -> BTreeSet<usize> {
        if self.machines.is_empty() {
            return BTreeSet::new();
        }
        let worked: Vec<bool> = logged.par_iter().map(worked).collect();
        let (mut taken, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut with_facts = 0;
        for (attempt, worked) in logged.iter_mut().zip(worked).rev() {
            let (target, at) = (asked(attempt), attempt.started_at);
            let held = self.held(&attempt.observations, &target, at);
            let own = held.iter().find(|held| held.is.same == Some(true));
            let Some(own) = own else { continue };
            let is_last = seen.insert(own.computer());
            if (is_last || !worked && !own.is_far(at)) && with_facts < MOST_WITH_FACTS {
                taken.extend(self.join(&mut attempt.observations, &target, at, true));
                with_facts += 1;
            }
        }
        for attempt in logged {
            let (target, at) = (asked(attempt), attempt.started_at);
            let held = self.held(&attempt.observations, &target, at);
            for (_, one) in held.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
                // Older ones of the same machine are told of where the newest are.
                if one.is.same != Some(true) {
                    self.say(&mut attempt.observations, one, at, Some(one.apart(true)));
                }
            }
        }
        taken
    }

    fn held(&self, observations: &[Observation], target: &Target, at: Timestamp) -> Vec<Held<'_>> {
        let evidence = Evidence::new(observations, Some(target), at, Policy::default());
        let same = match self.side {
            Side::Host => same_machine,
            Side::Client => same_client,
        };
        let held = self.machines.iter().map(|machine| Held {
            machine,
            is: same(&evidence, &machine.facts),
            collected_at: of(machine).and_then(|of| of.collected_at),
        });
        held.collect()
    }

    /// What came of holding facts against what was seen.
    fn say(
        &self,
        observations: &mut Vec<Observation>,
        held: &Held<'_>,
        at: Timestamp,
        apart: Option<Apart>,
    ) {
        let evidence_of = match self.side {
            Side::Host => JoinedSource::HostFacts,
            Side::Client => JoinedSource::ClientFacts,
        };
        let fact = held.said(evidence_of, at, apart);
        let (number, file) = (observations.len() + 1, held.machine.file.as_deref());
        observations.push(said(number, self.side, self.side.source(), file, fact));
    }

    /// That facts were given and none of them is about the machine in question.
    fn why_not(&self, apart: &[&Held<'_>]) -> String {
        let names: Vec<String> = apart.iter().filter_map(|held| held.computer()).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        let did = match self.side {
            Side::Host => "answered",
            Side::Client => "asked",
        };
        let other = apart.iter().all(|held| held.is.same == Some(false));
        let why = if other { "another machine" } else { "nothing says which machine" };
        format!("facts{of}, and {why} {did}")
    }
}

/// Puts the facts of machines into the evidence of tries that were captured or stand in logs, to them or
/// from them; what is about none of these is handed back.
pub fn join_machines(
    captures: &mut [pcap::Attempt],
    logged: &mut [LoggedAttempt],
    machines: Vec<MachineFacts>,
) -> Vec<MachineFacts> {
    let (hosts, clients): (Vec<_>, Vec<_>) =
        machines.into_iter().partition(|machine| machine.side == Side::Host);
    let mut others = Vec::new();
    for (side, machines) in [(Side::Host, hosts), (Side::Client, clients)] {
        let facts = SideFacts { side, machines };
        let mut taken = facts.join_logged(logged);
        for capture in captures.iter_mut() {
            let (target, at) = (&capture.target, capture.started_at);
            taken.extend(facts.join(&mut capture.observations, target, at, true));
        }
        let left = facts.machines.into_iter().enumerate().filter(|(at, _)| !taken.contains(at));
        others.extend(left.map(|(_, machine)| machine));
    }
    others
}

/// Whether the log alone shows that the attempt worked, with nothing to warn of.
fn worked(attempt: &LoggedAttempt) -> bool {
    let judged = diagnosis(&attempt.target, attempt.started_at, &attempt.observations);
    judged.verdict.status == Status::Ok
}

/// Whom a client's log says that it asked for; nobody where only the host's tells.
fn asked(attempt: &LoggedAttempt) -> Target {
    let names_server = |seen: &Observation| match &seen.fact {
        Fact::WindowsEvent(event) => event.server_name.is_some(),
        _ => false,
    };
    let mut target = attempt.target.clone();
    if !attempt.observations.iter().any(names_server) {
        target.host.clear();
    }
    target
}

impl Held<'_> {
    fn computer(&self) -> Option<String> {
        of(self.machine).and_then(|of| of.computer.clone())
    }

    fn is_far(&self, at: Timestamp) -> bool {
        self.collected_at.is_some_and(|read| at.millis_since(read).unsigned_abs() > FAR_MS)
    }

    /// Why it is not taken, where it is not.
    fn apart(&self, sure: bool) -> Apart {
        match self.is.same {
            Some(true) => Apart::Older,
            Some(false) => Apart::OtherMachine,
            None if sure => Apart::Unknown,
            None => Apart::Ambiguous,
        }
    }

    fn said(
        &self,
        evidence_of: JoinedSource,
        at: Timestamp,
        apart: Option<Apart>,
    ) -> JoinedEvidence {
        let age = self.collected_at.map(|collected_at| at.millis_since(collected_at));
        JoinedEvidence {
            evidence_of,
            computer: self.computer(),
            joined: apart.is_none(),
            by: self.is.by.clone(),
            clock_ahead_ms: None,
            common_events: 0,
            spread_ms: 0,
            age_ms: age.and_then(|age| u64::try_from(age).ok()),
            later_ms: age.and_then(|age| u64::try_from(-age).ok()).filter(|later| *later > 0),
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
