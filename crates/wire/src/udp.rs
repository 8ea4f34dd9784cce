//! RDP over UDP as far as its handshake goes (MS-RDPEUDP 3.1.5.1): what a client sends, and what a
//! server's answer says.

use ironrdp_core::{decode, encode_vec};
use ironrdp_rdpeudp::pdu::{
    CorrelationIdPayload, FecHeader, MTU_MAX, SynDataExPayload, SynDataPayload, SynExFlags,
    UdpVersion, V1AckVectorElement, V1AckVectorHeader, V1Datagram, V1Flags, VectorElementState,
};

/// As in the first SYN of a Windows client: nothing was received yet.
const NOTHING_RECEIVED: u32 = u32::MAX;

/// Datagrams that the receiver has room for.
const RECEIVE_WINDOW: u16 = 64;

/// No datagram of the handshake is longer (MS-RDPEUDP 2.2.2.5).
pub const LONGEST_DATAGRAM: usize = MTU_MAX as usize;

/// What a server says in its SYN+ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SynAck {
    /// snInitialSequenceNumber.
    pub sequence_number: u32,
    /// uUdpVer; none where it knows the first version only.
    pub version: Option<u16>,
    /// uUpStreamMtu.
    pub upstream_mtu: u16,
    /// uDownStreamMtu.
    pub downstream_mtu: u16,
}

/// A version of RDP over UDP, as a client offers it (MS-RDPEUDP 2.2.2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Version 2, for which nobody has to be known.
    Version2,
    /// Version 3 with the SHA-256 of the cookie that a session's server gave.
    Version3([u8; 32]),
}

impl Offer {
    /// uUdpVer.
    pub fn version(self) -> u16 {
        match self {
            Self::Version2 => UdpVersion::V2.0,
            Self::Version3(_) => UdpVersion::V3.0,
        }
    }
}

/// A SYN (MS-RDPEUDP 3.1.5.1.1), padded to the longest datagram as that section wants it: a path that
/// loses long datagrams shall lose this one.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn syn(
    sequence_number: u32,
    correlation_id: [u8; 16],
    offer: Offer,
) -> Result<Vec<u8>, String> {
    let cookie_hash = match offer {
        Offer::Version2 => None,
        Offer::Version3(hash) => Some(hash),
    };
    let datagram = V1Datagram {
        header: header(NOTHING_RECEIVED),
        ack_vector: None,
        ack_of_acks: None,
        syn_data: Some(SynDataPayload {
            initial_sequence_number: sequence_number,
            upstream_mtu: MTU_MAX,
            downstream_mtu: MTU_MAX,
        }),
        correlation_id: Some(CorrelationIdPayload { correlation_id }),
        syn_data_ex: Some(SynDataExPayload {
            syn_ex_flags: SynExFlags::VERSION_INFO_VALID,
            udp_ver: UdpVersion(offer.version()),
            cookie_hash,
        }),
        data: None,
    };
    let mut bytes = encode_vec(&datagram).map_err(|error| error.to_string())?;
    bytes.resize(LONGEST_DATAGRAM, 0);
    Ok(bytes)
}

/// The ACK of a SYN+ACK (MS-RDPEUDP 3.1.5.1.4): the server need not wait for more.
///
/// # Errors
/// When the codec refuses, which is a bug.
pub fn ack(answer: &SynAck) -> Result<Vec<u8>, String> {
    let received = V1AckVectorElement { state: VectorElementState::DatagramReceived, length: 0 };
    let datagram = V1Datagram {
        header: header(answer.sequence_number),
        ack_vector: Some(V1AckVectorHeader { elements: vec![received] }),
        ack_of_acks: None,
        syn_data: None,
        correlation_id: None,
        syn_data_ex: None,
        data: None,
    };
    encode_vec(&datagram).map_err(|error| error.to_string())
}

fn header(sn_source_ack: u32) -> FecHeader {
    FecHeader { sn_source_ack, receive_window_size: RECEIVE_WINDOW, flags: V1Flags::empty() }
}

/// The version that a client's SYN offers; none where it tells none, or where what it tells is cut
/// short.
pub fn offered_version(datagram: &[u8]) -> Option<u16> {
    version(decode::<V1Datagram>(datagram).ok()?.syn_data_ex)
}

fn version(extended: Option<SynDataExPayload>) -> Option<u16> {
    extended
        .filter(|extended| extended.syn_ex_flags.contains(SynExFlags::VERSION_INFO_VALID))
        .map(|extended| extended.udp_ver.0)
}

/// A server's answer to the SYN with this sequence number; none for anything else.
pub fn read_syn_ack(datagram: &[u8], sequence_number: u32) -> Option<SynAck> {
    let datagram = decode::<V1Datagram>(datagram).ok()?;
    let answers = datagram.header.flags.contains(V1Flags::SYN | V1Flags::ACK)
        && datagram.header.sn_source_ack == sequence_number;
    let data = datagram.syn_data.filter(|_| answers)?;
    Some(SynAck {
        sequence_number: data.initial_sequence_number,
        version: version(datagram.syn_data_ex),
        upstream_mtu: data.upstream_mtu,
        downstream_mtu: data.downstream_mtu,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-RDPEUDP 2.2.2.1, 2.2.2.5, 2.2.2.8, 2.2.2.9, byte by byte.
    #[test]
    fn a_syn_as_it_stands_on_the_wire() {
        let bytes = syn(0x0102_0304, [7; 16], Offer::Version2).expect("encodes");
        assert_eq!(bytes.len(), 1232);
        let head = [0xFF, 0xFF, 0xFF, 0xFF, 0, 64, 0x18, 0x01, 1, 2, 3, 4, 4, 0xD0, 4, 0xD0];
        assert_eq!(bytes[..16], head);
        assert_eq!(bytes[16..32], [7; 16]);
        // 16 reserved bytes, then VERSION_INFO_VALID and version 2.
        assert_eq!(bytes[48..52], [0, 1, 0, 2]);
        assert!(bytes[32..48].iter().chain(&bytes[52..]).all(|byte| *byte == 0));
        assert_eq!(offered_version(&bytes), Some(2));
    }

    /// The same with version 3: the hash of the cookie stands behind it (2.2.2.9).
    #[test]
    fn a_syn_of_version_3_carries_the_hash() {
        let offer = Offer::Version3([0x5A; 32]);
        let bytes = syn(0x0102_0304, [7; 16], offer).expect("encodes");
        assert_eq!(bytes.len(), 1232);
        assert_eq!(bytes[48..52], [0, 1, 1, 1]);
        assert_eq!(bytes[52..84], [0x5A; 32]);
        assert!(bytes[84..].iter().all(|byte| *byte == 0));
        assert_eq!(offered_version(&bytes), Some(0x101));
        // Cut short, or without a version, it tells none.
        assert_eq!(offered_version(&bytes[..60]), None);
        let mut untold = bytes;
        untold[6] &= !0x10;
        assert_eq!(offered_version(&untold), None);
    }

    /// The SYN+ACK of MS-RDPEUDP 4.1.2, with the version behind it.
    fn answer() -> Vec<u8> {
        let head = [1, 2, 3, 4, 0, 64, 0x10, 0x05, 9, 8, 7, 6, 4, 0xD0, 4, 0xD0, 0, 1, 0, 2];
        let mut bytes = head.to_vec();
        bytes.resize(1232, 0);
        bytes
    }

    #[test]
    fn answers_count_only_for_their_question() {
        let read = read_syn_ack(&answer(), 0x0102_0304).expect("an answer");
        assert_eq!((read.sequence_number, read.version), (0x0908_0706, Some(2)));
        assert_eq!(read_syn_ack(&answer(), 0x0102_0305), None);
        // The SYN itself, as an echo service would send it.
        let echo = syn(u32::MAX, [7; 16], Offer::Version2).expect("encodes");
        assert_eq!(read_syn_ack(&echo, u32::MAX), None);
        for cut in 0..16 {
            assert_eq!(read_syn_ack(&answer()[..cut], 0x0102_0304), None, "{cut} bytes");
        }
        let acknowledged = ack(&read).expect("encodes");
        assert_eq!(acknowledged[..8], [9, 8, 7, 6, 0, 64, 0, 4]);
    }

    /// The first two datagrams of a recorded handshake of Windows: a SYN and its SYN+ACK.
    #[test]
    fn as_windows_does_it() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/data/pcap/zeek-rdpeudp-handshake-success.pcap"
        );
        let Ok(capture) = std::fs::read(file) else {
            eprintln!("skipped: no recorded handshake at hand");
            return;
        };
        // libpcap's header, then a header of 16 bytes, Ethernet, IPv6 and UDP before each datagram.
        let (mut rest, mut datagrams) = (&capture[24..], Vec::new());
        while datagrams.len() < 2 {
            let length = u32::from_le_bytes([rest[8], rest[9], rest[10], rest[11]]) as usize;
            datagrams.push(&rest[16 + 14 + 40 + 8..16 + length]);
            rest = &rest[16 + length..];
        }
        let (theirs, answer) = (datagrams[0], datagrams[1]);
        let sent = u32::from_be_bytes([theirs[8], theirs[9], theirs[10], theirs[11]]);
        let id: [u8; 16] = theirs[16..32].try_into().expect("16 bytes");
        let ours = syn(sent, id, Offer::Version2).expect("encodes");
        // It offers 3, which the specification does not have, and no hash of a cookie.
        assert_eq!(offered_version(theirs), Some(3));
        assert_eq!(ours[..50], theirs[..50]);
        assert_eq!(ours[52..], theirs[52..]);
        let read = read_syn_ack(answer, sent).expect("an answer");
        assert!(read.version.is_some() && read.downstream_mtu <= MTU_MAX, "{read:?}");
    }
}
