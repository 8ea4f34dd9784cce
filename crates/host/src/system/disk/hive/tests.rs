use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, any, proptest};
use rdpdoctor_model::{Hex, Lookup, RegistryData};
use regf::structures::calculate_checksum;
use regf::transaction_log::DirtyVector;
use regf::{BASE_BLOCK_SIZE, BaseBlock};

use super::Hive;
use super::log::tests::written;
use crate::system::disk::testing::{binary, dword, hive, text};

fn sample() -> Vec<u8> {
    let names: Vec<String> = (0..600).map(|number| format!(r"Many\Key{number:04}")).collect();
    let mut rows = vec![
        dword(r"Control\Terminal Server", "fDenyTSConnections", 1),
        text(r"Control\Terminal Server", "Änderung", "größer"),
        binary(r"Control\Big", "Data", &vec![7; 40_000]),
        ("Control", "-", regf::DataType::None, Vec::new()),
    ];
    rows.extend(names.iter().map(|name| dword(name, "", 7)));
    hive(&rows)
}

fn read(bytes: Vec<u8>) -> Hive {
    Hive::read(bytes, &[]).expect("a hive")
}

fn value(hive: &Hive, key: &str, name: &str) -> Lookup<RegistryData> {
    match hive.key(key) {
        Lookup::Seen { value } => hive.value(&value, name),
        Lookup::Absent => Lookup::Absent,
        Lookup::Unavailable { why } => Lookup::Unavailable { why },
    }
}

#[test]
fn values_whatever_the_case_of_letters() {
    let hive = read(sample());
    let off = value(&hive, r"CONTROL\terminal server", "FDENYTSCONNECTIONS");
    assert_eq!(off, Lookup::seen(RegistryData::Dword(1)));
    let text = value(&hive, r"Control\Terminal Server", "äNDERUNG");
    assert_eq!(text, Lookup::seen(RegistryData::Text("größer".to_owned())));
    let big = value(&hive, r"Control\Big", "Data");
    assert_eq!(big, Lookup::seen(RegistryData::Binary(Hex(vec![7; 40_000]))));
    assert_eq!(value(&hive, r"Many\Key0599", ""), Lookup::seen(RegistryData::Dword(7)));
    assert_eq!(value(&hive, r"Many\Key0600", ""), Lookup::Absent);
    assert_eq!(value(&hive, r"Control\Big", "Other"), Lookup::Absent);
    let many = hive.key("Many");
    let many = hive.subkeys(many.as_seen().expect("a key"));
    assert_eq!((many.all.len(), many.lost), (600, None));
}

/// Spoils the signature of the key with this name.
fn spoil_key(bytes: &mut [u8], name: &[u8]) {
    let at = bytes.windows(name.len()).position(|part| part == name).expect("the name");
    assert_eq!(&bytes[at - 76..at - 74], b"nk");
    bytes[at - 76..at - 74].copy_from_slice(b"xx");
}

#[test]
fn what_is_damaged_costs_itself_and_is_not_absent() {
    let mut bytes = sample();
    spoil_key(&mut bytes, b"Big");
    let hive = read(bytes);
    let off = value(&hive, r"Control\Terminal Server", "fDenyTSConnections");
    assert_eq!(off, Lookup::seen(RegistryData::Dword(1)));
    assert!(matches!(value(&hive, r"Control\Big", "Data"), Lookup::Unavailable { .. }));
    // It might be the damaged one.
    assert!(matches!(value(&hive, r"Control\Other", "Data"), Lookup::Unavailable { .. }));
    assert_eq!(value(&hive, r"Many\Other", ""), Lookup::Absent);
    let control = hive.key("Control");
    let names = hive.subkeys(control.as_seen().expect("a key"));
    assert_eq!(names.all, ["Terminal Server"]);
    assert!(names.lost.is_some());
}

#[test]
fn a_hive_that_ends_early_is_read_as_far_as_it_goes() {
    let bytes = sample();
    let length = bytes.len();
    let hive = read(bytes[..length - 4096].to_vec());
    assert_eq!(hive.problems, ["its last 4096 bytes are missing"]);
    assert!(Hive::read(bytes[..4096].to_vec(), &[]).is_err());
    assert!(Hive::read(bytes[..100].to_vec(), &[]).is_err());
    assert!(Hive::read(Vec::new(), &[]).is_err());
    assert!(Hive::read(vec![0; 100_000], &[]).is_err());
}

/// The hive as it is before its last writes: its header says that they are under way.
fn dirty(mut bytes: Vec<u8>, secondary: u32) -> Vec<u8> {
    bytes[4..8].copy_from_slice(&(secondary + 1).to_le_bytes());
    bytes[8..12].copy_from_slice(&secondary.to_le_bytes());
    seal(&mut bytes);
    bytes
}

fn seal(bytes: &mut [u8]) {
    let sum = calculate_checksum(&bytes[..BASE_BLOCK_SIZE]);
    bytes[508..512].copy_from_slice(&sum.to_le_bytes());
}

fn log_header(hive: &[u8], file_type: u32, sequence: u32) -> Vec<u8> {
    let mut head = hive[..BASE_BLOCK_SIZE].to_vec();
    head[4..8].copy_from_slice(&sequence.to_le_bytes());
    head[8..12].copy_from_slice(&sequence.to_le_bytes());
    head[28..32].copy_from_slice(&file_type.to_le_bytes());
    seal(&mut head);
    head.truncate(512);
    head
}

/// A log as Windows writes it from 8.1 on: all of this hive, under each of these numbers.
fn log(hive: &[u8], sequences: &[u32]) -> Vec<u8> {
    let entries = sequences.iter().map(|number| written(*number, &hive[BASE_BLOCK_SIZE..]));
    let header = log_header(hive, 6, sequences.first().copied().unwrap_or_default());
    std::iter::once(header).chain(entries).flatten().collect()
}

fn switch(number: u32) -> Vec<u8> {
    hive(&[dword("Server", "Off", number)])
}

fn switch_of(hive: &Hive) -> Lookup<RegistryData> {
    value(hive, "Server", "Off")
}

#[test]
fn logs_go_on_where_the_hive_stopped() {
    let old = dirty(switch(0), 7);
    // The older number stands in the second log; it is not the one that is left in the end.
    let logs = [log(&switch(2), &[9]), log(&switch(1), &[7, 8])];
    let hive = Hive::read(old.clone(), &logs).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(2)));
    assert_eq!((hive.recovered, hive.problems.len()), (3, 0));

    // After a gap comes another day's log.
    let hive = Hive::read(old.clone(), &[log(&switch(1), &[7]), log(&switch(2), &[9])]);
    assert_eq!(switch_of(&hive.expect("a hive")), Lookup::seen(RegistryData::Dword(1)));

    // What the hive has already is not written over it.
    let hive = Hive::read(old.clone(), &[log(&switch(1), &[5])]).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(0)));
    assert_eq!((hive.recovered, hive.problems.len()), (0, 1));

    // A log whose bytes were changed is none.
    let mut spoiled = log(&switch(1), &[7]);
    let last = spoiled.len() - 600;
    spoiled[last] ^= 1;
    assert_eq!(Hive::read(old, &[spoiled]).expect("a hive").recovered, 0);
}

#[test]
fn a_hive_that_was_closed_takes_nothing_from_its_logs() {
    let hive = Hive::read(switch(0), &[log(&switch(1), &[1, 2, 3])]).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(0)));
    assert!(hive.problems.is_empty());
}

#[test]
fn a_damaged_header_is_taken_from_the_log() {
    let mut old = switch(0);
    old[36] ^= 0xFF;
    let hive = Hive::read(old, &[log(&switch(1), &[7])]).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(1)));
    assert_eq!(hive.problems, ["its header is damaged"]);
}

#[test]
fn a_log_as_until_windows_8_is_for_one_state_of_the_hive() {
    let new = switch(1);
    let data = &new[BASE_BLOCK_SIZE..];
    let mut vector = DirtyVector::new(u32::try_from(data.len()).expect("short"));
    (0..data.len() / 512).for_each(|page| vector.set_page_dirty(page));
    let mut log = log_header(&new, 1, 7);
    vector.write(&mut log).expect("memory");
    log.resize(1024, 0);
    log.extend_from_slice(data);

    let mut old = dirty(switch(0), 7);
    old[12..20].copy_from_slice(&new[12..20]);
    seal(&mut old);
    let hive = Hive::read(old.clone(), std::slice::from_ref(&log)).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(1)));

    old[12] ^= 1;
    seal(&mut old);
    let hive = Hive::read(old, &[log]).expect("a hive");
    assert_eq!(switch_of(&hive), Lookup::seen(RegistryData::Dword(0)));
    assert_eq!((hive.recovered, hive.problems.len()), (0, 1));
}

/// Everything in a hive: keys, values, and whether anything was lost. Bounded, for a hive may lead in
/// circles.
pub(in super::super) fn walk(hive: &Hive) -> (usize, usize, bool) {
    let (mut keys, mut values, mut lost) = (0, 0, false);
    let mut seen = BTreeSet::new();
    let mut waiting = vec![hive.root];
    while let Some(offset) = waiting.pop() {
        let Ok(node) = hive.node(offset) else {
            lost = true;
            continue;
        };
        if !seen.insert(offset) {
            lost = true;
            continue;
        }
        keys += 1;
        let key = super::Key(node);
        let read = hive.values(&key);
        values += read.all.len();
        lost |= read.lost.is_some();
        let below = hive.subkey_offsets(&key.0);
        lost |= below.lost.is_some();
        waiting.extend(below.all.into_iter().take(10_000));
    }
    (keys, values, lost)
}

#[test]
fn all_of_a_hive_is_found() {
    assert_eq!(walk(&read(sample())), (605, 603, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_bytes_are_too_much(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..200),
        small in any::<bool>(),
        head in any::<bool>(),
    ) {
        let mut bytes = if small { switch(0) } else { sample() };
        let mut log = log(&switch(1), &[1, 2]);
        for (place, byte) in changes {
            let (bytes_at, log_at) = (place.index(bytes.len()), place.index(log.len()));
            if head || bytes_at >= BASE_BLOCK_SIZE {
                bytes[bytes_at] = byte;
            }
            log[log_at] = byte;
        }
        if BaseBlock::parse(&bytes[..BASE_BLOCK_SIZE]).is_ok() && !head {
            bytes = dirty(bytes, 1);
        }
        if let Ok(hive) = Hive::read(bytes, &[log]) {
            let _ = walk(&hive);
            let _ = switch_of(&hive);
        }
    }
}
