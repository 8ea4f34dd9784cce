//! What the registry of a machine holds for others to take apart: a certificate with the place of its
//! key, and rules of the firewall. The certificate's length, the certificate, rules line by line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rdpdoctor_fuzz::judged;
use rdpdoctor_host::fake::FakeSystem;
use rdpdoctor_host::{Side, collect, store};
use rdpdoctor_model::{Hex, RegistryData};

const THUMBPRINT: &str = "00112233445566778899AABBCCDDEEFF00112233";
const RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (blob, rules) = rest.split_at(length);
    let key = format!(r"{}\{THUMBPRINT}", store::key_of("Remote Desktop"));
    let blob = RegistryData::Binary(Hex(blob.to_vec()));
    let mut machine = FakeSystem::default().with(&key, "Blob", blob);
    for (number, rule) in String::from_utf8_lossy(rules).lines().take(64).enumerate() {
        let rule = RegistryData::Text(rule.to_owned());
        machine = machine.with(RULES, &format!("{{{number}}}"), rule);
    }
    judged(collect(&machine, Side::Host), Side::Host);
});
