//! Whose TLS a check goes by, and whose sign-in where nobody is named: those of the system, as `mstsc` does,
//! or what is the same everywhere.

use anyhow::ensure;
use rdpdoctor_probe::Engine;
use rdpdoctor_report::document;

use crate::cli::{CheckArgs, EngineChoice};
use crate::repair;

/// Says why the engine that was asked for cannot be had, if so.
///
/// # Errors
/// In words for whoever asked.
pub fn may_be_used(args: &CheckArgs) -> anyhow::Result<()> {
    if args.engine != Some(EngineChoice::Native) {
        return Ok(());
    }
    ensure!(
        cfg!(windows),
        "--engine native is the TLS of Windows, and this machine does not run it"
    );
    ensure!(
        args.keylog.is_none(),
        "--keylog needs --engine portable: Windows gives no secrets away"
    );
    Ok(())
}

/// The engine that was asked for; on Windows the system's own where nothing speaks against it.
pub fn chosen(args: &CheckArgs) -> Engine {
    match args.engine {
        Some(EngineChoice::Portable) => Engine::Portable,
        Some(EngineChoice::Native) => Engine::Native,
        None if cfg!(windows) && args.keylog.is_none() && !is_wine() => Engine::Native,
        None => Engine::Portable,
    }
}

/// Whether this is Wine, whose Schannel is GnuTLS with rules of its own: it refuses the certificates that
/// Windows makes for Remote Desktop, which may encipher keys and not sign.
fn is_wine() -> bool {
    let machine = repair::this_machine();
    machine
        .is_some_and(|machine| machine.registry_subkeys(r"HKCU\Software\Wine").as_seen().is_some())
}

/// The engine, as a document names it.
pub fn named(engine: Engine) -> document::Engine {
    match engine {
        Engine::Portable => document::Engine::Portable,
        Engine::Native => document::Engine::Native,
    }
}
