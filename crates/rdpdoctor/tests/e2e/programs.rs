//! Programs from Debian's packages: whether they are there, and started for as long as a test runs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to listen.
pub const STARTING: Duration = Duration::from_secs(10);

/// A program that is ended with the test, however it ends.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the programs are there; in CI all of them have to be.
pub fn installed(programs: &[&str], test: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).collect();
    let there = |program: &str| folders.iter().any(|folder| folder.join(program).exists());
    let Some(missing) = programs.iter().find(|program| !there(program)) else { return true };
    assert!(std::env::var_os("CI").is_none(), "{missing} is not installed: {test}");
    eprintln!("skipped: {missing} is not installed: {test}");
    false
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.local_addr().expect("an address").port()
}

/// Starts a program whose output goes to a file, and waits until its port takes connections: it has
/// no other sign of being ready.
pub fn serve(command: &mut Command, folder: &Path, port: u16) -> Server {
    let log = folder.join("output");
    let output = File::create(&log).expect("a file");
    let errors = output.try_clone().expect("a file");
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    let mut server = Server(child.expect("the server starts"));
    let begun = Instant::now();
    let listens =
        || ["127.0.0.1", "::1"].iter().any(|own| TcpStream::connect((*own, port)).is_ok());
    while !listens() {
        let ended = server.0.try_wait().expect("a child");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none() && begun.elapsed() < STARTING, "{ended:?}: {}", said());
        thread::park_timeout(Duration::from_millis(20));
    }
    server
}

/// An X server on a free display, whose number it tells by itself when it is ready.
pub fn xvfb() -> (Server, String) {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-noreset", "-screen", "0", "640x480x24"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut server = Server(child.expect("Xvfb starts"));
    let output = server.0.stdout.take().expect("its output");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let _ = tell.send(read.map(|_| line));
    });
    let line = told.recv_timeout(STARTING).expect("Xvfb answers in time").expect("a line");
    let number: u32 = line.trim().parse().expect("the number of a display");
    (server, format!(":{number}"))
}
