//! Who listens on a port (MIB_TCPTABLE_OWNER_PID, MIB_TCP6TABLE_OWNER_PID).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rdpdoctor_model::{Lookup, PortListener};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

use super::text::could_not;
use super::{processes, services};

/// Longest table, in numbers of 32 bits.
const LONGEST: usize = 4 << 20;

/// ERROR_INSUFFICIENT_BUFFER.
const TOO_SHORT: u32 = 122;

/// Who listens there. Absent when nobody does.
pub(super) fn on(port: u16) -> Lookup<Vec<PortListener>> {
    let mut found = Vec::new();
    for (family, read) in [(AF_INET, v4 as fn(&[u32]) -> _), (AF_INET6, v6)] {
        match table(u32::from(family)) {
            Ok(table) => found.extend(read(&table).into_iter().filter(|row| row.port == port)),
            Err(error) => return could_not(error),
        }
    }
    if found.is_empty() {
        return Lookup::Absent;
    }
    let (processes, services) = (processes::all(), services::by_process());
    let listener = |row: Row| PortListener {
        address: row.address,
        process: row.process,
        program: processes.get(&row.process).map(|process| process.program.clone()),
        services: services
            .iter()
            .filter(|(process, _)| *process == row.process)
            .map(|(_, name)| name.clone())
            .collect(),
    };
    Lookup::seen(found.into_iter().map(listener).collect())
}

/// Who listens where.
struct Row {
    address: IpAddr,
    port: u16,
    process: u32,
}

/// The table of those who listen, its number of rows first.
#[expect(unsafe_code, reason = "a call of Windows")]
fn table(family: u32) -> Result<Vec<u32>, u32> {
    let mut table = vec![0_u32; 1 << 12];
    loop {
        let mut length = u32::try_from(table.len() * 4).unwrap_or(u32::MAX);
        // SAFETY: the table is as long as is said.
        let error = unsafe {
            GetExtendedTcpTable(
                table.as_mut_ptr().cast(),
                &raw mut length,
                0,
                family,
                TCP_TABLE_OWNER_PID_LISTENER,
                0,
            )
        };
        match error {
            0 => return Ok(table),
            TOO_SHORT if table.len() < LONGEST => table.resize(table.len() * 2, 0),
            _ => return Err(error),
        }
    }
}

fn rows<const LENGTH: usize>(table: &[u32]) -> impl Iterator<Item = &[u32; LENGTH]> {
    let count = table.first().and_then(|count| usize::try_from(*count).ok()).unwrap_or_default();
    let (rows, _) = table.get(1..).unwrap_or_default().as_chunks::<LENGTH>();
    rows.iter().take(count)
}

/// State, own address and port, other address and port, process.
fn v4(table: &[u32]) -> Vec<Row> {
    rows::<6>(table)
        .map(|[_, address, port, _, _, process]| Row {
            address: Ipv4Addr::from(address.to_le_bytes()).into(),
            port: port_of(*port),
            process: *process,
        })
        .collect()
}

/// Own address, its scope and port, other address, its scope and port, state, process.
fn v6(table: &[u32]) -> Vec<Row> {
    rows::<14>(table)
        .map(|[a, b, c, d, _, port, .., process]| {
            let mut address = [0; 16];
            let parts = [a, b, c, d].into_iter().flat_map(|part| part.to_le_bytes());
            address.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
            Row { address: Ipv6Addr::from(address).into(), port: port_of(*port), process: *process }
        })
        .collect()
}

/// The lower half, in the order of the network.
fn port_of(number: u32) -> u16 {
    let [low, high, ..] = number.to_le_bytes();
    u16::from_be_bytes([low, high])
}
