//! Started by a double click: nobody gave arguments, and the window closes with the program. So it
//! asks for a host, checks it, and stays until somebody has read the answer.

use std::io::{BufRead, IsTerminal as _, Write};
use std::process::ExitCode;

/// Longest line that is read. A path of Windows has 32,767 characters at most.
const LONGEST: u64 = 128 * 1024;

/// Asks for a host and runs `check` on it.
#[cfg_attr(not(windows), expect(dead_code, reason = "only Windows has an Explorer"))]
pub fn ask_and(run: impl FnOnce(Vec<String>) -> ExitCode) -> ExitCode {
    let stays = std::io::stdin().is_terminal();
    let target = ask(&mut std::io::stdin().lock(), &mut std::io::stderr());
    let code = match target {
        Some(target) => run(arguments(target)),
        None => run(vec!["rdpdoctor".to_owned(), "--help".to_owned()]),
    };
    if stays {
        let _ = write!(std::io::stderr(), "\nEnter closes this window. ");
        let _ = line(&mut std::io::stdin().lock());
    }
    code
}

/// What somebody typed, or dragged into the window, which puts it in quotes.
fn ask(input: &mut impl BufRead, output: &mut impl Write) -> Option<String> {
    let _ = write!(
        output,
        "rdpdoctor says why a Remote Desktop connection fails.\n\n\
         Host (a name, an address, host:port or an .rdp file): "
    );
    let _ = output.flush();
    let line = line(input)?;
    let target = line.trim().trim_matches('"').trim();
    (!target.is_empty()).then(|| target.to_owned())
}

/// One line; none at the end, or where it is no text.
fn line(input: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = std::io::Read::take(input, LONGEST).read_line(&mut line).ok()?;
    (read > 0).then_some(line)
}

/// What was typed is a target, even if it begins as an option does.
fn arguments(target: String) -> Vec<String> {
    let mut arguments = ["rdpdoctor", "check", "--"].map(str::to_owned).to_vec();
    arguments.push(target);
    arguments
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn answered(typed: &[u8]) -> Option<String> {
        let mut said = Vec::new();
        let target = ask(&mut &*typed, &mut said);
        assert!(String::from_utf8_lossy(&said).ends_with("file): "));
        target
    }

    #[test]
    fn what_was_typed_or_dragged_is_the_target() {
        assert_eq!(
            answered(b"pc42.corp.example\r\nmore\r\n").as_deref(),
            Some("pc42.corp.example")
        );
        let dragged = "\"C:\\Users\\J\u{f6}rg\\my office.rdp\"\r\n";
        let path = "C:\\Users\\J\u{f6}rg\\my office.rdp";
        assert_eq!(answered(dragged.as_bytes()).as_deref(), Some(path));
        for nothing in [&b""[..], b"\r\n", b"  \n", b"\"\"\n", b"\xFF\xFE\n"] {
            assert_eq!(answered(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn no_answer_is_taken_for_an_option() {
        let cli = Cli::try_parse_from(arguments("--help".to_owned()));
        let Ok(Cli { command: Command::Check(check) }) = cli else { panic!("{cli:?}") };
        assert_eq!(check.target, "--help");
    }
}
