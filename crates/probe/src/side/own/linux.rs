//! Interfaces, ways and neighbours as the kernel has them (rtnetlink(7)). It is asked for the way as
//! it would be for a packet, so that its answer holds with policy routing too, which VPN programs use.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use futures_util::{Stream, StreamExt as _};
use rdpdoctor_model::{InterfaceForm, Lookup, NeighbourState, OwnInterface, OwnWay};
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState as State,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia,
};
use rtnetlink::{Error, Handle, RouteMessageBuilder};
use tokio::task::JoinHandle;

/// Entries of one table that are read; a router of the internet's core has a million.
const MOST_ENTRIES: usize = 4096;

/// ENETUNREACH and EHOSTUNREACH (errno(3)): there is no way.
const NO_WAY: [i32; 2] = [101, 113];

/// Devices that the kernel makes by itself with its tunnel modules, and that carry nothing.
const NOBODYS: [&str; 9] =
    ["tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"];

/// All interfaces but loopback.
pub(super) async fn interfaces() -> Result<Vec<OwnInterface>, String> {
    let kernel = Kernel::open()?;
    let all = kernel.links().await?;
    Ok(all.into_values().filter(|own| own.form != InterfaceForm::Loopback).collect())
}

/// The ways to these addresses, in their order.
pub(super) async fn ways(addresses: &[IpAddr]) -> Result<Vec<Lookup<OwnWay>>, String> {
    let kernel = Kernel::open()?;
    let links = kernel.links().await?;
    let mut ways = Vec::with_capacity(addresses.len());
    for &to in addresses {
        ways.push(kernel.way(to, &links).await);
    }
    Ok(ways)
}

/// A conversation with the kernel, over when it is dropped.
struct Kernel {
    handle: Handle,
    talking: JoinHandle<()>,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.talking.abort();
    }
}

impl Kernel {
    fn open() -> Result<Self, String> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(|error| format!("no netlink socket: {error}"))?;
        Ok(Self { handle, talking: tokio::spawn(connection) })
    }

    /// The interfaces by their numbers.
    async fn links(&self) -> Result<BTreeMap<u32, OwnInterface>, String> {
        let links = listed(self.handle.link().get().execute()).await?;
        let mut addresses: HashMap<u32, Vec<IpAddr>> = HashMap::new();
        for message in listed(self.handle.address().get().execute()).await? {
            let own = own_address(&message.attributes);
            addresses.entry(message.header.index).or_default().extend(own);
        }
        let interface = |link: &LinkMessage| {
            let addresses = addresses.remove(&link.header.index).unwrap_or_default();
            Some((link.header.index, interface(link, addresses)?))
        };
        Ok(links.iter().filter_map(interface).collect())
    }

    async fn way(&self, to: IpAddr, links: &BTreeMap<u32, OwnInterface>) -> Lookup<OwnWay> {
        let request = RouteMessageBuilder::<IpAddr>::new();
        let request = match request.destination_prefix(to, if to.is_ipv4() { 32 } else { 128 }) {
            Ok(request) => request.build(),
            Err(error) => return Lookup::unavailable(error.to_string()),
        };
        let answers = self.handle.route().get(request).execute();
        let mut answers = std::pin::pin!(answers);
        let route = match answers.next().await {
            Some(Ok(route)) => route,
            Some(Err(Error::NetlinkError(error)))
                if NO_WAY.contains(&error.to_io().raw_os_error().unwrap_or_default()) =>
            {
                return Lookup::Absent;
            }
            Some(Err(Error::NetlinkError(error))) => {
                return Lookup::unavailable(format!("the kernel gives no way: {}", error.to_io()));
            }
            Some(Err(error)) => return Lookup::unavailable(error.to_string()),
            None => return Lookup::unavailable("the kernel said nothing"),
        };
        // IPv6 answers with a route that says no (RTN_UNREACHABLE), IPv4 with an error.
        if route.header.kind == RouteType::Unreachable {
            return Lookup::Absent;
        }
        let ends = Ends::of(&route);
        let Some(link) = ends.link.and_then(|link| links.get(&link).map(|own| (link, own))) else {
            return Lookup::unavailable("the kernel named no interface");
        };
        let neighbour = self.neighbour(ends.gateway.unwrap_or(to), link.0).await;
        Lookup::seen(OwnWay {
            interface: link.1.interface.clone(),
            form: link.1.form,
            source: ends.source,
            gateway: ends.gateway,
            neighbour,
        })
    }

    async fn neighbour(&self, address: IpAddr, link: u32) -> Lookup<NeighbourState> {
        match listed(self.handle.neighbours().get().execute()).await {
            Err(why) => Lookup::unavailable(why),
            Ok(all) => all
                .iter()
                .find(|entry| entry.header.ifindex == link && is_about(entry, address))
                .and_then(|entry| state(entry.header.state))
                .map_or(Lookup::Absent, Lookup::seen),
        }
    }
}

/// What a route says of its ends.
#[derive(Default)]
struct Ends {
    link: Option<u32>,
    source: Option<IpAddr>,
    gateway: Option<IpAddr>,
}

impl Ends {
    fn of(route: &RouteMessage) -> Self {
        let mut ends = Self::default();
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Oif(link) => ends.link = Some(*link),
                RouteAttribute::PrefSource(source) => ends.source = address(source),
                RouteAttribute::Gateway(gateway) => ends.gateway = address(gateway),
                RouteAttribute::Via(RouteVia::Inet(via)) => ends.gateway = Some((*via).into()),
                RouteAttribute::Via(RouteVia::Inet6(via)) => ends.gateway = Some((*via).into()),
                _ => {}
            }
        }
        ends
    }
}

/// What a dump gives, as far as it is read.
async fn listed<T>(stream: impl Stream<Item = Result<T, Error>>) -> Result<Vec<T>, String> {
    let mut stream = std::pin::pin!(stream);
    let mut all = Vec::new();
    while let Some(entry) = stream.next().await {
        if all.len() == MOST_ENTRIES {
            break;
        }
        all.push(entry.map_err(|error| error.to_string())?);
    }
    Ok(all)
}

fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

/// On a link of two ends IFA_ADDRESS is the other one's (rtnetlink(7)).
fn own_address(attributes: &[AddressAttribute]) -> Option<IpAddr> {
    let local = attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

fn interface(link: &LinkMessage, addresses: Vec<IpAddr>) -> Option<OwnInterface> {
    let (mut name, mut driver, mut is_port) = (None, None, false);
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Controller(_) => is_port = true,
            LinkAttribute::LinkInfo(infos) => {
                driver = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.clone()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    let interface = name?;
    let flags = link.header.flags;
    let form = if flags.contains(LinkFlags::Loopback) {
        InterfaceForm::Loopback
    } else if NOBODYS.contains(&interface.as_str()) {
        InterfaceForm::Virtual
    } else {
        let carries = !is_port && !addresses.is_empty();
        form(driver.as_ref(), link.header.link_layer_type, carries)
    };
    Some(OwnInterface {
        interface,
        form,
        driver: driver.map(|kind| kind.to_string()),
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        addresses,
    })
}

/// What an interface is, by its driver and the kind of its addresses. A `tun` device with Ethernet
/// addresses (`tap`) is a VPN's when it carries this machine's own traffic, else a virtual machine's.
fn form(driver: Option<&InfoKind>, layer: LinkLayerType, carries: bool) -> InterfaceForm {
    use InfoKind::{
        Bridge, Dummy, Geneve, GreTun, GreTun6, Gtp, Ifb, Ip6Tnl, IpIp, Netdevsim, Netkit, Nlmon,
        Other, SitTun, Tun, Veth, Vrf, Vti, Vti6, Vxlan, Wireguard, Xfrm,
    };
    match driver {
        Some(Tun) if layer == LinkLayerType::Ether && !carries => InterfaceForm::Virtual,
        Some(
            Tun | Wireguard | Xfrm | Vti | Vti6 | IpIp | Ip6Tnl | SitTun | GreTun | GreTun6 | Gtp,
        ) => InterfaceForm::Tunnel,
        Some(Other(kind)) if kind.starts_with("ovpn") || kind == "ppp" => InterfaceForm::Tunnel,
        _ if layer == LinkLayerType::Ppp => InterfaceForm::Tunnel,
        Some(Bridge | Veth | Dummy | Ifb | Vxlan | Geneve | Vrf | Nlmon | Netkit | Netdevsim) => {
            InterfaceForm::Virtual
        }
        _ => InterfaceForm::Hardware,
    }
}

fn is_about(entry: &NeighbourMessage, address: IpAddr) -> bool {
    entry.attributes.iter().any(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(of)) => address == *of,
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(of)) => address == *of,
        _ => false,
    })
}

fn state(state: State) -> Option<NeighbourState> {
    match state {
        State::Reachable | State::Stale | State::Delay | State::Probe => {
            Some(NeighbourState::Answered)
        }
        State::Incomplete => Some(NeighbourState::Asked),
        State::Failed => Some(NeighbourState::Silent),
        State::Noarp | State::Permanent => Some(NeighbourState::Fixed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interface_is() {
        let of = |driver: Option<InfoKind>, layer, carries| form(driver.as_ref(), layer, carries);
        assert_eq!(of(None, LinkLayerType::Ether, true), InterfaceForm::Hardware);
        assert_eq!(of(Some(InfoKind::Wireguard), LinkLayerType::None, true), InterfaceForm::Tunnel);
        assert_eq!(of(Some(InfoKind::Tun), LinkLayerType::None, false), InterfaceForm::Tunnel);
        // A virtual machine's, and a VPN's.
        assert_eq!(of(Some(InfoKind::Tun), LinkLayerType::Ether, false), InterfaceForm::Virtual);
        assert_eq!(of(Some(InfoKind::Tun), LinkLayerType::Ether, true), InterfaceForm::Tunnel);
        assert_eq!(of(Some(InfoKind::Veth), LinkLayerType::Ether, true), InterfaceForm::Virtual);
        assert_eq!(of(Some(InfoKind::Vlan), LinkLayerType::Ether, true), InterfaceForm::Hardware);
        assert_eq!(of(None, LinkLayerType::Ppp, true), InterfaceForm::Tunnel);
    }

    #[tokio::test]
    async fn the_machine_itself_is_reached_over_loopback() {
        let ways = ways(&[IpAddr::from([127, 0, 0, 1])]).await.expect("the kernel tells");
        let Some(Lookup::Seen { value }) = ways.first() else { panic!("{ways:?}") };
        assert_eq!((value.interface.as_str(), value.form), ("lo", InterfaceForm::Loopback));
        assert_eq!(value.gateway, None);
    }
}
