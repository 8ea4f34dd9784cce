//! Each way to break the client.

use rdpdoctor_model::{RegistryData, WindowsEvent};

use super::machines::{
    Broken, CACHE, CLIENT, CREDSSP, DEFAULTS, DELEGATION, GATEWAY, INSTEAD, LSA, NTLM, OWN_CLIENT,
    POLICY, TLS_12, VERSION, client, client_changed, event, file, healthy_client, strings, text,
    without,
};

pub fn broken_clients() -> Vec<Broken> {
    let mut all = clients_by_what_they_keep();
    all.extend(clients_by_policy());
    all
}

fn clients_by_what_they_keep() -> Vec<Broken> {
    let dword = RegistryData::Dword;
    let log = |server: &str| {
        let provider = "Microsoft-Windows-TerminalServices-ClientActiveXCore";
        let server_name = Some(server.to_owned());
        vec![WindowsEvent { server_name, ..event(provider, 1024) }, event(provider, 1009)]
    };
    vec![
        {
            let hosts = b"10.20.4.99 ledger3 ledger3.acme.example\r\n";
            let path = r"C:\Windows\System32\drivers\etc\hosts";
            let system = file(healthy_client(), path, None, hosts);
            let found = &["dns.hosts-override info proven"];
            Broken {
                rows: &["C171", "C173", "C175"],
                name: "the hosts file names the host",
                system,
                found,
            }
        },
        {
            let settings = "full address:s:ledger3\r\ngatewayhostname:s:gw.acme.example\r\ngatewayusagemethod:i:1\r\n";
            let system = file(healthy_client(), DEFAULTS, None, settings.as_bytes());
            let found = &["client.gateway-settings info proven"];
            Broken { rows: &["C173", "C187"], name: "a gateway always", system, found }
        },
        Broken {
            rows: &["C174"],
            name: "settings that are none",
            system: file(healthy_client(), DEFAULTS, None, &[0; 512]),
            found: &["client.cache-corrupt warning likely"],
        },
        Broken {
            rows: &["C174"],
            name: "a damaged picture cache",
            system: file(healthy_client(), &format!(r"{CACHE}\Cache0000.bin"), None, &[0; 512]),
            found: &["client.cache-corrupt warning likely"],
        },
        client(
            &["C175", "C176"],
            "another user kept",
            &[(&format!(r"{OWN_CLIENT}\Servers\ledger3"), "UsernameHint", text(r"ACME\igor"))],
            &["client.saved-credentials info possible"],
        ),
        client_changed(
            &["C176", "C195"],
            "credentials that were refused",
            |system| system.events = log("ledger3.acme.example"),
            &[
                "client.saved-credentials warning likely",
                "nla.credentials-rejected warning possible",
            ],
        ),
        client(
            &["C177"],
            "passwords never kept",
            &[(POLICY, "DisablePasswordSaving", dword(1))],
            &["client.saved-credentials info proven"],
        ),
        client_changed(
            &["C193"],
            "licences without a machine",
            |system| system.registry.retain(|(of, _), _| !of.ends_with(r"\mslicensing\hardwareid")),
            &["client.cache-corrupt info possible"],
        ),
        Broken {
            rows: &["C194"],
            name: "no client program",
            system: without(healthy_client(), r"C:\Windows\System32\mstsc.exe"),
            found: &["client.app-blocked blocking proven"],
        },
        client(
            &["C194"],
            "Windows out of support",
            &[(VERSION, "CurrentBuildNumber", text("19045"))],
            &["client.outdated warning likely"],
        ),
        client(
            &["H112"],
            "a build that loses sessions",
            &[(VERSION, "CurrentBuildNumber", text("26100")), (VERSION, "UBR", dword(3_194))],
            &["client.update-regression info possible"],
        ),
        client_changed(
            &["C117"],
            "an update that asks",
            |system| system.updates = strings(&["KB5083769"]),
            &["client.update-regression info likely"],
        ),
    ]
}

fn clients_by_policy() -> Vec<Broken> {
    let dword = RegistryData::Dword;
    vec![
        client(
            &["C161"],
            "no UDP",
            &[(CLIENT, "DisableUDPTransport", dword(1))],
            &["client.udp-policy info proven"],
        ),
        client(
            &["C178"],
            "no credentials to anybody",
            &[
                (DELEGATION, "DenyFreshCredentials", dword(1)),
                (&format!(r"{DELEGATION}\DenyFreshCredentials"), "1", text("TERMSRV/*")),
            ],
            &["client.credssp-policy blocking likely"],
        ),
        client(
            &["C178"],
            "no saved credentials to anybody",
            &[
                (DELEGATION, "DenySavedCredentials", dword(1)),
                (&format!(r"{DELEGATION}\DenySavedCredentials"), "1", text("TERMSRV/*")),
            ],
            &["client.saved-credentials warning likely"],
        ),
        client(
            &["C179"],
            "an old flaw left open",
            &[(CREDSSP, "AllowEncryptionOracle", dword(2))],
            &["client.credssp-policy warning proven"],
        ),
        client_changed(
            &["C179"],
            "no CredSSP update",
            |system| {
                let path = r"c:\windows\system32\tspkg.dll";
                let (state, _) = system.files.get_mut(path).expect("the file");
                state.version = Some("6.3.9600.17415".to_owned());
            },
            &["client.credssp-outdated warning proven"],
        ),
        client(
            &["C180"],
            "no NLA",
            &[(CLIENT, "EnableCredSSPSupport", dword(0))],
            &["client.nla-unsupported warning proven"],
        ),
        client(
            &["C181"],
            "Remote Credential Guard only",
            &[
                (DELEGATION, "RestrictedRemoteAdministration", dword(1)),
                (DELEGATION, "RestrictedRemoteAdministrationType", dword(2)),
            ],
            &["client.credssp-policy warning likely"],
        ),
        client(
            &["C182"],
            "only hosts that prove who they are",
            &[(POLICY, "AuthenticationLevel", dword(1))],
            &["client.tls-policy warning likely"],
        ),
        client(
            &["C183"],
            "nobody is asked",
            &[(OWN_CLIENT, "AuthenticationLevelOverride", dword(0))],
            &["client.tls-policy info likely"],
        ),
        client(
            &["C184"],
            "outgoing NTLM refused",
            &[(NTLM, "RestrictSendingNTLMTraffic", dword(2))],
            &["client.ntlm-policy warning proven"],
        ),
        client(
            &["C185"],
            "NTLM version 1 sent",
            &[(LSA, "LmCompatibilityLevel", dword(0))],
            &["client.ntlm-policy warning proven"],
        ),
        client(
            &["C186"],
            "no TLS 1.2",
            &[(TLS_12, "Enabled", dword(0))],
            &["client.tls-policy warning proven"],
        ),
        client(
            &["C187"],
            "a gateway that nobody names",
            &[(GATEWAY, "UseProxy", dword(1))],
            &["client.gateway-settings warning proven"],
        ),
        client(
            &["C188"],
            "the old transport of gateways",
            &[(CLIENT, "RDGClientTransport", dword(1))],
            &["client.gateway-settings info possible"],
        ),
        client(
            &["C190"],
            "another program in its place",
            &[(INSTEAD, "Debugger", text("other.exe"))],
            &["client.app-blocked blocking likely"],
        ),
    ]
}
