//! How far the machine's clock is from its domain's, else from the internet's: one question by SNTP
//! (RFC 4330), as `w32tm /stripchart` asks.

use std::time::Duration;

use rdpdoctor_model::{Lookup, RegistryData};
use rsntp::{Config, SntpClient};

use crate::System;

const TIME: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
const NETWORK: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

/// W32Time\Parameters\Type of a member of a domain.
const OF_DOMAIN: &str = "NT5DS";

/// Whom Windows asks unless it is told otherwise.
const USUAL: &str = "time.windows.com";

/// Longest wait for the answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose clock it was held against, and by how many milliseconds this one is ahead.
pub(super) fn offset(system: &dyn System) -> (String, Lookup<i64>) {
    let against = against(system);
    let client = SntpClient::with_config(Config::default().timeout(PATIENCE));
    let ahead = match client.synchronize(against.as_str()) {
        // What has to be added to this clock.
        Ok(answer) => {
            let milliseconds = -answer.clock_offset().as_secs_f64() * 1000.0;
            #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
            Lookup::seen(milliseconds.round() as i64)
        }
        Err(error) => Lookup::unavailable(format!("{against} was not asked in time: {error}")),
    };
    (against, ahead)
}

fn against(system: &dyn System) -> String {
    let text = |key: &str, name: &str| {
        let value = system.registry_value(key, name);
        let text = value.as_seen().and_then(RegistryData::text).unwrap_or_default().trim();
        text.to_owned()
    };
    let domain = text(NETWORK, "Domain");
    if text(TIME, "Type").eq_ignore_ascii_case(OF_DOMAIN) && !domain.is_empty() {
        return domain;
    }
    // `time.windows.com,0x9 other.example,0x8`
    let listed = text(TIME, "NtpServer");
    let first = listed.split([' ', ',']).find(|part| !part.is_empty());
    first.unwrap_or(USUAL).to_owned()
}
