//! An entry in the Application log of Windows.

use std::ptr::{null, null_mut};

use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_INFORMATION_TYPE, RegisterEventSourceW, ReportEventW,
};

use super::text::{last_error, why, wide};
use crate::system::{Changed, LogEvent, NotChanged};

/// The source, as the log shows it. It has no file of messages, so that Windows shows the text with a
/// remark.
const SOURCE: &str = "rdpdoctor";

/// Longest text of an entry (documentation of ReportEvent).
const LONGEST: usize = 31_839;

/// Writes it.
#[expect(unsafe_code, reason = "calls of Windows")]
pub(super) fn write(event: &LogEvent) -> Changed {
    let failed = |error| NotChanged(format!("the Application log: {}", why(error)));
    let name = wide(SOURCE);
    // SAFETY: the name ends with a zero; no server is this machine.
    let source = unsafe { RegisterEventSourceW(null(), name.as_ptr()) };
    if source.is_null() {
        return Err(failed(last_error()));
    }
    let text: String = event.text.chars().take(LONGEST / 2).collect();
    let text = wide(&text);
    let texts = [text.as_ptr()];
    // SAFETY: the source is open until the next call; one text is given, and a zero ends it.
    let written = unsafe {
        let written = ReportEventW(
            source,
            EVENTLOG_INFORMATION_TYPE,
            0,
            event.id,
            null_mut(),
            1,
            0,
            texts.as_ptr(),
            null(),
        );
        let error = if written == 0 { last_error() } else { 0 };
        DeregisterEventSource(source);
        error
    };
    if written == 0 { Ok(()) } else { Err(failed(written)) }
}
