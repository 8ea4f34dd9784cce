//! What passes beside a Remote Desktop connection and explains it: names, tickets, signs of life.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::RData;
use picky_krb::messages::KdcProxyMessage;
use rdpdoctor_model::{DnsOutcome, Fact, KerberosExchange, LifeSource, Lookup, Party, RecordType};
use rdpdoctor_wire::kerberos::{Refusal, read_error};

use super::ip::Datagram;
use super::side::Moment;

const DNS_PORT: u16 = 53;
const KERBEROS_PORT: u16 = 88;

/// Most names, tickets and hosts that are kept.
const MOST_KEPT: usize = 2000;

/// A ticket of a user in a thousand groups stays below this.
const LONGEST_MESSAGE: usize = 128 * 1024;

/// Refusals of a centre's proxy that are told at once, and the longest name of a realm.
const MOST_REFUSED: usize = 16;
const LONGEST_REALM: usize = 255;

/// Messages by their tags (RFC 4120 5.10).
const AS_REQ: u8 = 0x6A;
const AS_REP: u8 = 0x6B;
const TGS_REP: u8 = 0x6D;
const KRB_ERROR: u8 = 0x7E;

/// KDC_ERR_PREAUTH_REQUIRED and KRB_ERR_RESPONSE_TOO_BIG (RFC 4120 7.5.9): steps on the way, no
/// errors.
const ON_THE_WAY: [u32; 2] = [25, 52];

/// All of it.
#[derive(Default)]
pub(super) struct Beside {
    names: Vec<Name>,
    tickets: Vec<Ticket>,
    exchanges: HashMap<SocketAddr, KerberosExchange>,
    alive: BTreeMap<IpAddr, Life>,
}

/// A DNS answer with addresses.
pub(super) struct Name {
    pub(super) at: Moment,
    asked_by: IpAddr,
    name: String,
    record_type: RecordType,
    addresses: Vec<IpAddr>,
}

/// What a key distribution centre answered.
pub(super) struct Ticket {
    pub(super) at: Moment,
    client: IpAddr,
    pub(super) fact: Fact,
}

/// That a host answered something.
pub(super) struct Life {
    pub(super) at: Moment,
    by: LifeSource,
    port: Option<u16>,
    answer: &'static str,
}

impl Beside {
    pub(super) fn datagram(&mut self, at: Moment, datagram: &Datagram<'_>) {
        let Datagram { from, to, payload } = datagram;
        if from.port() == DNS_PORT {
            self.names(at, to.ip(), payload);
        } else if to.port() == KERBEROS_PORT {
            if self.exchanges.len() < MOST_KEPT {
                self.exchanges.insert(*from, exchange(payload.first()));
            }
        } else if from.port() == KERBEROS_PORT {
            let exchange = self.exchanges.get(to).copied();
            let exchange = exchange.unwrap_or(KerberosExchange::TicketGranting);
            if let Some(fact) = kerberos(exchange, *from, payload) {
                self.ticket(Ticket { at, client: to.ip(), fact });
            }
        }
    }

    pub(super) fn ticket(&mut self, ticket: Ticket) {
        if self.tickets.len() < MOST_KEPT {
            self.tickets.push(ticket);
        }
    }

    /// A host answered on a port, or an echo where there is none.
    pub(super) fn answered(&mut self, at: Moment, host: IpAddr, port: Option<u16>, refused: bool) {
        if self.alive.len() >= MOST_KEPT {
            return;
        }
        let (by, answer) = match (port, refused) {
            (None, _) => (LifeSource::Ping, "echo reply"),
            (Some(_), true) => (LifeSource::OtherPort, "refused"),
            (Some(_), false) => (LifeSource::OtherPort, "connected"),
        };
        self.alive.entry(host).or_insert(Life { at, by, port, answer });
    }

    /// Takes what was seen elsewhere at the same time.
    pub(super) fn join(&mut self, other: Self) {
        self.names.extend(other.names);
        self.names.sort_by_key(|name| name.at.frame);
        self.names.truncate(MOST_KEPT);
        self.tickets.extend(other.tickets);
        self.tickets.sort_by_key(|ticket| ticket.at.frame);
        self.tickets.truncate(MOST_KEPT);
        for (host, life) in other.alive {
            match self.alive.entry(host) {
                Entry::Occupied(mut own) if life.at.frame < own.get().at.frame => {
                    own.insert(life);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => drop(place.insert(life)),
            }
        }
    }

    /// The name by which a client knew an address, and the answers that gave it.
    pub(super) fn name_of(&self, client: IpAddr, address: IpAddr) -> Option<(&str, Vec<&Name>)> {
        let gives = |name: &&Name| name.asked_by == client && name.addresses.contains(&address);
        let last = self.names.iter().rev().find(gives)?;
        let own = |name: &&Name| name.asked_by == client && name.name == last.name;
        Some((&last.name, self.names.iter().filter(own).collect()))
    }

    /// What the centres answered a client in this span.
    pub(super) fn tickets_of(&self, client: IpAddr, from: i64, to: i64) -> Vec<&Ticket> {
        let within =
            |ticket: &&Ticket| ticket.client == client && (from..=to).contains(&ticket.at.nanos);
        self.tickets.iter().filter(within).collect()
    }

    /// A sign of life on another port than the one that was asked.
    pub(super) fn life_of(&self, host: IpAddr, but: u16) -> Option<(&Life, Fact)> {
        let life = self.alive.get(&host).filter(|life| life.port != Some(but))?;
        let answer = Lookup::seen(life.answer.to_owned());
        Some((life, Fact::LifeSign { address: host, by: life.by, port: life.port, answer }))
    }

    fn names(&mut self, at: Moment, asked_by: IpAddr, payload: &[u8]) {
        let Ok(message) = Message::from_vec(payload) else { return };
        let answers = message.metadata.message_type == MessageType::Response
            && message.metadata.response_code == ResponseCode::NoError;
        let Some(query) = message.queries.first().filter(|_| answers) else { return };
        let addresses: Vec<IpAddr> = message
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .collect();
        let Some(first) = addresses.first() else { return };
        if self.names.len() < MOST_KEPT {
            let record_type = if first.is_ipv4() { RecordType::A } else { RecordType::Aaaa };
            let name = query.name().to_utf8().trim_end_matches('.').to_owned();
            self.names.push(Name { at, asked_by, name, record_type, addresses });
        }
    }
}

impl Name {
    pub(super) fn fact(&self) -> Fact {
        Fact::DnsAnswer {
            name: self.name.clone(),
            record_type: self.record_type,
            outcome: DnsOutcome::Records,
            addresses: self.addresses.clone(),
            names: Vec::new(),
            elapsed_ms: 0.0,
        }
    }
}

/// A connection to a key distribution centre: messages behind their length (RFC 4120 7.2.2).
#[derive(Default)]
pub(super) struct KerberosStream {
    asked: Option<KerberosExchange>,
    client: Vec<u8>,
    server: Vec<u8>,
    answers: Vec<(Moment, KerberosExchange, Vec<u8>)>,
    /// The realm that a proxy of centres was asked for.
    realm: Option<String>,
    /// Statuses with which it passed nothing on.
    refused: Vec<(Moment, u16)>,
}

impl KerberosStream {
    /// Bytes that wait for others.
    pub(super) fn held(&self) -> usize {
        self.client.len() + self.server.len()
    }

    pub(super) fn bytes(&mut self, from: Party, bytes: &[u8], at: Moment) {
        let buffer = if from == Party::Client { &mut self.client } else { &mut self.server };
        if buffer.len() + bytes.len() > LONGEST_MESSAGE || self.answers.len() > 16 {
            return;
        }
        buffer.extend_from_slice(bytes);
        while let Some(&[a, b, c, d]) = buffer.first_chunk() {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            let Some(message) = length.checked_add(4).and_then(|end| buffer.get(4..end)) else {
                return;
            };
            let message = message.to_vec();
            buffer.drain(..4 + length);
            match from {
                Party::Client => self.asked = Some(exchange(message.first())),
                Party::Server => {
                    let exchange = self.asked.unwrap_or(KerberosExchange::TicketGranting);
                    self.answers.push((at, exchange, message));
                    return;
                }
            }
        }
    }

    /// A message that passed by the centre's proxy: its length stands before it there, too (MS-KKDCP
    /// 2.2.2).
    pub(super) fn proxied(&mut self, from: Party, body: &[u8], at: Moment) {
        if let Ok(message) = picky_asn1_der::from_bytes::<KdcProxyMessage>(body) {
            let realm = message.target_domain.0.as_ref();
            let realm = realm.map(|name| printable(name.0.0.as_utf8()));
            self.realm = realm.or(self.realm.take());
            self.bytes(from, &message.kerb_message.0.0, at);
        }
    }

    /// The centre's proxy has only this status for a message.
    pub(super) fn refused(&mut self, status: u16, at: Moment) {
        if self.refused.len() < MOST_REFUSED {
            self.refused.push((at, status));
        }
    }

    /// What the centre answered, and that its proxy could not reach it.
    pub(super) fn tickets(&mut self, client: IpAddr, kdc: SocketAddr) -> Vec<Ticket> {
        let refused = std::mem::take(&mut self.refused).into_iter().map(|(at, status)| {
            let why = format!("the proxy of the centre answers with HTTP status {status}");
            let realm = self.realm.clone().unwrap_or_default();
            let tried = vec![kdc.to_string()];
            Ticket { at, client, fact: Fact::KerberosUnavailable { realm, tried, why } }
        });
        let refused: Vec<Ticket> = refused.collect();
        let answers = std::mem::take(&mut self.answers).into_iter();
        answers
            .filter_map(|(at, exchange, message)| {
                Some(Ticket { at, client, fact: kerberos(exchange, kdc, &message)? })
            })
            .chain(refused)
            .collect()
    }
}

fn printable(realm: &str) -> String {
    realm.chars().filter(|c| !c.is_control()).take(LONGEST_REALM).collect()
}

fn exchange(tag: Option<&u8>) -> KerberosExchange {
    match tag {
        Some(&AS_REQ) => KerberosExchange::AuthenticationService,
        _ => KerberosExchange::TicketGranting,
    }
}

fn kerberos(exchange: KerberosExchange, kdc: SocketAddr, message: &[u8]) -> Option<Fact> {
    let kdc = kdc.to_string();
    match message.first() {
        Some(&AS_REP) => {
            let service = "krbtgt".to_owned();
            Some(Fact::KerberosTicket { exchange, kdc, service })
        }
        Some(&TGS_REP) => {
            let service = "a service".to_owned();
            Some(Fact::KerberosTicket { exchange, kdc, service })
        }
        Some(&KRB_ERROR) => {
            let Refusal { code, server_time, text } = read_error(message)?;
            if ON_THE_WAY.contains(&code) {
                return None;
            }
            Some(Fact::KerberosError { exchange, kdc, code, server_time, text })
        }
        _ => None,
    }
}
