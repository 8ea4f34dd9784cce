//! What looks after a run when the machine starts, and what does not end with a session: tasks of Windows
//! that run as SYSTEM.
//!
//! `schtasks` takes it as a file: on its command line a command has no more than 261 characters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::system::{Changed, NotChanged};

/// The trigger of what runs at each start.
const AT_START: &str = "<BootTrigger><Enabled>true</Enabled></BootTrigger>";

/// The tasks of this program.
const FOLDER: &str = r"\rdpdoctor\";

/// Has it run at each start.
pub(super) fn at_start(run: &str, arguments: &[String]) -> Changed {
    create(run, AT_START, arguments)
}

/// Has it run now, as a process of the Task Scheduler: the shell that a session of WinRM is ends all of its
/// own.
pub(super) fn apart(run: &str, arguments: &[String]) -> Changed {
    let own = apart_name(run);
    create(&own, "", arguments)?;
    schtasks(&["/run", "/tn", &name(&own)], None)
}

fn create(run: &str, triggers: &str, arguments: &[String]) -> Changed {
    let failed = |error: std::io::Error| NotChanged(format!("a task of Windows: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let text = definition(&program, arguments, triggers);
    let file = Definition::write(&text).map_err(failed)?;
    schtasks(&["/create", "/f", "/tn", &name(run), "/xml"], Some(&file.0))
}

/// Has it run no more.
pub(super) fn forget(run: &str) -> Changed {
    // The one that runs now last: who asks may be its process.
    delete(run).and(delete(&apart_name(run)))
}

fn delete(run: &str) -> Changed {
    let name = name(run);
    if schtasks(&["/query", "/tn", &name], None).is_err() {
        return Ok(());
    }
    let deleted = schtasks(&["/delete", "/f", "/tn", &name], None);
    // The process that watches over a run and whoever ends it may both have asked.
    if deleted.is_err() && is_gone(run) { Ok(()) } else { deleted }
}

/// Whether the file of the task, which the Task Scheduler keeps as long as the task, is there no more.
fn is_gone(run: &str) -> bool {
    let root = std::env::var_os("SystemRoot").unwrap_or_default();
    let file = Path::new(&root).join(r"System32\Tasks\rdpdoctor").join(run);
    matches!(file.try_exists(), Ok(false))
}

fn apart_name(run: &str) -> String {
    format!("{run}-apart")
}

fn name(run: &str) -> String {
    format!("{FOLDER}{run}")
}

/// A file for `schtasks`, gone when nobody needs it any more.
struct Definition(PathBuf);

impl Definition {
    fn write(text: &str) -> std::io::Result<Self> {
        let name = format!("rdpdoctor-task-{}.xml", std::process::id());
        let path = std::env::temp_dir().join(name);
        let bytes: Vec<u8> =
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut options = fs::OpenOptions::new();
        // Nothing that lies there already is written to: its owner could change it again.
        let _ = fs::remove_file(&path);
        let mut file = options.write(true).create_new(true).open(&path)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        Ok(Self(path))
    }
}

impl Drop for Definition {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn schtasks(arguments: &[&str], file: Option<&Path>) -> Changed {
    let failed = |why: &str| NotChanged(format!("a task of Windows: {}", why.trim()));
    let root = std::env::var_os("SystemRoot").ok_or_else(|| failed("no %SystemRoot%"))?;
    let program = Path::new(&root).join(r"System32\schtasks.exe");
    let mut command = Command::new(program);
    command.args(arguments).args(file);
    // Its words are in the language of the machine. A pipe for them would stay open in services that are
    // started by it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().map_err(|error| failed(&error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(&format!("schtasks answered {status}")))
}

/// The task (MS-TSCH 2.5): as SYSTEM, for as long as it takes. Without a trigger it runs when it is told to.
fn definition(program: &Path, arguments: &[String], triggers: &str) -> String {
    let (program, arguments) = (escaped(&program.display().to_string()), line(arguments));
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>{triggers}</Triggers>
  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author"><Exec><Command>{program}</Command><Arguments>{}</Arguments></Exec></Actions>
</Task>
"#,
        escaped(&arguments)
    )
}

/// Arguments as a program of Windows takes them apart; none of them holds a quotation mark.
fn line(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let argument = argument.replace('"', "");
        // What ends with a backslash would take the quotation mark with it.
        let more = argument.len() - argument.trim_end_matches('\\').len();
        format!("\"{argument}{}\"", "\\".repeat(more))
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
