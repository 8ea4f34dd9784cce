//! A machine that may be asked several times; the password is asked for once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rdpdoctor_host::Side;
use rdpdoctor_probe::{Asked, Prober, Remote, Script};
use tokio::runtime::Runtime;

use super::{Place, STEP, WHOLE, connections, read, sign_in};
use crate::cli_remote::RemoteArgs;
use crate::commands::UNKNOWN;
use crate::machine::MachineFacts;
use crate::output;
use crate::progress::Line;
use crate::sign_in::Memory;

/// How often it is said how much was sent.
const LOOK: Duration = Duration::from_millis(200);

/// How much longer than a script a copy may take.
const COPY: u32 = 6;

/// The machine, and who signs in there.
pub struct Asker {
    remote: Remote,
    memory: Memory,
    line: Line,
    prober: Prober,
    // A resolver that hangs must not keep the answer back.
    runtime: Option<Runtime>,
    stop: Arc<Stop>,
}

/// What Ctrl-C does. Who listens for it once gets it from then on, also while nothing runs there.
#[derive(Default)]
struct Stop {
    busy: AtomicBool,
    words: Mutex<Option<String>>,
}

impl Stop {
    async fn when_idle(&self) {
        while tokio::signal::ctrl_c().await.is_ok() {
            if !self.busy.load(Ordering::Relaxed) {
                let words = self.words.lock().unwrap_or_else(PoisonError::into_inner).take();
                output::complain(&words.unwrap_or_else(|| "stopped".to_owned()));
                std::process::exit(UNKNOWN.into());
            }
        }
    }
}

/// A script for another machine, and what is said while it is sent and runs.
pub struct Work<'a> {
    /// The program.
    pub program: &'a str,
    /// Its arguments.
    pub arguments: &'a str,
    /// What it reads.
    pub input: &'a str,
    /// What is done.
    pub doing: &'static str,
    /// Whether most of it is the input's way there.
    pub copies: bool,
}

impl Asker {
    /// The machine of the command line; whoever signs in says his password now.
    pub fn new(host: &str, args: &RemoteArgs, quiet: bool) -> anyhow::Result<Self> {
        let place = Place::parse(host)?;
        let (line, memory) = (Line::begin(quiet), Memory::open());
        let sign_in = line.suspended(|| sign_in(&place, args, &memory, &line));
        let sign_in = sign_in.inspect_err(|_| line.clone().end())?;
        let (step, whole) = args.timeout.map_or((STEP, WHOLE), |step| (step, step * 10));
        let remote = Remote { host: place.host, port: place.port, sign_in, step, whole };
        let runtime = Runtime::new()?;
        let stop = Arc::<Stop>::default();
        let listener = Arc::clone(&stop);
        runtime.spawn(async move { listener.when_idle().await });
        let prober = Prober::new()?;
        Ok(Self { remote, memory, line, prober, runtime: Some(runtime), stop })
    }

    /// What is said if somebody wants it to end while nothing runs there.
    pub fn if_stopped(&self, words: String) {
        *self.stop.words.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// Its name or address, without a port.
    pub fn host(&self) -> &str {
        &self.remote.host
    }

    /// Does something that needs the terminal to itself.
    pub fn suspended<T>(&self, work: impl FnOnce() -> T) -> T {
        self.line.suspended(work)
    }

    /// Reads its facts.
    pub fn facts(&self, side: Side) -> anyhow::Result<MachineFacts> {
        let asked = self.on(super::asked(&self.prober, &self.remote, side))?;
        self.remember(&asked);
        let begun = asked.seen.first().and_then(|seen| seen.first()).and_then(|first| first.at);
        let mut machine = read(side, &self.remote, asked.result)?;
        machine.outside = connections(&asked.seen, 0, begun);
        Ok(machine)
    }

    /// Runs a script, and says whether all of its input was handed over.
    pub fn run(&self, work: &Work<'_>) -> anyhow::Result<(Asked, bool)> {
        let sent = AtomicUsize::new(0);
        let Work { program, arguments, input, .. } = *work;
        let script = Script { program, arguments, input, sent: &sent };
        let whole = if work.copies { self.remote.whole * COPY } else { self.remote.whole };
        let remote = Remote { whole, ..self.remote.clone() };
        let asked = self.on(async {
            let mut running = std::pin::pin!(super::run(&self.prober, &remote, script));
            loop {
                self.say(work, sent.load(Ordering::Relaxed));
                tokio::select! {
                    asked = &mut running => return asked,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        })?;
        self.remember(&asked);
        Ok((asked, sent.load(Ordering::Relaxed) >= input.len()))
    }

    fn say(&self, work: &Work<'_>, sent: usize) {
        let doing = work.doing;
        let kib = |bytes: usize| bytes / 1024;
        if work.copies {
            let (sent, all) = (kib(sent), kib(work.input.len()));
            self.line.say(format!("{doing}: {sent} of {all} KiB"));
        } else {
            self.line.say(doing);
        }
    }

    fn on<T>(&self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        let runtime = self.runtime.as_ref().context("it is over")?;
        self.stop.busy.store(true, Ordering::Relaxed);
        let result = runtime.block_on(work);
        self.stop.busy.store(false, Ordering::Relaxed);
        Ok(result)
    }

    fn remember(&self, asked: &Asked) {
        for seen in &asked.seen {
            self.memory.remember(&self.remote.sign_in.user, seen);
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.line.clone().end();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
