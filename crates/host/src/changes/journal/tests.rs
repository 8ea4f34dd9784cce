//! Journals that were cut off, changed, shared.

use std::path::Path;

use rdpdoctor_model::{Lookup, Plan, SessionsAtWork, State, Timestamp};

use super::{Began, Entry, Journal, JournalError, Outcome, Phase};

fn began() -> Began {
    let plan = Plan {
        version: 1,
        computer: Some("PC42".to_owned()),
        made_at: Timestamp::now(),
        even_if_policy: false,
        fixes: Vec::new(),
        refused: Vec::new(),
        by_hand: Vec::new(),
        escalation: Vec::new(),
        handshake_port: None,
        sessions: SessionsAtWork {
            users: Lookup::Absent,
            own: None,
            ends_disconnected_after_ms: None,
            by_policy: false,
        },
    };
    let (who, came_by, ticket) = (None, None, Some("CHG-1".to_owned()));
    let run = "r".to_owned();
    Began { run, who, came_by, ticket, plan_sha256: None, confirm_within: Some(600), plan }
}

fn written(path: &Path) -> Journal {
    let mut journal = Journal::begin(path, began()).expect("begun");
    let state = State::Service { current: Lookup::seen(4) };
    for entry in [
        Entry::Saved { step: 0, state },
        Entry::Done { step: 0 },
        Entry::Handshake { failed: None },
        Entry::Ended { outcome: Outcome::Kept },
    ] {
        journal.add(entry).expect("written");
    }
    journal
}

#[test]
fn cut_off_anywhere_it_holds_what_was_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    drop(written(&path));
    let all = Journal::open(&path).expect("a journal").records().to_vec();
    let bytes = std::fs::read(&path).expect("read");
    let ends: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[*at] == b'\n').map(|at| at + 1).collect();
    for length in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).expect("cut");
        let whole = ends.iter().filter(|end| **end <= length).count();
        match Journal::open(&path) {
            Ok(mut journal) => {
                assert_eq!(journal.records(), &all[..whole], "cut at {length}");
                journal.add(Entry::GoingBack { why: "a cut".to_owned() }).expect("goes on");
                let again = Journal::open(&path).expect("whole again");
                assert_eq!(again.records().len(), whole + 1);
                assert_eq!(again.phase(), Phase::GoingBack);
            }
            Err(JournalError::NoBeginning(_)) => assert_eq!(whole, 0, "cut at {length}"),
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
}

#[test]
fn what_was_changed_in_the_middle_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    drop(written(&path));
    let text = std::fs::read_to_string(&path).expect("read");
    let lines: Vec<&str> = text.lines().collect();
    let other = [
        text.replacen("CHG-1", "CHG-2", 1),
        [&lines[..1], &lines[2..]].concat().join("\n") + "\n",
        [lines[0], lines[2], lines[1], lines[3], lines[4]].join("\n") + "\n",
    ];
    for text in other {
        std::fs::write(&path, text).expect("written");
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged(..))));
    }
}

#[test]
fn one_sees_what_the_other_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let mut one = Journal::begin(&path, began()).expect("begun");
    let mut other = Journal::open(&path).expect("opened");
    one.add(Entry::Confirmed { by: "anna".to_owned() }).expect("written");
    other.refresh().expect("read");
    assert_eq!(other.phase(), Phase::Confirmed);
    other.add(Entry::Ended { outcome: Outcome::Kept }).expect("written");
    one.refresh().expect("read");
    assert_eq!(one.phase(), Phase::Ended(Outcome::Kept));
}
