//! `host collect`, `client collect`: facts for somebody else to judge, or the script that collects
//! them where this program is not.

use anyhow::{Context as _, bail};
use rdpdoctor_host::script::cloud::Cloud;
use rdpdoctor_host::script::{self, AZURE, Form, Order};
use rdpdoctor_host::{FactsFile, Side};

use super::machine;
use crate::cli_machine::{CollectArgs, ScriptFor};
use crate::output;

/// Writes what was asked for.
pub fn run(side: Side, args: &CollectArgs) -> anyhow::Result<u8> {
    let Some(script_for) = args.script else {
        let machine = machine::facts(side, &args.place)?;
        let text = if args.compact {
            let mut parts = script::write_parts(side, &machine.facts, AZURE);
            // Of a long output the end is what a console still shows.
            parts.reverse();
            format!("{}\n", parts.join("\n"))
        } else {
            FactsFile::write(side, &machine.facts)
        };
        deliver(&text, args)?;
        return Ok(0);
    };
    match (cloud(script_for), args.agent_dead) {
        (None, true) => bail!("--agent-dead takes a cloud: --script azure, ssm, gcp or intune"),
        (None, false) => deliver(&script::source(side, form(args.compact)), args)?,
        (Some(cloud), true) => deliver(cloud.agent_dead(), args)?,
        (Some(cloud), false) => {
            if let Some(file) = &args.output {
                output::write(file, &cloud.content(side))?;
            }
            let file = args.output.as_ref().map(|file| file.to_str().context("the file's name"));
            let file = file.transpose()?.unwrap_or(cloud.file());
            output::to_standard_output(&cloud.steps(side, file))?;
        }
    }
    Ok(0)
}

fn cloud(script_for: ScriptFor) -> Option<Cloud> {
    match script_for {
        ScriptFor::Powershell => None,
        ScriptFor::Azure => Some(Cloud::Azure),
        ScriptFor::Ssm => Some(Cloud::Ssm),
        ScriptFor::Gcp => Some(Cloud::Gcp),
        ScriptFor::Intune => Some(Cloud::Intune),
    }
}

fn form(compact: bool) -> Form {
    if compact { Form::Parts { limit: AZURE, order: Order::Last } } else { Form::Json }
}

fn deliver(text: &str, args: &CollectArgs) -> anyhow::Result<()> {
    match &args.output {
        Some(file) => output::write(file, text),
        None => output::to_standard_output(text),
    }
}
