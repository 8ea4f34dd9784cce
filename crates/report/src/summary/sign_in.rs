use rdpdoctor_diagnosis::codes::{Table, name_of};
use rdpdoctor_diagnosis::{Evidence, windows_release};
use rdpdoctor_model::{Awaited, Fact, Mechanism, NtlmVersion, Party, Timestamp};

use super::{CLOCK_RIGHT_WITHIN_MS, QUOTED, clean, ended_awaiting};

/// What came of the sign-in.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    if let Some(refusal) = refusal(evidence) {
        return Some(refusal);
    }
    let sent = !evidence
        .main_path(|fact| matches!(fact, Fact::CredentialSent { .. }).then_some(()))
        .is_empty();
    let ended =
        || ended_awaiting(evidence, &[Awaited::PublicKeyBinding, Awaited::EarlyAuthorization]);
    if sent && let Some(ended) = ended() {
        return Some(ended);
    }
    match (server(evidence), outcome(evidence)) {
        // What came of it stands first: a long name of a release may be cut.
        (Some(server), outcome) if sent => Some(format!("{outcome}; {server}")),
        (Some(server), outcome) => Some(format!("{server}; {outcome}")),
        (None, outcome) if sent => Some(outcome),
        (None, _) => ended_awaiting(evidence, &[Awaited::NtlmChallenge]),
    }
}

/// The last thing said against it.
fn refusal(evidence: &Evidence<'_>) -> Option<String> {
    let proof = |fact: &Fact| matches!(fact, Fact::PublicKeyBinding { matches: true, .. });
    let bound = !evidence.main_path(|fact| proof(fact).then_some(())).is_empty();
    let said = evidence.main_path(|fact| match fact {
        Fact::CredSspMalformed { problem, .. } => {
            Some(format!("broken answer: {}", clean(problem, QUOTED)))
        }
        Fact::TsRequest { from: Party::Server, error_code: Some(code), .. } if *code != 0 => {
            let name = name_of(Table::Ntstatus, *code).unwrap_or("a status without a name here");
            Some(format!("refused with {code:#010X}, {name}"))
        }
        Fact::EarlyAuthorization { result } if *result != 0 => {
            Some(format!("signed in, but not let in (authorisation {result:#x})"))
        }
        Fact::SystemSignInFailed { code, .. } if !bound => {
            let name = name_of(Table::Ntstatus, *code).unwrap_or("a status without a name here");
            Some(format!("Windows did not sign in: {code:#010X}, {name}"))
        }
        Fact::PublicKeyBinding { matches: false, .. } => {
            Some("the server cannot prove that the certificate is its own".to_owned())
        }
        _ => None,
    });
    let said = said.into_iter().next_back().map(|seen| seen.value);
    said.or_else(|| ticket_refused(evidence)).or_else(|| {
        let sent = evidence.main_path(|f| matches!(f, Fact::CredentialSent { .. }).then_some(()));
        let errors = evidence.all(|fact| match fact {
            Fact::KerberosError { code, .. } => Some(*code),
            _ => None,
        });
        let last = errors.last().filter(|_| sent.is_empty())?;
        Some(format!("the key distribution centre refused with error {}", last.value))
    })
}

/// What the server said last of the ticket for it.
fn ticket_refused(evidence: &Evidence<'_>) -> Option<String> {
    let answers = evidence.main_path(|fact| match fact {
        Fact::TicketAnswer { code, .. } => Some(*code),
        _ => None,
    });
    let code = answers.last()?.value?;
    Some(format!("the host cannot use the Kerberos ticket (error {code})"))
}

/// Who the server says it is.
fn server(evidence: &Evidence<'_>) -> Option<String> {
    let challenge = evidence
        .main_path(|fact| match fact {
            Fact::NtlmChallenge { dns_computer, netbios_computer, version, timestamp, .. } => {
                let computer = dns_computer.as_deref().or(netbios_computer.as_deref());
                let computer = computer.map_or("the host".to_owned(), |name| clean(name, QUOTED));
                Some((computer, *version, *timestamp))
            }
            _ => None,
        })
        .pop()?;
    let (mut words, version, timestamp) = challenge.value;
    if let Some(version) = version {
        words.push_str(&claimed_release(version, challenge.observation.at));
    }
    if let (Some(theirs), Some(ours)) = (timestamp, challenge.observation.at) {
        words.push_str(&clock(theirs.millis_since(ours)));
    }
    Some(words)
}

fn outcome(evidence: &Evidence<'_>) -> String {
    let bound = evidence.main_path(|fact| match fact {
        Fact::PublicKeyBinding { mechanism, matches: true } => Some(*mechanism),
        _ => None,
    });
    let withheld = evidence.all(|fact| {
        let withheld = matches!(
            fact,
            Fact::CredentialRelease { released: false, .. } | Fact::RejectionRemembered { .. }
        );
        withheld.then_some(())
    });
    let logged_on = evidence.main_path(|fact| match fact {
        Fact::SystemSignIn { user, .. } => Some(clean(user, QUOTED)),
        _ => None,
    });
    let who = logged_on.last().map(|seen| format!(" as {}, who is logged on", seen.value));
    let who = who.unwrap_or_default();
    match bound.last().map(|seen| seen.value) {
        Some(Mechanism::Ntlm) => format!("signed in by NTLM{who}"),
        Some(Mechanism::Kerberos) => format!("signed in by Kerberos{who}"),
        Some(Mechanism::Basic) => "signed in by a password".to_owned(),
        None if !withheld.is_empty() => "no password sent".to_owned(),
        None => "sign-in not tested".to_owned(),
    }
}

/// The Windows that a server says it is, behind a comma, and whether that is still mended.
fn claimed_release(version: NtlmVersion, today: Option<Timestamp>) -> String {
    let NtlmVersion { major, minor, build } = version;
    let Some(release) = windows_release(major, minor, build) else {
        return format!(", says it is version {major}.{minor}.{build}");
    };
    let ended = release.end_of_support.filter(|day| {
        today.is_some_and(|today| today.to_string().get(..day.len()).is_some_and(|now| now > *day))
    });
    let ended = ended.map_or(String::new(), |day| format!(" (support ended {day})"));
    format!(", says it is {}{ended}", release.name)
}

/// How far a clock is off, behind a comma.
fn clock(ahead_ms: i64) -> String {
    let off = ahead_ms.unsigned_abs();
    if off <= CLOCK_RIGHT_WITHIN_MS {
        return ", clock right".to_owned();
    }
    let direction = if ahead_ms > 0 { "ahead" } else { "behind" };
    let amount = match (off + 500) / 1_000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    };
    format!(", clock {amount} {direction}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn clocks() {
        for (ms, words) in [
            (-1_400, "right"),
            (-2_000, "2 s behind"),
            (400_000, "6 min ahead"),
            (-7_300_000, "2 h behind"),
            (-31_536_000_000, "365 days behind"),
        ] {
            assert_eq!(super::clock(ms), format!(", clock {words}"));
        }
    }
}
