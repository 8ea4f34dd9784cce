use rdpdoctor_diagnosis::{CATALOGUE, Proof, Reported, Severity, Status};
use rdpdoctor_model::{Fact, ServiceKind, Stage};

use super::short::SCREEN_LINES;
use super::{Style, View, render};
use crate::Document;
use crate::harmless::{is_treacherous, width};
use crate::testing::{self, Scene, by_hand, finding};

fn plain(document: &Document) -> String {
    let text = render(document, View::Short, Style::Plain, 80);
    assert_fits(&text, 80, "");
    text
}

fn assert_fits(text: &str, columns: usize, what: &str) {
    assert!(text.lines().count() <= SCREEN_LINES, "{what} has too many lines:\n{text}");
    for line in text.lines() {
        assert!(width(line) <= columns, "{what}: {} columns: {line}", width(line));
    }
}

#[test]
fn a_healthy_host_gets_a_calm_answer() {
    insta::assert_snapshot!(plain(&testing::healthy()));
}

#[test]
fn a_failure_with_the_code_that_fits() {
    insta::assert_snapshot!(plain(&testing::dropped_hello(Some((0x904, Some(7))))));
}

#[test]
fn a_failure_with_a_code_that_does_not_fit() {
    let text = plain(&testing::dropped_hello(Some((0x516, None))));
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Does not explain your 0x516."), "{text}");
}

#[test]
fn a_refused_connection() {
    insta::assert_snapshot!(plain(&testing::refused()));
}

#[test]
fn something_works_but() {
    let warning = finding(&testing::KEY, Severity::Warning, Proof::Proven);
    let scene = Scene::new();
    let document = by_hand(Status::Degraded, vec![warning], None, scene);
    insta::assert_snapshot!(plain(&document));
}

#[test]
fn undecided() {
    let scene = Scene::new()
        .resolved()
        .fact(Stage::Tcp, Fact::Interrupted { by: "the deadline of 5 s".into() });
    insta::assert_snapshot!(plain(&by_hand(Status::Unknown, Vec::new(), None, scene)));
}

#[test]
fn nothing_explains_the_reported_code() {
    let mut document = testing::healthy();
    let reported = Some(Reported { code: 0x904, extended: Some(7), reproduced: false });
    let made = by_hand(Status::Unknown, Vec::new(), reported, Scene::new());
    document.verdict.status = made.verdict.status;
    document.verdict.reported = made.verdict.reported;
    insta::assert_snapshot!(plain(&document));
}

#[test]
fn many_findings_on_one_screen() {
    let two = [&testing::KEY, &testing::REFUSED];
    let mut findings: Vec<_> = two
        .iter()
        .cycle()
        .take(6)
        .map(|cause| finding(cause, Severity::Blocking, Proof::Possible))
        .collect();
    findings.extend(two.map(|cause| finding(cause, Severity::Warning, Proof::Likely)));
    for (number, finding) in findings.iter_mut().enumerate().skip(1) {
        finding.title = format!("reason {number} that could explain what was seen here as well");
    }
    let document = by_hand(Status::Failed, findings, None, Scene::new());
    insta::assert_snapshot!(plain(&document));
}

#[test]
fn everything_about_a_failure() {
    let document = testing::dropped_hello(Some((0x904, Some(7))));
    insta::assert_snapshot!(render(&document, View::Details, Style::Plain, 80));
}

#[test]
fn colours_change_nothing_else() {
    let document = testing::dropped_hello(None);
    for view in [View::Short, View::Details] {
        let coloured = render(&document, view, Style::Ansi, 80);
        assert!(coloured.contains("\u{1b}[1;31mFAIL\u{1b}[0m"));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').expect("a complete sequence").1;
        }
        plain.push_str(rest);
        let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
        let wanted = render(&document, view, Style::Plain, 80);
        assert_eq!(trimmed, wanted.lines().collect::<Vec<_>>());
    }
}

#[test]
fn every_cause_of_the_catalogue_fits_a_screen() {
    let reported =
        Some(Reported { code: 0x8007_59da, extended: Some(0x8000_0007), reproduced: false });
    for cause in CATALOGUE {
        let single = |severity, proof| finding(cause, severity, proof);
        let documents = [
            by_hand(
                Status::Failed,
                vec![single(Severity::Blocking, Proof::Possible)],
                reported,
                Scene::new(),
            ),
            by_hand(
                Status::Degraded,
                vec![single(Severity::Warning, Proof::Likely)],
                None,
                Scene::new(),
            ),
        ];
        for document in documents {
            for columns in [60, 80, 120] {
                let text = render(&document, View::Short, Style::Plain, columns);
                assert_fits(&text, columns, cause.id.0);
                assert!(text.contains(cause.id.0), "{text}");
            }
            // The title, the owner and the way to all the rest are never what is cut.
            let text = render(&document, View::Short, Style::Plain, 80);
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let title = document.verdict.title.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(&title), "{} loses its title:\n{text}", cause.id);
            assert!(text.contains("Whose") && text.contains("--details"), "{text}");
        }
    }
}

#[test]
fn hostile_text_can_neither_drive_the_terminal_nor_fill_it() {
    let document = testing::hostile();
    for columns in [60, 80, 120] {
        let text = render(&document, View::Short, Style::Plain, columns);
        assert_fits(&text, columns, "hostile");
    }
    for view in [View::Short, View::Details] {
        let text = render(&document, view, Style::Plain, 80);
        let bad = text.chars().find(|c| *c != '\n' && is_treacherous(*c));
        assert_eq!(bad, None);
        assert!(text.len() < 1_000_000, "{}", text.len());
    }
}

#[test]
fn all_stages_at_once_leave_room_for_the_answer() {
    let mut document = testing::dropped_hello(None);
    let template = document.stages[0].clone();
    document.stages = Stage::ALL
        .iter()
        .map(|stage| crate::document::StageEntry { stage: *stage, ..template.clone() })
        .collect();
    let text = plain(&document);
    assert!(text.contains("--details"), "{text}");
}

#[test]
fn a_long_tail_of_skipped_stages_shares_a_line() {
    let mut scene = testing::Scene::new().resolved();
    for stage in [Stage::X224, Stage::Tls, Stage::CredSsp, Stage::Mcs, Stage::Session] {
        let reason = Some("stopped before".to_owned());
        let outcome = rdpdoctor_model::StageOutcome::Skipped;
        scene = scene.fact(stage, Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 });
    }
    let text = plain(&scene.document());
    let line = "  -     RDP answer to session  not tested: stopped before\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_foreign_service_is_quoted_on_the_stage_line() {
    let document = Scene::new()
        .resolved()
        .connected()
        .fact(
            Stage::X224,
            Fact::ForeignService {
                service: ServiceKind::Ssh,
                said: "SSH-2.0-OpenSSH_9.2p1\r\n".into(),
                bytes: rdpdoctor_model::Hex(b"SSH".to_vec()),
                unasked: true,
            },
        )
        .ended(Stage::X224, rdpdoctor_model::StageOutcome::Stopped)
        .document();
    let text = plain(&document);
    assert!(text.contains("answered by an SSH server: \"SSH-2.0-OpenSSH_9.2p1"), "{text}");
}
