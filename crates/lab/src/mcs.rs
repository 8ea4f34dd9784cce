//! The server's half of MCS Connect (T.125 section 11, MS-RDPBCGR 2.2.1.4), encoded by
//! `ironrdp-pdu`.

use std::io;

use ironrdp_core::{decode, encode_vec};
use ironrdp_pdu::gcc::{
    ClientEarlyCapabilityFlags, ConferenceCreateResponse, MultiTransportChannelData,
    MultiTransportFlags, RdpVersion, ServerCoreData, ServerCoreOptionalData,
    ServerEarlyCapabilityFlags, ServerGccBlocks, ServerMessageChannelData, ServerNetworkData,
    ServerSecurityData,
};
use ironrdp_pdu::mcs::{
    ConnectInitial, ConnectResponse, DisconnectProviderUltimatum, DisconnectReason,
    DomainParameters, McsMessage,
};
use ironrdp_pdu::nego::SecurityProtocol;
use ironrdp_pdu::x224::{X224, X224Data};

use crate::security::Offer;
use crate::udp::UdpAnswer;

/// The I/O channel, which Windows always numbers so; static channels follow.
pub(crate) const IO_CHANNEL: u16 = 1003;

/// More static channels than these are an error (MS-RDPBCGR 2.2.1.3.4).
const MOST_CHANNELS: u16 = 31;

/// A Connect Response with this result to a Connect Initial in its TPKT.
///
/// Without TLS it carries a random and a key for Standard RDP Security.
pub(crate) fn connect_response(
    initial: &[u8],
    requested_protocols: u32,
    standard_security: Option<&Offer>,
    result: u8,
    udp: Option<UdpAnswer>,
) -> io::Result<Vec<u8>> {
    let wishes = Wishes::of(initial);
    let channels = IO_CHANNEL + 1..IO_CHANNEL + 1 + wishes.channels;
    let asks = udp.is_some_and(UdpAnswer::asks);
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
        security: match standard_security {
            Some(offer) => offer.server_data()?,
            None => ServerSecurityData::no_security(),
        },
        message_channel: wishes
            .message_channel()
            .filter(|_| asks)
            .map(|mcs_message_channel_id| ServerMessageChannelData { mcs_message_channel_id }),
        multi_transport_channel: udp.map(|_| MultiTransportChannelData {
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// How many static channels it asks for.
    pub(crate) channels: u16,
    /// Whether it takes Set Error Info (MS-RDPBCGR 2.2.1.3.2).
    pub(crate) error_info: bool,
    /// Whether it can be asked for UDP: it has the message channel, that of dynamic channels (MS-RDPEMT
    /// 1.5), and reliable UDP.
    pub(crate) can_be_asked: bool,
}

impl Wishes {
    /// None when it cannot be read.
    pub(crate) fn of(initial: &[u8]) -> Self {
        let initial = decode::<X224<X224Data<'_>>>(initial)
            .ok()
            .and_then(|X224(data)| decode::<ConnectInitial>(&data.data).ok());
        let Some(initial) = initial else { return Self::default() };
        let blocks = initial.conference_create_request.gcc_blocks();
        let early = blocks.core.optional_data.early_capability_flags;
        let channels = blocks.channel_names().map_or(0, |names| names.len());
        let mut names = blocks.channel_names().into_iter().flatten();
        let has_udp = blocks
            .multi_transport_channel
            .as_ref()
            .is_some_and(|data| data.flags.contains(MultiTransportFlags::TRANSPORT_TYPE_UDP_FECR));
        let can_be_asked = has_udp
            && blocks.message_channel.is_some()
            && names.any(|channel| channel.name.as_str() == Some("drdynvc"));
        Self {
            channels: u16::try_from(channels).unwrap_or(u16::MAX).min(MOST_CHANNELS),
            error_info: early.is_some_and(|flags| {
                flags.contains(ClientEarlyCapabilityFlags::SUPPORT_ERR_INFO_PDU)
            }),
            can_be_asked,
        }
    }

    /// The number of its message channel, behind the static ones.
    pub(crate) fn message_channel(self) -> Option<u16> {
        self.can_be_asked.then_some(IO_CHANNEL + 1 + self.channels)
    }
}

#[cfg(test)]
mod tests {
    use ironrdp_pdu::gcc::EncryptionLevel;

    use super::*;
    use crate::security::StandardSecurity;

    #[test]
    fn a_response_decodes_with_its_security() {
        let offer = Offer::new(StandardSecurity::HEALTHY).expect("a key");
        for standard_security in [None, Some(&offer)] {
            let bytes = connect_response(&[], 3, standard_security, 0, None).expect("encodes");
            let X224(data) = ironrdp_core::decode::<X224<X224Data<'_>>>(&bytes).expect("TPKT");
            let response = ironrdp_core::decode::<ConnectResponse>(&data.data).expect("BER");
            let blocks = response.conference_create_response.gcc_blocks();
            let level = standard_security
                .map_or(EncryptionLevel::None, |_| EncryptionLevel::ClientCompatible);
            assert_eq!(blocks.security.encryption_level, level);
            let requested = blocks.core.optional_data.client_requested_protocols;
            assert_eq!(requested.map(|protocols| protocols.bits()), Some(3));
        }
    }

    #[test]
    fn a_refusal_differs_in_its_result_alone() {
        let fine = connect_response(&[], 3, None, 0, None).expect("encodes");
        let refused = connect_response(&[], 3, None, 15, None).expect("encodes");
        let differing: Vec<_> =
            fine.iter().zip(&refused).enumerate().filter(|(_, (a, b))| a != b).collect();
        assert_eq!(differing, [(12, (&0, &15))]);
        assert_eq!(ultimatum().expect("encodes"), [3, 0, 0, 9, 2, 0xF0, 0x80, 0x20, 0x80]);
    }
}
