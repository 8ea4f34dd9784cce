//! Bytes of a volume are changed where they matter, and everything is asked again: nothing may panic,
//! hang or grow.

use std::path::Path;

use rdpdoctor_host::system::disk::Disk;
use rdpdoctor_host::{Side, System as _, collect};

use crate::windows;

/// Images that are tried; more with `RDPDOCTOR_DAMAGES=100000`.
const CASES: u32 = 150;

/// A small generator (xorshift32), so that a case can be had again by its number.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % end.max(1)
    }
}

/// Where the volume's own structures are: the boot sector, records of files and indexes.
fn structures(image: &[u8]) -> Vec<usize> {
    let (sectors, _) = image.as_chunks::<512>();
    let starts = sectors.iter().enumerate().filter(|(index, sector)| {
        *index == 0 || sector.starts_with(b"FILE") || sector.starts_with(b"INDX")
    });
    starts.map(|(index, _)| index * 512).collect()
}

fn ask_everything(path: &Path) {
    let Ok(disk) = Disk::open(path, None) else { return };
    let _ = collect(&disk, Side::Host);
    let _ = collect(&disk, Side::Client);
    let _ = (disk.volumes(), disk.updates(), disk.accounts(), disk.power());
    let _ = disk.folder(r"C:\Windows\System32\config");
    let _ = disk.file(&format!(r"C:\{}\{}", windows::KEYS, windows::KEY_FILE));
}

#[test]
fn no_damage_is_too_much() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = match windows::volume(folder.path()) {
        Ok(image) => image,
        Err(why) => return println!("skipped, no NTFS volume can be made: {why}"),
    };
    let whole = std::fs::read(&image).expect("the image");
    let places = structures(&whole);
    assert!(places.len() > 20, "{}", places.len());
    let cases = std::env::var("RDPDOCTOR_DAMAGES").ok().and_then(|cases| cases.parse().ok());
    let mut changed = whole.clone();
    for case in 1..=cases.unwrap_or(CASES) {
        let mut noise = Noise(case.wrapping_mul(0x9E37_79B9) | 1);
        let mut touched = Vec::new();
        for _ in 0..=noise.below(6) {
            let place = places[noise.below(places.len())];
            let length = if place == 0 { 90 } else { 1024 };
            let at = place + noise.below(length);
            let odd = [0, 1, 0x7F, 0x80, 0xFF, 0x10];
            for (offset, byte) in changed[at..].iter_mut().take(1 + noise.below(4)).enumerate() {
                let byte_of = noise.next().to_le_bytes();
                *byte =
                    if byte_of[0] < 128 { odd[usize::from(byte_of[1]) % 6] } else { byte_of[2] };
                touched.push(at + offset);
            }
        }
        std::fs::write(&image, &changed).expect("the image");
        ask_everything(&image);
        touched.into_iter().for_each(|at| changed[at] = whole[at]);
    }
    assert_eq!(changed, whole);
}
