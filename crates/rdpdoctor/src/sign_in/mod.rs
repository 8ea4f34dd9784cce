//! Signing in: the password, who decides whether it may leave, and what this machine remembers.

mod gate;
mod memory;
mod password;

use std::sync::Arc;

use anyhow::Context as _;
use rdpdoctor_diagnosis::Trust;
use rdpdoctor_model::{Fact, Mechanism, Target, UserName};
use rdpdoctor_probe::SignIn;

use crate::cli::{Auth, CheckArgs};
use crate::progress::Line;
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
    let Some(user) = &args.user else { return Ok(Plan::None) };
    let user: UserName = user.parse()?;
    if !args.again
        && let Some(fact) = memory.rejection(&user)
    {
        return Ok(Plan::Remembered(fact));
    }
    let pin = args.pin.as_deref().map(gate::parse_pin).transpose()?;
    let password = password::read(&user, args.password_stdin).context("no password")?;
    let gate = gate::Gatekeeper {
        target: target.clone(),
        trust,
        pin,
        memory: memory.clone(),
        line: line.clone(),
    };
    Ok(Plan::Ready(Box::new(SignIn {
        user,
        password: Arc::new(password),
        mechanism: match args.auth {
            Auth::Auto => None,
            Auth::Ntlm => Some(Mechanism::Ntlm),
            Auth::Kerberos => Some(Mechanism::Kerberos),
        },
        kdc: args.kdc.clone(),
        restricted_admin: args.restricted_admin,
        gate: Arc::new(move |observations| gate.judge(observations)),
    })))
}
