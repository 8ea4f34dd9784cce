//! The nouns of rdpdoctor: what was seen, where, when and at which stage.
//!
//! Nothing here looks, judges or words: sources make [`Observation`]s, rules read them, renderers
//! print them. All of it serialises, so that any run can be saved, sent and judged again.

mod cause_id;
mod certificate;
mod cloud_rule;
mod fact;
mod gateway;
mod heads;
mod hex;
mod lookup;
mod observation;
mod own;
mod proxy;
mod rdp_file;
mod secret;
mod stage;
mod target;
mod terms;
mod timestamp;
mod udp;
mod user;
mod watch;
mod windows_event;

pub use cause_id::CauseId;
pub use certificate::{Certificate, PublicKey};
pub use cloud_rule::{Cloud, CloudRule};
pub use fact::Fact;
pub use gateway::{GatewayStep, GatewayTransport};
pub use heads::{LongOffer, PacketHead};
pub use hex::Hex;
pub use lookup::Lookup;
pub use observation::{Observation, ObservationId, Origin, Source};
pub use own::{InterfaceForm, NeighbourState, OwnInterface, OwnRule, OwnWay, RuleVerdict};
pub use proxy::{ProxyChoice, ProxyReply, ProxyScheme};
pub use rdp_file::{GatewayUse, RdpFileEncoding, RdpFileFlaw, RdpFileValue};
pub use secret::Secret;
pub use stage::Stage;
pub use target::{DEFAULT_PORT, Target, TargetError};
pub use terms::{
    Awaited, ChainError, ConnectFailure, DnsOutcome, Ending, Icmp, KerberosExchange, LifeSource,
    LogonForm, Mechanism, Negotiation, NtlmVersion, Party, Purpose, RecordType, ReleaseReason,
    ResolveFailure, RevocationAnswer, RevocationSource, SecurityLayer, SecurityLayerAnswer,
    ServerKey, ServiceKind, SessionOrigin, StageOutcome, Transport,
};
pub use timestamp::Timestamp;
pub use udp::UdpReply;
pub use user::{UserName, UserNameError};
pub use watch::{IdleOutcome, PathPart, WatchState};
pub use windows_event::WindowsEvent;
