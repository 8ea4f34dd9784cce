//! Whether a listener answers: the machine's own, on this machine, or another one's from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdpdoctor_diagnosis::{Evidence, Policy, Status, diagnose};
use rdpdoctor_host::changes::{Handshake, Verifier};
use rdpdoctor_model::{Fact, Observation, Target};
use rdpdoctor_probe::{CheckOptions, Deadlines, Journal, Prober, SideQuestions};

/// A service that was just started needs a moment before it listens.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(250);

/// Longest time for one stage.
const STAGE: Duration = Duration::from_secs(10);

/// Tries the listener as a client would, without a credential.
pub struct Probe;

impl Verifier for Probe {
    fn handshake(&mut self, port: u16) -> Handshake {
        patiently(&target(port))
    }
}

/// Tries another machine's listener from this one.
pub fn outside(host: &str, port: u16) -> Handshake {
    patiently(&Target { input: format!("{host}:{port}"), host: host.to_owned(), port })
}

fn patiently(target: &Target) -> Handshake {
    let begun = Instant::now();
    loop {
        let result = once(target);
        if matches!(result, Handshake::Passed) || begun.elapsed() >= PATIENCE {
            return result;
        }
        std::thread::sleep(PAUSE);
    }
}

fn once(target: &Target) -> Handshake {
    match status(target) {
        Ok((Status::Ok | Status::Degraded, _)) => Handshake::Passed,
        Ok((Status::Failed | Status::Unknown, title)) => Handshake::Failed(title),
        Err(error) => Handshake::Failed(format!("{error:#}")),
    }
}

fn status(target: &Target) -> anyhow::Result<(Status, String)> {
    let journal = handshake(target)?;
    let observations = journal.observations();
    let evidence =
        Evidence::new(&observations, Some(target), journal.started_at(), Policy::default());
    let verdict = diagnose(&evidence).verdict;
    Ok((verdict.status, verdict.title))
}

/// What a client sees of this machine's own listener, as evidence beside the machine's facts. That
/// the server is this machine is no finding then.
pub fn listener(port: u16) -> anyhow::Result<Vec<Observation>> {
    let mut observations = handshake(&target(port))?.observations();
    observations.retain(|o| !matches!(o.fact, Fact::ThisMachine { .. }));
    Ok(observations)
}

fn target(port: u16) -> Target {
    let host = "127.0.0.1".to_owned();
    Target { input: format!("{host}:{port}"), host, port }
}

/// As far as it goes without a credential.
fn handshake(target: &Target) -> anyhow::Result<Arc<Journal>> {
    let prober = Prober::new()?;
    let options = CheckOptions {
        side: SideQuestions::None,
        deadlines: Deadlines::default().capped(STAGE),
        ..CheckOptions::default()
    };
    let journal = Arc::new(Journal::default());
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(prober.check(target, &options, &journal, None));
    runtime.shutdown_background();
    Ok(journal)
}
