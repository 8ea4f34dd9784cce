use rdpdoctor_model::{CauseId, Stage};

use super::advice::{ADVICE, Advice};
use super::near::{Near, near_name, near_number};
use super::pairs::{Pair, pairs_of};
use super::query::Query;
use super::table::{Entry, Table, Verification, lookup, named};
use crate::host_view::key_file::SELF_SIGNED;
use crate::{CATALOGUE, Cause, Proof};

/// What is known of a code.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What was asked.
    pub query: Query,
    /// What the number officially means, table by table.
    pub meanings: Vec<Meaning>,
    /// What is known of the pair: claims judged, real reports.
    pub pairs: Vec<&'static Pair>,
    /// What the layout of the number suggests, where no table has it. Observed, not documented.
    pub fallback: Option<&'static str>,
    /// What to mind about the question itself: a number of several meanings, a number that no
    /// table has beside one that is known.
    pub hint: Option<&'static str>,
    /// The causes that produce it, the surest first, then by stage.
    pub causes: Vec<PossibleCause>,
    /// What to check first; at most three.
    pub first_checks: Vec<Check>,
    /// Advice that is given for it and should not be followed.
    pub refused: Vec<&'static Advice>,
    /// What may have been meant, where a number or the name is unknown.
    pub near: Vec<Near>,
}

impl Explanation {
    /// Whether the code is known; an extended code alone does not make an unknown pair known.
    pub fn found(&self) -> bool {
        !self.pairs.is_empty() || self.meanings.iter().any(|meaning| meaning.role == Role::Code)
    }
}

/// A row that speaks of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Which of the two numbers it is about.
    pub role: Role,
    /// The row.
    pub entry: &'static Entry,
}

/// Which number of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The error code, or the only number.
    Code,
    /// The extended error code.
    Extended,
}

/// A cause that produces the code.
#[derive(Debug, Clone, Copy)]
pub struct PossibleCause {
    /// Its identifier.
    pub id: CauseId,
    /// How sure the code alone makes it.
    pub proof: Proof,
    /// Its words, where this version can find it.
    pub cause: Option<&'static Cause>,
}

/// Something to check, with `HOST` where the target's name belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it tells.
    pub why: String,
    /// The command.
    pub command: String,
}

/// Explains a code.
pub fn explain(query: &Query) -> Explanation {
    let meanings = meanings(query);
    let codes = match query {
        Query::Pair { code, extended } => Some((*code, Some(*extended))),
        Query::Number { number, table: None | Some(Table::DisconnectReason) } => {
            Some((*number, None))
        }
        Query::Number { .. } | Query::Name(_) => None,
    };
    let pairs = codes.map_or_else(Vec::new, |(code, extended)| pairs_of(code, extended));
    let causes = causes(codes, &pairs, &meanings);
    let refused = ADVICE.iter().filter(|a| a.concerns(causes.iter().map(|c| &c.id))).collect();
    let mut explanation = Explanation {
        query: query.clone(),
        fallback: fallback(query, &meanings),
        hint: None,
        first_checks: first_checks(codes, &pairs, &causes, &meanings),
        near: near(query, &meanings),
        meanings,
        pairs,
        causes,
        refused,
    };
    explanation.hint = hint(&explanation);
    explanation
}

fn meanings(query: &Query) -> Vec<Meaning> {
    match query {
        Query::Pair { code, extended } => {
            let mut first = rows(Table::DisconnectReason, *code);
            // A client may put a status where the reason belongs; small numbers mean a reason only.
            if first.is_empty() && *code > 0xFFFF {
                first = [Table::Ntstatus, Table::Gateway]
                    .into_iter()
                    .flat_map(|table| rows(table, *code))
                    .collect();
            }
            let second = [Table::ExtendedReason, Table::Errinfo]
                .into_iter()
                .flat_map(|table| lookup(table, *extended));
            let of = |role| move |entry| Meaning { role, entry };
            first.into_iter().map(of(Role::Code)).chain(second.map(of(Role::Extended))).collect()
        }
        Query::Number { number, table } => Table::ALL
            .into_iter()
            .filter(|known| table.map_or(*known != Table::ClientEvent, |table| table == *known))
            .flat_map(|table| rows(table, *number))
            .map(|entry| Meaning { role: Role::Code, entry })
            .collect(),
        Query::Name(name) => named(name).map(|entry| Meaning { role: Role::Code, entry }).collect(),
    }
}

/// The rows of a table for a number. Gateways write the same code as HRESULT or as the Win32 code
/// inside it (MS-TSGU 2.2.6.1); only the form in the table is a row.
pub(crate) fn rows(table: Table, number: u32) -> Vec<&'static Entry> {
    const FACILITY_WIN32: u32 = 0x8007_0000;
    /// The codes that MS-TSGU defines itself; the others are the system's own.
    const OWN: std::ops::RangeInclusive<u32> = 0x5900..=0x5AFF;
    let exact: Vec<&Entry> = lookup(table, number).collect();
    let short = number & 0xFFFF;
    if table != Table::Gateway || !exact.is_empty() || !OWN.contains(&short) {
        return exact;
    }
    let other = match number & 0xFFFF_0000 {
        0 => number | FACILITY_WIN32,
        FACILITY_WIN32 => short,
        _ => return exact,
    };
    lookup(table, other).collect()
}

/// The pair's own list first, then the catalogue's causes by proof and stage, then what the tables
/// name; each once, the surest first.
fn causes(
    codes: Option<(u32, Option<u32>)>,
    pairs: &[&'static Pair],
    meanings: &[Meaning],
) -> Vec<PossibleCause> {
    let mut found: Vec<PossibleCause> = Vec::new();
    let mut add = |id: CauseId, proof| {
        if !found.iter().any(|known| known.id == id) {
            let cause = CATALOGUE.iter().copied().find(|cause| cause.id == id);
            found.push(PossibleCause { id, proof, cause });
        }
    };
    for suspect in pairs.iter().flat_map(|pair| pair.causes) {
        add(suspect.cause, suspect.proof);
    }
    if let Some((code, extended)) = codes {
        let mut showing: Vec<(Proof, &Cause)> = CATALOGUE
            .iter()
            .filter_map(|cause| {
                let shown = cause.client_shows.iter().filter(|s| s.matches(code, extended));
                Some((shown.map(|s| s.proof).min()?, *cause))
            })
            .collect();
        showing.sort_by_key(|(proof, cause)| (*proof, cause.stage));
        for (proof, cause) in showing {
            add(cause.id, proof);
        }
    }
    for meaning in meanings {
        for id in &meaning.entry.causes {
            add(*id, proof_by_meaning(meaning, meanings));
        }
    }
    found.sort_by_key(|cause| cause.proof);
    found
}

/// A checked row that stands for one cause alone makes it likely, unless the number may as well
/// mean something else.
fn proof_by_meaning(meaning: &Meaning, meanings: &[Meaning]) -> Proof {
    let checked =
        matches!(meaning.entry.verified, Verification::Verified | Verification::Secondary);
    let elsewhere = meanings
        .iter()
        .any(|other| other.role == meaning.role && other.entry.causes != meaning.entry.causes);
    if checked && meaning.entry.causes.len() == 1 && !elsewhere {
        Proof::Likely
    } else {
        Proof::Possible
    }
}

/// How many checks are named.
const FIRST_CHECKS: usize = 3;

/// The pair's own checks, then the tests and the looking steps of the causes' remedies, then what
/// is asked at the stage of the number.
fn first_checks(
    codes: Option<(u32, Option<u32>)>,
    pairs: &[&'static Pair],
    causes: &[PossibleCause],
    meanings: &[Meaning],
) -> Vec<Check> {
    let mut found: Vec<Check> = Vec::new();
    let mut add = |why: &str, command: &str| {
        let check = Check { why: in_general(why), command: fill(command) };
        if found.len() < FIRST_CHECKS && !found.iter().any(|known| known.command == check.command) {
            found.push(check);
        }
    };
    for check in pairs.iter().flat_map(|pair| pair.first_checks) {
        add(check.why, check.command);
    }
    let is_reason = meanings.iter().any(|m| m.entry.table == Table::DisconnectReason);
    if let Some((code, extended)) = codes
        && is_reason
        && !pairs.iter().any(|pair| !pair.first_checks.is_empty())
        && code >= FIRST_FAILURE
    {
        let reported = extended.map_or(format!("0x{code:X}"), |e| format!("0x{code:X}:0x{e:X}"));
        add(
            "from the client, without a password: what is found, and whether it explains the code",
            &format!("rdpdoctor check {{target}} --reported {reported}"),
        );
    }
    let known = || causes.iter().filter_map(|possible| possible.cause);
    for test in known().flat_map(|cause| cause.next_tests) {
        add(test.why, test.command);
    }
    for cause in known() {
        for step in cause.remedies.iter().flat_map(|remedy| remedy.steps) {
            if is_look(step) {
                add(&format!("a look that changes nothing, for {}", cause.id), step);
            }
        }
    }
    for stage in meanings.iter().filter_map(|meaning| meaning.entry.stage) {
        for (at, why, command) in AT_STAGE {
            if *at == stage {
                add(why, command);
            }
        }
    }
    found
}

/// The first disconnect reason that is a failure to connect; below it sessions end.
const FIRST_FAILURE: u32 = 0x104;

/// Whether a step only looks: one PowerShell command of the verbs Get, Test and Resolve
/// (about_Verbs) that hands nothing to a command of another kind.
fn is_look(step: &str) -> bool {
    let Some(command) = step.strip_prefix("PS> ") else { return false };
    // A filter's own semicolons part no commands.
    let outside = match (command.find("@{"), command.find('}')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{}", &command[..start], &command[end..])
        }
        _ => command.to_owned(),
    };
    outside.split('|').map(str::trim).enumerate().all(|(index, part)| {
        let verbs: &[&str] = match index {
            0 => &["Get-", "Test-", "Resolve-"],
            _ => &["Format-", "Select-", "Where-", "Sort-"],
        };
        verbs.iter().any(|verb| part.starts_with(verb)) && !part.contains([';', '>', '('])
    })
}

/// What is asked where nothing more precise is known: stage, what it tells, command.
const AT_STAGE: &[(Stage, &str, &str)] = &[
    (Stage::Dns, "what the DNS says to the name", "Resolve-DnsName {host}"),
    (
        Stage::Tcp,
        "whether the port can be reached at all",
        "Test-NetConnection {host} -Port {port}",
    ),
    (
        Stage::X224,
        "what the host offers, and what a client offers it",
        "rdpdoctor check {target} --deep",
    ),
    (
        Stage::Tls,
        "which TLS versions the host takes, and with which certificate",
        "rdpdoctor check {target} --deep",
    ),
    (
        Stage::CredSsp,
        "whether the way to the sign-in is clear: certificate, clock, NTLM; no password is sent",
        "rdpdoctor check {target}",
    ),
    (
        Stage::CredSsp,
        "on the host: refused sign-ins with the reason (Status and SubStatus)",
        "Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 10 | \
            Format-List TimeCreated, Message",
    ),
    (
        Stage::CredSsp,
        "the account's state in the domain: locked, disabled, expired, password, hours",
        "net user USER /domain",
    ),
    (
        Stage::Mcs,
        "whether the host answers beyond sign-in or hangs up",
        "rdpdoctor check {target} --details",
    ),
    (
        Stage::Licensing,
        "on the host: what it says of its licence servers",
        "Get-WinEvent -FilterHashtable @{LogName='System'; \
            ProviderName='Microsoft-Windows-TerminalServices-Licensing','Microsoft-Windows-TerminalServices-RemoteConnectionManager'} \
            -MaxEvents 20 | Format-List TimeCreated, Id, Message",
    ),
    (Stage::Session, "which sessions the host has, and in which state", "quser /server:{host}"),
    (
        Stage::Session,
        "on the host: when the session began and ended, and why",
        "Get-WinEvent -LogName \
            Microsoft-Windows-TerminalServices-LocalSessionManager/Operational -MaxEvents 20 | \
            Format-List TimeCreated, Id, Message",
    ),
    (
        Stage::Gateway,
        "whether the gateway can be reached from the client",
        "Test-NetConnection GATEWAY -Port 443",
    ),
    (
        Stage::Gateway,
        "on the gateway: which user, which target, which policy refused",
        "Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational \
            -MaxEvents 20 | Format-List TimeCreated, Id, Message",
    ),
    (
        Stage::Client,
        "on the client: what its own log says (event 1026 has the code, 226 the step)",
        "Get-WinEvent -LogName Microsoft-Windows-TerminalServices-RDPClient/Operational \
            -MaxEvents 20 | Format-List TimeCreated, Id, Message",
    ),
];

/// A command with words to be replaced by whoever types it.
fn fill(command: &str) -> String {
    let command = command.replace("{gateway}", "GATEWAY").replace("{port}", "3389");
    let command = command.replace("{key_file}", SELF_SIGNED);
    command.replace("{target}", "HOST").replace("{host}", "HOST")
}

/// A text of the catalogue that is about no target in particular.
pub fn in_general(text: &str) -> String {
    let text =
        text.replace("RD Gateway {gateway}", "RD Gateway").replace("{gateway}", "the gateway");
    let text = text.replace("{host}", "the host").replace("{target}", "the host");
    let text = text.replace("Port {port}", "The port").replace("port {port}", "its port");
    text.replace("{port}", "the port")
}

/// What the layout of an unknown code suggests: the low byte of a disconnect reason, as observed in
/// the known ones; the range of an extended one.
fn fallback(query: &Query, meanings: &[Meaning]) -> Option<&'static str> {
    let knows = |role| meanings.iter().any(|meaning| meaning.role == role);
    match query {
        Query::Pair { code, .. } | Query::Number { number: code, table: None }
            if !knows(Role::Code) =>
        {
            family(*code)
        }
        Query::Number { number, table: Some(Table::DisconnectReason) } if !knows(Role::Code) => {
            family(*number)
        }
        Query::Pair { extended: 0x1000..=0x7FFF, .. } if !knows(Role::Extended) => Some(
            "the extended code lies in the range of protocol errors, 0x1000 to 0x7FFF: one side \
             could not read what the other sent",
        ),
        _ => None,
    }
}

fn family(code: u32) -> Option<&'static str> {
    match code {
        0x0300_0000..=0x0300_00FF => return Some("numbers 0x30000xx are the gateway's"),
        0x0200_0000..=0x0200_00FF => return Some("numbers 0x20000xx are RemoteApp's"),
        0x100..=0xFFFF => {}
        _ => return None,
    }
    Some(match code & 0xFF {
        0x04 => "its low byte stands for the socket",
        0x06 => "its low byte stands for security or memory",
        0x07 => "its low byte stands for TLS or CredSSP",
        0x08 => "its low byte stands for the name, a time-out or the licence",
        0x09 => "its low byte stands for the policy on NLA",
        _ => return None,
    })
}

fn near(query: &Query, meanings: &[Meaning]) -> Vec<Near> {
    let knows = |role| meanings.iter().any(|meaning| meaning.role == role);
    match query {
        Query::Pair { code, extended } if !knows(Role::Code) => {
            near_number(*code, &[Table::DisconnectReason], |code| Query::Pair {
                code,
                extended: *extended,
            })
        }
        Query::Pair { code, extended } if !knows(Role::Extended) => {
            near_number(*extended, &[Table::ExtendedReason, Table::Errinfo], |extended| {
                Query::Pair { code: *code, extended }
            })
        }
        Query::Number { number, table } if !knows(Role::Code) => {
            let tables: Vec<Table> = match table {
                Some(table) => vec![*table],
                None => Table::ALL.into_iter().filter(|t| *t != Table::ClientEvent).collect(),
            };
            near_number(*number, &tables, |number| Query::Number { number, table: *table })
        }
        Query::Name(name) if !knows(Role::Code) => near_name(name),
        _ => Vec::new(),
    }
}

fn hint(explanation: &Explanation) -> Option<&'static str> {
    let knows = |role| explanation.meanings.iter().any(|meaning| meaning.role == role);
    match &explanation.query {
        Query::Pair { .. } if !knows(Role::Code) => Some("No table has the first number."),
        Query::Pair { .. } if !knows(Role::Extended) => Some("No table has the extended code."),
        Query::Number { table: None, .. } => {
            let mut tables: Vec<Table> =
                explanation.meanings.iter().map(|meaning| meaning.entry.table).collect();
            tables.dedup();
            let ambiguous = tables.len() > 1;
            ambiguous.then_some(
                "The number alone has several meanings. A dialog shows two numbers: give both.",
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_STAGE, Role, explain, fill, is_look};
    use crate::Proof;
    use crate::codes::{Query, entries};

    fn typed(text: &str) -> super::Explanation {
        explain(&crate::codes::parse_query(&[text]).expect("a query"))
    }

    fn likely(text: &str) -> Vec<&'static str> {
        let causes = typed(text).causes;
        causes.iter().filter(|c| c.proof == Proof::Likely).map(|c| c.id.0).collect()
    }

    #[test]
    fn an_extended_code_is_looked_up_in_its_own_tables_only() {
        let pair = typed("0x904 0x7");
        let extended: Vec<&str> = pair
            .meanings
            .iter()
            .filter(|m| m.role == Role::Extended)
            .map(|m| m.entry.table.id())
            .collect();
        assert_eq!(extended, ["extended-reason", "errinfo"]);
        assert!(pair.hint.is_none() && pair.near.is_empty());
        // Alone, 7 is a negotiation failure as well.
        let alone = typed("7");
        assert!(alone.meanings.iter().any(|m| m.entry.table.id() == "negotiation"));
        assert!(alone.hint.is_some());
        assert!(likely("7").is_empty(), "an ambiguous number makes nothing likely");
    }

    #[test]
    fn a_number_that_means_one_thing_makes_its_cause_likely() {
        assert_eq!(likely("0xC0000234"), ["nla.account-locked"]);
        assert_eq!(likely("0x3 0x3"), ["session.idle-timeout"]);
        assert_eq!(likely("errinfo 0x109"), ["license.no-license"]);
    }

    #[test]
    fn a_slip_of_base_in_a_pair_is_not_found_but_named() {
        let slip = typed("904 7");
        assert!(!slip.found(), "the 7 alone explains nothing");
        assert_eq!(slip.near[0].query, Query::Pair { code: 0x904, extended: 7 });
        let unknown = typed("0x904 0x99");
        assert!(unknown.found() && unknown.hint.is_some());
    }

    #[test]
    fn unknown_numbers_fall_back_to_their_layout() {
        assert!(typed("0x7C07").fallback.is_some_and(|text| text.contains("CredSSP")));
        assert!(typed("0x3 0x10EE").fallback.is_some_and(|text| text.contains("protocol")));
        assert!(typed("0x7C0C").fallback.is_none());
        assert!(typed("0x904").fallback.is_none());
    }

    #[test]
    fn a_gateway_code_is_known_in_both_its_forms() {
        for text in ["0x800759DD", "0x59DD", "23005"] {
            let known = typed(text).meanings[0].entry.name.as_deref();
            assert_eq!(known, Some("E_PROXY_TS_CONNECTFAILED"), "{text}");
        }
        for text in ["0x800759DA", "0x59DA"] {
            let known = typed(text).meanings[0].entry.name.as_deref();
            assert_eq!(known, Some("E_PROXY_RAP_ACCESSDENIED"), "{text}");
        }
        assert!(!typed("0x800700A0").found(), "the system's codes are not the gateway's");
    }

    #[test]
    fn a_status_in_the_place_of_the_reason_is_known() {
        let name = |text| typed(text).meanings[0].entry.name.clone();
        assert_eq!(name("0xC000006D 0x0").as_deref(), Some("STATUS_LOGON_FAILURE"));
        // A small number is a reason or nothing.
        assert!(!typed("0x28 0x0").found());
    }

    #[test]
    fn checks_are_filled_and_few() {
        for entry in entries() {
            let Some(number) = entry.number else { continue };
            let query = Query::Number { number, table: Some(entry.table) };
            let checks = explain(&query).first_checks;
            assert!(checks.len() <= 3);
            if entry.stage.is_some() {
                assert!(!checks.is_empty(), "{entry:?}");
            }
            for check in checks {
                for text in [&check.why, &check.command] {
                    assert!(!["{host}", "{port}", "{target}"].iter().any(|p| text.contains(p)));
                }
            }
        }
        assert_eq!(fill("a {target} {host}:{port}"), "a HOST HOST:3389");
        assert!(AT_STAGE.iter().all(|(_, why, command)| !why.is_empty() && !command.is_empty()));
    }

    #[test]
    fn only_looking_steps_become_checks() {
        assert!(is_look("PS> Get-Service TermService"));
        assert!(is_look(
            "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=1057} | Format-List Id"
        ));
        assert!(!is_look("PS> Restart-Service TermService"));
        assert!(!is_look("PS> Get-Item x; Remove-Item x"));
        assert!(!is_look("Get-Service TermService"));
        assert!(!is_look("PS> Get-Acl x | Set-Acl y"));
        assert!(!is_look("PS> Get-Content x > y"));
    }
}
