//! Started by a double click: a console that is the program's alone. Wine gives one to a program on a
//! terminal, which `script` (util-linux) makes.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::programs::free_port;
use crate::wine::{Wine, windows_path};

/// How long is waited for a text on the terminal.
const PATIENCE: Duration = Duration::from_secs(120);

/// A line of shell on a terminal of its own.
struct Terminal {
    child: Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    fn run(wine: &Wine, line: &str) -> Self {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "180", "script", "--quiet", "--return", "--command", line]);
        wine.prepare(command.arg("/dev/null"));
        command.env("PROGRAM", windows_path(wine.program())).env("TERM", "xterm");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(folder(wine));
        let mut child = command.spawn().expect("script starts");
        let mut output = child.stdout.take().expect("its output");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                if tell.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, output: told, seen: Vec::new() }
    }

    fn type_in(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).expect("typed");
    }

    /// Waits until this text stands there. Wine draws the screen cell by cell, so that neither blanks
    /// nor the sequences between the letters count.
    fn wait_for(&mut self, text: &str) {
        let wanted: String = text.split_whitespace().collect();
        while !letters(&self.seen).contains(&wanted) {
            let more = self.output.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|error| panic!("{error}: {}", letters(&self.seen)));
            self.seen.extend(more);
        }
    }

    /// The exit code, once all was shown.
    fn end(mut self) -> (Option<i32>, String) {
        while let Ok(more) = self.output.recv_timeout(PATIENCE) {
            self.seen.extend(more);
        }
        let status = self.child.wait().expect("it ends");
        (status.code(), letters(&self.seen))
    }
}

/// What was shown, without blanks and without the terminal's sequences (ECMA-48 5.4: CSI, parameters,
/// a final byte; OSC up to BEL).
fn letters(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut plain, mut rest) = (String::new(), text.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            '\x1b' if rest.peek() == Some(&'[') => {
                rest.next();
                rest.by_ref().find(|c| ('@'..='~').contains(c));
            }
            '\x1b' if rest.peek() == Some(&']') => {
                rest.by_ref().find(|c| *c == '\x07');
            }
            '\x1b' => {}
            c if c.is_whitespace() || c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

fn folder(wine: &Wine) -> std::path::PathBuf {
    wine.new_folder("console")
}

/// What is typed comes by a pipe; nobody is there to read, so that nothing waits for Enter.
pub fn a_double_click_asks_for_a_host(wine: &Wine) {
    let folder = folder(wine);
    let port = free_port();
    std::fs::write(folder.join("typed"), format!("127.0.0.1:{port}\r\n")).expect("a file");
    let terminal = Terminal::run(wine, "wine \"$PROGRAM\" < typed > answer");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("oran.rdpfile):"), "{shown}");
    assert!(!shown.contains("Entercloses"), "{shown}");
    let answer = std::fs::read_to_string(folder.join("answer")).expect("the answer");
    assert!(answer.contains("net.refused"), "{answer}");
    std::fs::write(folder.join("typed"), "\r\n").expect("a file");
    let (code, shown) = Terminal::run(wine, "wine \"$PROGRAM\" < typed > answer").end();
    assert_eq!(code, Some(0), "{shown}");
    let answer = std::fs::read_to_string(folder.join("answer")).expect("the help");
    assert!(answer.contains("Usage:"), "{answer}");
}

pub fn the_window_stays_open(wine: &Wine) {
    let port = free_port();
    // Wine takes the terminal over when the program first reads. Until then it would make line feeds of
    // what is typed, which are no Enter.
    let mut terminal = Terminal::run(wine, "stty raw -echo; wine \"$PROGRAM\"");
    terminal.wait_for(".rdp file):");
    terminal.type_in(&format!("127.0.0.1:{port}\r"));
    terminal.wait_for("net.refused");
    terminal.wait_for("Enter closes this window.");
    assert!(terminal.child.try_wait().expect("a child").is_none(), "it waits");
    terminal.type_in("\r");
    assert_eq!(terminal.end().0, Some(2));
}

/// In a shell, which has the same console, it is called without a command like anywhere else.
pub fn a_shell_is_told_of_the_help(wine: &Wine) {
    let terminal = Terminal::run(wine, "wine cmd /c \"$PROGRAM\"");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("nocommandwasgiven;seerdpdoctor--help"), "{shown}");
    assert!(!shown.contains("rdpfile):"), "{shown}");
}
