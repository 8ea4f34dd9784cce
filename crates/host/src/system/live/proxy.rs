//! The settings of this Windows for proxies of the web: the user's, the machine's, and what a script of
//! either comes to, which Windows runs itself.

use std::ptr::null;
use std::sync::mpsc;
use std::time::Duration;

use rdpdoctor_model::{Lookup, RegistryData};
use windows_sys::Win32::Foundation::GlobalFree;
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_ACCESS_TYPE_NAMED_PROXY, WINHTTP_ACCESS_TYPE_NO_PROXY, WINHTTP_AUTO_DETECT_TYPE_DHCP,
    WINHTTP_AUTO_DETECT_TYPE_DNS_A, WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTOPROXY_CONFIG_URL,
    WINHTTP_AUTOPROXY_OPTIONS, WINHTTP_CURRENT_USER_IE_PROXY_CONFIG, WINHTTP_PROXY_INFO,
    WinHttpCloseHandle, WinHttpGetDefaultProxyConfiguration, WinHttpGetIEProxyConfigForCurrentUser,
    WinHttpGetProxyForUrl, WinHttpOpen,
};

use super::{registry, text};
use crate::web_proxy::WebProxy;

/// With 0 everybody on the machine has its settings.
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings";
const PER_USER: &str = "ProxySettingsPerUser";
const OF_ALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings";

/// Longest wait for a script: it is searched for by DHCP and DNS, fetched, and may ask the DNS itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// ERROR_WINHTTP_AUTODETECTION_FAILED: this network has no script.
const NO_SCRIPT: u32 = 12_180;

/// What is set, for one user or all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Whether the network is asked for a script.
    pub detect: bool,
    /// The address of a script.
    pub script: Option<String>,
    /// Servers, where no script says otherwise.
    pub fixed: WebProxy,
}

/// The settings that programs of this user have, which a policy can make those of the machine.
pub fn proxy_settings() -> ProxySettings {
    let per_user = registry::value(POLICY, PER_USER);
    if per_user.as_seen().and_then(RegistryData::number) == Some(0) { of_all() } else { of_user() }
}

/// What `netsh winhttp set proxy` has set for programs that ask nothing else.
#[expect(unsafe_code, reason = "a call of Windows")]
pub fn machine_proxy() -> WebProxy {
    let mut info = WINHTTP_PROXY_INFO::default();
    // SAFETY: the structure is ours and lives on.
    let done = unsafe { WinHttpGetDefaultProxyConfiguration(&raw mut info) };
    // SAFETY: the texts are Windows' own, and nobody has them after this.
    let (servers, exceptions) = unsafe { (taken(info.lpszProxy), taken(info.lpszProxyBypass)) };
    match (done, info.dwAccessType) {
        (0, _) | (_, WINHTTP_ACCESS_TYPE_NO_PROXY) => WebProxy::default(),
        _ => WebProxy { servers, exceptions },
    }
}

/// What the script says of an HTTPS server: a proxy, or settings without one. Absent where the network has
/// no script.
pub fn proxy_by_script(settings: &ProxySettings, place: &str) -> Lookup<WebProxy> {
    let (settings, url) = (settings.clone(), format!("https://{place}/"));
    let (tell, told) = mpsc::channel();
    // Where Windows does not come to an end it is left alone, and ends with the program.
    std::thread::spawn(move || {
        // Nobody listens any more where it came too late.
        let _ = tell.send(by_script(&settings, &url));
    });
    match told.recv_timeout(PATIENCE) {
        Ok(Err(NO_SCRIPT)) => Lookup::Absent,
        Ok(Err(error)) => text::could_not(error),
        Ok(Ok(proxy)) => Lookup::seen(proxy),
        Err(_) => Lookup::unavailable("it did not answer in time"),
    }
}

/// Of the registry, where the policy says so; whether the network is asked stands in no value of it.
fn of_all() -> ProxySettings {
    let value = |name: &str| registry::value(OF_ALL, name);
    let text = |name: &str| {
        value(name).as_seen().and_then(RegistryData::text).unwrap_or_default().to_owned()
    };
    let on = value("ProxyEnable").as_seen().and_then(RegistryData::number) == Some(1);
    let fixed = WebProxy { servers: text("ProxyServer"), exceptions: text("ProxyOverride") };
    ProxySettings {
        detect: false,
        script: Some(text("AutoConfigURL")).filter(|script| !script.is_empty()),
        fixed: if on { fixed } else { WebProxy::default() },
    }
}

#[expect(unsafe_code, reason = "a call of Windows")]
fn of_user() -> ProxySettings {
    let mut set = WINHTTP_CURRENT_USER_IE_PROXY_CONFIG::default();
    // SAFETY: the structure is ours and lives on.
    if unsafe { WinHttpGetIEProxyConfigForCurrentUser(&raw mut set) } == 0 {
        return ProxySettings::default();
    }
    // SAFETY: the texts are Windows' own, and nobody has them after this.
    let (script, servers, exceptions) =
        unsafe { (taken(set.lpszAutoConfigUrl), taken(set.lpszProxy), taken(set.lpszProxyBypass)) };
    let fixed = WebProxy { servers, exceptions };
    let script = Some(script).filter(|script| !script.is_empty());
    ProxySettings { detect: set.fAutoDetect != 0, script, fixed }
}

#[expect(unsafe_code, reason = "calls of Windows")]
fn by_script(settings: &ProxySettings, url: &str) -> Result<WebProxy, u32> {
    // SAFETY: no text is given; the handle is closed below.
    let session = unsafe { WinHttpOpen(null(), WINHTTP_ACCESS_TYPE_NO_PROXY, null(), null(), 0) };
    if session.is_null() {
        return Err(text::last_error());
    }
    let (url, script) = (text::wide(url), settings.script.as_deref().map(text::wide));
    let mut options = WINHTTP_AUTOPROXY_OPTIONS::default();
    if settings.detect {
        options.dwFlags |= WINHTTP_AUTOPROXY_AUTO_DETECT;
        options.dwAutoDetectFlags = WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
    }
    if let Some(script) = &script {
        options.dwFlags |= WINHTTP_AUTOPROXY_CONFIG_URL;
        options.lpszAutoConfigUrl = script.as_ptr();
    }
    // `fAutoLogonIfChallenged` stays off: nobody is signed in to whoever has the script.
    let mut info = WINHTTP_PROXY_INFO::default();
    // SAFETY: the texts end with a zero and live until the end; the structures are ours.
    let done =
        unsafe { WinHttpGetProxyForUrl(session, url.as_ptr(), &raw mut options, &raw mut info) };
    let error = text::last_error();
    // SAFETY: it was opened above, and nobody has it after this.
    unsafe { WinHttpCloseHandle(session) };
    // SAFETY: the texts are Windows' own, and nobody has them after this.
    let (servers, exceptions) = unsafe { (taken(info.lpszProxy), taken(info.lpszProxyBypass)) };
    match (done, info.dwAccessType) {
        (0, _) => Err(error),
        (_, WINHTTP_ACCESS_TYPE_NAMED_PROXY) => Ok(WebProxy { servers, exceptions }),
        _ => Ok(WebProxy::default()),
    }
}

/// A text that is ours to free; empty where there is none.
///
/// # Safety
/// It is null or a text of Windows', which a zero ends, and is taken once.
#[expect(unsafe_code, reason = "Windows gives it as a pointer")]
unsafe fn taken(pointer: *mut u16) -> String {
    // SAFETY: as the caller says.
    let shown = unsafe { text::at(pointer) };
    if !pointer.is_null() {
        // SAFETY: as the caller says.
        unsafe { GlobalFree(pointer.cast()) };
    }
    shown
}
