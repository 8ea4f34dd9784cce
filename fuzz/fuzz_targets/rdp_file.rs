//! An .rdp file: read, judged, mended. What was mended reads the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_files::RdpFile;
use rdpdoctor_files::rdpfile::mended;

fuzz_target!(|data: &[u8]| {
    let file = RdpFile::read(data);
    let _ = (file.facts(), file.way("fuzz.rdp"), file.gateway());
    let (copy, _) = mended(&file);
    let (again, changes) = mended(&RdpFile::read(&copy));
    assert!(changes.is_empty(), "a mended file was mended again: {changes:?}");
    assert_eq!(copy, again);
});
