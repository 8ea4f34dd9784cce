//! A Windows machine's disk and facts.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rdpdoctor_diagnosis::{Evidence, Policy, diagnose};
use rdpdoctor_host::system::disk::Disk;
use rdpdoctor_host::{Side, collect, observations};
use rdpdoctor_model::{Fact, Timestamp};

/// How long a disk is made.
const DISK: u64 = 16 << 20;

/// Facts, judged by every rule.
pub fn judged(facts: Vec<Fact>, side: Side) {
    let all = observations(facts, side, Some("fuzz.json"));
    let now = Timestamp::from_unix_seconds(1_767_225_600).expect("a moment");
    let _ = diagnose(&Evidence::new(&all, None, now, Policy::default()));
}

/// Every question asked of a disk, both sides.
pub fn questioned(path: &Path) {
    // What a library makes of damage by panicking is caught where it is asked, and is no finding.
    quiet_panics();
    let Ok(disk) = Disk::open(path, None) else { return };
    for side in [Side::Host, Side::Client] {
        let _ = collect(&disk, side);
    }
}

/// libFuzzer's own hook aborts at any panic, also at those that are caught; one that comes as far as
/// the target ends it all the same.
pub fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| drop(std::panic::take_hook()));
}

/// A folder in memory, that goes with this value.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one; each process has its own.
    pub fn new(name: &str) -> Self {
        let shared = Path::new("/dev/shm");
        let root = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        let path = root.join(format!("rdpdoctor-fuzz-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a disk of its pieces: where each begins, in sectors of 512 bytes (three bytes), how long it
/// is (two), and the bytes.
pub fn sparse(path: &Path, mut pieces: &[u8]) {
    let mut image = File::create(path).expect("an image");
    image.set_len(DISK).expect("its length");
    while let Some((&[a, b, c, low, high], rest)) = pieces.split_first_chunk::<5>() {
        let start = u64::from(u32::from_le_bytes([a, b, c, 0])) * 512 % DISK;
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        image.seek(SeekFrom::Start(start)).expect("within it");
        image.write_all(bytes).expect("space");
        pieces = rest;
    }
}
