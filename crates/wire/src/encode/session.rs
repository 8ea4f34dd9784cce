//! What a client sends behind the MCS Connect Response: channels, client info, licensing,
//! capabilities, finalisation, and the end (MS-RDPBCGR 1.3.1.1 and 1.3.1.4).

use ironrdp_core::{Encode, encode_vec};
use ironrdp_pdu::gcc::KeyboardType;
use ironrdp_pdu::geometry::InclusiveRectangle;
use ironrdp_pdu::mcs::{
    AttachUserRequest, ChannelJoinRequest, ConnectResponse, DisconnectProviderUltimatum,
    DisconnectReason, ErectDomainPdu, McsMessage, SendDataIndication, SendDataRequest,
};
use ironrdp_pdu::rdp::ClientInfoPdu;
use ironrdp_pdu::rdp::capability_sets as caps;
use ironrdp_pdu::rdp::client_info::{
    AddressFamily, ClientInfo, ClientInfoFlags, CompressionType, Credentials, ExtendedClientInfo,
    ExtendedClientOptionalInfo, OptionalSystemTime, PerformanceFlags, TimezoneInfo,
};
use ironrdp_pdu::rdp::finalization_messages::{
    ControlAction, ControlPdu, FontPdu, SequenceFlags, SynchronizePdu,
};
use ironrdp_pdu::rdp::headers::{
    BasicSecurityHeader, BasicSecurityHeaderFlags, CompressionFlags, ShareControlHeader,
    ShareControlPdu, ShareDataHeader, ShareDataPdu, StreamPriority,
};
use ironrdp_pdu::rdp::refresh_rectangle::RefreshRectanglePdu;
use ironrdp_pdu::rdp::server_license::{
    ClientNewLicenseRequest, ClientPlatformChallengeResponse, LicenseEncryptionData, LicensePdu,
    PREMASTER_SECRET_SIZE, RANDOM_NUMBER_SIZE,
};
use ironrdp_pdu::x224::{X224, X224Data};
use rdpdoctor_model::{Secret, UserName};

/// Where Windows always puts the I/O channel.
const USUAL_IO_CHANNEL: u16 = 1003;

/// The channels that a session speaks on, known once the user is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// The user channel, from the Attach User Confirm.
    pub user: u16,
    /// The I/O channel, from the Connect Response.
    pub io: u16,
}

/// The I/O channel that a Connect Response names; Windows' usual one where it cannot be read.
pub fn io_channel(connect_response: &[u8]) -> u16 {
    let read = || {
        let X224(data) = ironrdp_core::decode::<X224<X224Data<'_>>>(connect_response).ok()?;
        let response = ironrdp_core::decode::<ConnectResponse>(&data.data).ok()?;
        Some(response.conference_create_response.gcc_blocks().network.io_channel)
    };
    read().unwrap_or(USUAL_IO_CHANNEL)
}

/// Erect Domain Request and Attach User Request (MS-RDPBCGR 2.2.1.5 and 2.2.1.6), in one flight.
///
/// # Errors
/// When the codec refuses, which is a bug; so in all functions of this module.
pub fn attach_user() -> Result<Vec<u8>, String> {
    let erect = ErectDomainPdu { sub_height: 0, sub_interval: 0 };
    let mut bytes = mcs(McsMessage::ErectDomainRequest(erect))?;
    bytes.extend(mcs(McsMessage::AttachUserRequest(AttachUserRequest))?);
    Ok(bytes)
}

/// Channel Join Request (MS-RDPBCGR 2.2.1.8).
///
/// # Errors
/// When the codec refuses.
pub fn join(channels: Channels, channel: u16) -> Result<Vec<u8>, String> {
    let request = ChannelJoinRequest { initiator_id: channels.user, channel_id: channel };
    mcs(McsMessage::ChannelJoinRequest(request))
}

/// Client Info PDU (MS-RDPBCGR 2.2.1.11), where the session begins. With a password it asks for
/// automatic logon; behind NLA the server has it already.
///
/// # Errors
/// When the codec refuses, or the password is no UTF-8.
pub fn client_info(
    channels: Channels,
    user: &UserName,
    password: Option<&Secret>,
) -> Result<Vec<u8>, String> {
    let text = password.map_or(Ok(""), |password| std::str::from_utf8(password.expose()));
    let password_text = text.map_err(|_| "the password is not UTF-8".to_owned())?;
    let (username, domain) = if user.is_principal() {
        (user.to_string(), None)
    } else {
        (user.account().to_owned(), user.domain().map(str::to_owned))
    };
    let mut flags = ClientInfoFlags::MOUSE
        | ClientInfoFlags::DISABLE_CTRL_ALT_DEL
        | ClientInfoFlags::UNICODE
        | ClientInfoFlags::MAXIMIZE_SHELL
        | ClientInfoFlags::LOGON_NOTIFY
        | ClientInfoFlags::LOGON_ERRORS
        | ClientInfoFlags::NO_AUDIO_PLAYBACK;
    if password.is_some() {
        flags |= ClientInfoFlags::AUTOLOGON;
    }
    let utc = TimezoneInfo {
        bias: 0,
        standard_name: "UTC".to_owned(),
        standard_date: OptionalSystemTime(None),
        standard_bias: 0,
        daylight_name: "UTC".to_owned(),
        daylight_date: OptionalSystemTime(None),
        daylight_bias: 0,
    };
    let optional_data = ExtendedClientOptionalInfo::builder()
        .timezone(utc)
        .session_id(0)
        .performance_flags(PerformanceFlags::DISABLE_WALLPAPER | PerformanceFlags::DISABLE_THEMING)
        .build();
    let credentials = Credentials { username, password: password_text.to_owned(), domain };
    let pdu = ClientInfoPdu {
        security_header: BasicSecurityHeader { flags: BasicSecurityHeaderFlags::INFO_PKT },
        client_info: ClientInfo {
            credentials,
            password_cookie: None,
            code_page: 0,
            flags,
            compression_type: CompressionType::K8,
            alternate_shell: String::new(),
            work_dir: String::new(),
            extra_info: ExtendedClientInfo {
                address_family: AddressFamily::INET,
                address: String::new(),
                dir: String::new(),
                optional_data,
            },
        },
    };
    on_io_channel(channels, &pdu)
}

/// The client's side of licensing (MS-RDPELE 1.3.3): it asks for a new licence and answers the
/// platform challenge. What it is given is not kept.
#[derive(Default)]
pub struct Licensing {
    keys: Option<LicenseEncryptionData>,
}

impl Licensing {
    /// The answer to a licensing PDU of the server; `None` where none is due.
    ///
    /// # Errors
    /// When the server's PDU is broken.
    pub fn answer(
        &mut self,
        channels: Channels,
        pdu: &[u8],
        machine: &str,
        random: [u8; RANDOM_NUMBER_SIZE + PREMASTER_SECRET_SIZE],
    ) -> Result<Option<Vec<u8>>, String> {
        let X224(data) = ironrdp_core::decode::<X224<SendDataIndication<'_>>>(pdu)
            .map_err(|error| error.to_string())?;
        let license = ironrdp_core::decode::<LicensePdu>(&data.user_data)
            .map_err(|error| error.to_string())?;
        let answer = match license {
            LicensePdu::ServerLicenseRequest(request) => {
                let (client_random, premaster_secret) = random.split_at(RANDOM_NUMBER_SIZE);
                let (answer, keys) = ClientNewLicenseRequest::from_server_license_request(
                    &request,
                    client_random,
                    premaster_secret,
                    machine,
                    machine,
                )
                .map_err(|error| error.to_string())?;
                self.keys = Some(keys);
                LicensePdu::ClientNewLicenseRequest(answer)
            }
            LicensePdu::ServerPlatformChallenge(challenge) => {
                let keys = self.keys.as_ref().ok_or("a challenge before the request")?;
                let hardware = [0; 4];
                let answer = ClientPlatformChallengeResponse::from_server_platform_challenge(
                    &challenge, hardware, keys,
                )
                .map_err(|error| error.to_string())?;
                LicensePdu::ClientPlatformChallengeResponse(answer)
            }
            _ => return Ok(None),
        };
        on_io_channel(channels, &answer).map(Some)
    }
}

/// Confirm Active, and behind it in the same flight what needs no answer in between: Synchronize,
/// Cooperate, Request Control, Font List (MS-RDPBCGR 2.2.1.13.2 to 2.2.1.18).
///
/// # Errors
/// When the codec refuses.
pub fn activate(channels: Channels, share_id: u32, desktop: [u16; 2]) -> Result<Vec<u8>, String> {
    let confirm = ShareControlPdu::ClientConfirmActive(caps::ClientConfirmActive {
        originator_id: caps::SERVER_CHANNEL_ID,
        pdu: caps::DemandActive {
            source_descriptor: "MSTSC".to_owned(),
            capability_sets: capabilities(desktop),
        },
    });
    let mut bytes = control(channels, share_id, confirm)?;
    let cooperate = ControlPdu { action: ControlAction::Cooperate, grant_id: 0, control_id: 0 };
    let request = ControlPdu { action: ControlAction::RequestControl, grant_id: 0, control_id: 0 };
    let fonts = FontPdu {
        number: 0,
        total_number: 0,
        flags: SequenceFlags::FIRST | SequenceFlags::LAST,
        entry_size: 50,
    };
    for pdu in [
        ShareDataPdu::Synchronize(SynchronizePdu { target_user_id: channels.user }),
        ShareDataPdu::Control(cooperate),
        ShareDataPdu::Control(request),
        ShareDataPdu::FontList(fonts),
    ] {
        bytes.extend(data(channels, share_id, pdu)?);
    }
    Ok(bytes)
}

/// Refresh Rect (MS-RDPBCGR 2.2.11.2): asks for the whole desktop once more.
///
/// # Errors
/// When the codec refuses.
pub fn refresh(channels: Channels, share_id: u32, desktop: [u16; 2]) -> Result<Vec<u8>, String> {
    let [right, bottom] = desktop.map(|length| length.saturating_sub(1));
    let areas_to_refresh = vec![InclusiveRectangle { left: 0, top: 0, right, bottom }];
    data(
        channels,
        share_id,
        ShareDataPdu::RefreshRectangle(RefreshRectanglePdu { areas_to_refresh }),
    )
}

/// Shutdown Request (MS-RDPBCGR 2.2.2.1): the window was closed.
///
/// # Errors
/// When the codec refuses.
pub fn shutdown_request(channels: Channels, share_id: u32) -> Result<Vec<u8>, String> {
    data(channels, share_id, ShareDataPdu::ShutdownRequest)
}

/// Disconnect Provider Ultimatum, rn-user-requested (T.125 11.15): the session is left, not logged
/// off.
///
/// # Errors
/// When the codec refuses.
pub fn disconnect() -> Result<Vec<u8>, String> {
    mcs(McsMessage::DisconnectProviderUltimatum(DisconnectProviderUltimatum::from_reason(
        DisconnectReason::UserRequested,
    )))
}

/// No drawing orders, no codecs, no caches: the server paints bitmaps.
fn capabilities([width, height]: [u16; 2]) -> Vec<caps::CapabilitySet> {
    use caps::CapabilitySet as Set;
    let cache = caps::CacheDefinition { entries: 0, max_cell_size: 0 };
    vec![
        Set::General(caps::General {
            major_platform_type: caps::MajorPlatformType::WINDOWS,
            minor_platform_type: caps::MinorPlatformType::WINDOWS_NT,
            extra_flags: caps::GeneralExtraFlags::FASTPATH_OUTPUT_SUPPORTED
                | caps::GeneralExtraFlags::LONG_CREDENTIALS_SUPPORTED
                | caps::GeneralExtraFlags::NO_BITMAP_COMPRESSION_HDR,
            refresh_rect_support: true,
            suppress_output_support: true,
            ..caps::General::default()
        }),
        Set::Bitmap(caps::Bitmap {
            pref_bits_per_pix: 24,
            desktop_width: width,
            desktop_height: height,
            desktop_resize_flag: true,
            drawing_flags: caps::BitmapDrawingFlags::empty(),
        }),
        Set::Order(caps::Order::new(
            caps::OrderFlags::NEGOTIATE_ORDER_SUPPORT
                | caps::OrderFlags::ZERO_BOUNDS_DELTAS_SUPPORT,
            caps::OrderSupportExFlags::empty(),
            0,
            0,
        )),
        Set::BitmapCache(caps::BitmapCache {
            caches: [caps::CacheEntry { entries: 0, max_cell_size: 0 }; 3],
        }),
        Set::Pointer(caps::Pointer { color_pointer_cache_size: 20, pointer_cache_size: 20 }),
        Set::Sound(caps::Sound { flags: caps::SoundFlags::empty() }),
        Set::Input(caps::Input {
            input_flags: caps::InputFlags::SCANCODES,
            keyboard_layout: 0x0409,
            keyboard_type: Some(KeyboardType::IBM_ENHANCED),
            keyboard_subtype: 0,
            keyboard_function_key: 12,
            keyboard_ime_filename: String::new(),
        }),
        Set::Brush(caps::Brush { support_level: caps::SupportLevel::Default }),
        Set::GlyphCache(caps::GlyphCache {
            glyph_cache: [cache; caps::GLYPH_CACHE_NUM],
            frag_cache: cache,
            glyph_support_level: caps::GlyphSupportLevel::None,
        }),
        Set::OffscreenBitmapCache(caps::OffscreenBitmapCache {
            is_supported: false,
            cache_size: 0,
            cache_entries: 0,
        }),
        Set::VirtualChannel(caps::VirtualChannel {
            flags: caps::VirtualChannelFlags::NO_COMPRESSION,
            chunk_size: None,
        }),
        Set::MultiFragmentUpdate(caps::MultifragmentUpdate { max_request_size: 8 * 1024 * 1024 }),
    ]
}

fn data(channels: Channels, share_id: u32, pdu: ShareDataPdu) -> Result<Vec<u8>, String> {
    let header = ShareDataHeader {
        share_data_pdu: pdu,
        stream_priority: StreamPriority::Medium,
        compression_flags: CompressionFlags::empty(),
        compression_type: CompressionType::K8,
    };
    control(channels, share_id, ShareControlPdu::Data(header))
}

fn control(channels: Channels, share_id: u32, pdu: ShareControlPdu) -> Result<Vec<u8>, String> {
    let header = ShareControlHeader { share_control_pdu: pdu, pdu_source: channels.user, share_id };
    on_io_channel(channels, &header)
}

fn on_io_channel(channels: Channels, pdu: &impl Encode) -> Result<Vec<u8>, String> {
    send_data(channels, encode_vec(pdu).map_err(|error| error.to_string())?)
}

/// A Send Data Request on the I/O channel (T.125 11.32).
pub(crate) fn send_data(channels: Channels, user_data: Vec<u8>) -> Result<Vec<u8>, String> {
    mcs(McsMessage::SendDataRequest(SendDataRequest {
        initiator_id: channels.user,
        channel_id: channels.io,
        user_data: user_data.into(),
    }))
}

fn mcs(message: McsMessage<'_>) -> Result<Vec<u8>, String> {
    encode_vec(&X224(message)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: Channels = Channels { user: 1007, io: 1003 };

    #[test]
    fn all_of_it_encodes() {
        let attach = attach_user().expect("encodes");
        assert_eq!(&attach[..12], [3, 0, 0, 12, 2, 0xF0, 0x80, 4, 1, 0, 1, 0]);
        assert!(join(CHANNELS, 1003).is_ok());
        let user = "CORP\\jo".parse().expect("a name");
        let info = client_info(CHANNELS, &user, None).expect("encodes");
        let with = client_info(CHANNELS, &user, Some(&Secret::new("abc"))).expect("encodes");
        assert_eq!(with.len(), info.len() + 6);
        assert!(activate(CHANNELS, 0x0001_03EA, [1024, 768]).expect("encodes").len() > 200);
        assert!(shutdown_request(CHANNELS, 1).is_ok());
        assert_eq!(disconnect().expect("encodes"), [3, 0, 0, 9, 2, 0xF0, 0x80, 0x21, 0x80]);
    }

    #[test]
    fn an_unreadable_response_leaves_the_usual_channel() {
        assert_eq!(io_channel(b"nothing"), 1003);
    }

    #[test]
    fn licensing_refuses_what_is_none() {
        let random = [7; RANDOM_NUMBER_SIZE + PREMASTER_SECRET_SIZE];
        assert!(Licensing::default().answer(CHANNELS, b"x", "PC", random).is_err());
    }
}
