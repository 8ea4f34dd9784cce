//! From what the user names to a disk with a Windows on it, or one line that says why not.

use std::fs::File;
use std::path::Path;

use rdpdoctor_model::Lookup;

use super::Disk;
use super::folder::Folder;
use super::image::{self, ImageError, Source, Span, Volume};
use super::registry::Registry;
use super::tree::Tree;
use super::volume::NtfsVolume;

/// Folders that Windows was ever installed in.
const WINDOWS: [&str; 2] = ["Windows", "WINNT"];

/// Why a folder or file is no disk of a Windows machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskError {
    /// It cannot be read: why.
    Unreadable(String),
    /// A mounted folder without a Windows in it.
    NoWindows,
    /// An image on which no volume holds a Windows: what is on it instead.
    NoWindowsOnImage(Vec<String>),
    /// Several volumes of an image hold a Windows: where they begin.
    Several(Vec<u64>),
    /// A volume that BitLocker protects.
    BitLocker,
    /// A container: its name, and qemu's name for it.
    Container(&'static str, &'static str),
    /// A container that is not read.
    Foreign(&'static str),
    /// A volume with a Windows on it is damaged: how.
    Damaged(String),
    /// There is no such profile; these are there.
    NoProfile(Vec<String>),
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "it cannot be read: {why}"),
            Self::NoWindows => f.write_str(
                "it holds no Windows: there is no Windows/System32/config/SYSTEM in it",
            ),
            Self::NoWindowsOnImage(found) if found.is_empty() => {
                f.write_str("no volume of a known filesystem is on it")
            }
            Self::NoWindowsOnImage(found) => {
                write!(f, "no volume on it holds a Windows; found: {}", found.join(", "))
            }
            Self::Several(starts) => {
                let starts: Vec<String> = starts.iter().map(u64::to_string).collect();
                write!(
                    f,
                    "several volumes on it hold a Windows, at bytes {}; mount the one that is meant \
                     and give its folder",
                    starts.join(", ")
                )
            }
            Self::BitLocker => f.write_str(
                "the volume is protected by BitLocker; unlock it first (cryptsetup bitlkOpen DEVICE \
                 windows) and give /dev/mapper/windows",
            ),
            Self::Container(name, format) => write!(
                f,
                "it is {name} image, which is not read as it stands; run modprobe nbd && qemu-nbd \
                 --read-only --format={format} --connect=/dev/nbd0 FILE, then give /dev/nbd0",
            ),
            Self::Foreign(name) => {
                write!(f, "it is {name} image, which is not read; export it as a raw image")
            }
            Self::Damaged(why) => write!(f, "its NTFS volume cannot be read: {why}"),
            Self::NoProfile(names) if names.is_empty() => f.write_str("it holds no user's profile"),
            Self::NoProfile(names) => {
                write!(f, "there is no such profile; there are: {}", names.join(", "))
            }
        }
    }
}

impl std::error::Error for DiskError {}

impl Disk {
    /// Opens a mounted volume, an image or a device; `profile` names whose settings are the user's.
    ///
    /// # Errors
    ///
    /// When there is no Windows that can be read.
    pub fn open(path: &Path, profile: Option<&str>) -> Result<Self, DiskError> {
        let unreadable = |error: std::io::Error| DiskError::Unreadable(error.to_string());
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let disk = if metadata.is_dir() {
            Self::of_folder(&std::fs::canonicalize(path).map_err(unreadable)?)?
        } else if is_disk(&metadata) {
            Self::of_image(&|| Ok(Box::new(File::open(path)?)))?
        } else {
            return Err(DiskError::Unreadable("it is neither a folder, a file nor a disk".into()));
        };
        disk.of_profile(profile)
    }

    /// The mounted volume; its folder of Windows will do.
    fn of_folder(root: &Path) -> Result<Self, DiskError> {
        let of = |root: &Path| Self::new(Box::new(Folder::new(root.to_owned())));
        match of(root) {
            Err(DiskError::NoWindows) => match root.parent() {
                Some(parent) if WINDOWS.iter().any(|name| root.ends_with(name)) => of(parent),
                _ => Err(DiskError::NoWindows),
            },
            other => other,
        }
    }

    /// The one volume of an image that holds a Windows. `open` opens the image anew.
    pub(super) fn of_image(
        open: &dyn Fn() -> std::io::Result<Box<dyn Source>>,
    ) -> Result<Self, DiskError> {
        let unreadable = |error: std::io::Error| DiskError::Unreadable(error.to_string());
        let volumes = match image::volumes(&mut *open().map_err(unreadable)?) {
            Ok(volumes) => volumes,
            Err(ImageError::Container(name, qemu)) => return Err(DiskError::Container(name, qemu)),
            Err(ImageError::Foreign(name)) => return Err(DiskError::Foreign(name)),
            Err(ImageError::Unreadable(why)) => return Err(DiskError::Unreadable(why)),
        };
        let (mut found, mut damage) = (Vec::new(), None);
        for (span, _) in volumes.iter().filter(|(_, kind)| *kind == Volume::Ntfs) {
            let volume = NtfsVolume::open(open().map_err(unreadable)?, *span);
            match volume.map_err(DiskError::Damaged).and_then(|volume| Self::new(Box::new(volume)))
            {
                Ok(disk) => found.push((*span, disk)),
                Err(DiskError::NoWindows) => {}
                Err(error) => damage = Some(error),
            }
        }
        if found.len() > 1 {
            return Err(DiskError::Several(found.iter().map(|(span, _)| span.start).collect()));
        }
        match (found.pop(), damage) {
            (Some((_, disk)), _) => Ok(disk),
            (None, Some(damage)) => Err(damage),
            (None, None) if volumes.iter().any(|(_, kind)| *kind == Volume::BitLocker) => {
                Err(DiskError::BitLocker)
            }
            (None, None) => Err(DiskError::NoWindowsOnImage(names(&volumes))),
        }
    }

    fn new(tree: Box<dyn Tree>) -> Result<Self, DiskError> {
        let mut damage = None;
        for windows in WINDOWS {
            match tree.entry(&[windows, "System32", "config", "SYSTEM"]) {
                Lookup::Seen { .. } => {
                    let registry = Registry::new(windows);
                    return Ok(Self { tree, windows: windows.to_owned(), registry });
                }
                Lookup::Absent => {}
                Lookup::Unavailable { why } => damage = Some(why),
            }
        }
        Err(damage.map_or(DiskError::NoWindows, DiskError::Damaged))
    }
}

/// What is on an image, in words.
fn names(volumes: &[(Span, Volume)]) -> Vec<String> {
    let name = |(span, kind): &(Span, Volume)| {
        let name = match kind {
            Volume::Ntfs => "NTFS",
            Volume::Other(name) => name,
            Volume::BitLocker | Volume::Unknown => return None,
        };
        Some(format!("{name} at byte {}", span.start))
    };
    volumes.iter().filter_map(name).collect()
}

#[cfg(unix)]
fn is_disk(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.is_file() || metadata.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_disk(metadata: &std::fs::Metadata) -> bool {
    metadata.is_file()
}
