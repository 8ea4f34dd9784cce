//! Signing in: the password, who decides whether it may leave, and what this machine remembers.

mod gate;
mod memory;
pub mod password;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_diagnosis::{Trust, gateway_place};
use rdpdoctor_model::{Fact, Lookup, Mechanism, ReleaseReason, Target, UserName};
use rdpdoctor_probe::{Credential, Engine, Gate, Gateway, Logon, Release, SignIn};

use crate::cli::{Auth, CheckArgs};
use crate::progress::Line;
use crate::{engine, repair};
pub use memory::Memory;

/// What a check knows of the sign-in before it begins.
pub enum Plan {
    /// No user was named.
    None,
    /// This user was rejected a moment ago; nothing is sent.
    Remembered(Fact),
    /// Ready.
    Ready(Box<SignIn>),
}

/// Reads the password and makes the plan. The password is read last: a user who was rejected is
/// not asked for one.
pub fn plan(
    args: &CheckArgs,
    target: &Target,
    trust: Trust,
    memory: &Memory,
    line: &Line,
) -> anyhow::Result<Plan> {
    let Some((user, is_logged_on)) = who(args)? else { return Ok(Plan::None) };
    if !args.again
        && let Some(fact) = memory.rejection(&user)
    {
        return Ok(Plan::Remembered(fact));
    }
    // Of who is logged on nobody has the password, without which no session begins; Restricted Admin
    // takes none.
    let may_have_session = !is_logged_on || args.restricted_admin;
    let wants_session = (args.logon || args.desktop.is_some()) && may_have_session;
    if wants_session && !args.yes {
        ensure!(
            may_take_over(&user, target)?,
            "no session was made: it could take over one that {user} has open (--yes agrees)"
        );
    }
    if let Some(file) = &args.desktop {
        writable(file)?;
    }
    let pin = args.pin.as_deref().map(gate::parse_pin).transpose()?;
    let credential = if is_logged_on {
        Credential::LoggedOn
    } else {
        let password = password::read(&user, args.password_stdin).context("no password")?;
        Credential::Password(Arc::new(password))
    };
    let gate = gate::Gatekeeper {
        target: target.clone(),
        trust,
        pin,
        memory: memory.clone(),
        line: line.clone(),
        deed: if is_logged_on { gate::SIGN_IN_LOGGED_ON } else { gate::SEND_PASSWORD },
    };
    Ok(Plan::Ready(Box::new(SignIn {
        user,
        credential,
        mechanism: mechanism(args.auth),
        kdc: args.kdc.clone(),
        restricted_admin: args.restricted_admin,
        logon: wants_session.then(|| Logon { desktop: args.desktop.clone() }),
        gate: Arc::new(move |observations| gate.judge(observations)),
    })))
}

/// Whether a sign-in is asked for and nobody is named.
pub fn is_of_who_is_logged_on(args: &CheckArgs) -> bool {
    args.user.is_none() && (args.logon || args.desktop.is_some())
}

/// Who signs in, and whether by being logged on here: where nobody was named and a sign-in is asked for.
fn who(args: &CheckArgs) -> anyhow::Result<Option<(UserName, bool)>> {
    if let Some(user) = &args.user {
        return Ok(Some((user.parse()?, false)));
    }
    if !is_of_who_is_logged_on(args) {
        return Ok(None);
    }
    ensure!(
        engine::chosen(args) == Engine::Native,
        "--logon and --desktop need -u NAME: only on Windows, with --engine native, can who is logged on \
         sign in"
    );
    ensure!(
        args.desktop.is_none() || args.restricted_admin,
        "--desktop needs -u NAME or --restricted-admin: Windows gives the password of who is logged on \
         to nobody, and without it no session begins"
    );
    let machine = repair::this_machine().context("who is logged on is not known")?;
    let user = match machine.user() {
        Lookup::Seen { value } => value.parse()?,
        Lookup::Absent => bail!("nobody is logged on: -u NAME"),
        Lookup::Unavailable { why } => bail!("who is logged on is not known: {why}"),
    };
    Ok(Some((user, true)))
}

/// The one mechanism that `--auth` names.
pub fn mechanism(auth: Auth) -> Option<Mechanism> {
    match auth {
        Auth::Auto => None,
        Auth::Ntlm => Some(Mechanism::Ntlm),
        Auth::Kerberos => Some(Mechanism::Kerberos),
    }
}

/// The RD Gateway at `place`, and who decides whether the credentials leave for it. `--pin` vouches
/// for a gateway as for a host, and differs for one of both.
pub fn gateway(
    args: &CheckArgs,
    place: Target,
    trust: Trust,
    memory: &Memory,
    line: &Line,
) -> anyhow::Result<Gateway> {
    let pin = args.pin.as_deref().map(gate::parse_pin).transpose()?;
    let (memory, line) = (memory.clone(), line.clone());
    let deed = gate::SEND_PASSWORD;
    let gate = gate::Gatekeeper { target: place.clone(), trust, pin, memory, line, deed };
    Ok(Gateway { place, gate: Arc::new(move |observations| gate.judge_gateway(observations)) })
}

/// Who decides whether a password leaves for WinRM's port; with `own_pin` the pin is for it alone.
pub fn winrm_gate(
    pin: Option<&str>,
    own_pin: bool,
    trust: Trust,
    memory: &Memory,
    line: &Line,
) -> anyhow::Result<Gate> {
    let pin = pin.map(gate::parse_pin).transpose()?;
    let (memory, line) = (memory.clone(), line.clone());
    Ok(Arc::new(move |observations| {
        let Some(target) = gateway_place(observations) else {
            return Release { released: false, reason: ReleaseReason::NotJudged };
        };
        let (pin, memory, line) = (pin.clone(), memory.clone(), line.clone());
        let deed = gate::SEND_PASSWORD;
        let gate = gate::Gatekeeper { target, trust, pin, memory, line, deed };
        gate.judge_winrm(observations, own_pin)
    }))
}

/// Asks whether a session may be made, which takes over one that the user has open.
fn may_take_over(user: &UserName, target: &Target) -> anyhow::Result<bool> {
    ensure!(
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        "a session could take over one that {user} has open: --yes agrees, or a terminal to ask on"
    );
    let mut output = std::io::stderr();
    write!(
        output,
        "This makes a session of {user} on {}, or takes over one that is open there; it is left \
         disconnected, never logged off. Go on? Type yes: ",
        target.host
    )?;
    output.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A file that cannot be written is said before anything is tried.
fn writable(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "{}: no such folder", folder.display());
    ensure!(!file.is_dir(), "{}: is a folder", file.display());
    Ok(())
}
