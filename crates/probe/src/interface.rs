//! By which interface a connection leaves this machine.

use std::net::IpAddr;

/// The name of the interface that has this address; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn interface_of(own: IpAddr) -> Option<String> {
    let has = |entry: &nix::ifaddrs::InterfaceAddress| {
        let address = entry.address?;
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::from(a.ip()));
        let v6 = address.as_sockaddr_in6().map(|a| IpAddr::from(a.ip()));
        v4.or(v6).filter(|address| *address == own)
    };
    let mut all = nix::ifaddrs::getifaddrs().ok()?;
    all.find(|entry| has(entry).is_some()).map(|entry| entry.interface_name)
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
