//! What a session says on its I/O channel and what it hears there (MS-RDPBCGR 1.3.1.1), encoded by
//! `ironrdp-pdu`; what a client sends is read here.

use std::io;

use ironrdp_core::{Encode, decode, encode_vec};
use ironrdp_pdu::gcc::KeyboardType;
use ironrdp_pdu::mcs::{AttachUserConfirm, ChannelJoinConfirm, McsMessage, SendDataIndication};
use ironrdp_pdu::rdp::capability_sets as caps;
use ironrdp_pdu::rdp::client_info::CompressionType;
use ironrdp_pdu::rdp::finalization_messages::{
    ControlAction, ControlPdu, FontPdu, SequenceFlags, SynchronizePdu,
};
use ironrdp_pdu::rdp::headers::{
    CompressionFlags, ShareControlHeader, ShareControlPdu, ShareDataHeader, ShareDataPdu,
    StreamPriority,
};
use ironrdp_pdu::rdp::server_redirection::ServerRedirectionPdu;
use ironrdp_pdu::rdp::session_info::{InfoData, InfoType, SaveSessionInfoPdu};
use ironrdp_pdu::x224::X224;

use crate::channel::Frame;
use crate::mcs::IO_CHANNEL;
use crate::ntlm::from_utf16;
use crate::picture::{HEIGHT, WIDTH};

/// The server's own channel (MS-RDPBCGR 2.2.1.13.1.1).
const SERVER_CHANNEL: u16 = 1002;

const SHARE_ID: u32 = 0x0001_03EA;

/// What a client's PDU is to a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    AttachUser,
    Join(u16),
    ClientInfo(ClientInfo),
    ConfirmActive,
    Synchronize,
    Cooperate,
    WantsControl,
    FontList,
    RefreshRectangle,
    Shutdown,
    Disconnect,
    /// Input, channels, and whatever else a client says.
    Other,
}

/// What a server reads of a Client Info PDU (MS-RDPBCGR 2.2.1.11.1.1).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientInfo {
    /// The client wants to be logged on with what follows.
    pub(crate) autologon: bool,
    /// It wants to be told of errors in the logon.
    pub(crate) logon_errors: bool,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A TPKT packet, or fast-path input (MS-RDPBCGR 2.2.8.1.2).
pub(crate) fn frame(bytes: &[u8]) -> Frame {
    match *bytes {
        [3, _, high, low, ..] => Frame::of(bytes, u16::from_be_bytes([high, low]).into()),
        [3, ..] | [_] | [] => Frame::Incomplete,
        [first, ..] if first & 3 != 0 => Frame::Foreign,
        [_, length, ..] if length & 0x80 == 0 => Frame::of(bytes, length.into()),
        [_, high, low, ..] => Frame::of(bytes, u16::from_be_bytes([high & 0x7F, low]).into()),
        _ => Frame::Incomplete,
    }
}

/// Reads a client's PDU.
pub(crate) fn read(pdu: &[u8]) -> Request {
    match decode::<X224<McsMessage<'_>>>(pdu) {
        Ok(X224(McsMessage::AttachUserRequest(_))) => Request::AttachUser,
        Ok(X224(McsMessage::ChannelJoinRequest(join))) => Request::Join(join.channel_id),
        Ok(X224(McsMessage::SendDataRequest(data))) if data.channel_id == IO_CHANNEL => {
            read_data(&data.user_data).unwrap_or(Request::Other)
        }
        Ok(X224(McsMessage::DisconnectProviderUltimatum(_))) => Request::Disconnect,
        _ => Request::Other,
    }
}

/// A share control header (MS-RDPBCGR 2.2.8.1.1.1), or the security header of the Client Info PDU.
fn read_data(data: &[u8]) -> Option<Request> {
    const SEC_INFO_PKT: u16 = 0x40;
    let number = |at: usize| Some(u16::from_le_bytes([*data.get(at)?, *data.get(at + 1)?]));
    if number(0)? == SEC_INFO_PKT {
        return Some(Request::ClientInfo(ClientInfo::read(data.get(4..)?).unwrap_or_default()));
    }
    if usize::from(number(0)?) != data.len() {
        return None;
    }
    Some(match (number(2)? & 0xF, data.get(14)) {
        (3, _) => Request::ConfirmActive,
        (7, Some(0x1F)) => Request::Synchronize,
        (7, Some(0x14)) if number(18)? == 4 => Request::Cooperate,
        (7, Some(0x14)) if number(18)? == 1 => Request::WantsControl,
        (7, Some(0x27)) => Request::FontList,
        (7, Some(0x21)) => Request::RefreshRectangle,
        (7, Some(0x24)) => Request::Shutdown,
        _ => Request::Other,
    })
}

impl ClientInfo {
    fn read(packet: &[u8]) -> Option<Self> {
        const INFO_AUTOLOGON: u32 = 0x8;
        const INFO_UNICODE: u32 = 0x10;
        const INFO_LOGONERRORS: u32 = 0x1_0000;
        let flags = u32::from_le_bytes(packet.get(4..8)?.try_into().ok()?);
        let terminator = if flags & INFO_UNICODE == 0 { 1 } else { 2 };
        let mut strings = packet.get(18..)?;
        let mut text = |at: usize| {
            let length = usize::from(u16::from_le_bytes(packet.get(at..at + 2)?.try_into().ok()?));
            let (text, rest) = strings.split_at_checked(length + terminator)?;
            strings = rest;
            let text = &text[..length];
            Some(match terminator {
                1 => String::from_utf8_lossy(text).into_owned(),
                _ => from_utf16(text),
            })
        };
        let (_domain, user, password) = (text(8)?, text(10)?, text(12)?);
        Some(Self {
            autologon: flags & INFO_AUTOLOGON != 0,
            logon_errors: flags & INFO_LOGONERRORS != 0,
            user,
            password,
        })
    }
}

/// Attach User Confirm.
pub(crate) fn attached(user: u16) -> io::Result<Vec<u8>> {
    mcs(McsMessage::AttachUserConfirm(AttachUserConfirm { result: 0, initiator_id: user }))
}

/// Channel Join Confirm.
pub(crate) fn joined(user: u16, channel: u16) -> io::Result<Vec<u8>> {
    mcs(McsMessage::ChannelJoinConfirm(ChannelJoinConfirm {
        result: 0,
        initiator_id: user,
        requested_channel_id: channel,
        channel_id: channel,
    }))
}

/// Demand Active (MS-RDPBCGR 2.2.1.13.1) with what Windows sends, as far as clients look at it.
pub(crate) fn demand_active() -> io::Result<Vec<u8>> {
    use caps::CapabilitySet as Set;
    let general = caps::General {
        major_platform_type: caps::MajorPlatformType::WINDOWS,
        minor_platform_type: caps::MinorPlatformType::WINDOWS_NT,
        protocol_version: caps::PROTOCOL_VER,
        extra_flags: caps::GeneralExtraFlags::FASTPATH_OUTPUT_SUPPORTED
            | caps::GeneralExtraFlags::LONG_CREDENTIALS_SUPPORTED
            | caps::GeneralExtraFlags::AUTORECONNECT_SUPPORTED
            | caps::GeneralExtraFlags::NO_BITMAP_COMPRESSION_HDR,
        refresh_rect_support: true,
        suppress_output_support: true,
    };
    let bitmap = caps::Bitmap {
        pref_bits_per_pix: 32,
        desktop_width: WIDTH,
        desktop_height: HEIGHT,
        desktop_resize_flag: true,
        drawing_flags: caps::BitmapDrawingFlags::ALLOW_SKIP_ALPHA,
    };
    let order_flags =
        caps::OrderFlags::NEGOTIATE_ORDER_SUPPORT | caps::OrderFlags::ZERO_BOUNDS_DELTAS_SUPPORT;
    let order = caps::Order::new(order_flags, caps::OrderSupportExFlags::empty(), 0x000F_4240, 0);
    let channels = caps::VirtualChannel {
        flags: caps::VirtualChannelFlags::COMPRESSION_CLIENT_TO_SERVER_8K,
        chunk_size: Some(1600),
    };
    let input = caps::Input {
        input_flags: caps::InputFlags::SCANCODES
            | caps::InputFlags::MOUSEX
            | caps::InputFlags::UNICODE
            | caps::InputFlags::FASTPATH_INPUT_2,
        keyboard_layout: 0,
        keyboard_type: None::<KeyboardType>,
        keyboard_subtype: 0,
        keyboard_function_key: 0,
        keyboard_ime_filename: String::new(),
    };
    let sets = vec![
        Set::Share([SERVER_CHANNEL, 0].map(u16::to_le_bytes).concat()),
        Set::General(general),
        Set::VirtualChannel(channels),
        Set::Font([1u16, 0].map(u16::to_le_bytes).concat()),
        Set::Bitmap(bitmap),
        Set::Order(order),
        Set::ColorCache([6u16, 0].map(u16::to_le_bytes).concat()),
        Set::BitmapCacheHostSupport(vec![1, 0, 0, 0]),
        Set::Pointer(caps::Pointer { color_pointer_cache_size: 25, pointer_cache_size: 25 }),
        Set::Input(input),
        Set::MultiFragmentUpdate(caps::MultifragmentUpdate { max_request_size: 0x0003_0000 }),
        Set::LargePointer(caps::LargePointer {
            flags: caps::LargePointerSupportFlags::UP_TO_96X96_PIXELS,
        }),
    ];
    let pdu = caps::DemandActive { source_descriptor: "RDP".to_owned(), capability_sets: sets };
    control(ShareControlPdu::ServerDemandActive(caps::ServerDemandActive { pdu }))
}

/// A share control PDU that says it is a Demand Active and ends at once (MS-RDPBCGR 2.2.8.1.1.1.1).
pub(crate) fn broken_demand_active() -> io::Result<Vec<u8>> {
    indication(&[9, 0, 0x11, 0, 0xEA, 3, 1, 2, 3])
}

/// Synchronize (MS-RDPBCGR 2.2.1.19).
pub(crate) fn synchronize(user: u16) -> io::Result<Vec<u8>> {
    data(ShareDataPdu::Synchronize(SynchronizePdu { target_user_id: user }))
}

/// Control, Cooperate (MS-RDPBCGR 2.2.1.20).
pub(crate) fn cooperate() -> io::Result<Vec<u8>> {
    let action = ControlAction::Cooperate;
    data(ShareDataPdu::Control(ControlPdu { action, grant_id: 0, control_id: 0 }))
}

/// Control, Granted Control (MS-RDPBCGR 2.2.1.21).
pub(crate) fn granted_control(user: u16) -> io::Result<Vec<u8>> {
    let action = ControlAction::GrantedControl;
    let control_id = SERVER_CHANNEL.into();
    data(ShareDataPdu::Control(ControlPdu { action, grant_id: user, control_id }))
}

/// Font Map (MS-RDPBCGR 2.2.1.22).
pub(crate) fn font_map() -> io::Result<Vec<u8>> {
    let flags = SequenceFlags::FIRST | SequenceFlags::LAST;
    data(ShareDataPdu::FontMap(FontPdu { number: 0, total_number: 0, flags, entry_size: 4 }))
}

/// Save Session Info (MS-RDPBCGR 2.2.10.1).
pub(crate) fn session_info(info_type: InfoType, info_data: InfoData) -> io::Result<Vec<u8>> {
    data(ShareDataPdu::SaveSessionInfo(SaveSessionInfoPdu { info_type, info_data }))
}

/// Shutdown Request Denied: somebody is logged on (MS-RDPBCGR 2.2.2.2).
pub(crate) fn shutdown_denied() -> io::Result<Vec<u8>> {
    data(ShareDataPdu::ShutdownDenied)
}

/// Set Error Info (MS-RDPBCGR 2.2.5.1.1). The codec knows the published codes alone.
pub(crate) fn error_info(code: u32) -> io::Result<Vec<u8>> {
    let header = [22u16, 0x17, SERVER_CHANNEL].map(u16::to_le_bytes).concat();
    // shareId, padding, STREAM_LOW, uncompressedLength, PDUTYPE2_SET_ERROR_INFO_PDU, no compression.
    let data = [&SHARE_ID.to_le_bytes()[..], &[0, 1, 4, 0, 0x2F, 0, 0, 0]].concat();
    indication(&[&header[..], &data, &code.to_le_bytes()].concat())
}

/// Enhanced Security Server Redirection PDU (MS-RDPBCGR 2.2.13.3.1).
pub(crate) fn redirection(to: ServerRedirectionPdu) -> io::Result<Vec<u8>> {
    control(ShareControlPdu::ServerRedirect(to))
}

fn data(pdu: ShareDataPdu) -> io::Result<Vec<u8>> {
    control(ShareControlPdu::Data(ShareDataHeader {
        share_data_pdu: pdu,
        stream_priority: StreamPriority::Low,
        compression_flags: CompressionFlags::empty(),
        compression_type: CompressionType::K8,
    }))
}

fn control(pdu: ShareControlPdu) -> io::Result<Vec<u8>> {
    on_io_channel(&ShareControlHeader {
        share_control_pdu: pdu,
        pdu_source: SERVER_CHANNEL,
        share_id: SHARE_ID,
    })
}

fn on_io_channel(pdu: &impl Encode) -> io::Result<Vec<u8>> {
    indication(&encode_vec(pdu).map_err(io::Error::other)?)
}

/// Says something on the I/O channel.
pub(crate) fn indication(user_data: &[u8]) -> io::Result<Vec<u8>> {
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

    /// Domain, user and password in a Client Info PDU's packet.
    fn packet(flags: u32, texts: [&[u8]; 3], terminator: &[u8]) -> Vec<u8> {
        let lengths = texts.map(|text| [text.len().to_le_bytes()[0], 0]).concat();
        let texts = texts.map(|text| [text, terminator].concat()).concat();
        [&[0; 4][..], &flags.to_le_bytes(), &lengths, &[0; 4], &texts].concat()
    }

    #[test]
    fn client_infos_of_both_character_sets() {
        let wide = [b"D\0".as_slice(), b"l\0a\0b\0", b"p\0\xE9\0"];
        let info = ClientInfo::read(&packet(0x1_0018, wide, &[0, 0])).expect("is read");
        let (user, password) = ("lab".to_owned(), "p\u{e9}".to_owned());
        assert_eq!(info, ClientInfo { autologon: true, logon_errors: true, user, password });
        let narrow = packet(0, [b"D", b"lab", b""], &[0]);
        let info = ClientInfo::read(&narrow).expect("is read");
        let (user, password) = ("lab".to_owned(), String::new());
        assert_eq!(info, ClientInfo { autologon: false, logon_errors: false, user, password });
        for length in 0..narrow.len() {
            assert_eq!(ClientInfo::read(&narrow[..length]), None, "{length}");
        }
    }

    #[test]
    fn pdus_are_framed_by_both_paths() {
        let whole = |bytes: &[u8]| match frame(bytes) {
            Frame::Whole(length) => Some(length),
            Frame::Incomplete => Some(0),
            Frame::Foreign => None,
        };
        assert_eq!(whole(&[3, 0, 0, 8, 2, 0xF0, 0x80, 0x28]), Some(8));
        assert_eq!(whole(&[3, 0, 0, 8, 2]), Some(0));
        assert_eq!(whole(&[4, 4, 0, 0x1C]), Some(4));
        assert_eq!(whole(&[4, 0x80, 5, 0, 0x1C]), Some(5));
        assert_eq!(whole(&[4, 0x80]), Some(0));
        assert_eq!(whole(&[4]), Some(0));
        assert_eq!(whole(&[0x16, 3, 1]), None, "TLS inside TLS");
        assert_eq!(whole(&[4, 1, 0]), None, "no PDU is so short");
    }

    #[test]
    fn a_clients_pdus_are_told_apart() {
        assert_eq!(read(&[3, 0, 0, 8, 2, 0xF0, 0x80, 0x28]), Request::AttachUser);
        let join = [3, 0, 0, 12, 2, 0xF0, 0x80, 0x38, 0, 6, 3, 0xEB];
        assert_eq!(read(&join), Request::Join(1003));
        assert_eq!(read(&[3, 0, 0, 9, 2, 0xF0, 0x80, 0x21, 0x80]), Request::Disconnect);
        assert_eq!(read(b"nothing"), Request::Other);
    }

    #[test]
    fn error_infos_are_encoded_as_the_codec_does_it() {
        use ironrdp_pdu::rdp::server_error_info::{
            ErrorInfo, ProtocolIndependentCode, ServerSetErrorInfoPdu,
        };
        let code = ErrorInfo::ProtocolIndependentCode(ProtocolIndependentCode::LogonTimeout);
        let encoded = data(ShareDataPdu::ServerSetErrorInfo(ServerSetErrorInfoPdu(code)));
        assert_eq!(error_info(4).expect("encodes"), encoded.expect("encodes"));
    }
}
