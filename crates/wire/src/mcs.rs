//! The MCS Connect Response (T.125 section 7, MS-RDPBCGR 2.2.1.4) and the Disconnect Provider
//! Ultimatum (T.125 section 11.15).
//!
//! `ironrdp-pdu` decodes the response but drops its result, the one field that says whether it is a
//! refusal; so the few fields are read here.

use der_parser::ber::{BerObjectContent, parse_ber_recursive};
use rdpdoctor_model::{Fact, Hex};

use crate::tpkt::{self, Frame};

/// A Connect Response with a chain of certificates stays below this.
const LONGEST: usize = 60_000;

const SC_CORE: u16 = 0x0C01;
const SC_SECURITY: u16 = 0x0C02;
const SC_MULTITRANSPORT: u16 = 0x0C08;

/// Choice index of DisconnectProviderUltimatum in the domain PDUs.
const DISCONNECT_PROVIDER_ULTIMATUM: u8 = 8;

/// What stands at the beginning of the server's MCS stream; `None` when more bytes are needed.
pub(crate) fn read(buffer: &[u8]) -> Option<(Fact, usize)> {
    match tpkt::frame(buffer, LONGEST) {
        Frame::Incomplete => None,
        Frame::Broken(problem) => Some((malformed(problem, buffer), buffer.len())),
        Frame::Whole { payload, length } => {
            let fact =
                read_data(payload).unwrap_or_else(|problem| malformed(problem, &buffer[..length]));
            Some((fact, length))
        }
    }
}

fn malformed(problem: String, bytes: &[u8]) -> Fact {
    Fact::McsMalformed { problem, bytes: Hex(bytes[..bytes.len().min(32)].to_vec()) }
}

fn read_data(tpdu: &[u8]) -> Result<Fact, String> {
    let [2, 0xF0, 0x80, data @ ..] = tpdu else {
        return Err("not an X.224 data packet".to_owned());
    };
    match data {
        // Application 102 in BER: Connect-Response.
        [0x7F, 0x66, ..] => read_connect_response(data),
        [choice, behind @ ..] if choice >> 2 == DISCONNECT_PROVIDER_ULTIMATUM => {
            let low = behind.first().copied().unwrap_or(0) >> 7;
            Ok(Fact::McsDisconnectUltimatum { reason: (choice & 3) << 1 | low })
        }
        _ => Err("neither a Connect Response nor a Disconnect Provider Ultimatum".to_owned()),
    }
}

fn read_connect_response(data: &[u8]) -> Result<Fact, String> {
    let unreadable = || "a Connect Response that is not readable as BER".to_owned();
    let content = skip_header(data).ok_or_else(unreadable)?;
    let (rest, result) = parse_ber_recursive(content, 4).map_err(|_| unreadable())?;
    let result = match result.content {
        BerObjectContent::Enum(value) => u8::try_from(value).map_err(|_| unreadable())?,
        _ => return Err("a Connect Response without a result".to_owned()),
    };
    // calledConnectId, domainParameters, userData.
    let mut rest = rest;
    let mut user_data: &[u8] = &[];
    for _ in 0..3 {
        let Ok((behind, object)) = parse_ber_recursive(rest, 4) else { break };
        if let BerObjectContent::OctetString(bytes) = object.content {
            user_data = bytes;
        }
        rest = behind;
    }
    let blocks = ServerBlocks::read(user_data);
    Ok(Fact::McsConnectResponse {
        result,
        server_version: blocks.version,
        client_requested_protocols: blocks.client_requested_protocols,
        early_capability_flags: blocks.early_capability_flags,
        encryption_method: blocks.encryption_method,
        encryption_level: blocks.encryption_level,
        multitransport_flags: blocks.multitransport_flags,
    })
}

/// What is behind the two tag bytes and the length.
fn skip_header(data: &[u8]) -> Option<&[u8]> {
    let length = *data.get(2)?;
    let digits = if length < 0x80 { 0 } else { usize::from(length & 0x7F) };
    data.get(3 + digits..)
}

/// The settings blocks inside the GCC Conference Create Response.
#[derive(Default)]
struct ServerBlocks {
    version: Option<u32>,
    client_requested_protocols: Option<u32>,
    early_capability_flags: Option<u32>,
    encryption_method: Option<u32>,
    encryption_level: Option<u32>,
    multitransport_flags: Option<u32>,
}

impl ServerBlocks {
    /// They follow the key `McDn` and a PER length (MS-RDPBCGR 2.2.1.4).
    fn read(user_data: &[u8]) -> Self {
        let mut blocks = Self::default();
        let Some(key) = user_data.windows(4).position(|window| window == b"McDn") else {
            return blocks;
        };
        let behind = &user_data[key + 4..];
        let mut rest = match behind {
            [length, _, rest @ ..] if *length & 0x80 != 0 => rest,
            [_, rest @ ..] => rest,
            [] => return blocks,
        };
        while let [type_low, type_high, length_low, length_high, ..] = rest {
            let kind = u16::from_le_bytes([*type_low, *type_high]);
            let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
            let Some((block, next)) = rest.split_at_checked(length.max(4)) else { break };
            let number = |index: usize| {
                let four = block.get(4 + index * 4..8 + index * 4)?;
                four.try_into().ok().map(u32::from_le_bytes)
            };
            match kind {
                SC_CORE => {
                    blocks.version = number(0);
                    blocks.client_requested_protocols = number(1);
                    blocks.early_capability_flags = number(2);
                }
                SC_SECURITY => {
                    blocks.encryption_method = number(0);
                    blocks.encryption_level = number(1);
                }
                SC_MULTITRANSPORT => blocks.multitransport_flags = number(0),
                _ => {}
            }
            rest = next;
        }
        blocks
    }
}
