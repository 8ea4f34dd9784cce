//! Writes a capture file (draft-ietf-opsawg-pcapng) of IP packets.

use std::borrow::Cow;
use std::time::Duration;

use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption,
    SectionHeaderBlock, ToVec, UnknownBlock,
};

/// Decryption Secrets Block, and its type for TLS (draft-ietf-opsawg-pcapng 4.7).
const SECRETS_BLOCK: u32 = 0x0A;
const TLS_KEY_LOG: u32 = 0x544C_534B;

/// Nanoseconds: if_tsresol is a power of ten.
const NANOSECONDS: u8 = 9;

/// Longest comment.
const LONGEST_COMMENT: usize = 1000;

/// A capture file of these packets, each with its time since 1970. `secrets` are lines of a
/// SSLKEYLOGFILE.
///
/// # Errors
/// When a packet does not fit the format.
pub fn write<'a>(
    packets: impl IntoIterator<Item = (Duration, &'a [u8])>,
    program: &str,
    comment: &str,
    secrets: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    let comment: String = comment.chars().take(LONGEST_COMMENT).collect();
    let options =
        vec![text(OptionCode::Comment, &comment)?, text(OptionCode::ShbUserAppl, program)?];
    let mut section = SectionHeaderBlock {
        block_type: 0,
        block_len1: 0,
        bom: 0,
        major_version: 1,
        minor_version: 0,
        section_len: -1,
        options,
        block_len2: 0,
    };
    let mut interface = InterfaceDescriptionBlock {
        block_type: 0,
        block_len1: 0,
        linktype: Linktype::RAW,
        reserved: 0,
        snaplen: 0,
        options: Vec::new(),
        block_len2: 0,
        if_tsresol: NANOSECONDS,
        if_tsoffset: 0,
    };
    let mut file = made(&mut section)?;
    file.extend(made(&mut interface)?);
    if let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) {
        let length = u32::try_from(secrets.len()).map_err(|error| error.to_string())?;
        let mut data = TLS_KEY_LOG.to_le_bytes().to_vec();
        data.extend(length.to_le_bytes());
        data.extend(secrets);
        let (block_type, block_len1, block_len2) = (SECRETS_BLOCK, 0, 0);
        file.extend(made(&mut UnknownBlock { block_type, block_len1, data: &data, block_len2 })?);
    }
    for (at, data) in packets {
        file.extend(packet(at, data)?);
    }
    Ok(file)
}

fn packet(at: Duration, data: &[u8]) -> Result<Vec<u8>, String> {
    let nanos = u64::try_from(at.as_nanos()).map_err(|error| error.to_string())?;
    let half = |value: u64| u32::try_from(value).map_err(|error| error.to_string());
    let length = u32::try_from(data.len()).map_err(|error| error.to_string())?;
    made(&mut EnhancedPacketBlock {
        block_type: 0,
        block_len1: 0,
        if_id: 0,
        ts_high: half(nanos >> 32)?,
        ts_low: half(nanos & 0xFFFF_FFFF)?,
        caplen: length,
        origlen: length,
        data,
        options: Vec::new(),
        block_len2: 0,
    })
}

fn text(code: OptionCode, text: &str) -> Result<PcapNGOption<'_>, String> {
    let len = u16::try_from(text.len()).map_err(|error| error.to_string())?;
    Ok(PcapNGOption { code, len, value: Cow::Borrowed(text.as_bytes()) })
}

fn made(block: &mut impl ToVec) -> Result<Vec<u8>, String> {
    block.to_vec().map_err(|error| error.to_string())
}
