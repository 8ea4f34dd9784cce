//! The server's half of MCS Connect (T.125 section 11, MS-RDPBCGR 2.2.1.4), encoded by
//! `ironrdp-pdu`.

use std::io;

use ironrdp_core::{decode, encode_vec};
use ironrdp_pdu::gcc::{
    ClientEarlyCapabilityFlags, ConferenceCreateResponse, EncryptionLevel, EncryptionMethod,
    MultiTransportChannelData, MultiTransportFlags, RdpVersion, ServerCoreData,
    ServerCoreOptionalData, ServerEarlyCapabilityFlags, ServerGccBlocks, ServerNetworkData,
    ServerSecurityData,
};
use ironrdp_pdu::mcs::{
    ConnectInitial, ConnectResponse, DisconnectProviderUltimatum, DisconnectReason,
    DomainParameters, McsMessage,
};
use ironrdp_pdu::nego::SecurityProtocol;
use ironrdp_pdu::x224::{X224, X224Data};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;

/// The I/O channel, which Windows always numbers so; static channels follow.
pub(crate) const IO_CHANNEL: u16 = 1003;

/// More static channels than these are an error (MS-RDPBCGR 2.2.1.3.4).
const MOST_CHANNELS: u16 = 31;

/// A Connect Response with this result to a Connect Initial in its TPKT.
///
/// Without TLS (`standard_security`) it carries a random and a key for Standard RDP Security.
pub(crate) fn connect_response(
    initial: &[u8],
    requested_protocols: u32,
    standard_security: bool,
    result: u8,
    udp: bool,
) -> io::Result<Vec<u8>> {
    let channels = IO_CHANNEL + 1..IO_CHANNEL + 1 + Wishes::of(initial).channels;
    let blocks = ServerGccBlocks {
        core: ServerCoreData {
            version: RdpVersion::V10_12,
            optional_data: ServerCoreOptionalData {
                client_requested_protocols: Some(SecurityProtocol::from_bits_retain(
                    requested_protocols,
                )),
                early_capability_flags: Some(
                    ServerEarlyCapabilityFlags::EDGE_ACTIONS_SUPPORTED_V1
                        | ServerEarlyCapabilityFlags::DYNAMIC_DST_SUPPORTED
                        | ServerEarlyCapabilityFlags::EDGE_ACTIONS_SUPPORTED_V2,
                ),
            },
        },
        network: ServerNetworkData { channel_ids: channels.collect(), io_channel: IO_CHANNEL },
        security: if standard_security {
            standard_rdp_security()?
        } else {
            ServerSecurityData::no_security()
        },
        message_channel: None,
        multi_transport_channel: udp.then_some(MultiTransportChannelData {
            flags: MultiTransportFlags::TRANSPORT_TYPE_UDP_FECR,
        }),
    };
    let response = ConnectResponse {
        conference_create_response: ConferenceCreateResponse::new(0x79F3, blocks)
            .map_err(io::Error::other)?,
        called_connect_id: 0,
        domain_parameters: DomainParameters::target(),
    };
    let data = encode_vec(&response).map_err(io::Error::other)?;
    let mut bytes = encode_vec(&X224(X224Data { data: data.into() })).map_err(io::Error::other)?;
    // The codec knows rt-successful only: ENUMERATED, one byte, zero.
    let place = bytes.windows(3).position(|window| window == [10, 1, 0]);
    let place = place.ok_or_else(|| io::Error::other("a Connect Response without a result"))?;
    bytes[place + 2] = result;
    Ok(bytes)
}

/// A Disconnect Provider Ultimatum, rn-provider-initiated (T.125 section 11.15).
pub(crate) fn ultimatum() -> io::Result<Vec<u8>> {
    let message = McsMessage::DisconnectProviderUltimatum(
        DisconnectProviderUltimatum::from_reason(DisconnectReason::ProviderInitiated),
    );
    encode_vec(&X224(message)).map_err(io::Error::other)
}

/// What a server reads of a Connect Initial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// How many static channels it asks for.
    pub(crate) channels: u16,
    /// Whether it takes Set Error Info (MS-RDPBCGR 2.2.1.3.2).
    pub(crate) error_info: bool,
}

impl Wishes {
    /// None when it cannot be read.
    pub(crate) fn of(initial: &[u8]) -> Self {
        let initial = decode::<X224<X224Data<'_>>>(initial)
            .ok()
            .and_then(|X224(data)| decode::<ConnectInitial>(&data.data).ok());
        let Some(initial) = initial else { return Self { channels: 0, error_info: false } };
        let blocks = initial.conference_create_request.gcc_blocks();
        let early = blocks.core.optional_data.early_capability_flags;
        let channels = blocks.channel_names().map_or(0, |names| names.len());
        Self {
            channels: u16::try_from(channels).unwrap_or(u16::MAX).min(MOST_CHANNELS),
            error_info: early.is_some_and(|flags| {
                flags.contains(ClientEarlyCapabilityFlags::SUPPORT_ERR_INFO_PDU)
            }),
        }
    }
}

/// 128-bit RC4, "client compatible", as Windows 2000 to Server 2008 choose (MS-RDPBCGR 2.2.1.4.3).
fn standard_rdp_security() -> io::Result<ServerSecurityData> {
    let mut random = [0; 32];
    rand_bytes(&mut random)?;
    Ok(ServerSecurityData {
        encryption_method: EncryptionMethod::BIT_128,
        encryption_level: EncryptionLevel::ClientCompatible,
        server_random: Some(random),
        server_cert: proprietary_certificate()?,
    })
}

/// A Server Proprietary Certificate (MS-RDPBCGR 2.2.1.4.3.1.1) with a fresh 512-bit key. Its
/// signature is all zeros: the lab's sessions end before a client would verify it.
fn proprietary_certificate() -> io::Result<Vec<u8>> {
    const MODULUS_LENGTH: u32 = 64;
    const PADDING: [u8; 8] = [0; 8];
    let key = Rsa::generate(MODULUS_LENGTH * 8)?;
    let mut modulus = key.n().to_vec();
    modulus.reverse();
    let public_key = [
        &b"RSA1"[..],
        &(MODULUS_LENGTH + 8).to_le_bytes(),
        &(MODULUS_LENGTH * 8).to_le_bytes(),
        &(MODULUS_LENGTH - 1).to_le_bytes(),
        &65_537u32.to_le_bytes(),
        &modulus,
        &PADDING,
    ]
    .concat();
    let blob = |kind: u16, content: &[u8]| {
        let length = content.len().to_le_bytes();
        [&kind.to_le_bytes()[..], &[length[0], length[1]], content].concat()
    };
    Ok([
        // dwVersion CERT_CHAIN_VERSION_1, SIGNATURE_ALG_RSA, KEY_EXCHANGE_ALG_RSA.
        &[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..],
        &blob(6, &public_key),
        &blob(8, &[0; 72]),
    ]
    .concat())
}

#[cfg(test)]
mod tests {
    use ironrdp_pdu::gcc::EncryptionLevel;

    use super::*;

    #[test]
    fn a_response_decodes_with_its_security() {
        for standard_security in [false, true] {
            let bytes = connect_response(&[], 3, standard_security, 0, false).expect("encodes");
            let X224(data) = ironrdp_core::decode::<X224<X224Data<'_>>>(&bytes).expect("TPKT");
            let response = ironrdp_core::decode::<ConnectResponse>(&data.data).expect("BER");
            let blocks = response.conference_create_response.gcc_blocks();
            let level = if standard_security {
                EncryptionLevel::ClientCompatible
            } else {
                EncryptionLevel::None
            };
            assert_eq!(blocks.security.encryption_level, level);
            let requested = blocks.core.optional_data.client_requested_protocols;
            assert_eq!(requested.map(|protocols| protocols.bits()), Some(3));
        }
    }

    #[test]
    fn a_refusal_differs_in_its_result_alone() {
        let fine = connect_response(&[], 3, false, 0, false).expect("encodes");
        let refused = connect_response(&[], 3, false, 15, false).expect("encodes");
        let differing: Vec<_> =
            fine.iter().zip(&refused).enumerate().filter(|(_, (a, b))| a != b).collect();
        assert_eq!(differing, [(12, (&0, &15))]);
        assert_eq!(ultimatum().expect("encodes"), [3, 0, 0, 9, 2, 0xF0, 0x80, 0x20, 0x80]);
    }
}
