//! The `.rdp` file is broken: it names nobody, contradicts itself, or holds what no client takes.

use rdpdoctor_model::{CauseId, Fact, RdpFileFlaw, Stage};

use crate::causes::rdp_file;
use crate::{
    Cause, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
};

/// `client.rdp-file-invalid`
pub static CAUSE: Cause = Cause {
    id: CauseId("client.rdp-file-invalid"),
    stage: Stage::RdpFile,
    owner: Owner::Client,
    title: "The .rdp file is not what a Remote Desktop client can follow",
    explanation: "A client passes over every line of such a file that it does not understand, and takes its own default instead, without a word. Where the computer's name is lost that way, it cannot connect at all.",
    excludes: &["the computer, the network, the account: none was asked because of this"],
    remedies: &[
        Remedy {
            id: "name-the-computer-or-fetch-again",
            place: Where::Client,
            risk: Risk::Low,
            title: "Name the computer in the file, or fetch the file again where it came from",
            steps: &[
                "If it names no computer, add the line full address:s:HOST, or do the same in mstsc: open it, Show Options, name the computer, Save As.",
                "If it came from a portal or by mail, download it again; a page that asks to sign in is sometimes saved instead.",
            ],
            interrupts: "nothing",
            undo: &["Keep the old file under another name until the new one works."],
            verify: "rdpdoctor read <file.rdp> no longer says so",
        },
        rdp_file::MENDED_COPY,
    ],
    references: &["https://learn.microsoft.com/azure/virtual-desktop/rdp-properties"],
    client_shows: &[],
    more_specific_than: &[],
    reproduction: Reproduction::Test("every_flaw_of_a_file_and_its_exit_code"),
    next_tests: &[NextTest {
        why: "without the file: tells the file from the computer",
        command: "rdpdoctor check <the computer's name>",
    }],
    rule,
};

/// Flaws that are told one by one.
const TOLD: usize = 6;

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    let mut flaws = evidence.all(|fact| match fact {
        Fact::RdpFileProblem { line, flaw, setting, value } => {
            Some((*flaw, rdp_file::words(*line, *flaw, setting.as_deref(), value.as_deref())))
        }
        _ => None,
    });
    flaws.sort_by_key(|seen| rdp_file::weight(seen.value.0));
    let (worst, words) = &flaws.first()?.value;
    let severity = rdp_file::weight(*worst);
    let mut detail: Vec<&str> = flaws.iter().take(TOLD).map(|s| s.value.1.as_str()).collect();
    let more = format!("{} more", flaws.len().saturating_sub(TOLD));
    if flaws.len() > TOLD {
        detail.push(&more);
    }
    let found = Match::new(severity, proof(*worst), flaws.iter().map(crate::Seen::id));
    Some(found.titled(title(*worst, words)).detailed(format!("Here: {}.", detail.join("; "))))
}

/// That something stands there is proven by the file; that a client stumbles over an encoding is
/// what people report, and no specification says it.
fn proof(flaw: RdpFileFlaw) -> Proof {
    match flaw {
        RdpFileFlaw::NoByteOrderMark
        | RdpFileFlaw::BigEndian
        | RdpFileFlaw::TwoPorts
        | RdpFileFlaw::Duplicate
        | RdpFileFlaw::TooLong => Proof::Likely,
        RdpFileFlaw::AmbiguousCharacters => Proof::Possible,
        _ => Proof::Proven,
    }
}

fn title(worst: RdpFileFlaw, words: &str) -> String {
    match worst {
        RdpFileFlaw::NoSettings => {
            "The file is no .rdp file: no line of it is a setting".to_owned()
        }
        RdpFileFlaw::NoAddress => "The .rdp file names no computer to connect with".to_owned(),
        RdpFileFlaw::BadAddress => {
            "The .rdp file names no computer: what stands there is no address".to_owned()
        }
        _ if rdp_file::weight(worst) == Severity::Info => {
            "The .rdp file holds lines that a client passes over".to_owned()
        }
        _ => format!("The .rdp file is not right: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::RdpFileFlaw as Flaw;

    use super::CAUSE;
    use crate::causes::rdp_file::scenes;
    use crate::{Proof, Severity};

    #[test]
    fn only_a_file_that_names_nobody_blocks() {
        let judged = |flaw| {
            let found = scenes::flawed(scenes::file(false), flaw).judge(&CAUSE).expect("a match");
            (found.severity, found.proof)
        };
        assert_eq!(judged(Flaw::NoAddress), (Severity::Blocking, Proof::Proven));
        assert_eq!(judged(Flaw::BadAddress), (Severity::Blocking, Proof::Proven));
        assert_eq!(judged(Flaw::BadPort), (Severity::Warning, Proof::Proven));
        assert_eq!(judged(Flaw::NoByteOrderMark), (Severity::Warning, Proof::Likely));
        assert_eq!(judged(Flaw::NotASetting), (Severity::Info, Proof::Proven));
        assert_eq!(scenes::file(false).judge(&CAUSE), None);
    }

    #[test]
    fn the_worst_flaw_leads_and_all_are_cited() {
        let scene = scenes::flawed(scenes::file(false), Flaw::NotASetting);
        let found = scenes::flawed(scene, Flaw::NoAddress).judge(&CAUSE).expect("a match");
        assert_eq!(found.evidence.len(), 2);
        assert_eq!(found.title.as_deref(), Some("The .rdp file names no computer to connect with"));
    }
}
