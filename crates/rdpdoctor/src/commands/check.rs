//! `check`: the main job.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Evidence, Policy, RequiredSecurity, Status, Trust, diagnose};
use rdpdoctor_model::{Fact, Observation, ObservationId, Source, Stage, Target};
use rdpdoctor_probe::{CheckOptions, Deadlines, Journal, Prober, SideQuestions};
use rdpdoctor_report::Document;
use rdpdoctor_report::document::{Engine, RunContext};

use crate::cli::{CheckArgs, Security, TrustLevel};
use crate::output;
use crate::progress;

/// Between two tries of `--wait`.
const PAUSE: Duration = Duration::from_secs(2);

/// Checks the target and gives the answer; the exit code is the status'.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let target: Target = args.target.parse()?;
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let document = runtime.block_on(wait_for_answer(args, &target, reported));
    // A resolver that hangs must not keep the answer back.
    runtime.shutdown_background();
    let document = document?;
    output::deliver(&document, &args.output)?;
    Ok(exit_code(&document))
}

async fn wait_for_answer(
    args: &CheckArgs,
    target: &Target,
    reported: Option<(u32, Option<u32>)>,
) -> anyhow::Result<Document> {
    let prober = Prober::new()?;
    let begun = Instant::now();
    loop {
        let (document, status, stopped) = check(args, target, reported, &prober).await;
        let waited_enough = args.wait.is_none_or(|limit| begun.elapsed() + PAUSE >= limit);
        if stopped || waited_enough || matches!(status, Status::Ok | Status::Degraded) {
            return Ok(document);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => return Ok(document),
        }
    }
}

/// One check; the last value says whether Ctrl-C stopped it.
async fn check(
    args: &CheckArgs,
    target: &Target,
    reported: Option<(u32, Option<u32>)>,
    prober: &Prober,
) -> (Document, Status, bool) {
    let journal = Arc::new(Journal::default());
    let options = options(args);
    let line = progress::Line::begin(args.output.quiet);
    let deadline = args.deadline.unwrap_or(Duration::MAX);
    let interrupted = tokio::select! {
        () = prober.check(target, &options, &journal, line.reporter()) => None,
        _ = tokio::signal::ctrl_c() => Some("Ctrl-C"),
        () = tokio::time::sleep(deadline) => Some("the deadline"),
    };
    drop(line);
    let mut observations = journal.observations();
    if let Some(by) = interrupted {
        add(&mut observations, &journal, Source::Probe, Fact::Interrupted { by: by.to_owned() });
    }
    if let Some((code, extended)) = reported {
        add(&mut observations, &journal, Source::User, Fact::ReportedCode { code, extended });
    }
    let evidence = Evidence::new(&observations, Some(target), journal.started_at(), policy(args));
    let diagnosis = diagnose(&evidence);
    let status = diagnosis.verdict.status;
    let run = RunContext {
        target: target.clone(),
        addresses: addresses(&observations),
        via: None,
        started_at: journal.started_at(),
        elapsed_ms: journal.elapsed_whole_ms(),
        engine: Engine::Portable,
        last_stage_asked: Some(Stage::Desktop),
    };
    (Document::new(run, &diagnosis, observations), status, interrupted == Some("Ctrl-C"))
}

fn add(observations: &mut Vec<Observation>, journal: &Journal, source: Source, fact: Fact) {
    let at_ms = journal.elapsed_whole_ms();
    observations.push(Observation {
        id: ObservationId::numbered(observations.len() + 1),
        source,
        stage: Stage::Client,
        at: None,
        at_ms,
        origin: None,
        connection: None,
        fact,
    });
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
    CheckOptions { requested_protocols, side, deadlines }
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

fn addresses(observations: &[Observation]) -> Vec<IpAddr> {
    observations
        .iter()
        .find_map(|o| match &o.fact {
            Fact::AddressLiteral { address } => Some(vec![*address]),
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
