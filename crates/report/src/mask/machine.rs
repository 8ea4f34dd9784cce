//! The names in the facts of a Windows machine.

use serde_json::{Map, Value};

use super::pseudonym::{Kind, thumbprint};
use super::{Masker, strings};

/// Values of the registry that name users.
const USERS: &[&str] = &["usernamehint", "defaultusername", "lastusedusername"];

/// Values that name hosts, one or several.
const HOSTS: &[&str] = &[
    "clientallowedntlmservers",
    "dcallowedntlmservers",
    "licenseservers",
    "proxyname",
    "sessiondirectoryclustername",
    "sessiondirectorylocation",
    "specifiedlicenseservers",
];

/// The first relative identifier of accounts that somebody made; Windows' own have everybody's names.
const FIRST_OWN: u64 = 1000;

impl Masker {
    /// What one fact names, beyond what its fields' names say for every kind.
    pub(super) fn machine(&mut self, kind: &str, fields: &Map<String, Value>) {
        self.identifiers(kind, fields);
        let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
        match kind {
            "registry-value" => self.registry_value(field("key"), field("name"), field("data")),
            "registry-key" if is_servers(field("key")) => {
                strings(field("subkeys")).for_each(|name| self.host(name));
            }
            "saved-credentials" => {
                each(&field("entries")["value"], "target").for_each(|name| self.target(name));
            }
            "windows-sessions" => {
                each(&field("sessions")["value"], "client_name").for_each(|name| self.host(name));
            }
            "local-accounts" => self.accounts(&field("accounts")["value"]),
            "windows-hosts" => {
                let entries = field("entries")["value"].as_array().into_iter().flatten();
                entries
                    .flat_map(|entry| strings(&entry["host_names"]))
                    .for_each(|name| self.host(name));
            }
            "client-defaults" => {
                let settings = &field("settings")["value"];
                for name in ["full_address", "gateway_name"] {
                    strings(&settings[name]).for_each(|name| self.host_of_url(name));
                }
            }
            _ => {}
        }
    }

    /// Values of a Windows machine that name it or somebody: which they are, their names say.
    fn identifiers(&mut self, kind: &str, fields: &Map<String, Value>) {
        if kind == "clock-offset" {
            return fields.get("against").into_iter().flat_map(strings).for_each(|n| self.host(n));
        }
        if kind == "machine-certificate"
            && let Some(text) = fields.get("thumbprint").and_then(Value::as_str)
        {
            // A listener names its certificate by these bytes: they have to stay bytes, and the same.
            self.add_as(text, thumbprint(text));
        }
        if kind != "registry-value" {
            return;
        }
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        let data = fields.get("data").and_then(|data| data.pointer("/value/data"));
        let texts: Vec<&str> = data.into_iter().flat_map(strings).collect();
        match name.to_ascii_lowercase().as_str() {
            // The names of key files end with it, so it names the machine as a serial does.
            "machineguid" => texts.iter().for_each(|text| self.add(Kind::Serial, text)),
            "sslcertificatesha1hash" | "selfsignedcertificate" => {
                texts.iter().for_each(|text| self.add_as(text, thumbprint(text)));
            }
            "domain" | "nv domain" => texts.iter().for_each(|text| self.domain(text)),
            "objectname" => {
                let own = |text: &&&str| {
                    !text.to_ascii_lowercase().starts_with("nt ") && **text != "LocalSystem"
                };
                texts.iter().filter(own).for_each(|text| self.user(text));
            }
            _ => {}
        }
    }

    fn registry_value(&mut self, key: &Value, name: &Value, data: &Value) {
        let data = &data["value"]["data"];
        let name = name.as_str().unwrap_or_default().to_lowercase();
        if is_servers(key) {
            let host = key.as_str().and_then(|key| key.rsplit('\\').next());
            host.into_iter().for_each(|host| self.host(host));
        }
        if USERS.contains(&name.as_str()) {
            strings(data).for_each(|user| self.user(user));
        }
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        if name.strip_prefix("mru").is_some_and(is_number) {
            strings(data).for_each(|host| self.host_of_url(host));
        }
        if HOSTS.contains(&name.as_str()) {
            strings(data)
                .flat_map(|hosts| hosts.split([',', ';', ' ']))
                .for_each(|host| self.target(host));
        }
        strings(data).filter(|text| text.contains('/')).for_each(|text| {
            if text.to_uppercase().starts_with("TERMSRV/") {
                self.target(text);
            }
        });
    }

    /// `TERMSRV/pc42`, `Domain:target=TERMSRV/pc42:3390`
    fn target(&mut self, target: &str) {
        let name = target.rsplit('/').next().unwrap_or(target);
        let name = name.split(':').next().unwrap_or(name);
        self.host(name.trim_start_matches(['*', '.']));
    }

    fn accounts(&mut self, accounts: &Value) {
        for account in accounts.as_array().into_iter().flatten() {
            let rid = account["sid"].as_str().and_then(|sid| sid.rsplit('-').next()?.parse().ok());
            if rid.is_some_and(|rid: u64| rid >= FIRST_OWN) {
                strings(&account["name"]).for_each(|name| self.add(Kind::User, name));
            }
        }
    }
}

/// Whether it is the key in which the client keeps a key for each computer, or one of those.
fn is_servers(key: &Value) -> bool {
    let key = key.as_str().unwrap_or_default().to_lowercase();
    key.contains(r"\terminal server client\servers")
}

/// One field of each of a list of objects.
fn each<'v>(list: &'v Value, field: &'v str) -> impl Iterator<Item = &'v str> {
    list.as_array().into_iter().flatten().flat_map(move |entry| strings(&entry[field]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Masker;

    #[test]
    fn names_in_the_facts_of_a_machine() {
        let facts = json!([
            {"kind": "registry-value", "key": r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Servers\vault7",
             "name": "UsernameHint", "data": {"lookup": "seen", "value": {"type": "text", "data": "ACME\\wanda"}}},
            {"kind": "registry-value", "key": r"HKCU\SOFTWARE\Microsoft\Terminal Server Client\Default",
             "name": "MRU0", "data": {"lookup": "seen", "value": {"type": "text", "data": "build9:3390"}}},
            {"kind": "saved-credentials", "entries": {"lookup": "seen", "value": [{"target": "TERMSRV/ledger3", "user": "olga"}]}},
            {"kind": "windows-sessions", "sessions": {"lookup": "seen", "value": [{"user": "ACME\\igor", "client_name": "laptop77"}]}},
            {"kind": "local-accounts", "accounts": {"lookup": "seen", "value": [
                {"name": "zelda", "sid": "S-1-5-21-1-2-3-1001"}, {"name": "Administrator", "sid": "S-1-5-21-1-2-3-500"}]}},
            {"kind": "windows-hosts", "entries": {"lookup": "seen", "value": [{"address": "10.0.0.1", "host_names": ["payroll5"]}]}},
            {"kind": "client-defaults", "settings": {"lookup": "seen", "value": {"full_address": "depot6", "gateway_name": "door8"}}},
        ]);
        let mut masker = Masker::new();
        masker.collect(&facts);
        let masked = masker.text(&facts.to_string()).to_lowercase();
        for name in [
            "vault7",
            "wanda",
            "acme",
            "build9",
            "ledger3",
            "olga",
            "igor",
            "laptop77",
            "zelda",
            "s-1-5-21-1-2-3-1001",
            "payroll5",
            "depot6",
            "door8",
        ] {
            assert!(facts.to_string().to_lowercase().contains(name), "{name} never was there");
            assert!(!masked.contains(name), "{name}: {masked}");
        }
        assert!(masked.contains("administrator") && masked.contains("usernamehint"));
    }
}
