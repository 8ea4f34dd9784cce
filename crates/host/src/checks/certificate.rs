//! The certificate that Remote Desktop shows, and its key.

use crate::question::Question::{Certificates, Events, File, Folder, Value};
use crate::question::{Check, LeftOut};

const STATIONS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations";
const LISTENER: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services";
const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
const MANAGER: &str = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";

pub(super) static LEFT_OUT: &[LeftOut] = &[];

pub(super) static CHECKS: &[Check] = &[
    Check::host(
        "H080",
        &[
            Value(LISTENER, "SSLCertificateSHA1Hash"),
            Certificates("Remote Desktop"),
            Certificates("My"),
        ],
    )
    .feeds(&["host.certificate-binding-broken"]),
    Check::host(
        "H081",
        &[Value(STATIONS, "SelfSignedCertStore"), Value(STATIONS, "SelfSignedCertificate")],
    )
    .feeds(&["host.certificate-binding-broken"]),
    Check::host("H082", &[Certificates("Remote Desktop")])
        .feeds(&["host.certificate-binding-broken", "host.certificate-key-missing"]),
    Check::host("H083", &[Certificates("Remote Desktop"), Certificates("My")])
        .feeds(&["host.certificate-expired"]),
    Check::host("H084", &[Certificates("Remote Desktop"), Certificates("My")])
        .feeds(&["host.certificate-binding-broken"]),
    Check::host("H085", &[Certificates("Remote Desktop"), Certificates("My")])
        .feeds(&["host.certificate-key-missing", "host.certificate-key-permissions"]),
    Check::host("H086", &[File(r"%ProgramData%\Microsoft\Crypto\RSA\MachineKeys")])
        .beside()
        .feeds(&["host.certificate-key-permissions"]),
    Check::host("H087", &[Certificates("Remote Desktop")])
        .feeds(&["host.certificate-key-permissions"]),
    Check::host(
        "H088",
        &[
            Certificates("Remote Desktop"),
            Value(r"HKLM\SOFTWARE\Microsoft\Cryptography", "MachineGuid"),
            Events("System", MANAGER, &[1057, 1058]),
            Events("System", "Schannel", &[36_870]),
        ],
    )
    .feeds(&["host.certificate-key-missing", "host.certificate-key-permissions"]),
    Check::host("H089", &[Folder(r"%ProgramData%\Microsoft\Crypto\RSA")])
        .beside()
        .feeds(&["host.certificate-key-missing"]),
    Check::host("H090", &[Value(PROFILES, "ProgramData")])
        .beside()
        .feeds(&["host.certificate-key-missing"]),
    Check::host("H091", &[Certificates("My")]).feeds(&["host.certificate-key-permissions"]),
    Check::host("H092", &[Value(POLICY, "CertTemplateName")])
        .beside()
        .feeds(&["host.certificate-binding-broken"]),
];
