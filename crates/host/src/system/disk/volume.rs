//! An NTFS volume, read in place by the `ntfs` crate.

use std::cell::{OnceCell, RefCell};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ntfs::indexes::NtfsFileNameIndex;
use ntfs::structured_values::{
    NtfsFileAttributeFlags, NtfsFileNamespace, NtfsIndexRoot, NtfsStandardInformation,
};
use ntfs::{
    KnownNtfsFileRecordNumber, Ntfs, NtfsAttributeFlags, NtfsAttributeType, NtfsError, NtfsFile,
    NtfsFileFlags, NtfsIndex,
};
use rdpdoctor_model::{Lookup, Timestamp};

use super::image::{Source, Span};
use super::secure::Descriptors;
use super::tree::{Entry, MOST_ENTRIES, Tree};

/// Longest record of a file or an index. Windows makes them of 1 and 4 KiB.
const LONGEST_RECORD: u32 = 64 * 1024;

/// Longest access list that a file holds itself.
const LONGEST_DESCRIPTOR: u64 = 160 * 1024;

/// Longest map of used clusters: 16 TiB in clusters of 4 KiB.
const LONGEST_BITMAP: u64 = 512 << 20;

/// Reads for one answer. What leads in circles comes to an end by it.
const MOST_READS: u32 = 1 << 20;

/// An NTFS volume.
pub(super) struct NtfsVolume {
    ntfs: Ntfs,
    disk: RefCell<Disk>,
    descriptors: OnceCell<Result<Descriptors, String>>,
}

type Disk = BufReader<Piece>;

impl NtfsVolume {
    /// Opens a volume that begins as NTFS does.
    pub(super) fn open(source: Box<dyn Source>, span: Span) -> Result<Self, String> {
        let piece = Piece { source, span, at: 0, left: MOST_READS };
        let mut disk = BufReader::new(piece);
        let opened = guarded(|| {
            let mut ntfs = Ntfs::new(&mut disk)?;
            if ntfs.file_record_size() > LONGEST_RECORD {
                return Err(Failure::Why("its records are longer than any NTFS has".to_owned()));
            }
            ntfs.read_upcase_table(&mut disk)?;
            Ok(ntfs)
        });
        match opened {
            Ok(ntfs) => Ok(Self { ntfs, disk: RefCell::new(disk), descriptors: OnceCell::new() }),
            Err(Failure::Absent) => Err("it has no files".to_owned()),
            Err(Failure::Why(why)) => Err(why),
        }
    }

    /// Asks the volume, each time with all reads allowed again.
    fn ask<T>(&self, ask: impl FnOnce(&Ntfs, &mut Disk) -> Result<T, Failure>) -> Lookup<T> {
        let mut disk = self.disk.borrow_mut();
        disk.get_mut().left = MOST_READS;
        match guarded(|| ask(&self.ntfs, &mut disk)) {
            Ok(value) => Lookup::seen(value),
            Err(Failure::Absent) => Lookup::Absent,
            Err(Failure::Why(why)) => Lookup::Unavailable { why },
        }
    }

    fn access(
        &self,
        ntfs: &Ntfs,
        disk: &mut Disk,
        file: &NtfsFile<'_>,
        info: &NtfsStandardInformation,
    ) -> Lookup<String> {
        if let Some(id) = info.security_id().filter(|id| *id != 0) {
            let all = self.descriptors.get_or_init(|| descriptors(ntfs, disk));
            return match all.as_ref().map_err(Clone::clone).and_then(|all| all.text(id)) {
                Ok(text) => Lookup::seen(text),
                Err(why) => Lookup::Unavailable { why },
            };
        }
        let own = value(disk, file, NtfsAttributeType::SecurityDescriptor, "", LONGEST_DESCRIPTOR);
        match own.map(|own| super::sddl::text(&own)) {
            Ok(Ok(text)) => Lookup::seen(text),
            Ok(Err(why)) | Err(Failure::Why(why)) => Lookup::Unavailable { why },
            Err(Failure::Absent) => Lookup::unavailable("it has no security descriptor"),
        }
    }
}

impl Tree for NtfsVolume {
    fn entry(&self, path: &[&str]) -> Lookup<Entry> {
        self.ask(|ntfs, disk| {
            let file = find(ntfs, disk, path)?;
            let info = file.info()?;
            let folder = file.is_directory();
            Ok(Entry {
                folder,
                length: if folder { 0 } else { length(disk, &file)? },
                modified: Timestamp::from_filetime(info.modification_time().nt_timestamp()),
                access: self.access(ntfs, disk, &file, &info),
            })
        })
    }

    fn read(&self, path: &[&str], most: u64) -> Lookup<Vec<u8>> {
        self.ask(|ntfs, disk| {
            let file = find(ntfs, disk, path)?;
            if file.is_directory() {
                return Err(Failure::Why("it is no ordinary file".to_owned()));
            }
            // CompactOS keeps the bytes in a stream of its own and says so by a reparse point.
            if file.info()?.file_attributes().contains(NtfsFileAttributeFlags::REPARSE_POINT) {
                return Err(Failure::Why("it is a link or compressed by CompactOS".to_owned()));
            }
            value(disk, &file, NtfsAttributeType::Data, "", most)
        })
    }

    fn names(&self, path: &[&str], most: usize) -> Lookup<Vec<String>> {
        self.ask(|ntfs, disk| {
            let folder = find(ntfs, disk, path)?;
            let index = index(disk, &folder)?;
            let mut entries = index.entries();
            let mut names = Vec::new();
            for _ in 0..MOST_ENTRIES {
                let Some(entry) = entries.next(disk) else { break };
                let Some(name) = entry?.key() else { continue };
                let name = name?;
                // The short name of old is a second entry for the same file.
                if name.namespace() != NtfsFileNamespace::Dos {
                    names.push(name.name().to_string_lossy());
                }
                if names.len() == most {
                    break;
                }
            }
            Ok(names)
        })
    }

    fn space(&self) -> Lookup<(u64, u64)> {
        self.ask(|ntfs, disk| {
            let bitmap = ntfs.file(disk, KnownNtfsFileRecordNumber::Bitmap as u64)?;
            let cluster = u64::from(ntfs.cluster_size());
            let clusters = ntfs.size() / cluster;
            let used = used(disk, &bitmap, clusters)?;
            Ok((ntfs.size(), clusters.saturating_sub(used) * cluster))
        })
    }
}

/// The crate minds most lengths of a volume and panics over the rest (0.4.0: an index whose last
/// entry is cut off, found by the tests over damaged volumes). That is damage, too.
fn guarded<T>(ask: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let damaged = || Failure::Why("the volume is damaged".to_owned());
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| Err(damaged()))
}

/// The clusters in use: a bit each, those beyond the volume's end are not counted.
fn used(disk: &mut Disk, bitmap: &NtfsFile<'_>, clusters: u64) -> Result<u64, Failure> {
    let mut used = 0;
    let mut left = clusters;
    each_part(disk, bitmap, NtfsAttributeType::Data, "", LONGEST_BITMAP, |part| {
        for byte in part {
            let valid = u32::try_from(left.min(8)).unwrap_or(8);
            let mask = u8::try_from((1_u32 << valid) - 1).unwrap_or(u8::MAX);
            used += u64::from((byte & mask).count_ones());
            left -= u64::from(valid);
        }
    })?;
    if left > 0 {
        return Err(Failure::Why("its map of free space is cut off".to_owned()));
    }
    Ok(used)
}

/// The file that a path leads to. Links are not followed: what they lead to may be another volume.
fn find<'n>(ntfs: &'n Ntfs, disk: &mut Disk, path: &[&str]) -> Result<NtfsFile<'n>, Failure> {
    let mut file = ntfs.root_directory(disk)?;
    for part in path {
        if !file.is_directory() {
            return Err(Failure::Absent);
        }
        let reference = {
            let index = index(disk, &file)?;
            let mut finder = index.finder();
            match NtfsFileNameIndex::find(&mut finder, ntfs, disk, part) {
                Some(entry) => entry?.file_reference(),
                None => return Err(Failure::Absent),
            }
        };
        file = reference.to_file(ntfs, disk)?;
        if !file.flags().contains(NtfsFileFlags::IN_USE) {
            return Err(Failure::Why(format!("the record of {part} is not in use")));
        }
    }
    Ok(file)
}

/// The names in a folder, once its records are known to be of a sensible length.
fn index<'n, 'f>(
    disk: &mut Disk,
    folder: &'f NtfsFile<'n>,
) -> Result<NtfsIndex<'n, 'f, NtfsFileNameIndex>, Failure> {
    let mut attributes = folder.attributes();
    while let Some(item) = attributes.next(disk) {
        let item = item?;
        let attribute = item.to_attribute()?;
        if attribute.ty()? == NtfsAttributeType::IndexRoot {
            let root = attribute.resident_structured_value::<NtfsIndexRoot<'_>>()?;
            if root.index_record_size() > LONGEST_RECORD {
                return Err(Failure::Why("its index is damaged".to_owned()));
            }
        }
    }
    Ok(folder.directory_index(disk)?)
}

fn length(disk: &mut Disk, file: &NtfsFile<'_>) -> Result<u64, Failure> {
    let Some(item) = file.data(disk, "") else { return Ok(0) };
    Ok(item?.to_attribute()?.value_length())
}

/// The value of an attribute by its type and name, as a whole or the first `most` bytes.
fn value(
    disk: &mut Disk,
    file: &NtfsFile<'_>,
    kind: NtfsAttributeType,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    each_part(disk, file, kind, name, most, |part| bytes.extend_from_slice(part))?;
    Ok(bytes)
}

fn each_part(
    disk: &mut Disk,
    file: &NtfsFile<'_>,
    kind: NtfsAttributeType,
    name: &str,
    most: u64,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut attributes = file.attributes();
    while let Some(item) = attributes.next(disk) {
        let item = item?;
        let attribute = item.to_attribute()?;
        if attribute.ty()? != kind || attribute.name()?.to_string_lossy() != name {
            continue;
        }
        if attribute.flags().contains(NtfsAttributeFlags::COMPRESSED) {
            return Err(Failure::Why("it is compressed".to_owned()));
        }
        if attribute.flags().contains(NtfsAttributeFlags::ENCRYPTED) {
            return Err(Failure::Why("it is encrypted".to_owned()));
        }
        let mut value = attribute.value(disk)?.attach(disk).take(most);
        let mut part = vec![0; 64 * 1024];
        loop {
            match value.read(&mut part) {
                Ok(0) => return Ok(()),
                Ok(length) => take(part.get(..length).unwrap_or_default()),
                Err(error) => return Err(Failure::Why(error.to_string())),
            }
        }
    }
    Err(Failure::Absent)
}

/// The security descriptors of all files, which they name by number.
fn descriptors(ntfs: &Ntfs, disk: &mut Disk) -> Result<Descriptors, String> {
    let read = ntfs.file(disk, KnownNtfsFileRecordNumber::Secure as u64).map_err(Failure::from);
    let read = read.and_then(|secure| {
        value(disk, &secure, NtfsAttributeType::Data, "$SDS", Descriptors::LONGEST)
    });
    match read {
        Ok(bytes) => Ok(Descriptors::read(bytes)),
        Err(Failure::Absent) => Err("the volume keeps no security descriptors".to_owned()),
        Err(Failure::Why(why)) => Err(why),
    }
}

/// Why there is no answer.
enum Failure {
    Absent,
    Why(String),
}

impl From<NtfsError> for Failure {
    fn from(error: NtfsError) -> Self {
        Self::Why(words(error))
    }
}

fn words(error: NtfsError) -> String {
    format!("the volume is damaged: {error}")
}

/// A piece of a disk, and how often it may still be read.
struct Piece {
    source: Box<dyn Source>,
    span: Span,
    at: u64,
    left: u32,
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| std::io::Error::other("the volume leads in circles"))?;
        let room = usize::try_from(self.span.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(room);
        let place = self.span.start.saturating_add(self.at);
        self.source.seek(SeekFrom::Start(place))?;
        let read = self.source.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.at += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

impl Seek for Piece {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.span.length.checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
