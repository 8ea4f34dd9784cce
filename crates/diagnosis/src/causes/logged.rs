//! What Windows itself wrote down. The tables say what an event stands for; here it is weighed: what
//! came after it, and whether it is certain that it was about Remote Desktop.

mod key;

use rdpdoctor_model::{CauseId, Fact, ObservationId, Source, Stage, StageOutcome, WindowsEvent};

use crate::codes::{self, Entry, EventRow, Table};
use crate::host_view::came_past;
use crate::{Evidence, Match, NextTest, Proof, Seen, Severity};

use super::advice;
use key::Whose;

const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
const SESSIONS: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";
const CORE: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
const SECURITY: &str = "Microsoft-Windows-Security-Auditing";
const CLIENT: &str = "Microsoft-Windows-TerminalServices-ClientActiveXCore";
const SCHANNEL: &str = "Schannel";
const NTLM: &str = "Microsoft-Windows-NTLM";
const GENERAL: &str = "Microsoft-Windows-Kernel-General";

/// Kerberos' usual tolerance of clocks (MS-KILE 3.3.1).
const TOLERANCE_MS: u64 = 300_000;

/// What is said of the machine this long before or after a try may have to do with it.
const NEAR_MS: u64 = 60_000;

/// Reason of Kernel-General 1: a program set the clock, the one that asks a server of time included. What
/// is set by the hardware's clock is that of a machine which slept.
const BY_A_PROGRAM: u32 = 1;

/// SEC_E_UNKNOWN_CREDENTIALS: the key could not be opened. NTE_BAD_KEYSET: it is not there.
const UNKNOWN_CREDENTIALS: u32 = 0x8009_030D;
const BAD_KEYSET: u32 = 0x8009_0016;

/// LogonType of Remote Desktop, and of NLA, file shares and much else.
const REMOTE: u32 = 10;
const FROM_NETWORK: u32 = 3;

/// What is known of a clock that was set: how far off it was before.
const CLOCK_WAS_SET: &str = "The clock of {host} was set by more than 5 minutes at that time";

/// Events that a finding cites at most.
const MOST_CITED: usize = 5;

/// What one event comes to.
#[derive(Debug, Clone)]
struct Reading {
    causes: Vec<(CauseId, Proof)>,
    severity: Severity,
    words: String,
}

/// What one event comes to among the others.
#[derive(Debug, Clone)]
pub(crate) struct Weighed {
    id: ObservationId,
    stage: Stage,
    reading: Reading,
    /// It may be about another service's key.
    in_question: bool,
    /// It tells that the clock was set.
    is_set_clock: bool,
    /// It stands in a log, with its time.
    is_of_log: bool,
}

/// What of all events matters to each of them.
struct Among {
    /// The place of the last one that says that somebody signed in.
    last_success: Option<usize>,
    /// None of them can be about nothing but Remote Desktop.
    alone: bool,
    /// A client had its session.
    opened: bool,
}

/// Every event that the tables know, with what it comes to, in order. What was collected tells no time,
/// so it is neither before nor after what stands in a log.
pub(crate) fn weigh(evidence: &Evidence<'_>) -> Vec<Weighed> {
    let (logged, collected): (Vec<_>, Vec<_>) = events(evidence).into_iter().partition(is_of_log);
    let mut weighed = weigh_among(evidence, &collected);
    weighed.extend(weigh_among(evidence, &logged));
    clock_explains(&mut weighed);
    weighed
}

fn weigh_among(evidence: &Evidence<'_>, events: &[Seen<'_, &WindowsEvent>]) -> Vec<Weighed> {
    let among = Among::of(events);
    let weighed = events.iter().enumerate().filter_map(|(place, seen)| {
        let mut reading = weighed(&among, place, seen.value, reading(&among, seen.value)?)?;
        let mut in_question = false;
        if key::is_about_key(seen.value) {
            let whose = key::whose(evidence, events, seen);
            reading = of_key(reading, seen.value, whose)?;
            in_question = whose != Whose::Own;
        }
        let (id, stage) = (seen.id(), seen.observation.stage);
        let is_set_clock = seen.value.is(GENERAL, &[1]);
        if is_set_clock && !is_near_a_try(events, seen) {
            return None;
        }
        let is_of_log = is_of_log(seen);
        Some(Weighed { id, stage, reading, in_question, is_set_clock, is_of_log })
    });
    weighed.collect()
}

/// Whether a log says it, and not what was collected of one.
fn is_of_log<T>(seen: &Seen<'_, T>) -> bool {
    seen.observation.source == Source::EventLog
}

/// A clock that was set matters to a try at that time; a machine's clock is set many times in its life.
fn is_near_a_try(events: &[Seen<'_, &WindowsEvent>], entry: &Seen<'_, &WindowsEvent>) -> bool {
    let at_ms = entry.observation.at_ms;
    let mut own = events.iter().filter(|seen| is_of_try(seen.value));
    own.any(|seen| seen.observation.at_ms.abs_diff(at_ms) <= NEAR_MS)
}

/// A clock that was set is a reason for what somebody else says of clocks, and by itself only a hint.
fn clock_explains(weighed: &mut Vec<Weighed>) {
    let names_clock = |seen: &Weighed| {
        seen.reading.causes.first().is_some_and(|(id, _)| id.name() == "clock-skew")
    };
    let said =
        weighed.iter().rfind(|seen| seen.is_set_clock).map(|seen| seen.reading.words.clone());
    let Some(said) = said else { return };
    let mut told = false;
    for seen in weighed.iter_mut().filter(|seen| !seen.is_set_clock && names_clock(seen)) {
        seen.reading.words.push_str(&format!(" {said}"));
        told = true;
    }
    if told {
        weighed.retain(|seen| !seen.is_set_clock);
    }
}

/// The test that tells Remote Desktop's key from another service's, where an entry leaves it open.
pub(crate) fn separating(evidence: &Evidence<'_>, cause: CauseId) -> Option<NextTest> {
    let about = |seen: &&Weighed| seen.reading.causes.first().is_some_and(|(id, _)| *id == cause);
    let mut in_question = evidence.logged().iter().filter(about).filter(|seen| seen.in_question);
    in_question.next().map(|_| advice::WHOSE_KEY)
}

/// The match of a cause that the tables name for what was written down. Where a log tells of it, what was
/// collected without its time adds nothing; alone, it stops no connection that came past it.
pub(crate) fn by_event(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    by_log(evidence, cause).or_else(|| {
        let mut found = matched(evidence, cause, false)?;
        let catalogued = crate::CATALOGUE.iter().find(|other| other.id == cause)?;
        if came_past(evidence, catalogued) {
            found.severity = found.severity.max(Severity::Warning);
        }
        Some(found)
    })
}

/// The match of a cause that the tables name for what stands in a log.
pub(crate) fn by_log(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    matched(evidence, cause, true)
}

/// The last event that tells of the cause decides.
fn matched(evidence: &Evidence<'_>, cause: CauseId, of_log: bool) -> Option<Match> {
    let telling: Vec<_> = evidence
        .logged()
        .iter()
        .filter(|seen| seen.is_of_log == of_log)
        .filter_map(|seen| {
            let (_, proof) = *seen.reading.causes.iter().find(|(id, _)| *id == cause)?;
            let told = proof != Proof::Possible || !is_finer(cause, &seen.reading);
            told.then_some((seen, proof))
        })
        .collect();
    let (last, proof) = telling.last()?;
    let ids: Vec<ObservationId> =
        telling.iter().rev().take(MOST_CITED).rev().map(|(seen, _)| seen.id.clone()).collect();
    let found = Match::new(last.reading.severity, *proof, ids);
    let found = found.detailed(last.reading.words.clone()).at_stage(last.stage);
    Some(if last.is_set_clock { found.titled(CLOCK_WAS_SET) } else { found })
}

/// Whether the cause makes another one of the reading more precise: a number that stands for several
/// does not tell of the finer ones. What the host finds about itself is no finer word for what is
/// seen from outside, but the reason for it.
fn is_finer(cause: CauseId, reading: &Reading) -> bool {
    let catalogued = crate::CATALOGUE.iter().find(|other| other.id == cause);
    catalogued.is_some_and(|catalogued| {
        let finer =
            |id: &CauseId| id.area() == cause.area() && catalogued.more_specific_than.contains(id);
        reading.causes.iter().any(|(id, _)| finer(id))
    })
}

/// Whether the evidence is that of logs, and nothing was seen live.
pub(crate) fn is_all(evidence: &Evidence<'_>) -> bool {
    !evidence.all(|fact| matches!(fact, Fact::EventLog { .. }).then_some(())).is_empty()
}

/// Whether a log tells of a try.
pub(crate) fn tells_of_a_try(evidence: &Evidence<'_>) -> bool {
    ends(evidence).iter().any(is_of_log)
}

/// How far an attempt came that nothing stopped, in words.
pub(crate) fn reached(evidence: &Evidence<'_>) -> &'static str {
    let furthest = ends(evidence).into_iter().max_by_key(|seen| seen.observation.stage);
    match furthest.map(|seen| (seen.observation.stage, seen.value)) {
        Some((Stage::Session, true)) => "The log of {host} shows a session that was opened",
        Some((Stage::CredSsp, true)) => {
            "The log of {host} shows a sign-in that worked; the session is not in it"
        }
        Some(_) => "The log of {host} does not say how the connection went on",
        None => "Nothing in the log is an attempt to connect",
    }
}

/// Whether the stages of a try were passed.
fn ends<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, bool>> {
    let mut ends = evidence.all(|fact| match fact {
        Fact::StageEnded { outcome, .. } => Some(*outcome == StageOutcome::Passed),
        _ => None,
    });
    ends.retain(|seen| !matches!(seen.observation.stage, Stage::Host | Stage::Client));
    ends
}

fn events<'a>(evidence: &Evidence<'a>) -> Vec<Seen<'a, &'a WindowsEvent>> {
    evidence.all(|fact| match fact {
        Fact::WindowsEvent(event) => Some(&**event),
        _ => None,
    })
}

/// Whether the event says that somebody signed in.
fn succeeded(event: &WindowsEvent) -> bool {
    event.is(SESSIONS, &[21, 25])
        || event.is(CLIENT, &[1027])
        || event.is(SECURITY, &[4624, 4778])
        || (event.is(MANAGER, &[1149]) && event.user.is_some())
}

/// Whether the event tells that somebody tried to connect.
fn is_of_try(event: &WindowsEvent) -> bool {
    succeeded(event)
        || event.is(CORE, &[65, 131, 140])
        || event.is(MANAGER, &[261, 1149, 1158])
        || event.is(CLIENT, &[1024, 1025])
        || event.is(SECURITY, &[4625])
}

/// Whether the event can be about nothing but Remote Desktop.
fn is_its_own(event: &WindowsEvent) -> bool {
    event.provider.contains("-TerminalServices-")
        || event.provider.contains("-RemoteDesktopServices-")
        || event.provider.starts_with("TermDD")
        || event.logon_type == Some(REMOTE)
        || event.is(SECURITY, &[4778, 4779, 4825])
}

impl Among {
    fn of(events: &[Seen<'_, &WindowsEvent>]) -> Self {
        Self {
            last_success: events.iter().rposition(|seen| succeeded(seen.value)),
            alone: !events.iter().any(|seen| is_its_own(seen.value)),
            opened: events.iter().any(|seen| seen.value.is(CLIENT, &[1027])),
        }
    }
}

/// What came after the event: a sign-in that succeeded takes back those that failed before, and
/// whatever else was wrong did not stop it.
fn weighed(
    among: &Among,
    place: usize,
    event: &WindowsEvent,
    mut reading: Reading,
) -> Option<Reading> {
    if among.last_success.is_some_and(|success| success > place) {
        let of_sign_in = reading.causes.iter().all(|(id, _)| id.area() == "nla");
        if of_sign_in {
            return None;
        }
        reading.severity = reading.severity.max(Severity::Warning);
    }
    // Where NTLM is blocked, Remote Desktop can still go by Kerberos.
    if among.alone && event.provider == NTLM {
        reading.severity = reading.severity.max(Severity::Warning);
    }
    // A file share signs in from the network as NLA does.
    let logon = event.is(SECURITY, &[4625]) && event.logon_type == Some(FROM_NETWORK);
    if logon && among.alone {
        reading.severity = reading.severity.max(Severity::Warning);
        reading.causes.iter_mut().for_each(|(_, proof)| *proof = Proof::Possible);
        reading.words.push_str(
            " It was a logon from the network: NLA makes one, and so does a file share. The log of \
             RdpCoreTS tells which.",
        );
    }
    Some(reading)
}

fn reading(among: &Among, event: &WindowsEvent) -> Option<Reading> {
    let status = event.sub_status.or(event.status).filter(|&status| status != 0);
    match (event.provider.as_str(), event.event_id) {
        (SECURITY, 4625) => {
            let both = [event.sub_status, event.status].into_iter().flatten();
            let known = both.into_iter().find(|&code| row(Table::Ntstatus, code).is_some());
            numbered(event, Table::Ntstatus, known.or(status)?, Severity::Blocking)
        }
        ("TermDD", 56) => numbered(event, Table::Ntstatus, status?, Severity::Blocking),
        (SECURITY, 4776) => {
            let found = numbered(event, Table::Ntstatus, status?, Severity::Warning)?;
            Some(at_most(found, Proof::Possible))
        }
        (SESSIONS, 40) => {
            // With these a session was open before.
            let severity = match event.reason? {
                0 | 5 | 11 | 12 => return None,
                1..=4 => Severity::Warning,
                _ => Severity::Blocking,
            };
            numbered(event, Table::ExtendedReason, event.reason?, severity)
        }
        (CLIENT, 1026) => {
            let reason = event.reason.filter(|reason| !matches!(reason, 0..=3 | 263))?;
            let severity = if among.opened { Severity::Warning } else { Severity::Blocking };
            // What a client shows is a sign, seldom the cause.
            Some(at_most(
                numbered(event, Table::DisconnectReason, reason, severity)?,
                Proof::Likely,
            ))
        }
        (SCHANNEL, 36887 | 36888) => {
            let found = numbered(event, Table::TlsAlert, event.alert?, Severity::Warning)?;
            Some(at_most(found, Proof::Possible))
        }
        (GENERAL, 1) => clock_set(event),
        _ => by_row(event, codes::event(&event.provider, event.event_id)?),
    }
}

/// What a row of the table of events says.
fn by_row(event: &WindowsEvent, row: &EventRow) -> Option<Reading> {
    let first = row.causes.first()?;
    let mut causes: Vec<_> = row.causes.iter().map(|id| (*id, Proof::Possible)).collect();
    for (id, own) in &mut causes {
        let is_missing = id.name() == "certificate-key-missing" && event.error == Some(BAD_KEYSET);
        if id == first {
            *own = row.proof;
        } else if is_missing {
            *own = Proof::Likely;
        }
    }
    let error = event.error.map(|code| format!(", error 0x{code:X}")).unwrap_or_default();
    let state = event.tls_error_state.map(|state| format!(", state {state}")).unwrap_or_default();
    let service = event.service.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
    let words = format!("{}{error}{state}{service}: {}.", name(event), row.meaning);
    Some(Reading { causes, severity: row.severity, words })
}

/// A clock that a program set by more than Kerberos bears.
fn clock_set(event: &WindowsEvent) -> Option<Reading> {
    let by = event.clock_set_ms.filter(|by| by.unsigned_abs() > TOLERANCE_MS)?;
    if event.reason != Some(BY_A_PROGRAM) {
        return None;
    }
    let mut found = by_row(event, codes::event(&event.provider, event.event_id)?)?;
    let way = if by < 0 { "back" } else { "forward" };
    let minutes = by.unsigned_abs() / 60_000;
    found.words = format!("{}: its clock was set {way} by {minutes} minutes.", name(event));
    Some(found)
}

/// What an entry about a key comes to, by whose key it is about; nothing where it is another
/// program's.
fn of_key(mut reading: Reading, event: &WindowsEvent, whose: Whose) -> Option<Reading> {
    let more = match whose {
        Whose::Others => return None,
        Whose::Own => {
            if let Some((_, proof)) = reading.causes.first_mut()
                && key::is_unopened(event)
            {
                *proof = Proof::Proven;
            }
            return Some(reading);
        }
        Whose::HardlyOwn => {
            // What the host could find at its own key is not meant either.
            reading.causes.truncate(1);
            reading = at_most(reading, Proof::Possible);
            " Remote Desktop came past its own key at the time: another service's may be meant."
        }
        Whose::Unknown => {
            " It does not say whose key: a web server, LDAP or SQL on the host write the same."
        }
    };
    reading.words.push_str(more);
    Some(reading)
}

/// What a number in an event says.
fn numbered(
    event: &WindowsEvent,
    table: Table,
    number: u32,
    severity: Severity,
) -> Option<Reading> {
    let written = table.write(number);
    let Some(row) = row(table, number) else {
        // A status that no table has is one all the same.
        let refused = CauseId("nla.refused");
        let words = format!("{} says {written}, which no table here has.", name(event));
        let causes = vec![(refused, Proof::Proven)];
        return (table == Table::Ntstatus).then_some(Reading { causes, severity, words });
    };
    // Causes that only the host can see by itself are no rivals here.
    let seen = |id: &&CauseId| !matches!(id.area(), "host" | "client");
    let known: Vec<CauseId> = row.causes.iter().filter(seen).copied().collect();
    let single = known.len() == 1;
    let proof = |index| match (single, index) {
        (true, _) => Proof::Proven,
        (false, 0) => Proof::Likely,
        _ => Proof::Possible,
    };
    let causes = known.into_iter().enumerate().map(|(index, id)| (id, proof(index))).collect();
    let symbol = row.name.as_deref().map(|name| format!(", {name}")).unwrap_or_default();
    let words = format!("{} says {written}{symbol}: {}.", name(event), row.meaning);
    Some(Reading { causes, severity, words })
}

fn row(table: Table, number: u32) -> Option<&'static Entry> {
    codes::lookup(table, number).next()
}

fn at_most(mut reading: Reading, proof: Proof) -> Reading {
    reading.causes.iter_mut().for_each(|(_, own)| *own = (*own).max(proof));
    reading
}

/// `Event 4625 (Microsoft-Windows-Security-Auditing)`
fn name(event: &WindowsEvent) -> String {
    format!("Event {} ({})", event.event_id, event.provider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;
    use crate::testing::Scene;

    fn found(scene: &Scene, id: &str) -> Option<(Severity, Proof)> {
        let cause = crate::CATALOGUE.iter().find(|cause| cause.id.0 == id)?;
        scene
            .with_evidence(|evidence| engine::judged(cause, evidence))
            .map(|m| (m.severity, m.proof))
    }

    fn event(provider: &str, event_id: u32) -> WindowsEvent {
        WindowsEvent { provider: provider.to_owned(), event_id, ..WindowsEvent::default() }
    }

    fn rejected(logon_type: u32, status: u32, sub_status: Option<u32>) -> WindowsEvent {
        WindowsEvent {
            logon_type: Some(logon_type),
            status: Some(status),
            sub_status,
            ..event(SECURITY, 4625)
        }
    }

    fn logged(events: impl IntoIterator<Item = WindowsEvent>) -> Scene {
        events.into_iter().fold(Scene::new(), |scene, event| scene.logged(Stage::CredSsp, event))
    }

    const SURE: Option<(Severity, Proof)> = Some((Severity::Blocking, Proof::Proven));

    #[test]
    fn the_sub_status_of_a_rejection_decides() {
        for (status, sub_status, cause) in [
            (0xC000_006D, Some(0xC000_006A), "nla.credentials-rejected"),
            (0xC000_006D, Some(0xC000_0064), "nla.credentials-rejected"),
            (0xC000_006E, Some(0xC000_0071), "nla.password-expired"),
            (0xC000_006E, Some(0xC000_0072), "nla.account-disabled"),
            (0xC000_006E, Some(0xC000_006F), "nla.logon-hours"),
            (0xC000_006E, Some(0xC000_0070), "nla.workstation-restriction"),
            (0xC000_0193, None, "nla.account-expired"),
            (0xC000_0224, None, "nla.password-must-change"),
            (0xC000_0234, None, "nla.account-locked"),
            (0xC000_015B, None, "nla.logon-type-not-granted"),
            (0xC000_0133, None, "nla.clock-skew"),
            (0xC000_0418, None, "nla.ntlm-blocked"),
            (0xC000_018D, None, "nla.trust-broken"),
            (0xC0FF_EE00, None, "nla.refused"),
        ] {
            let scene = logged([rejected(REMOTE, status, sub_status)]);
            assert_eq!(found(&scene, cause), SURE, "{status:#x} {sub_status:x?}");
        }
        let locked = logged([rejected(REMOTE, 0xC000_0234, None)]);
        assert_eq!(found(&locked, "nla.credentials-rejected"), None);
    }

    #[test]
    fn a_logon_from_the_network_may_be_a_file_share() {
        let cause = "nla.account-locked";
        let alone = rejected(FROM_NETWORK, 0xC000_0234, None);
        let possible = Some((Severity::Warning, Proof::Possible));
        assert_eq!(found(&logged([alone.clone()]), cause), possible);
        let core = event("Microsoft-Windows-RemoteDesktopServices-RdpCoreTS", 131);
        assert_eq!(found(&logged([core, alone]), cause), SURE);
    }

    #[test]
    fn a_later_success_takes_a_rejection_back_and_an_earlier_one_does_not() {
        let cause = "nla.credentials-rejected";
        let wrong = rejected(REMOTE, 0xC000_006D, Some(0xC000_006A));
        let signed_in = || event(SESSIONS, 21);
        assert_eq!(found(&logged([wrong.clone(), signed_in()]), cause), None);
        assert_eq!(found(&logged([signed_in(), wrong]), cause), SURE);
        let key = WindowsEvent { error: Some(UNKNOWN_CREDENTIALS), ..event(SCHANNEL, 36870) };
        let both = logged([key, signed_in()]);
        let warning = Some((Severity::Warning, Proof::Possible));
        assert_eq!(found(&both, "tls.private-key-unavailable"), warning);
    }

    #[test]
    fn a_clock_that_was_set() {
        let set = |by: i64, reason| WindowsEvent {
            clock_set_ms: Some(by),
            reason: Some(reason),
            ..event(GENERAL, 1)
        };
        let cause = "nla.clock-skew";
        let possible = Some((Severity::Warning, Proof::Possible));
        let accepted = || event(CORE, 131);
        assert_eq!(found(&logged([accepted(), set(-7_200_000, BY_A_PROGRAM)]), cause), possible);
        assert_eq!(found(&logged([accepted(), set(299_000, BY_A_PROGRAM)]), cause), None);
        assert_eq!(found(&logged([accepted(), set(7_200_000, 2)]), cause), None, "it slept");
        assert_eq!(found(&logged([set(7_200_000, BY_A_PROGRAM)]), cause), None, "no try");
        let started = event(MANAGER, 1056);
        assert_eq!(found(&logged([started, set(7_200_000, BY_A_PROGRAM)]), cause), None);
        let long_before = Scene::new()
            .logged_at(0, Stage::Host, set(7_200_000, BY_A_PROGRAM))
            .logged_at(61_000, Stage::Tcp, accepted());
        assert_eq!(found(&long_before, cause), None);
        // What says by itself that the clocks differ stays what it is, with the reason.
        let skew = || rejected(REMOTE, 0xC000_0133, None);
        for events in [[skew(), set(7_200_000, 1)], [set(7_200_000, 1), skew()]] {
            let scene = logged(events);
            assert_eq!(found(&scene, cause), SURE);
            let detail = scene
                .with_evidence(|evidence| by_event(evidence, CauseId(cause)))
                .and_then(|found| found.detail);
            assert!(detail.is_some_and(|words| words.contains("forward by 120 minutes")));
        }
        // Whoever signed in was not kept out by it.
        let after = logged([set(7_200_000, BY_A_PROGRAM), event(SESSIONS, 21)]);
        assert_eq!(found(&after, cause), None);
    }

    #[test]
    fn a_key_is_not_proven_by_its_number_alone() {
        let key = |error| logged([WindowsEvent { error, ..event(SCHANNEL, 36870) }]);
        let cause = "tls.private-key-unavailable";
        let likely = Some((Severity::Blocking, Proof::Likely));
        assert_eq!(found(&key(Some(UNKNOWN_CREDENTIALS)), cause), likely);
        assert_eq!(found(&key(Some(BAD_KEYSET)), cause), likely);
        assert_eq!(found(&key(None), cause), likely);
        assert_eq!(found(&key(Some(BAD_KEYSET)), "host.certificate-key-missing"), likely);
        let other = logged([event(SCHANNEL, 36880)]);
        assert_eq!(found(&other, cause), None);
    }

    #[test]
    fn reasons_of_a_session_and_of_a_client() {
        let ended = |reason| logged([WindowsEvent { reason: Some(reason), ..event(SESSIONS, 40) }]);
        let warning = Some((Severity::Warning, Proof::Proven));
        assert_eq!(found(&ended(3), "session.idle-timeout"), warning);
        assert_eq!(found(&ended(9), "session.insufficient-privileges"), SURE);
        for usual in [0, 5, 11, 12] {
            assert_eq!(found(&ended(usual), "session.replaced"), None);
            assert_eq!(found(&ended(usual), "session.ended-by-user"), None);
        }
        let client = |reason| WindowsEvent { reason: Some(reason), ..event(CLIENT, 1026) };
        let likely = Some((Severity::Blocking, Proof::Likely));
        assert_eq!(found(&logged([client(2567)]), "nla.credentials-rejected"), likely);
        assert_eq!(found(&logged([client(260)]), "dns.name-not-found"), likely);
        assert_eq!(found(&logged([client(3)]), "session.error"), None);
        let lost = logged([event(CLIENT, 1027), client(772)]);
        assert_eq!(
            found(&lost, "session.closed").map(|(severity, _)| severity),
            Some(Severity::Warning)
        );
    }

    /// What nobody has checked must not stop anybody.
    #[test]
    fn no_unverified_row_blocks() {
        for row in codes::events().iter().filter(|r| r.verified == codes::Verification::Unverified)
        {
            for &id in &row.events {
                let scene = logged([event(&row.provider, id)]);
                for cause in crate::CATALOGUE {
                    let blocks =
                        found(&scene, cause.id.0).is_some_and(|(s, _)| s == Severity::Blocking);
                    assert!(!blocks, "{} {id}: {}", row.provider, cause.id);
                }
            }
        }
    }
}
