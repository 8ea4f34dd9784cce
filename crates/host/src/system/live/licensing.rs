//! The grace period of a session host's licensing, which WMI alone tells (Win32_TerminalServiceSetting).

use std::sync::mpsc;
use std::time::Duration;

use rdpdoctor_model::Lookup;
use serde::Deserialize;
use wmi::{AuthLevel, WMIConnection, WMIError, WMIResult};

const NAMESPACE: &str = r"root\cimv2\TerminalServices";

/// Longest wait for WMI, whose own is without end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The one instance there is.
#[derive(Deserialize)]
#[serde(rename = "Win32_TerminalServiceSetting")]
struct Setting {
    #[serde(rename = "__Path")]
    path: String,
}

/// What GetGracePeriodDays gives.
#[derive(Deserialize)]
struct Grace {
    #[serde(rename = "ReturnValue")]
    result: u32,
    #[serde(rename = "DaysLeft")]
    days: Option<u32>,
}

/// Days that are left; absent where nothing is counted, as in the collecting script.
pub(super) fn grace() -> Lookup<u32> {
    let (tell, told) = mpsc::channel();
    // COM is a thread's; where WMI hangs it is left alone, and ends with the program.
    std::thread::spawn(move || {
        // Nobody listens any more where it came too late.
        let _ = tell.send(asked());
    });
    match told.recv_timeout(PATIENCE) {
        Ok(Ok(Some(Grace { result: 0, days: Some(days) }))) => Lookup::seen(days),
        Ok(Ok(_)) => Lookup::Absent,
        Ok(Err(WMIError::HResultError { hres })) => {
            super::text::could_not(super::text::number_in(hres))
        }
        Ok(Err(error)) => Lookup::unavailable(error.to_string()),
        Err(_) => Lookup::unavailable("WMI did not answer in time"),
    }
}

fn asked() -> WMIResult<Option<Grace>> {
    let connection = WMIConnection::with_namespace_path(NAMESPACE)?;
    // The namespace asks for encryption (its qualifier RequiresEncryption).
    connection.set_proxy_blanket(AuthLevel::PktPrivacy)?;
    let Some(Setting { path }) = connection.query::<Setting>()?.into_iter().next() else {
        return Ok(None);
    };
    connection.exec_instance_method::<Setting, _>(path, "GetGracePeriodDays", ()).map(Some)
}
