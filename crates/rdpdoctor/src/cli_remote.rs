//! `--remote` on the command line: a Windows machine that is asked over WinRM.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::{Auth, TrustLevel, seconds};

/// Another machine, and who signs in there.
#[derive(Debug, Args)]
pub struct RemoteArgs {
    /// Ask this machine over WinRM (HTTPS on 5986, or HTTP on 5985 with every message encrypted); nothing
    /// is changed on it but by fix --apply
    #[arg(
        long = "remote",
        value_name = "HOST[:PORT]",
        conflicts_with_all = ["facts", "disk", "machine"]
    )]
    pub host: Option<String>,
    /// Sign in there as DOMAIN\\user, user@realm or user, once; the password is asked for
    #[arg(short, long, value_name = "NAME", requires = "host")]
    pub user: Option<String>,
    /// Read the password from standard input (or set RDPDOCTOR_PASSWORD)
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// How to sign in; auto takes Kerberos where Windows would, then NTLM
    #[arg(long, value_enum, default_value_t = Auth::Auto, requires = "user")]
    pub auth: Auth,
    /// Key distribution centre of the realm; without it the DNS is asked
    #[arg(long, value_name = "HOST[:PORT]", requires = "user")]
    pub kdc: Option<String>,
    /// Sign in although this user was rejected within the last 30 minutes
    #[arg(long, requires = "user")]
    pub again: bool,
    /// Believe the machine whose certificate has this SHA-256 fingerprint
    #[arg(long, value_name = "SHA256", requires = "host")]
    pub pin: Option<String>,
    /// Whom the password may leave for; any: whoever answers
    #[arg(long, value_enum, default_value_t = TrustLevel::Warn, requires = "host")]
    pub trust: TrustLevel,
    /// Longest time for one step over WinRM; the script there may take ten times as long
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "host")]
    pub timeout: Option<Duration>,
}

/// What another machine is changed by.
#[derive(Debug, Args)]
pub struct FarArgs {
    /// With --remote: the program for Windows that is brought there and does the work; on Windows this
    /// very program
    #[arg(long, value_name = "RDPDOCTOR.EXE", requires = "host")]
    pub program: Option<PathBuf>,
}
