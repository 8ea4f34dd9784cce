//! A volume that is mounted, as a folder.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rdpdoctor_model::{Lookup, Timestamp};

use super::tree::{Entry, MOST_ENTRIES, Tree};

/// A mounted volume.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// A path as it is spelled here. Links are not followed: on another machine they lead anywhere.
    fn find(&self, path: &[&str]) -> Lookup<(PathBuf, Metadata)> {
        let mut found = self.root.clone();
        let mut metadata = match fs::metadata(&found) {
            Ok(metadata) => metadata,
            Err(error) => return failed(&error),
        };
        for part in path {
            if !metadata.is_dir() {
                return Lookup::Absent;
            }
            (found, metadata) = match inside(&found, part) {
                Lookup::Seen { value } => value,
                Lookup::Absent => return Lookup::Absent,
                Lookup::Unavailable { why } => return Lookup::Unavailable { why },
            };
            if metadata.is_symlink() {
                return Lookup::unavailable(format!(
                    "{part} is a link, and links are not followed"
                ));
            }
        }
        Lookup::seen((found, metadata))
    }
}

/// A name in a folder: as it is spelled, else in another case of letters.
fn inside(folder: &Path, name: &str) -> Lookup<(PathBuf, Metadata)> {
    let exact = folder.join(name);
    match fs::symlink_metadata(&exact) {
        Ok(metadata) => return Lookup::seen((exact, metadata)),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return failed(&error),
        Err(_) => {}
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return failed(&error),
    };
    let wanted = name.to_lowercase();
    for (index, entry) in entries.enumerate() {
        if index == MOST_ENTRIES {
            return Lookup::unavailable(format!("a folder holds more than {index} names"));
        }
        let path = match entry {
            Ok(entry) if entry.file_name().to_string_lossy().to_lowercase() == wanted => {
                entry.path()
            }
            Ok(_) => continue,
            Err(error) => return failed(&error),
        };
        return match fs::symlink_metadata(&path) {
            Ok(metadata) => Lookup::seen((path, metadata)),
            Err(error) => failed(&error),
        };
    }
    Lookup::Absent
}

fn failed<T>(error: &std::io::Error) -> Lookup<T> {
    Lookup::unavailable(error.to_string().to_lowercase())
}

impl Tree for Folder {
    fn entry(&self, path: &[&str]) -> Lookup<Entry> {
        self.find(path).map_seen(|(path, metadata)| Entry {
            folder: metadata.is_dir(),
            length: if metadata.is_dir() { 0 } else { metadata.len() },
            modified: modified(&metadata),
            access: access(&path),
        })
    }

    fn read(&self, path: &[&str], most: u64) -> Lookup<Vec<u8>> {
        let (path, metadata) = match self.find(path) {
            Lookup::Seen { value } => value,
            Lookup::Absent => return Lookup::Absent,
            Lookup::Unavailable { why } => return Lookup::Unavailable { why },
        };
        // A pipe would let the reader wait for ever.
        if !metadata.is_file() {
            return Lookup::unavailable("it is no ordinary file");
        }
        let mut bytes = Vec::new();
        let read = open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        match read {
            Ok(_) => Lookup::seen(bytes),
            Err(error) => failed(&error),
        }
    }

    fn names(&self, path: &[&str], most: usize) -> Lookup<Vec<String>> {
        let path = match self.find(path) {
            Lookup::Seen { value: (path, metadata) } if metadata.is_dir() => path,
            Lookup::Seen { .. } => return Lookup::unavailable("it is no folder"),
            Lookup::Absent => return Lookup::Absent,
            Lookup::Unavailable { why } => return Lookup::Unavailable { why },
        };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => return failed(&error),
        };
        let names = entries
            .take(most)
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        match names.collect::<Result<Vec<_>, _>>() {
            Ok(mut names) => {
                names.sort();
                Lookup::seen(names)
            }
            Err(error) => failed(&error),
        }
    }

    fn space(&self) -> Lookup<(u64, u64)> {
        space(&self.root)
    }
}

fn modified(metadata: &Metadata) -> Option<Timestamp> {
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Timestamp::from_unix_seconds(i64::try_from(since.as_secs()).ok()?)
}

/// Opens a file, and neither a link nor a device that took its place in between.
#[cfg(target_os = "linux")]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(target_os = "linux"))]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// ntfs-3g shows a file's security descriptor as an extended attribute; the kernel's driver does not.
#[cfg(target_os = "linux")]
fn access(path: &Path) -> Lookup<String> {
    /// A DACL is at most 64 KiB (MS-DTYP 2.4.5), and so is a SACL.
    const LONGEST: usize = 160 * 1024;
    let mut bytes = vec![0_u8; LONGEST];
    match rustix::fs::lgetxattr(path, "system.ntfs_acl", &mut bytes) {
        Ok(length) => match super::sddl::text(bytes.get(..length).unwrap_or_default()) {
            Ok(text) => Lookup::seen(text),
            Err(why) => Lookup::unavailable(why),
        },
        Err(_) => Lookup::unavailable(
            "the mounted volume shows no access lists; read the disk itself, or mount it with ntfs-3g",
        ),
    }
}

#[cfg(not(target_os = "linux"))]
fn access(_path: &Path) -> Lookup<String> {
    Lookup::unavailable("access lists of a mounted volume are read on Linux only")
}

#[cfg(target_os = "linux")]
fn space(root: &Path) -> Lookup<(u64, u64)> {
    match rustix::fs::statvfs(root) {
        Ok(space) => Lookup::seen((
            space.f_blocks.saturating_mul(space.f_frsize),
            space.f_bfree.saturating_mul(space.f_frsize),
        )),
        Err(error) => failed(&error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn space(_root: &Path) -> Lookup<(u64, u64)> {
    Lookup::unavailable("the free space of a mounted volume is read on Linux only")
}
