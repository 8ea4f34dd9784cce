//! The published JSON Schema of the document, generated from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::Document;
use crate::comparison::ComparisonDocument;
use crate::document::SCHEMA_VERSION;
use crate::repair::RepairDocument;
use crate::watch::WatchEvent;

/// The JSON Schema (2020-12) of [`Document`].
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    schema["title"] = json!("rdpdoctor document");
    schema["description"] = json!(
        "The answer of one rdpdoctor run: verdict, stages, findings, evidence. Fields and \
         observation kinds may be added; none is reused for something else."
    );
    schema["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    if let Some(kinds) = schema["$defs"]["Observation"]["anyOf"].as_array_mut() {
        keep_unknown_kinds_apart(kinds);
    }
    schema
}

/// The JSON Schema (2020-12) of [`ComparisonDocument`].
pub fn comparison_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<ComparisonDocument>().to_value();
    schema["title"] = json!("rdpdoctor comparison");
    schema["description"] = json!(
        "What rdpdoctor compare found: two groups of runs, what separates them, and the causes \
         that this points to. Fields may be added; none is reused for something else."
    );
    schema["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    schema
}

/// The JSON Schema (2020-12) of a line of `watch --json`; the last line is a document.
pub fn watch_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<WatchEvent>().to_value();
    schema["title"] = json!("rdpdoctor watch line");
    schema["description"] = json!(
        "One line of rdpdoctor watch --json. The last line is a document of its own schema: it \
         has schema_version and no event."
    );
    schema
}

/// The JSON Schema (2020-12) of [`RepairDocument`].
pub fn repair_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<RepairDocument>().to_value();
    schema["title"] = json!("rdpdoctor repair");
    schema["description"] = json!(
        "What rdpdoctor host fix, confirm and rollback answer: the plan, and what came of it. \
         Fields may be added; none is reused for something else."
    );
    schema["properties"]["schema_version"]["const"] = json!(SCHEMA_VERSION);
    schema
}

/// The last alternative takes any kind that this version does not know. Without naming those it
/// does know, it would take a broken observation of theirs as well, and nothing would be checked.
fn keep_unknown_kinds_apart(alternatives: &mut [Value]) {
    let known: Vec<Value> = alternatives
        .iter()
        .map(|alternative| alternative["properties"]["kind"]["const"].clone())
        .filter(|kind| !kind.is_null())
        .collect();
    for alternative in alternatives {
        let kind = &mut alternative["properties"]["kind"];
        if kind.get("const").is_none() {
            kind["not"] = json!({ "enum": known });
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::Validator;
    use serde_json::{Value, json};

    use super::schema;
    use crate::{Document, testing};

    fn validator() -> Validator {
        jsonschema::draft202012::new(&schema()).expect("the schema is one")
    }

    fn documents() -> Vec<Document> {
        vec![
            testing::healthy(),
            testing::dropped_hello(Some((0x904, Some(7)))),
            testing::refused(),
            testing::hostile(),
        ]
    }

    #[test]
    fn the_published_files_are_fresh() {
        for (name, schema) in [
            ("document", schema()),
            ("comparison", super::comparison_schema()),
            ("watch-line", super::watch_schema()),
            ("repair", super::repair_schema()),
        ] {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schema");
            let path = format!("{folder}/rdpdoctor-{name}.schema.json");
            let wanted = serde_json::to_string_pretty(&schema).expect("serialises") + "\n";
            if std::env::var_os("UPDATE_SCHEMA").is_some() {
                std::fs::write(&path, &wanted).expect("the file can be written");
            }
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(published == wanted, "{path} is stale; run this test with UPDATE_SCHEMA=1");
        }
    }

    #[test]
    fn documents_keep_to_the_schema_and_come_back_the_same() {
        let validator = validator();
        for document in documents() {
            let text = document.to_json().expect("serialises");
            assert!(text.ends_with("}\n"));
            let value: Value = serde_json::from_str(&text).expect("is JSON");
            let errors: Vec<String> =
                validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert_eq!(errors, Vec::<String>::new());
            assert_eq!(Document::from_json(&text).expect("reads back"), document);
            let line = document.to_json_line().expect("serialises");
            assert_eq!(line.lines().count(), 1);
            assert_eq!(Document::from_json(&line).expect("reads back"), document);
        }
    }

    /// What an `.rdp` file gives, with numbers and texts as values, numbers of a document's own.
    #[test]
    fn what_an_rdp_file_says_keeps_to_the_schema() {
        let mut value: Value =
            serde_json::from_str(&testing::healthy().to_json().expect("serialises")).expect("JSON");
        let kinds = [
            json!({"kind": "rdp-file", "encoding": "utf-16le-no-bom", "length": 7, "settings": 1,
                   "unknown_settings": ["x"], "password": true, "clear_password": false,
                   "signed": true}),
            json!({"kind": "rdp-file-address", "line": 1, "setting": "full address",
                   "host": "pc42", "port": 3389, "other_host": null}),
            json!({"kind": "rdp-file-gateway", "line": 2, "host": "gw", "port": 443,
                   "usage": "when-needed"}),
            json!({"kind": "rdp-file-user", "line": 3, "user": "jo", "domain": null,
                   "names_target": false}),
            json!({"kind": "rdp-file-setting", "line": 4, "setting": "a", "value": -1}),
            json!({"kind": "rdp-file-setting", "line": 5, "setting": "b", "value": "*"}),
            json!({"kind": "rdp-file-signature", "scope": ["full address"], "subject": "CN=A",
                   "fits": {"lookup": "seen", "value": true}}),
            json!({"kind": "event-log", "computers": ["PC42"], "channels": ["System"], "records": 7,
                   "concerning": 1, "lost_records": 0, "lost_blocks": 0, "first": null,
                   "last": null, "problems": []}),
            json!({"kind": "event-log-others", "users": 1, "attempts": 2, "failed": 1,
                   "unlisted": 0}),
            json!({"kind": "windows-event", "provider": "Schannel", "event_id": 36870,
                   "channel": "System", "error": 2_148_074_253_u32}),
            json!({"kind": "cloud-group", "cloud": "aws", "group": "sg-1", "inbound_rules": 1}),
            json!({"kind": "cloud-rule", "cloud": "gcp", "group": "n", "rule": "r",
                   "allows": false, "priority": 1000, "sources": ["0.0.0.0/0"],
                   "from_everywhere": true, "for_some_only": false, "decides": false}),
            json!({"kind": "rdp-file-problem", "line": null, "flaw": "no-byte-order-mark",
                   "setting": null, "value": null}),
        ];
        let number = kinds.len();
        for (index, mut kind) in kinds.into_iter().enumerate() {
            for (name, own) in [
                ("id", json!(format!("o9{index}"))),
                ("source", json!("rdp-file")),
                ("stage", json!("rdpfile")),
                ("at", Value::Null),
                ("at_ms", json!(0)),
                ("origin", json!({"file": "a.rdp"})),
            ] {
                kind[name] = own;
            }
            value["observations"].as_array_mut().expect("a list").push(kind);
        }
        let errors: Vec<String> =
            validator().iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let document = Document::from_json(&value.to_string()).expect("reads back");
        let known = document.observations.iter().rev().take(number);
        for observation in known {
            let unknown = matches!(observation.fact, rdpdoctor_model::Fact::Unknown { .. });
            assert!(!unknown, "{observation:?}");
        }
    }

    #[test]
    fn what_a_watch_says_keeps_to_the_schema() {
        use rdpdoctor_model::{Ending, Fact, IdleOutcome, Lookup, PathPart, Stage, WatchState};
        let (before, after) = ("eth0".to_owned(), "wlan0".to_owned());
        let document = testing::Scene::new()
            .connected()
            .fact(
                Stage::Network,
                Fact::WatchPeriod {
                    state: WatchState::Failed,
                    from: testing::start(),
                    until: testing::start().plus_millis(60_000),
                    ticks: 3,
                    at_stage: Some(Stage::Tcp),
                    cause: Some("net.refused".to_owned()),
                },
            )
            .fact(Stage::Network, Fact::PathChange { part: PathPart::Interface, before, after })
            .fact(
                Stage::Network,
                Fact::IdleHold {
                    idle_ms: 5000,
                    idle_outcome: IdleOutcome::EndedMeanwhile,
                    ending: Some(Ending::Fin),
                    fresh: Lookup::seen("connected".to_owned()),
                    disturbed: false,
                },
            )
            .document();
        let value = serde_json::to_value(&document).expect("serialises");
        let errors: Vec<String> =
            validator().iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(Document::from_json(&value.to_string()).expect("reads back"), document);
    }

    #[test]
    fn fields_stand_in_the_order_of_the_contract() {
        let text = testing::dropped_hello(Some((0x904, Some(7)))).to_json().expect("serialises");
        let value: Value = serde_json::from_str(&text).expect("is JSON");
        let keys = |value: &Value| -> Vec<String> {
            value.as_object().expect("an object").keys().cloned().collect()
        };
        assert_eq!(
            keys(&value),
            [
                "schema_version",
                "tool",
                "target",
                "started_at",
                "elapsed_ms",
                "verdict",
                "stages",
                "findings",
                "next_tests",
                "attempts",
                "observations"
            ]
        );
        assert_eq!(keys(&value["tool"]), ["name", "version", "engine"]);
        assert_eq!(keys(&value["target"]), ["input", "host", "port", "addresses", "via"]);
        assert_eq!(
            keys(&value["verdict"]),
            [
                "status",
                "stage",
                "cause",
                "proof",
                "title",
                "owner",
                "excludes",
                "client_shows",
                "reported"
            ]
        );
        assert_eq!(
            value["verdict"]["reported"],
            json!({"code": "0x904", "extended": "0x7", "reproduced": true})
        );
        assert_eq!(keys(&value["stages"][0]), ["stage", "status", "elapsed_ms", "detail"]);
        assert_eq!(
            keys(&value["findings"][0]),
            [
                "cause",
                "severity",
                "proof",
                "title",
                "explanation",
                "evidence",
                "remedies",
                "references"
            ]
        );
        assert_eq!(
            keys(&value["findings"][0]["remedies"][0]),
            ["id", "where", "risk", "title", "steps", "interrupts", "undo", "verify"]
        );
        assert_eq!(keys(&value["next_tests"][0]), ["why", "command"]);
        assert_eq!(value["attempts"], json!([]));
        assert_eq!(keys(&value["observations"][0])[..5], ["id", "source", "stage", "at", "at_ms"]);
    }

    #[test]
    fn texts_of_the_catalogue_are_filled() {
        let document = testing::refused();
        let text = document.to_json().expect("serialises");
        assert!(text.contains("-LocalPort 3389"), "{text}");
        for placeholder in ["{host}", "{port}", "{target}", "{address}", "{gateway}"] {
            assert!(!text.contains(placeholder), "{placeholder}");
        }
    }

    #[test]
    fn what_is_added_later_is_tolerated_and_what_is_missing_is_not() {
        let mut value = serde_json::to_value(testing::healthy()).expect("serialises");
        value["later"] = json!(1);
        value["verdict"]["later"] = json!({"a": 1});
        let observations = value["observations"].as_array_mut().expect("a list");
        observations.push(json!({
            "id": "o99", "source": "probe", "stage": "tcp", "at": null, "at_ms": 1,
            "kind": "made-in-the-future", "colour": "blue"
        }));
        let validator = validator();
        assert!(validator.is_valid(&value));
        let document = Document::from_json(&value.to_string()).expect("reads");
        let back = serde_json::to_value(&document).expect("serialises");
        let last = back["observations"].as_array().and_then(|all| all.last()).expect("is kept");
        assert_eq!(
            (&last["kind"], &last["colour"]),
            (&json!("made-in-the-future"), &json!("blue"))
        );

        for broken in [
            json!({"id": "o1", "source": "probe", "stage": "tcp", "at": null, "at_ms": 1,
                   "kind": "tcp-connected", "remote": "10.0.0.1:3389"}),
            json!({"id": "o1", "source": "nobody", "stage": "tcp", "at": null, "at_ms": 1,
                   "kind": "own-bug", "message": "x"}),
        ] {
            let mut value = value.clone();
            value["observations"] = json!([broken]);
            assert!(!validator.is_valid(&value), "{broken}");
        }
        value.as_object_mut().expect("an object").remove("verdict");
        assert!(!validator.is_valid(&value));
        assert!(Document::from_json(&value.to_string()).is_err());
    }
}
