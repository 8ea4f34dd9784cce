//! The sessions of the machine (wtsapi32.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr::null_mut;

use rdpdoctor_model::{Lookup, Timestamp, WindowsSession};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::System::RemoteDesktop::{
    ProcessIdToSessionId, WTS_CLIENT_ADDRESS, WTS_CURRENT_SERVER_HANDLE, WTS_INFO_CLASS,
    WTS_SESSION_INFOW, WTSClientAddress, WTSClientName, WTSClientProtocolType,
    WTSEnumerateSessionsW, WTSFreeMemory, WTSINFOW, WTSLogoffSession, WTSQuerySessionInformationW,
    WTSSessionInfo,
};

use super::text::{at, could_not, last_error, until_zero, why};
use crate::system::{Changed, MOST_NAMES, NotChanged};

/// WTSClientProtocolType: the Remote Desktop protocol.
const RDP: u16 = 2;

/// WTSClientProtocolType and the like answer with so many bytes.
const SHORT: usize = 2;

/// What Windows gave and wants back.
struct Given(*mut core::ffi::c_void);

impl Drop for Given {
    #[expect(unsafe_code, reason = "a call of Windows")]
    fn drop(&mut self) {
        // SAFETY: Windows gave it to be freed so, and nobody has it after this.
        unsafe { WTSFreeMemory(self.0) };
    }
}

/// All sessions.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn all() -> Lookup<Vec<WindowsSession>> {
    let mut list: *mut WTS_SESSION_INFOW = null_mut();
    let mut count = 0;
    // SAFETY: the list is taken by `Given`.
    let done = unsafe {
        WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &raw mut list, &raw mut count)
    };
    if done == 0 {
        return could_not(last_error());
    }
    let list = Given(list.cast());
    let own = own();
    let mut sessions = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or_default().min(MOST_NAMES) {
        // SAFETY: Windows wrote `count` of them there, and their texts behind them.
        let (number, state, station) = unsafe {
            let entry = &*list.0.cast::<WTS_SESSION_INFOW>().add(index);
            (entry.SessionId, entry.State, at(entry.pWinStationName))
        };
        let state = state.cast_unsigned();
        let own = own == Some(number);
        sessions.push(with_details(WindowsSession { own, ..session(number, state, station) }));
    }
    Lookup::seen(sessions)
}

fn session(session: u32, state: u32, station: String) -> WindowsSession {
    WindowsSession {
        session,
        state,
        station,
        user: None,
        idle_ms: None,
        signed_in_at: None,
        disconnected_at: None,
        client_address: None,
        client_name: None,
        own: false,
    }
}

/// WTSListen: nobody is in it, and its times say nothing.
const LISTENS: u32 = 6;

fn with_details(mut session: WindowsSession) -> WindowsSession {
    let Some(info) = query(session.session, WTSSessionInfo).and_then(|bytes| info(&bytes)) else {
        return session;
    };
    let (domain, user) = (until_zero(&info.Domain), until_zero(&info.UserName));
    if session.state == LISTENS || user.is_empty() {
        return session;
    }
    let at = |ticks: i64| {
        u64::try_from(ticks).ok().filter(|ticks| *ticks > 0).and_then(Timestamp::from_filetime)
    };
    session.user = Some(if domain.is_empty() { user } else { format!(r"{domain}\{user}") });
    session.signed_in_at = at(info.LogonTime);
    session.disconnected_at = at(info.DisconnectTime).filter(|_| session.state == 4);
    session.idle_ms = at(info.LastInputTime)
        .zip(at(info.CurrentTime))
        .and_then(|(last, now)| u64::try_from(now.millis_since(last)).ok());
    session.client_address =
        query(session.session, WTSClientAddress).and_then(|bytes| client_address(&bytes));
    session.client_name = query(session.session, WTSClientName)
        .map(|bytes| units(&bytes))
        .map(|units| until_zero(&units))
        .filter(|name| !name.is_empty());
    session
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
}

/// What Windows says of a session, as bytes.
#[expect(unsafe_code, reason = "calls of Windows")]
fn query(session: u32, what: WTS_INFO_CLASS) -> Option<Vec<u8>> {
    let mut bytes: *mut u16 = null_mut();
    let mut length = 0;
    // SAFETY: what is given is taken by `Given`.
    let done = unsafe {
        WTSQuerySessionInformationW(
            WTS_CURRENT_SERVER_HANDLE,
            session,
            what,
            &raw mut bytes,
            &raw mut length,
        )
    };
    if done == 0 || bytes.is_null() {
        return None;
    }
    let bytes = Given(bytes.cast());
    let length = usize::try_from(length).ok()?;
    // SAFETY: Windows says how many bytes it wrote.
    Some(unsafe { std::slice::from_raw_parts(bytes.0.cast::<u8>(), length) }.to_vec())
}

/// The structure that the bytes are.
#[expect(unsafe_code, reason = "a structure of Windows from its bytes")]
fn info(bytes: &[u8]) -> Option<WTSINFOW> {
    let whole = bytes.len() >= size_of::<WTSINFOW>();
    // SAFETY: it holds numbers alone, and all of its bytes are there.
    whole.then(|| unsafe { bytes.as_ptr().cast::<WTSINFOW>().read_unaligned() })
}

/// WTS_CLIENT_ADDRESS: of IPv4 the third byte is the first of the address.
#[expect(unsafe_code, reason = "a structure of Windows from its bytes")]
fn client_address(bytes: &[u8]) -> Option<IpAddr> {
    if bytes.len() < size_of::<WTS_CLIENT_ADDRESS>() {
        return None;
    }
    // SAFETY: it holds numbers alone, and all of its bytes are there.
    let read = unsafe { bytes.as_ptr().cast::<WTS_CLIENT_ADDRESS>().read_unaligned() };
    let family = u16::try_from(read.AddressFamily).ok()?;
    match family {
        AF_INET => {
            let part: [u8; 4] = *read.Address.get(2..)?.first_chunk()?;
            Some(Ipv4Addr::from(part).into())
        }
        AF_INET6 => {
            let part: [u8; 16] = *read.Address.get(2..)?.first_chunk()?;
            Some(Ipv6Addr::from(part).into())
        }
        _ => None,
    }
}

/// The session that this program runs in.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn own() -> Option<u32> {
    let mut session = 0;
    // SAFETY: it writes the number there.
    let done = unsafe { ProcessIdToSessionId(std::process::id(), &raw mut session) };
    (done != 0).then_some(session)
}

/// Whether somebody is in a session by Remote Desktop.
pub(super) fn is_remote(session: u32) -> bool {
    let protocol = query(session, WTSClientProtocolType);
    let protocol = protocol.and_then(|bytes| bytes.first_chunk::<SHORT>().copied());
    protocol.map(u16::from_le_bytes) == Some(RDP)
}

/// Logs a session off, whatever is open in it, and waits for that.
#[expect(unsafe_code, reason = "a call of Windows")]
pub(super) fn end(session: u32) -> Changed {
    // SAFETY: it takes numbers alone.
    if unsafe { WTSLogoffSession(WTS_CURRENT_SERVER_HANDLE, session, 1) } != 0 {
        return Ok(());
    }
    Err(NotChanged(format!("session {session}: {}", why(last_error()))))
}
