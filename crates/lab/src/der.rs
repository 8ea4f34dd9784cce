//! As much of DER (ITU-T X.690) as TSRequests need.

use crate::channel::Frame;

/// An element with its tag and length.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits = content.len().to_be_bytes();
    let first = digits.iter().position(|&digit| digit != 0).unwrap_or(digits.len() - 1);
    let digits = &digits[first..];
    let mut bytes = vec![tag];
    if content.len() >= 0x80 {
        bytes.push(0x80 | digits.len().to_le_bytes()[0]);
    }
    bytes.extend_from_slice(digits);
    bytes.extend_from_slice(content);
    bytes
}

/// The first element's tag, its content and what follows it. Tolerant: a length in more digits than
/// DER allows is taken.
pub(crate) fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, header) = length(bytes)?;
    let content = bytes.get(header..header.checked_add(length)?)?;
    Some((bytes[0], content, &bytes[header + length..]))
}

/// A SEQUENCE at the beginning of a stream.
pub(crate) fn frame(bytes: &[u8]) -> Frame {
    match bytes {
        [0x30, ..] => length(bytes)
            .and_then(|(length, header)| length.checked_add(header))
            .map_or(Frame::Incomplete, Frame::Whole),
        [] => Frame::Incomplete,
        _ => Frame::Foreign,
    }
}

/// The content's length, and that of tag and length themselves.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.get(1)?;
    if first < 0x80 {
        return Some((usize::from(first), 2));
    }
    let header = 2 + usize::from(first & 0x7F);
    let length = bytes
        .get(2..header)?
        .iter()
        .fold(0usize, |length, &digit| length.saturating_mul(256) | usize::from(digit));
    Some((length, header))
}

#[cfg(test)]
mod tests {
    use super::{element, first};

    #[test]
    fn lengths_in_one_two_and_three_bytes() {
        for (length, header) in [
            (0, &[4, 0][..]),
            (0x7F, &[4, 0x7F]),
            (0x80, &[4, 0x81, 0x80]),
            (0x1234, &[4, 0x82, 0x12, 0x34]),
        ] {
            let content = vec![7; length];
            let bytes = element(4, &content);
            assert_eq!(bytes[..header.len()], *header);
            assert_eq!(first(&bytes), Some((4, &content[..], &[][..])));
            assert_eq!(first(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(first(&[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]), None);
    }
}
