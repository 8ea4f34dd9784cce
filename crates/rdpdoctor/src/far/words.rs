//! What is said of a machine on which this program cannot work, in one line.

use rdpdoctor_host::script::far::Denied;
use rdpdoctor_probe::{Problem, Ran};

use super::program::VERSION;
use crate::remote::words as of_winrm;
pub use crate::remote::words::shown;

/// How the line was lost.
pub fn lost(problem: &Problem) -> String {
    match problem {
        Problem::Ended { .. } => "the connection ended".to_owned(),
        Problem::Silent { .. } => "the machine did not answer any more".to_owned(),
        Problem::TooSlow(after) => format!("it took longer than {} s", after.as_secs()),
        Problem::Stopped => "it was stopped here".to_owned(),
        Problem::Malformed(what) => format!("an answer was not to be believed: {}", shown(what)),
        _ => "WinRM gave no answer any more".to_owned(),
    }
}

/// That the program did not begin.
pub fn not_begun(problem: &Problem, host: &str) -> String {
    of_winrm::line(problem, host)
}

/// That the program could not be copied.
pub fn not_copied(problem: &Problem, host: &str) -> String {
    match problem {
        Problem::Ended { .. } | Problem::Silent { .. } | Problem::TooSlow(_) => format!(
            "{host}: the program could not be copied there: {}; nothing was changed; try again, or give \
             it longer (--timeout)",
            lost(problem)
        ),
        other => of_winrm::line(other, host),
    }
}

/// That PowerShell said nothing of the script.
pub fn silent(ran: &Ran, host: &str) -> String {
    of_winrm::no_answer(ran, host, "took no work")
}

/// Why nothing was done there.
pub fn denied(denied: &Denied, host: &str) -> String {
    let why = match denied {
        Denied::Language => {
            "PowerShell runs in Constrained Language Mode there (AppLocker or App Control for Business), so \
             no program can be brought"
                .to_owned()
        }
        Denied::Old => {
            "it is older than Windows 10 or Server 2016, for which there is no rdpdoctor.exe".to_owned()
        }
        Denied::Processor(kind) => format!(
            "its processor is of the kind {}, and rdpdoctor.exe is for x86-64",
            shown(kind)
        ),
        Denied::Rights => {
            "the user has not the rights of an administrator there, by a domain account or with \
             LocalAccountTokenFilterPolicy"
                .to_owned()
        }
        Denied::Folder => {
            r"%ProgramData%\rdpdoctor belongs to somebody else there, or is a link; take it away"
                .to_owned()
        }
        Denied::Sum => {
            "what arrived is not what was sent (its SHA-256 is another one), and was not run".to_owned()
        }
        Denied::Version(version) => format!(
            "the program there says '{}', and this one is rdpdoctor {VERSION}",
            shown(version)
        ),
        Denied::Windows(code) => windows(*code),
        Denied::Failed(words) => format!("it could not be done: {}", shown(words)),
    };
    format!("{host}: {why}; nothing was changed; sign in there and run rdpdoctor on it")
}

/// Errors of Windows when a program is started (winerror.h).
fn windows(code: u32) -> String {
    match code {
        1260 => {
            "a policy of AppLocker or Software Restriction does not let rdpdoctor.exe run (1260)"
                .to_owned()
        }
        4551 => "App Control for Business does not let rdpdoctor.exe run (4551)".to_owned(),
        225 | 226 => format!("its virus scanner holds rdpdoctor.exe back ({code})"),
        193 | 216 => format!("rdpdoctor.exe is not for its version of Windows ({code})"),
        code => format!("rdpdoctor.exe could not be started (error {code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_and_says_that_nothing_was_changed() {
        let words = "a\r\n\u{1b}[31mword".to_owned();
        for why in [
            Denied::Language,
            Denied::Old,
            Denied::Processor(words.clone()),
            Denied::Rights,
            Denied::Folder,
            Denied::Sum,
            Denied::Version(words.clone()),
            Denied::Windows(1260),
            Denied::Windows(4551),
            Denied::Windows(225),
            Denied::Windows(216),
            Denied::Windows(5),
            Denied::Failed(words),
        ] {
            let line = denied(&why, "pc42");
            assert!(line.starts_with("pc42: ") && !line.contains(char::is_control), "{line}");
            assert!(line.contains("nothing was changed") && line.len() < 420, "{line}");
        }
    }
}
