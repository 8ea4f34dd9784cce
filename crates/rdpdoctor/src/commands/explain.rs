//! `explain`: what a code means.

use std::io::Read as _;

use anyhow::Context as _;
use rdpdoctor_diagnosis::codes::{self, Query};
use rdpdoctor_report::render::explain as render;

use crate::cli::ExplainArgs;
use crate::output;

/// Longest pasted text; a dialog has some hundred characters.
const LONGEST: u64 = 64 * 1024;

/// Explains the code; 0 when something is known of it, 3 when not.
pub fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let query = if args.paste { pasted()? } else { codes::parse_query(&args.code)? };
    let explanation = codes::explain(&query);
    let answer = if args.json {
        render::json(&explanation)?
    } else if args.tree {
        render::tree(&query, &codes::tree(&query))
    } else {
        render::text(&explanation)
    };
    match &args.output {
        Some(file) => output::write(file, &answer)?,
        None => output::to_standard_output(&answer)?,
    }
    if let Some(file) = &args.html {
        output::write(file, &render::tree_html(&query, &codes::tree(&query)))?;
    }
    Ok(if explanation.found() { 0 } else { super::UNKNOWN })
}

fn pasted() -> anyhow::Result<Query> {
    let mut bytes = Vec::new();
    std::io::stdin().take(LONGEST).read_to_end(&mut bytes).context("cannot read the paste")?;
    codes::parse_dialog(&String::from_utf8_lossy(&bytes))
        .context("the pasted text holds no code; give the numbers: rdpdoctor explain 0x904 0x7")
}
