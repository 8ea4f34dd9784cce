//! By which interface a connection leaves this machine, and which addresses that has.

use std::net::IpAddr;

/// More addresses of one machine tell nothing more.
#[cfg(target_os = "linux")]
const MOST_ADDRESSES: usize = 64;

/// The addresses of this machine's interfaces, loopback aside; none where the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let mut addresses: Vec<_> = all.filter_map(|entry| address_of(&entry)).collect();
    addresses.retain(|address| !address.is_loopback());
    addresses.truncate(MOST_ADDRESSES);
    addresses
}

/// The addresses of this machine's interfaces, loopback aside; none where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn address_of(entry: &nix::ifaddrs::InterfaceAddress) -> Option<IpAddr> {
    let address = entry.address?;
    let v4 = address.as_sockaddr_in().map(|a| IpAddr::from(a.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::from(a.ip())))
}

/// The name of the interface that has this address; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn interface_of(own: IpAddr) -> Option<String> {
    let mut all = nix::ifaddrs::getifaddrs().ok()?;
    all.find(|entry| address_of(entry) == Some(own)).map(|entry| entry.interface_name)
}

/// The same by the name that the system's own windows show.
#[cfg(windows)]
pub fn interface_of(own: IpAddr) -> Option<String> {
    let all = ipconfig::get_adapters().ok()?;
    let found = all.into_iter().find(|adapter| adapter.ip_addresses().contains(&own));
    found.map(|adapter| adapter.friendly_name().to_owned())
}

/// The name of the interface that has this address; `None` where the system does not tell.
#[cfg(not(any(target_os = "linux", windows)))]
pub fn interface_of(_: IpAddr) -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::interface_of;

    #[test]
    fn loopback_has_a_name_and_a_stranger_has_none() {
        assert_eq!(interface_of([127, 0, 0, 1].into()).as_deref(), Some("lo"));
        assert_eq!(interface_of([192, 0, 2, 77].into()), None);
    }
}
