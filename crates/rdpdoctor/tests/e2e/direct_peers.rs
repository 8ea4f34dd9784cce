//! The direct approach (MS-RDPBCGR 5.4.2.2) against real servers. None of Debian's takes it: xrdp and
//! FreeRDP's server, on which GNOME's is built, read a Connection Request and hang up on anything else. Who
//! takes it is shown by the lab's `direct-only` alone.

use crate::programs::installed;
use crate::servers::{VALID, shadow_by, xrdp};
use crate::support::{Run, cause, command, findings, folder, run};

/// A check by a file that lets nothing be negotiated.
fn directly(name: &str, target: &str) -> Run {
    let way = folder(&format!("direct-peer-{name}")).join("way.rdp");
    let text = format!("full address:s:{target}\r\nnegotiate security layer:i:0\r\n");
    std::fs::write(&way, text).expect("the file is written");
    run(command().arg("check").arg(way).args(["--json", "--timeout", "8"]))
}

/// That the setting is why, and not the server's TLS.
fn wants_to_be_asked(name: &str, target: &str) {
    let document = directly(name, target).json();
    let found = findings(&document);
    let blocking: Vec<_> = found.iter().filter(|f| f.contains(" blocking ")).collect();
    assert_eq!(blocking, ["client.rdp-file-fragile-settings blocking proven"], "{name}: {found:?}");
    assert_eq!(cause(&document), "client.rdp-file-fragile-settings");
}

#[test]
fn xrdp_wants_to_be_asked_first() {
    if installed(&["xrdp", "openssl"], "xrdp_wants_to_be_asked_first") {
        let (_server, target) = xrdp("xrdp-direct", &[], VALID);
        wants_to_be_asked("xrdp", &target);
    }
}

#[test]
fn freerdp_shadow_wants_to_be_asked_first() {
    if installed(&["freerdp-shadow-cli", "Xvfb"], "freerdp_shadow_wants_to_be_asked_first") {
        let (_screen, _server, target) = shadow_by("shadow-direct", "nla", &[]);
        wants_to_be_asked("shadow", &target);
    }
}
