//! `check`: the main job.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Evidence, Policy, RequiredSecurity, Status, Trust, diagnose};
use rdpdoctor_model::{Fact, Observation, ObservationId, Source, Stage, Target};
use rdpdoctor_probe::{
    CheckOptions, Deadlines, GATEWAY_PORT, Gateway, Journal, Prober, SideQuestions,
};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext};

use crate::cli::{CheckArgs, Security, TrustLevel};
use crate::output;
use crate::progress;
use crate::sign_in::{self, Memory, Plan};

/// Between two tries of `--wait`.
const PAUSE: Duration = Duration::from_secs(2);

/// Checks the target and gives the answer; the exit code is the status'.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let target: Target = args.target.parse()?;
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    let gateway = args.gateway.as_deref().map(gateway_place).transpose()?;
    let memory = Memory::open();
    let line = progress::Line::begin(args.output.quiet);
    let plan = line.suspended(|| sign_in::plan(args, &target, policy(args).trust, &memory, &line));
    let plan = plan.inspect_err(|_| line.clone().end())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway = gateway
        .map(|place| sign_in::gateway(args, place, policy(args).trust, &memory, &line))
        .transpose()?;
    let job = Job { args, target, reported, plan, gateway, memory };
    let document = runtime.block_on(job.wait_for_answer(&line));
    line.end();
    // A resolver that hangs must not keep the answer back.
    runtime.shutdown_background();
    let document = document?;
    output::deliver(&document, &args.output)?;
    Ok(exit_code(&document))
}

/// What was asked for.
struct Job<'a> {
    args: &'a CheckArgs,
    target: Target,
    reported: Option<(u32, Option<u32>)>,
    plan: Plan,
    gateway: Option<Gateway>,
    memory: Memory,
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
    async fn wait_for_answer(&self, line: &progress::Line) -> anyhow::Result<Document> {
        let prober = Prober::new()?;
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
        let options = self.options();
        let deadline = args.deadline.unwrap_or(Duration::MAX);
        let interrupted = tokio::select! {
            () = prober.check(&self.target, &options, &journal, line.reporter()) => None,
            _ = tokio::signal::ctrl_c() => Some("Ctrl-C"),
            () = tokio::time::sleep(deadline) => Some("the deadline"),
        };
        let mut observations = journal.observations();
        if let Some(sign_in) = &options.sign_in {
            self.memory.remember(&sign_in.user, &observations);
        }
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
        let evidence = Evidence::new(&observations, Some(&self.target), judged_at, policy(args));
        let diagnosis = diagnose(&evidence);
        let status = diagnosis.verdict.status;
        let sent = observations.iter().any(|o| matches!(o.fact, Fact::CredentialSent { .. }));
        let run = RunContext {
            target: self.target.clone(),
            addresses: addresses(&self.target, &observations),
            via: self.gateway.as_ref().map(|gateway| gateway.place.place(GATEWAY_PORT)),
            started_at: journal.started_at(),
            elapsed_ms: journal.elapsed_whole_ms(),
            engine: Engine::Portable,
            last_stage_asked: Some(Stage::Desktop),
        };
        let document = Document::new(run, &diagnosis, observations);
        Answer { document, status, last: interrupted == Some("Ctrl-C") || sent }
    }

    fn options(&self) -> CheckOptions {
        let sign_in = match &self.plan {
            Plan::Ready(sign_in) => Some((**sign_in).clone()),
            Plan::None | Plan::Remembered(_) => None,
        };
        CheckOptions { sign_in, gateway: self.gateway.clone(), ..options(self.args) }
    }
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
    let deadlines = match args.timeout {
        Some(limit) => Deadlines::default().capped(limit),
        None => Deadlines::default(),
    };
    // MS-RDPBCGR 2.2.1.1.1: PROTOCOL_SSL 1, PROTOCOL_HYBRID 2, PROTOCOL_HYBRID_EX 8.
    let requested_protocols = match args.security {
        Security::Auto => 0x0B,
        Security::Rdp => 0,
        Security::Tls => 1,
        Security::Nla => 0x0A,
    };
    CheckOptions { requested_protocols, side, deadlines, ..CheckOptions::default() }
}

fn policy(args: &CheckArgs) -> Policy {
    Policy {
        trust: match args.trust {
            TrustLevel::Strict => Trust::Strict,
            TrustLevel::Warn => Trust::Warn,
            TrustLevel::Any => Trust::Any,
        },
        security: match args.security {
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
fn addresses(target: &Target, observations: &[Observation]) -> Vec<IpAddr> {
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

fn exit_code(document: &Document) -> u8 {
    use rdpdoctor_report::document::Status;
    match document.verdict.status {
        Status::Ok => 0,
        Status::Degraded => 1,
        Status::Failed => 2,
        Status::Unknown => super::UNKNOWN,
    }
}
