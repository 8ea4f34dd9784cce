//! The MCS Connect Response (T.125 section 7, MS-RDPBCGR 2.2.1.4) and the Disconnect Provider
//! Ultimatum (T.125 section 11.15).
//!
//! `ironrdp-pdu` decodes the response but drops its result, the one field that says whether it is a
//! refusal; so the few fields are read here.

use der_parser::ber::{BerObjectContent, parse_ber_recursive};
use rdpdoctor_model::{Fact, Hex};

use crate::reader::Reader;
use crate::security;
use crate::tpkt::{self, Frame};

/// A Connect Response with a chain of certificates stays below this.
const LONGEST: usize = 60_000;

const SC_CORE: u16 = 0x0C01;
const SC_SECURITY: u16 = 0x0C02;
const SC_NET: u16 = 0x0C03;
const SC_MCS_MSGCHANNEL: u16 = 0x0C04;
const SC_MULTITRANSPORT: u16 = 0x0C08;

/// Choice indices of the domain PDUs (T.125 section 7, DomainMCSPDU).
const DISCONNECT_PROVIDER_ULTIMATUM: u8 = 8;
const ATTACH_USER_REQUEST: u8 = 10;
const ATTACH_USER_CONFIRM: u8 = 11;
const CHANNEL_JOIN_REQUEST: u8 = 14;
const CHANNEL_JOIN_CONFIRM: u8 = 15;
const SEND_DATA_REQUEST: u8 = 25;
const SEND_DATA_INDICATION: u8 = 26;

/// User channels are numbered from here (T.125 section 7, UserId).
const FIRST_USER: u16 = 1001;

/// A domain PDU behind the Connect Response.
#[derive(Debug, PartialEq)]
pub(crate) enum Domain<'a> {
    AttachUserRequest,
    ChannelJoinRequest,
    /// A confirm, or the end.
    Fact(Fact),
    /// Data on a channel, in either direction.
    Data {
        channel: u16,
        content: &'a [u8],
    },
    /// Anything else.
    Other,
}

/// Reads what is behind the TPKT header. `ironrdp-pdu` reads the four bits of a result as if they
/// were a byte, so the confirms are read here, as T.125's packed encoding (ITU-T X.691) has them.
pub(crate) fn read_domain(tpdu: &[u8]) -> Result<Domain<'_>, String> {
    let [2, 0xF0, 0x80, data @ ..] = tpdu else {
        return Err("not an X.224 data packet".to_owned());
    };
    let (&choice, behind) = data.split_first().ok_or("an empty MCS PDU")?;
    let short = || format!("an MCS PDU {} that is cut short", choice >> 2);
    let mut reader = Reader(behind);
    // Behind the choice: whether the optional field is there, and the result's highest bit.
    let mut confirm = || {
        let low = reader.u8()?;
        let result = (choice & 1) << 3 | low >> 5;
        Some((result, choice & 2 != 0))
    };
    match choice >> 2 {
        DISCONNECT_PROVIDER_ULTIMATUM => {
            let low = behind.first().copied().unwrap_or(0) >> 7;
            Ok(Domain::Fact(Fact::McsDisconnectUltimatum { reason: (choice & 3) << 1 | low }))
        }
        ATTACH_USER_REQUEST => Ok(Domain::AttachUserRequest),
        ATTACH_USER_CONFIRM => {
            let (result, attached) = confirm().ok_or_else(short)?;
            let user = if attached { Some(reader.u16_be().ok_or_else(short)?) } else { None };
            let user_channel = user.map(|user| user.saturating_add(FIRST_USER));
            Ok(Domain::Fact(Fact::McsAttachUserConfirm { result, user_channel }))
        }
        CHANNEL_JOIN_REQUEST => Ok(Domain::ChannelJoinRequest),
        CHANNEL_JOIN_CONFIRM => {
            let (result, _) = confirm().ok_or_else(short)?;
            let _initiator = reader.u16_be();
            let channel = reader.u16_be().ok_or_else(short)?;
            Ok(Domain::Fact(Fact::McsChannelJoinConfirm { result, channel }))
        }
        SEND_DATA_REQUEST | SEND_DATA_INDICATION => {
            let _initiator = reader.u16_be();
            let channel = reader.u16_be().ok_or_else(short)?;
            let _priority = reader.u8();
            let first = reader.u8().ok_or_else(short)?;
            // A PER length: one byte, or two with the highest bit set.
            let length = if first & 0x80 == 0 {
                usize::from(first)
            } else {
                usize::from(first & 0x7F) << 8 | usize::from(reader.u8().ok_or_else(short)?)
            };
            let content = reader.take(length).ok_or_else(short)?;
            Ok(Domain::Data { channel, content })
        }
        _ => Ok(Domain::Other),
    }
}

/// What answers a Connect Initial.
pub(crate) struct Answer {
    pub(crate) facts: Vec<Fact>,
    pub(crate) io_channel: Option<u16>,
    pub(crate) message_channel: Option<u16>,
    /// encryptionLevel is not zero: Standard RDP Security protects what follows.
    pub(crate) encrypts: bool,
}

impl Answer {
    fn only(fact: Fact) -> Self {
        Self { facts: vec![fact], io_channel: None, message_channel: None, encrypts: false }
    }
}

/// What stands at the beginning of the server's MCS stream; `None` when more bytes are needed.
pub(crate) fn read(buffer: &[u8]) -> Option<(Answer, usize)> {
    match tpkt::frame(buffer, LONGEST) {
        Frame::Incomplete => None,
        Frame::Broken(problem) => Some((Answer::only(malformed(problem, buffer)), buffer.len())),
        Frame::Whole { payload, length } => {
            let answer = read_data(payload)
                .unwrap_or_else(|problem| Answer::only(malformed(problem, &buffer[..length])));
            Some((answer, length))
        }
    }
}

pub(crate) fn malformed(problem: String, bytes: &[u8]) -> Fact {
    Fact::McsMalformed { problem, bytes: Hex(bytes[..bytes.len().min(32)].to_vec()) }
}

fn read_data(tpdu: &[u8]) -> Result<Answer, String> {
    // Application 102 in BER: Connect-Response.
    if let [2, 0xF0, 0x80, data @ ..] = tpdu
        && data.starts_with(&[0x7F, 0x66])
    {
        return read_connect_response(data);
    }
    match read_domain(tpdu)? {
        Domain::Fact(fact @ Fact::McsDisconnectUltimatum { .. }) => Ok(Answer::only(fact)),
        _ => Err("neither a Connect Response nor a Disconnect Provider Ultimatum".to_owned()),
    }
}

/// The server's security block behind its header, in a Connect Response in its TPKT.
pub(crate) fn security_block(connect_response: &[u8]) -> Option<&[u8]> {
    let data = connect_response.get(7..)?;
    let (_, user_data) = result_and_user_data(data).ok()?;
    ServerBlocks::read(user_data).security
}

/// The message channel and the first static channel of a Connect Response in its TPKT.
pub(crate) fn side_channels(connect_response: &[u8]) -> [Option<u16>; 2] {
    let data = connect_response.get(7..).unwrap_or_default();
    let Ok((_, user_data)) = result_and_user_data(data) else { return [None; 2] };
    let blocks = ServerBlocks::read(user_data);
    [blocks.message_channel, blocks.first_static]
}

fn read_connect_response(data: &[u8]) -> Result<Answer, String> {
    let (result, user_data) = result_and_user_data(data)?;
    let blocks = ServerBlocks::read(user_data);
    let mut facts = vec![Fact::McsConnectResponse {
        result,
        server_version: blocks.version,
        client_requested_protocols: blocks.client_requested_protocols,
        early_capability_flags: blocks.early_capability_flags,
        encryption_method: blocks.encryption_method,
        encryption_level: blocks.encryption_level,
        multitransport_flags: blocks.multitransport_flags,
    }];
    facts.extend(blocks.security.and_then(security::read));
    let encrypts = blocks.encryption_level.is_some_and(|level| level > 0);
    let (io_channel, message_channel) = (blocks.io_channel, blocks.message_channel);
    Ok(Answer { facts, io_channel, message_channel, encrypts })
}

fn result_and_user_data(data: &[u8]) -> Result<(u8, &[u8]), String> {
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
    Ok((result, user_data))
}

/// What is behind the two tag bytes and the length.
fn skip_header(data: &[u8]) -> Option<&[u8]> {
    let length = *data.get(2)?;
    let digits = if length < 0x80 { 0 } else { usize::from(length & 0x7F) };
    data.get(3 + digits..)
}

/// The settings blocks inside the GCC Conference Create Response.
#[derive(Default)]
struct ServerBlocks<'a> {
    io_channel: Option<u16>,
    first_static: Option<u16>,
    message_channel: Option<u16>,
    /// The security block behind its header.
    security: Option<&'a [u8]>,
    version: Option<u32>,
    client_requested_protocols: Option<u32>,
    early_capability_flags: Option<u32>,
    encryption_method: Option<u32>,
    encryption_level: Option<u32>,
    multitransport_flags: Option<u32>,
}

impl<'a> ServerBlocks<'a> {
    /// They follow the key `McDn` and a PER length (MS-RDPBCGR 2.2.1.4).
    fn read(user_data: &'a [u8]) -> Self {
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
                    blocks.security = block.get(4..);
                }
                SC_NET => {
                    let mut network = Reader(&block[4..]);
                    blocks.io_channel = network.u16();
                    blocks.first_static =
                        network.u16().filter(|&count| count > 0).and_then(|_| network.u16());
                }
                SC_MCS_MSGCHANNEL => blocks.message_channel = Reader(&block[4..]).u16(),
                SC_MULTITRANSPORT => blocks.multitransport_flags = number(0),
                _ => {}
            }
            rest = next;
        }
        blocks
    }
}
