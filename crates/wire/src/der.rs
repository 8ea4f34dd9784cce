//! The outermost length of a DER value, to cut messages from a stream; what is inside is read with
//! `der-parser`.

/// What stands at the beginning of a buffer that should hold a SEQUENCE.
pub(crate) enum Cut {
    /// More bytes are needed.
    Incomplete,
    /// The first value takes this many bytes.
    Whole(usize),
    /// It breaks the rules.
    Broken(String),
}

/// Length of the SEQUENCE at the beginning of `buffer`, header included; longer ones than `limit`
/// are refused before they are waited for.
pub(crate) fn cut_sequence(buffer: &[u8], limit: usize) -> Cut {
    let (Some(&tag), Some(&first)) = (buffer.first(), buffer.get(1)) else {
        return match buffer.first() {
            Some(&tag) if tag != 0x30 => {
                Cut::Broken(format!("begins with {tag:#04x}, a SEQUENCE begins with 0x30"))
            }
            _ => Cut::Incomplete,
        };
    };
    if tag != 0x30 {
        return Cut::Broken(format!("begins with {tag:#04x}, a SEQUENCE begins with 0x30"));
    }
    let (header, content) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first & 0x7F);
        if !(1..=4).contains(&count) {
            return Cut::Broken(format!("a length of {count} bytes"));
        }
        let Some(digits) = buffer.get(2..2 + count) else { return Cut::Incomplete };
        let value = digits.iter().fold(0usize, |value, &digit| value << 8 | usize::from(digit));
        (2 + count, value)
    };
    let total = header.saturating_add(content);
    if total > limit {
        Cut::Broken(format!("says it has {total} bytes, more than {limit}"))
    } else if buffer.len() < total {
        Cut::Incomplete
    } else {
        Cut::Whole(total)
    }
}
