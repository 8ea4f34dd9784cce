//! A saved document: read, judged by every rule, masked and rendered in every form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_model::Target;
use rdpdoctor_report::render::terminal::{Style, View};
use rdpdoctor_report::render::{html, terminal, text};
use rdpdoctor_report::{Document, Engine, Masker, RunContext};

fuzz_target!(|data: &[u8]| {
    let Ok(json) = std::str::from_utf8(data) else { return };
    let Ok(saved) = Document::from_json(json) else { return };
    let target = saved.target;
    let target = Target { input: target.input, host: target.host, port: target.port };
    let policy = Policy::default();
    let evidence = Evidence::new(&saved.observations, Some(&target), saved.started_at, policy);
    let diagnosis = diagnose(&evidence);
    let run = RunContext {
        target,
        addresses: Vec::new(),
        via: None,
        started_at: saved.started_at,
        elapsed_ms: saved.elapsed_ms,
        engine: Engine::Portable,
        last_stage_asked: None,
    };
    let document = Document::new(run, &diagnosis, saved.observations.clone());
    let short = terminal::render(&document, View::Short, Style::Ansi, 80);
    assert!(short.lines().count() <= 23, "the short view is too long");
    assert!(text::ticket(&document).lines().count() <= 15, "the ticket is too long");
    let _ = terminal::render(&document, View::Details, Style::Plain, 80);
    let _ = (text::network(&document), html::render(&document));
    if let Ok(masked) = Masker::of(&document).and_then(|masker| masker.mask(&document)) {
        let _ = masked.to_json();
    }
});
