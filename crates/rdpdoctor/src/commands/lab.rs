//! `lab list` and `lab run`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use rdpdoctor_lab as lab;

use crate::cli::LabCommand;
use crate::output;

/// Lists the faults, or serves one until it is stopped.
pub fn run(command: LabCommand) -> anyhow::Result<u8> {
    match command {
        LabCommand::List => {
            let lines = lab::FAULTS.iter().map(|fault| {
                let cause = fault.cause.unwrap_or("healthy");
                format!("{:32} {:32} {}\n", fault.name, cause, fault.summary)
            });
            let winrm = lab::WINRM_FAULTS.iter();
            let winrm = winrm
                .map(|fault| format!("{:32} {:32} {}\n", fault.name, "(WinRM)", fault.summary));
            output::to_standard_output(&lines.chain(winrm).collect::<String>())?;
            Ok(0)
        }
        LabCommand::Run { fault, listen, names, ca_file, .. }
            if lab::winrm_fault(&fault).is_some() =>
        {
            winrm(&fault, listen, names, ca_file)
        }
        LabCommand::Run { fault, listen, names, ca_file, gateway_code } => {
            let known = lab::fault(&fault).ok_or_else(|| {
                anyhow!("there is no fault '{}'; see rdpdoctor lab list", fault.escape_debug())
            })?;
            let mut options = lab::Options::default();
            if !names.is_empty() {
                options.names = names;
            }
            options.ca_file = ca_file;
            options.gateway_code = gateway_code;
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(async {
                let running = lab::start(known, listen, options)
                    .await
                    .with_context(|| format!("cannot listen on {listen}"))?;
                output::to_standard_output(&format!(
                    "listening on {}\naccount {}, password {}\n",
                    running.address(),
                    lab::USER,
                    lab::PASSWORD
                ))?;
                if let Some(proxy) = running.proxy() {
                    let line = format!("proxy at http://{proxy}, by https and socks5 as well\n");
                    output::to_standard_output(&line)?;
                }
                tokio::select! {
                    () = running.wait() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                anyhow::Ok(())
            })?;
            runtime.shutdown_background();
            Ok(0)
        }
    }
}

/// WinRM, where a script writes the facts of a healthy machine, as they were recorded.
fn winrm(
    fault: &str,
    listen: SocketAddr,
    names: Vec<String>,
    ca_file: Option<PathBuf>,
) -> anyhow::Result<u8> {
    let fault = lab::winrm_fault(fault).context("there is no such fault")?;
    let mut options = lab::WinrmOptions { ca_file, ..lab::WinrmOptions::default() };
    if !names.is_empty() {
        options.names = names;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let running = lab::start_winrm(fault, listen, options).await;
        let running = running.with_context(|| format!("cannot listen on {listen}"))?;
        let (at, user, password) = (running.address(), lab::USER, lab::PASSWORD);
        output::to_standard_output(&format!(
            "listening on {at}\naccount {user}, password {password}\n"
        ))?;
        tokio::select! {
            () = running.wait() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_background();
    Ok(0)
}
