//! The laws of the code tables, that every row can be found, and that nothing typed or pasted does
//! harm.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use rdpdoctor_diagnosis::codes::{
    ADVICE, CAUSE_IDS, Entry, PAIRS, Query, Table, cause_id, entries, explain, load, name_of,
    parse_dialog, parse_query, parse_reported, tree,
};
use rdpdoctor_diagnosis::{CATALOGUE, Proof};

/// The rows of a table's file, read apart from the code under test.
fn file(name: &str) -> Result<Vec<std::collections::BTreeMap<String, String>>, csv::Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codes/data").join(name);
    csv::Reader::from_path(path)?.deserialize().collect()
}

const FILES: [&str; 9] = [
    "client_events.csv",
    "disconnect_reasons.csv",
    "errinfo.csv",
    "extended_reasons.csv",
    "gateway.csv",
    "logon_info.csv",
    "nego_failures.csv",
    "ntstatus.csv",
    "tls_alerts.csv",
];

#[test]
fn every_table_is_read_whole() {
    let all = load().expect("the tables are sound");
    assert_eq!(all, entries());
    let rows: usize = FILES.iter().map(|name| file(name).expect("a table").len()).sum();
    assert_eq!(all.len(), rows, "no row is dropped");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codes/data");
    let files: BTreeSet<String> = std::fs::read_dir(dir)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    // Events have more than a number, and a reader of their own.
    let tables = FILES.iter().chain(&["windows_events.csv"]);
    assert_eq!(files, tables.map(|name| (*name).to_owned()).collect());
    for entry in &all {
        assert!(!entry.meaning.is_empty() && !entry.source.is_empty(), "{entry:?}");
    }
}

#[test]
fn hexadecimal_and_decimal_agree_in_the_files() {
    for name in FILES {
        for row in file(name).expect("a table") {
            let (Some(hex), Some(decimal)) = (row.get("hex"), row.get("decimal")) else { continue };
            if hex.is_empty() {
                continue;
            }
            let digits = hex.strip_prefix("0x").expect("a hexadecimal number");
            assert_eq!(
                u32::from_str_radix(digits, 16).ok(),
                decimal.parse().ok(),
                "{name}: {hex} and {decimal}"
            );
        }
    }
}

#[test]
fn a_number_stands_once_in_its_table() {
    let mut numbers = BTreeSet::new();
    for entry in entries() {
        let Some(number) = entry.number else { continue };
        let fresh = numbers.insert((entry.table, entry.group.clone(), number));
        assert!(fresh, "{number} stands twice in {}", entry.table.id());
        // Only the negotiation and the logon information have several number spaces in one table.
        if !matches!(entry.table, Table::Negotiation | Table::LogonInfo) {
            let rows = entries().iter().filter(|e| e.table == entry.table);
            assert_eq!(rows.filter(|e| e.number == Some(number)).count(), 1, "{entry:?}");
        }
    }
    let mut names = BTreeSet::new();
    for entry in entries().iter().filter(|entry| entry.table != Table::Gateway) {
        let Some(name) = &entry.name else { continue };
        assert!(names.insert((entry.table, name)), "{name} stands twice");
    }
}

#[test]
fn every_cause_that_is_named_is_one_of_the_contract() {
    let ids: BTreeSet<&str> = CAUSE_IDS.iter().map(|id| id.0).collect();
    assert_eq!(ids.len(), CAUSE_IDS.len(), "each once");
    for cause in CATALOGUE {
        assert_eq!(cause_id(cause.id.0), Some(cause.id), "{} is not in the list", cause.id);
    }
    let named = entries().iter().flat_map(|entry| &entry.causes);
    for id in named.chain(PAIRS.iter().flat_map(|pair| pair.causes).map(|s| &s.cause)) {
        assert!(ids.contains(id.0), "{id} is not in the contract");
    }
    for id in CAUSE_IDS {
        let (area, name) = id.0.split_once('.').expect("area.name");
        let kebab = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
        };
        assert!(kebab(area) && kebab(name), "{id}");
    }
}

#[test]
fn pairs_hold_together() {
    let mut seen = BTreeSet::new();
    for pair in PAIRS {
        let shown = format!("{:#x} {:?}", pair.code, pair.extended);
        assert!(seen.insert((pair.code, pair.extended)), "{shown} stands twice");
        assert!(name_or_row(Table::DisconnectReason, pair.code), "{shown} is in no table");
        if let Some(extended) = pair.extended {
            assert!(name_or_row(Table::ExtendedReason, extended), "{shown} is in no table");
        }
        assert!(!pair.means.is_empty());
        assert!(pair.causes.is_sorted_by_key(|suspect| suspect.proof), "{shown}");
        for report in pair.reports {
            assert!(report.link.is_none_or(|link| link.starts_with("https://")), "{report:?}");
        }
        for check in pair.first_checks {
            // What is told to be run exists: `check` and its own code.
            if let Some(options) = check.command.strip_prefix("rdpdoctor check {target}") {
                let reported = match pair.extended {
                    Some(extended) => format!(" --reported 0x{:X}:0x{extended:X}", pair.code),
                    None => String::new(),
                };
                assert!(options.is_empty() || options == reported, "{}", check.command);
            } else {
                assert!(!check.command.starts_with("rdpdoctor"), "{}", check.command);
            }
        }
    }
    assert!(ADVICE.is_sorted_by_key(|advice| !advice.refuse), "the harmful ones first");
    for advice in ADVICE {
        assert!(advice.concerns(CAUSE_IDS), "{} is given for no cause", advice.advice);
    }
}

fn name_or_row(table: Table, number: u32) -> bool {
    entries().iter().any(|entry| entry.table == table && entry.number == Some(number))
}

/// How people write the number of a row.
fn spellings(entry: &Entry, number: u32) -> Vec<String> {
    let plain = [
        number.to_string(),
        format!("0x{number:x}"),
        format!("0x{number:X}"),
        format!("0X{number:08x}"),
        number.cast_signed().to_string(),
    ];
    let keyword = entry.table.keyword();
    let with_table = plain.iter().map(|typed| format!("{keyword} {typed}"));
    match entry.table {
        Table::ClientEvent => with_table.collect(),
        _ => plain.iter().cloned().chain(with_table).collect(),
    }
}

#[test]
fn every_row_is_found_by_its_decimal_its_hexadecimal_and_its_name() {
    for entry in entries() {
        let mut typed: Vec<String> =
            entry.number.map(|number| spellings(entry, number)).unwrap_or_default();
        if let Some(name) = &entry.name {
            typed.extend([name.clone(), name.to_lowercase(), name.to_uppercase()]);
        }
        assert!(!typed.is_empty(), "{entry:?} cannot be asked for");
        for typed in typed {
            let query = parse_query(&[&typed]).expect("a query");
            let explanation = explain(&query);
            assert!(explanation.found(), "{typed}");
            assert!(explanation.meanings.iter().any(|m| m.entry == entry), "{typed}: {entry:?}");
            assert!(explanation.near.is_empty(), "{typed} is known");
        }
    }
    assert_eq!(name_of(Table::Ntstatus, 0xC000_0234), Some("STATUS_ACCOUNT_LOCKED_OUT"));
    assert_eq!(name_of(Table::Errinfo, 0xC000_0234), None);
}

#[test]
fn every_pair_of_the_two_tables_is_found() {
    let of = |table: Table| entries().iter().filter(move |e| e.table == table);
    for code in of(Table::DisconnectReason) {
        for extended in of(Table::ExtendedReason) {
            let (Some(code), Some(extended)) = (code.number, extended.number) else { continue };
            let query = parse_query(&[format!("{code}"), format!("0x{extended:X}")]);
            let explanation = explain(&query.expect("a pair"));
            assert!(explanation.found() && explanation.near.is_empty(), "{code} {extended}");
            assert!(explanation.first_checks.len() <= 3);
        }
    }
}

#[test]
fn a_query_can_be_typed_again() {
    for entry in entries() {
        let Some(number) = entry.number else { continue };
        let mut queries = vec![Query::Number { number, table: Some(entry.table) }];
        queries.push(Query::number(number));
        queries.push(Query::Pair { code: number, extended: number });
        queries.extend(entry.name.clone().map(Query::Name));
        for query in queries {
            let again = parse_query(&[query.to_string()]).expect("a query");
            // The same name in other letters is the same query.
            assert_eq!(again.to_string().to_lowercase(), query.to_string().to_lowercase());
        }
    }
}

#[test]
fn the_pair_that_brings_people_here() {
    let explanation = explain(&Query::Pair { code: 0x904, extended: 7 });
    let first = explanation.causes[0];
    assert_eq!((first.id.0, first.proof), ("tls.private-key-unavailable", Proof::Likely));
    assert!(explanation.first_checks[0].command.ends_with("--reported 0x904:0x7"));
    let refused: Vec<&str> = explanation.refused.iter().map(|advice| advice.advice).collect();
    assert!(refused.iter().any(|advice| advice.contains("MachineKeys")), "{refused:?}");
    assert!(explanation.pairs.iter().map(|pair| pair.claims.len()).sum::<usize>() >= 6);
}

/// Dialogs as clients in these languages would word them.
#[test]
fn dialogs_in_many_languages() {
    let pair = Some(Query::Pair { code: 0x904, extended: 7 });
    for (language, text) in [
        (
            "English",
            "This computer can't connect to the remote computer.\n\nTry connecting again. If the \
             problem continues, contact your administrator.\n\nError code: 0x904\nExtended error \
             code: 0x7\nTimestamp (UTC): 11/21/26 01:24:45 PM\nActivity ID: \
             1f2e3d4c-0000-4000-8000-0123456789ab\n\nPress Ctrl+C to copy.",
        ),
        (
            "German",
            "Dieser Computer kann keine Verbindung zum Remotecomputer herstellen.\r\n\r\n\
             Fehlercode: 0x904\r\nErweiterter Fehlercode: 0x7\r\n",
        ),
        (
            "French",
            "Cet ordinateur ne peut pas se connecter.\nCode d’erreur\u{a0}: 0x904\nCode d’erreur \
             étendu\u{a0}: 0x7",
        ),
        (
            "Spanish",
            "Este equipo no puede conectarse. Código de error: 0x904. Código de error extendido: \
             0x7.",
        ),
        ("Portuguese", "Código de erro: 0x904\nCódigo de erro estendido: 0x7"),
        ("Italian", "Codice errore: 0x904\nCodice errore esteso: 0x7"),
        ("Dutch", "Foutcode: 0x904\nUitgebreide foutcode: 0x7"),
        ("Polish", "Kod błędu: 0x904\nRozszerzony kod błędu: 0x7"),
        ("Czech", "Kód chyby: 0x904\nRozšířený kód chyby: 0x7"),
        ("Hungarian", "Hibakód: 0x904\nKiterjesztett hibakód: 0x7"),
        ("Turkish", "Hata kodu: 0x904\nGenişletilmiş hata kodu: 0x7"),
        ("Swedish", "Felkod: 0x904\nUtökad felkod: 0x7"),
        ("Finnish", "Virhekoodi: 0x904\nLaajennettu virhekoodi: 0x7"),
        ("Russian", "Код ошибки: 0x904\nРасширенный код ошибки: 0x7"),
        ("Russian, Cyrillic x", "Код ошибки: 0х904\nРасширенный код ошибки: 0х7"),
        ("Ukrainian", "Код помилки: 0x904\nРозширений код помилки: 0x7"),
        ("Greek", "Κωδικός σφάλματος: 0x904\nΕκτεταμένος κωδικός σφάλματος: 0x7"),
        ("Japanese", "エラー コード：0x904\n拡張エラー コード：0x7"),
        ("Japanese, full width", "エラーコード：０ｘ９０４　拡張エラーコード：０ｘ７"),
        ("Chinese", "错误代码:0x904 扩展错误代码:0x7"),
        ("Chinese, traditional", "錯誤碼：0x904\n擴充錯誤碼：0x7"),
        ("Korean", "오류 코드: 0x904\n확장 오류 코드: 0x7"),
        ("Arabic", "رمز الخطأ: \u{200e}0x904\nرمز الخطأ الموسع: \u{200e}0x7"),
        ("Hebrew", "קוד שגיאה: 0x904\nקוד שגיאה מורחב: 0x7"),
        ("Vietnamese", "Mã lỗi: 0x904\nMã lỗi mở rộng: 0x7"),
    ] {
        assert_eq!(parse_dialog(text), pair, "{language}");
        let decimal = text.replace("0x904", "2308").replace("0x7", "7");
        assert_eq!(parse_dialog(&decimal), pair, "{language} in decimal");
        let bare: String = text.split("0x").take(2).collect::<Vec<_>>().join("0x");
        if text.contains("0x904") {
            assert_eq!(parse_dialog(&bare), Some(Query::number(0x904)), "{language}, one number");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_input_is_no_harm(text in any::<String>()) {
        let _ = parse_dialog(&text);
        let _ = parse_reported(&text);
        if let Ok(query) = parse_query(&[&text]) {
            let explanation = explain(&query);
            prop_assert!(explanation.found() || explanation.meanings.len() < entries().len());
            let _ = tree(&query);
        }
    }

    #[test]
    fn text_that_looks_like_codes_is_no_harm(
        text in "([-0-9a-fA-FxX:/,. \n(){}]|code|KB|０|х|\u{202e}|event|errinfo|_){0,60}",
    ) {
        let _ = parse_dialog(&text);
        let _ = parse_reported(&text);
        match parse_query(&[&text]) {
            Ok(query) => {
                let again = parse_query(&[query.to_string()]);
                prop_assert_eq!(again, Ok(query));
            }
            Err(error) => {
                let line = error.to_string();
                prop_assert!(line.chars().count() < 160 && !line.contains('\n'), "{}", line);
            }
        }
    }

    #[test]
    fn every_number_is_read_in_every_notation(number in any::<u32>(), extended in any::<u32>()) {
        for typed in [
            number.to_string(),
            number.cast_signed().to_string(),
            format!("0x{number:x}"),
            format!("0X{number:08X}"),
        ] {
            prop_assert_eq!(parse_query(&[&typed]), Ok(Query::number(number)));
            prop_assert_eq!(parse_reported(&typed), Ok((number, None)));
        }
        for separator in [" ", ":", "/", ", "] {
            let typed = format!("0x{number:X}{separator}{extended}");
            let pair = Query::Pair { code: number, extended };
            prop_assert_eq!(parse_query(&[&typed]), Ok(pair));
            prop_assert_eq!(parse_reported(&typed), Ok((number, Some(extended))));
        }
        let _ = explain(&Query::Pair { code: number, extended });
    }

    #[test]
    fn a_dialog_is_read_whatever_stands_around_it(
        before in "[a-z \n]{0,80}",
        behind in "[a-z \n]{0,80}",
        code in 1..0x8000_0000_u32,
        extended in 0..0x8000_0000_u32,
    ) {
        let text =
            format!("{before}\nError code: 0x{code:X}\nExtended error code: 0x{extended:x}\n{behind}");
        prop_assert_eq!(parse_dialog(&text), Some(Query::Pair { code, extended }));
    }
}
