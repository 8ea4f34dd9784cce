//! The settings of Windows for proxies of the web, on the way to an RD Gateway. Under Wine they stand where
//! the dialog of Windows keeps them (`DefaultConnectionSettings`), and nowhere else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;

use rdpdoctor_lab::USER;
use serde_json::Value;

use crate::check::{lab, observation, under_wine};
use crate::host::{observations, told};
use crate::programs::{Server, free_port, serve};
use crate::wine::{Run, Wine};

const CONNECTIONS: &str =
    r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections";

/// Its two values: what a program last wrote, and what the dialog shows.
const VALUES: [&str; 2] = ["SavedLegacySettings", "DefaultConnectionSettings"];

/// PROXY_TYPE_DIRECT | PROXY_TYPE_PROXY; with PROXY_TYPE_AUTO_PROXY_URL (WinInet.h).
const BY_SERVER: u32 = 3;
const BY_SCRIPT: u32 = 7;

/// A version, a counter, the kind; then servers, exceptions and a script, each with its length; 32 zeros.
fn settings(kind: u32, servers: &str, exceptions: &str, script: &str) -> String {
    let mut bytes = Vec::new();
    [0x46, 1, kind].iter().for_each(|number: &u32| bytes.extend(number.to_le_bytes()));
    for text in [servers, exceptions, script] {
        bytes.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
        bytes.extend(text.bytes());
    }
    bytes.extend([0; 32]);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Settings that are there until they are dropped.
struct Set<'a>(&'a Wine);

impl<'a> Set<'a> {
    fn new(wine: &'a Wine, data: &str) -> Self {
        for value in VALUES {
            told(
                wine,
                &["reg", "add", CONNECTIONS, "/v", value, "/t", "REG_BINARY", "/d", data, "/f"],
            );
        }
        Self(wine)
    }
}

impl Drop for Set<'_> {
    fn drop(&mut self) {
        for value in VALUES {
            Run::of(self.0.under("wine").args(["reg", "delete", CONNECTIONS, "/v", value, "/f"]));
        }
    }
}

fn tinyproxy(wine: &Wine) -> (Server, String) {
    let (folder, port) = (wine.new_folder("tinyproxy"), free_port());
    let file = folder.join("tinyproxy.conf");
    let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\n");
    std::fs::write(&file, text).expect("a file");
    let mut server = std::process::Command::new("tinyproxy");
    (serve(server.arg("-d").arg("-c").arg(file), &folder, port), format!("127.0.0.1:{port}"))
}

fn by_gateway(wine: &Wine, gateway: &str, authority: &Path) -> Value {
    let arguments = ["labpc01.lab.example", "--gateway", gateway, "-u", USER, "--trust", "any"];
    let arguments = [&arguments[..], &["--json", "--no-side", "--yes"]].concat();
    let run = under_wine(wine, &arguments, Some(authority));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    run.json()
}

/// The servers that are set, their exceptions, and the environment in front of them.
pub fn the_proxy_of_windows_leads_to_a_gateway(wine: &Wine) {
    let authority = wine.new_folder("proxy").join("ca.pem");
    let (_runtime, running) = lab("healthy-gateway", &authority);
    let gateway = running.address().to_string();
    let (_server, proxy) = tinyproxy(wine);
    let servers = format!("http=192.0.2.1:1;https={proxy}");
    let set = Set::new(wine, &settings(BY_SERVER, &servers, "*.example;<-loopback>", ""));
    let document = by_gateway(wine, &gateway, &authority);
    let chosen = observation(&document, "proxy-chosen");
    assert_eq!((&chosen["chosen_by"], &chosen["scheme"]), (&"windows-user".into(), &"http".into()));
    assert_eq!(document["target"]["via"], format!("{gateway} by http://{proxy}"));
    let stages = document["stages"].as_array().expect("stages");
    let said = stages.iter().find(|stage| stage["stage"] == "proxy").expect("the proxy");
    assert!(said["detail"].as_str().expect("words").contains("(Windows' settings)"), "{said}");
    for connection in observations(&document, "connection") {
        assert_eq!(connection["remote"], proxy.as_str(), "{connection}");
    }
    drop(set);

    // This machine is an exception unless the settings say otherwise.
    let set = Set::new(wine, &settings(BY_SERVER, &servers, "*.example", ""));
    let document = by_gateway(wine, &gateway, &authority);
    assert!(observations(&document, "proxy-chosen").is_empty(), "{document}");
    assert_eq!(document["target"]["via"], gateway);
    drop(set);
}

/// Serves a script once, and gives its address.
fn script(text: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        // A request for a file ends with an empty line.
        lines.find(String::is_empty).expect("a request");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ns-proxy-autoconfig\r\n";
        write!(&stream, "{head}Content-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())
            .expect("an answer");
    });
    format!("http://{address}/proxy.pac")
}

/// A script goes before the servers that are set, and says itself what goes without a proxy.
pub fn a_script_of_windows_decides(wine: &Wine) {
    let authority = wine.new_folder("script").join("ca.pem");
    let (_runtime, running) = lab("healthy-gateway", &authority);
    let gateway = running.address().to_string();
    let (_server, proxy) = tinyproxy(wine);
    for (answer, wanted) in
        [(format!("PROXY {proxy}"), Some(proxy.as_str())), ("DIRECT".to_owned(), None)]
    {
        let at = script(format!("function FindProxyForURL(url, host) {{ return \"{answer}\"; }}"));
        let set = Set::new(wine, &settings(BY_SCRIPT, "192.0.2.1:1", "", &at));
        let document = by_gateway(wine, &gateway, &authority);
        drop(set);
        let chosen = observations(&document, "proxy-chosen");
        let by = chosen.first().and_then(|chosen| chosen["chosen_by"].as_str());
        assert_eq!(by, wanted.map(|_| "windows-script"), "{answer}");
        let first = observations(&document, "connection")[0];
        assert_eq!(first["remote"], wanted.unwrap_or(&gateway), "{answer}: {first}");
    }
}
