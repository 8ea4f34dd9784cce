//! What a server says by number: the NTSTATUS of CredSSP, ERRINFO, logon notifications, licensing
//! errors, and what a key distribution centre says. The tables of [`crate::codes`] are the one home
//! of what a number stands for.

use rdpdoctor_model::{CauseId, Fact, ObservationId, Party, Stage};

use super::look;
use crate::codes::{self, Entry, Table};
use crate::{Evidence, Match, Proof, Seen, Severity};

/// LOGON_MSG_RECONNECT_OPTIONS and LOGON_MSG_SESSION_CONTINUE (MS-RDPBCGR 2.2.10.1.1.4.1.1): the
/// logon goes on.
const GOES_ON: [u32; 2] = [0xFFFF_FFFC, 0xFFFF_FFFE];

/// The field of the logon notification by which its rows are told apart.
const NOTIFICATION_TYPE: &str = "ErrorNotificationType";
const NOTIFICATION_DATA: &str = "ErrorNotificationData";

/// KDC_ERR_CLIENT_REVOKED (RFC 4120 7.5.9): disabled, locked or expired; it does not say which.
pub(crate) const CLIENT_REVOKED: u32 = 18;

/// STATUS_VALID_CLIENT (MS-RDPBCGR 2.2.1.12.1.3): no error.
const STATUS_VALID_CLIENT: u32 = 7;

/// A number of the server that is an error.
struct Said {
    id: ObservationId,
    stage: Stage,
    table: Table,
    number: u32,
    row: Option<&'static Entry>,
}

impl Said {
    /// A row that names several causes proves none of them.
    fn proof(&self, cause: CauseId) -> Option<Proof> {
        let causes = &self.row?.causes;
        let known: Vec<_> = causes.iter().filter(|id| is_seen_from_outside(**id)).collect();
        let position = known.iter().position(|id| **id == cause)?;
        Some(match (known.len(), position) {
            (1, _) => Proof::Proven,
            (_, 0) => Proof::Likely,
            _ => Proof::Possible,
        })
    }

    fn words(&self) -> String {
        let number = self.table.write(self.number);
        match self.row {
            Some(row) => {
                let name = row.name.as_deref().map_or(String::new(), |name| format!(", {name}"));
                format!("It says {number}{name}: {}.", row.meaning)
            }
            None => format!("It says {number}, which no table here has."),
        }
    }
}

/// Causes that only the host or the client can see by itself are no rivals here.
fn is_seen_from_outside(id: CauseId) -> bool {
    !matches!(id.area(), "host" | "client" | "dns")
}

/// The last error of the sign-in and of the session.
fn errors(evidence: &Evidence<'_>) -> Vec<Said> {
    let mut all = Vec::new();
    if let Some(seen) = look::credssp_error(evidence) {
        all.push(found(seen.id(), Stage::CredSsp, Table::Ntstatus, seen.value, |_| true));
    }
    if let Some(seen) = error_info(evidence) {
        all.push(found(seen.id(), Stage::Session, Table::Errinfo, seen.value, |_| true));
    }
    if let Some(seen) = notification(evidence) {
        let (kind, data) = seen.value;
        let typed = found(seen.id(), Stage::Session, Table::LogonInfo, kind, |row| {
            row.group == NOTIFICATION_TYPE
        });
        let status = || found(seen.id(), Stage::Session, Table::Ntstatus, kind, |_| true);
        let by_data = || {
            found(seen.id(), Stage::Session, Table::LogonInfo, data, |row| {
                row.group == NOTIFICATION_DATA
            })
        };
        all.push(if typed.row.is_some() {
            typed
        } else if status().row.is_some() {
            status()
        } else {
            by_data()
        });
    }
    all
}

fn found(
    id: ObservationId,
    stage: Stage,
    table: Table,
    number: u32,
    fits: impl Fn(&Entry) -> bool,
) -> Said {
    let row = codes::lookup(table, number).find(|row| fits(row));
    Said { id, stage, table, number, row }
}

/// The match of a cause that the tables name for what the server said, or for what the client's own
/// library said in its place.
pub(crate) fn by_number(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    let by_server = errors(evidence).into_iter().find_map(|said| {
        let proof = said.proof(cause)?;
        Some(
            Match::new(Severity::Blocking, proof, [said.id.clone()])
                .at_stage(said.stage)
                .detailed(said.words()),
        )
    });
    by_server.or_else(|| by_system(evidence, cause))
}

/// The last resort of an area: an error for which no table names a cause that is judged here.
pub(crate) fn otherwise(evidence: &Evidence<'_>, stage: Stage, cause: CauseId) -> Option<Match> {
    errors(evidence).into_iter().filter(|said| said.stage == stage).find_map(|said| {
        // Only these areas go by such numbers; a row that names others leaves the number to us.
        let by_number =
            |id: &CauseId| matches!(id.area(), "nla" | "rdpsec" | "license" | "session");
        let judged = |id: &CauseId| {
            by_number(id) && *id != cause && crate::CATALOGUE.iter().any(|c| c.id == *id)
        };
        let spoken_for = said.row.is_some_and(|row| row.causes.iter().any(judged));
        (!spoken_for).then(|| {
            Match::new(Severity::Blocking, Proof::Proven, [said.id.clone()])
                .at_stage(stage)
                .detailed(said.words())
        })
    })
}

/// The causes of licensing errors (MS-RDPBCGR 2.2.1.12.1.3, MS-RDPELE 2.2.2.7).
const LICENSING: [(u32, &str, CauseId); 8] = [
    (1, "ERR_INVALID_SERVER_CERTIFICATE", CauseId("license.protocol-error")),
    (2, "ERR_NO_LICENSE", CauseId("license.no-license")),
    (3, "ERR_INVALID_MAC", CauseId("license.protocol-error")),
    (4, "ERR_INVALID_SCOPE", CauseId("license.error")),
    (6, "ERR_NO_LICENSE_SERVER", CauseId("license.no-server")),
    (8, "ERR_INVALID_CLIENT", CauseId("license.client-rejected")),
    (0xB, "ERR_INVALID_PRODUCTID", CauseId("license.error")),
    (0xC, "ERR_INVALID_MESSAGE_LEN", CauseId("license.protocol-error")),
];

/// The match of a cause for a licensing error; every unknown one is `license.error`.
pub(crate) fn in_licensing(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    let errors = evidence.main_path(|fact| match fact {
        Fact::LicenseError { from: Party::Server, code, .. } if *code != STATUS_VALID_CLIENT => {
            Some(*code)
        }
        _ => None,
    });
    let seen = errors.into_iter().next_back()?;
    let row = LICENSING.iter().find(|(code, ..)| *code == seen.value);
    let (name, named) = row.map_or(("unknown", CauseId("license.error")), |row| (row.1, row.2));
    (named == cause).then(|| {
        Match::new(Severity::Blocking, Proof::Proven, [seen.id()])
            .at_stage(Stage::Licensing)
            .detailed(format!("The licensing error is {}, {name}.", seen.value))
    })
}

/// Whether the server said by number why it ends a session.
pub(crate) fn gave_a_reason(evidence: &Evidence<'_>) -> bool {
    error_info(evidence).is_some() || notification(evidence).is_some()
}

/// The number of that error.
pub(crate) fn error_number(evidence: &Evidence<'_>) -> Option<(ObservationId, u32)> {
    error_info(evidence).map(|seen| (seen.id(), seen.value))
}

/// The last error of the session that came before the client left.
fn error_info<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u32>> {
    before_leaving(evidence, |fact| match fact {
        Fact::SetErrorInfo { code } if *code != 0 => Some(*code),
        _ => None,
    })
    .pop()
}

fn notification<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, (u32, u32)>> {
    before_leaving(evidence, |fact| match fact {
        Fact::LogonNotification { notification_type, data }
            if !GOES_ON.contains(notification_type) =>
        {
            Some((*notification_type, *data))
        }
        _ => None,
    })
    .pop()
}

/// What was seen on the main path until the client asked to leave: what ends a connection behind
/// that is no fault.
pub(crate) fn before_leaving<'a, T>(
    evidence: &Evidence<'a>,
    pick: impl Fn(&'a Fact) -> Option<T>,
) -> Vec<Seen<'a, T>> {
    let mut left = false;
    evidence
        .main_path(|fact| match fact {
            Fact::ShutdownRequested => Some(None),
            fact => pick(fact).map(Some),
        })
        .into_iter()
        .filter_map(|seen| {
            left |= seen.value.is_none();
            let value = seen.value.filter(|_| !left)?;
            Some(Seen { observation: seen.observation, value })
        })
        .collect()
}

/// The last error of a key distribution centre, where the sign-in did not succeed in spite of it.
pub(crate) fn by_centre<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u32>> {
    if look::signed_in(evidence) {
        return None;
    }
    // A client goes by the centre's clock once it was told of it (MS-KILE 3.2.5.1), as Windows does:
    // an error that a ticket follows was none.
    evidence
        .all(|fact| match fact {
            Fact::KerberosError { code, .. } => Some(Some(*code)),
            Fact::KerberosTicket { .. } => Some(None),
            _ => None,
        })
        .pop()
        .and_then(|seen| Some(Seen { observation: seen.observation, value: seen.value? }))
}

const KERBEROS_FAILED: CauseId = CauseId("nla.kerberos-failed");

/// What SSPI says where it made no token: it asked the key distribution centre itself, and these say what
/// that came to (MS-ERREF 2.1.1, 2.3.1). What else it says is about this machine, and accuses nobody.
const SYSTEM: [(u32, CauseId, Proof); 10] = [
    (0x8009_0303, KERBEROS_FAILED, Proof::Proven), // SEC_E_TARGET_UNKNOWN
    (0x8009_030C, CauseId("nla.credentials-rejected"), Proof::Proven), // SEC_E_LOGON_DENIED
    (0x8009_0311, KERBEROS_FAILED, Proof::Proven), // SEC_E_NO_AUTHENTICATING_AUTHORITY
    (0x8009_0322, KERBEROS_FAILED, Proof::Proven), // SEC_E_WRONG_PRINCIPAL
    (0x8009_0324, CauseId("nla.clock-skew"), Proof::Proven), // SEC_E_TIME_SKEW
    (0x8009_033E, CauseId("nla.smartcard-required"), Proof::Proven), // SEC_E_SMARTCARD_LOGON_REQUIRED
    (0x8009_0342, KERBEROS_FAILED, Proof::Proven),                   // SEC_E_KDC_UNKNOWN_ETYPE
    (0x8009_0350, KERBEROS_FAILED, Proof::Likely),                   // SEC_E_DOWNGRADE_DETECTED
    (0xC000_005E, KERBEROS_FAILED, Proof::Proven),                   // STATUS_NO_LOGON_SERVERS
    (0xC000_0418, CauseId("nla.ntlm-blocked"), Proof::Proven),       // STATUS_NTLM_BLOCKED
];

/// The last status of the system's own library.
fn system_status<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, u32>> {
    evidence
        .main_path(|fact| match fact {
            Fact::SystemSignInFailed { code, .. } => Some(*code),
            _ => None,
        })
        .pop()
}

/// The match of a cause for that status. Where NTLM signed in all the same, what is said of Kerberos is a
/// remark.
fn by_system(evidence: &Evidence<'_>, cause: CauseId) -> Option<Match> {
    let seen = system_status(evidence)?;
    let (.., proof) =
        SYSTEM.iter().find(|(code, named, _)| *code == seen.value && *named == cause)?;
    let severity = match look::signed_in(evidence) {
        false => Severity::Blocking,
        true if cause == KERBEROS_FAILED => Severity::Info,
        true => return None,
    };
    let words = format!("SSPI says {}.", status_words(seen.value));
    Some(Match::new(severity, *proof, [seen.id()]).detailed(words))
}

/// That status in words, where the sign-in came to nothing.
pub(crate) fn by_system_words(evidence: &Evidence<'_>) -> Option<String> {
    let seen = system_status(evidence).filter(|_| !look::signed_in(evidence))?;
    Some(format!("Windows did not sign in: SSPI says {}", status_words(seen.value)))
}

/// A status with its name and what it means.
fn status_words(status: u32) -> String {
    let number = Table::Ntstatus.write(status);
    match codes::lookup(Table::Ntstatus, status).next() {
        Some(row) => {
            let name = row.name.as_deref().map_or(String::new(), |name| format!(", {name}"));
            format!("{number}{name}: {}", row.meaning)
        }
        None => format!("{number}, which no table here has"),
    }
}

/// The name of a Kerberos error (RFC 4120 7.5.9).
pub(crate) fn kerberos_name(code: u32) -> &'static str {
    match code {
        1 => "KDC_ERR_NAME_EXP",
        2 => "KDC_ERR_SERVICE_EXP",
        3 => "KDC_ERR_BAD_PVNO",
        6 => "KDC_ERR_C_PRINCIPAL_UNKNOWN",
        7 => "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        8 => "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
        9 => "KDC_ERR_NULL_KEY",
        12 => "KDC_ERR_POLICY",
        13 => "KDC_ERR_BADOPTION",
        14 => "KDC_ERR_ETYPE_NOSUPP",
        16 => "KDC_ERR_PADATA_TYPE_NOSUPP",
        18 => "KDC_ERR_CLIENT_REVOKED",
        21 => "KDC_ERR_CLIENT_NOTYET",
        23 => "KDC_ERR_KEY_EXPIRED",
        24 => "KDC_ERR_PREAUTH_FAILED",
        29 => "KDC_ERR_SVC_UNAVAILABLE",
        31 => "KRB_AP_ERR_BAD_INTEGRITY",
        32 => "KRB_AP_ERR_TKT_EXPIRED",
        33 => "KRB_AP_ERR_TKT_NYV",
        34 => "KRB_AP_ERR_REPEAT",
        35 => "KRB_AP_ERR_NOT_US",
        36 => "KRB_AP_ERR_BADMATCH",
        37 => "KRB_AP_ERR_SKEW",
        41 => "KRB_AP_ERR_MODIFIED",
        44 => "KRB_AP_ERR_BADKEYVER",
        45 => "KRB_AP_ERR_NOKEY",
        60 => "KRB_ERR_GENERIC",
        68 => "KDC_ERR_WRONG_REALM",
        _ => "an error without a name here",
    }
}

/// KRB_AP_ERR_SKEW: the clocks of a service and its client differ (RFC 4120 7.5.9).
pub(crate) const SKEW: u32 = 37;

/// KRB_AP_ERR_TKT_EXPIRED and KRB_AP_ERR_TKT_NYV: by the service's clock a ticket is not valid that the
/// centre has made, and that the client shows.
const OUT_OF_TIME: [u32; 2] = [32, 33];

/// The error with which a web service answered a ticket, and what it says of why.
pub(crate) fn ticket_error(fact: &Fact) -> Option<(u32, String)> {
    ticket_refused(
        fact,
        " It has not got the key that the ticket was made for: its name belongs to another account (setspn -Q HTTP/<its name>), or its key table is old.",
    )
}

/// The same, with what it means that the service has another key.
fn ticket_refused(fact: &Fact, other_key: &str) -> Option<(u32, String)> {
    let Fact::TicketAnswer { code: Some(code), server_time, .. } = fact else { return None };
    let mut words = format!("It answers the ticket with error {code}, {}.", kerberos_name(*code));
    match server_time {
        Some(time) if *code == SKEW || OUT_OF_TIME.contains(code) => {
            words.push_str(&format!(" Its clock says {time}."));
        }
        _ if has_other_key(*code) => words.push_str(other_key),
        _ => {}
    }
    Some((*code, words))
}

/// KRB_AP_ERR_BAD_INTEGRITY, NOT_US, MODIFIED, BADKEYVER, NOKEY (RFC 4120 7.5.9): what a service says that
/// cannot open a ticket.
pub(crate) fn has_other_key(code: u32) -> bool {
    matches!(code, 31 | 35 | 41 | 44 | 45)
}

/// The error with which the host answered the ticket for it last, and what it says of why.
pub(crate) fn host_on_ticket<'a>(evidence: &Evidence<'a>) -> Option<Seen<'a, (u32, String)>> {
    let answers = evidence.main_path(|fact| match fact {
        Fact::TicketAnswer { .. } => Some(ticket_refused(fact, " It has not got the key that the ticket was made for: another account has its name (setspn -Q TERMSRV/<its name>), the password of its computer account is out of step with the directory, or another machine answers under its name.")),
        _ => None,
    });
    // A client goes by the host's clock once it was told of it, as Windows does.
    let last = answers.into_iter().next_back()?;
    Some(Seen { observation: last.observation, value: last.value? })
}

/// What the host's answer says of the clocks: that they differ, or that they do as a rule.
pub(crate) fn host_on_clocks(evidence: &Evidence<'_>) -> Option<Match> {
    let said = host_on_ticket(evidence)?;
    let (code, words) = &said.value;
    let proof = match *code {
        SKEW => Proof::Proven,
        code if OUT_OF_TIME.contains(&code) => Proof::Likely,
        _ => return None,
    };
    let severity = if look::signed_in(evidence) { Severity::Warning } else { Severity::Blocking };
    Some(Match::new(severity, proof, [said.id()]).detailed(words.clone()))
}

/// The match of a cause for what the key distribution centre said.
pub(crate) fn centre_said(evidence: &Evidence<'_>, codes: &[u32], proof: Proof) -> Option<Match> {
    let seen = by_centre(evidence).filter(|seen| codes.contains(&seen.value))?;
    Some(Match::new(Severity::Blocking, proof, [seen.id()]).detailed(format!(
        "The key distribution centre says {}, {}.",
        seen.value,
        kerberos_name(seen.value)
    )))
}
