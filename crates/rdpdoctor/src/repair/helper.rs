//! A process of its own that carries a run out and takes it back: it lives on when the session that
//! asked for it is cut.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rdpdoctor_host::Side;
use rdpdoctor_host::changes::{Journal, Phase};

/// How often it is looked how far it is.
const LOOK: Duration = Duration::from_millis(50);

/// The process, as whoever started it sees it.
pub struct Helper(Child);

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

    /// Starts it; with `begin` it carries the run out first.
    pub fn start(arguments: &[String], begin: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("where this program lies is not known")?;
        let mut command = Command::new(program);
        command.args(arguments);
        if begin {
            command.arg("--begin");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        crate::console::keep_output();
        // DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP, CREATE_BREAKAWAY_FROM_JOB: it has no part in
        // the console, the Ctrl-C and the job of a session that ends.
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut command, 0x0100_0208);
        Ok(Self(command.spawn().context("the process that looks after the run cannot be started")?))
    }

    /// Waits until the run waits for its confirmation, is over, or nobody carries it out any more.
    pub fn follow(&mut self, journal: &mut Journal) -> anyhow::Result<Phase> {
        loop {
            // Whoever has ended has written before.
            let ended = self.0.try_wait()?.is_some();
            journal.refresh()?;
            let phase = journal.phase();
            if ended || matches!(phase, Phase::Awaiting { .. } | Phase::Ended(_)) {
                return Ok(phase);
            }
            std::thread::sleep(LOOK);
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
