//! Interfaces and ways as Windows lists its adapters. The route is the one that a datagram socket
//! takes: connecting it sends nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipconfig::{Adapter, IfType, OperStatus};
use rdpdoctor_model::{InterfaceForm, Lookup, OwnInterface, OwnWay};

/// Words in the descriptions of VPN programs' adapters that count as Ethernet.
const TUNNELS: [&str; 12] = [
    "vpn",
    "tap-windows",
    "wintun",
    "wireguard",
    "tunnel",
    "anyconnect",
    "pangp",
    "globalprotect",
    "fortinet",
    "fortissl",
    "zscaler",
    "tailscale",
];

/// Words in those of adapters between parts of this machine.
const VIRTUAL: [&str; 3] = ["hyper-v virtual", "vmware virtual", "virtualbox host-only"];

/// WSAENETUNREACH and WSAEHOSTUNREACH.
const NO_WAY: [i32; 2] = [10051, 10065];

/// All interfaces but loopback.
pub(super) async fn interfaces() -> Result<Vec<OwnInterface>, String> {
    let all = adapters().await?;
    let own = all.iter().map(interface);
    Ok(own.filter(|own| own.form != InterfaceForm::Loopback).collect())
}

/// The ways to these addresses, in their order.
pub(super) async fn ways(addresses: &[IpAddr]) -> Result<Vec<Lookup<OwnWay>>, String> {
    let all = adapters().await?;
    Ok(addresses.iter().map(|&to| way(to, &all)).collect())
}

async fn adapters() -> Result<Vec<Adapter>, String> {
    let listed = tokio::task::spawn_blocking(ipconfig::get_adapters).await;
    listed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

fn interface(adapter: &Adapter) -> OwnInterface {
    let up = adapter.oper_status() == OperStatus::IfOperStatusUp;
    OwnInterface {
        interface: adapter.friendly_name().to_owned(),
        form: form(adapter),
        driver: Some(adapter.description().to_owned()),
        up,
        carrier: up,
        addresses: adapter.ip_addresses().to_vec(),
    }
}

fn form(adapter: &Adapter) -> InterfaceForm {
    let description = adapter.description().to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| description.contains(word));
    match adapter.if_type() {
        IfType::SoftwareLoopback => InterfaceForm::Loopback,
        IfType::Ppp | IfType::Tunnel => InterfaceForm::Tunnel,
        _ if names(&TUNNELS) => InterfaceForm::Tunnel,
        _ if names(&VIRTUAL) => InterfaceForm::Virtual,
        _ => InterfaceForm::Hardware,
    }
}

fn way(to: IpAddr, adapters: &[Adapter]) -> Lookup<OwnWay> {
    let own: IpAddr = match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind(SocketAddr::new(own, 0)).and_then(|socket| {
        socket.connect(SocketAddr::new(to, 9))?;
        socket.local_addr()
    });
    let source = match source {
        Ok(source) => source.ip(),
        Err(error) if error.raw_os_error().is_some_and(|code| NO_WAY.contains(&code)) => {
            return Lookup::Absent;
        }
        Err(error) => return Lookup::unavailable(error.to_string()),
    };
    let Some(adapter) = adapters.iter().find(|a| a.ip_addresses().contains(&source)) else {
        return Lookup::unavailable("no adapter has the sender's address");
    };
    let on_link = adapter
        .prefixes()
        .iter()
        .any(|&(network, length)| length > 0 && is_within(to, network, length));
    let gateways = adapter.gateways().iter().copied();
    let gateway = gateways.filter(|_| !on_link).find(|gateway| gateway.is_ipv4() == to.is_ipv4());
    Lookup::seen(OwnWay {
        interface: adapter.friendly_name().to_owned(),
        form: form(adapter),
        source: Some(source),
        gateway,
        neighbour: Lookup::unavailable("the table of neighbours is not read on this system"),
    })
}

fn is_within(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        _ => false,
    }
}
