//! `docs/what-blocks.md`: each of its rows is held against the server of the lab that it names, as it
//! stands and with the options that ask for more.

use rdpdoctor_diagnosis::CATALOGUE;
use rdpdoctor_lab::fault;
use serde_json::Value;

use crate::lab::{Way, checked_in};
use crate::support::findings;

const PAGE: &str = include_str!("../../../../docs/what-blocks.md");

/// One row of the page.
struct Row {
    causes: Vec<&'static str>,
    default: &'static str,
    /// Options that ask for more, and what is said then.
    more: Option<(Vec<&'static str>, &'static str)>,
    fault: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [_, causes, default, more, _, fault] = cells[..] else {
                panic!("six cells: {line}")
            };
            let options = more.strip_prefix('`').and_then(|more| more.split_once("`: "));
            assert!(
                more.is_empty() || options.is_some(),
                "no options and what they come to: {line}"
            );
            let (causes, fault) = (quoted(causes), quoted(fault));
            assert!(
                fault.is_empty() || causes.len() == 1,
                "one cause for a server of the lab: {line}"
            );
            assert!(fault.len() < 2, "one server of the lab: {line}");
            Row {
                causes,
                default,
                more: options.map(|(options, said)| (options.split(' ').collect(), said)),
                fault: fault.first().copied(),
            }
        })
        .collect()
}

/// What stands in backquotes.
fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The page's word for a severity.
fn word(severity: &str) -> &'static str {
    match severity {
        "blocking" => "blocks",
        "warning" => "warns",
        "info" => "told",
        _ => "?",
    }
}

/// What a document says of a cause, in the page's words.
fn said(document: &Value, cause: &str) -> String {
    let found = findings(document).into_iter().find(|finding| finding.starts_with(cause));
    let severity = found.as_deref().and_then(|finding| finding.split(' ').nth(1));
    severity.map_or_else(|| format!("nothing of {cause}"), |severity| word(severity).to_owned())
}

#[test]
fn every_cause_of_the_page_is_in_the_catalogue() {
    let rows = rows();
    assert!(rows.len() > 20, "{} rows were read", rows.len());
    for cause in rows.iter().flat_map(|row| &row.causes) {
        assert!(CATALOGUE.iter().any(|known| known.id.0 == *cause), "{cause}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_lab_says_what_the_page_says() {
    let mut tasks = Vec::new();
    for row in rows() {
        let (Some(name), &[cause]) = (row.fault, row.causes.as_slice()) else { continue };
        let fault = fault(name).unwrap_or_else(|| panic!("the lab has no {name}"));
        let both = [Some((Vec::new(), row.default)), row.more];
        for (options, said) in both.into_iter().flatten() {
            let place = format!("page-{}-{name}-{}", tasks.len(), cause);
            let run = tokio::spawn(async move {
                let options = [options, vec!["--json"]].concat();
                checked_in(fault, &options, &place, Way::Usual("http")).await.0
            });
            tasks.push((name, cause, said, run));
        }
    }
    let mut wrong = Vec::new();
    for (name, cause, expected, task) in tasks {
        let document = task.await.expect("it ran").json();
        let said = said(&document, cause);
        if said != expected {
            wrong.push(format!("{name}: the page says that {cause} {expected}, the check {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
