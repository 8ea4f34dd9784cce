//! PDUs of the share: Demand Active, Font Map, errors, logons, the end (MS-RDPBCGR 2.2.8.1.1.1 and
//! the sections cited below).
//!
//! `ironrdp-pdu` decodes these too, but turns the code of a Set Error Info PDU that it does not know
//! into an error, and refuses a Demand Active for one unknown capability set. The numbers are the
//! subject here, so the few fields are read by hand.

use rdpdoctor_model::{Fact, LogonForm};

use crate::mcs::{self, Domain};
use crate::reader::Reader;
use crate::redirection::Redirection;
use crate::security::SEC_REDIRECTION_PKT;

const DEMAND_ACTIVE: u16 = 1;
const CONFIRM_ACTIVE: u16 = 3;
const DEACTIVATE_ALL: u16 = 6;
const DATA: u16 = 7;
const SERVER_REDIRECT: u16 = 0xA;

const SHUTDOWN_REQUEST: u8 = 0x24;
const SHUTDOWN_DENIED: u8 = 0x25;
const SAVE_SESSION_INFO: u8 = 0x26;
const FONT_LIST: u8 = 0x27;
const FONT_MAP: u8 = 0x28;
const SET_ERROR_INFO: u8 = 0x2F;

/// A flag of compressedType: the data is compressed (MS-RDPBCGR 2.2.8.1.1.1.2).
const PACKET_COMPRESSED: u8 = 0x20;

const CAPSET_TYPE_BITMAP: u16 = 2;

/// More capability sets than are defined.
const MOST_CAPABILITY_SETS: u16 = 64;

/// Longest name kept.
const LONGEST_NAME: usize = 128;

/// What a PDU of the share says.
#[derive(Debug, PartialEq)]
pub(crate) enum Share {
    /// Something worth a fact.
    Facts(Vec<Fact>),
    /// The client confirmed the capabilities, or asked for the fonts.
    Finalising,
    /// The client wants to leave.
    ShutdownRequest,
    /// An update, or another PDU that says nothing here.
    Other,
}

/// The length of a flow control PDU, which has FLOW_MARKER instead of it (T.128 8.3).
const FLOW_MARKER: u16 = 0x8000;
const FLOW_PDU: usize = 8;

/// Whether the bytes begin with a share control header that fits them.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    let mut reader = Reader(bytes);
    let (Some(length), Some(kind)) = (reader.u16(), reader.u16()) else { return false };
    let known = [DEMAND_ACTIVE, CONFIRM_ACTIVE, DEACTIVATE_ALL, DATA, SERVER_REDIRECT];
    let length = usize::from(length);
    // Not every server sets the version (1) in a redirection.
    let fits = length == bytes.len() || (length >= 4 && bytes.get(length..).is_some_and(begins));
    fits && kind >> 4 <= 1 && known.contains(&(kind & 0xF))
}

/// The PDUs that stand one behind the other in the data of a channel. What has no fitting length is
/// taken as one.
pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = match Reader(rest).u16()? {
            FLOW_MARKER => FLOW_PDU,
            length => usize::from(length),
        };
        let length = if (4..=rest.len()).contains(&length) { length } else { rest.len() };
        let (pdu, behind) = rest.split_at(length);
        rest = behind;
        Some(pdu)
    })
}

/// Reads one; `None` when it ends too early or is none.
pub(crate) fn read(bytes: &[u8]) -> Option<Share> {
    let mut reader = Reader(bytes);
    let length = reader.u16()?;
    if length == FLOW_MARKER {
        return Some(Share::Other);
    }
    let kind = reader.u16()? & 0xF;
    let facts = |facts| Some(Share::Facts(facts));
    if kind == DEACTIVATE_ALL {
        return facts(vec![Fact::DeactivateAll]);
    }
    let _source = reader.u16()?;
    match kind {
        DEMAND_ACTIVE => facts(vec![demand_active(&mut reader)?]),
        CONFIRM_ACTIVE => Some(Share::Finalising),
        SERVER_REDIRECT => {
            reader.take(2)?;
            facts(vec![Redirection::read(reader.0)?.fact()])
        }
        DATA => data(&mut reader),
        _ => None,
    }
}

/// The redirection in a slow-path PDU of the I/O channel, with or without Standard RDP Security
/// (MS-RDPBCGR 2.2.13.2 and 2.2.13.3), for whoever follows it.
pub fn redirection(pdu: &[u8]) -> Option<Redirection> {
    let Ok(Domain::Data { content, .. }) = mcs::read_domain(pdu.get(4..)?) else { return None };
    let mut reader = Reader(content);
    let (first, kind) = (reader.u16()?, reader.u16()?);
    if begins(content) && kind & 0xF == SERVER_REDIRECT {
        // pduSource and two bytes of padding.
        reader.take(4)?;
        Redirection::read(reader.0)
    } else if first & SEC_REDIRECTION_PKT != 0 && !begins(content) {
        Redirection::read(reader.0)
    } else {
        None
    }
}

/// The graphics update (from its updateType on) in a slow-path PDU of the I/O channel (MS-RDPBCGR
/// 2.2.9.1.1.3), for whoever paints. `None` for every other PDU, and for compressed ones, which are
/// not asked for.
pub fn graphics_update(pdu: &[u8]) -> Option<&[u8]> {
    const UPDATE: u8 = 2;
    let Ok(Domain::Data { content, .. }) = mcs::read_domain(pdu.get(4..)?) else { return None };
    let mut reader = Reader(content);
    let (_length, kind) = (reader.u16()?, reader.u16()?);
    // pduSource, shareId, pad1, streamId, uncompressedLength.
    reader.take(2 + 4 + 1 + 1 + 2)?;
    let (data_kind, compressed) = (reader.u8()?, reader.u8()? & PACKET_COMPRESSED != 0);
    reader.take(2)?;
    (kind & 0xF == DATA && data_kind == UPDATE && !compressed).then_some(reader.0)
}

/// MS-RDPBCGR 2.2.1.13.1.
fn demand_active(reader: &mut Reader<'_>) -> Option<Fact> {
    let share_id = reader.u32()?;
    let source_length = usize::from(reader.u16()?);
    let _combined_length = reader.u16()?;
    let source = reader.take(source_length)?;
    let source = String::from_utf8_lossy(source).trim_end_matches('\0').to_owned();
    let capability_sets = reader.u16()?;
    reader.take(2)?;
    let (mut desktop, mut bits_per_pixel) = (None, None);
    for _ in 0..capability_sets.min(MOST_CAPABILITY_SETS) {
        let (Some(kind), Some(length)) = (reader.u16(), reader.u16()) else { break };
        let Some(content) = usize::from(length).checked_sub(4).and_then(|n| reader.take(n)) else {
            break;
        };
        if kind == CAPSET_TYPE_BITMAP {
            let mut bitmap = Reader(content);
            bits_per_pixel = bitmap.u16();
            bitmap.take(6);
            desktop = bitmap.u16().zip(bitmap.u16()).map(|(width, height)| [width, height]);
        }
    }
    let source_descriptor = shortened(source);
    Some(Fact::DemandActive {
        share_id,
        source_descriptor,
        desktop,
        bits_per_pixel,
        capability_sets,
    })
}

/// MS-RDPBCGR 2.2.8.1.1.1.2.
fn data(reader: &mut Reader<'_>) -> Option<Share> {
    // shareId, pad1, streamId, uncompressedLength.
    reader.take(4 + 1 + 1 + 2)?;
    let kind = reader.u8()?;
    let compressed = reader.u8()? & PACKET_COMPRESSED != 0;
    reader.take(2)?;
    let facts = |facts| Some(Share::Facts(facts));
    match kind {
        FONT_MAP => facts(vec![Fact::FontMap]),
        FONT_LIST => Some(Share::Finalising),
        SHUTDOWN_REQUEST => Some(Share::ShutdownRequest),
        SHUTDOWN_DENIED => facts(vec![Fact::ShutdownDenied]),
        SET_ERROR_INFO if !compressed => facts(vec![Fact::SetErrorInfo { code: reader.u32()? }]),
        SAVE_SESSION_INFO if !compressed => facts(save_session_info(reader)?),
        _ => Some(Share::Other),
    }
}

/// MS-RDPBCGR 2.2.10.1.1.
fn save_session_info(reader: &mut Reader<'_>) -> Option<Vec<Fact>> {
    const LOGON: u32 = 0;
    const LOGON_LONG: u32 = 1;
    const PLAIN_NOTIFY: u32 = 2;
    const EXTENDED: u32 = 3;
    let named = |form, domain: Option<String>, user: Option<String>, session_id| {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty()).map(shortened);
        vec![Fact::LoggedOn { form, domain: some(domain), user: some(user), session_id }]
    };
    match reader.u32()? {
        LOGON => {
            reader.u32()?;
            let domain = reader.utf16(52)?;
            reader.u32()?;
            let user = reader.utf16(512)?;
            Some(named(LogonForm::Logon, Some(domain), Some(user), reader.u32()))
        }
        LOGON_LONG => {
            reader.take(2 + 4)?;
            let session = reader.u32()?;
            let domain_length = usize::try_from(reader.u32()?).ok()?;
            let user_length = usize::try_from(reader.u32()?).ok()?;
            reader.take(558)?;
            let domain = reader.utf16(domain_length)?;
            let user = reader.utf16(user_length)?;
            Some(named(LogonForm::LogonLong, Some(domain), Some(user), Some(session)))
        }
        PLAIN_NOTIFY => Some(named(LogonForm::PlainNotify, None, None, None)),
        EXTENDED => {
            const AUTO_RECONNECT_COOKIE: u32 = 1;
            const LOGON_ERRORS: u32 = 2;
            reader.u16()?;
            let fields = reader.u32()?;
            let mut facts = Vec::new();
            if fields & AUTO_RECONNECT_COOKIE != 0 {
                let length = usize::try_from(reader.u32()?).ok()?;
                let mut cookie = Reader(reader.take(length)?);
                // cbLen, Version, LogonId (MS-RDPBCGR 2.2.4.2).
                cookie.take(8);
                facts.extend(named(LogonForm::Extended, None, None, cookie.u32()));
            }
            if fields & LOGON_ERRORS != 0 {
                reader.u32()?;
                let (notification_type, data) = (reader.u32()?, reader.u32()?);
                facts.push(Fact::LogonNotification { notification_type, data });
            }
            Some(facts)
        }
        _ => None,
    }
}

fn shortened(text: String) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(6 + content.len()).expect("short");
        [&length.to_le_bytes()[..], &(0x10 | kind).to_le_bytes(), &[0xEA, 3], content].concat()
    }

    fn data_pdu(kind: u8, content: &[u8]) -> Vec<u8> {
        let header = [&[0xEA, 3, 1, 0, 0, 1, 0, 0][..], &[kind, 0, 0, 0]].concat();
        control(DATA, &[&header[..], content].concat())
    }

    #[test]
    fn an_error_keeps_its_number() {
        let pdu = data_pdu(SET_ERROR_INFO, &0x1234_5678u32.to_le_bytes());
        assert!(begins(&pdu));
        assert_eq!(read(&pdu), Some(Share::Facts(vec![Fact::SetErrorInfo { code: 0x1234_5678 }])));
        assert_eq!(read(&data_pdu(SET_ERROR_INFO, &[1])), None);
    }

    #[test]
    fn a_demand_tells_the_desktop_in_spite_of_an_unknown_set() {
        let bitmap = [
            &[2, 0, 28, 0, 32, 0, 1, 0, 1, 0, 1, 0][..],
            &1024u16.to_le_bytes(),
            &768u16.to_le_bytes(),
            &[0; 12],
        ]
        .concat();
        let unknown = [0x77, 0x77, 5, 0, 1];
        let sets = [&unknown[..], &bitmap].concat();
        let content = [
            &7u32.to_le_bytes()[..],
            &[4, 0],
            &u16::try_from(sets.len() + 4).expect("short").to_le_bytes(),
            b"RDP\0",
            &[2, 0, 0, 0],
            &sets,
        ]
        .concat();
        let expected = Fact::DemandActive {
            share_id: 7,
            source_descriptor: "RDP".to_owned(),
            desktop: Some([1024, 768]),
            bits_per_pixel: Some(32),
            capability_sets: 2,
        };
        assert_eq!(read(&control(DEMAND_ACTIVE, &content)), Some(Share::Facts(vec![expected])));
    }

    #[test]
    fn logons_and_their_errors() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let long = [
            &1u32.to_le_bytes()[..],
            &[1, 0, 0, 0, 0, 0],
            &3u32.to_le_bytes(),
            &8u32.to_le_bytes(),
            &4u32.to_le_bytes(),
            &[0; 558],
            &utf16("CORP"),
            &utf16("jo"),
        ]
        .concat();
        let expected = Fact::LoggedOn {
            form: LogonForm::LogonLong,
            domain: Some("CORP".to_owned()),
            user: Some("jo".to_owned()),
            session_id: Some(3),
        };
        let pdu = data_pdu(SAVE_SESSION_INFO, &long);
        assert_eq!(read(&pdu), Some(Share::Facts(vec![expected])));
        let errors = [
            &3u32.to_le_bytes()[..],
            &[0, 0],
            &2u32.to_le_bytes(),
            &8u32.to_le_bytes(),
            &0xFFFF_FFFEu32.to_le_bytes(),
            &2u32.to_le_bytes(),
        ]
        .concat();
        let expected = Fact::LogonNotification { notification_type: 0xFFFF_FFFE, data: 2 };
        let pdu = data_pdu(SAVE_SESSION_INFO, &errors);
        assert_eq!(read(&pdu), Some(Share::Facts(vec![expected])));
    }

    #[test]
    fn cut_short_anywhere_it_does_no_harm() {
        let pdu = data_pdu(SAVE_SESSION_INFO, &[3; 700]);
        for length in 0..pdu.len() {
            let _ = read(&pdu[..length]);
        }
    }
}
