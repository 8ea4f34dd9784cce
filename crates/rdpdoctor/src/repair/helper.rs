//! A process of its own that carries a run out and takes it back: it lives on when the session that
//! asked for it is cut.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdpdoctor_host::changes::{Journal, Phase, StateFolder};
use rdpdoctor_host::{Mutable, Side};

use crate::output;

/// How often it is looked how far it is.
const LOOK: Duration = Duration::from_millis(50);

/// So long the system may take to start it, where that is the system's to do.
const START: Duration = Duration::from_secs(30);

/// What a far caller looks for on standard error, to know the run if the line is lost later.
const BEGUN: &str = " has begun";

/// The process, as whoever started it sees it.
pub struct Helper {
    /// None: the system started it, apart from this session.
    child: Option<Child>,
    since: Instant,
}

/// Says which run begins, to who is not at this machine.
pub fn say_begun(run: &str) {
    output::complain(&format!("run {run}{BEGUN}"));
}

/// The run that a line names.
pub fn begun(line: &str) -> Option<&str> {
    let run = line.strip_prefix("rdpdoctor: run ")?.strip_suffix(BEGUN)?;
    is_run(run).then_some(run)
}

/// Whether it is a name as runs have it.
pub fn is_run(name: &str) -> bool {
    let fits = (15..=19).contains(&name.len()) && !name.starts_with('-');
    fits && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

impl Helper {
    /// The command line that looks after a run, without the program.
    pub fn arguments(side: Side, run: &str, state: &Path, machine: Option<&Path>) -> Vec<String> {
        let side = match side {
            Side::Host => "host",
            Side::Client => "client",
        };
        let state = state.display().to_string();
        let mut all = vec![side.to_owned(), "watch-run".to_owned(), run.to_owned()];
        all.extend(["--state".to_owned(), state]);
        if let Some(machine) = machine {
            all.extend(["--machine".to_owned(), machine.display().to_string()]);
        }
        all
    }

    /// Starts it; with `begin` it carries the run out first. A process of a WinRM session would end with
    /// the session: there it is the system's to start it.
    pub fn start(
        machine: &mut dyn Mutable,
        run: &str,
        arguments: &[String],
        begin: bool,
        afar: bool,
    ) -> anyhow::Result<Self> {
        let mut all = arguments.to_vec();
        if begin {
            all.push("--begin".to_owned());
        }
        let since = Instant::now();
        if afar && let Some(started) = machine.start_apart(run, &all) {
            started.context("the process that looks after the run cannot be started")?;
            return Ok(Self { child: None, since });
        }
        Ok(Self { child: Some(Self::own(&all)?), since })
    }

    fn own(arguments: &[String]) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("where this program lies is not known")?;
        let mut command = Command::new(program);
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        crate::console::keep_output();
        // DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP, CREATE_BREAKAWAY_FROM_JOB: it has no part in
        // the console, the Ctrl-C and the job of a session that ends.
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0100_0208);
        command.spawn().context("the process that looks after the run cannot be started")
    }

    /// Waits until the run waits for its confirmation, is over, or nobody carries it out any more.
    pub fn follow(&mut self, state: &StateFolder, journal: &mut Journal) -> anyhow::Result<Phase> {
        let run = journal.began()?.run.clone();
        loop {
            // Whoever has ended has written before.
            let ended = self.has_ended(state, &run)?;
            journal.refresh()?;
            let phase = journal.phase();
            if ended || matches!(phase, Phase::Awaiting { .. } | Phase::Ended(_)) {
                return Ok(phase);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Who looks after a run holds its lock. It is not asked for before the process had its time to start,
    /// so that nobody takes it away from under it.
    fn has_ended(&mut self, state: &StateFolder, run: &str) -> anyhow::Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_some()),
            None if self.since.elapsed() < START => Ok(false),
            None => Ok(state.try_watch(run)?.is_some()),
        }
    }
}

/// Leaves the session of the terminal, so that its end is not ours.
pub fn own_session() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::unistd::setsid() {
        tracing::debug!("no session of its own: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::begun;

    #[test]
    fn a_run_is_named_by_digits_alone() {
        assert_eq!(begun("rdpdoctor: run 20261121-101010 has begun"), Some("20261121-101010"));
        assert_eq!(begun("rdpdoctor: run 20261121-101010-7 has begun"), Some("20261121-101010-7"));
        for other in [
            "rdpdoctor: run 20261121-101010 has ended",
            "rdpdoctor: run ../../20261121 has begun",
            "rdpdoctor: run 1 has begun",
            "run 20261121-101010 has begun",
        ] {
            assert_eq!(begun(other), None, "{other}");
        }
    }
}
