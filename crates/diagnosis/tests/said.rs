//! Every number that a server can send, through the whole engine: the tables say which cause it is.

use rdpdoctor_diagnosis::codes::{Entry, Table, entries};
use rdpdoctor_diagnosis::{CATALOGUE, Diagnosis, Evidence, Policy, Proof, Severity, diagnose};
use rdpdoctor_model::{
    CauseId, Fact, Observation, ObservationId, Party, Purpose, Source, Stage, Timestamp, Transport,
};

/// What comes out when a server says this on the main path.
fn judged(stage: Stage, facts: Vec<Fact>) -> Diagnosis {
    let remote = ([10, 0, 0, 1], 3389).into();
    let connection = Fact::Connection {
        number: 1,
        purpose: Purpose::Main,
        transport: Transport::Tcp,
        remote,
        local: None,
    };
    let now = Timestamp::now();
    let observations: Vec<Observation> = [connection]
        .into_iter()
        .chain(facts)
        .enumerate()
        .map(|(index, fact)| Observation {
            id: ObservationId::numbered(index + 1),
            source: Source::Probe,
            stage,
            at: Some(now),
            at_ms: 0,
            origin: None,
            connection: Some(1),
            fact,
        })
        .collect();
    diagnose(&Evidence::new(&observations, None, now, Policy::default()))
}

fn catalogued(id: &CauseId) -> bool {
    CATALOGUE.iter().any(|cause| cause.id == *id)
}

/// The first cause of the row that goes by numbers; else the last resort of its area.
fn expected(row: &Entry, areas: &[&str], otherwise: &'static str) -> CauseId {
    let named = row.causes.iter().find(|id| areas.contains(&id.area()) && catalogued(id));
    named.copied().unwrap_or(CauseId(otherwise))
}

/// Rows of one table, each said by `fact`: the first finding is the row's cause, it blocks, and its
/// words hold the row's own.
fn every_row(
    table: Table,
    stage: Stage,
    areas: &[&str],
    otherwise: &'static str,
    fact: impl Fn(u32) -> Fact,
) -> usize {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for row in entries().iter().filter(|row| row.table == table) {
        let Some(number) = row.number.filter(|number| *number != 0) else { continue };
        rows += 1;
        let diagnosis = judged(stage, vec![fact(number)]);
        let cause = expected(row, areas, otherwise);
        let first = diagnosis.findings.first();
        let right = first.is_some_and(|first| {
            first.cause.id == cause
                && first.severity == Severity::Blocking
                && first.explanation.contains(&row.meaning)
                && row.name.as_deref().is_none_or(|name| first.explanation.contains(name))
        });
        if !right {
            let found = first.map(|first| (first.cause.id, first.severity));
            wrong.push(format!("{number:#x}: {cause} expected, {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    rows
}

#[test]
fn every_status_of_a_sign_in() {
    let rows = every_row(Table::Ntstatus, Stage::CredSsp, &["nla"], "nla.refused", |code| {
        Fact::TsRequest {
            from: Party::Server,
            version: 6,
            error_code: Some(code),
            token_length: None,
            has_public_key_auth: false,
        }
    });
    assert!(rows > 50, "{rows} rows");
}

#[test]
fn every_error_of_a_session() {
    let areas = ["session", "license", "rdpsec"];
    let error = |code| Fact::SetErrorInfo { code };
    let rows = every_row(Table::Errinfo, Stage::Session, &areas, "session.error", error);
    assert!(rows > 50, "{rows} rows");
    // Unknown ones are kept as numbers.
    let diagnosis = judged(Stage::Session, vec![error(0x00AB_CDEF)]);
    assert_eq!(diagnosis.findings[0].cause.id, CauseId("session.error"));
    assert!(diagnosis.findings[0].explanation.contains("0xABCDEF"));
}

/// MS-RDPBCGR 2.2.1.12.1.3 and MS-RDPELE 2.2.2.7.
#[test]
fn every_error_of_licensing() {
    for (code, cause) in [
        (1, "license.protocol-error"),
        (2, "license.no-license"),
        (3, "license.protocol-error"),
        (4, "license.error"),
        (6, "license.no-server"),
        (8, "license.client-rejected"),
        (0xB, "license.error"),
        (0xC, "license.protocol-error"),
        (0x77, "license.error"),
    ] {
        let error = Fact::LicenseError { from: Party::Server, code, state_transition: 1 };
        let diagnosis = judged(Stage::Licensing, vec![error]);
        let first = &diagnosis.findings[0];
        assert_eq!((first.cause.id, first.proof), (CauseId(cause), Proof::Proven), "{code}");
    }
    let valid = Fact::LicenseError { from: Party::Server, code: 7, state_transition: 2 };
    assert!(judged(Stage::Licensing, vec![valid]).findings.is_empty());
}
