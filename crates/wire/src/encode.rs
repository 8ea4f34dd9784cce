//! The messages a client sends, as `mstsc` sends them.

mod routing;
pub mod session;

pub use ironrdp_core::EncodeError;
use ironrdp_core::encode_vec;
use ironrdp_pdu::gcc::{
    ChannelDef, ChannelName, ChannelOptions, ClientCoreData, ClientCoreOptionalData,
    ClientEarlyCapabilityFlags, ClientGccBlocks, ClientMessageChannelData, ClientNetworkData,
    ClientSecurityData, ColorDepth, ConnectionType, EncryptionMethod, HighColorDepth, KeyboardType,
    MultiTransportChannelData, MultiTransportFlags, RdpVersion, SecureAccessSequence,
    SupportedColorDepths,
};
use ironrdp_pdu::mcs::ConnectInitial;
use ironrdp_pdu::nego::{
    ConnectionRequest, CorrelationInfo, NegoRequestData, RequestFlags, SecurityProtocol,
};
use ironrdp_pdu::x224::{X224, X224Data};

pub use routing::load_balanced_request;

/// The cookie's user name: `mstsc` sends the user's, which is nobody's business here.
pub const COOKIE: &str = "rdpdoctor";

/// The CredSSP version that this client speaks (MS-CSSP 2.2.1).
pub const CREDSSP_VERSION: u8 = 6;

/// An X.224 Connection Request (MS-RDPBCGR 2.2.1.1) that asks for `requested_protocols`.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn connection_request(
    requested_protocols: u32,
    correlation_id: Option<[u8; 16]>,
) -> Result<Vec<u8>, EncodeError> {
    request(requested_protocols, correlation_id, RequestFlags::empty(), cookie())
}

/// The same with the routing token of a broker instead of a cookie (MS-RDPBCGR 2.2.1.1); what is not
/// a line of printable characters is no token.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn routed_request(
    requested_protocols: u32,
    correlation_id: Option<[u8; 16]>,
    token: &[u8],
) -> Result<Vec<u8>, EncodeError> {
    let text = std::str::from_utf8(token).unwrap_or_default();
    let text = text.strip_prefix("Cookie: msts=").unwrap_or(text).trim_end();
    if text.is_empty() || text.len() > 200 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return connection_request(requested_protocols, correlation_id);
    }
    let token = NegoRequestData::routing_token(text.to_owned());
    request(requested_protocols, correlation_id, RequestFlags::empty(), token)
}

/// The same for a client that will not hand its password over: RESTRICTED_ADMIN_MODE_REQUIRED.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn restricted_admin_request(
    requested_protocols: u32,
    correlation_id: Option<[u8; 16]>,
) -> Result<Vec<u8>, EncodeError> {
    let flags = RequestFlags::RESTRICTED_ADMIN_MODE_REQUIRED;
    request(requested_protocols, correlation_id, flags, cookie())
}

fn request(
    requested_protocols: u32,
    correlation_id: Option<[u8; 16]>,
    flags: RequestFlags,
    data: NegoRequestData,
) -> Result<Vec<u8>, EncodeError> {
    encode_vec(&X224(ConnectionRequest {
        nego_data: Some(data),
        flags,
        protocol: SecurityProtocol::from_bits_retain(requested_protocols),
        correlation_info: correlation_id.map(|correlation_id| CorrelationInfo { correlation_id }),
    }))
}

fn cookie() -> NegoRequestData {
    NegoRequestData::cookie(COOKIE.to_owned())
}

/// Bends random bytes into what MS-RDPBCGR 2.2.1.1.2 allows as a correlation id: no 0x0D, and a
/// first byte other than 0x00 and 0xF4.
pub fn correlation_id(mut random: [u8; 16]) -> [u8; 16] {
    for byte in &mut random {
        if *byte == 0x0D {
            *byte = 0x0C;
        }
    }
    if matches!(random[0], 0x00 | 0xF4) {
        random[0] = 0x01;
    }
    random
}

/// A TSRequest (MS-CSSP 2.2.1) with an NTLM NEGOTIATE_MESSAGE: it asks for the challenge and
/// carries nothing about a user or this machine.
pub fn credssp_negotiate() -> Vec<u8> {
    let token = element(0x30, &element(0xA0, &element(0x04, &ntlm_negotiate())));
    let mut request = element(0xA0, &element(0x02, &[CREDSSP_VERSION]));
    request.extend(element(0xA1, &element(0x30, &token)));
    element(0x30, &request)
}

/// A DER element with a content below 128 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    debug_assert!(content.len() < 0x80, "short form lengths only");
    let length = content.len().to_le_bytes()[0];
    [&[tag, length], content].concat()
}

/// NEGOTIATE_MESSAGE (MS-NLMP 2.2.1.1) without names.
fn ntlm_negotiate() -> Vec<u8> {
    // UNICODE, OEM, REQUEST_TARGET, SIGN, SEAL, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY,
    // VERSION, 128, KEY_EXCH, 56.
    const FLAGS: u32 = 0xE208_8237;
    // Windows 11 25H2, NTLMSSP revision 15.
    const VERSION: [u8; 8] = [10, 0, 0x58, 0x66, 0, 0, 0, 15];
    let empty_field = [0, 0, 0, 0, 40, 0, 0, 0];
    [&b"NTLMSSP\0\x01\0\0\0"[..], &FLAGS.to_le_bytes(), &empty_field, &empty_field, &VERSION]
        .concat()
}

/// The MCS Connect Initial with the GCC blocks (MS-RDPBCGR 2.2.1.3) that follows when the server
/// chose `selected_protocol`.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn mcs_connect_initial(selected_protocol: u32) -> Result<Vec<u8>, String> {
    connect_initial(selected_protocol, None, Vec::new())
}

/// The same of a client that can be asked for a transport beside TCP: with the message channel, on
/// which that is asked (MS-RDPBCGR 2.2.1.3.7), and the static channel of dynamic ones, without which
/// no server may ask (MS-RDPEMT 1.5). Only for a server that takes Extended Client Data Blocks.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn mcs_connect_initial_with_message_channel(selected_protocol: u32) -> Result<Vec<u8>, String> {
    let dynamic = ChannelDef {
        name: ChannelName::from_static(b"drdynvc\0"),
        options: ChannelOptions::INITIALIZED,
    };
    connect_initial(selected_protocol, Some(ClientMessageChannelData), vec![dynamic])
}

fn connect_initial(
    selected_protocol: u32,
    message_channel: Option<ClientMessageChannelData>,
    channels: Vec<ChannelDef>,
) -> Result<Vec<u8>, String> {
    let standard_security = selected_protocol == 0;
    let encryption_methods = if standard_security {
        EncryptionMethod::BIT_40
            | EncryptionMethod::BIT_128
            | EncryptionMethod::BIT_56
            | EncryptionMethod::FIPS
    } else {
        EncryptionMethod::empty()
    };
    let blocks = ClientGccBlocks {
        core: ClientCoreData {
            version: RdpVersion::V5_PLUS,
            desktop_width: 1024,
            desktop_height: 768,
            color_depth: ColorDepth::Bpp8,
            sec_access_sequence: SecureAccessSequence::Del,
            keyboard_layout: 0x0409,
            client_build: 26_200,
            client_name: COOKIE.to_owned(),
            keyboard_type: KeyboardType::IBM_ENHANCED,
            keyboard_subtype: 0,
            keyboard_functional_keys_count: 12,
            ime_file_name: String::new(),
            optional_data: ClientCoreOptionalData {
                post_beta2_color_depth: Some(ColorDepth::Bpp8),
                client_product_id: Some(1),
                serial_number: Some(0),
                high_color_depth: Some(HighColorDepth::Bpp24),
                supported_color_depths: Some(
                    SupportedColorDepths::BPP16
                        | SupportedColorDepths::BPP24
                        | SupportedColorDepths::BPP32,
                ),
                early_capability_flags: Some(
                    ClientEarlyCapabilityFlags::SUPPORT_ERR_INFO_PDU
                        | ClientEarlyCapabilityFlags::STRONG_ASYMMETRIC_KEYS
                        | ClientEarlyCapabilityFlags::VALID_CONNECTION_TYPE,
                ),
                dig_product_id: Some(String::new()),
                connection_type: Some(ConnectionType::Lan),
                server_selected_protocol: Some(SecurityProtocol::from_bits_retain(
                    selected_protocol,
                )),
                ..ClientCoreOptionalData::default()
            },
        },
        security: ClientSecurityData { encryption_methods, ext_encryption_methods: 0 },
        network: Some(ClientNetworkData { channels }),
        cluster: None,
        monitor: None,
        message_channel,
        // Without it no server says whether it takes UDP (MS-RDPBCGR 2.2.1.4.6). Without a message
        // channel it says no more than that.
        multi_transport_channel: Some(MultiTransportChannelData {
            flags: MultiTransportFlags::TRANSPORT_TYPE_UDP_FECR,
        }),
        monitor_extended: None,
    };
    let initial = ConnectInitial::with_gcc_blocks(blocks).map_err(|error| error.to_string())?;
    let data = encode_vec(&initial).map_err(|error| error.to_string())?;
    encode_vec(&X224(X224Data { data: data.into() })).map_err(|error| error.to_string())
}

/// The plain second ClientHello: TLS 1.2, RSA key exchange, no more extensions than needed. What
/// drops this one too is bothered neither by the size nor by the offers of the first.
pub fn plain_client_hello(random: [u8; 32], server_name: Option<&str>) -> Vec<u8> {
    client_hello(random, server_name, None)
}

/// The same, padded so that its record has `length` bytes (RFC 7685).
pub fn padded_client_hello(random: [u8; 32], server_name: Option<&str>, length: usize) -> Vec<u8> {
    client_hello(random, server_name, Some(length))
}

fn client_hello(random: [u8; 32], server_name: Option<&str>, padded: Option<usize>) -> Vec<u8> {
    // RSA key exchange with AES-GCM, AES-CBC and 3DES; TLS_EMPTY_RENEGOTIATION_INFO_SCSV.
    const SUITES: [u16; 8] = [0x009C, 0x009D, 0x003C, 0x003D, 0x002F, 0x0035, 0x000A, 0x00FF];
    // rsa_pkcs1 with SHA-256, SHA-384, SHA-512, SHA-1.
    const SIGNATURES: [u16; 4] = [0x0401, 0x0501, 0x0601, 0x0201];

    let mut extensions = Vec::new();
    if let Some(name) = server_name.filter(|name| name.len() < 256) {
        let entry = [&[0][..], &length16(name.as_bytes())].concat();
        extensions.extend([0, 0]);
        extensions.extend(length16(&length16(&entry)));
    }
    let signatures: Vec<u8> = SIGNATURES.iter().flat_map(|s| s.to_be_bytes()).collect();
    extensions.extend([0, 13]);
    extensions.extend(length16(&length16(&signatures)));

    let suites: Vec<u8> = SUITES.iter().flat_map(|s| s.to_be_bytes()).collect();
    if let Some(length) = padded {
        // Record and message header, version, random, session, compression, lengths, this one's own.
        let fixed = 5 + 4 + 2 + 32 + 1 + 2 + 2 + 2 + 4;
        let padding = length.saturating_sub(fixed + suites.len() + extensions.len());
        extensions.extend([0, 21]);
        extensions.extend(length16(&vec![0; padding]));
    }
    let body =
        [&[3, 3][..], &random, &[0], &length16(&suites), &[1, 0], &length16(&extensions)].concat();
    let message = [&[1, 0][..], &length16(&body)].concat();
    [&[0x16, 3, 1][..], &length16(&message)].concat()
}

/// `content` behind its length in two bytes, for contents far below 64 KiB.
fn length16(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_ids_keep_the_rules() {
        let id = correlation_id([0x0D; 16]);
        assert!(!id.contains(&0x0D));
        assert_ne!(correlation_id([0xF4; 16])[0], 0xF4);
        assert_ne!(correlation_id([0; 16])[0], 0);
    }

    #[test]
    fn a_padded_hello_has_the_length_wanted() {
        for name in [None, Some("pc42.corp.example")] {
            assert_eq!(padded_client_hello([7; 32], name, 1400).len(), 1400);
            let plain = plain_client_hello([7; 32], name);
            assert_eq!(usize::from(u16::from_be_bytes([plain[3], plain[4]])) + 5, plain.len());
        }
    }

    #[test]
    fn mcs_connect_initial_is_one_tpkt_packet() {
        for protocol in [0, 1] {
            let bytes = mcs_connect_initial(protocol).expect("encodes");
            assert_eq!(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), bytes.len());
        }
    }

    /// CS_MCS_MSGCHANNEL (0xC006) of eight bytes, and a channel's name; without them nothing changed.
    #[test]
    fn the_message_channel_is_asked_for_where_it_is_wanted() {
        let holds = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).any(|w| w == wanted);
        let plain = mcs_connect_initial(2).expect("encodes");
        let more = mcs_connect_initial_with_message_channel(2).expect("encodes");
        let block = [0x06, 0xC0, 8, 0, 0, 0, 0, 0];
        assert_eq!((holds(&plain, &block), holds(&more, &block)), (false, true));
        assert_eq!((holds(&plain, b"drdynvc\0"), holds(&more, b"drdynvc\0")), (false, true));
        assert_eq!(more.len(), plain.len() + 8 + 12);
    }
}
