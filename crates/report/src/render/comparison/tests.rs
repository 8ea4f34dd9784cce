use serde_json::Value;

use super::super::terminal::{Style, View};
use crate::comparison::{ComparisonDocument, SavedRun};
use crate::harmless::is_treacherous;
use crate::{comparison_schema, testing};

fn saved(file: &str, document: crate::Document) -> SavedRun {
    SavedRun { file: file.to_owned(), document }
}

fn of(first: crate::Document, second: crate::Document) -> ComparisonDocument {
    let (first, second) = (saved("a.json", first), saved("/home/jo/b.json", second));
    ComparisonDocument::of(&[first], &[second], ["A", "B"]).expect("something to compare")
}

#[test]
fn the_same_document_twice_is_alike() {
    let document = of(testing::healthy(), testing::healthy());
    assert!(!document.verdict.different, "{document:?}");
    let text = super::terminal(&document, View::Short, Style::Plain, 80);
    assert!(text.contains("ALIKE"), "{text}");
}

#[test]
fn it_keeps_to_its_schema_and_names_nobody_when_masked() {
    let validator = jsonschema::draft202012::new(&comparison_schema()).expect("the schema is one");
    let (first, second) =
        ([saved("a.json", testing::healthy())], [saved("b.json", testing::refused())]);
    let document = ComparisonDocument::of(&first, &second, ["good", "bad"]).expect("compares");
    assert!(document.verdict.different);
    let masked = document.clone().masked(&[&first, &second]).expect("masks");
    for shown in [&document, &masked] {
        let value: Value =
            serde_json::from_str(&shown.to_json().expect("serialises")).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let texts = |shown: &ComparisonDocument| {
        shown.to_json().expect("serialises")
            + &super::html(shown).expect("renders")
            + &super::terminal(shown, View::Details, Style::Plain, 80)
    };
    assert!(texts(&document).contains("pc42"));
    for name in ["pc42", "10.20.4", "corp.example"] {
        assert!(!texts(&masked).contains(name), "{name}");
    }
}

#[test]
fn what_a_server_says_drives_nothing() {
    let document = of(testing::healthy(), testing::hostile());
    let text = super::terminal(&document, View::Details, Style::Plain, 80);
    assert!(text.chars().all(|c| c == '\n' || !is_treacherous(c)), "{text:?}");
    let html = super::html(&document).expect("renders");
    assert!(!html.contains("<img") && html.matches("<script").count() == 1);
    assert!(
        super::terminal(&document, View::Short, Style::Plain, 80)
            .lines()
            .all(|line| line.chars().count() <= 80)
    );
}
