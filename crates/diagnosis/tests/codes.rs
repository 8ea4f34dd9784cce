//! The laws of the code tables, and that every row can be found.

use rdpdoctor_diagnosis::codes::{
    CAUSE_IDS, Query, Table, entries, explain, load, parse_dialog, parse_query,
};

#[test]
fn every_table_is_read_whole() {
    let all = load().expect("the tables are sound");
    assert_eq!(all.len(), entries().len());
    for table in Table::ALL {
        assert!(all.iter().any(|entry| entry.table == table), "{} is empty", table.id());
    }
    for entry in &all {
        assert!(!entry.meaning.is_empty() && !entry.source.is_empty(), "{entry:?}");
        for cause in &entry.causes {
            assert!(CAUSE_IDS.contains(cause), "{cause} is not in the contract");
        }
    }
}

#[test]
fn every_row_is_found_by_its_decimal_its_hexadecimal_and_its_name() {
    for entry in entries().iter().filter(|entry| entry.table != Table::ClientEvent) {
        if let Some(number) = entry.number {
            for typed in [
                format!("{number}"),
                format!("{number:#x}"),
                format!("{number:#010X}").replace("0X", "0x"),
            ] {
                let query = parse_query(&[&typed]).expect("a number");
                let known = explain(&query).meanings.iter().any(|m| m.entry == entry);
                assert!(known, "{typed}: {entry:?}");
            }
        }
        if let Some(name) = entry.name.as_deref().filter(|name| !name.contains(' ')) {
            let query = Query::Name(name.to_lowercase());
            assert!(explain(&query).meanings.iter().any(|m| m.entry == entry), "{name}");
        }
    }
}

/// Whatever is typed or pasted, nothing panics.
#[test]
fn odd_input_is_no_harm() {
    for text in [
        "",
        "0x",
        "x0x0x",
        "\u{ff10}\u{ff58}",
        "-",
        "0x904 0x",
        "ﬀ0x7é0x",
        "--",
        "event",
        "event x",
    ] {
        let _ = parse_query(&[text]);
        let _ = parse_dialog(text);
    }
    let long = "0x904 ".repeat(100_000);
    assert!(parse_dialog(&long).is_some());
}
