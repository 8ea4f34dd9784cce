//! Rows of the table of checks, each from a machine to its findings: a healthy one, one that is broken
//! in one way, one that lets nobody look.

mod clients;
mod hosts;
mod machines;

use std::collections::BTreeSet;
use std::path::PathBuf;

use rdpdoctor_diagnosis::{CATALOGUE, Evidence, Policy, diagnose};
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{FactsFile, Question, Side, checks, collect, observations};
use rdpdoctor_model::{Fact, Lookup};

use crate::support::{Run, command, findings, folder, run};
use clients::broken_clients;
use hosts::broken_hosts;
use machines::{Broken, healthy_client, healthy_host};

/// The areas of the rows that are walked here.
fn is_ours(row: &str) -> bool {
    let number: u32 = row[1..].parse().expect("a number");
    row.starts_with('C')
        || matches!(number, 95..=107 | 110..=116 | 120..=138 | 160 | 162 | 163 | 200..=202)
}

/// The table's rows of these areas.
const ROWS: &str = "H095 H096 H097 H098 H099 H100 H101 H102 H103 H104 H105 H106 H107 H110 H111 H112 \
    H113 H114 H115 H116 C117 H120 H121 H122 H123 H124 H125 H126 H127 H128 H129 H130 H131 H132 H133 \
    H134 H135 H136 H137 H138 H160 C161 H162 H163 C170 C171 C172 C173 C174 C175 C176 C177 C178 C179 \
    C180 C181 C182 C183 C184 C185 C186 C187 C188 C189 C190 C191 C192 C193 C194 C195 C196 H200 H201 \
    H202";

/// The causes that the rows feed.
fn fed() -> BTreeSet<&'static str> {
    let ours = checks::all().filter(|check| is_ours(check.row));
    ours.flat_map(|check| check.causes).copied().collect()
}

/// The facts of a machine that these rows ask for; other rows have tests of their own.
fn facts(system: &FakeSystem, side: Side) -> Vec<Fact> {
    let asked: Vec<Question> = checks::all()
        .filter(|check| is_ours(check.row) && check.side == side)
        .flat_map(|check| check.questions.iter().copied())
        .collect();
    let mut facts = collect(system, side);
    facts.retain(|fact| asked.iter().any(|question| answers(fact, *question)));
    for fact in &mut facts {
        if let Fact::FactsOf(of) = fact {
            of.collected_at = Some(machines::read_at());
        }
    }
    facts
}

fn answers(fact: &Fact, question: Question) -> bool {
    let of = |key: &str, asked: &str| key.to_lowercase().starts_with(&asked.to_lowercase());
    match (fact, question) {
        (Fact::FactsOf(_), _) => true,
        (Fact::RegistryValue(value), Question::Value(key, name)) => {
            value.key.eq_ignore_ascii_case(key) && value.name.eq_ignore_ascii_case(name)
        }
        (Fact::RegistryValue(value), Question::Values(key) | Question::ValueOfEach(key, _)) => {
            of(&value.key, key)
        }
        (
            Fact::RegistryKey(found),
            Question::Values(key) | Question::ValueOfEach(key, _) | Question::Subkeys(key),
        ) => found.key.eq_ignore_ascii_case(key),
        (Fact::RegistryValue(value), Question::Profiles) => of(&value.key, machines::PROFILES),
        (Fact::RegistryKey(found), Question::Profiles) => of(&found.key, machines::PROFILES),
        (Fact::WindowsFile(file), Question::File(path)) => {
            file.path.rsplit('\\').next() == path.rsplit('\\').next()
        }
        (Fact::WindowsFile(file), Question::Profiles) => file.path.contains(r"\Users\"),
        (Fact::WindowsSessions { .. }, Question::Sessions)
        | (Fact::LocalAccounts { .. }, Question::Accounts)
        | (Fact::InstalledUpdates { .. }, Question::Updates)
        | (Fact::SavedCredentials { .. }, Question::SavedCredentials)
        | (Fact::WindowsHosts(_), Question::Hosts)
        | (Fact::ClientDefaults(_), Question::ClientDefaults(_))
        | (Fact::FileHead(_), Question::Heads(_))
        | (Fact::LicenseGrace { .. }, Question::LicenseGrace) => true,
        (Fact::GroupMembers { group, .. }, Question::Members(asked)) => group == asked,
        (Fact::AccountRight { right, .. }, Question::Right(asked)) => right == asked,
        (Fact::WindowsEvent(event), Question::Events(_, provider, ids)) => event.is(provider, ids),
        _ => false,
    }
}

/// What the facts of a machine say, each finding as "cause severity proof".
fn judged(system: &FakeSystem, side: Side) -> Vec<String> {
    let observations = observations(facts(system, side), side, None);
    let evidence = Evidence::new(&observations, None, machines::read_at(), Policy::default());
    let found = diagnose(&evidence).findings;
    found
        .iter()
        .map(|finding| {
            let word = |value| serde_json::to_value(value).expect("JSON");
            let (severity, proof) = (word(finding.severity), serde_json::to_value(finding.proof));
            let proof = proof.expect("JSON");
            format!(
                "{} {} {}",
                finding.cause.id,
                severity.as_str().unwrap_or_default(),
                proof.as_str().unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn every_row_is_asked_about_or_says_why_not() {
    let asked: BTreeSet<&str> = checks::all().map(|check| check.row).collect();
    let left_out: BTreeSet<&str> = checks::left_out().map(|left_out| left_out.row).collect();
    for row in ROWS.split_whitespace() {
        assert!(asked.contains(row) != left_out.contains(row), "{row}");
    }
    for check in checks::all().filter(|check| is_ours(check.row)) {
        assert!(ROWS.contains(check.row), "{} is not in the list", check.row);
        assert!(!check.questions.is_empty() && !check.causes.is_empty(), "{}", check.row);
        for cause in check.causes {
            assert!(CATALOGUE.iter().any(|c| c.id.0 == *cause), "{}: {cause}", check.row);
        }
    }
}

#[test]
fn a_healthy_machine_is_silent() {
    assert_eq!(judged(&healthy_host(), Side::Host), Vec::<String>::new());
    assert_eq!(judged(&healthy_client(), Side::Client), Vec::<String>::new());
}

/// "Could not look" never yields a finding.
#[test]
fn a_machine_that_lets_nobody_look_is_silent() {
    for (system, side) in [(healthy_host(), Side::Host), (healthy_client(), Side::Client)] {
        let unreadable = vec![String::new()];
        let silent = FakeSystem { unreadable, ..system };
        let facts = facts(&silent, side);
        let seen = facts.iter().any(|fact| match fact {
            Fact::RegistryValue(value) => !matches!(value.data, Lookup::Unavailable { .. }),
            _ => false,
        });
        assert!(!facts.is_empty() && !seen);
        assert_eq!(judged(&silent, side), Vec::<String>::new());
    }
}

/// Each way to be broken brings its finding, and each row has such a way.
#[test]
fn every_row_finds_what_it_is_for() {
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    let all = [(Side::Host, broken_hosts()), (Side::Client, broken_clients())];
    for (side, machines) in all {
        for Broken { rows, name, system, found } in machines {
            walked.extend(rows);
            assert_eq!(judged(&system, side), found, "{rows:?}: {name}");
            let fed_by_rows: BTreeSet<&str> = checks::all()
                .filter(|check| rows.contains(&check.row))
                .flat_map(|check| check.causes)
                .copied()
                .collect();
            let causes: Vec<&str> = found.iter().filter_map(|f| f.split(' ').next()).collect();
            assert!(causes.iter().any(|cause| fed_by_rows.contains(cause)), "{rows:?}: {name}");
        }
    }
    let asked = checks::all().map(|check| check.row).filter(|row| is_ours(row));
    let missing: Vec<&str> = asked.filter(|row| !walked.contains(row)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// And each cause that the rows feed is found by some of them.
#[test]
fn every_cause_of_the_rows_is_found_somewhere() {
    let machines = broken_hosts().into_iter().chain(broken_clients());
    let found: BTreeSet<String> = machines
        .flat_map(|broken| broken.found)
        .filter_map(|found| found.split(' ').next().map(str::to_owned))
        .collect();
    // Causes of other areas, of which the rows are one more sign.
    let others = ["nla.", "session.", "dns."];
    let missing: Vec<&str> = fed()
        .into_iter()
        .filter(|cause| !others.iter().any(|area| cause.starts_with(area)))
        .filter(|cause| !found.contains(*cause))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

fn written(folder: &str, name: &str, system: &FakeSystem, side: Side) -> PathBuf {
    let path = folder_of(folder).join(format!("{name}.json"));
    std::fs::write(&path, FactsFile::write(side, &facts(system, side))).expect("it is written");
    path
}

fn folder_of(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a folder for the test");
    path
}

fn ask(command_name: &str, path: &PathBuf, more: &[&str]) -> Run {
    run(command().args([command_name, "--facts"]).arg(path).args(more))
}

/// Name, exit code, status, cause and findings of each machine, for a snapshot.
fn table(command_name: &str, side: Side, healthy: &FakeSystem, broken: Vec<Broken>) -> String {
    folder(command_name);
    let mut lines = Vec::new();
    let healthy = ("healthy", healthy.clone());
    let all = std::iter::once(healthy).chain(broken.into_iter().map(|b| (b.name, b.system)));
    for (name, system) in all {
        let path = written(command_name, &name.replace([' ', ','], "-"), &system, side);
        let run = ask(command_name, &path, &["--json"]);
        let document = run.json();
        lines.push(format!(
            "{name}: exit {}, {}, {}",
            run.code,
            document["verdict"]["status"].as_str().unwrap_or_default(),
            findings(&document).join("; ")
        ));
    }
    lines.join("\n")
}

#[test]
fn facts_of_broken_hosts() {
    insta::assert_snapshot!(table("host", Side::Host, &healthy_host(), broken_hosts()));
}

#[test]
fn facts_of_broken_clients() {
    insta::assert_snapshot!(table("client", Side::Client, &healthy_client(), broken_clients()));
}

#[test]
fn what_people_see_of_a_machine() {
    let by_name = |all: Vec<Broken>, name: &str| {
        all.into_iter().find(|broken| broken.name == name).expect("it is in the list").system
    };
    let host = by_name(broken_hosts(), "a session that is down");
    let path = written("seen", "host", &host, Side::Host);
    insta::assert_snapshot!("host-session-stuck", ask("host", &path, &[]).stdout);
    let details = ask("host", &path, &["--details"]).stdout;
    let sessions: Vec<&str> = details
        .lines()
        .skip_while(|line| !line.starts_with("Sessions"))
        .take_while(|line| !line.is_empty())
        .collect();
    insta::assert_snapshot!("host-sessions", sessions.join("\n"));

    let client = by_name(broken_clients(), "credentials that were refused");
    let path = written("seen", "client", &client, Side::Client);
    insta::assert_snapshot!("client-saved-credentials", ask("client", &path, &[]).stdout);
    let healthy = written("seen", "healthy", &healthy_client(), Side::Client);
    insta::assert_snapshot!("client-healthy", ask("client", &healthy, &[]).stdout);
}

/// Users, SIDs and computers become pseudonyms, wherever they stand.
#[test]
fn a_masked_machine_names_nobody() {
    let machines =
        [(Side::Host, "host", broken_hosts()), (Side::Client, "client", broken_clients())];
    for (side, command_name, machines) in machines {
        for Broken { name, system, .. } in machines {
            let path = written("masked", command_name, &system, side);
            for more in [&["--mask", "--json"], &["--mask", "--details"]] {
                let said = ask(command_name, &path, more).stdout.to_lowercase();
                for original in machines::NAMES {
                    assert!(!said.contains(original), "{name}: {original}: {said}");
                }
            }
        }
    }
}

/// The wrong end is refused in one line.
#[test]
fn facts_of_the_other_end() {
    let path = written("other-end", "client", &healthy_client(), Side::Client);
    let run = ask("host", &path, &["--json"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.lines().count()), (3, "", 1));
}
