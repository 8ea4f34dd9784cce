//! `--remote`: another Windows machine that is asked over WinRM; its facts, read by the collecting script.

mod asker;
pub mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use rdpdoctor_host::Side;
use rdpdoctor_host::script::{self, remote as script_there};
use rdpdoctor_model::{
    Fact, FactsWay, Mechanism, Observation, ObservationId, Purpose, Stage, Target, Timestamp,
    UserName,
};
use rdpdoctor_probe::{Asked, Credential, Prober, Problem, Ran, Remote, Script, SignIn, Way};

use crate::cli::TrustLevel;
use crate::cli_remote::RemoteArgs;
use crate::commands::check::policy;
use crate::machine::MachineFacts;
use crate::output;
use crate::progress::Line;
use crate::sign_in::{self, Memory};

pub use asker::{Asker, Work};

/// Longest time for one step, and for the script: `Get-WinEvent` takes its time on an old machine.
const STEP: Duration = Duration::from_secs(30);
const WHOLE: Duration = Duration::from_secs(300);

/// How long the end of a shell is waited for when somebody wants it to end.
const FAREWELL: Duration = Duration::from_secs(8);

/// Where the machine is.
#[derive(Debug, Clone)]
pub struct Place {
    host: String,
    port: Option<u16>,
}

impl Place {
    /// `HOST` or `HOST:PORT`.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        // No target has port 0 by itself.
        let target = Target::with_default_port(text, 0).context("--remote")?;
        Ok(Self { host: target.host, port: Some(target.port).filter(|port| *port != 0) })
    }

    /// The host of a target, where it is asked on the usual ports.
    pub fn of(target: &Target) -> Self {
        Self { host: target.host.clone(), port: None }
    }
}

/// Reads the facts of the machine that the command line names.
pub fn facts(side: Side, host: &str, args: &RemoteArgs) -> anyhow::Result<MachineFacts> {
    Asker::new(host, args, false)?.facts(side)
}

/// Who signs in; the password is read last.
fn sign_in(
    place: &Place,
    args: &RemoteArgs,
    memory: &Memory,
    line: &Line,
) -> anyhow::Result<SignIn> {
    let Some(user) = &args.user else {
        bail!(
            "--remote takes the name of an administrator of {}: -u DOMAIN\\user or -u user@realm; who is \
             signed in here is not taken",
            place.host
        );
    };
    let user: UserName = user.parse()?;
    ensure!(args.again || memory.rejection(&user).is_none(), words::remembered(&user));
    let trust = policy(args.trust, crate::cli::Security::Auto).trust;
    let gate = sign_in::winrm_gate(args.pin.as_deref(), true, trust, memory, line)?;
    let password = sign_in::password::read(&user, args.password_stdin).context("no password")?;
    Ok(SignIn {
        user,
        credential: Credential::Password(Arc::new(password)),
        mechanism: sign_in::mechanism(args.auth),
        kdc: args.kdc.clone(),
        restricted_admin: false,
        logon: None,
        gate,
    })
}

/// What a check needs to ask the host as well.
pub struct Beside {
    place: Place,
    pin: Option<String>,
    trust: TrustLevel,
    step: Option<Duration>,
}

/// What came of asking beside a check.
pub struct Answered {
    /// The facts, or why there are none, in one line.
    pub result: Result<MachineFacts, String>,
    /// Whether anything left that could be tried for a password.
    pub sent: bool,
}

impl Beside {
    /// `place` is what stands behind `--remote`; nothing: the target itself.
    pub fn new(
        place: &str,
        target: &Target,
        pin: Option<&str>,
        trust: TrustLevel,
        step: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let place = if place.is_empty() { Place::of(target) } else { Place::parse(place)? };
        Ok(Self { place, pin: pin.map(str::to_owned), trust, step })
    }

    /// Asks the host, as the user of the check.
    pub async fn ask(
        &self,
        prober: &Prober,
        sign_in: &SignIn,
        memory: &Memory,
        line: &Line,
        seen: &[Observation],
        begun: Timestamp,
    ) -> anyhow::Result<Answered> {
        let trust = policy(self.trust, crate::cli::Security::Auto).trust;
        let gate = sign_in::winrm_gate(self.pin.as_deref(), false, trust, memory, line)?;
        let sign_in = SignIn { gate, logon: None, restricted_admin: false, ..sign_in.clone() };
        let user = sign_in.user.clone();
        let step = self.step.unwrap_or(STEP);
        let whole = self.step.map_or(WHOLE, |step| step * 10);
        let (host, port) = (self.place.host.clone(), self.place.port);
        let remote = Remote { host, port, sign_in, step, whole };
        let asked = asked(prober, &remote, Side::Host).await;
        let mut sent = false;
        for seen in &asked.seen {
            memory.remember(&user, seen);
            sent |= seen.iter().any(|o| matches!(o.fact, Fact::CredentialSent { .. }));
        }
        let result = read(Side::Host, &remote, asked.result).map_err(|why| format!("{why:#}"));
        let last = seen.iter().filter_map(|o| o.connection).max().unwrap_or_default();
        let result = result.map(|mut machine| {
            machine.outside = connections(&asked.seen, last, Some(begun));
            machine
        });
        Ok(Answered { result, sent })
    }
}

/// Runs the collecting script.
async fn asked(prober: &Prober, remote: &Remote, side: Side) -> Asked {
    let (arguments, input) = (script_there::arguments(), script_there::input(side));
    let sent = AtomicUsize::new(0);
    let program = script_there::PROGRAM;
    let script = Script { program, arguments: &arguments, input: &input, sent: &sent };
    run(prober, remote, script).await
}

/// Runs a script. After Ctrl-C its shell is ended, for as long as that takes at most.
async fn run(prober: &Prober, remote: &Remote, script: Script<'_>) -> Asked {
    let stop = AtomicBool::new(false);
    let mut running = std::pin::pin!(prober.run_remotely(remote, script, &stop));
    tokio::select! {
        asked = &mut running => return asked,
        _ = tokio::signal::ctrl_c() => stop.store(true, Ordering::Relaxed),
    }
    let ended = tokio::time::timeout(FAREWELL, running).await;
    ended.unwrap_or(Asked { result: Err(Problem::Stopped), seen: Vec::new() })
}

/// The facts in what the script wrote.
fn read(side: Side, remote: &Remote, ran: Result<Ran, Problem>) -> anyhow::Result<MachineFacts> {
    let host = &remote.host;
    let ran = ran.map_err(|problem| anyhow!(words::line(&problem, host)))?;
    let text = String::from_utf8_lossy(&ran.stdout);
    let mut runs = script::collected([&*text]);
    runs.retain(|run| run.file.side == side);
    let (Some(run), true) = (runs.pop(), runs.is_empty()) else {
        bail!(words::no_facts(&ran, host));
    };
    if !run.missing.is_empty() {
        output::complain(&words::cut(&ran, &run.missing, host));
    }
    let mut facts = run.file.facts;
    for fact in &mut facts {
        if let Fact::FactsOf(of) = fact {
            of.way = FactsWay::Remote;
        }
    }
    let read = Some(words::read(&ran.by));
    Ok(MachineFacts { side, facts, file: None, outside: Vec::new(), read })
}

/// The connections that were made for it, numbered on behind others.
fn connections(
    seen: &[Vec<Observation>],
    mut last: u32,
    begun: Option<Timestamp>,
) -> Vec<Observation> {
    let mut all = Vec::new();
    for of_port in seen {
        let before = last;
        for observation in of_port {
            let Some(number) = observation.connection else { continue };
            let number = before + number;
            let fact = match observation.fact.clone() {
                Fact::Connection { transport, remote, local, purpose, .. } => {
                    // Those to a key distribution centre keep theirs.
                    let purpose = match purpose {
                        Purpose::Gateway => Purpose::HostFacts,
                        other => other,
                    };
                    Fact::Connection { number, purpose, transport, remote, local }
                }
                fact @ (Fact::TcpConnected { .. } | Fact::TcpFailed { .. }) => fact,
                _ => continue,
            };
            last = last.max(number);
            let at_ms = match (observation.at, begun) {
                (Some(at), Some(begun)) => u64::try_from(at.millis_since(begun)).unwrap_or(0),
                _ => observation.at_ms,
            };
            let id = ObservationId::numbered(all.len() + 1);
            let (stage, connection) = (Stage::Host, Some(number));
            all.push(Observation { id, stage, connection, at_ms, fact, ..observation.clone() });
        }
    }
    all
}

/// How the machine was asked.
pub fn way(by: &Way) -> String {
    let how = if by.tls { "HTTPS" } else { "HTTP, encrypted" };
    let mechanism = match by.mechanism {
        Mechanism::Kerberos => "Kerberos",
        Mechanism::Ntlm => "NTLM",
        Mechanism::Basic => "Basic",
    };
    format!("{how}, port {}, {mechanism}", by.port)
}
