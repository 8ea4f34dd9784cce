//! One check: the main path, and what goes on beside it.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdpdoctor_model::{Fact, Stage, StageOutcome, Target};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::Journal;
use crate::context::Context;
use crate::interface::own_addresses;
use crate::options::{CheckOptions, Progress, SideQuestions};
use crate::path;
use crate::proxy::Route;
use crate::side::{self, DnsClient};
use crate::stages;
use crate::tls::{TlsClient, TlsError};

/// How long side questions may go on after the main path succeeded: they run beside it, and most
/// are answered before it ends.
const GRACE_AFTER_SUCCESS: Duration = Duration::from_millis(40);

/// The same after a failure, where their answers decide between causes.
const GRACE_AFTER_FAILURE: Duration = Duration::from_millis(1500);

/// How long the answer about a revocation is waited for: a Windows client waits for it too.
const REVOCATION: Duration = Duration::from_secs(3);

/// How long the path may be measured after all else, which only a path that loses packets needs.
const MEASURING: Duration = Duration::from_millis(3000);

/// The longest series of echo requests that can be asked for, with time for the last answers.
const MEASURING_ON_REQUEST: Duration = Duration::from_secs(700);

/// Makes checks; shared by all of a process, which may run any number at once.
pub struct Prober {
    tls: Arc<TlsClient>,
    dns: Arc<OnceLock<Result<DnsClient, String>>>,
    names: Arc<[String]>,
}

impl Prober {
    /// Reads the system's trust store; the DNS client is made when it is first needed.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        Self::with_key_log(None)
    }

    /// The same; the secrets of its TLS connections go to this file (SSLKEYLOGFILE), so that a
    /// capture of the check can be read.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn with_key_log(file: Option<File>) -> Result<Self, TlsError> {
        Ok(Self {
            tls: Arc::new(TlsClient::new(file)?),
            dns: Arc::default(),
            names: side::own_names().into(),
        })
    }

    /// Checks `target` and writes what is seen into `journal`. Dropping the future stops the check
    /// at once; what was seen until then stays in the journal.
    pub async fn check(
        &self,
        target: &Target,
        options: &CheckOptions,
        journal: &Arc<Journal>,
        progress: Option<Progress>,
    ) {
        let context = self.context(target, options, journal);
        let addresses = own_addresses();
        if !self.names.is_empty() || !addresses.is_empty() {
            let fact = Fact::ThisMachine { names: self.names.to_vec(), addresses };
            context.note(Stage::Client, fact);
        }
        let mut main = JoinSet::new();
        main.spawn(run(context.clone(), progress));
        while let Some(ended) = main.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                context.note(Stage::Client, Fact::OwnBug { message: error.to_string() });
            }
        }
    }
}

impl Prober {
    /// What every part of one check needs.
    pub(crate) fn context(
        &self,
        target: &Target,
        options: &CheckOptions,
        journal: &Arc<Journal>,
    ) -> Context {
        Context {
            target: Arc::new(target.clone()),
            journal: Arc::clone(journal),
            tls: Arc::clone(&self.tls),
            dns: Arc::clone(&self.dns),
            deadlines: options.deadlines,
            offer: options.requested_protocols,
            engine: options.engine,
            side: options.side,
            sign_in: options.sign_in.clone(),
            samples: options.samples,
            trace: options.trace,
            routing_token: None,
            routing: options.routing.clone(),
            direct: options.direct,
            route: options.proxy.clone().map(|proxy| Arc::new(Route::new(proxy))),
            names: Arc::clone(&self.names),
            gateway: options
                .gateway
                .clone()
                .map(|gateway| Arc::new(stages::gateway::Passage::new(gateway))),
            about_gateway: false,
        }
    }
}

/// The stages that a check without credentials can reach, then those that it leaves out.
pub(crate) const STAGES: [Stage; 9] = [
    Stage::Dns,
    Stage::Tcp,
    Stage::X224,
    Stage::Tls,
    Stage::CredSsp,
    Stage::Mcs,
    Stage::Licensing,
    Stage::Session,
    Stage::Desktop,
];

async fn run(context: Context, progress: Option<Progress>) {
    let mut beside = Beside::default();
    let steps = Steps { context: context.clone(), progress };
    let result = path::main_path(&steps, &mut beside).await;
    beside.over.store(true, Ordering::Relaxed);
    if let Err((failed, _)) = &result {
        beside.udp.shutdown().await;
        for stage in STAGES.into_iter().filter(|stage| stage > failed) {
            steps.skip_rest(stage, "stopped before");
        }
        if context.side != SideQuestions::None {
            side::after_failure(&context, *failed).await;
        }
    }
    if let Some(route) = &context.gateway {
        route.close().await;
    }
    if context.trace
        && let Some(remote) = tried(&context)
    {
        side::trace(context.clone(), remote).await;
    }
    let grace = if result.is_ok() { GRACE_AFTER_SUCCESS } else { GRACE_AFTER_FAILURE };
    let awaits_udp = result.is_ok() && (context.side == SideQuestions::All || offers_udp(&context));
    let udp = match (awaits_udp, &result) {
        (true, _) => stages::udp::LONGEST,
        (false, Ok(())) => GRACE_AFTER_SUCCESS,
        (false, Err(_)) => Duration::ZERO,
    };
    let measuring = if context.samples.is_some() { MEASURING_ON_REQUEST } else { MEASURING };
    tokio::join!(
        async {
            ended_within(&mut beside.needed, REVOCATION).await;
            ended_within(&mut beside.questions, grace).await;
            ended_within(&mut beside.measuring, measuring).await;
        },
        ended_within(&mut beside.udp, udp),
    );
}

/// The address that the main path tried, whether it connected or not; through a proxy or a gateway there
/// is none of the host's.
fn tried(context: &Context) -> Option<SocketAddr> {
    if context.route.is_some() || context.gateway.is_some() {
        return None;
    }
    context.journal.observations().iter().find_map(|o| match o.fact {
        Fact::TcpConnected { remote, .. } | Fact::TcpFailed { remote, .. } => Some(remote),
        _ => None,
    })
}

/// Whether the server said that it takes UDP (MS-RDPBCGR 2.2.1.4.6).
fn offers_udp(context: &Context) -> bool {
    context
        .journal
        .observations()
        .iter()
        .any(|o| matches!(o.fact, Fact::McsConnectResponse { multitransport_flags: Some(1..), .. }))
}

/// What goes on beside the main path.
#[derive(Default)]
pub(crate) struct Beside {
    /// Asked for the evidence's sake; cut short when the main path is done.
    pub(crate) questions: JoinSet<()>,
    /// Asked because the verdict depends on it.
    pub(crate) needed: JoinSet<()>,
    /// Measures the path.
    pub(crate) measuring: JoinSet<()>,
    /// The main path is over.
    pub(crate) over: Arc<AtomicBool>,
    /// Whether UDP is answered: waited for only where the server offers it, or all is asked.
    pub(crate) udp: JoinSet<()>,
}

/// Waits for the tasks, and stops those that take longer.
async fn ended_within(tasks: &mut JoinSet<()>, limit: Duration) {
    let _ = timeout(limit, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}

/// Times the stages and writes down how each went.
pub(crate) struct Steps {
    pub(crate) context: Context,
    pub(crate) progress: Option<Progress>,
}

impl Steps {
    pub(crate) async fn stage<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<T, (Stage, String)> {
        if let Some(progress) = &self.progress {
            progress(stage);
        }
        let begun = Instant::now();
        let result = work.await;
        let elapsed_ms = stages::dns::millis(begun.elapsed());
        let (outcome, reason) = match &result {
            Ok(_) => (StageOutcome::Passed, None),
            Err(reason) => (StageOutcome::Stopped, Some(reason.clone())),
        };
        self.context.note(stage, Fact::StageEnded { outcome, reason, elapsed_ms });
        result.map_err(|reason| (stage, reason))
    }

    /// The same for a stage that has not ended yet.
    pub(crate) fn skip_rest(&self, stage: Stage, reason: &str) {
        let observations = self.context.journal.observations();
        let ended = |fact: &Fact| matches!(fact, Fact::StageEnded { .. });
        if !observations.iter().any(|o| o.stage == stage && ended(&o.fact)) {
            self.skip(stage, reason);
        }
    }

    pub(crate) fn skip(&self, stage: Stage, reason: &str) {
        let outcome = StageOutcome::Skipped;
        let reason = Some(reason.to_owned());
        self.context.note(stage, Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 });
    }
}
