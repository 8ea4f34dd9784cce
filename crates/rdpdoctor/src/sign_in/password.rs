//! Where a password comes from: standard input, the environment, or a terminal; never the command
//! line.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{bail, ensure};
use rdpdoctor_model::{Secret, UserName};

/// The variable that may hold it.
const VARIABLE: &str = "RDPDOCTOR_PASSWORD";

/// Windows takes 127 characters in its dialog and 256 elsewhere; four bytes each at most.
const LONGEST: usize = 1024;

/// Reads the password of `user`.
///
/// # Errors
/// When there is none, or it is no text of one line.
pub fn read(user: &UserName, from_stdin: bool) -> anyhow::Result<Secret> {
    no_core_dumps()?;
    if from_stdin {
        let mut bytes = Vec::with_capacity(LONGEST + 3);
        std::io::stdin().take(LONGEST as u64 + 3).read_to_end(&mut bytes)?;
        return one_line(bytes, "standard input");
    }
    if let Some(value) = std::env::var_os(VARIABLE) {
        return one_line(value.into_encoded_bytes(), VARIABLE);
    }
    ensure!(
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
        "there is no terminal to ask on: use --password-stdin, or set {VARIABLE}"
    );
    let typed = rpassword::prompt_password(format!("Password of {user}: "))?;
    one_line(typed.into_bytes(), "the terminal")
}

/// UTF-8 without control characters; one line end at the end is not part of it. Nothing of it goes
/// into the message.
fn one_line(mut bytes: Vec<u8>, source: &str) -> anyhow::Result<Secret> {
    let end = if bytes.ends_with(b"\r\n") { 2 } else { usize::from(bytes.ends_with(b"\n")) };
    bytes.truncate(bytes.len() - end);
    let secret = Secret::new(bytes);
    let Ok(text) = std::str::from_utf8(secret.expose()) else {
        bail!("the password from {source} is not UTF-8")
    };
    ensure!(
        !text.chars().any(char::is_control),
        "the password from {source} is more than one line of text"
    );
    ensure!(text.len() <= LONGEST, "the password from {source} is longer than {LONGEST} bytes");
    Ok(secret)
}

/// A core dump would hold the password. Without this limit raised again none is written, and no
/// debugger of the same user may look in either.
#[cfg(target_os = "linux")]
fn no_core_dumps() -> anyhow::Result<()> {
    use nix::sys::resource::{Resource, setrlimit};
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// Windows writes none unless it was told to for this very program.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "the other systems can fail")]
fn no_core_dumps() -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_stripped_and_no_more() {
        let read = |bytes: &[u8]| one_line(bytes.to_vec(), "here").map(|s| s.expose().to_vec());
        assert_eq!(read(b"pa ss\n").expect("fine"), b"pa ss");
        assert_eq!(read(b"pass\r\n").expect("fine"), b"pass");
        assert_eq!(read("p\u{e4}ss ".as_bytes()).expect("fine"), "p\u{e4}ss ".as_bytes());
        assert_eq!(read(b"").expect("fine"), b"");
        for wrong in [&b"pass\n\n"[..], b"a\nb", b"a\0b", b"\xFF\xFE", &[b'x'; LONGEST + 1]] {
            let error = read(wrong).expect_err("refused").to_string();
            assert!(!error.contains("pass\n"), "{error}");
        }
    }
}
