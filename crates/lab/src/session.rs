//! A session behind the MCS Connect Response: channels, licensing, capabilities, finalisation, a
//! picture, the end (MS-RDPBCGR 1.3.1.1 and 1.3.1.4).

use std::io;

use ironrdp_core::{decode, encode_vec};
use ironrdp_pdu::mcs::{
    AttachUserConfirm, ChannelJoinConfirm, McsMessage, SendDataIndication, SendDataRequest,
};
use ironrdp_pdu::x224::X224;

use crate::channel::Frame;
use crate::mcs::IO_CHANNEL;

/// The user channel that every client gets; static channels lie below.
const USER_CHANNEL: u16 = 1020;

/// The server's own channel (MS-RDPBCGR 2.2.1.13.1.1).
const SERVER_CHANNEL: u16 = 1002;

const SHARE_ID: u32 = 0x0001_03EA;

/// The desktop.
const WIDTH: u16 = 640;
const HEIGHT: u16 = 480;

/// A tile of the picture.
const TILE: u16 = 64;

/// The session's number, as Windows counts them.
pub(crate) const SESSION_ID: u32 = 3;

/// pduType2 (MS-RDPBCGR 2.2.8.1.1.1.2).
const CONTROL: u8 = 0x14;
const SYNCHRONIZE: u8 = 0x1F;
const SHUTDOWN_DENIED: u8 = 0x25;
const SAVE_SESSION_INFO: u8 = 0x26;
const FONT_MAP: u8 = 0x28;
const SET_ERROR_INFO: u8 = 0x2F;

/// What a client's PDU is to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    AttachUser,
    Join(u16),
    ClientInfo,
    ConfirmActive,
    FontList,
    Shutdown,
    Disconnect,
    Other,
}

/// One PDU: a TPKT packet, or a fast-path PDU, whose input nobody reads.
pub(crate) fn frame(buffer: &[u8]) -> Frame {
    match *buffer {
        [3, _, high, low, ..] => Frame::of(buffer, usize::from(u16::from_be_bytes([high, low]))),
        [first, length, ..] if first != 3 && length & 0x80 == 0 => Frame::of(buffer, length.into()),
        [first, high, low, ..] if first != 3 => {
            Frame::of(buffer, usize::from(u16::from_be_bytes([high & 0x7F, low])))
        }
        _ => Frame::Incomplete,
    }
}

/// Reads a client's PDU.
pub(crate) fn read(pdu: &[u8]) -> Request {
    match decode::<X224<McsMessage<'_>>>(pdu) {
        Ok(X224(McsMessage::AttachUserRequest(_))) => Request::AttachUser,
        Ok(X224(McsMessage::ChannelJoinRequest(join))) => Request::Join(join.channel_id),
        Ok(X224(McsMessage::SendDataRequest(data))) => read_data(&data),
        Ok(X224(McsMessage::DisconnectProviderUltimatum(_))) => Request::Disconnect,
        _ => Request::Other,
    }
}

fn read_data(data: &SendDataRequest<'_>) -> Request {
    const CONFIRM_ACTIVE: u8 = 3;
    const DATA: u8 = 7;
    let data = &data.user_data;
    // SEC_INFO_PKT in a security header, else a share control header.
    if data.len() > 4 && data[..2] == [0x40, 0] {
        return Request::ClientInfo;
    }
    match (data.get(2).map(|kind| kind & 0xF), data.get(14)) {
        (Some(CONFIRM_ACTIVE), _) => Request::ConfirmActive,
        (Some(DATA), Some(0x27)) => Request::FontList,
        (Some(DATA), Some(0x24)) => Request::Shutdown,
        _ => Request::Other,
    }
}

/// Attach User Confirm.
pub(crate) fn attached() -> io::Result<Vec<u8>> {
    mcs(McsMessage::AttachUserConfirm(AttachUserConfirm { result: 0, initiator_id: USER_CHANNEL }))
}

/// Channel Join Confirm.
pub(crate) fn joined(channel: u16) -> io::Result<Vec<u8>> {
    mcs(McsMessage::ChannelJoinConfirm(ChannelJoinConfirm {
        result: 0,
        initiator_id: USER_CHANNEL,
        requested_channel_id: channel,
        channel_id: channel,
    }))
}

/// A Licensing Error Message with ST_NO_TRANSITION, or ST_TOTAL_ABORT where it is an error
/// (MS-RDPBCGR 2.2.1.12.1.3).
pub(crate) fn license_error(code: u32) -> io::Result<Vec<u8>> {
    const STATUS_VALID_CLIENT: u32 = 7;
    let transition: u32 = if code == STATUS_VALID_CLIENT { 2 } else { 1 };
    let message = [&code.to_le_bytes()[..], &transition.to_le_bytes(), &[4, 0, 0, 0]].concat();
    license(&[&[0xFF, 3, 16, 0][..], &message].concat())
}

/// A licensing PDU whose message says that it is longer than it is.
pub(crate) fn license_garbage() -> io::Result<Vec<u8>> {
    license(&[1, 3, 0xFF, 0x7F, 9, 9])
}

fn license(message: &[u8]) -> io::Result<Vec<u8>> {
    // SEC_LICENSE_PKT with SEC_LICENSE_ENCRYPT_CS.
    send(&[&[0x80, 0x02, 0, 0][..], message].concat())
}

/// Demand Active (MS-RDPBCGR 2.2.1.13.1) with the capability sets that a client needs.
pub(crate) fn demand_active() -> io::Result<Vec<u8>> {
    let numbers =
        |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
    // General: Windows NT, protocol 0x200, fast-path output and long credentials.
    let general = numbers(&[1, 24, 1, 3, 0x200, 0, 0, 0x0405, 0, 0, 0, 0x0101]);
    // Bitmap: 32 bits a pixel.
    let bitmap = numbers(&[2, 28, 32, 1, 1, 1, WIDTH, HEIGHT, 0, 1, 1, 0, 1, 0]);
    // Pointer, and Share with the server's channel.
    let pointer = numbers(&[8, 10, 1, 25, 25]);
    let share = numbers(&[9, 8, SERVER_CHANNEL, 0]);
    let sets = [general, bitmap, pointer, share];
    let count = u16::try_from(sets.len()).unwrap_or_default();
    let sets = sets.concat();
    let combined = u16::try_from(sets.len() + 4).map_err(io::Error::other)?;
    let content = [
        &SHARE_ID.to_le_bytes()[..],
        &4u16.to_le_bytes(),
        &combined.to_le_bytes(),
        b"RDP\0",
        &count.to_le_bytes(),
        &[0, 0],
        &sets,
        // sessionId.
        &[0; 4],
    ]
    .concat();
    control(1, &content)
}

/// A share control PDU that says it is a Demand Active and ends at once.
pub(crate) fn broken_demand_active() -> io::Result<Vec<u8>> {
    control(1, &[1, 2, 3])
}

/// Synchronize, Cooperate, Granted Control, Font Map (MS-RDPBCGR 2.2.1.19 to 2.2.1.22).
pub(crate) fn finalisation() -> io::Result<Vec<u8>> {
    let user = USER_CHANNEL.to_le_bytes();
    let server = u32::from(SERVER_CHANNEL).to_le_bytes();
    let pdus = [
        data(SYNCHRONIZE, &[1, 0, user[0], user[1]])?,
        data(CONTROL, &[4, 0, 0, 0, 0, 0, 0, 0])?,
        data(CONTROL, &[&[2, 0][..], &user, &server].concat())?,
        data(FONT_MAP, &[0, 0, 0, 0, 3, 0, 4, 0])?,
    ];
    Ok(pdus.concat())
}

/// Save Session Info, INFOTYPE_LOGON_LONG (MS-RDPBCGR 2.2.10.1.1.2).
pub(crate) fn logged_on(domain: &str, user: &str) -> io::Result<Vec<u8>> {
    let utf16 = |text: &str| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let (domain, user): (Vec<u8>, Vec<u8>) = (utf16(domain), utf16(user));
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map(u32::to_le_bytes);
    let content = [
        &1u32.to_le_bytes()[..],
        &1u16.to_le_bytes(),
        &18u32.to_le_bytes(),
        &SESSION_ID.to_le_bytes(),
        &length(&domain).map_err(io::Error::other)?,
        &length(&user).map_err(io::Error::other)?,
        &[0; 558],
        &domain,
        &user,
    ]
    .concat();
    data(SAVE_SESSION_INFO, &content)
}

/// Logon Info Errors inside Save Session Info (MS-RDPBCGR 2.2.10.1.1.4.1.1).
pub(crate) fn notification(kind: u32, number: u32) -> io::Result<Vec<u8>> {
    let numbers = [2, 8, kind, number].map(u32::to_le_bytes).concat();
    data(SAVE_SESSION_INFO, &[&3u32.to_le_bytes()[..], &[22, 0], &numbers].concat())
}

/// Set Error Info (MS-RDPBCGR 2.2.5.1.1).
pub(crate) fn error_info(code: u32) -> io::Result<Vec<u8>> {
    data(SET_ERROR_INFO, &code.to_le_bytes())
}

/// Shutdown Request Denied: somebody is logged on (MS-RDPBCGR 2.2.2.2).
pub(crate) fn shutdown_denied() -> io::Result<Vec<u8>> {
    data(SHUTDOWN_DENIED, &[])
}

/// The desktop in tiles of 24 bits a pixel, uncompressed, each in a fast-path update of its own
/// (MS-RDPBCGR 2.2.9.1.2.1.2): a gradient, so that it has many colours.
pub(crate) fn picture() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for top in (0..HEIGHT).step_by(TILE.into()) {
        for left in (0..WIDTH).step_by(TILE.into()) {
            bytes.extend(tile(left, top)?);
        }
    }
    Ok(bytes)
}

fn tile(left: u16, top: u16) -> io::Result<Vec<u8>> {
    let (width, height) = (TILE.min(WIDTH - left), TILE.min(HEIGHT - top));
    let mut pixels = Vec::new();
    for row in (top..top + height).rev() {
        for column in left..left + width {
            // One byte of each colour; the rest of the number is of no use here.
            let [x, _] = (column / 3).to_le_bytes();
            let [y, _] = (row / 2).to_le_bytes();
            pixels.extend([0x60, y, x]);
        }
    }
    let length = u16::try_from(pixels.len()).map_err(io::Error::other)?;
    let right_bottom = [left + width - 1, top + height - 1];
    let header = [1, 1, left, top, right_bottom[0], right_bottom[1], width, height, 24, 0, length];
    let update = [header.map(u16::to_le_bytes).concat(), pixels].concat();
    let size = u16::try_from(update.len()).map_err(io::Error::other)?;
    let whole = size + 6;
    let [high, low] = whole.to_be_bytes();
    let [size_low, size_high] = size.to_le_bytes();
    Ok([&[0, high | 0x80, low, 1, size_low, size_high][..], &update].concat())
}

/// A data PDU (MS-RDPBCGR 2.2.8.1.1.1.2).
fn data(kind: u8, content: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(content.len() + 4).map_err(io::Error::other)?;
    let [low, high] = length.to_le_bytes();
    let header = [&SHARE_ID.to_le_bytes()[..], &[0, 1, low, high, kind, 0, 0, 0]].concat();
    control(7, &[&header[..], content].concat())
}

/// A share control PDU (MS-RDPBCGR 2.2.8.1.1.1.1).
fn control(kind: u16, content: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(content.len() + 6).map_err(io::Error::other)?;
    let header = [length, 0x10 | kind, SERVER_CHANNEL].map(u16::to_le_bytes).concat();
    send(&[&header[..], content].concat())
}

fn send(user_data: &[u8]) -> io::Result<Vec<u8>> {
    mcs(McsMessage::SendDataIndication(SendDataIndication {
        initiator_id: SERVER_CHANNEL,
        channel_id: IO_CHANNEL,
        user_data: user_data.into(),
    }))
}

fn mcs(message: McsMessage<'_>) -> io::Result<Vec<u8>> {
    encode_vec(&X224(message)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_pdus_are_told_apart() {
        assert_eq!(read(&[3, 0, 0, 8, 2, 0xF0, 0x80, 0x28]), Request::AttachUser);
        let join = [3, 0, 0, 12, 2, 0xF0, 0x80, 0x38, 0, 6, 3, 0xEB];
        assert_eq!(read(&join), Request::Join(1003));
        assert_eq!(read(b"nothing"), Request::Other);
    }

    #[test]
    fn the_picture_covers_the_desktop() {
        let picture = picture().expect("encodes");
        let pixels = usize::from(WIDTH) * usize::from(HEIGHT) * 3;
        assert!(picture.len() > pixels && picture.len() < pixels + 10_000);
    }
}
