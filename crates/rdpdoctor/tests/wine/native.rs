//! TLS by Schannel, which Wine makes of GnuTLS: what it agrees to, what the settings of the machine keep it
//! from, and that a check reads those settings along.

use serde_json::Value;

use crate::check::{lab, observation, status, under_wine, xrdp};
use crate::host::{observations, set_number, told};
use crate::wine::Wine;

const PROTOCOLS: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols";
const CLIENT_POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services\Client";

/// All that Schannel knows.
const VERSIONS: [&str; 4] = ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"];

fn engine(document: &Value) -> &Value {
    &document["tool"]["engine"]
}

/// The same answer as the other engine's, up to the set-up of the session, and the document says whose it
/// is. Of a certificate for Remote Desktop, which may not sign, GnuTLS takes no signature: xrdp's may.
pub fn schannel_agrees_with_a_healthy_server(wine: &Wine) {
    let (_server, target) = xrdp(wine);
    let check = |engine: &str| {
        let run = under_wine(wine, &[&target, "--json", "--no-side", "--engine", engine], None);
        assert_eq!(run.stderr, "", "{run:?}");
        (run.code, run.json())
    };
    let (native, portable) = (check("native"), check("portable"));
    assert_eq!((engine(&native.1), engine(&portable.1)), (&"native".into(), &"portable".into()));
    assert_eq!((native.0, &native.1["verdict"]), (portable.0, &portable.1["verdict"]));
    assert_eq!((status(&native.1, "tls"), status(&native.1, "mcs")), (&"ok".into(), &"ok".into()));
    let agreed = observation(&native.1, "tls-established");
    assert!(agreed["version"].as_u64().is_some_and(|version| version >= 0x0303), "{agreed}");
    let certificate =
        |document: &Value| observation(document, "server-certificates")["certificates"][0].clone();
    assert_eq!(certificate(&native.1), certificate(&portable.1));
    let chain = |document: &Value| observation(document, "certificate-chain")["errors"].clone();
    assert_eq!(chain(&native.1), chain(&portable.1));
}

/// With every version switched off nothing of TLS leaves; the other library shows that it is this machine.
pub fn settings_of_schannel_count(wine: &Wine) {
    let authority = wine.new_folder("settings").join("ca.pem");
    let (_runtime, running) = lab("healthy-nla", &authority);
    let target = running.address().to_string();
    let keys = VERSIONS.map(|version| format!(r"{PROTOCOLS}\{version}\Client"));
    for key in &keys {
        set_number(wine, key, "Enabled", 0);
        set_number(wine, key, "DisabledByDefault", 1);
    }
    let run = under_wine(wine, &[&target, "--json", "--engine", "native"], Some(&authority));
    let refused =
        under_wine(wine, &[&target, "--json", "--no-side", "--engine", "native"], Some(&authority));
    for key in &keys {
        told(wine, &["reg", "delete", key, "/f"]);
    }
    let document = run.json();
    let verdict = &document["verdict"];
    assert_eq!((run.code, &verdict["cause"]), (2, &"client.tls-policy".into()), "{verdict}");
    assert_eq!((engine(&document), status(&document, "tls")), (&"native".into(), &"failed".into()));
    let system = observation(&document, "system-tls");
    assert_eq!(
        (&system["library"], &system["other"]["lookup"]),
        (&"Schannel".into(), &"seen".into())
    );
    // Nobody asked the other library: whose it is is not known.
    let refused = refused.json();
    assert_eq!(observation(&refused, "system-tls")["other"]["lookup"], "unavailable");
    assert_ne!(refused["verdict"]["cause"], "client.tls-policy");
}

/// An old server and a client that leaves its version out, as Windows of today does.
pub fn a_version_that_is_off_here_alone(wine: &Wine) {
    let authority = wine.new_folder("old").join("ca.pem");
    let (_runtime, running) = lab("tls-version-1-0", &authority);
    let target = running.address().to_string();
    let key = format!(r"{PROTOCOLS}\TLS 1.0\Client");
    set_number(wine, &key, "Enabled", 0);
    let run = under_wine(wine, &[&target, "--json", "--engine", "native"], Some(&authority));
    let portable = under_wine(wine, &[&target, "--json", "--engine", "portable"], Some(&authority));
    told(wine, &["reg", "delete", &key, "/f"]);
    let (document, portable) = (run.json(), portable.json());
    let verdict = &document["verdict"];
    assert_eq!((run.code, &verdict["cause"]), (2, &"client.tls-policy".into()), "{verdict}");
    assert_eq!((&verdict["stage"], &verdict["proof"]), (&"tls".into(), &"likely".into()));
    // The server's side of it stands behind.
    let causes = |document: &Value| -> Vec<String> {
        let findings = document["findings"].as_array().expect("findings");
        findings.iter().filter_map(|found| found["cause"].as_str().map(str::to_owned)).collect()
    };
    assert!(causes(&document).iter().any(|cause| cause == "tls.version-outdated"));
    // The other engine connects, warns of the version, and accuses nobody.
    assert_eq!(portable["verdict"]["cause"], "tls.version-outdated");
    assert!(causes(&portable).iter().all(|cause| cause != "client.tls-policy"));
}

/// A setting of this machine shows up in a check, and holds nothing up.
pub fn a_check_reads_the_client_along(wine: &Wine) {
    let authority = wine.new_folder("along").join("ca.pem");
    let (_runtime, running) = lab("net-silent-listener", &authority);
    let target = running.address().to_string();
    set_number(wine, CLIENT_POLICY, "fClientDisableUDP", 1);
    let run = under_wine(wine, &[&target, "--json", "--timeout", "4"], Some(&authority));
    let alone = under_wine(wine, &[&target, "--json", "--timeout", "4", "--no-side"], None);
    told(wine, &["reg", "delete", CLIENT_POLICY, "/v", "fClientDisableUDP", "/f"]);
    let document = run.json();
    assert_eq!(document["verdict"]["cause"], "net.silent-listener", "{document}");
    let values = observations(&document, "registry-value");
    let set =
        values.iter().find(|value| value["name"] == "fClientDisableUDP").expect("the setting");
    assert_eq!((&set["source"], &set["data"]["value"]["data"]), (&"client".into(), &1.into()));
    let findings = document["findings"].as_array().expect("findings");
    assert!(findings.iter().any(|found| found["cause"] == "client.udp-policy"), "{findings:?}");
    assert!(observations(&alone.json(), "registry-value").is_empty(), "asked for one connection");
}
