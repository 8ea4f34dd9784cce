//! What is being waited for, and how far a long file is read, on standard error.

use std::borrow::Cow;
use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use rdpdoctor_model::Stage;
use rdpdoctor_probe::Progress;

/// After so long the line says what such a wait usually means.
const LONG: Duration = Duration::from_secs(5);

/// A line that shows the stage under way, or nothing where nobody would see it.
#[derive(Clone)]
pub struct Line(Option<Shown>);

/// The line, and how often what it says has changed: what was waited for before is over.
#[derive(Clone)]
struct Shown {
    bar: ProgressBar,
    turn: Arc<AtomicUsize>,
}

impl Line {
    /// Begins the line, unless it is unwanted or standard error is no terminal.
    pub fn begin(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(Shown { bar, turn: Arc::default() }))
    }

    /// What the probe calls when a stage begins.
    pub fn reporter(&self) -> Option<Progress> {
        let Shown { bar, turn: current } = self.0.clone()?;
        Some(Arc::new(move |stage| {
            let turn = current.fetch_add(1, Relaxed) + 1;
            bar.set_message(rdpdoctor_report::stage_label(stage));
            let (bar, current) = (bar.clone(), Arc::clone(&current));
            // Ends with the runtime; a later stage makes it say nothing.
            tokio::spawn(async move {
                tokio::time::sleep(LONG).await;
                if current.load(Relaxed) == turn && !bar.is_finished() {
                    let label = rdpdoctor_report::stage_label(stage);
                    bar.set_message(format!("{label}: {}", meaning(stage)));
                }
            });
        }))
    }

    /// Says what is waited for otherwise.
    pub fn say(&self, text: impl Into<Cow<'static, str>>) {
        if let Some(Shown { bar, turn }) = &self.0 {
            turn.fetch_add(1, Relaxed);
            bar.set_message(text);
        }
    }

    /// Does something that needs the terminal to itself.
    pub fn suspended<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(shown) => shown.bar.suspend(work),
            None => work(),
        }
    }

    /// Takes the line away.
    pub fn end(self) {
        if let Some(shown) = &self.0 {
            shown.bar.finish_and_clear();
        }
    }
}

/// Files that are read before anybody wonders.
const SHORT_FILE: u64 = 16 * 1024 * 1024;

/// The file; how far it is read is shown where it is long, and somebody watches.
pub fn followed(file: File, name: &str, quiet: bool) -> Box<dyn Read + Send> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    if quiet || length < SHORT_FILE || !std::io::stderr().is_terminal() {
        return Box::new(file);
    }
    let bar = ProgressBar::new(length).with_finish(ProgressFinish::AndClear);
    let words = "{spinner} {elapsed} {msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(words) {
        bar.set_style(style);
    }
    bar.set_message(short_name(name));
    Box::new(bar.wrap_read(file))
}

/// The end of a path, harmless on a terminal.
fn short_name(name: &str) -> String {
    const MOST: usize = 30;
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

/// What a long wait at a stage usually means.
fn meaning(stage: Stage) -> &'static str {
    match stage {
        Stage::Dns => "the DNS server does not answer; is the VPN up?",
        Stage::Proxy => {
            "the proxy hangs, or waits for the host; a firewall drops packets behind it"
        }
        Stage::Tcp => "no answer; a firewall that drops packets, or the host is off",
        Stage::X224 => "connected, but no answer; the service hangs, or it is no RDP server",
        Stage::Tls => "encryption hangs; large packets may be lost on the way",
        Stage::CredSsp => "sign-in hangs; the host may wait for its domain controller",
        Stage::Gateway => {
            "the gateway is slow; does it wait for a second factor? Look at the telephone"
        }
        _ => "a slow answer",
    }
}
