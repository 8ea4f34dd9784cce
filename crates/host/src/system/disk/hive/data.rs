//! What a value holds. Texts are read as Windows' own tools show them: to their first zero, with
//! replacement characters for what is no Unicode; `regf` refuses both.

use rdpdoctor_model::{Hex, RegistryData};

/// winnt.h, REG_*.
const TEXT: u32 = 1;
const EXPAND_TEXT: u32 = 2;
const DWORD: u32 = 4;
const TEXTS: u32 = 7;
const QWORD: u32 = 11;

pub(in crate::system) fn read(kind: u32, bytes: &[u8]) -> RegistryData {
    match (kind, bytes.first_chunk::<4>(), bytes.first_chunk::<8>()) {
        (TEXT, ..) => RegistryData::Text(text(&units(bytes))),
        (EXPAND_TEXT, ..) => RegistryData::ExpandText(text(&units(bytes))),
        (DWORD, Some(number), _) => RegistryData::Dword(u32::from_le_bytes(*number)),
        (QWORD, _, Some(number)) => RegistryData::Qword(u64::from_le_bytes(*number)),
        (TEXTS, ..) => {
            let units = units(bytes);
            let texts = units.split(|unit| *unit == 0).take_while(|text| !text.is_empty());
            RegistryData::Texts(texts.map(text).collect())
        }
        _ => RegistryData::Binary(Hex(bytes.to_vec())),
    }
}

fn units(bytes: &[u8]) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
}

fn text(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(units.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Hex, RegistryData};

    use super::read;

    #[test]
    fn odd_lengths_and_missing_ends_are_read_as_far_as_they_go() {
        assert_eq!(read(1, b"a\0b\0c"), RegistryData::Text("ab".to_owned()));
        assert_eq!(read(2, b"a\0\0\0b\0"), RegistryData::ExpandText("a".to_owned()));
        assert_eq!(read(4, &[1, 0, 0]), RegistryData::Binary(Hex(vec![1, 0, 0])));
        assert_eq!(read(4, &[1, 0, 0, 0, 9]), RegistryData::Dword(1));
        assert_eq!(read(7, b"a\0\0\0b\0"), RegistryData::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(read(7, b"\0\0\0\0"), RegistryData::Texts(Vec::new()));
        assert_eq!(read(11, &[2, 0, 0, 0, 0, 0, 0, 0]), RegistryData::Qword(2));
        assert_eq!(read(3, &[0xFF]), RegistryData::Binary(Hex(vec![0xFF])));
    }
}
