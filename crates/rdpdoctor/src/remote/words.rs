//! What is said of a machine that cannot be asked over WinRM: what, where, and what to do, in one line.

use rdpdoctor_host::script;
use rdpdoctor_model::{ConnectFailure, ReleaseReason, UserName};
use rdpdoctor_probe::{Problem, Ran, WINRM_HTTPS, Way};

/// What is shown of what a program wrote.
const LONGEST: usize = 200;

/// What `cmd` ends with when it finds no program (MSG_DIR_BAD_COMMAND_OR_FILE).
const NO_PROGRAM: u32 = 9009;

/// The way that is left everywhere.
const ELSEWHERE: &str = "or run rdpdoctor host there";

/// How a machine was asked.
pub fn read(by: &Way) -> String {
    format!("the machine's facts were read over WinRM ({})", super::way(by))
}

/// That a user was rejected a moment ago.
pub fn remembered(user: &UserName) -> String {
    format!(
        "{user} was rejected within the last 30 minutes and is not tried again, since each try counts \
         towards a lockout; --again tries all the same"
    )
}

/// Why a machine could not be asked.
pub fn line(problem: &Problem, host: &str) -> String {
    let at = |port: &u16| {
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    };
    match problem {
        Problem::Name(why) => {
            format!("{host}: {why}; check how it is spelt, or give its address")
        }
        Problem::Unreached(failed) => unreached(host, failed),
        Problem::Tls { port, why } => format!(
            "{}: no TLS comes about ({}); the certificate of its HTTPS listener may be unusable: on it, \
             winrm enumerate winrm/config/listener, {ELSEWHERE}",
            at(port),
            shown(why)
        ),
        Problem::NotWinrm { port, what } => format!(
            "{} is not WinRM: {}; name WinRM's port ({host}:{WINRM_HTTPS}), {ELSEWHERE}",
            at(port),
            shown(what)
        ),
        Problem::Silent { port } => format!(
            "{} accepts the connection and does not answer in time; restart the service WinRM on it, \
             {ELSEWHERE}",
            at(port)
        ),
        Problem::Ended { port } => format!(
            "{} ended the connection in place of an answer; try again, {ELSEWHERE}",
            at(port)
        ),
        Problem::NoScheme { offers } => format!(
            "{host}: WinRM offers {}, and no sign-in that keeps the password to itself; nothing was \
             sent: allow Negotiate in winrm/config/service/auth on it, {ELSEWHERE}",
            list(offers)
        ),
        Problem::NotReleased { port, reason, fingerprint } => {
            not_released(&at(port), *reason, fingerprint.as_deref())
        }
        Problem::Kerberos(why) => {
            format!(
                "{host}: Kerberos came to nothing: {}; see rdpdoctor check -u for more",
                shown(why)
            )
        }
        Problem::Rejected { offers } => format!(
            "{host}: WinRM did not take the name or the password (it offers {}); this was the one try: \
             check the name (DOMAIN\\user, or HOST\\user for an account of the machine)",
            list(offers)
        ),
        Problem::Denied => format!(
            "{host}: access denied: the password is right, and this user may not run commands there; take \
             one who is an administrator of it, by a domain account, since local ones lose that right \
             over the network"
        ),
        Problem::Quota(words) => format!(
            "{host}: WinRM has no room for one more shell: {} End those that nobody uses, or restart the \
             service WinRM on it, and try again",
            sentence(words)
        ),
        Problem::TooSlow(after) => format!(
            "{host}: the script did not end within {} s and was stopped; give it longer (--timeout), \
             {ELSEWHERE}",
            after.as_secs()
        ),
        Problem::TooMuch(most) => format!(
            "{host}: the script wrote more than {} MB, which no facts have, and was stopped; {}",
            most / (1024 * 1024),
            ELSEWHERE.trim_start_matches("or ")
        ),
        Problem::Fault { code, words } => {
            let code = code.map(|code| format!(" (0x{code:08X})")).unwrap_or_default();
            format!("{host}: WinRM says no{code}: {} Try again, {ELSEWHERE}", sentence(words))
        }
        Problem::Malformed(what) => format!(
            "{host}: {}; something between may have changed it: nothing of it is believed",
            shown(what)
        ),
        Problem::Stopped => format!("{host}: stopped; nothing is left running there"),
        Problem::Own(why) => format!("{host}: our own library: {}", shown(why)),
    }
}

fn unreached(host: &str, failed: &[(u16, ConnectFailure)]) -> String {
    let ports: Vec<String> = failed.iter().map(|(port, _)| port.to_string()).collect();
    let ports = match &ports[..] {
        [one] => format!("port {one}"),
        all => format!("ports {}", all.join(" and ")),
    };
    let any = |wanted: ConnectFailure| failed.iter().any(|(_, failure)| *failure == wanted);
    if any(ConnectFailure::Refused) || any(ConnectFailure::Reset) {
        format!(
            "{host}: {ports} closed: WinRM does not listen there; on it, as an administrator: \
             Enable-PSRemoting -Force, {ELSEWHERE}"
        )
    } else if any(ConnectFailure::Timeout) {
        format!(
            "{host}: {ports} silent: it is off, or a firewall drops what comes for WinRM; allow Windows \
             Remote Management on it, {ELSEWHERE}"
        )
    } else if any(ConnectFailure::Prohibited) {
        format!("{host}: {ports} forbidden by a firewall that says so; allow it there, {ELSEWHERE}")
    } else {
        format!("{host}: no way to {ports}; check the address and the network")
    }
}

fn not_released(place: &str, reason: ReleaseReason, fingerprint: Option<&str>) -> String {
    let Some(fingerprint) = fingerprint else {
        return format!(
            "no password was sent to {place}: without TLS only Kerberos tells who answers; sign in as \
             user@realm, set up WinRM over HTTPS, or say --trust any"
        );
    };
    let why = match reason {
        ReleaseReason::PinDiffers => "its certificate is not the one of --pin",
        ReleaseReason::FingerprintChanged => "its certificate is another than before",
        ReleaseReason::Intercepted => "something seems to open the encryption on the way",
        ReleaseReason::OtherMachine => "its certificate is another machine's",
        _ => "its certificate is not trusted here",
    };
    format!(
        "no password was sent to {place}: {why} (SHA-256 {fingerprint}); compare it on the machine, then \
         --pin SHA256, or --trust any for whoever answers"
    )
}

/// That the script gave no facts.
pub fn no_facts(ran: &Ran, host: &str) -> String {
    no_answer(ran, host, "gave no facts")
}

/// That a script answered nothing of its own.
pub fn no_answer(ran: &Ran, host: &str, nothing: &str) -> String {
    if let Some(why) = &ran.cut {
        return line(why, host);
    }
    let said = errors(&ran.stderr);
    let code = ran.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let named = said.to_ascii_lowercase().contains(script::remote::PROGRAM);
    if ran.exit_code == Some(NO_PROGRAM) || (named && ran.stdout.is_empty()) {
        return format!(
            "{host}: PowerShell was not found there{code}: {} Take its disk (--disk), {ELSEWHERE}",
            sentence(&said)
        );
    }
    let said = if said.is_empty() { "without a word.".to_owned() } else { sentence(&said) };
    format!(
        "{host}: PowerShell ran and {nothing}{code}: {said} A policy may not let it run scripts; \
         {}",
        ELSEWHERE.trim_start_matches("or ")
    )
}

/// That a part of the output did not arrive.
pub fn cut(ran: &Ran, missing: &[u32], host: &str) -> String {
    let why = match &ran.cut {
        Some(Problem::Ended { .. } | Problem::Silent { .. }) => {
            "the connection ended before the output did"
        }
        _ => "the output was cut",
    };
    format!(
        "{host}: {why}: {} did not arrive, and what was to be there could not be looked at",
        script::numbers(missing)
    )
}

/// What a program complained of. PowerShell writes its errors as XML where nobody sits before it.
fn errors(bytes: &[u8]) -> String {
    const ERROR: &str = "<S S=\"Error\">";
    let text = String::from_utf8_lossy(bytes);
    if !text.trim_start().starts_with("#< CLIXML") {
        return shown(&text);
    }
    let parts = text.split(ERROR).skip(1);
    let words: String = parts.map(|part| part.split("</S>").next().unwrap_or_default()).collect();
    let words = words.replace("_x000D_", " ").replace("_x000A_", " ");
    let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    shown(&words.replace("&amp;", "&"))
}

/// Words of somebody else on one line, without what moves a terminal.
pub fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// The same with an end.
fn sentence(text: &str) -> String {
    let text = shown(text);
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

fn list(offers: &[String]) -> String {
    if offers.is_empty() { "nothing".to_owned() } else { shown(&offers.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_line_is_one_and_says_what_to_do() {
        let failed = |failure| Problem::Unreached(vec![(5986, failure), (5985, failure)]);
        let (port, why) = (5986, "a\r\n\u{1b}[31mword".to_owned());
        let released = |reason, fingerprint: Option<&str>| Problem::NotReleased {
            port,
            reason,
            fingerprint: fingerprint.map(str::to_owned),
        };
        let all = [
            Problem::Name("no such name".to_owned()),
            failed(ConnectFailure::Refused),
            failed(ConnectFailure::Timeout),
            failed(ConnectFailure::Prohibited),
            failed(ConnectFailure::HostUnreachable),
            Problem::Tls { port, why: why.clone() },
            Problem::NotWinrm { port, what: why.clone() },
            Problem::Silent { port },
            Problem::Ended { port },
            Problem::NoScheme { offers: vec!["Basic".to_owned()] },
            released(ReleaseReason::NotJudged, Some("ab")),
            released(ReleaseReason::NotJudged, None),
            Problem::Kerberos(why.clone()),
            Problem::Rejected { offers: Vec::new() },
            Problem::Denied,
            Problem::Quota(why.clone()),
            Problem::TooSlow(Duration::from_secs(300)),
            Problem::TooMuch(8 << 20),
            Problem::Fault { code: Some(0x8033_8029), words: why.clone() },
            Problem::Malformed(why.clone()),
            Problem::Stopped,
            Problem::Own(why),
        ];
        for problem in all {
            let line = line(&problem, "pc42");
            assert!(line.contains("pc42") && !line.contains(char::is_control), "{line}");
            assert!(line.len() < 420, "{line}");
        }
    }

    #[test]
    fn errors_of_powershell_are_read_out_of_their_xml() {
        let xml = b"#< CLIXML\r\n<Objs><S S=\"Error\">no _x000D__x000A_</S><S S=\"Error\">&lt;x&gt;</S></Objs>";
        assert_eq!(errors(xml), "no <x>");
        assert_eq!(errors(b"plain\r\nwords"), "plain words");
        assert_eq!(errors(b"#< CLIXML\r\n<Objs><S S=\"progress\">x</S></Objs>"), "");
    }
}
