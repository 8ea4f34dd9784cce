//! What event logs were read and what of them was lost, in one line.

use rdpdoctor_diagnosis::Evidence;
use rdpdoctor_model::Fact;

use super::QUOTED;
use crate::harmless::clean;

/// Whose log it is, how much of it was read and what could not be; none when there is none.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    let logs = evidence.all(|fact| match fact {
        Fact::EventLog {
            computers,
            records,
            concerning,
            lost_records,
            lost_blocks,
            problems,
            ..
        } => {
            let counts = [*records, *concerning, *lost_records, *lost_blocks];
            Some((computers.last(), counts, problems.first()))
        }
        _ => None,
    });
    let computer = logs.iter().find_map(|seen| seen.value.0);
    let of = computer.map(|name| format!(" of {}", clean(name, QUOTED))).unwrap_or_default();
    let sum =
        |index: usize| logs.iter().map(|seen| seen.value.1[index]).fold(0, u64::saturating_add);
    let [records, concerning, lost, blocks] = [0, 1, 2, 3].map(sum);
    let problem = logs.iter().find_map(|seen| seen.value.2);
    let name = match logs.len() {
        0 => return None,
        1 => format!("event log{of}"),
        several => format!("{several} event logs{of}"),
    };
    let mut words = format!("{name}: {records} entries, {concerning} about Remote Desktop");
    if lost > 0 {
        words.push_str(&format!("; {lost} could not be read"));
    }
    if blocks > 0 {
        words.push_str(&format!("; {blocks} blocks of 64 KiB could not be read"));
    }
    if let Some(problem) = problem.filter(|_| blocks == 0) {
        words.push_str(&format!("; {}", clean(problem, QUOTED)));
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_diagnosis::Policy;
    use rdpdoctor_model::{Observation, ObservationId, Source, Stage, Timestamp};

    use super::*;

    fn words_of(logs: &[(u64, u64, &[&str])]) -> Option<String> {
        let observations: Vec<Observation> = logs
            .iter()
            .map(|(lost_records, lost_blocks, problems)| Observation {
                id: ObservationId::numbered(1),
                source: Source::EventLog,
                stage: Stage::Host,
                at: None,
                at_ms: 0,
                origin: None,
                connection: None,
                fact: Fact::EventLog {
                    computers: vec!["PC42\u{1b}".to_owned()],
                    channels: Vec::new(),
                    records: 1_000,
                    concerning: 7,
                    lost_records: *lost_records,
                    lost_blocks: *lost_blocks,
                    first: None,
                    last: None,
                    problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
                },
            })
            .collect();
        words(&Evidence::new(&observations, None, Timestamp::now(), Policy::default()))
    }

    #[test]
    fn one_line_says_what_was_lost() {
        let read = "event log of PC42\\u{1b}: 1000 entries, 7 about Remote Desktop";
        assert_eq!(words_of(&[]), None);
        assert_eq!(words_of(&[(0, 0, &[])]).as_deref(), Some(read));
        let cut = words_of(&[(2, 0, &["the file ends within block 3"])]);
        let expected = format!("{read}; 2 could not be read; the file ends within block 3");
        assert_eq!(cut, Some(expected));
        let both = words_of(&[(0, 1, &["x"]), (0, 0, &[])]).expect("words");
        assert!(
            both.starts_with("2 event logs of")
                && both.ends_with("1 blocks of 64 KiB could not be read"),
            "{both}"
        );
    }
}
