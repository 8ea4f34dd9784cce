//! Facts of a host, for the tests beside the rules that read them.

use rdpdoctor_model::{
    Certificate, Fact, FileState, Hex, KeyPlace, Lookup, MachineCertificate, NetworkAdapter,
    PortListener, PortListeners, RegistryData, RegistryKey, ServiceState, Stage, WindowsFile,
    WindowsService,
};

use crate::host_view::service;
use crate::machine::LISTENER;
use crate::testing::Scene;

/// The file of the self-signed certificate's key.
pub(crate) const KEY_FILE: &str = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_00000000-1111-2222-3333-444444444444";
/// Its list as Windows makes it.
pub(crate) const KEY_ACCESS: &str = "O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FR;;;NS)";

const RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
const POLICY_RULES: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules";

impl Scene {
    /// A value of the host's registry.
    pub(crate) fn host_value(self, key: &str, name: &str, data: Lookup<RegistryData>) -> Self {
        self.machine_value(Stage::Host, key, name, data)
    }

    /// A text in the host's registry.
    pub(crate) fn host_text(self, key: &str, name: &str, text: &str) -> Self {
        self.host_value(key, name, Lookup::seen(RegistryData::Text(text.to_owned())))
    }

    /// A value that could not be looked at.
    pub(crate) fn host_unread(self, key: &str, name: &str) -> Self {
        self.host_value(key, name, Lookup::unavailable("access denied"))
    }

    /// A key of the host's registry.
    pub(crate) fn host_key(self, key: &str, subkeys: Lookup<Vec<String>>) -> Self {
        let key = RegistryKey { key: key.to_owned(), subkeys, values: None };
        self.fact(Stage::Host, Fact::RegistryKey(Box::new(key)))
    }

    /// A service in a state, and how it is set to start.
    pub(crate) fn service(self, name: &str, current: u32, start: u32) -> Self {
        self.service_ended(name, current, start, 0)
    }

    /// The same, with the error it ended with.
    pub(crate) fn service_ended(
        self,
        name: &str,
        current: u32,
        start: u32,
        exit_code: u32,
    ) -> Self {
        let process = if current == ServiceState::RUNNING { 1000 } else { 0 };
        let state = Lookup::seen(ServiceState { current, process, exit_code });
        self.service_asked(name, state).host_number(&service::key_of(name), "Start", Some(start))
    }

    /// What became of the question for a service.
    pub(crate) fn service_asked(self, name: &str, state: Lookup<ServiceState>) -> Self {
        let service = WindowsService { name: name.to_owned(), state };
        self.fact(Stage::Host, Fact::WindowsService(service))
    }

    /// Who listens on the port: program, process, services.
    pub(crate) fn listening(self, who: &[(&str, u32, &[&str])]) -> Self {
        let listener = |(program, process, services): &(&str, u32, &[&str])| PortListener {
            address: std::net::IpAddr::from([0, 0, 0, 0]),
            process: *process,
            program: Some((*program).to_owned()),
            services: services.iter().map(|name| (*name).to_owned()).collect(),
        };
        let all: Vec<PortListener> = who.iter().map(listener).collect();
        let listeners = if all.is_empty() { Lookup::Absent } else { Lookup::seen(all) };
        self.fact(Stage::Host, Fact::PortListeners(PortListeners { port: 3389, listeners }))
    }

    /// A file with its list in SDDL.
    pub(crate) fn host_file(self, path: &str, access: Lookup<&str>) -> Self {
        let access = access.map_seen(str::to_owned);
        let state = FileState { length: 2_000, modified: None, version: None, access };
        self.host_file_asked(path, Lookup::seen(state))
    }

    /// What became of the question for a file.
    pub(crate) fn host_file_asked(self, path: &str, state: Lookup<FileState>) -> Self {
        let file = WindowsFile { path: path.to_owned(), state };
        self.fact(Stage::Host, Fact::WindowsFile(Box::new(file)))
    }

    /// A certificate in a store, its key in the file of the self-signed one.
    pub(crate) fn in_store(self, store: &str, certificate: Certificate) -> Self {
        let key = KeyPlace {
            provider: "Microsoft Enhanced Cryptographic Provider v1.0".to_owned(),
            provider_type: 1,
            container: "TSSecKeySet1".to_owned(),
            key_spec: 1,
            file: Some(KEY_FILE.to_owned()),
        };
        self.in_store_with(store, certificate, Lookup::seen(key))
    }

    /// The same with another place of the key.
    pub(crate) fn in_store_with(
        self,
        store: &str,
        certificate: Certificate,
        key: Lookup<KeyPlace>,
    ) -> Self {
        let thumbprint = certificate.sha1.clone();
        let path = format!(r"HKLM\SOFTWARE\Microsoft\SystemCertificates\{store}\Certificates");
        let entry = MachineCertificate {
            store: store.to_owned(),
            thumbprint: thumbprint.clone(),
            certificate: Lookup::seen(certificate),
            key,
        };
        self.host_key(&path, Lookup::seen(vec![thumbprint]))
            .fact(Stage::Host, Fact::MachineCertificate(Box::new(entry)))
    }

    /// A store that was read and is empty.
    pub(crate) fn empty_store(self, store: &str) -> Self {
        let path = format!(r"HKLM\SOFTWARE\Microsoft\SystemCertificates\{store}\Certificates");
        self.host_key(&path, Lookup::seen(Vec::new()))
    }

    /// The listener's pinned thumbprint; none where it is absent.
    pub(crate) fn pinned(self, thumbprint: Option<[u8; 20]>) -> Self {
        let data = thumbprint.map_or(Lookup::Absent, |bytes| {
            Lookup::seen(RegistryData::Binary(Hex(bytes.to_vec())))
        });
        self.host_value(LISTENER, "SSLCertificateSHA1Hash", data)
    }

    /// The firewall's rules that concern Remote Desktop, and profiles without settings of their own.
    pub(crate) fn firewall(self, rules: &[(&str, &str)]) -> Self {
        let scene =
            self.host_key(RULES, Lookup::seen(Vec::new())).host_key(POLICY_RULES, Lookup::Absent);
        let profiles = ["DomainProfile", "StandardProfile", "PublicProfile"];
        let scene = profiles.iter().fold(scene, |scene, profile| {
            let key = RULES.replace("FirewallRules", profile);
            let names = ["EnableFirewall", "DoNotAllowExceptions", "DefaultInboundAction"];
            names.iter().fold(scene, |scene, name| scene.host_number(&key, name, None))
        });
        rules.iter().fold(scene, |scene, (name, rule)| scene.host_text(RULES, name, rule))
    }

    /// An adapter that is up, with the category of its network.
    pub(crate) fn network(self, category: u32) -> Self {
        let adapter = NetworkAdapter {
            name: "Ethernet".to_owned(),
            description: "A network adapter".to_owned(),
            up: true,
            addresses: vec![std::net::IpAddr::from([10, 0, 0, 1])],
            category: Some(category),
        };
        self.fact(Stage::Host, Fact::NetworkAdapters { adapters: Lookup::seen(vec![adapter]) })
    }
}
