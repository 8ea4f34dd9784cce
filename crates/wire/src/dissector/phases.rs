//! What each phase of a connection makes of the bytes that come in it.

use rdpdoctor_model::{Awaited, Fact, Hex, Negotiation, Party, ServiceKind, Stage};

use super::{
    Dissector, PROTOCOL_HYBRID, PROTOCOL_HYBRID_EX, PROTOCOL_RDP, Phase, USUAL_IO_CHANNEL,
};
use crate::credssp::TsRequest;
use crate::frame::{self, Frame};
use crate::mcs::Domain;
use crate::reader::Reader;
use crate::security::{
    SEC_ENCRYPT, SEC_EXCHANGE_PKT, SEC_INFO_PKT, SEC_LICENSE_PKT, SEC_REDIRECTION_PKT,
};
use crate::share::Share;
use crate::tls::Message;
use crate::{credssp, foreign, license, mcs, multitransport, share, tls, x224};

/// INFO_AUTOLOGON (MS-RDPBCGR 2.2.1.11.1.1).
const INFO_AUTOLOGON: u32 = 0x0000_0008;

/// FASTPATH_INPUT_ENCRYPTED and FASTPATH_OUTPUT_ENCRYPTED (MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2), in the two
/// highest bits of the first byte.
const FAST_PATH_ENCRYPTED: u8 = 0x80;

impl Dissector {
    pub(super) fn negotiation(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        match from {
            Party::Client => {
                self.keep(Party::Client, bytes);
                if let Some((request, _)) = x224::read_request(&self.client) {
                    self.push(at_ms, request);
                    self.client.clear();
                }
            }
            Party::Server => {
                self.server.extend_from_slice(bytes);
                if self.server.first() == Some(&3) {
                    if let Some((answer, length)) = x224::read_answer(&self.server) {
                        let rest = self.server.split_off(length);
                        self.server.clear();
                        self.confirmed(&answer);
                        self.push(at_ms, answer);
                        if self.direct {
                            self.server = rest;
                            self.go_on(Party::Server, at_ms);
                        } else if !rest.is_empty() {
                            self.received -= rest.len() as u64;
                            self.wire(Party::Server, &rest, at_ms);
                        }
                    }
                } else if let Some(service) = foreign::recognise(&self.server) {
                    let bytes = std::mem::take(&mut self.server);
                    self.foreign(service, &bytes, at_ms);
                }
            }
        }
    }

    pub(super) fn confirmed(&mut self, answer: &Fact) {
        self.awaiting = Awaited::McsConnectResponse;
        self.phase = match answer {
            // The protocol was settled before, and there is only one.
            Fact::ConnectionConfirm {
                negotiation: Negotiation::Response { selected_protocol: PROTOCOL_HYBRID, .. },
            } if self.direct => Phase::Mcs,
            _ if self.direct => Phase::Done,
            Fact::ConnectionConfirm { negotiation: Negotiation::None } => Phase::Mcs,
            Fact::ConnectionConfirm {
                negotiation: Negotiation::Response { selected_protocol, .. },
            } => {
                self.selected_protocol = *selected_protocol;
                if *selected_protocol == PROTOCOL_RDP { Phase::Mcs } else { Phase::ClientHello }
            }
            _ => Phase::Done,
        };
    }

    pub(super) fn foreign(&mut self, service: ServiceKind, bytes: &[u8], at_ms: f64) {
        self.phase = Phase::Done;
        let unasked = self.sent == 0;
        self.push(at_ms, foreign::fact(service, bytes, unasked));
    }

    pub(super) fn handshake(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        let reader = match from {
            Party::Client => &mut self.client_tls,
            Party::Server => &mut self.server_tls,
        };
        for message in reader.feed(bytes) {
            let fact = match message {
                Message::ClientHello {
                    length,
                    versions,
                    cipher_suites,
                    server_name,
                    extensions,
                    names_protocol: _,
                } => {
                    let plain = tls::is_plain(&versions, extensions);
                    Fact::ClientHello { length, versions, cipher_suites, server_name, plain }
                }
                Message::ServerHello { version, cipher_suite } => {
                    self.phase = Phase::Handshake;
                    Fact::ServerHello { version, cipher_suite }
                }
                Message::Certificates(certificates) => Fact::ServerCertificates { certificates },
                Message::Alert { level, description } => {
                    Fact::TlsAlert { from, level, description, awaited: self.awaited() }
                }
                Message::Malformed(problem) => Fact::TlsMalformed {
                    problem,
                    bytes: Hex(bytes[..bytes.len().min(32)].to_vec()),
                },
            };
            self.push(at_ms, fact);
        }
    }

    pub(super) fn credssp(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        let mut buffer = std::mem::take(self.buffer(from));
        buffer.extend_from_slice(bytes);
        let mut read = 0;
        while self.phase == Phase::CredSsp
            && let Some((request, length)) = credssp::read(&buffer[read..], from)
        {
            read += length;
            self.ts_request(from, request, at_ms);
        }
        buffer.drain(..read);
        *self.buffer(from) = buffer;
        self.go_on(from, at_ms);
    }

    pub(super) fn ts_request(&mut self, from: Party, request: TsRequest, at_ms: f64) {
        let refused = request.facts.iter().any(|fact| {
            matches!(fact, Fact::CredSspMalformed { .. })
                || matches!(fact, Fact::TsRequest { error_code: Some(code), .. } if *code != 0)
        });
        if from == Party::Server {
            self.awaiting = Awaited::Nothing;
            if refused {
                self.phase = Phase::Done;
            }
        } else if request.delegates && self.direct {
            // The Early User Authorization Result is not supported there.
            (self.phase, self.awaiting) = (Phase::Negotiation, Awaited::ConnectionConfirm);
        } else if request.delegates && self.selected_protocol == PROTOCOL_HYBRID_EX {
            (self.phase, self.awaiting) = (Phase::EarlyAuthorization, Awaited::EarlyAuthorization);
        } else if request.delegates {
            (self.phase, self.awaiting) = (Phase::Mcs, Awaited::McsConnectResponse);
        } else if request.authenticates {
            self.awaiting = Awaited::PublicKeyBinding;
        }
        for fact in request.facts {
            self.push_at(Stage::CredSsp, at_ms, fact);
        }
    }

    pub(super) fn early_authorization(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        self.keep(from, bytes);
        let Some(result) = Reader(&self.server).u32() else { return };
        self.server.drain(..4);
        (self.phase, self.awaiting) = (Phase::Mcs, Awaited::McsConnectResponse);
        self.push(at_ms, Fact::EarlyAuthorization { result });
        self.go_on(Party::Client, at_ms);
        self.go_on(Party::Server, at_ms);
    }

    pub(super) fn mcs(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        if from == Party::Client {
            return;
        }
        self.server.extend_from_slice(bytes);
        let Some((answer, length)) = mcs::read(&self.server) else { return };
        self.server.drain(..length);
        let connected =
            answer.facts.iter().any(|f| matches!(f, Fact::McsConnectResponse { result: 0, .. }));
        self.phase = if connected { Phase::Channels } else { Phase::Done };
        self.awaiting = Awaited::Nothing;
        self.io_channel = answer.io_channel.unwrap_or(USUAL_IO_CHANNEL);
        self.message_channel = answer.message_channel;
        self.secured = answer.encrypts && self.in_clear();
        for fact in answer.facts {
            self.push(at_ms, fact);
        }
        self.go_on(Party::Server, at_ms);
    }

    pub(super) fn channels(&mut self, from: Party, bytes: &[u8], at_ms: f64) {
        let mut buffer = std::mem::take(self.buffer(from));
        buffer.extend_from_slice(bytes);
        let mut read = 0;
        while self.phase == Phase::Channels {
            let rest = &buffer[read..];
            match frame::pdu(rest) {
                Frame::Incomplete => break,
                Frame::Broken(problem) => self.broken(problem, rest, at_ms),
                Frame::Whole(length) => {
                    read += length;
                    // A fast-path PDU is an update or an input: nothing of it is a fact.
                    if rest[0] == 3 {
                        self.domain(from, &rest[..length], at_ms);
                    } else if self.keyless && rest[0] & FAST_PATH_ENCRYPTED != 0 {
                        self.count_sealed_pdu(from);
                    }
                }
            }
        }
        if self.phase == Phase::Channels {
            buffer.drain(..read);
            *self.buffer(from) = buffer;
        }
    }

    pub(super) fn domain(&mut self, from: Party, pdu: &[u8], at_ms: f64) {
        match mcs::read_domain(&pdu[4..]) {
            Err(problem) => self.broken(problem, pdu, at_ms),
            Ok(Domain::AttachUserRequest) => self.awaiting = Awaited::McsAttachUserConfirm,
            Ok(Domain::ChannelJoinRequest) => self.awaiting = Awaited::McsChannelJoinConfirm,
            Ok(Domain::Fact(fact)) => {
                match (from, &fact) {
                    (Party::Client, Fact::McsDisconnectUltimatum { .. }) => {
                        self.awaiting = Awaited::Disconnect;
                        return;
                    }
                    (_, Fact::McsDisconnectUltimatum { .. }) => self.phase = Phase::Done,
                    _ => self.awaiting = Awaited::Nothing,
                }
                self.push(at_ms, fact);
            }
            Ok(Domain::Data { channel, content }) if channel == self.io_channel => {
                let mut reader = Reader(content);
                // Inside TLS only client info, licensing and redirection have a security header.
                let headed = self.secured || !share::begins(content);
                match (headed, reader.u16().zip(reader.u16())) {
                    (true, Some((flags, _))) => self.content(from, flags, reader.0, at_ms),
                    (false, _) => self.content(from, 0, content, at_ms),
                    (true, None) => self.broken("a PDU without a header".to_owned(), pdu, at_ms),
                }
            }
            // With Standard RDP Security it is encrypted, and UDP has no use for it.
            Ok(Domain::Data { channel, content })
                if Some(channel) == self.message_channel && !self.secured =>
            {
                if let Some(fact) = multitransport::read(from, content) {
                    self.push(at_ms, fact);
                }
            }
            Ok(Domain::Data { .. } | Domain::Other) => {}
        }
    }

    /// What is behind the security header, or without one.
    pub(super) fn content(&mut self, from: Party, flags: u16, content: &[u8], at_ms: f64) {
        if flags & (SEC_ENCRYPT | SEC_EXCHANGE_PKT) != 0 {
            // Whoever holds the keys hands it in again. Where nobody does, it was an answer.
            if self.keyless && flags & SEC_ENCRYPT != 0 {
                self.count_sealed_pdu(from);
                self.awaiting = Awaited::Nothing;
            }
        } else if flags & SEC_LICENSE_PKT != 0 {
            let Some(fact) = license::read(content, from) else { return };
            if license::ends(&fact) {
                self.awaiting = Awaited::DemandActive;
            }
            self.push(at_ms, fact);
        } else if flags & SEC_INFO_PKT != 0 && from == Party::Client {
            let autologon = client_info_asks_for_logon(content);
            self.awaiting = Awaited::License;
            self.push(at_ms, Fact::ClientInfoSent { autologon });
        } else if flags & SEC_REDIRECTION_PKT != 0 && from == Party::Server {
            match crate::Redirection::read(content) {
                Some(redirection) => self.push(at_ms, redirection.fact()),
                None => self.broken("a redirection that is cut short".into(), content, at_ms),
            }
        } else if self.secured || flags == 0 {
            for pdu in share::split(content) {
                self.share(from, pdu, at_ms);
            }
        } else if from == Party::Server && self.awaiting == Awaited::License {
            self.broken(
                "neither a licensing message nor a PDU of a session".into(),
                content,
                at_ms,
            );
        }
    }

    pub(super) fn share(&mut self, from: Party, content: &[u8], at_ms: f64) {
        match (share::read(content), from) {
            (Some(Share::Facts(facts)), Party::Server) => {
                for fact in facts {
                    match fact {
                        Fact::DemandActive { .. } => self.awaiting = Awaited::Nothing,
                        Fact::FontMap => self.awaiting = Awaited::Picture,
                        Fact::DeactivateAll => self.awaiting = Awaited::DemandActive,
                        _ => {}
                    }
                    self.push(at_ms, fact);
                }
            }
            (Some(Share::Finalising), Party::Client) => self.awaiting = Awaited::FontMap,
            (Some(Share::ShutdownRequest), Party::Client) => {
                self.awaiting = Awaited::Disconnect;
                self.push(at_ms, Fact::ShutdownRequested);
            }
            (None, Party::Server) => {
                self.broken("a PDU of a session that is cut short".to_owned(), content, at_ms);
            }
            _ => {}
        }
    }
}

/// Whether a Client Info PDU (MS-RDPBCGR 2.2.1.11.1.1) asks for automatic logon with a password.
fn client_info_asks_for_logon(content: &[u8]) -> bool {
    let mut reader = Reader(content);
    let _code_page = reader.u32();
    let flags = reader.u32().unwrap_or(0);
    let (_domain, _user) = (reader.u16(), reader.u16());
    let password = reader.u16().unwrap_or(0);
    flags & INFO_AUTOLOGON != 0 && password > 0
}
