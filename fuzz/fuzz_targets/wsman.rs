//! A server's answer by WinRM (MS-WSMV): in clear, and in the form of an encrypted one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_wire::wsman;

fuzz_target!(|data: &[u8]| {
    if let Ok(answer) = wsman::read(data) {
        assert!(answer.relates_to.is_none_or(|to| to.len() <= data.len()));
    }
    if let Ok(sealed) = wsman::unseal(data) {
        let written = wsman::seal(&sealed);
        let again = wsman::unseal(&written).expect("what was written can be read");
        assert_eq!(again, sealed);
    }
});
