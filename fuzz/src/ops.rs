//! Two directions of a connection in one input.

use rdpdoctor_model::Party;

/// One step of a connection.
pub enum Op<'a> {
    /// Bytes as they are on the wire.
    Wire(Party, &'a [u8]),
    /// Bytes from inside TLS.
    Plaintext(Party, &'a [u8]),
    /// TLS was established.
    Established,
    /// Something was not seen.
    Lost,
}

/// An input as steps: a byte that says what, two for the length, the bytes.
pub fn ops(mut data: &[u8]) -> impl Iterator<Item = Op<'_>> {
    std::iter::from_fn(move || {
        let (&[what, low, high], rest) = data.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        data = rest;
        Some(match what % 6 {
            0 => Op::Wire(Party::Client, bytes),
            1 => Op::Wire(Party::Server, bytes),
            2 => Op::Plaintext(Party::Client, bytes),
            3 => Op::Plaintext(Party::Server, bytes),
            4 => Op::Established,
            _ => Op::Lost,
        })
    })
}
