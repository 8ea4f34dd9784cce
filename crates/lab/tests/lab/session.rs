//! Sessions, from the MCS Connect Initial to the end, and what each fault makes of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ironrdp_core::{decode, encode_vec};
use ironrdp_pdu::gcc::{
    ChannelDef, ChannelOptions, ClientCoreData, ClientCoreOptionalData, ClientEarlyCapabilityFlags,
    ClientGccBlocks, ClientMessageChannelData, ClientNetworkData, ClientSecurityData, ColorDepth,
    EncryptionMethod, KeyboardType, MultiTransportChannelData, MultiTransportFlags, RdpVersion,
    SecureAccessSequence,
};
use ironrdp_pdu::mcs::{ConnectInitial, McsMessage, SendDataRequest};
use ironrdp_pdu::rdp::capability_sets::CapabilitySet;
use ironrdp_pdu::rdp::headers::{ShareControlHeader, ShareControlPdu, ShareDataPdu};
use ironrdp_pdu::rdp::multitransport::MultitransportResponsePdu;
use ironrdp_pdu::rdp::server_license::LicensePdu;
use ironrdp_pdu::rdp::session_info::InfoData;
use ironrdp_pdu::x224::{X224, X224Data};
use rdpdoctor_lab::{Depth, FAULTS, Fault, PASSWORD, Running, USER, fault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, timeout};
use tokio_openssl::SslStream;

use crate::client::{Tap, run, secured};
use crate::sign_in::Attempt;

/// After so long without a byte nothing more comes.
const QUIET: Duration = Duration::from_millis(1500);

/// A client that has come to the MCS Connect Response.
struct Client {
    stream: SslStream<Tap>,
    /// The user channel, once it is known.
    user: u16,
}

/// Flags of the Client Info PDU (MS-RDPBCGR 2.2.1.11.1.1).
const UNICODE: u32 = 0x10;
const LOGON_ERRORS: u32 = 0x1_0000;
const AUTOLOGON: u32 = 0x8;

fn tpkt(tpdu: &[u8]) -> Vec<u8> {
    let length = u16::try_from(tpdu.len() + 4).expect("short").to_be_bytes();
    [&[3, 0, length[0], length[1]], tpdu].concat()
}

fn mcs(message: &[u8]) -> Vec<u8> {
    tpkt(&[&[2, 0xF0, 0x80], message].concat())
}

fn connect_initial(channels: usize, error_info: bool) -> Vec<u8> {
    let names: Vec<_> = (0..channels).map(|n| format!("c{n}")).collect();
    connect_initial_with(&names, error_info, false)
}

/// Static channels by name; `udp` with the message channel, and reliable UDP.
fn connect_initial_with(channels: &[String], error_info: bool, udp: bool) -> Vec<u8> {
    let names = channels.iter().map(|name| {
        let name = ironrdp_pdu::gcc::ChannelName::from_utf8(name).expect("a name");
        ChannelDef { name, options: ChannelOptions::empty() }
    });
    let early = ClientEarlyCapabilityFlags::SUPPORT_ERR_INFO_PDU;
    let blocks = ClientGccBlocks {
        core: ClientCoreData {
            version: RdpVersion::V5_PLUS,
            desktop_width: 1024,
            desktop_height: 768,
            color_depth: ColorDepth::Bpp8,
            sec_access_sequence: SecureAccessSequence::Del,
            keyboard_layout: 0x0409,
            client_build: 26_200,
            client_name: "TESTER".to_owned(),
            keyboard_type: KeyboardType::IBM_ENHANCED,
            keyboard_subtype: 0,
            keyboard_functional_keys_count: 12,
            ime_file_name: String::new(),
            optional_data: ClientCoreOptionalData {
                post_beta2_color_depth: Some(ColorDepth::Bpp8),
                client_product_id: Some(1),
                serial_number: Some(0),
                high_color_depth: Some(ironrdp_pdu::gcc::HighColorDepth::Bpp24),
                supported_color_depths: Some(ironrdp_pdu::gcc::SupportedColorDepths::BPP32),
                early_capability_flags: error_info.then_some(early),
                ..ClientCoreOptionalData::default()
            },
        },
        security: ClientSecurityData {
            encryption_methods: EncryptionMethod::empty(),
            ext_encryption_methods: 0,
        },
        network: Some(ClientNetworkData { channels: names.collect() }),
        cluster: None,
        monitor: None,
        message_channel: udp.then_some(ClientMessageChannelData),
        multi_transport_channel: udp.then_some(MultiTransportChannelData {
            flags: MultiTransportFlags::TRANSPORT_TYPE_UDP_FECR,
        }),
        monitor_extended: None,
    };
    let initial = ConnectInitial::with_gcc_blocks(blocks).expect("fits");
    let data = encode_vec(&initial).expect("encodes");
    encode_vec(&X224(X224Data { data: data.into() })).expect("encodes")
}

impl Client {
    /// Through NLA as the lab's account.
    async fn signed_in(server: &Running) -> Self {
        let (stream, result) = Attempt::default().run(server).await;
        assert_eq!(result, Ok(vec![0; 4]));
        Self { stream, user: 0 }
    }

    /// With TLS alone.
    async fn unsigned(server: &Running) -> Self {
        Self { stream: secured(server, 1).await, user: 0 }
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up shows it in what it says.
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next PDU; `None` after silence or at the end.
    async fn pdu(&mut self) -> Option<Vec<u8>> {
        let mut pdu = vec![0; 4];
        timeout(QUIET, self.stream.read_exact(&mut pdu)).await.ok()?.ok()?;
        let length = match pdu[..] {
            [3, _, high, low] => u16::from_be_bytes([high, low]),
            [_, high, low, _] => u16::from_be_bytes([high & 0x7F, low]),
            _ => 0,
        };
        pdu.resize(length.into(), 0);
        self.stream.read_exact(&mut pdu[4..]).await.ok()?;
        Some(pdu)
    }

    async fn connect(&mut self, channels: usize, error_info: bool) {
        self.send(&connect_initial(channels, error_info)).await;
        let response = self.pdu().await.expect("a Connect Response");
        assert_eq!(response[7..9], [0x7F, 0x66]);
    }

    /// Erect Domain, Attach User, and a Join for each channel.
    async fn join(&mut self, channels: u16) {
        self.send(&[mcs(&[4, 1, 0, 1, 0]), mcs(&[0x28])].concat()).await;
        let confirm = self.pdu().await.expect("an Attach User Confirm");
        assert_eq!(confirm[7..9], [0x2E, 0]);
        self.user = 1001 + u16::from_be_bytes([confirm[9], confirm[10]]);
        let [high, low] = (self.user - 1001).to_be_bytes();
        for channel in (1003..=1003 + channels).chain([self.user]) {
            let [channel_high, channel_low] = channel.to_be_bytes();
            self.send(&mcs(&[0x38, high, low, channel_high, channel_low])).await;
            let confirm = self.pdu().await.expect("a Channel Join Confirm");
            let (asked, given) = ([channel_high, channel_low], &confirm[9..]);
            assert_eq!(confirm[7..9], [0x3E, 0]);
            assert_eq!(given, [[high, low], asked, asked].concat());
        }
    }

    /// On the I/O channel.
    async fn say(&mut self, data: &[u8]) {
        let [high, low] = (self.user - 1001).to_be_bytes();
        let length = u16::try_from(data.len()).expect("short") | 0x8000;
        let header = [0x64, high, low, 0x03, 0xEB, 0x70];
        self.send(&mcs(&[&header[..], &length.to_be_bytes(), data].concat())).await;
    }

    /// A share control PDU, inside it a data PDU if there is a type for it.
    async fn share(&mut self, kind: u8, data_kind: Option<u8>, content: &[u8]) {
        let data = data_kind.map(|kind| vec![0xEA, 3, 1, 0, 0, 1, 0, 0, kind, 0, 0, 0]);
        let data = [&data.unwrap_or_default()[..], content].concat();
        let length = u16::try_from(data.len() + 6).expect("short").to_le_bytes();
        let source = self.user.to_le_bytes();
        let header = [length[0], length[1], kind | 0x10, 0, source[0], source[1]];
        self.say(&[&header[..], &data].concat()).await;
    }

    async fn info(&mut self, flags: u32, user: &str, password: &str) {
        let text = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let (user, password) = (text(user), text(password));
        let length = |text: &[u8]| u16::try_from(text.len()).expect("short").to_le_bytes();
        let packet = [
            &[0x40, 0, 0, 0, 0, 0, 0, 0][..],
            &flags.to_le_bytes(),
            &[0, 0],
            &length(&user),
            &length(&password),
            &[0; 4],
            &[0, 0],
            &user,
            &[0, 0],
            &password,
            &[0; 6],
        ]
        .concat();
        self.say(&packet).await;
    }

    /// Confirm Active and everything up to the Font List, in one go.
    async fn activate(&mut self) {
        self.share(3, None, &[0; 20]).await;
        self.share(7, Some(0x1F), &[1, 0, 0xEA, 3]).await;
        self.share(7, Some(0x14), &[4, 0, 0, 0, 0, 0, 0, 0]).await;
        self.share(7, Some(0x14), &[1, 0, 0, 0, 0, 0, 0, 0]).await;
        self.share(7, Some(0x27), &[0, 0, 0, 0, 3, 0, 50, 0]).await;
    }

    /// What the server says until it is silent or gone, in words.
    async fn words(&mut self) -> Vec<String> {
        let (mut words, mut tiles) = (Vec::new(), 0);
        while let Some(pdu) = self.pdu().await {
            match in_words(&pdu) {
                None => tiles += 1,
                Some(text) => words.push(text),
            }
        }
        if tiles > 0 {
            words.push(format!("{tiles} tiles"));
        }
        words.extend(self.stream.get_ref().end.map(str::to_owned));
        words
    }
}

/// A PDU of the server in words; `None` for a fast-path update.
fn in_words(pdu: &[u8]) -> Option<String> {
    if pdu[0] != 3 {
        return None;
    }
    let Ok(X224(message)) = decode::<X224<McsMessage<'_>>>(pdu) else {
        return Some("no MCS".to_owned());
    };
    let data = match message {
        McsMessage::SendDataIndication(data) => data.user_data,
        McsMessage::DisconnectProviderUltimatum(_) => return Some("ultimatum".to_owned()),
        other => return Some(format!("{other:?}")),
    };
    if data.starts_with(&[0x80, 0]) {
        return Some(match decode::<LicensePdu>(&data) {
            Ok(LicensePdu::LicensingErrorMessage(error)) => {
                format!("licence {:?} {:?}", error.error_code, error.state_transition)
            }
            _ => "no licence".to_owned(),
        });
    }
    // The codec knows the published error codes alone.
    if let [22, 0, 0x17, 0, .., 0x2F, _, _, _, a, b, c, d] = data[..] {
        return Some(format!("error info {:x}", u32::from_le_bytes([a, b, c, d])));
    }
    let Ok(header) = decode::<ShareControlHeader>(&data) else {
        return Some("no share".to_owned());
    };
    if let ShareControlPdu::ServerRedirect(to) = &header.share_control_pdu {
        return Some(format!("redirection to {}", to.target_net_address.as_deref().unwrap_or("")));
    }
    assert_eq!((header.pdu_source, header.share_id), (1002, 0x0001_03EA));
    Some(match header.share_control_pdu {
        ShareControlPdu::ServerDemandActive(demand) => {
            let sets = demand.pdu.capability_sets;
            let bitmap = sets.iter().find_map(|set| match set {
                CapabilitySet::Bitmap(bitmap) => Some(bitmap),
                _ => None,
            });
            let bitmap = bitmap.expect("a Bitmap Capability Set");
            let (width, height) = (bitmap.desktop_width, bitmap.desktop_height);
            format!("demand {width}x{height}x{}", bitmap.pref_bits_per_pix)
        }
        ShareControlPdu::Data(data) => match data.share_data_pdu {
            ShareDataPdu::Synchronize(_) => "synchronize".to_owned(),
            ShareDataPdu::Control(control) => format!("{:?}", control.action),
            ShareDataPdu::FontMap(_) => "font map".to_owned(),
            ShareDataPdu::ShutdownDenied => "shutdown denied".to_owned(),
            ShareDataPdu::SaveSessionInfo(info) => match info.info_data {
                InfoData::LogonInfoV2(info) => {
                    let info = info.logon_info;
                    format!("logon {}\\{} {}", info.domain_name, info.user_name, info.session_id)
                }
                InfoData::LogonExtended(info) => match (info.auto_reconnect, info.errors_info) {
                    (Some(cookie), None) => format!("cookie {}", cookie.logon_id),
                    (None, Some(error)) => {
                        format!("{:?} {}", error.error_type, error.error_data.to_u32())
                    }
                    other => format!("{other:?}"),
                },
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    })
}

const LICENSED: [&str; 2] = ["licence StatusValidClient NoTransition", "demand 1024x768x32"];
const FINALISED: [&str; 4] = ["synchronize", "Cooperate", "GrantedControl", "font map"];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_its_beginning_to_its_end() {
    let server = run("healthy-session").await;
    let mut client = Client::signed_in(&server).await;
    client.connect(2, true).await;
    client.join(2).await;
    assert_eq!(client.user, 1006, "behind the static channels");
    client.info(UNICODE | LOGON_ERRORS, USER, "").await;
    assert_eq!(client.words().await, LICENSED);
    client.activate().await;
    let stands = [&FINALISED[..], &["logon LAB\\lab 3", "cookie 3", "192 tiles"]].concat();
    assert_eq!(client.words().await, stands);

    // Input on both paths and other channels are nobody's business; a refresh is painted.
    client.send(&[0x04, 0x04, 0x00, 0x1C]).await;
    client.share(7, Some(0x1C), &[0; 8]).await;
    assert_eq!(client.words().await, Vec::<String>::new());
    client.share(7, Some(0x21), &[1, 0, 0, 0, 0, 0, 0, 0, 255, 3, 255, 2]).await;
    assert_eq!(client.words().await, ["192 tiles"]);

    client.share(7, Some(0x24), &[]).await;
    assert_eq!(client.words().await, ["shutdown denied"]);
    client.send(&mcs(&[0x21, 0x80])).await;
    assert_eq!(client.words().await, ["fin"]);
    assert_eq!(fault("healthy-session").map(Fault::depth), Some(Depth::Session));
}

/// A client with the message channel is asked for UDP (MS-RDPBCGR 2.2.15.1), and the session goes on
/// once it has answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_asked_for_udp() {
    const MESSAGES: u16 = 1005;
    let server = run("healthy-udp-cookie").await;
    let mut client = Client::signed_in(&server).await;
    client.send(&connect_initial_with(&["drdynvc".to_owned()], true, true)).await;
    client.pdu().await.expect("a Connect Response");
    client.join(2).await;
    assert_eq!(client.user, MESSAGES + 1, "behind the message channel");
    client.info(UNICODE | LOGON_ERRORS, USER, "").await;
    client.pdu().await.expect("a licence");
    for content in [8, 28] {
        let pdu = client.pdu().await.expect("a PDU");
        assert_eq!(pdu[10..12], MESSAGES.to_be_bytes());
        assert_eq!(usize::from(pdu[pdu.len() - content - 1]), content, "{pdu:?}");
    }
    assert_eq!(client.pdu().await, None, "an answer is awaited");
    let answer = encode_vec(&MultitransportResponsePdu::abort(1)).expect("encodes");
    let message = McsMessage::SendDataRequest(SendDataRequest {
        initiator_id: client.user,
        channel_id: MESSAGES,
        user_data: answer.into(),
    });
    client.send(&encode_vec(&X224(message)).expect("encodes")).await;
    assert_eq!(client.words().await, LICENSED[1..]);
    assert_eq!(server.record()[0].transport_response, Some(0x8000_4004));
}

#[tokio::test(flavor = "multi_thread")]
async fn logons_without_nla() {
    /// STATUS_LOGON_FAILURE with LOGON_FAILED_BAD_PASSWORD.
    const FAILED: &str = "NtStatus(3221225581) 0";
    /// Flags, user and password; what is said once the session stands, and at the Shutdown Request.
    type Case = (u32, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 5] = [
        (AUTOLOGON, USER, PASSWORD, &["logon LAB\\lab 3", "cookie 3"], &["shutdown denied"]),
        (AUTOLOGON, "LAB\\lab", PASSWORD, &["logon LAB\\lab 3", "cookie 3"], &["shutdown denied"]),
        (AUTOLOGON, USER, "wrong", &[FAILED], &["ultimatum", "fin"]),
        (AUTOLOGON, "other", PASSWORD, &[FAILED], &["ultimatum", "fin"]),
        // Without automatic logon the screen waits.
        (0, USER, PASSWORD, &[], &["ultimatum", "fin"]),
    ];
    let server = Arc::new(run("healthy-logon-tls").await);
    let tasks = cases.map(|(flags, user, password, says, at_shutdown)| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let mut client = Client::unsigned(&server).await;
            client.connect(0, true).await;
            client.join(0).await;
            client.info(UNICODE | LOGON_ERRORS | flags, user, password).await;
            assert_eq!(client.words().await, LICENSED);
            client.activate().await;
            let stands = [&FINALISED[..], says, &["192 tiles"]].concat();
            assert_eq!(client.words().await, stands, "{user} {password} {flags}");
            client.share(7, Some(0x24), &[]).await;
            assert_eq!(client.words().await, at_shutdown, "{user} {password} {flags}");
        })
    });
    for task in tasks {
        task.await.expect("a logon");
    }
    assert!(server.record().iter().all(|record| record.credentials_received));
    assert!(!server.record().iter().any(|record| record.authenticate_received));

    // Who did not ask for errors gets none, and who sends no password sent none.
    let mut client = Client::unsigned(&server).await;
    client.connect(0, true).await;
    client.join(0).await;
    client.info(UNICODE | AUTOLOGON, USER, "").await;
    assert_eq!(client.words().await, LICENSED);
    client.activate().await;
    assert_eq!(client.words().await, [&FINALISED[..], &["192 tiles"]].concat());
    assert!(!server.record().last().expect("a record").credentials_received);
}

/// What a fault says behind the client info, and behind the Font List if it comes so far.
async fn faulty(name: &'static str, error_info: bool) -> Vec<String> {
    let server = run(name).await;
    // A bastion takes no NLA.
    let mut client = match name.starts_with("bastion-") {
        true => Client::unsigned(&server).await,
        false => Client::signed_in(&server).await,
    };
    client.connect(0, error_info).await;
    client.join(0).await;
    client.info(UNICODE | LOGON_ERRORS, USER, "").await;
    let mut words = client.words().await;
    if words == LICENSED {
        client.activate().await;
        words = client.words().await;
        if words.len() >= FINALISED.len() && words[..4] == FINALISED {
            words.drain(..4);
        }
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_licence_and_session_looks_as_it_says() {
    let valid = LICENSED[0];
    let ends = |code: &str| vec![format!("error info {code}"), "ultimatum".into(), "fin".into()];
    let refuses = |code: &str| [vec![valid.to_owned()], ends(code)].concat();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let cases = [
        ("license-no-server", words(&["licence NoLicenseServer TotalAbort", "fin"])),
        ("license-no-license", words(&["licence NoLicense TotalAbort", "fin"])),
        ("license-client-rejected", words(&["licence InvalidClient TotalAbort", "fin"])),
        ("license-error", words(&["licence InvalidScope TotalAbort", "fin"])),
        ("license-protocol-error", words(&["no licence"])),
        ("license-timeout", words(&[])),
        ("license-host-not-licensed", ends("10a")),
        ("session-denied-by-server", refuses("7")),
        ("session-fresh-credentials-required", refuses("a")),
        ("session-out-of-memory", refuses("6")),
        ("session-broker-redirect-failed", refuses("400")),
        ("session-broker-redirect", words(&[valid, "redirection to 127.0.0.2"])),
        ("session-replaced", ends("5")),
        ("session-ended-by-administrator", ends("1")),
        ("session-ended-by-user", ends("c")),
        ("session-logon-timeout", ends("4")),
        ("session-idle-timeout", ends("3")),
        ("session-server-failed", ends("10")),
        ("session-server-shutting-down", ends("19")),
        ("session-unknown-error", ends("abcd")),
        ("session-limit-reached", words(&["BumpOptions 3", "192 tiles"])),
        ("session-stuck", words(&[valid])),
        ("session-closed", words(&[valid, "fin"])),
        ("session-protocol-error", words(&[valid, "no share"])),
        ("bastion-backend-refused", words(&[valid, "fin"])),
        ("bastion-backend-security", ends("1194")),
        // It is asked for UDP by those alone who have the message channel.
        ("udp-cookie-silent", words(&["logon LAB\\lab 3", "cookie 3", "192 tiles"])),
        ("session-no-picture", words(&["logon LAB\\lab 3", "cookie 3"])),
    ];
    // Standard RDP Security encrypts what this client would have to read; others read it end to end.
    let readable = |fault: &&&Fault| !fault.name.starts_with("rdpsec-");
    let deep = FAULTS.iter().filter(|fault| fault.depth() == Depth::Session).filter(readable);
    let named: BTreeSet<_> = deep.filter(|fault| fault.cause.is_some()).map(|f| f.name).collect();
    assert_eq!(named, cases.iter().map(|(name, _)| *name).collect(), "a line for every fault");
    let tasks: Vec<_> = cases.iter().map(|(name, _)| tokio::spawn(faulty(name, true))).collect();
    for (task, (name, expected)) in tasks.into_iter().zip(cases) {
        assert_eq!(task.await.expect("words"), expected, "{name}");
    }
    // A client that does not know Set Error Info learns no more than that it is over.
    let silent = faulty("session-denied-by-server", false).await;
    assert_eq!(silent, words(&[valid, "ultimatum", "fin"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_protocol_hybrid_learn_behind_the_licence_that_they_may_not_log_on() {
    let server = run("session-insufficient-privileges").await;
    let attempt = Attempt { requested: 0x03, ..Attempt::default() };
    let (stream, result) = attempt.run(&server).await;
    assert_eq!(result, Ok(Vec::new()));
    let mut client = Client { stream, user: 0 };
    client.connect(0, true).await;
    client.join(0).await;
    client.info(UNICODE, USER, "").await;
    let expected = [LICENSED[0], "error info 9", "ultimatum", "fin"];
    assert_eq!(client.words().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_of_order_ends_the_session() {
    let server = Arc::new(run("healthy-logon-tls").await);
    let tasks = [0, 1, 2, 3].map(|step| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let mut client = Client::unsigned(&server).await;
            client.connect(0, true).await;
            client.join(0).await;
            match step {
                0 => client.share(7, Some(0x27), &[0; 8]).await,
                1 => client.share(3, None, &[0; 20]).await,
                2 => client.send(&[0xFF; 16]).await,
                _ => {
                    client.info(UNICODE, "", "").await;
                    assert_eq!(client.words().await, LICENSED);
                    client.share(7, Some(0x24), &[]).await;
                }
            }
            assert_eq!(client.words().await, ["fin"], "{step}");
        })
    });
    for task in tasks {
        task.await.expect("a conversation");
    }
}
