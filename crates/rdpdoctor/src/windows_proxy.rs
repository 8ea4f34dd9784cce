//! The proxy that Windows' settings name for an RD Gateway, to which `mstsc` goes as to a web server.
//!
//! In the order of Windows: a script that the network or the settings name, then the servers that are set,
//! then those of the machine (`netsh winhttp`). Elsewhere there are no such settings.

use rdpdoctor_model::{ProxyChoice, Target};

/// A proxy, and which of the settings named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `host` or `host:port`, as it was set.
    pub server: String,
    /// Which settings.
    pub chosen_by: ProxyChoice,
}

/// The proxy for this gateway, if Windows would take one.
#[cfg(windows)]
pub fn for_gateway(gateway: &Target) -> Option<Named> {
    use rdpdoctor_host::system::live::{machine_proxy, proxy_by_script, proxy_settings};
    use rdpdoctor_model::Lookup;

    let host = gateway.host.as_str();
    let named = |server: Option<&str>, chosen_by| {
        server.map(|server| Named { server: server.to_owned(), chosen_by })
    };
    let settings = proxy_settings();
    if settings.detect || settings.script.is_some() {
        match proxy_by_script(&settings, &gateway.to_string()) {
            Lookup::Seen { value } => {
                return named(value.server(), ProxyChoice::WindowsScript);
            }
            Lookup::Absent => {}
            // Windows goes on with what else is set, or without a proxy.
            Lookup::Unavailable { why } => crate::output::complain(&format!(
                "a script decides here which proxy leads to {host}, and it could not be asked: {why}; \
                 --proxy names one"
            )),
        }
    }
    if settings.fixed.servers.is_empty() {
        return named(machine_proxy().server_for(host), ProxyChoice::WindowsMachine);
    }
    named(settings.fixed.server_for(host), ProxyChoice::WindowsUser)
}

/// The proxy for this gateway: none, for want of such settings.
#[cfg(not(windows))]
pub fn for_gateway(_: &Target) -> Option<Named> {
    None
}
