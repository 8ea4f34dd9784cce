use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdpdoctor_model::{Fact, Mechanism, Purpose, Stage, StageOutcome, Target};
use rdpdoctor_wire::Redirection;
use rdpdoctor_wire::encode::session::Channels;
use rdpdoctor_wire::security::ServerSecurity;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::Journal;
use crate::by_proxy;
use crate::link::Link;
use crate::proxy::{Proxy, Route};
use crate::side::{self, DnsClient};
use crate::sign_in::SignIn;
use crate::stages;
use crate::stages::session::{Logon, Session};
use crate::stages::tls::Established;
use crate::stream::MeteredStream;
use crate::tls::{TlsClient, TlsError};

/// How long side questions may go on after the main path succeeded: they run beside it, and most
/// are answered before it ends.
const GRACE_AFTER_SUCCESS: Duration = Duration::from_millis(40);

/// The same after a failure, where their answers decide between causes.
const GRACE_AFTER_FAILURE: Duration = Duration::from_millis(1500);

/// How long the answer about a revocation is waited for: a Windows client waits for it too.
const REVOCATION: Duration = Duration::from_secs(3);

/// How long the path may be measured after all else, which only a path that loses packets needs.
const MEASURING: Duration = Duration::from_millis(1500);

/// The longest series of echo requests that can be asked for, with time for the last answers.
const MEASURING_ON_REQUEST: Duration = Duration::from_secs(700);

/// What a check shall do.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// requestedProtocols of the first Connection Request (MS-RDPBCGR 2.2.1.1.1).
    pub requested_protocols: u32,
    /// What is asked beside the main path.
    pub side: SideQuestions,
    /// How long each stage may take.
    pub deadlines: Deadlines,
    /// Who signs in; none: the check ends before.
    pub sign_in: Option<SignIn>,
    /// How many echo requests measure the path; none: a dozen, as far as they cost no time.
    pub samples: Option<u16>,
    /// What the connection request carries for a load balancer, as an `.rdp` file has it.
    pub routing: Option<Vec<u8>>,
    /// The proxy to go through.
    pub proxy: Option<Proxy>,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            requested_protocols: stages::x224::MSTSC_OFFER,
            side: SideQuestions::Few,
            deadlines: Deadlines::default(),
            sign_in: None,
            samples: None,
            routing: None,
            proxy: None,
        }
    }
}

/// How much is asked beside the main path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideQuestions {
    /// Nothing.
    None,
    /// What makes no further connection, and what a failure needs to be told apart: for checks
    /// that are repeated.
    Light,
    /// At most two extra TCP connections, and more only where a failure names the question.
    Few,
    /// Every security layer and TLS version.
    All,
}

impl SideQuestions {
    /// Whether connections are made for curiosity.
    pub(crate) fn connect(self) -> bool {
        matches!(self, Self::Few | Self::All)
    }
}

/// How long each stage may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The name's resolution.
    pub dns: Duration,
    /// Each TCP connection.
    pub tcp: Duration,
    /// The Connection Confirm.
    pub x224: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Up to the NTLM challenge.
    pub credssp: Duration,
    /// CredSSP with credentials: a domain controller that is missing or a second factor takes long.
    pub sign_in: Duration,
    /// Up to the MCS Connect Response.
    pub mcs: Duration,
    /// Client info and licensing.
    pub licensing: Duration,
    /// The session and its first picture, each: a slow profile takes long.
    pub session: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(5),
            tcp: Duration::from_secs(8),
            x224: Duration::from_secs(8),
            tls: Duration::from_secs(10),
            credssp: Duration::from_secs(10),
            sign_in: Duration::from_secs(60),
            mcs: Duration::from_secs(10),
            licensing: Duration::from_secs(30),
            session: Duration::from_secs(90),
        }
    }
}

impl Deadlines {
    /// No stage longer than `limit`.
    #[must_use]
    pub fn capped(self, limit: Duration) -> Self {
        Self {
            dns: self.dns.min(limit),
            tcp: self.tcp.min(limit),
            x224: self.x224.min(limit),
            tls: self.tls.min(limit),
            credssp: self.credssp.min(limit),
            sign_in: self.sign_in.min(limit),
            mcs: self.mcs.min(limit),
            licensing: self.licensing.min(limit),
            session: self.session.min(limit),
        }
    }
}

/// Called when a stage begins; what it does must be quick.
pub type Progress = Arc<dyn Fn(Stage) + Send + Sync>;

/// Makes checks; shared by all of a process, which may run any number at once.
pub struct Prober {
    tls: Arc<TlsClient>,
    dns: Arc<OnceLock<Result<DnsClient, String>>>,
    names: Arc<[String]>,
}

/// What every part of one check needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) target: Arc<Target>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tls: Arc<TlsClient>,
    pub(crate) dns: Arc<OnceLock<Result<DnsClient, String>>>,
    pub(crate) deadlines: Deadlines,
    /// requestedProtocols of the main connection.
    pub(crate) offer: u32,
    pub(crate) side: SideQuestions,
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) samples: Option<u16>,
    /// What a broker gave to show to the host that it named.
    pub(crate) routing_token: Option<Vec<u8>>,
    /// What the user's file gave to show to a load balancer.
    pub(crate) routing: Option<Vec<u8>>,
    /// The way through a proxy; none: straight.
    pub(crate) route: Option<Arc<Route>>,
    names: Arc<[String]>,
}

impl Context {
    /// Whether the password shall not be handed over.
    pub(crate) fn wants_restricted_admin(&self) -> bool {
        self.sign_in.as_ref().is_some_and(|sign_in| sign_in.restricted_admin)
    }

    /// The name of this machine; `client` where it has none.
    pub(crate) fn own_name(&self) -> &str {
        let short = self.names.iter().min_by_key(|name| name.len());
        short.map_or("client", String::as_str)
    }

    /// Writes down a fact that belongs to no connection.
    pub(crate) fn note(&self, stage: Stage, fact: Fact) {
        self.journal.note(stage, None, fact);
    }

    /// The name that TLS carries: RFC 6066 3 knows no addresses.
    pub(crate) fn server_name(&self) -> Option<&str> {
        let host = self.target.host.trim_end_matches('.');
        (!self.target.is_address() && host.is_ascii()).then_some(host)
    }
}

impl Prober {
    /// Reads the system's trust store; the DNS client is made when it is first needed.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        Ok(Self {
            tls: Arc::new(TlsClient::new()?),
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
        let context = Context {
            target: Arc::new(target.clone()),
            journal: Arc::clone(journal),
            tls: Arc::clone(&self.tls),
            dns: Arc::clone(&self.dns),
            deadlines: options.deadlines,
            offer: options.requested_protocols,
            side: options.side,
            sign_in: options.sign_in.clone(),
            samples: options.samples,
            routing_token: None,
            routing: options.routing.clone(),
            route: options.proxy.clone().map(|proxy| Arc::new(Route::new(proxy))),
            names: Arc::clone(&self.names),
        };
        if !self.names.is_empty() {
            let fact = Fact::ThisMachine { names: self.names.to_vec(), addresses: Vec::new() };
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

/// The link inside an established encryption; starts the question whether its certificate was
/// revoked.
fn encrypted(context: &Context, established: Established, beside: &mut Beside) -> Link {
    if let Some(issued) = established.issued
        && context.side.connect()
        // Whether the proxy leads to the authority as well, nobody said.
        && context.route.is_none()
    {
        beside.needed.spawn(side::revocation(context.clone(), issued));
    }
    Link::tls(established.stream)
}

/// Times the stages and writes down how each went.
pub(crate) struct Steps {
    pub(crate) context: Context,
    progress: Option<Progress>,
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

    pub(crate) fn skip(&self, stage: Stage, reason: &str) {
        let outcome = StageOutcome::Skipped;
        let reason = Some(reason.to_owned());
        self.context.note(stage, Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 });
    }
}

/// The stages that a check without credentials can reach, then those that it leaves out.
const STAGES: [Stage; 9] = [
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
    let result = main_path(&steps, &mut beside).await;
    beside.over.store(true, Ordering::Relaxed);
    if let Err((failed, _)) = &result {
        // For a proxy that does not resolve names, that stage comes first.
        let told = context.journal.observations();
        let told = |stage| {
            told.iter().any(|o| o.stage == stage && matches!(o.fact, Fact::StageEnded { .. }))
        };
        for stage in STAGES.into_iter().filter(|stage| stage > failed && !told(*stage)) {
            steps.skip(stage, "stopped before");
        }
        if context.side != SideQuestions::None {
            side::after_failure(&context, *failed).await;
        }
    }
    let grace = if result.is_ok() { GRACE_AFTER_SUCCESS } else { GRACE_AFTER_FAILURE };
    ended_within(&mut beside.needed, REVOCATION).await;
    ended_within(&mut beside.questions, grace).await;
    let measuring = if context.samples.is_some() { MEASURING_ON_REQUEST } else { MEASURING };
    ended_within(&mut beside.measuring, measuring).await;
}

/// What goes on beside the main path.
#[derive(Default)]
struct Beside {
    /// Asked for the evidence's sake; cut short when the main path is done.
    questions: JoinSet<()>,
    /// Asked because the verdict depends on it.
    needed: JoinSet<()>,
    /// Measures the path.
    measuring: JoinSet<()>,
    /// The main path is over.
    over: Arc<AtomicBool>,
}

/// Waits for the tasks, and stops those that take longer.
async fn ended_within(tasks: &mut JoinSet<()>, limit: Duration) {
    let _ = timeout(limit, async { while tasks.join_next().await.is_some() {} }).await;
    tasks.shutdown().await;
}

async fn main_path(steps: &Steps, beside: &mut Beside) -> Result<(), (Stage, String)> {
    let stream = match &steps.context.route {
        Some(route) => by_proxy::connect(steps, route).await?,
        None => straight(steps, beside).await?,
    };
    match connected(steps, stream, beside).await? {
        None => Ok(()),
        // Once: the host that the broker named has no other to name.
        Some(redirection) => follow(steps, redirection, beside).await,
    }
}

/// The TCP connection to the target.
async fn straight(steps: &Steps, beside: &mut Beside) -> Result<MeteredStream, (Stage, String)> {
    let context = &steps.context;
    if context.side != SideQuestions::None {
        beside.questions.spawn(side::dns_name(context.clone()));
    }
    let addresses = steps.stage(Stage::Dns, stages::dns::run(context)).await?;
    if let Some(&address) = addresses.first()
        && context.side != SideQuestions::None
    {
        beside.questions.spawn(side::reverse_name(context.clone(), address));
    }
    let stream = steps
        .stage(Stage::Tcp, stages::tcp::run(context, &addresses, &mut beside.questions))
        .await?;
    if context.side != SideQuestions::None {
        let over = Arc::clone(&beside.over);
        beside.measuring.spawn(side::measure_path(context.clone(), stream.remote(), over));
    }
    Ok(stream)
}

/// Goes to the host that a broker named: a connection of its own, with all stages.
async fn follow(
    steps: &Steps,
    redirection: Redirection,
    beside: &mut Beside,
) -> Result<(), (Stage, String)> {
    let route = steps.context.route.as_ref().map(|route| Arc::new(route.elsewhere()));
    let context = Context { route, ..steps.context.clone() };
    let failed = |why: &str| (Stage::Session, why.to_owned());
    let stream = match &context.route {
        Some(route) => by_proxy::redirected(&context, route, &redirection).await,
        None => straight_to(&context, &redirection).await.map_err(failed)?,
    };
    let stream = stream.ok_or_else(|| failed("the host that the broker named did not answer"))?;
    let hop = Steps {
        context: Context { routing_token: redirection.routing_token, ..context },
        progress: steps.progress.clone(),
    };
    match connected(&hop, stream, beside).await? {
        None => Ok(()),
        Some(_) => Err(failed("the host that the broker named sends the client on as well")),
    }
}

/// The TCP connection to the first host of a redirection that can be found.
async fn straight_to(
    context: &Context,
    redirection: &Redirection,
) -> Result<Option<MeteredStream>, &'static str> {
    let port = context.target.port;
    let mut found = None;
    for name in &redirection.targets {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(mut addresses) = tokio::net::lookup_host((bare, port)).await {
            found = addresses.next();
            break;
        }
    }
    let address = found.ok_or("the broker named no host that can be found")?;
    let (limit, purpose) = (context.deadlines.tcp, Purpose::Redirected);
    let journal = Arc::clone(&context.journal);
    Ok(stages::tcp::attempt(journal, address, limit, purpose, purpose).await)
}

/// All stages behind the TCP connection; a redirection where a broker sends the client on.
async fn connected(
    steps: &Steps,
    stream: MeteredStream,
    beside: &mut Beside,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    let remote = stream.remote();
    let negotiated = steps.stage(Stage::X224, stages::x224::run(context, stream)).await?;
    let (stream, protocol) = (negotiated.stream, negotiated.protocol);
    if protocol != 0 && context.routing_token.is_none() {
        side::beside_tls(context, remote, protocol, &mut beside.questions);
    }
    let mut link = match protocol {
        0 => {
            steps.skip(Stage::Tls, "the server uses Standard RDP Security");
            steps.skip(Stage::CredSsp, "the server takes no NLA");
            Link::clear(stream)
        }
        _ => {
            let tls = stages::tls::run(context, stream, protocol);
            encrypted(context, steps.stage(Stage::Tls, tls).await?, beside)
        }
    };
    let nla = protocol > 1;
    if protocol == 1 {
        steps.skip(Stage::CredSsp, "the server chose TLS without NLA");
    }
    match &context.sign_in {
        Some(sign_in) if nla => {
            let signing = sign_in_with(context, &mut link, protocol, remote, sign_in);
            steps.stage(Stage::CredSsp, signing).await?;
        }
        None if nla => {
            steps.stage(Stage::CredSsp, stages::credssp::challenge(context, &mut link)).await?;
        }
        _ => {}
    }
    let sign_in = match &context.sign_in {
        None if nla => {
            steps.skip(Stage::Mcs, "comes after sign-in");
            skip_session(steps, "not asked for");
            return Ok(None);
        }
        sign_in => sign_in,
    };
    let Some(sign_in) = sign_in else {
        let connecting = stages::mcs::connect(context, &mut link, protocol);
        steps.stage(Stage::Mcs, connecting).await?;
        link.finish();
        skip_session(steps, "not asked for");
        return Ok(None);
    };
    let joining = async {
        let connected = stages::mcs::connect(context, &mut link, protocol).await?;
        let channels = stages::mcs::join(context, &mut link, connected.io).await?;
        Ok((channels, connected.security))
    };
    let (channels, security) = steps.stage(Stage::Mcs, joining).await?;
    match &sign_in.logon {
        None => {
            link.finish();
            skip_session(steps, "not asked for");
            Ok(None)
        }
        Some(logon) => {
            let begin = Begin { channels, security, nla };
            session(steps, &mut link, begin, sign_in, logon).await
        }
    }
}

/// Signs in; where Kerberos came to nothing before a credential was sent, once more with NTLM on a
/// connection of its own.
async fn sign_in_with(
    context: &Context,
    link: &mut Link,
    protocol: u32,
    remote: SocketAddr,
    sign_in: &SignIn,
) -> Result<(), String> {
    use stages::credssp::Failure;
    match stages::credssp::run(context, link, protocol, sign_in).await {
        Ok(()) => return Ok(()),
        Err(Failure::Over(why)) => return Err(why),
        Err(Failure::WithoutKerberos(_)) => {}
    }
    let stream = stages::tcp::again(context, remote, Purpose::Fallback).await;
    let stream = stream.ok_or("the connection for NTLM was not made")?;
    let again = stages::x224::run(context, stream).await?;
    if again.protocol != protocol {
        return Err("the server chose another security layer the second time".to_owned());
    }
    *link = Link::tls(stages::tls::run(context, again.stream, protocol).await?.stream);
    let only_ntlm = SignIn { mechanism: Some(Mechanism::Ntlm), ..sign_in.clone() };
    match stages::credssp::run(context, link, protocol, &only_ntlm).await {
        Ok(()) => Ok(()),
        Err(Failure::Over(why) | Failure::WithoutKerberos(why)) => Err(why),
    }
}

fn skip_session(steps: &Steps, reason: &str) {
    for stage in [Stage::Licensing, Stage::Session, Stage::Desktop] {
        steps.skip(stage, reason);
    }
}

/// What a session begins with.
struct Begin {
    channels: Channels,
    security: Option<Result<ServerSecurity, String>>,
    /// The server has the password already.
    nla: bool,
}

/// From the client info to the picture, and out again, however far it came.
async fn session(
    steps: &Steps,
    link: &mut Link,
    Begin { channels, security, nla }: Begin,
    sign_in: &SignIn,
    logon: &Logon,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    if !nla {
        // The password goes in the client info: it must not go to just anybody.
        let released = stages::credssp::released(context, sign_in, None);
        steps.stage(Stage::Licensing, released).await.inspect_err(|_| link.finish())?;
    }
    if let Some(security) = security {
        let securing = stages::session::secure(context, link, channels, security);
        if let Err(why) = securing.await {
            link.finish();
            let failed = async { Err::<(), _>(why) };
            steps.stage(Stage::Licensing, failed).await?;
        }
    }
    let password = (!nla).then_some(&*sign_in.password);
    let mut session = Session::new(context, link, channels);
    let result = async {
        steps.stage(Stage::Licensing, session.licensing(&sign_in.user, password)).await?;
        let beginning = async {
            session.begin().await?;
            // Without a picture the session is all that is waited for.
            if logon.desktop.is_none() { session.desktop(logon).await } else { Ok(()) }
        };
        steps.stage(Stage::Session, beginning).await?;
        if logon.desktop.is_none() {
            steps.skip(Stage::Desktop, "not asked for");
            return Ok(());
        }
        steps.stage(Stage::Desktop, session.desktop(logon)).await
    }
    .await;
    if let Some(redirection) = session.redirection.take() {
        return Ok(Some(redirection));
    }
    session.leave().await;
    result.map(|()| None)
}
