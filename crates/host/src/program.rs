//! A program for Windows, before it is brought to a machine: whether it can run there, and its version.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, PeFile64};

use crate::system::disk::version_of;

/// Why a file is no such program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotForIt {
    /// Its headers are none, or those of 32 bits.
    #[error("it has not the form of a program of 64 bits (PE32+)")]
    Form,
    /// Another processor's.
    #[error("it is for a processor of kind 0x{0:04X}")]
    Processor(u16),
    /// A library, or a driver.
    #[error("it is no program for the command line")]
    Kind,
}

/// The FileVersion of a program for x86-64 and the command line; none where it does not say.
///
/// # Errors
/// When it is no such program.
pub fn file_version(bytes: &[u8]) -> Result<Option<String>, NotForIt> {
    let file = PeFile64::parse(bytes).map_err(|_| NotForIt::Form)?;
    let headers = file.nt_headers();
    let head = headers.file_header();
    let processor = head.machine.get(LE);
    if processor != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(NotForIt::Processor(processor));
    }
    let kind = head.characteristics.get(LE);
    let runs = kind & pe::IMAGE_FILE_EXECUTABLE_IMAGE != 0 && kind & pe::IMAGE_FILE_DLL == 0;
    let console = headers.optional_header().subsystem.get(LE) == pe::IMAGE_SUBSYSTEM_WINDOWS_CUI;
    if runs && console { Ok(version_of(bytes)) } else { Err(NotForIt::Kind) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The headers of a program with a section of which nothing is there (PE format, "Overview").
    fn headers(processor: u16, kind: u16, magic: u16, subsystem: u16) -> Vec<u8> {
        let mut bytes = vec![0; 0x40 + 24 + 240 + 40];
        let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
        put(0, b"MZ");
        put(0x3C, &0x40_u32.to_le_bytes());
        put(0x40, b"PE\0\0");
        put(0x44, &processor.to_le_bytes());
        put(0x46, &1_u16.to_le_bytes());
        put(0x54, &240_u16.to_le_bytes());
        put(0x56, &kind.to_le_bytes());
        put(0x58, &magic.to_le_bytes());
        put(0x58 + 68, &subsystem.to_le_bytes());
        put(0x58 + 108, &16_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn only_a_program_for_this_processor_and_the_command_line() {
        const AMD64: u16 = 0x8664;
        const PE32_PLUS: u16 = 0x20B;
        assert_eq!(file_version(&headers(AMD64, 0x22, PE32_PLUS, 3)), Ok(None));
        for (bytes, why) in [
            (headers(0xAA64, 0x22, PE32_PLUS, 3), NotForIt::Processor(0xAA64)),
            (headers(AMD64, 0x2022, PE32_PLUS, 3), NotForIt::Kind),
            (headers(AMD64, 0x20, PE32_PLUS, 3), NotForIt::Kind),
            (headers(AMD64, 0x22, PE32_PLUS, 2), NotForIt::Kind),
            (headers(0x14C, 0x22, 0x10B, 3), NotForIt::Form),
            (headers(AMD64, 0x22, PE32_PLUS, 3)[..0x80].to_vec(), NotForIt::Form),
            (b"\x7fELF".to_vec(), NotForIt::Form),
            (Vec::new(), NotForIt::Form),
        ] {
            assert_eq!(file_version(&bytes), Err(why));
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>, at in 0_usize..300, byte: u8) {
            let _ = file_version(&bytes);
            let mut near = headers(0x8664, 0x22, 0x20B, 3);
            near[at] = byte;
            let _ = file_version(&near);
        }
    }
}
