//! Wine with a prefix of its own, for as long as the tests run.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::personality::{self, Persona};
use serde_json::Value;
use tempfile::TempDir;

/// No run takes longer; `timeout` ends it then.
const LONGEST: &str = "180";

/// How long the prefix may take to be made.
const PATIENCE: Duration = Duration::from_secs(300);

/// The one function that the standard library asks of `bcryptprimitives.dll`, which Wine 8 lacks.
const STAND_IN: &str = "\
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return SystemFunction036(data, (ULONG)length);
}
";

/// What the first program of the prefix does: it starts the Task Scheduler, which runs on every Windows,
/// says so, and stays until its input ends. Wine ends its services with the last program.
const FIRST_PROGRAM: &str = "net start Schedule && echo it runs&& set /p end=";

/// What it says.
const RUNS: &str = "it runs";

const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

/// The Windows that Wine says it is gets no updates any more. No list knows this one, so that the tests do
/// not fail one day; beyond 32767 Wine loses its way.
const BUILD: &str = "32000";

/// The program, its prefix, and a folder for the tests' files.
pub struct Wine {
    folder: TempDir,
    program: PathBuf,
    /// Runs as long as the tests do.
    first: Option<Child>,
}

/// What one run came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Runs to the end. What it says goes into files: Wine's own processes keep what they were started
    /// with, so that the other end of a pipe would be waited for beyond the command.
    pub fn of(command: &mut Command) -> Self {
        let file = || tempfile::tempfile().expect("a file");
        let (stdout, stderr) = (file(), file());
        let handed = |file: &File| file.try_clone().expect("the same file");
        command.stdout(handed(&stdout)).stderr(handed(&stderr));
        let status = command.status().expect("the command starts");
        let code = status.code().unwrap_or(-1);
        Self { code, stdout: written(stdout), stderr: written(stderr) }
    }

    /// The document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Wine {
    /// Makes the prefix and puts the program beside the stand-in.
    pub fn begin() -> Self {
        let built = std::env::var_os("RDPDOCTOR_EXE").map(PathBuf::from);
        let Some(built) = built.filter(|built| built.is_file()) else {
            eprintln!(
                "there is no rdpdoctor.exe to test; `cargo xtask windows` builds it and runs this"
            );
            std::process::exit(1);
        };
        same_addresses();
        let folder = TempDir::new().expect("a folder");
        let program = folder.path().join("rdpdoctor.exe");
        std::fs::copy(built, &program).expect("a copy of the program");
        let source = folder.path().join("stand-in.c");
        std::fs::write(&source, STAND_IN).expect("a file");
        let mut compiler = Command::new("x86_64-w64-mingw32-gcc");
        compiler.args(["-shared", "-o"]).arg(folder.path().join("bcryptprimitives.dll"));
        let compiled = Run::of(compiler.arg(&source).arg("-ladvapi32"));
        assert_eq!(compiled.code, 0, "{compiled:?}");
        let mut wine = Self { folder, program, first: None };
        wine.boot();
        wine
    }

    /// Makes the prefix, which whatever program comes first does along. `wineboot --init` is left out: it
    /// would boot a second time, and of two service managers neither starts a service any more.
    fn boot(&mut self) {
        let mut command = Command::new("wine");
        self.prepare(command.args(["cmd", "/c", FIRST_PROGRAM]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut first = command.spawn().expect("Wine starts");
        let output = BufReader::new(first.stdout.take().expect("its output"));
        self.first = Some(first);
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // Nobody listens once it runs.
                let _ = tell.send(line);
            }
        });
        let mut said = Vec::new();
        while said.last().is_none_or(|line: &String| line.trim() != RUNS) {
            let line = told.recv_timeout(PATIENCE);
            said.push(line.unwrap_or_else(|error| panic!("no Task Scheduler: {error}: {said:?}")));
        }
        let build = ["reg", "add", VERSION, "/v", "CurrentBuildNumber", "/d", BUILD, "/f"];
        let set = Run::of(self.under("wine").args(build));
        assert_eq!(set.code, 0, "{set:?}");
    }

    /// A program of Wine's package, ended after a while.
    pub fn under(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", LONGEST, program]);
        self.prepare(&mut command);
        command
    }

    /// The command under Wine.
    pub fn command(&self) -> Command {
        let mut command = self.under("wine");
        command.arg(&self.program);
        command
    }

    /// What is run sees the tests' prefix and nothing else of whoever runs them.
    pub fn prepare(&self, command: &mut Command) {
        unburden(command);
        command
            .stdin(Stdio::null())
            .env("WINEPREFIX", self.folder.path().join("prefix"))
            .env("WINEARCH", "win64")
            .env("WINEDEBUG", "-all")
            // Neither a menu of programs nor the offer to fetch .NET and a browser is wanted.
            .env("WINEDLLOVERRIDES", "winemenubuilder.exe=d;mscoree,mshtml=")
            .env_remove("DISPLAY");
    }

    /// Drive C: of the prefix.
    pub fn drive_c(&self) -> PathBuf {
        self.folder.path().join("prefix/drive_c")
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A new folder for one test.
    pub fn new_folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        path
    }
}

impl Drop for Wine {
    /// The server of this prefix, and with it whatever still runs there.
    fn drop(&mut self) {
        let ended = Run::of(self.under("wineserver").args(["--kill", "--wait"]));
        if ended.code != 0 {
            eprintln!("wineserver was not ended: {ended:?}");
        }
        if let Some(mut first) = self.first.take() {
            // It was ended along, as a rule.
            let _ = first.kill();
            let _ = first.wait();
        }
    }
}

/// What this process starts finds its memory in the same places each time.
///
/// Windows' shared data have their place, 0x7FFE0000. Debian's Wine comes without the loader that keeps it
/// free, lies at 0x7D000000 itself, and the kernel puts its heap anywhere within 1 GiB behind it: of 1,500
/// programs one found the place taken, and ended with 1 and no word.
fn same_addresses() {
    let set = personality::get().and_then(|own| personality::set(own | Persona::ADDR_NO_RANDOMIZE));
    if let Err(why) = set {
        eprintln!("addresses stay random ({why}): now and then a program of Wine will not start");
    }
}

/// What was written into a file.
fn written(mut file: File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("UTF-8");
    text
}

/// The command of this system, for what it says of the same.
pub fn native() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdpdoctor"));
    unburden(&mut command);
    command
}

fn unburden(command: &mut Command) {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_LOG"] {
        command.env_remove(name);
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("NO_COLOR", "1");
}

/// A path as Wine's programs see it.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
