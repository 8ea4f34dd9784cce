//! `check`: the main job.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Evidence, Policy, RequiredSecurity, Status, Trust, diagnose};
use rdpdoctor_files::rdpfile::Way;
use rdpdoctor_host::Side;
use rdpdoctor_model::{
    Fact, GatewayUse, Observation, ObservationId, Source, Stage, Target, Timestamp,
};
use rdpdoctor_probe::{
    CheckOptions, Deadlines, GATEWAY_PORT, Gateway, Journal, Prober, Proxy, SideQuestions,
};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::RunContext;

use super::exit_code;
use super::read::judged;
use crate::bastion_list::BastionList;
use crate::capture::{self, Recording};
use crate::cli::{CheckArgs, Security, TrustLevel};
use crate::engine;
use crate::joined::{OwnClient, SideFacts, not_used};
use crate::output;
use crate::progress;
use crate::proxy::{self, Leads};
use crate::rdp_file::{self, GivenFile};
use crate::remote;
use crate::sign_in::{self, Memory, Plan};

/// Between two tries of `--wait`.
const PAUSE: Duration = Duration::from_secs(2);

/// Checks the target and gives the answer; the exit code is the status'.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    engine::may_be_used(args)?;
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    let file = GivenFile::named_by(&args.target)?;
    let Some(file) = file else {
        ensure!(args.fixed.is_none(), "--fixed mends a .rdp file, and {} is none", args.target);
        let gateway = args.gateway.as_deref().map(gateway_place).transpose()?;
        let document = check(args, args.target.parse()?, None, gateway, reported)?;
        output::deliver(&document, &args.output)?;
        return Ok(exit_code(&document));
    };
    rdp_file::may_write(args.fixed.as_ref())?;
    let without_connection = |seen| judged(&file, seen, reported, Some(Stage::Desktop));
    let document = match file.way() {
        Some(way) => check_by_file(args, &file, &way, reported)?,
        None => {
            let mut seen = file.observations(0);
            let facts = SideFacts::of_hosts(&args.host_facts)?;
            facts.join(&mut seen, &file.target(), Timestamp::now(), false);
            without_connection(seen)
        }
    };
    let difference =
        args.fixed.as_ref().map(|copy| file.write_mended(copy, args.output.mask)).transpose()?;
    output::deliver(&document, &args.output)?;
    if let Some(difference) = difference {
        output::deliver_difference(&difference, &args.output)?;
    }
    Ok(exit_code(&document))
}

/// The way that the file shows: past its gateway, through it, or, where `mstsc` finds that out by
/// trying, straight first. What the command line says goes before what the file says.
fn check_by_file(
    args: &CheckArgs,
    file: &GivenFile,
    way: &Way,
    reported: Option<(u32, Option<u32>)>,
) -> anyhow::Result<Document> {
    let told = args.gateway.as_deref().map(gateway_place).transpose()?;
    let check = |gateway| check(args, way.target.clone(), Some((file, way)), gateway, reported);
    let Some(gateway) = way.gateway.as_ref().filter(|_| told.is_none()) else {
        return check(told);
    };
    let place =
        Target { input: gateway.host.clone(), host: gateway.host.clone(), port: gateway.port };
    if gateway.usage == GatewayUse::Always {
        return check(Some(place));
    }
    let straight = check(None)?;
    let unreached = matches!(straight.verdict.stage, Some(Stage::Dns | Stage::Tcp));
    let failed = straight.verdict.status == rdpdoctor_report::document::Status::Failed;
    if unreached && failed && !sign_in::is_of_who_is_logged_on(args) {
        return check(Some(place));
    }
    Ok(straight)
}

/// A file that leads to the target, and the way that it shows.
type FileAndWay<'a> = (&'a GivenFile, &'a Way);

fn check(
    args: &CheckArgs,
    target: Target,
    file: Option<FileAndWay<'_>>,
    gateway: Option<Target>,
    reported: Option<(u32, Option<u32>)>,
) -> anyhow::Result<Document> {
    ensure!(
        gateway.is_none() || !sign_in::is_of_who_is_logged_on(args),
        "an RD Gateway needs -u NAME: who is logged on signs in to the host only"
    );
    // Where the connection of this machine goes to.
    let first = match &gateway {
        Some(gateway) => (gateway, Leads::ToGateway),
        None => (&target, Leads::ToHost),
    };
    let mut proxy = proxy::choose(args.proxy.as_deref(), first, args.trust == TrustLevel::Any)?;
    let at_proxy = proxy.as_mut().filter(|proxy| proxy.sign_in.is_some());
    ensure!(
        args.kdc.is_none() || args.user.is_some() || at_proxy.is_some(),
        "--kdc is for a sign-in: give --user, or a proxy's user in RDPDOCTOR_PROXY_USER"
    );
    if let Some(proxy) = at_proxy {
        proxy.kdc.clone_from(&args.kdc);
    }
    capture::may_write(args)?;
    let bastions = BastionList::open(args.bastions.as_deref(), args.output.quiet)?;
    let host_facts = SideFacts::of_hosts(&args.host_facts)?;
    let beside = args.remote.as_deref().map(|place| {
        remote::Beside::new(place, &target, args.pin.as_deref(), args.trust, args.timeout)
    });
    let beside = beside.transpose()?;
    let memory = Memory::open();
    let line = progress::Line::begin(args.output.quiet);
    let plan = line.suspended(|| {
        sign_in::plan(args, &target, policy(args.trust, args.security).trust, &memory, &line)
    });
    let plan = plan.inspect_err(|_| line.clone().end())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let trust = policy(args.trust, args.security).trust;
    let gateway =
        gateway.map(|place| sign_in::gateway(args, place, trust, &memory, &line)).transpose()?;
    let job = Job {
        args,
        target,
        file,
        reported,
        proxy,
        plan,
        gateway,
        memory,
        bastions,
        host_facts,
        beside,
    };
    let document = runtime.block_on(job.wait_for_answer(&line));
    line.end();
    // A resolver that hangs must not keep the answer back.
    runtime.shutdown_background();
    document
}

/// What was asked for.
struct Job<'a> {
    args: &'a CheckArgs,
    target: Target,
    file: Option<FileAndWay<'a>>,
    reported: Option<(u32, Option<u32>)>,
    proxy: Option<Proxy>,
    plan: Plan,
    gateway: Option<Gateway>,
    memory: Memory,
    bastions: BastionList,
    host_facts: SideFacts,
    beside: Option<remote::Beside>,
}

/// One check's answer.
struct Answer {
    document: Document,
    status: Status,
    /// Whether another try could say something else: not after Ctrl-C, and never after a credential
    /// was sent.
    last: bool,
}

impl Job<'_> {
    /// The gateway or the proxy that the connection goes by, or the one behind the other.
    fn via(&self) -> Option<String> {
        let gateway = self.gateway.as_ref().map(|gateway| gateway.place.place(GATEWAY_PORT));
        let proxy = self.proxy.as_ref().map(ToString::to_string);
        match (gateway, proxy) {
            (Some(gateway), Some(proxy)) => Some(format!("{gateway} by {proxy}")),
            (gateway, proxy) => gateway.or(proxy),
        }
    }

    async fn wait_for_answer(&self, line: &progress::Line) -> anyhow::Result<Document> {
        let prober = Prober::with_key_log(key_log(self.args)?)?;
        let begun = Instant::now();
        loop {
            let answer = self.check(&prober, line).await;
            let waited_enough = self.args.wait.is_none_or(|limit| begun.elapsed() + PAUSE >= limit);
            let fine = matches!(answer.status, Status::Ok | Status::Degraded);
            if answer.last || waited_enough || fine {
                return Ok(answer.document);
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = tokio::signal::ctrl_c() => return Ok(answer.document),
            }
        }
    }

    async fn check(&self, prober: &Prober, line: &progress::Line) -> Answer {
        let args = self.args;
        let journal = Arc::new(Journal::default());
        let recording = Recording::begin(args, &journal);
        let options = self.options();
        let own_client = (!args.no_side).then(OwnClient::begin);
        let deadline = args.deadline.unwrap_or(Duration::MAX);
        let interrupted = tokio::select! {
            // Ctrl-C is listened for before the first packet leaves.
            biased;
            _ = tokio::signal::ctrl_c() => Some("Ctrl-C"),
            () = prober.check(&self.target, &options, &journal, line.reporter()) => None,
            () = tokio::time::sleep(deadline) => Some("the deadline"),
        };
        let mut observations = journal.observations();
        if let Some(sign_in) = &options.sign_in {
            self.memory.remember(&sign_in.user, &observations);
        }
        if let Some((file, _)) = self.file {
            observations.extend(file.observations(observations.len()));
        }
        if let Some(recording) = recording {
            recording.end(args, &self.target, &mut observations);
        }
        if let Some(own_client) = own_client {
            own_client.join(&mut observations);
        }
        let sent_to_host =
            self.join_host(prober, line, &journal, interrupted, &mut observations).await;
        let mut add = |source, stage, fact| {
            let fact = added(observations.len(), &journal, source, stage, fact);
            observations.push(fact);
        };
        if let Some(by) = interrupted {
            add(Source::Probe, Stage::Client, Fact::Interrupted { by: by.to_owned() });
        }
        if let Some((code, extended)) = self.reported {
            add(Source::User, Stage::Client, Fact::ReportedCode { code, extended });
        }
        if let Plan::Remembered(fact) = &self.plan {
            add(Source::Client, Stage::CredSsp, fact.clone());
        }
        let judged_at = journal.started_at();
        self.bastions.add_fitting(&self.target, judged_at, &mut observations);
        let policy = policy(args.trust, args.security);
        let evidence = Evidence::new(&observations, Some(&self.target), judged_at, policy);
        let diagnosis = diagnose(&evidence);
        let status = diagnosis.verdict.status;
        let sent = observations.iter().any(|o| {
            let shown = matches!(o.fact, Fact::ProxyCredential { shown: true, .. });
            // A proxy that rejects a password is not asked again with the same one.
            // Windows may have asked a centre before it failed, which counts as well.
            matches!(o.fact, Fact::CredentialSent { .. } | Fact::SystemSignInFailed { .. })
                || (shown && !tunnelled(&observations))
        });
        let run = RunContext {
            target: self.target.clone(),
            addresses: addresses(&self.target, &observations),
            via: self.via(),
            started_at: journal.started_at(),
            elapsed_ms: journal.elapsed_whole_ms(),
            engine: engine::named(options.engine),
            last_stage_asked: Some(Stage::Desktop),
        };
        let document = Document::new(run, &diagnosis, observations);
        Answer { document, status, last: interrupted == Some("Ctrl-C") || sent || sent_to_host }
    }

    /// Puts facts of the host beside what was seen from outside; whether a password left to read them.
    async fn join_host(
        &self,
        prober: &Prober,
        line: &progress::Line,
        journal: &Journal,
        interrupted: Option<&str>,
        observations: &mut Vec<Observation>,
    ) -> bool {
        let asked = match interrupted {
            None => self.asked_on_host(prober, line, observations, journal).await,
            Some(by) => self.beside.as_ref().map(|_| Err(by.to_owned())),
        };
        let (read, sent) = match asked {
            None => (None, false),
            Some(Ok(answered)) => (Some(answered.result), answered.sent),
            Some(Err(why)) => (Some(Err(why)), false),
        };
        let mut host_facts = self.host_facts.clone();
        match read {
            None => {}
            Some(Ok(machine)) => host_facts.add(machine),
            Some(Err(why)) => {
                observations.push(not_used(observations.len() + 1, Side::Host, Source::Host, &why));
            }
        }
        host_facts.join(observations, &self.target, journal.started_at(), false);
        sent
    }

    /// The host's facts over WinRM, where they are wanted; the error says why nobody was asked. A user
    /// whom the host has just rejected is not tried there again.
    async fn asked_on_host(
        &self,
        prober: &Prober,
        line: &progress::Line,
        seen: &[Observation],
        journal: &Journal,
    ) -> Option<Result<remote::Answered, String>> {
        let beside = self.beside.as_ref()?;
        let Plan::Ready(sign_in) = &self.plan else {
            return Some(Err("this user was rejected within the last 30 minutes".to_owned()));
        };
        if Memory::is_rejected(seen) {
            return Some(Err("the host has just rejected this user".to_owned()));
        }
        let began = journal.started_at();
        let asking = beside.ask(prober, sign_in, &self.memory, line, seen, began);
        let left = self.args.deadline.unwrap_or(Duration::MAX);
        let left = left.saturating_sub(Duration::from_millis(journal.elapsed_whole_ms()));
        let answered = tokio::time::timeout(left, asking).await;
        Some(match answered {
            Ok(answered) => answered.map_err(|why| format!("{why:#}")),
            Err(_) => Err("the deadline".to_owned()),
        })
    }

    fn options(&self) -> CheckOptions {
        let sign_in = match &self.plan {
            Plan::Ready(sign_in) => Some((**sign_in).clone()),
            Plan::None | Plan::Remembered(_) => None,
        };
        let mut options = CheckOptions {
            sign_in,
            proxy: self.proxy.clone(),
            gateway: self.gateway.clone(),
            ..options(self.args)
        };
        if let Some((_, way)) = self.file {
            // What the command line says goes before what the file says.
            if self.args.security == Security::Auto {
                options.requested_protocols =
                    way.requested_protocols.unwrap_or(options.requested_protocols);
                options.direct = way.direct;
            }
            options.routing.clone_from(&way.routing);
        }
        options
    }
}

fn tunnelled(observations: &[Observation]) -> bool {
    observations.iter().any(|o| matches!(o.fact, Fact::TunnelOpened { .. }))
}

/// Where the secrets of this check's connections go; nobody else may read them.
fn key_log(args: &CheckArgs) -> anyhow::Result<Option<std::fs::File>> {
    let Some(path) = &args.keylog else { return Ok(None) };
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Some(file))
}

/// An observation that the probe did not make.
fn added(count: usize, journal: &Journal, source: Source, stage: Stage, fact: Fact) -> Observation {
    Observation {
        id: ObservationId::numbered(count + 1),
        source,
        stage,
        at: None,
        at_ms: journal.elapsed_whole_ms(),
        origin: None,
        connection: None,
        fact,
    }
}

fn options(args: &CheckArgs) -> CheckOptions {
    let side = match (args.deep, args.no_side) {
        (true, _) => SideQuestions::All,
        (false, true) => SideQuestions::None,
        (false, false) => SideQuestions::Few,
    };
    CheckOptions {
        requested_protocols: requested_protocols(args.security),
        engine: engine::chosen(args),
        side,
        deadlines: deadlines(args.timeout),
        samples: args.network_samples,
        trace: args.trace,
        ..CheckOptions::default()
    }
}

/// MS-RDPBCGR 2.2.1.1.1: PROTOCOL_SSL 1, PROTOCOL_HYBRID 2, PROTOCOL_HYBRID_EX 8.
pub fn requested_protocols(security: Security) -> u32 {
    match security {
        Security::Auto => 0x0B,
        Security::Rdp => 0,
        Security::Tls => 1,
        Security::Nla => 0x0A,
    }
}

/// What `--timeout` caps.
pub fn deadlines(timeout: Option<Duration>) -> Deadlines {
    let usual = Deadlines::default();
    timeout.map_or(usual, |limit| usual.capped(limit))
}

/// What the user insists on.
pub fn policy(trust: TrustLevel, security: Security) -> Policy {
    Policy {
        trust: match trust {
            TrustLevel::Strict => Trust::Strict,
            TrustLevel::Warn => Trust::Warn,
            TrustLevel::Any => Trust::Any,
        },
        security: match security {
            Security::Auto => RequiredSecurity::Auto,
            Security::Rdp => RequiredSecurity::Rdp,
            Security::Tls => RequiredSecurity::Tls,
            Security::Nla => RequiredSecurity::Nla,
        },
    }
}

/// Where a gateway is, as `--gateway` has it.
fn gateway_place(text: &str) -> anyhow::Result<Target> {
    Ok(Target::with_default_port(text, GATEWAY_PORT)?)
}

/// The target's addresses; behind a gateway a name has none here.
pub fn addresses(target: &Target, observations: &[Observation]) -> Vec<IpAddr> {
    if let Some(address) = target.address() {
        return vec![address];
    }
    observations
        .iter()
        .filter(|o| o.stage != Stage::Gateway)
        .find_map(|o| match &o.fact {
            Fact::NameResolved { addresses, .. } => Some(addresses.clone()),
            _ => None,
        })
        .unwrap_or_default()
}
