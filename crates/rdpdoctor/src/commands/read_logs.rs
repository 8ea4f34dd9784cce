//! Event logs in `read`: thousands of attempts are judged, each by itself, and a hundred are listed. Only
//! those become documents.

use std::collections::BTreeSet;

use rayon::prelude::*;
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext, Status};

use super::read::{ReportedCode, Weight, diagnosis, judge, leading_of, report};
use crate::cli::ReadArgs;
use crate::event_logs::{self, LoggedAttempt};

/// Attempts of logs that are listed.
const MOST_LISTED: usize = 100;

/// What an attempt comes to, as far as it decides which ones are listed.
struct Judged {
    user: Option<String>,
    weight: Weight,
}

/// The documents of the attempts in event logs: of the user in question, and those without one; of
/// others how many there are. The user of an incident that was seen elsewhere as well is the one in
/// question.
pub fn documents(
    mut attempts: Vec<LoggedAttempt>,
    older: usize,
    of_incident: Option<String>,
    reported: ReportedCode,
    args: &ReadArgs,
) -> Vec<Document> {
    let judged: Vec<Judged> = attempts
        .par_iter_mut()
        .map(|attempt| {
            report(&mut attempt.observations, reported);
            Judged::of(attempt)
        })
        .collect();
    let user = of_incident.or_else(|| user_in_question(&judged, args.last));
    let is_other = |one: &Judged| !args.all_users && one.user.is_some() && one.user != user;
    let (others, mut listed): (Vec<usize>, Vec<usize>) =
        (0..judged.len()).partition(|&place| is_other(&judged[place]));
    let unlisted = older + leave_out_oldest(&mut listed, &judged, args.last);
    let mut documents = documents_of(attempts, &listed);
    if !args.all_users {
        for document in &mut documents {
            event_logs::leave_out_others(&mut document.observations, user.as_deref());
        }
    }
    if !others.is_empty() || unlisted > 0 {
        let others = || others.iter().map(|&place| &judged[place]);
        let users: BTreeSet<String> = others().filter_map(|one| one.user.clone()).collect();
        let failed = others().filter(|one| one.weight.status == Status::Failed).count();
        let fact = event_logs::others(&users, others().count(), failed, unlisted);
        let leading = leading_of(listed.iter().map(|&place| judged[place].weight), args.last);
        if let Some(document) = documents.get_mut(leading) {
            document.observations.push(event_logs::about_logs(&document.observations, fact));
        }
    }
    documents
}

impl Judged {
    fn of(attempt: &LoggedAttempt) -> Self {
        let LoggedAttempt { target, started_at, observations, user, .. } = attempt;
        let verdict = diagnosis(target, *started_at, observations).verdict;
        Self {
            user: user.as_ref().map(|user| user.to_lowercase()),
            weight: Weight::of(verdict.status.into(), observations),
        }
    }
}

/// The user of the attempt that answers, or the last one that has one.
fn user_in_question(judged: &[Judged], last: bool) -> Option<String> {
    let leading = leading_of(judged.iter().map(|one| one.weight), last);
    let of_leading = judged.get(leading).and_then(|one| one.user.clone());
    of_leading.or_else(|| judged.iter().rev().find_map(|one| one.user.clone()))
}

/// Takes the oldest attempts out of a list that is too long, and says how many. The one that answers
/// stays, however old it is.
fn leave_out_oldest(listed: &mut Vec<usize>, judged: &[Judged], last: bool) -> usize {
    let surplus = listed.len().saturating_sub(MOST_LISTED);
    if surplus == 0 {
        return 0;
    }
    let leading = leading_of(listed.iter().map(|&place| judged[place].weight), last);
    let answers = listed[leading];
    let mut left = surplus;
    listed.retain(|&place| {
        let stays = left == 0 || place == answers;
        left -= usize::from(!stays);
        stays
    });
    surplus
}

/// The documents of those attempts that are listed, by their places.
fn documents_of(attempts: Vec<LoggedAttempt>, listed: &[usize]) -> Vec<Document> {
    let attempts = attempts.into_par_iter().enumerate();
    attempts
        .filter(|(place, _)| listed.binary_search(place).is_ok())
        .map(|(_, attempt)| document(attempt))
        .collect()
}

fn document(attempt: LoggedAttempt) -> Document {
    let run = RunContext {
        target: attempt.target,
        addresses: Vec::new(),
        via: None,
        started_at: attempt.started_at,
        elapsed_ms: attempt.elapsed_ms,
        engine: Engine::Portable,
        last_stage_asked: None,
    };
    judge(run, attempt.observations)
}
