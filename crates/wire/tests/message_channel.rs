//! The message channel of a session (MS-RDPBCGR 2.2.1.4.5): what is asked there becomes a fact, and the
//! cookie that is given there none.

#![allow(
    clippy::expect_used,
    reason = "all of it is tests; clippy allows these by itself only inside test functions"
)]

use ironrdp_core::encode_vec;
use ironrdp_pdu::gcc::{
    ConferenceCreateResponse, MultiTransportChannelData, MultiTransportFlags, RdpVersion,
    ServerCoreData, ServerCoreOptionalData, ServerGccBlocks, ServerMessageChannelData,
    ServerNetworkData, ServerSecurityData,
};
use ironrdp_pdu::mcs::{ConnectResponse, DomainParameters, McsMessage, SendDataIndication};
use ironrdp_pdu::rdp::headers::{BasicSecurityHeader, BasicSecurityHeaderFlags};
use ironrdp_pdu::rdp::multitransport::{MultitransportRequestPdu, RequestedProtocol};
use ironrdp_pdu::x224::{X224, X224Data};
use rdpdoctor_model::{Fact, Party, Stage};
use rdpdoctor_wire::multitransport::{SideChannels, decline};
use rdpdoctor_wire::{Dissector, encode};

const DYNAMIC: u16 = 1004;
const MESSAGES: u16 = 1005;
const USER: u16 = 1006;
const COOKIE: [u8; 16] = *b"a cookie to keep";

fn connect_response() -> Vec<u8> {
    let blocks = ServerGccBlocks {
        core: ServerCoreData {
            version: RdpVersion::V10_12,
            optional_data: ServerCoreOptionalData::default(),
        },
        network: ServerNetworkData { channel_ids: vec![DYNAMIC], io_channel: 1003 },
        security: ServerSecurityData::no_security(),
        message_channel: Some(ServerMessageChannelData { mcs_message_channel_id: MESSAGES }),
        multi_transport_channel: Some(MultiTransportChannelData {
            flags: MultiTransportFlags::TRANSPORT_TYPE_UDP_FECR,
        }),
    };
    let response = ConnectResponse {
        conference_create_response: ConferenceCreateResponse::new(0x79F3, blocks).expect("fits"),
        called_connect_id: 0,
        domain_parameters: DomainParameters::target(),
    };
    let data = encode_vec(&response).expect("encodes");
    encode_vec(&X224(X224Data { data: data.into() })).expect("encodes")
}

fn on_messages(content: &[u8]) -> Vec<u8> {
    let message = McsMessage::SendDataIndication(SendDataIndication {
        initiator_id: 1002,
        channel_id: MESSAGES,
        user_data: content.into(),
    });
    encode_vec(&X224(message)).expect("encodes")
}

fn request() -> Vec<u8> {
    let request = MultitransportRequestPdu {
        security_header: BasicSecurityHeader { flags: BasicSecurityHeaderFlags::TRANSPORT_REQ },
        request_id: 7,
        requested_protocol: RequestedProtocol::UdpFecR,
        security_cookie: COOKIE,
    };
    encode_vec(&request).expect("encodes")
}

/// A session that stands as far as the Connect Response, without NLA.
fn session() -> Dissector {
    let mut dissector = Dissector::new();
    let request = encode::connection_request(1, None).expect("encodes");
    dissector.wire(Party::Client, &request, 0.0);
    let confirm = [3, 0, 0, 19, 14, 0xD0, 0, 0, 0x12, 0x34, 0, 2, 0x1F, 8, 0, 1, 0, 0, 0];
    dissector.wire(Party::Server, &confirm, 1.0);
    dissector.established();
    let initial = encode::mcs_connect_initial_with_message_channel(1).expect("encodes");
    dissector.plaintext(Party::Client, &initial, 2.0);
    dissector.plaintext(Party::Server, &connect_response(), 3.0);
    dissector.take_events();
    dissector
}

#[test]
fn both_channels_are_named() {
    let channels = SideChannels::read(&connect_response());
    assert_eq!(channels, SideChannels { message: Some(MESSAGES), dynamic: Some(DYNAMIC) });
}

#[test]
fn a_request_and_its_answer_are_facts_without_the_cookie() {
    let mut dissector = session();
    dissector.plaintext(Party::Server, &on_messages(&request()), 4.0);
    let channels = encode::session::Channels { user: USER, io: 1003 };
    dissector.plaintext(Party::Client, &decline(channels, MESSAGES, 7).expect("encodes"), 5.0);
    let seen = dissector.take_events();
    let facts: Vec<_> = seen.iter().map(|event| &event.fact).collect();
    let asked = Fact::MultitransportRequest { request_id: 7, requested_protocol: 1 };
    let declined = Fact::MultitransportResponse { request_id: 7, hresult: 0x8000_4004 };
    assert_eq!(facts, [&asked, &declined]);
    assert!(seen.iter().all(|event| event.stage == Stage::Udp));
}

/// Measurements and heartbeats are not about a transport, and nothing behind them is lost.
#[test]
fn what_else_comes_there_is_passed_over() {
    let mut dissector = session();
    for content in [
        // An RTT Measure Request (2.2.14.1.1) and a heartbeat (2.2.16.1).
        &[0x00, 0x10, 0, 0, 6, 0, 1, 0, 0x01, 0x10][..],
        &[0x00, 0x40, 0, 0, 0, 10, 3, 5],
        &[],
        &[2],
        &request()[..27],
    ] {
        dissector.plaintext(Party::Server, &on_messages(content), 4.0);
    }
    assert_eq!(dissector.take_events(), []);
    dissector.plaintext(Party::Server, &on_messages(&request()), 5.0);
    assert_eq!(dissector.take_events().len(), 1);
}

/// A request whose MCS header is broken is shown as far as no cookie can stand.
#[test]
fn a_broken_request_does_not_show_its_cookie() {
    let mut dissector = session();
    let mut pdu = on_messages(&request());
    pdu[13] = 0x7F;
    dissector.plaintext(Party::Server, &pdu, 4.0);
    let seen = dissector.take_events();
    let bytes = seen.iter().find_map(|event| match &event.fact {
        Fact::McsMalformed { bytes, .. } | Fact::SessionMalformed { bytes, .. } => Some(&bytes.0),
        _ => None,
    });
    let bytes = bytes.expect("what came");
    assert_eq!(bytes[..], pdu[..bytes.len()]);
    assert!(pdu.len() - bytes.len() >= COOKIE.len(), "{bytes:?}");
}
