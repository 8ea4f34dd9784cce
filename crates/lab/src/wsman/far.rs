//! The machine behind a shell to which a program is brought, and on which it is run. What arrives has to
//! be the program for Windows that was sent; in its stead one for this system runs, on a machine that is
//! made up. Neither the script that came along nor PowerShell is there: what it is told is done here.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use openssl::base64::{decode_block, encode_block};
use openssl::sha::sha256;
use serde_json::Value;

use super::{FarHow, WinrmRecord, lock};

/// Longest program.
const LONGEST: u64 = 128 * 1024 * 1024;

/// Between the script and its order.
const BEHIND: &str = "\n#\n";

/// Characters of one line, and lines of one answer.
const LINE: usize = 4_000;
const LINES: usize = 16;

/// A machine for work by the program itself.
#[derive(Debug, Clone)]
pub struct FarMachine {
    /// The program that runs in the other's stead.
    pub program: PathBuf,
    /// What is added to each of its commands.
    pub arguments: Vec<String>,
    /// The program that has to arrive.
    pub expected: Vec<u8>,
    /// Where it runs, and what it is given lies.
    pub folder: PathBuf,
}

/// The machine, and what is kept on it.
pub(super) struct Far {
    machine: FarMachine,
    how: FarHow,
    kept: Mutex<bool>,
    /// Nobody gets through any more.
    pub(super) cut: AtomicBool,
    record: Arc<Mutex<WinrmRecord>>,
}

/// Work that was begun, and what it wrote since.
#[derive(Default)]
pub(super) struct Job(Mutex<(VecDeque<String>, bool)>);

impl Job {
    fn write(&self, line: String) {
        lock(&self.0).0.push_back(line);
    }

    /// The next lines, and whether they are the last ones.
    pub(super) fn take(&self) -> (Vec<u8>, bool) {
        let mut written = lock(&self.0);
        let count = written.0.len().min(LINES);
        let lines: String = written.0.drain(..count).map(|line| line + "\r\n").collect();
        let over = written.1 && written.0.is_empty();
        (lines.into_bytes(), over)
    }
}

impl Far {
    pub(super) fn new(
        machine: FarMachine,
        how: FarHow,
        record: Arc<Mutex<WinrmRecord>>,
    ) -> Arc<Self> {
        Arc::new(Self { machine, how, kept: Mutex::default(), cut: AtomicBool::new(false), record })
    }

    /// Begins the work that an input asks for, where it asks for any.
    pub(super) fn begin(self: &Arc<Self>, input: Vec<u8>) -> Option<Arc<Job>> {
        let text = String::from_utf8(input).ok()?;
        let at = text.find(BEHIND)?;
        let job = Arc::<Job>::default();
        let (far, of_thread) = (Arc::clone(self), Arc::clone(&job));
        std::thread::spawn(move || {
            if let Err(why) = far.work(&text[at + BEHIND.len()..], &of_thread) {
                of_thread.write(format!("rdpdoctor denied {why}"));
            }
            lock(&of_thread.0).1 = true;
        });
        Some(job)
    }

    /// The error is the word for why nothing was done.
    fn work(&self, rest: &str, job: &Job) -> Result<(), String> {
        match self.how {
            FarHow::Constrained => return Err("language".to_owned()),
            FarHow::Arm => return Err("processor ARM64".to_owned()),
            _ => {}
        }
        let mut lines: Vec<&str> = rest.lines().collect();
        let (last, order) = (lines.pop(), lines.first());
        if last != Some(".") {
            return Err("order".to_owned());
        }
        let order = order.and_then(|order| decode_block(order).ok()).unwrap_or_default();
        let order: Value = serde_json::from_slice(&order).map_err(|_| "order")?;
        let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
        match &*text("work") {
            "copy" => self.copy(&text("sha256"), &lines[1..], job),
            "run" => self.run(&order, job),
            _ => Err("order".to_owned()),
        }
    }

    fn copy(&self, sum: &str, lines: &[&str], job: &Job) -> Result<(), String> {
        let mut packed = Vec::new();
        for line in lines {
            packed.extend(decode_block(line).map_err(|_| "failed")?);
        }
        let mut program = Vec::new();
        let unpacked = GzDecoder::new(&packed[..]).take(LONGEST).read_to_end(&mut program);
        unpacked.map_err(|_| "failed")?;
        if program != self.machine.expected {
            lock(&self.record).complaints.push("another program than the one arrived".to_owned());
        }
        lock(&self.record).far_copies += 1;
        if let (FarHow::Alters, Some(first)) = (self.how, program.first_mut()) {
            *first ^= 1;
        }
        if hexadecimal(&sha256(&program)) != sum {
            return Err("sum".to_owned());
        }
        *lock(&self.kept) = true;
        job.write("rdpdoctor kept".to_owned());
        Ok(())
    }

    fn run(&self, order: &Value, job: &Job) -> Result<(), String> {
        let right = order["sha256"].as_str() == Some(&hexadecimal(&sha256(&self.machine.expected)));
        if !(right && *lock(&self.kept)) {
            job.write("rdpdoctor missing".to_owned());
            return Ok(());
        }
        if self.how == FarHow::Blocked {
            return Err("windows 1260".to_owned());
        }
        let failed = |error: std::io::Error| {
            format!("failed {}", encode_block(error.to_string().as_bytes()))
        };
        let version = match self.how {
            FarHow::OtherVersion => "rdpdoctor 0.0.1".to_owned(),
            _ => {
                let said = Command::new(&self.machine.program).arg("--version").output();
                String::from_utf8_lossy(&said.map_err(failed)?.stdout).trim().to_owned()
            }
        };
        if order["version"].as_str() != Some(&version) {
            return Err(format!("version {}", encode_block(version.as_bytes())));
        }
        if let Some(plan) = order["plan"].as_str() {
            let plan = decode_block(plan).map_err(|_| "failed")?;
            std::fs::write(self.machine.folder.join("plan.json"), plan).map_err(failed)?;
        }
        let line = order["line"].as_str().unwrap_or_default();
        lock(&self.record).far_runs.push(line.to_owned());
        self.told(line, job).map_err(failed)
    }

    /// Runs the program. All that is left of its session ends with it, as with a shell of WinRM.
    fn told(&self, line: &str, job: &Job) -> std::io::Result<()> {
        let mut command = Command::new(&self.machine.program);
        command.args(arguments(line)).args(&self.machine.arguments);
        command.current_dir(&self.machine.folder).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let answer = child.stdout.take().map(|mut output| {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                output.read_to_end(&mut all).map(|_| all)
            })
        });
        let complaints = child.stderr.take().map(|output| BufReader::new(output).lines());
        for line in complaints.into_iter().flatten() {
            write(job, "said", line?.as_bytes());
        }
        let code = child.wait()?.code().unwrap_or(-1);
        end_session(&child);
        let answer = answer.and_then(|reading| reading.join().ok()).transpose()?;
        if self.how == FarHow::Cut {
            self.cut.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let answer = match self.how {
            FarHow::Lies => br#"{"schema_version":1,"run":"../../x & y"}"#.to_vec(),
            _ => answer.unwrap_or_default(),
        };
        write(job, "answer", &answer);
        job.write(format!("rdpdoctor ended {code}"));
        Ok(())
    }
}

fn end_session(child: &Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        let mut kill = Command::new("kill");
        kill.args(["-9", "--", &group]).stdout(Stdio::null()).stderr(Stdio::null());
        // Nobody is left, most often.
        let _ = kill.status();
    }
}

fn write(job: &Job, kind: &str, bytes: &[u8]) {
    let encoded = encode_block(bytes);
    let mut rest = &*encoded;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.len().min(LINE));
        job.write(format!("rdpdoctor {kind} {piece}"));
        rest = more;
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A command line as `CommandLineToArgvW` takes it apart.
fn arguments(line: &str) -> Vec<String> {
    let (mut all, mut one) = (Vec::new(), None::<String>);
    let (mut quoted, mut backslashes) = (false, 0);
    for character in line.chars() {
        if character == '\\' {
            backslashes += 1;
            continue;
        }
        let escaped = character == '"' && backslashes % 2 == 1;
        let count = if character == '"' { backslashes / 2 } else { backslashes };
        if count > 0 {
            one.get_or_insert_default().push_str(&"\\".repeat(count));
        }
        backslashes = 0;
        match character {
            '"' if !escaped => {
                quoted = !quoted;
                one.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => all.extend(one.take()),
            other => one.get_or_insert_default().push(other),
        }
    }
    if backslashes > 0 {
        one.get_or_insert_default().push_str(&"\\".repeat(backslashes));
    }
    all.extend(one);
    all
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn command_lines_of_windows() {
        for (line, expected) in [
            ("a  b\tc", &["a", "b", "c"][..]),
            (r#""a b" c"#, &["a b", "c"]),
            (r#"a\\b "c\\" d"#, &[r"a\\b", r"c\", "d"]),
            (r#""a\"b" """#, &["a\"b", ""]),
            (r#""a\\\"b""#, &[r#"a\"b"#]),
            (r"c:\x\", &[r"c:\x\"]),
        ] {
            assert_eq!(arguments(line), expected, "{line}");
        }
    }
}
