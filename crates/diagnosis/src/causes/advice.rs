//! Remedies and tests that several causes share: one home for each piece of advice.

use crate::{NextTest, Remedy, Risk, Where};

/// Nothing was changed, so there is nothing to undo.
pub(crate) const NOTHING_TO_UNDO: &[&str] = &["nothing to undo: nothing was changed"];

/// On the host: the facts that only it knows.
pub(crate) const ON_THE_HOST: NextTest = NextTest {
    why: "on the host: tells service, listener, certificate, key and firewall apart",
    command: "PS> Get-WinEvent -FilterHashtable @{LogName='System'; Id=36870,36871,36874,36888,1057,1058} -MaxEvents 10",
};

/// From outside: is it Remote Desktop's key that an entry of Schannel is about?
pub(crate) const WHOSE_KEY: NextTest = NextTest {
    why: "from a client: tells Remote Desktop's key from that of a web server, LDAP or SQL on the host, which write the same event",
    command: "rdpdoctor check {target}",
};

/// From a client: does it take the direct approach (MS-RDPBCGR 5.4.2.2)?
pub(crate) const WITHOUT_NEGOTIATION: NextTest = NextTest {
    why: "begins with TLS and the sign-in, without asking first: tells a Remote Desktop host that lets nothing be negotiated from another service",
    command: "PS> 'full address:s:{host}:{port}', 'negotiate security layer:i:0' > direct.rdp; rdpdoctor check direct.rdp",
};

/// On the host: is the key there, and who may read it?
pub(crate) const LOOK_AT_KEY: NextTest = NextTest {
    why: "on the host: tells a missing key from missing permissions",
    command: "PS> icacls {key_file}",
};

/// In the cloud's console: what its rules let in.
pub(crate) const CLOUD_RULES: NextTest = NextTest {
    why: "if the host runs in a cloud: tells the cloud's rules from the host (az shown; aws ec2 describe-security-groups and gcloud compute firewall-rules list --format=json do as well)",
    command: "az network nic list-effective-nsg -g <group> -n <network interface> > rules.json; rdpdoctor read rules.json",
};

/// From another place: is it the path or the host?
pub(crate) const FROM_ELSEWHERE: NextTest = NextTest {
    why: "from a machine in the host's own network: tells the path from the host",
    command: "rdpdoctor check {target}",
};

/// The host's own listener and service.
pub(crate) const LOOK_AT_LISTENER: Remedy = Remedy {
    id: "look-at-the-listener",
    place: Where::Host,
    risk: Risk::Low,
    title: "See which program owns port {port}, and whether TermService is well",
    steps: &[
        "PS> Get-NetTCPConnection -State Listen -LocalPort {port} | Select-Object LocalAddress, OwningProcess",
        "PS> Get-Process -Id (Get-NetTCPConnection -State Listen -LocalPort {port}).OwningProcess",
        "PS> Get-Service TermService, SessionEnv, UmRdpService",
        "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='Microsoft-Windows-TerminalServices-RemoteConnectionManager','Schannel'} -MaxEvents 20",
        "If TermService hangs, tell who is logged on, then restart it; if it will not stop, restart the machine:",
        "PS> Restart-Service TermService -Force",
    ],
    interrupts: "looking: nothing; Restart-Service TermService cuts every Remote Desktop session",
    undo: NOTHING_TO_UNDO,
    verify: "rdpdoctor check {target} gets past 'RDP answer'",
};

/// The path's firewalls and devices.
pub(crate) const ASK_NETWORK_TEAM: Remedy = Remedy {
    id: "give-the-network-team-the-facts",
    place: Where::Network,
    risk: Risk::Low,
    title: "Give the network team addresses, ports, times and what never came back",
    steps: &[
        "$ rdpdoctor check {target} --text network",
        "Ask which firewall, intrusion prevention, VPN or load balancer lies between the two addresses and what its log says at those times.",
    ],
    interrupts: "nothing",
    undo: NOTHING_TO_UNDO,
    verify: "rdpdoctor check {target} passes from the same place",
};

/// Repairs the listener's certificate: the one key, or the one certificate.
pub(crate) const RENEW_CERTIFICATE: Remedy = Remedy {
    id: "renew-the-certificate",
    place: Where::Host,
    risk: Risk::Medium,
    title: "Let Windows make a new self-signed certificate, or bind a good one of your CA",
    steps: &[
        "See which certificate is bound, and until when it is valid:",
        "PS> $t = (Get-CimInstance -Namespace root/cimv2/TerminalServices Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\").SSLCertificateSHA1Hash; $t",
        "PS> Get-ChildItem 'Cert:\\LocalMachine\\Remote Desktop', Cert:\\LocalMachine\\My | Format-List Thumbprint, Subject, NotAfter, HasPrivateKey",
        "If it is the self-signed one: keep a copy, remove that one certificate, and let SessionEnv make a new one:",
        "PS> $c = Get-Item \"Cert:\\LocalMachine\\Remote Desktop\\$t\"; Export-Certificate -Cert $c -FilePath C:\\rdp-old.cer; Remove-Item $c.PSPath; Restart-Service SessionEnv -Force",
        "If it is one of your CA: enrol a new one for the host's name with the usage Server Authentication, and bind it:",
        "PS> Set-CimInstance -Query \"SELECT * FROM Win32_TSGeneralSetting WHERE TerminalName='RDP-Tcp'\" -Namespace root/cimv2/TerminalServices -Property @{SSLCertificateSHA1Hash='<new thumbprint>'}",
    ],
    interrupts: "nothing; sessions that are open go on",
    undo: &[
        "PS> Import-Certificate C:\\rdp-old.cer -CertStoreLocation 'Cert:\\LocalMachine\\Remote Desktop'",
        "PS> Set-CimInstance -Query \"SELECT * FROM Win32_TSGeneralSetting WHERE TerminalName='RDP-Tcp'\" -Namespace root/cimv2/TerminalServices -Property @{SSLCertificateSHA1Hash='<old thumbprint>'}",
    ],
    verify: "rdpdoctor check {target} shows the new certificate without this finding",
};

/// The host's TLS settings.
pub(crate) const TLS_SETTINGS: Remedy = Remedy {
    id: "mend-the-tls-settings",
    place: Where::Policy,
    risk: Risk::Medium,
    title: "Give the host TLS 1.2 and suites that fit its certificate's key",
    steps: &[
        "PS> Get-ChildItem 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols' -Recurse | Get-ItemProperty | Select-Object PSPath, Enabled, DisabledByDefault",
        "PS> Get-TlsCipherSuite | Select-Object Name",
        "PS> Get-ItemProperty 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002' -ErrorAction SilentlyContinue",
        "Keep a copy, then let TLS 1.2 be on for the server side; do not switch TLS 1.0 or 1.1 on:",
        "PS> reg export HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL C:\\schannel.reg",
        "PS> New-Item 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Server' -Force | Set-ItemProperty -Name Enabled -Value 1",
        "Restart the machine: Schannel reads these values at start.",
    ],
    interrupts: "the restart ends every session",
    undo: &["PS> reg import C:\\schannel.reg", "Restart the machine."],
    verify: "rdpdoctor check {target} gets past 'encryption'",
};

/// What only the DNS' or hosts' owner can mend.
pub(crate) const MEND_DNS: Remedy = Remedy {
    id: "mend-the-name",
    place: Where::Directory,
    risk: Risk::Low,
    title: "See what the DNS has for the name, and correct the record",
    steps: &[
        "PS> Resolve-DnsName {host} -Type A_AAAA",
        "PS> Get-DnsServerResourceRecord -ZoneName <zone> -Name <name>   (on the DNS server)",
        "On the host, register its addresses again: PS> ipconfig /registerdns",
        "On the client, forget the old answer: PS> Clear-DnsClientCache",
    ],
    interrupts: "nothing",
    undo: &["Restore the record's former value."],
    verify: "rdpdoctor check {target} gets past 'name'",
};

/// Checks at the client: name, VPN, resolver.
pub(crate) const CHECK_NAME_AT_CLIENT: Remedy = Remedy {
    id: "check-the-name-and-the-vpn",
    place: Where::Client,
    risk: Risk::Low,
    title: "Check the spelling, write the full name, and see whether the VPN is up",
    steps: &[
        "Write the name with its domain (pc42.corp.example instead of pc42).",
        "PS> Get-DnsClientServerAddress; Get-DnsClientGlobalSetting | Select-Object SuffixSearchList",
        "PS> Resolve-DnsName {host}",
        "If the name belongs to a company network, connect the VPN first.",
    ],
    interrupts: "nothing",
    undo: NOTHING_TO_UNDO,
    verify: "rdpdoctor check {target} gets past 'name'",
};

/// The host's part of a sign-in: its log, its domain controller, its own credentials.
pub(crate) const LOOK_AT_SIGN_IN: Remedy = Remedy {
    id: "look-at-the-sign-in",
    place: Where::Host,
    risk: Risk::Medium,
    title: "See why the host's sign-in fails: its log, its domain controller, its own credentials",
    steps: &[
        "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational -MaxEvents 20",
        "PS> Get-WinEvent -FilterHashtable @{LogName='System'; ProviderName='NETLOGON','LsaSrv'} -MaxEvents 20",
        "PS> nltest /sc_query:<domain>   (does the host reach its domain controller?)",
        "GNOME Remote Desktop: $ grdctl status   (set user name and password; empty ones make it hang up)",
    ],
    interrupts: "nothing",
    undo: NOTHING_TO_UNDO,
    verify: "rdpdoctor check {target} shows the names behind 'sign-in'",
};
