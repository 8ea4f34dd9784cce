//! A disk with an NTFS volume: the lengths of its pieces that are not zero, and what is in them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::{Folder, questioned, sparse};

fuzz_target!(|data: &[u8]| {
    let folder = Folder::new("disk");
    let image = folder.path().join("disk.img");
    sparse(&image, data);
    questioned(&image);
});
