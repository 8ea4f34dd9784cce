//! `watch`: the check again and again, what changed, and when it broke.

use std::fs::File;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rdpdoctor_diagnosis::codes::parse_reported;
use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_files::rdpfile::Way;
use rdpdoctor_model::{
    Fact, GatewayUse, IdleOutcome, Observation, ObservationId, Source, Stage, Target, Timestamp,
};
use rdpdoctor_probe::{
    CheckOptions, Held, Journal, Prober, Progress, Proxy, SideQuestions, hold_idle,
};
use rdpdoctor_report::document::{Engine, RunContext};
use rdpdoctor_report::render::{terminal, text, watch as words};
use rdpdoctor_report::watch::{Tick, WatchEvent};
use rdpdoctor_report::{Document, Masker};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::check::{deadlines, policy, requested_protocols};
use super::exit_code;
use super::read::attempt;
use crate::bastion_list::BastionList;
use crate::cli::{OutputArgs, TextKind, TrustLevel};
use crate::cli_watch::WatchArgs;
use crate::output;
use crate::progress;
use crate::proxy::{self, Leads};
use crate::rdp_file::GivenFile;
use crate::watch::{IdlePlan, Seen, Timeline, look};

/// Nobody is asked more often than this.
const SHORTEST: Duration = Duration::from_secs(5);

/// Echo requests of one try.
const ECHOES: u16 = 12;

/// Watches, tells what changes as it does, and gives the answer; the exit code is the status'.
pub fn run(args: &WatchArgs) -> anyhow::Result<u8> {
    let reported = args.output.reported.as_deref().map(parse_reported).transpose()?;
    let (target, way) = target(&args.target)?;
    let leads = (&target, Leads::ToHost);
    let proxy = proxy::choose(args.proxy.as_deref(), leads, args.trust == TrustLevel::Any)?;
    if args.every < SHORTEST && !args.output.quiet {
        let asked = args.every.as_secs();
        output::complain(&format!("--every {asked}s is taken as {}s", SHORTEST.as_secs()));
    }
    let bastions = BastionList::open(args.bastions.as_deref(), args.output.quiet)?;
    let mut teller = Teller::open(&args.output)?;
    let job = Job { args, target, way, proxy, bastions };
    let runtime = tokio::runtime::Runtime::new()?;
    let timeline = runtime.block_on(job.watch(&mut teller));
    runtime.shutdown_background();
    let timeline = timeline?;
    let document = job.document(&timeline, reported);
    teller.finish(&document, &timeline)?;
    Ok(exit_code(&document))
}

fn target(input: &str) -> anyhow::Result<(Target, Option<Way>)> {
    let Some(file) = GivenFile::named_by(input)? else { return Ok((input.parse()?, None)) };
    let Some(way) = file.way() else { bail!("{input} names no computer to watch") };
    let by_gateway =
        way.gateway.as_ref().is_some_and(|gateway| gateway.usage == GatewayUse::Always);
    ensure!(!by_gateway, "{input} leads through an RD Gateway, which watch cannot follow");
    Ok((way.target.clone(), Some(way)))
}

/// What was asked for.
struct Job<'a> {
    args: &'a WatchArgs,
    target: Target,
    way: Option<Way>,
    proxy: Option<Proxy>,
    bastions: BastionList,
}

/// A connection that was held.
struct Holding {
    /// What came of it.
    held: Option<Held>,
    /// What was seen of it.
    seen: Vec<Observation>,
    /// For how long it was to be silent.
    asked: Duration,
    /// How many disturbances there were when it began.
    before: u32,
}

fn survived(holding: &Holding) -> bool {
    holding.held.as_ref().is_some_and(|held| held.outcome == IdleOutcome::Answered)
}

type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Job<'_> {
    async fn watch(&self, teller: &mut Teller<'_>) -> anyhow::Result<Timeline> {
        let prober = Prober::new()?;
        let begun = Instant::now();
        let end = begun + self.args.length;
        let every = self.args.every.max(SHORTEST);
        let options = self.options();
        let mut timeline = Timeline::new(self.target.clone(), self.policy(), Timestamp::now());
        let mut plan = IdlePlan::default();
        let mut holding: JoinSet<Holding> = JoinSet::new();
        // What did not survive waits for the next try: did anything else fail as well?
        let mut doubtful: Option<Holding> = None;
        let mut stop: Stop = Box::pin(async {
            let _ = tokio::signal::ctrl_c().await;
        });
        let mut next = begun;
        loop {
            let seen = tokio::select! {
                // Before it looks: whoever stops the first try wants the answer, too.
                biased;
                () = &mut stop => break,
                seen = self.look(&prober, &options, teller.line.reporter()) => seen,
            };
            let (tick, news) = timeline.add(seen);
            let rejected = self.is_rejected_by_proxy(&tick);
            teller.tell(WatchEvent::Tick(tick), news, &timeline)?;
            if rejected {
                return Ok(timeline);
            }
            teller.line.say("until the next try");
            if let Some(held) = doubtful.take() {
                self.held(held, &mut timeline, &mut plan, teller)?;
            }
            // Tries that took long are not made up for.
            while next <= Instant::now() {
                next += every;
            }
            let until = if next > end { end } else { next };
            loop {
                if doubtful.is_none() {
                    self.hold(&timeline, &plan, &mut holding, end);
                }
                let over = next > end && holding.is_empty();
                let stopped = over
                    || tokio::select! {
                        Some(Ok(held)) = holding.join_next() => {
                            if survived(&held) {
                                self.held(held, &mut timeline, &mut plan, teller)?;
                            } else {
                                doubtful = Some(held);
                            }
                            false
                        }
                        () = tokio::time::sleep_until(until) => {
                            if next <= end {
                                break;
                            }
                            true
                        }
                        () = &mut stop => true,
                    };
                if stopped {
                    if let Some(held) = doubtful {
                        self.held(held, &mut timeline, &mut plan, teller)?;
                    }
                    return Ok(timeline);
                }
            }
        }
        Ok(timeline)
    }

    /// A password that a proxy rejects is not tried again and again: that may lock its user out.
    fn is_rejected_by_proxy(&self, tick: &Tick) -> bool {
        let signs_in = self.proxy.as_ref().is_some_and(|proxy| proxy.sign_in.is_some());
        signs_in && tick.cause.as_deref() == Some("net.proxy-auth")
    }

    async fn look(
        &self,
        prober: &Prober,
        options: &CheckOptions,
        progress: Option<Progress>,
    ) -> Seen {
        look(prober, &self.target, options, self.policy(), &self.bastions, progress).await
    }

    /// Begins to hold a connection where none is held and one more says something. Through a proxy
    /// it would be the way to the proxy that is tested.
    fn hold(
        &self,
        timeline: &Timeline,
        plan: &IdlePlan,
        holding: &mut JoinSet<Holding>,
        end: Instant,
    ) {
        let address = timeline.last().and_then(|seen| seen.tick.address);
        let wanted = !self.args.no_idle && self.proxy.is_none() && holding.is_empty();
        let next = plan.next(end.saturating_duration_since(Instant::now()));
        let (Some(address), true, Some(silence)) = (address, wanted, next) else { return };
        let remote = SocketAddr::new(address, self.target.port);
        let before = timeline.disturbances();
        holding.spawn(async move {
            let journal = Arc::new(Journal::default());
            let held = hold_idle(remote, silence, &journal).await;
            Holding { held, seen: journal.observations(), asked: silence, before }
        });
    }

    fn held(
        &self,
        holding: Holding,
        timeline: &mut Timeline,
        plan: &mut IdlePlan,
        teller: &mut Teller<'_>,
    ) -> anyhow::Result<()> {
        let disturbed = timeline.disturbances() != holding.before;
        plan.add(holding.held.as_ref(), holding.asked, disturbed);
        if let Some(held) = holding.held {
            let idle = timeline.add_hold(&held, holding.seen, disturbed);
            teller.tell(WatchEvent::Idle(idle), true, timeline)?;
        }
        Ok(())
    }

    fn options(&self) -> CheckOptions {
        let mut options = CheckOptions {
            requested_protocols: requested_protocols(self.args.security),
            side: SideQuestions::Light,
            deadlines: deadlines(self.args.timeout),
            samples: Some(ECHOES),
            proxy: self.proxy.clone(),
            ..CheckOptions::default()
        };
        if let Some(way) = &self.way {
            if self.args.security == crate::cli::Security::Auto {
                options.requested_protocols =
                    way.requested_protocols.unwrap_or(options.requested_protocols);
                options.direct = way.direct;
            }
            options.routing.clone_from(&way.routing);
        }
        options
    }

    fn policy(&self) -> Policy {
        policy(self.args.trust, self.args.security)
    }

    /// The document of the whole watch: what the last try saw, and what all of them say together. The
    /// tries that prove it stand in front of it as attempts.
    fn document(&self, timeline: &Timeline, reported: Option<(u32, Option<u32>)>) -> Document {
        let mut observations = timeline.observations();
        let mut add = |source, fact| {
            observations.push(Observation {
                id: ObservationId::numbered(observations.len() + 1),
                source,
                stage: Stage::Client,
                at: None,
                at_ms: elapsed(timeline),
                origin: None,
                connection: None,
                fact,
            });
        };
        if timeline.last().is_none() {
            add(Source::Probe, Fact::Interrupted { by: "Ctrl-C".to_owned() });
        }
        if let Some((code, extended)) = reported {
            add(Source::User, Fact::ReportedCode { code, extended });
        }
        // Certificates are judged by the time of the last try, which saw them.
        let judged_at = timeline.last().map_or(timeline.started_at(), |seen| seen.tick.at);
        let evidence = Evidence::new(&observations, Some(&self.target), judged_at, self.policy());
        let diagnosis = diagnose(&evidence);
        let run = RunContext {
            target: self.target.clone(),
            addresses: super::check::addresses(&self.target, &observations),
            via: self.via(),
            started_at: timeline.started_at(),
            elapsed_ms: elapsed(timeline),
            engine: Engine::Portable,
            last_stage_asked: Some(Stage::Desktop),
        };
        let mut document = Document::new(run, &diagnosis, observations);
        let earlier = timeline.earlier().into_iter();
        document.attempts =
            earlier.map(|seen| attempt(&timeline.document_of(seen, self.via()))).collect();
        if !document.attempts.is_empty() {
            document.attempts.push(attempt(&document));
        }
        document
    }

    fn via(&self) -> Option<String> {
        self.proxy.as_ref().map(ToString::to_string)
    }
}

fn elapsed(timeline: &Timeline) -> u64 {
    let elapsed = Timestamp::now().millis_since(timeline.started_at());
    u64::try_from(elapsed).unwrap_or(0)
}

// ── telling ─────────────────────────────────────────────────────────────────────────────────────

/// Tells what happens as it happens, where it is asked for.
struct Teller<'a> {
    args: &'a OutputArgs,
    file: Option<File>,
    line: progress::Line,
    masker: Masker,
}

impl<'a> Teller<'a> {
    /// A file that cannot be written is said before the watch, not after it.
    fn open(args: &'a OutputArgs) -> anyhow::Result<Self> {
        let create = |path: &std::path::PathBuf| {
            File::create(path).with_context(|| format!("cannot write {}", path.display()))
        };
        let file = args.output.as_ref().map(create).transpose()?;
        let line = progress::Line::begin(args.quiet);
        Ok(Self { args, file, line, masker: Masker::new() })
    }

    fn tell(&mut self, event: WatchEvent, news: bool, timeline: &Timeline) -> anyhow::Result<()> {
        if self.args.text.is_some() || !(news || self.args.json) {
            return Ok(());
        }
        let event = if self.args.mask { event.masked(self.learned(timeline)?) } else { event };
        let style = output::style(self.args.output.as_deref(), self.args.no_color);
        let said = match &event {
            event if self.args.json => event.to_json_line()?,
            WatchEvent::Tick(tick) => words::tick(tick, style, terminal::DEFAULT_WIDTH),
            WatchEvent::Idle(idle) => words::idle(idle, style, terminal::DEFAULT_WIDTH),
        };
        self.write(&said)
    }

    /// What masks, with the names that the last try knew.
    fn learned(&mut self, timeline: &Timeline) -> anyhow::Result<&Masker> {
        if let Some(seen) = timeline.last() {
            self.masker.learn(&timeline.document_of(seen, None))?;
        }
        Ok(&self.masker)
    }

    fn write(&mut self, said: &str) -> anyhow::Result<()> {
        let file = &mut self.file;
        self.line.suspended(|| match file {
            Some(file) => file.write_all(said.as_bytes()).context("cannot write the answer"),
            None => output::to_standard_output(said),
        })
    }

    /// The answer, behind all lines.
    fn finish(mut self, document: &Document, timeline: &Timeline) -> anyhow::Result<()> {
        let (ticks, idles) = (timeline.ticks().to_vec(), timeline.idles().to_vec());
        let (document, ticks) = if self.args.mask {
            self.masker.learn(document)?;
            let masked = |tick| match WatchEvent::Tick(tick).masked(&self.masker) {
                WatchEvent::Tick(tick) => Some(tick),
                WatchEvent::Idle(_) => None,
            };
            (self.masker.mask(document)?, ticks.into_iter().filter_map(masked).collect())
        } else {
            (document.clone(), ticks)
        };
        let style = output::style(self.args.output.as_deref(), self.args.no_color);
        let said = match self.args.text {
            _ if self.args.json => document.to_json_line()?,
            Some(TextKind::Ticket) => text::ticket(&document),
            Some(TextKind::Network) => text::network(&document),
            None => {
                let view =
                    if self.args.details { terminal::View::Details } else { terminal::View::Short };
                let columns = terminal::DEFAULT_WIDTH;
                let summary = words::summary(&ticks, style, columns);
                format!("\n{summary}\n{}", terminal::render(&document, view, style, columns))
            }
        };
        self.line.clone().end();
        self.write(&said)?;
        match &self.args.html {
            Some(file) => output::write(file, &words::html(&document, &ticks, &idles)?),
            None => Ok(()),
        }
    }
}
