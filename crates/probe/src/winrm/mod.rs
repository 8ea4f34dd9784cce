//! Running a script on a Windows machine by WinRM (MS-WSMV): by HTTPS, or by HTTP with every message
//! sealed by the sign-in's own keys, never in clear.
//!
//! The connection is judged as that to an RD Gateway: the gate is asked before anything leaves that
//! could be tried for a password, and one sign-in is made.

mod admission;
mod connect;
mod http;
mod seal;
mod shell;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use rdpdoctor_model::{ConnectFailure, Fact, Mechanism, Observation, ReleaseReason, Stage, Target};
use tokio::time::Instant;

use crate::context::Context;
use crate::options::{CheckOptions, Deadlines, SideQuestions};
use crate::sign_in::SignIn;
use crate::{Journal, Prober};
use connect::Link;
use shell::{Limits, Session};

/// WinRM's ports: in TLS, and without.
pub const WINRM_HTTPS: u16 = 5986;
/// See [`WINRM_HTTPS`].
pub const WINRM_HTTP: u16 = 5985;

/// A machine that is asked by WinRM.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its name or address.
    pub host: String,
    /// Its port; none: 5986, and 5985 where nothing listens there.
    pub port: Option<u16>,
    /// Who signs in. The gate is given what was seen as of an RD Gateway.
    pub sign_in: SignIn,
    /// Longest time for one step.
    pub step: Duration,
    /// Longest time for the script.
    pub whole: Duration,
}

/// What is run there.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// The program.
    pub program: &'a str,
    /// What it is told.
    pub arguments: &'a str,
    /// What it reads.
    pub input: &'a str,
    /// How much of that was handed over so far: for who waits, and for who has to know whether it can
    /// have been read to its end.
    pub sent: &'a AtomicUsize,
}

/// What a script wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// To its standard output.
    pub stdout: Vec<u8>,
    /// The beginning of what it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// The number it ended with.
    pub exit_code: Option<u32>,
    /// Why there is no more of it, where it did not come to its end.
    pub cut: Option<Problem>,
    /// How the machine was asked.
    pub by: Way,
}

/// How a machine was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The port.
    pub port: u16,
    /// In TLS; else each message was sealed.
    pub tls: bool,
    /// How the user signed in.
    pub mechanism: Mechanism,
}

/// Why nothing could be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The name has no address.
    Name(String),
    /// No connection, on these ports.
    Unreached(Vec<(u16, ConnectFailure)>),
    /// The port is open and no TLS comes about.
    Tls {
        /// Which port.
        port: u16,
        /// Why.
        why: String,
    },
    /// Something else listens there.
    NotWinrm {
        /// Which port.
        port: u16,
        /// What it answered.
        what: String,
    },
    /// It is open, and says nothing.
    Silent {
        /// Which port.
        port: u16,
    },
    /// It ended the connection.
    Ended {
        /// Which port.
        port: u16,
    },
    /// It takes no sign-in that keeps the password: only these.
    NoScheme {
        /// What it offers.
        offers: Vec<String>,
    },
    /// Nothing vouches for it.
    NotReleased {
        /// Which port.
        port: u16,
        /// Why not.
        reason: ReleaseReason,
        /// SHA-256 of its certificate; none without TLS.
        fingerprint: Option<String>,
    },
    /// Kerberos came to nothing, and nothing else was to be tried.
    Kerberos(String),
    /// The credentials were not taken.
    Rejected {
        /// What it offers.
        offers: Vec<String>,
    },
    /// The user is known, and may not do this.
    Denied,
    /// It has no room for one more shell, or command, of this user.
    Quota(String),
    /// It took longer than it may.
    TooSlow(Duration),
    /// It wrote more than it may.
    TooMuch(usize),
    /// Another fault of the service.
    Fault {
        /// An error of Windows.
        code: Option<u32>,
        /// In its own words.
        words: String,
    },
    /// What came is no answer of WinRM.
    Malformed(String),
    /// Somebody wants it to end.
    Stopped,
    /// Our own library.
    Own(String),
}

/// What came of it.
#[derive(Debug)]
pub struct Asked {
    /// The output, or why there is none.
    pub result: Result<Ran, Problem>,
    /// What was seen of each port that was tried, as of an RD Gateway.
    pub seen: Vec<Vec<Observation>>,
}

impl Prober {
    /// Runs the script on the machine. Nothing is left behind there: the shell is ended whatever comes,
    /// and ends by itself where the connection does not live to say so. With `stop` set it ends behind
    /// the next answer.
    pub async fn run_remotely(
        &self,
        remote: &Remote,
        script: Script<'_>,
        stop: &AtomicBool,
    ) -> Asked {
        let mut seen = Vec::new();
        let ports: &[u16] = match &remote.port {
            Some(port) => std::slice::from_ref(port),
            None => &[WINRM_HTTPS, WINRM_HTTP],
        };
        let mut unreached = Vec::new();
        for &port in ports {
            // What was seen of one port says nothing of another.
            let journal = Arc::new(Journal::default());
            let context = self.about_winrm(remote, port, &journal);
            let result = run(&context, remote, script, stop).await;
            seen.push(journal.observations());
            match result {
                Err(Problem::Unreached(mut failed)) => unreached.append(&mut failed),
                result => return Asked { result, seen },
            }
        }
        Asked { result: Err(Problem::Unreached(unreached)), seen }
    }

    fn about_winrm(&self, remote: &Remote, port: u16, journal: &Arc<Journal>) -> Context {
        let host = remote.host.clone();
        let target = Target { input: host.clone(), host, port };
        let options = CheckOptions {
            side: SideQuestions::None,
            sign_in: Some(remote.sign_in.clone()),
            deadlines: Deadlines::default().capped(remote.step),
            ..CheckOptions::default()
        };
        let context = self.context(&target, &options, journal);
        context.about_a_gateway()
    }
}

/// The connection, the sign-in, then the script.
async fn run(
    context: &Context,
    remote: &Remote,
    script: Script<'_>,
    stop: &AtomicBool,
) -> Result<Ran, Problem> {
    let place = &context.target;
    let fact = Fact::Gateway { host: place.host.clone(), port: place.port };
    context.note(Stage::Gateway, fact);
    let mut link = Link::open(context, remote.port.is_none()).await?;
    let signed = admission::sign_in(context, &mut link).await?;
    let limits = Limits { step: remote.step, until: Instant::now() + remote.whole };
    Session::new(context, link, signed, limits, stop).run(script, remote.whole).await
}
