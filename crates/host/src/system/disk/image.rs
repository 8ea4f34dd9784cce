//! What a file or device with a disk on it is, and where on it the volumes are.
//!
//! Raw disks and fixed VHD are read here. The table of partitions is a few numbers at fixed places,
//! of which only begin and length matter: `gpt` wants a device that it may write and refuses a disk
//! whose second header is damaged, `mbrman` brings three crates along.

use std::io::{Read, Seek, SeekFrom};

/// What is read from.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// A sector of old; disks with longer ones keep their table at the same number of sectors.
const SECTOR: u64 = 512;
const SECTORS: [u64; 2] = [SECTOR, 4096];

/// Partitions that are looked at: what the header of a GPT has as a rule.
const MOST_PARTITIONS: u32 = 128;

/// Logical drives in an extended partition of an MBR that are followed.
const MOST_LOGICAL: usize = 24;

/// A piece of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// What is at the beginning of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Volume {
    /// NTFS.
    Ntfs,
    /// BitLocker.
    BitLocker,
    /// Another filesystem, by name.
    Other(&'static str),
    /// Nothing that is known here.
    Unknown,
}

/// Why nothing can be read of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ImageError {
    /// A container that qemu-nbd opens: its name, and qemu's.
    Container(&'static str, &'static str),
    /// A container that nothing here opens.
    Foreign(&'static str),
    /// It could not be read.
    Unreadable(String),
}

impl From<std::io::Error> for ImageError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// The volumes on an image, in their order, and what each of them is.
pub(super) fn volumes(image: &mut dyn Source) -> Result<Vec<(Span, Volume)>, ImageError> {
    let length = image.seek(SeekFrom::End(0))?;
    let head = bytes(image, 0, 512)?;
    if let Some(error) = container(&head) {
        return Err(error);
    }
    let disk = Span { start: 0, length: fixed_vhd(image, length)?.unwrap_or(length) };
    let whole = volume(&head);
    let spans = if whole == Volume::Unknown { partitions(image, disk)? } else { Vec::new() };
    if spans.is_empty() {
        return Ok(vec![(disk, whole)]);
    }
    let kinds = spans.into_iter().map(|span| Ok((span, volume(&bytes(image, span.start, 512)?))));
    kinds.collect()
}

/// Formats that are no plain run of sectors, by their first bytes.
fn container(head: &[u8]) -> Option<ImageError> {
    const CONTAINERS: [(&[u8], ImageError); 5] = [
        (b"conectix", ImageError::Container("a dynamic VHD", "vpc")),
        (b"vhdxfile", ImageError::Container("a VHDX", "vhdx")),
        (b"QFI\xfb", ImageError::Container("a QCOW2", "qcow2")),
        (b"KDMV", ImageError::Container("a VMDK", "vmdk")),
        (b"EVF\x09\x0d\x0a\xff\x00", ImageError::Foreign("an EnCase (E01)")),
    ];
    let vdi = head.get(64..68) == Some(&0xBEDA_107F_u32.to_le_bytes());
    if vdi {
        return Some(ImageError::Container("a VDI", "vdi"));
    }
    CONTAINERS.into_iter().find(|(start, _)| head.starts_with(start)).map(|(_, error)| error)
}

/// The length of the disk in a fixed VHD: its footer is the last sector ("Virtual Hard Disk Image
/// Format Specification", hard disk footer format).
fn fixed_vhd(image: &mut dyn Source, length: u64) -> Result<Option<u64>, ImageError> {
    let Some(disk) = length.checked_sub(SECTOR) else { return Ok(None) };
    let footer = bytes(image, disk, 512)?;
    if !footer.starts_with(b"conectix") {
        return Ok(None);
    }
    match footer.get(60..64) {
        Some([0, 0, 0, 2]) => Ok(Some(disk)),
        _ => Err(ImageError::Container("a dynamic VHD", "vpc")),
    }
}

/// What a volume's first sector says that it is.
fn volume(head: &[u8]) -> Volume {
    let name = |range: std::ops::Range<usize>| head.get(range).unwrap_or_default();
    match name(3..11) {
        b"NTFS    " => Volume::Ntfs,
        b"-FVE-FS-" => Volume::BitLocker,
        b"EXFAT   " => Volume::Other("exFAT"),
        b"ReFS\0\0\0\0" => Volume::Other("ReFS"),
        _ if name(82..87) == b"FAT32" || name(54..58) == b"FAT1" => Volume::Other("FAT"),
        _ => Volume::Unknown,
    }
}

fn partitions(image: &mut dyn Source, disk: Span) -> Result<Vec<Span>, ImageError> {
    for sector in SECTORS {
        let header = bytes(image, sector, 512)?;
        if header.starts_with(b"EFI PART") {
            return gpt(image, disk, sector, &header);
        }
    }
    mbr(image, disk)
}

/// UEFI 2.10, 5.3: begin and length of the entries stand in the header.
fn gpt(
    image: &mut dyn Source,
    disk: Span,
    sector: u64,
    header: &[u8],
) -> Result<Vec<Span>, ImageError> {
    let entries = long(header, 72).unwrap_or(0).saturating_mul(sector);
    let count = short(header, 80).unwrap_or(0).min(MOST_PARTITIONS);
    let size = short(header, 84).unwrap_or(0).clamp(128, 4096);
    let mut spans = Vec::new();
    for index in 0..count {
        let at = entries.saturating_add(u64::from(index) * u64::from(size));
        let entry = bytes(image, at, 128)?;
        let used = entry.get(..16).is_some_and(|kind| kind != [0; 16]);
        let (Some(first), Some(last)) = (long(&entry, 32), long(&entry, 40)) else { break };
        let start = first.saturating_mul(sector);
        let length = last.saturating_sub(first).saturating_add(1).saturating_mul(sector);
        if used {
            spans.extend(within(disk, start, length));
        }
    }
    Ok(spans)
}

/// The four entries of an MBR, and the chain of logical drives of an extended one.
fn mbr(image: &mut dyn Source, disk: Span) -> Result<Vec<Span>, ImageError> {
    let mut spans = Vec::new();
    for (kind, first, length) in entries(&bytes(image, 0, 512)?) {
        if matches!(kind, 0x05 | 0x0F | 0x85) {
            logical(image, disk, first, &mut spans)?;
        } else {
            spans.extend(within(disk, first, length));
        }
    }
    Ok(spans)
}

fn logical(
    image: &mut dyn Source,
    disk: Span,
    extended: u64,
    spans: &mut Vec<Span>,
) -> Result<(), ImageError> {
    let mut table = extended;
    for _ in 0..MOST_LOGICAL {
        let mut next = None;
        for (kind, first, length) in entries(&bytes(image, table, 512)?) {
            if matches!(kind, 0x05 | 0x0F | 0x85) {
                next = Some(extended.saturating_add(first));
            } else {
                spans.extend(within(disk, table.saturating_add(first), length));
            }
        }
        let Some(after) = next else { break };
        table = after;
    }
    Ok(())
}

/// Kind, begin and length in bytes of the entries that are used.
fn entries(sector: &[u8]) -> Vec<(u8, u64, u64)> {
    if sector.get(510..512) != Some(&[0x55, 0xAA]) {
        return Vec::new();
    }
    let (all, _) = sector.get(446..510).unwrap_or_default().as_chunks::<16>();
    let read = all.iter().filter_map(|entry| {
        let first = u64::from(short(entry, 8)?) * SECTOR;
        Some((entry[4], first, u64::from(short(entry, 12)?) * SECTOR))
    });
    read.filter(|(kind, _, length)| *kind != 0 && *length > 0).collect()
}

/// A piece, as far as it lies on the disk.
fn within(disk: Span, start: u64, length: u64) -> Option<Span> {
    let room = disk.length.checked_sub(start).filter(|room| *room >= SECTOR)?;
    Some(Span { start, length: length.min(room) })
}

/// Bytes of the image; fewer where it ends.
fn bytes(image: &mut dyn Source, at: u64, most: u64) -> Result<Vec<u8>, ImageError> {
    image.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    image.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn short(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::{ProptestConfig, proptest};

    use super::{ImageError, Span, Volume, volumes};

    const SECTOR: usize = 512;

    fn ntfs_at(disk: &mut [u8], sector: usize) {
        disk[sector * SECTOR + 3..][..8].copy_from_slice(b"NTFS    ");
    }

    fn of(disk: Vec<u8>) -> Result<Vec<(Span, Volume)>, ImageError> {
        volumes(&mut Cursor::new(disk))
    }

    fn mbr_entry(disk: &mut [u8], table: usize, index: usize, kind: u8, first: u8, count: u8) {
        let entry = &mut disk[table * SECTOR + 446 + index * 16..][..16];
        (entry[4], entry[8], entry[12]) = (kind, first, count);
        disk[table * SECTOR + 510..][..2].copy_from_slice(&[0x55, 0xAA]);
    }

    #[test]
    fn a_bare_volume_and_what_else_a_volume_can_be() {
        let mut disk = vec![0; 64 * SECTOR];
        ntfs_at(&mut disk, 0);
        let span = Span { start: 0, length: 64 * 512 };
        assert_eq!(of(disk.clone()), Ok(vec![(span, Volume::Ntfs)]));
        disk[3..11].copy_from_slice(b"-FVE-FS-");
        assert_eq!(of(disk), Ok(vec![(span, Volume::BitLocker)]));
        assert_eq!(of(vec![0; 64 * SECTOR]), Ok(vec![(span, Volume::Unknown)]));
        assert_eq!(of(Vec::new()), Ok(vec![(Span { start: 0, length: 0 }, Volume::Unknown)]));
    }

    #[test]
    fn an_mbr_with_logical_drives() {
        let mut disk = vec![0; 64 * SECTOR];
        mbr_entry(&mut disk, 0, 0, 7, 4, 8);
        mbr_entry(&mut disk, 0, 1, 5, 20, 30);
        mbr_entry(&mut disk, 20, 0, 7, 2, 4);
        mbr_entry(&mut disk, 20, 1, 5, 10, 10);
        mbr_entry(&mut disk, 30, 0, 7, 2, 200);
        ntfs_at(&mut disk, 22);
        let span = |start: u64, length: u64| Span { start: start * 512, length: length * 512 };
        let expected = vec![
            (span(4, 8), Volume::Unknown),
            (span(22, 4), Volume::Ntfs),
            // It claims more than the disk has.
            (span(32, 32), Volume::Unknown),
        ];
        assert_eq!(of(disk.clone()), Ok(expected));
        // A chain that bites its own tail ends.
        mbr_entry(&mut disk, 30, 1, 5, 10, 10);
        assert!(of(disk).is_ok_and(|spans| spans.len() < 64));
    }

    #[test]
    fn a_gpt_of_either_sector_size() {
        for sector in [512, 4096] {
            let mut disk = vec![0; 40 * sector];
            disk[sector..][..8].copy_from_slice(b"EFI PART");
            disk[sector + 72] = 2;
            disk[sector + 80] = 2;
            disk[sector + 84] = 128;
            let entry = &mut disk[2 * sector + 128..][..128];
            (entry[0], entry[32], entry[40]) = (1, 8, 15);
            disk[8 * sector + 3..][..8].copy_from_slice(b"NTFS    ");
            let length = 8 * sector as u64;
            assert_eq!(of(disk), Ok(vec![(Span { start: length, length }, Volume::Ntfs)]));
        }
    }

    #[test]
    fn containers_are_named() {
        let with = |start: &[u8]| of([start, &[0; 1024][..]].concat());
        assert_eq!(with(b"vhdxfile"), Err(ImageError::Container("a VHDX", "vhdx")));
        assert_eq!(with(b"QFI\xfb"), Err(ImageError::Container("a QCOW2", "qcow2")));
        assert_eq!(with(b"conectix"), Err(ImageError::Container("a dynamic VHD", "vpc")));
        let mut fixed = vec![0; 65 * SECTOR];
        ntfs_at(&mut fixed, 0);
        fixed[64 * SECTOR..][..8].copy_from_slice(b"conectix");
        fixed[64 * SECTOR + 63] = 2;
        let span = Span { start: 0, length: 64 * 512 };
        assert_eq!(of(fixed.clone()), Ok(vec![(span, Volume::Ntfs)]));
        fixed[64 * SECTOR + 63] = 3;
        assert_eq!(of(fixed), Err(ImageError::Container("a dynamic VHD", "vpc")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_table_is_too_much(noise in proptest::collection::vec(0_u8..=255, 512..2048), gpt: bool) {
            let mut disk = noise;
            disk.resize(8 * SECTOR, 0);
            disk[510..512].copy_from_slice(&[0x55, 0xAA]);
            if gpt {
                disk[512..520].copy_from_slice(b"EFI PART");
            }
            let _ = of(disk);
        }
    }
}
