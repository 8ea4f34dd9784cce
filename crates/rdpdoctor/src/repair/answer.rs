//! Gives the answer of a repair in the form asked for.

use rdpdoctor_host::Side;
use rdpdoctor_model::{Fact, FactsOf, FactsWay};
use rdpdoctor_report::render::{plan, terminal};
use rdpdoctor_report::{Masker, RepairDocument};

use crate::cli_fix::RepairOutputArgs;
use crate::machine::MachineFacts;
use crate::output;

/// Gives the answer; the exit code is the contract's.
pub fn deliver(
    document: &RepairDocument,
    side: Side,
    args: &RepairOutputArgs,
) -> anyhow::Result<u8> {
    let masked;
    let document = if args.mask {
        masked = document.masked(&masker(document, side)?)?;
        &masked
    } else {
        document
    };
    let answer = if args.json {
        document.to_json()?
    } else {
        let side = match side {
            Side::Host => "host",
            Side::Client => "client",
        };
        let style = output::style(args.output.as_deref(), args.no_color);
        plan::terminal(document, side, style, terminal::DEFAULT_WIDTH)
    };
    match &args.output {
        Some(file) => output::write(file, &answer)?,
        None => output::to_standard_output(&answer)?,
    }
    if let Some(file) = &args.html {
        output::write(file, &plan::page(document)?)?;
    }
    Ok(document.outcome.exit_code())
}

/// What replaces the machine's name; the rest is known by its form.
fn masker(document: &RepairDocument, side: Side) -> anyhow::Result<Masker> {
    let of = FactsOf {
        computer: document.plan.as_ref().and_then(|plan| plan.computer.clone()),
        collected_at: None,
        way: FactsWay::Live,
        elevated: None,
        missing_parts: Vec::new(),
    };
    let machine = MachineFacts {
        side,
        facts: vec![Fact::FactsOf(of)],
        file: None,
        outside: Vec::new(),
        read: None,
    };
    let mut known = machine.judged(None);
    let mut masker = Masker::of(&known)?;
    if let Some(there) = &document.there {
        // As it was named, it may bear another name.
        known.target.host = there.host.clone();
        masker.learn(&known)?;
    }
    Ok(masker)
}
