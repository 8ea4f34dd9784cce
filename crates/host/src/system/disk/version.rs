//! The version in a program's resources.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders, PeFile, ResourceDirectoryEntryData};

use rdpdoctor_model::Lookup;

use super::tree::{Entry, Tree};

/// Longest program that is read for its version.
const LONGEST: u64 = 64 << 20;

/// VS_FIXEDFILEINFO begins behind two lengths, a type and the text `VS_VERSION_INFO` (verrsrc.h).
const FIXED: usize = 40;
const SIGNATURE: u32 = 0xFEEF_04BD;

/// FileVersion of a program; none where the file is none or does not say.
pub(super) fn of_file(tree: &dyn Tree, path: &[&str], entry: &Entry) -> Option<String> {
    if entry.folder {
        return None;
    }
    program_version(path.last()?, entry.length, &|most| tree.read(path, most))
}

/// The same of a file that is read by `read`.
pub(in crate::system) fn program_version(
    name: &str,
    length: u64,
    read: &dyn Fn(u64) -> Lookup<Vec<u8>>,
) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let program = [".dll", ".exe", ".sys"].iter().any(|end| name.ends_with(end));
    if !program || length > LONGEST {
        return None;
    }
    of_bytes(read(LONGEST).as_seen()?)
}

/// The same of a program's bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> Option<String> {
    of_image::<pe::ImageNtHeaders64>(bytes).or_else(|| of_image::<pe::ImageNtHeaders32>(bytes))
}

fn of_image<Pe: ImageNtHeaders>(bytes: &[u8]) -> Option<String> {
    let file = PeFile::<Pe>::parse(bytes).ok()?;
    let sections = file.section_table();
    let resources = file.data_directories().resource_directory(bytes, &sections).ok()??;
    // Type, name, language; of the latter two the first.
    let kinds = resources.root().ok()?;
    let kind = kinds.entries.iter().find(|kind| kind.name_or_id().id() == Some(pe::RT_VERSION))?;
    let names = kind.data(resources).ok()?.table()?;
    let languages = names.entries.first()?.data(resources).ok()?.table()?;
    let ResourceDirectoryEntryData::Data(place) =
        languages.entries.first()?.data(resources).ok()?
    else {
        return None;
    };
    fixed(sections.pe_data_at(bytes, place.offset_to_data.get(LE))?)
}

fn fixed(version: &[u8]) -> Option<String> {
    let number = |index: usize| -> Option<u32> {
        let at = FIXED + index * 4;
        Some(u32::from_le_bytes(*version.get(at..)?.first_chunk()?))
    };
    let (high, low) = (number(2)?, number(3)?);
    let halves = |number: u32| (number >> 16, number & 0xFFFF);
    let ((a, b), (c, d)) = (halves(high), halves(low));
    (number(0)? == SIGNATURE).then(|| format!("{a}.{b}.{c}.{d}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::{fixed, of_bytes};

    #[test]
    fn the_version_that_windows_shows() {
        let mut block = vec![0; 40];
        let numbers = [0xFEEF_04BD_u32, 0x1_0000, 10 << 16, (20_348 << 16) | 2_227];
        block.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        assert_eq!(fixed(&block).as_deref(), Some("10.0.20348.2227"));
        assert_eq!(fixed(&block[..block.len() - 1]), None);
        block[40] = 0;
        assert_eq!(fixed(&block), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_bytes_are_too_much(noise: Vec<u8>) {
            let _ = of_bytes(&[b"MZ", &noise[..]].concat());
        }
    }
}
