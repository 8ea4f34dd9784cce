//! `host fix --disk`: the plan for a machine that does not run, as command files for Windows' own
//! tools. The disk itself is never written.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rdpdoctor_host::Side;
use rdpdoctor_host::changes::command_files;
use rdpdoctor_host::system::disk::Disk;
use rdpdoctor_report::{CommandFiles, WrittenFiles};

use super::fix::{choose, planned};
use crate::cli_fix::FixArgs;
use crate::{output, repair};

/// Shows the plan; writes its command files where that was asked for.
pub fn run(side: Side, args: &FixArgs, path: &Path) -> anyhow::Result<u8> {
    ensure!(
        args.apply.is_none() && args.finish.is_none(),
        "a disk is never changed by this program; --script-out FILE.cmd writes the changes as a \
         command file for a recovery environment"
    );
    let disk = Disk::open(path, args.place.profile.as_deref())
        .with_context(|| path.display().to_string())?;
    let plan = choose(&repair::plan_offline(&disk, side, args.even_if_policy), args)?;
    let script = command_files(&disk, &plan);
    let mut files =
        script.map(|script| CommandFiles { apply: script.apply, undo: script.undo, written: None });
    if let Some(to) = &args.script_out {
        let files = files.as_mut().context("there is nothing that a command file could change")?;
        files.written = Some(write(files, to)?);
    }
    repair::deliver(&planned(plan, files, args)?, side, &args.output)
}

/// The way back first: nobody shall have the one without the other.
fn write(files: &CommandFiles, to: &Path) -> anyhow::Result<WrittenFiles> {
    let undo = beside(to);
    output::write(&undo, &files.undo)?;
    output::write(to, &files.apply)?;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(WrittenFiles { apply: name(to), undo: name(&undo) })
}

/// `mend.cmd` has its way back in `mend-undo.cmd`.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-undo.cmd"))
}
