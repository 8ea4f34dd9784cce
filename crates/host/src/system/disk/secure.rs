//! `$Secure:$SDS`, where an NTFS volume keeps its security descriptors, each once.
//!
//! An entry is a hash, the number, its own place, its length, and the descriptor; entries begin at
//! multiples of 16. Blocks of 256 KiB lie there twice, the second right behind the first.

use std::collections::BTreeMap;
use std::ops::Range;

use super::sddl;

const BLOCK: usize = 256 * 1024;
const HEADER: usize = 20;

/// The descriptors of a volume.
pub(super) struct Descriptors {
    bytes: Vec<u8>,
    places: BTreeMap<u32, Range<usize>>,
}

impl Descriptors {
    /// Longest stream that is read; that of a volume with a million files has a few MiB.
    pub(super) const LONGEST: u64 = 64 << 20;

    /// Finds the entries. What is damaged costs the rest of its block.
    pub(super) fn read(bytes: Vec<u8>) -> Self {
        let mut places = BTreeMap::new();
        let mut at = 0;
        while at < bytes.len() {
            match entry(&bytes, at) {
                Some((id, place)) => {
                    at = place.end.next_multiple_of(16);
                    places.insert(id, place);
                }
                None => at = (at / (2 * BLOCK) + 1) * (2 * BLOCK),
            }
            // The second of the two.
            if at % (2 * BLOCK) >= BLOCK {
                at = (at / (2 * BLOCK) + 1) * (2 * BLOCK);
            }
        }
        Self { bytes, places }
    }

    /// A descriptor by its number, in SDDL.
    pub(super) fn text(&self, id: u32) -> Result<String, String> {
        let place = self.places.get(&id).and_then(|place| self.bytes.get(place.clone()));
        let descriptor = place.ok_or_else(|| format!("there is no security descriptor {id}"))?;
        sddl::text(descriptor)
    }
}

/// The number and the place of the descriptor of an entry.
fn entry(bytes: &[u8], at: usize) -> Option<(u32, Range<usize>)> {
    let [_, _, _, _, i0, i1, i2, i3, place @ .., l0, l1, l2, l3] =
        *bytes.get(at..)?.first_chunk::<HEADER>()?;
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
    let end = at.checked_add(length)?;
    let here = u64::from_le_bytes(place) == u64::try_from(at).ok()?;
    (here && length >= HEADER && end <= bytes.len())
        .then(|| (u32::from_le_bytes([i0, i1, i2, i3]), at + HEADER..end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};

    use super::{BLOCK, Descriptors};
    use crate::system::disk::sddl::tests::descriptor;

    fn put(bytes: &mut Vec<u8>, at: usize, id: u32, descriptor: &[u8]) {
        if bytes.len() < at + 20 + descriptor.len() {
            bytes.resize(at + 20 + descriptor.len(), 0);
        }
        bytes[at + 4..][..4].copy_from_slice(&id.to_le_bytes());
        bytes[at + 8..][..8].copy_from_slice(&(at as u64).to_le_bytes());
        let length = u32::try_from(20 + descriptor.len()).unwrap_or(0);
        bytes[at + 16..][..4].copy_from_slice(&length.to_le_bytes());
        bytes[at + 20..][..descriptor.len()].copy_from_slice(descriptor);
    }

    #[test]
    fn entries_of_all_blocks_but_not_their_copies() {
        let mut bytes = Vec::new();
        put(&mut bytes, 0, 256, &descriptor(true));
        put(&mut bytes, 144, 257, &descriptor(false));
        put(&mut bytes, BLOCK, 300, &descriptor(true));
        put(&mut bytes, 2 * BLOCK, 258, &descriptor(true));
        let read = Descriptors::read(bytes);
        assert!(read.text(256).is_ok_and(|text| text.ends_with("(A;;FR;;;NS)")));
        assert!(read.text(257).is_ok_and(|text| text.ends_with("(A;ID;FA;;;BA)")));
        assert!(read.text(258).is_ok());
        assert!(read.text(300).is_err(), "it lies where a copy lies");
        assert!(read.text(1).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn no_bytes_are_too_much(noise: Vec<u8>, at in 0_usize..200) {
            let mut bytes = Vec::new();
            put(&mut bytes, 0, 256, &descriptor(true));
            bytes.truncate(at);
            bytes.extend(noise);
            let _ = Descriptors::read(bytes).text(256);
        }
    }
}
