//! A connection to a proxy, in clear or inside TLS: what it was asked for, what it answered, and the
//! connection inside, to a host or to a gateway.

use std::net::SocketAddr;

use rdpdoctor_model::{DEFAULT_PORT, Fact, Party, ProxyChoice, Stage, StageOutcome, Target};
use rdpdoctor_wire::proxy::{ProxyDialog, ProxyEvent};
use rdpdoctor_wire::tls_decrypt::KeyLog;

use super::begins;
use super::carried::Said;
use super::connection::{Connect, Connection, Dialog, Role, Tunnelled};
use super::conversation::{Conversation, End, Event, Unread};
use super::side::Moment;

/// Bytes that are kept until the client's first ones tell what is inside.
const MOST_UNDECIDED: usize = 4096;

/// Ports of web pages, for which most is asked at a proxy.
const WEB_PORTS: [u16; 2] = [80, 443];

/// One connection to a proxy.
pub(super) struct Proxied {
    dialog: ProxyDialog,
    outside: Conversation,
    /// The dialog is inside TLS.
    in_tls: bool,
    /// When the client first spoke to it.
    asked_at: Option<Moment>,
    opened_at: Option<Moment>,
    inside: Inside,
}

/// What passes in the tunnel.
enum Inside {
    Undecided(Vec<Said>),
    Rdp(Box<Conversation>),
    /// TLS from the first byte, perhaps to a gateway.
    Tls(Box<Conversation>),
    Other,
}

impl Proxied {
    /// The dialog that a client has begun.
    pub(super) fn new(dialog: ProxyDialog) -> Self {
        Self {
            dialog,
            outside: Conversation::to_proxy(),
            in_tls: false,
            asked_at: None,
            opened_at: None,
            inside: Inside::Undecided(Vec::new()),
        }
    }

    /// The same inside TLS that turned out to lead to a proxy.
    pub(super) fn in_tls(mut outside: Conversation, secrets: &KeyLog) -> Self {
        outside.turn_outside();
        let mut proxied = Self { outside, in_tls: true, ..Self::new(ProxyDialog::in_tls()) };
        proxied.decrypted(secrets);
        proxied
    }

    /// Bytes in order.
    pub(super) fn bytes(&mut self, from: Party, bytes: &[u8], at: Moment, secrets: &KeyLog) {
        self.outside.bytes(from, bytes, at, secrets);
        if self.in_tls {
            self.decrypted(secrets);
        } else {
            self.said(from, bytes, at, secrets);
        }
    }

    /// What passed inside its TLS.
    fn decrypted(&mut self, secrets: &KeyLog) {
        for (from, at, bytes) in self.outside.take_passed() {
            self.said(from, &bytes, at, secrets);
        }
        if self.outside.unread == Some(Unread::Sealed) {
            self.hole();
        }
    }

    /// A word to the proxy or from it, or to whom is behind it.
    fn said(&mut self, from: Party, bytes: &[u8], at: Moment, secrets: &KeyLog) {
        if from == Party::Client {
            self.asked_at.get_or_insert(at);
        }
        for event in self.dialog.feed(from, bytes) {
            match event {
                ProxyEvent::Reply(reply) => {
                    let begun = self.asked_at.unwrap_or(at);
                    let elapsed_ms = (at.ms() - begun.ms()).max(0.0);
                    self.outside.note(Stage::Proxy, at, Fact::ProxyAnswer { reply, elapsed_ms });
                }
                ProxyEvent::Credential { mechanism, shown } => {
                    let fact = Fact::ProxyCredential { mechanism, shown };
                    self.outside.note(Stage::Proxy, at, fact);
                }
                ProxyEvent::TicketAnswer(fact) => self.outside.note(Stage::Proxy, at, fact),
                ProxyEvent::Opened => self.opened_at = Some(at),
                ProxyEvent::Inside(from, bytes) => self.passed(from, bytes, at, secrets),
            }
        }
        self.outside.await_proxy(self.dialog.awaited());
    }

    /// Bytes are missing.
    pub(super) fn hole(&mut self) {
        self.outside.hole();
        match &mut self.inside {
            Inside::Rdp(conversation) | Inside::Tls(conversation) => conversation.hole(),
            inside => *inside = Inside::Other,
        }
    }

    /// Whether what passes is known to be nobody's business here.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.inside, Inside::Other)
    }

    /// TLS in the tunnel that may lead to a gateway.
    pub(super) fn tls(&self) -> Option<&Conversation> {
        match &self.inside {
            Inside::Tls(conversation) => Some(conversation),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn tls_mut(&mut self) -> Option<&mut Conversation> {
        match &mut self.inside {
            Inside::Tls(conversation) => Some(conversation),
            _ => None,
        }
    }

    fn passed(&mut self, from: Party, bytes: Vec<u8>, at: Moment, secrets: &KeyLog) {
        match &mut self.inside {
            Inside::Rdp(conversation) => return conversation.bytes(from, &bytes, at, secrets),
            Inside::Tls(conversation) => conversation.bytes(from, &bytes, at, secrets),
            Inside::Other => return,
            Inside::Undecided(kept) => {
                kept.push((from, at, bytes));
                self.decide(secrets);
            }
        }
        self.look_inside();
    }

    /// What the client's first bytes in the tunnel begin.
    fn decide(&mut self, secrets: &KeyLog) {
        let Inside::Undecided(kept) = &mut self.inside else { return };
        let own = kept.iter().filter(|(from, ..)| *from == Party::Client);
        let head: Vec<u8> = own.flat_map(|(_, _, bytes)| bytes).copied().collect();
        let total: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        let by_port = self.dialog.asked().is_some_and(|asked| asked.port == DEFAULT_PORT);
        let (mut conversation, is_rdp) = match (begins::as_request(&head), begins::as_hello(&head))
        {
            (Some(true), _) => (Box::new(Conversation::new()), true),
            (_, Some(true)) if by_port => (Box::new(Conversation::new()), true),
            (_, Some(true)) => (Box::new(Conversation::of_tls()), false),
            (None, _) | (_, None) if total <= MOST_UNDECIDED => return,
            _ => return self.inside = Inside::Other,
        };
        for (from, at, bytes) in std::mem::take(kept) {
            conversation.bytes(from, &bytes, at, secrets);
        }
        let wrap = if is_rdp { Inside::Rdp } else { Inside::Tls };
        self.inside = wrap(conversation);
    }

    /// What TLS in the tunnel turned out to be.
    fn look_inside(&mut self) {
        let Inside::Tls(conversation) = &self.inside else { return };
        let other = conversation.carried().is_some_and(|c| c.is_other() || c.is_proxy());
        let sealed = conversation.unread.is_some() && !conversation.is_of_gateway();
        if !conversation.is_direct() && !other && !sealed {
            return;
        }
        let inside = std::mem::replace(&mut self.inside, Inside::Other);
        if let Inside::Tls(conversation) = inside
            && conversation.is_direct()
        {
            self.inside = Inside::Rdp(conversation);
        }
    }

    /// Closes what is inside and what is around it. `None` where nobody was asked for anything, or for
    /// something else than Remote Desktop.
    pub(super) fn finish(mut self, end: End, at: Moment) -> Option<Finished> {
        let asked = self.dialog.asked().map(|asked| {
            let bare = asked.host.trim_start_matches('[').trim_end_matches(']');
            (bare.to_owned(), asked.port)
        })?;
        let is_web = WEB_PORTS.contains(&asked.1);
        let inside = match std::mem::replace(&mut self.inside, Inside::Other) {
            Inside::Other => return None,
            Inside::Rdp(conversation) => Some(conversation),
            Inside::Tls(conversation) if conversation.is_of_gateway() => Some(conversation),
            Inside::Tls(_) => return None,
            Inside::Undecided(_) if is_web => return None,
            // A client that does not speak in an open tunnel waits for nothing that is known here.
            Inside::Undecided(_) => Some(Box::new(Conversation::new())),
        };
        let to_gateway = inside.as_ref().is_some_and(|inside| inside.is_of_gateway());
        let opened = self.opened_at.zip(inside);
        let elapsed_ms = match (self.asked_at, self.opened_at) {
            (Some(begun), Some(opened)) => (opened.ms() - begun.ms()).max(0.0),
            _ => 0.0,
        };
        self.outside.end(end, at);
        let refusal = self.outside.events.iter().rev().find_map(|event| match &event.fact {
            Fact::ProxyAnswer { reply, .. } if !reply.granted() => Some(reply.clone()),
            _ => None,
        });
        let dialog = Dialog {
            scheme: self.dialog.scheme(),
            has_user: self.dialog.has_user(),
            asked: Some(asked.clone()),
            refusal: refusal.filter(|_| self.opened_at.is_none()),
            to_gateway,
        };
        let tunnel = opened.map(|(begun, mut conversation)| {
            conversation.end(end, at);
            (begun, Tunnelled { asked, elapsed_ms }, conversation)
        });
        Some(Finished { dialog, events: self.outside.events, tunnel })
    }
}

/// A connection to a proxy, and the one inside it where one was made.
pub(super) struct Finished {
    pub(super) dialog: Dialog,
    pub(super) events: Vec<Event>,
    pub(super) tunnel: Option<(Moment, Tunnelled, Box<Conversation>)>,
}

/// The connection inside, as one of its own.
pub(super) fn inner(
    (first, tunnelled, conversation): (Moment, Tunnelled, Box<Conversation>),
    (client, server): (SocketAddr, SocketAddr),
    (last, end, closed): (Moment, End, Moment),
) -> Connection {
    let role = match conversation.carried() {
        Some(carried) => Role::of_tls(carried, Some(tunnelled)),
        None => Role::Tunnelled(Box::new(tunnelled)),
    };
    Connection {
        role,
        client,
        server,
        first,
        last,
        connect: Connect::Made { at: first, round_trip_ms: None },
        end,
        closed,
        unread: conversation.unread,
        sealed_records: conversation.sealed_records(),
        sealed_turns: conversation.sealed_turns(),
        events: conversation.events,
        repeated: [0; 2],
        // The heads are those of the way to the proxy.
        heads: None,
        inside: None,
    }
}

/// The proxy that a group of connections goes by: what is said of it before anything else, and how the
/// way through it ended. Nothing where there is none.
pub(super) fn events(group: &[Connection]) -> Vec<Event> {
    let dialogs: Vec<(&Connection, &Dialog)> =
        group.iter().filter_map(|c| Some((c, c.role.dialog()?))).collect();
    let Some((first, dialog)) = dialogs.first() else { return Vec::new() };
    let chosen = Fact::ProxyChosen {
        scheme: dialog.scheme,
        proxy_host: first.server.ip().to_string(),
        proxy_port: first.server.port(),
        chosen_by: ProxyChoice::Seen,
        has_user: dialogs.iter().any(|(_, dialog)| dialog.has_user),
    };
    let opened = group.iter().find(|c| c.role.tunnelled().is_some());
    let last = dialogs.last().map_or(first.last, |(connection, _)| connection.last);
    let at = opened.map_or(last, |connection| connection.first);
    let refusal = dialogs.iter().rev().find_map(|(_, dialog)| dialog.refusal.as_ref());
    let on_target = refusal.is_some_and(|reply| reply.on_target().is_some());
    let (outcome, reason) = match opened {
        Some(_) => (StageOutcome::Passed, None),
        None if on_target => (StageOutcome::Passed, None),
        None => {
            let why = refusal.map_or(
                "the proxy gave no answer that counts",
                |_| "the proxy did not make the connection",
            );
            (StageOutcome::Stopped, Some(why.to_owned()))
        }
    };
    let elapsed_ms = (at.ms() - first.first.ms()).max(0.0);
    let ended = Fact::StageEnded { outcome, reason, elapsed_ms };
    let event = |at, fact| Event { stage: Stage::Proxy, at, fact };
    let mut events = vec![event(first.first, chosen), event(at, ended)];
    if opened.is_none() {
        events.extend(unreached(at, on_target));
    }
    events
}

/// The proxy as a URL.
pub(super) fn place(group: &[Connection]) -> Option<String> {
    let (connection, dialog) = group.iter().find_map(|c| Some((c, c.role.dialog()?)))?;
    Some(format!("{}://{}", dialog.scheme.id(), connection.server))
}

/// The stages that were never begun.
fn unreached(at: Moment, on_target: bool) -> Vec<Event> {
    let stages = [Stage::Tcp, Stage::X224, Stage::Tls, Stage::CredSsp, Stage::Mcs]
        .into_iter()
        .chain([Stage::Licensing, Stage::Session, Stage::Desktop]);
    let ended = stages.map(|stage| {
        let (outcome, reason) = match stage {
            Stage::Tcp if on_target => {
                (StageOutcome::Stopped, "the proxy could not connect to the target")
            }
            _ => (StageOutcome::Skipped, "stopped before"),
        };
        let reason = Some(reason.to_owned());
        Event { stage, at, fact: Fact::StageEnded { outcome, reason, elapsed_ms: 0.0 } }
    });
    ended.collect()
}

/// That the tunnel was opened, on the connection of that number.
pub(super) fn opened(connection: &Connection, carrier: u32) -> Option<Event> {
    let tunnelled = connection.role.tunnelled()?;
    let stage = if connection.role.is_leg() { Stage::Gateway } else { Stage::Tcp };
    let (host, port) = tunnelled.asked.clone();
    let place = Target { input: String::new(), host, port };
    let fact = Fact::TunnelOpened {
        destination: place.to_string(),
        carrier,
        elapsed_ms: tunnelled.elapsed_ms,
    };
    Some(Event { stage, at: connection.first, fact })
}
