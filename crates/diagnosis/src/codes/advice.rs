use rdpdoctor_model::CauseId;

/// Advice that articles give about these errors, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// What people are told to do.
    pub advice: &'static str,
    /// Why not, and what to do instead.
    pub instead: &'static str,
    /// Whether it does lasting damage or opens the host; the rest is merely wrong or no more than
    /// a test.
    pub refuse: bool,
    /// The causes it is given for: a whole area (`tls`) or one identifier.
    concerns: &'static [&'static str],
}

impl Advice {
    /// Whether it is given for one of these causes.
    pub fn concerns<'a>(&self, causes: impl IntoIterator<Item = &'a CauseId>) -> bool {
        causes
            .into_iter()
            .any(|id| self.concerns.iter().any(|concern| *concern == id.0 || *concern == id.area()))
    }
}

/// The advice found in articles about these errors, the most harmful first.
pub static ADVICE: &[Advice] = &[
    Advice {
        advice: "Rename or empty the MachineKeys folder",
        instead: "every other application loses its keys with it. Repair the one key file of the \
            bound certificate (f686aace... in RSA\\MachineKeys, or its file in Crypto\\Keys)",
        refuse: true,
        concerns: &["tls", "host.certificate-key-missing", "host.certificate-key-permissions"],
    },
    Advice {
        advice: "Set the security layer to RDP, or untick NLA",
        instead: "that is a downgrade. At most a test that takes itself back, and never where a \
            TLS check from outside gives the same answer",
        refuse: true,
        concerns: &["tls", "nla", "nego"],
    },
    Advice {
        advice: "Set DisableRestrictedAdmin=0 and use mstsc /restrictedAdmin to bypass CredSSP",
        instead: "it does not bypass CredSSP, it only keeps the password back, and it opens the \
            host to pass-the-hash",
        refuse: true,
        concerns: &["nla"],
    },
    Advice {
        advice: "Set AllowEncryptionOracle=2",
        instead: "it takes the protection from every connection of that client. Update the side \
            that lacks the 2018 CredSSP updates",
        refuse: true,
        concerns: &["nla.encryption-oracle", "client.credssp-outdated", "host.credssp-policy"],
    },
    Advice {
        advice: "Enable TLS 1.0 or SSL again",
        instead: "that is a downgrade for everything on the host. Bring the older side to TLS 1.2",
        refuse: true,
        concerns: &["tls.no-common-version", "tls.no-common-cipher", "tls.version-outdated"],
    },
    Advice {
        advice: "Open or forward TCP 3389 to the internet",
        instead: "it is found and attacked within hours. Use a VPN, a gateway, a bastion or \
            just-in-time access",
        refuse: true,
        concerns: &["net", "cloud", "gateway"],
    },
    Advice {
        advice: "Switch the firewall off",
        instead: "enable the one rule that is missing: Enable-NetFirewallRule -Name \
            RemoteDesktop-UserMode-In-TCP",
        refuse: true,
        concerns: &["net.port-blocked", "net.no-answer", "net.prohibited"],
    },
    Advice {
        advice: "Switch the antivirus off",
        instead: "not allowed in most companies, and its filters stay loaded. Name the filter \
            (drop events 5152 and 5157, the list of drivers) and ask for the exclusion",
        refuse: true,
        concerns: &["net.middlebox-reset", "net.port-blocked", "tls.intercepted"],
    },
    Advice {
        advice: "Delete the key RCM\\GracePeriod",
        instead: "it evades licensing and comes back. Name a licence server or remove the role",
        refuse: true,
        concerns: &["license", "host.license-grace-expired"],
    },
    Advice {
        advice: "Replace or patch termsrv.dll",
        instead: "the next update breaks it, and it breaks the licence. A client Windows takes one \
            session at a time",
        refuse: true,
        concerns: &["session.limit-reached", "license.host-not-licensed"],
    },
    Advice {
        advice: "Delete the host's certificate and restart",
        instead: "safe for the self-signed one only. If policy binds a CA's certificate, mend the \
            binding: falling back to self-signed is a change that strict clients refuse",
        refuse: false,
        concerns: &["tls.private-key-unavailable", "tls.certificate-expired"],
    },
    Advice {
        advice: "restart-service termserv -force",
        instead: "there is no such service: it is TermService, and restarting it cuts sessions and \
            can hang. SessionEnv first, then check, then TermService, then a reboot",
        refuse: false,
        concerns: &["tls", "net.silent-listener", "net.refused", "nego"],
    },
    Advice {
        advice: "Connect by the IP address",
        instead: "a test only: Kerberos and the certificate's name are lost",
        refuse: false,
        concerns: &["dns", "nla.kerberos-failed", "tls.certificate-name-mismatch"],
    },
    Advice {
        advice: "Delete the credentials under \"Connection settings\"",
        instead: "there is no such button there. cmdkey /list, cmdkey /delete:TERMSRV/HOST (and \
            the gateway's own name), mstsc /prompt",
        refuse: false,
        concerns: &["client.saved-credentials", "nla.credentials-rejected"],
    },
    Advice {
        advice: "Add inbound and outbound rules",
        instead: "inbound on the host only; outbound matters only for the client program on the \
            client",
        refuse: false,
        concerns: &["net.port-blocked", "net.no-answer"],
    },
    Advice {
        advice: "Restart router and modem",
        instead: "only when the first hop is what loses packets: measure it",
        refuse: false,
        concerns: &["net.packet-loss", "net.no-answer", "session.closed"],
    },
    Advice {
        advice: "Remove the Windows update, or go back to an older Windows",
        instead: "last of all: first the fixing update and Known Issue Rollback, and say what \
            security is lost",
        refuse: false,
        concerns: &["host.update-regression", "client.update-regression"],
    },
];
