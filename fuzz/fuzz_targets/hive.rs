//! A file of the registry, with and without its log: which file, the log's length, the log, the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Folder, questioned};

const HIVES: [&str; 5] = [
    "Windows/System32/config/SYSTEM",
    "Windows/System32/config/SOFTWARE",
    "Windows/System32/config/SAM",
    "Windows/System32/config/SECURITY",
    "Users/jo/NTUSER.DAT",
];

fuzz_target!(|data: &[u8]| {
    let Some((&[which, a, b, c], rest)) = data.split_first_chunk::<4>() else { return };
    let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(0).min(rest.len());
    let (log, hive) = rest.split_at(length);
    let name = HIVES[usize::from(which) % HIVES.len()];
    let folder = Folder::new("hive");
    // Without it the folder holds no Windows.
    folder.write(HIVES[0], &[]);
    folder.write(name, hive);
    if !log.is_empty() {
        folder.write(&format!("{name}.LOG1"), log);
    }
    questioned(folder.path());
});
