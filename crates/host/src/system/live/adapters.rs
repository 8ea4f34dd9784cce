//! The network adapters, through `ipconfig`, and the category of the network behind each, which COM
//! alone tells (INetworkListManager).

use std::collections::BTreeMap;

use ipconfig::{Adapter, IfType, OperStatus};
use rdpdoctor_model::{Lookup, NetworkAdapter};
use windows::Win32::Networking::NetworkListManager::{INetworkListManager, NetworkListManager};
use windows::Win32::System::Com::{
    CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};

/// Adapters that are kept.
const MOST: usize = 64;

/// All of them but loopback.
pub(super) fn all() -> Lookup<Vec<NetworkAdapter>> {
    let adapters = match ipconfig::get_adapters() {
        Ok(adapters) => adapters,
        Err(error) => return Lookup::unavailable(error.to_string()),
    };
    // COM is a thread's; this one's is nobody else's.
    let categories = std::thread::spawn(categories).join().ok().flatten().unwrap_or_default();
    let own = adapters.iter().filter(|a| a.if_type() != IfType::SoftwareLoopback).take(MOST);
    Lookup::seen(own.map(|adapter| read(adapter, &categories)).collect())
}

fn read(adapter: &Adapter, categories: &BTreeMap<String, u32>) -> NetworkAdapter {
    let id = adapter.adapter_name().trim_matches(['{', '}']).to_ascii_uppercase();
    NetworkAdapter {
        name: adapter.friendly_name().to_owned(),
        description: adapter.description().to_owned(),
        up: adapter.oper_status() == OperStatus::IfOperStatusUp,
        addresses: adapter.ip_addresses().to_vec(),
        category: categories.get(&id).copied(),
    }
}

/// The categories by the GUIDs of adapters; none where the system does not tell.
#[expect(unsafe_code, reason = "calls of COM")]
fn categories() -> Option<BTreeMap<String, u32>> {
    // SAFETY: this thread has no COM yet, and ends it below if it began.
    if unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) }.is_err() {
        return None;
    }
    let found = connections();
    // SAFETY: everything of COM in this thread was dropped with `connections`.
    unsafe { CoUninitialize() };
    found
}

#[expect(unsafe_code, reason = "calls of COM")]
fn connections() -> Option<BTreeMap<String, u32>> {
    let mut found = BTreeMap::new();
    // SAFETY: COM is there, as `categories` says; the interfaces count their users by themselves.
    unsafe {
        let class = NetworkListManager;
        let manager: INetworkListManager =
            CoCreateInstance(&raw const class, None, CLSCTX_ALL).ok()?;
        let all = manager.GetNetworkConnections().ok()?;
        while found.len() < MOST {
            let mut next = [None];
            if all.Next(&mut next, None).is_err() {
                break;
            }
            let [Some(connection)] = next else { break };
            let id = connection.GetAdapterId();
            let category = connection.GetNetwork().and_then(|network| network.GetCategory());
            if let (Ok(id), Ok(category)) = (id, category) {
                found.insert(format!("{id:?}"), category.0.cast_unsigned());
            }
        }
    }
    Some(found)
}
