//! The files of a volume, whatever way they are had.

use rdpdoctor_model::{Lookup, Timestamp};

/// Names of one folder that are looked through; `WinSxS` has some ten thousand.
pub(super) const MOST_ENTRIES: usize = 1 << 18;

/// A file or folder.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Whether it is a folder.
    pub(super) folder: bool,
    /// Bytes in it.
    pub(super) length: u64,
    /// When it was last written.
    pub(super) modified: Option<Timestamp>,
    /// Who may do what, in SDDL.
    pub(super) access: Lookup<String>,
}

/// A volume with a Windows on it. Paths are the names below its root; either case of letters will do.
pub(super) trait Tree {
    /// What a path leads to.
    fn entry(&self, path: &[&str]) -> Lookup<Entry>;

    /// A file's bytes, the first `most` of them.
    fn read(&self, path: &[&str], most: u64) -> Lookup<Vec<u8>>;

    /// The names in a folder, the first `most` of them.
    fn names(&self, path: &[&str], most: usize) -> Lookup<Vec<String>>;

    /// Bytes on the volume, and those of them that are free.
    fn space(&self) -> Lookup<(u64, u64)>;
}

/// The names of a path as Windows writes it, without the drive. None where it leads out of its root.
pub(super) fn parts(path: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = path.split(['\\', '/']).filter(|part| !part.is_empty()).collect();
    let odd = |part: &&str| matches!(*part, "." | "..") || part.contains([':', '\0']);
    (!parts.iter().any(odd)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_path_stays_below_its_root() {
        assert_eq!(parts(r"\Windows\\System32"), Some(vec!["Windows", "System32"]));
        assert_eq!(parts(r"\..\etc"), None);
        assert_eq!(parts("Windows/../../etc/passwd"), None);
        assert_eq!(parts(r"Windows\a:stream"), None);
    }
}
