//! The nouns of rdpdoctor: what was seen, where, when and at which stage.
//!
//! Nothing here looks, judges or words: sources make [`Observation`]s, rules read them, renderers
//! print them. All of it serialises, so that any run can be saved, sent and judged again.

mod bastion;
mod cause_id;
mod certificate;
mod change;
mod cloud_rule;
mod fact;
mod firewall_rule;
mod gateway;
mod heads;
mod hex;
mod joined;
mod lookup;
mod observation;
mod own;
mod plan;
mod proxy;
mod rdp_file;
mod secret;
mod stage;
mod system_tls;
mod target;
mod terms;
mod timestamp;
mod udp;
mod user;
mod watch;
mod windows;
mod windows_event;
mod windows_user;

pub use bastion::BastionMark;
pub use cause_id::CauseId;
pub use certificate::{Certificate, PublicKey};
pub use change::Change;
pub use cloud_rule::{Cloud, CloudRule};
pub use fact::Fact;
pub use firewall_rule::{FirewallProfile, FirewallRule, RuleAction};
pub use gateway::{GatewayStep, GatewayTransport};
pub use heads::{LongOffer, PacketHead};
pub use hex::Hex;
pub use joined::{Apart, JoinedBy, JoinedEvidence, JoinedSource};
pub use lookup::Lookup;
pub use observation::{Observation, ObservationId, Origin, Source};
pub use own::{InterfaceForm, NeighbourState, OwnInterface, OwnRule, OwnWay, RuleVerdict};
pub use plan::{
    ByHand, Fix, Plan, Proposal, RefusedFix, SessionsAtWork, State, Step, UserCount, WayIn,
};
pub use proxy::{ProxyChoice, ProxyReply, ProxyScheme};
pub use rdp_file::{GatewayUse, RdpFileEncoding, RdpFileFlaw, RdpFileValue};
pub use secret::Secret;
pub use stage::Stage;
pub use system_tls::SystemTls;
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
pub use windows::{
    FactsOf, FactsWay, FileState, HiveState, KeyPlace, LocalAccount, MachineCertificate,
    NetworkAdapter, PortListener, PortListeners, RegistryData, RegistryHive, RegistryKey,
    RegistryValue, SavedCredential, ServiceState, SettingOwner, Volume, WindowsFile,
    WindowsService, WindowsSession,
};
pub use windows_event::WindowsEvent;
pub use windows_user::{ClientDefaults, DefaultSettings, FileHead, HostsEntry, WindowsHosts};
