//! Who may sign in, and whether there is a licence for it.

use crate::question::{
    Check, LeftOut,
    Question::{LicenseGrace, Members, Right, Subkeys, Value, Values},
};

const SERVER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const LICENSING: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\Licensing Core";
const GRACE: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\RCM\GracePeriod";
const SERVERS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\TermService\Parameters\LicenseServers";

/// Remote Desktop Users; its name is another one in each language.
const USERS: &str = "S-1-5-32-555";

pub(super) static CHECKS: &[Check] = &[
    Check::host("H120", &[Right("SeRemoteInteractiveLogonRight")])
        .feeds(&["host.logon-right-denied", "host.user-not-permitted"]),
    Check::host("H121", &[Right("SeDenyRemoteInteractiveLogonRight")])
        .feeds(&["host.logon-right-denied"]),
    Check::host("H122", &[Right("SeNetworkLogonRight"), Right("SeDenyNetworkLogonRight")])
        .feeds(&["host.logon-right-denied"]),
    Check::host("H123", &[Members(USERS)]).feeds(&["host.user-not-permitted"]),
    Check::host("H125", &[Value(LICENSING, "LicensingMode"), Value(POLICY, "LicensingMode")])
        .feeds(&["host.license-grace-expired"]),
    Check::host("H126", &[Value(POLICY, "LicenseServers"), Values(SERVERS)])
        .feeds(&["host.license-grace-expired"]),
    Check::host("H127", &[LicenseGrace, Subkeys(GRACE)]).feeds(&["host.license-grace-expired"]),
    Check::host("H129", &[Value(SERVER, "TSAppCompat")]).feeds(&["host.license-grace-expired"]),
];

pub(super) static LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        row: "H124",
        why: "the flag stands in the directory's userParameters, not on the host",
    },
    LeftOut {
        row: "H128",
        why: "the certificates of the licence cache look the same when they are damaged; only the \
              licensing itself tells, as check --logon shows",
    },
];
