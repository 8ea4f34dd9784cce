//! Text as Windows programs write it: with or without a byte order mark, in UTF-8 or UTF-16.

/// How a text's characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a byte order mark; ASCII is a part of it.
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8Bom,
    /// UTF-16, low byte first, behind its byte order mark: what `mstsc` and PowerShell 5 write.
    Utf16Le,
    /// UTF-16, low byte first, without a byte order mark.
    Utf16LeNoBom,
    /// UTF-16, high byte first.
    Utf16Be,
    /// None of these: an ANSI code page, or no text at all.
    Other,
}

/// A text and what it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The characters; what could not be read stands as U+FFFD.
    pub text: String,
    /// How they were written.
    pub encoding: Encoding,
}

/// Reads bytes as text. Always succeeds; [`Encoding::Other`] says that it was a guess.
pub fn decode(bytes: &[u8]) -> Decoded {
    let decoded = |text, encoding| Decoded { text, encoding };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => match utf8(rest) {
            Some(text) => decoded(text.to_owned(), Encoding::Utf8Bom),
            None => decoded(String::from_utf8_lossy(rest).into_owned(), Encoding::Other),
        },
        [0xFF, 0xFE, rest @ ..] => decoded(utf16(rest, u16::from_le_bytes), Encoding::Utf16Le),
        [0xFE, 0xFF, rest @ ..] => decoded(utf16(rest, u16::from_be_bytes), Encoding::Utf16Be),
        // Latin text in UTF-16 has a zero in every second byte, and text has none otherwise.
        [low, 0, ..] if *low != 0 => {
            decoded(utf16(bytes, u16::from_le_bytes), Encoding::Utf16LeNoBom)
        }
        [0, high, ..] if *high != 0 => decoded(utf16(bytes, u16::from_be_bytes), Encoding::Utf16Be),
        _ => match utf8(bytes) {
            Some(text) => decoded(text.to_owned(), Encoding::Utf8),
            // Latin-1 is the nearest guess at an ANSI code page, and keeps every byte.
            None => decoded(bytes.iter().map(|&b| char::from(b)).collect(), Encoding::Other),
        },
    }
}

/// The text, also when the bytes end within a character, as the head of a file may.
fn utf8(bytes: &[u8]) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()
        }
        Err(_) => None,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_bytes(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_encoding_comes_out_as_the_same_text() {
        let text = "full address:s:bücher.example\r\n";
        let le = utf16_bytes(text);
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let latin = text.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect::<Vec<u8>>();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), Encoding::Utf8Bom),
            ([b"\xFF\xFE".as_slice(), &le].concat(), Encoding::Utf16Le),
            (le, Encoding::Utf16LeNoBom),
            ([b"\xFE\xFF".as_slice(), &be].concat(), Encoding::Utf16Be),
            (be, Encoding::Utf16Be),
            (latin, Encoding::Other),
        ] {
            assert_eq!(decode(&bytes), Decoded { text: text.to_owned(), encoding });
        }
    }

    #[test]
    fn what_is_cut_or_broken_still_comes_out() {
        assert_eq!(decode("é".as_bytes()).text, "é");
        assert_eq!(decode(&"aé".as_bytes()[..2]).text, "a");
        assert_eq!(decode(b"\xFF\xFE\x00\xD8a\x00").text, "\u{FFFD}a");
        assert_eq!(decode(b"\xFF\xFEa\x00b").text, "a");
        assert_eq!(decode(b"").text, "");
    }
}
