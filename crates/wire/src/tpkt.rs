//! TPKT, the framing of RFC 1006 section 6: version 3, a reserved byte, a length with header.

/// Length of the TPKT header.
pub(crate) const HEADER: usize = 4;

/// What stands at the beginning of a buffer.
pub(crate) enum Frame<'a> {
    /// More bytes are needed.
    Incomplete,
    /// One whole packet: what is behind the header, and the packet's length with it.
    Whole { payload: &'a [u8], length: usize },
    /// It breaks the rules.
    Broken(String),
}

/// Cuts the first packet from `buffer`; longer ones than `limit` are refused.
pub(crate) fn frame(buffer: &[u8], limit: usize) -> Frame<'_> {
    match *buffer {
        [] => Frame::Incomplete,
        [version, ..] if version != 3 => Frame::Broken(format!("TPKT version {version}, not 3")),
        [_, reserved, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if reserved != 0 {
                Frame::Broken(format!("TPKT reserved byte is {reserved:#04x}, not 0"))
            } else if length < HEADER + 3 {
                Frame::Broken(format!("TPKT length {length} is too short for an X.224 packet"))
            } else if length > limit {
                Frame::Broken(format!("TPKT length {length} is longer than the answer can be"))
            } else {
                buffer
                    .get(HEADER..length)
                    .map_or(Frame::Incomplete, |payload| Frame::Whole { payload, length })
            }
        }
        _ => Frame::Incomplete,
    }
}
