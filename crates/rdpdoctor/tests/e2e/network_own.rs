//! What the machine in front of the user does to its own connections, on made networks.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::network::{ChildGuard, HOST, Network, expect, sh};
use crate::support::{Run, cause, findings};

/// The last observation of a kind.
fn seen(run: &Run, kind: &str) -> Value {
    let document = run.json();
    let observations = document["observations"].as_array().expect("observations");
    observations.iter().rfind(|o| o["kind"] == kind).cloned().unwrap_or_default()
}

fn finding(run: &Run, wanted: &str) -> bool {
    findings(&run.json()).contains(&wanted.to_owned())
}

/// A connection that works says which way it took, and nothing more.
#[test]
fn own_way_is_told() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let run = network.check(HOST, &[]);
    expect(&run, 0, "healthy");
    let way = &seen(&run, "own-route")["way"]["value"];
    assert_eq!((&way["interface"], &way["form"]), (&"eth0".into(), &"virtual".into()), "{way}");
    assert_eq!((&way["gateway"], &way["source"]), (&"10.213.1.1".into(), &"10.213.1.2".into()));
    let own = seen(&run, "this-machine");
    let addresses = own["addresses"].as_array().expect("addresses");
    assert!(addresses.contains(&"10.213.1.2".into()), "{own}");
    let none = network.check(HOST, &["--no-side"]);
    assert_eq!(seen(&none, "own-route"), Value::Null);
}

#[test]
fn own_no_network() {
    // Nothing but loopback.
    let Some(network) = Network::make() else { return };
    sh(&format!("ip -n {}c link del eth0", network.id));
    let run = network.check(HOST, &[]);
    expect(&run, 2, "client.no-network");
    assert_eq!(run.json()["verdict"]["proof"], "proven");
    // The cable is out: its other end is off.
    let network = Network::make().expect("root");
    sh(&format!("ip -n {}r link set eth1 down", network.id));
    let run = network.check(HOST, &[]);
    expect(&run, 2, "client.no-network");
    assert!(run.stdout.contains("10.213.1.2"), "{}", run.stdout);
    // A name is asked for, and nobody can be asked.
    network.names("", "10.213.1.1");
    sh(&format!("ip -n {}c link set eth0 down", network.id));
    let run = network.check("pc42.corp.test", &[]);
    expect(&run, 2, "client.no-network");
    assert_eq!(run.json()["verdict"]["stage"], "dns");
    // The near miss: a network, and no way to this host.
    let network = Network::make().expect("root");
    sh(&format!("ip -n {}c route del default", network.id));
    expect(&network.check(HOST, &[]), 2, "net.host-unreachable");
}

/// A rule of the client's own firewall.
fn firewall(network: &Network, rule: &str) {
    sh(&format!(
        "ip netns exec {0}c nft 'add table inet own; add chain inet own o {{ type filter hook output priority 0; }}; add rule inet own o {rule}'",
        network.id
    ));
}

#[test]
fn own_firewall_blocks() {
    for rule in [
        "tcp dport 3389 drop",
        "ip daddr 10.213.2.0/24 tcp dport { 3000-4000 } counter reject with icmp type admin-prohibited",
        "tcp dport 3389 reject with tcp reset",
    ] {
        let Some(mut network) = Network::make() else { return };
        network.serve("healthy-nla");
        firewall(&network, rule);
        let run = network.check(HOST, &[]);
        expect(&run, 2, "client.firewall-blocks");
        assert_eq!(run.json()["verdict"]["proof"], "proven", "{rule}");
        assert!(run.stdout.contains("the table inet own rule"), "{}", run.stdout);
        // What it names is what blocks: without it the connection comes about.
        let handle = &seen(&run, "own-firewall")["rule"]["value"]["handle"];
        let id = &network.id;
        sh(&format!("ip netns exec {id}c nft delete rule inet own o handle {handle}"));
        expect(&network.check(HOST, &[]), 0, "healthy");
    }
}

/// The near misses: the router drops it, and the own firewall has rules for others.
#[test]
fn own_firewall_of_others() {
    let Some(network) = Network::make() else { return };
    firewall(&network, "tcp dport { 22, 445 } drop");
    network.router("ip daddr 10.213.2.2 drop");
    let run = network.check(HOST, &[]);
    expect(&run, 2, "net.no-answer");
    assert_eq!(seen(&run, "own-firewall")["rule"]["lookup"], "absent");
}

/// What nobody may read is not taken for empty; the ICMP message of the own firewall says it too.
#[test]
fn own_firewall_without_rights() {
    let Some(network) = Network::make() else { return };
    firewall(&network, "tcp dport 3389 reject with icmp type admin-prohibited");
    let run = network.check_unprivileged(HOST);
    expect(&run, 2, "client.firewall-blocks");
    assert_eq!(seen(&run, "own-firewall")["rule"]["lookup"], "unavailable");
    assert!(run.stdout.contains("came from this machine"), "{}", run.stdout);
}

/// A tunnel on the client with a program behind it that swallows everything (tun(4), TUNSETIFF).
fn tunnel(network: &Network) -> ChildGuard {
    const PROGRAM: &str = "
import fcntl, os, struct
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH', b'vpn-acme', 0x1001))
print('ready', flush=True)
while True: os.read(tun, 65536)
";
    let mut command = network.within("c");
    command.args(["python3", "-c", PROGRAM]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let id = &network.id;
    sh(&format!(
        "ip -n {id}c addr add 10.9.0.2/24 dev vpn-acme
         ip -n {id}c link set vpn-acme up
         ip -n {id}c route add 10.44.0.0/16 dev vpn-acme"
    ));
    ChildGuard(child)
}

/// Ways through a tunnel, whose program runs or does not, and past one.
#[test]
fn own_vpn_path() {
    let Some(network) = Network::make() else { return };
    let id = &network.id;
    // A tunnel without its program, as a VPN leaves one behind that crashed.
    sh(&format!(
        "ip -n {id}c tuntap add dev tun0 mode tun
         ip -n {id}c addr add 10.9.0.2/24 dev tun0
         ip -n {id}c link set tun0 up"
    ));
    sh(&format!("ip -n {id}c route add 10.44.0.0/16 dev tun0"));
    let run = network.check("10.44.0.7", &[]);
    expect(&run, 2, "client.vpn-path");
    assert_eq!(run.json()["verdict"]["proof"], "proven");
    assert!(run.stdout.contains("whose program does not run"), "{}", run.stdout);
    // The host lies in a private network past the tunnel, which is not connected.
    network.router("ip daddr 10.213.2.2 drop");
    let run = network.check(HOST, &[]);
    assert_eq!(cause(&run.json()), "net.no-answer");
    assert!(finding(&run, "client.vpn-path warning possible"), "{:?}", findings(&run.json()));
    // Through a tunnel that is up, nothing comes back: the other end has no such host.
    let network = Network::make().expect("root");
    let _program = tunnel(&network);
    let run = network.check("10.44.0.7", &[]);
    expect(&run, 2, "net.no-answer");
    assert!(finding(&run, "client.vpn-path warning possible"), "{:?}", findings(&run.json()));
    let stages = run.json()["stages"].as_array().expect("stages").clone();
    let tcp = stages.iter().find(|stage| stage["stage"] == "tcp").expect("tcp");
    assert!(tcp["detail"].to_string().contains("through vpn-acme, a tunnel"), "{tcp}");
    let masked = network.check("10.44.0.7", &["--mask"]);
    assert!(!masked.stdout.contains("acme"), "{}", masked.stdout);
    // The near miss: no tunnel anywhere.
    let network = Network::make().expect("root");
    network.router("ip daddr 10.213.2.2 drop");
    let run = network.check(HOST, &[]);
    assert!(!run.stdout.contains("client.vpn-path"), "{}", run.stdout);
}

/// An entry of the hosts file is named with its line.
#[test]
fn own_hosts_file() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    network.names(&format!("# a comment\n{HOST} pc42.test\n"), "127.0.0.1");
    let run = network.check("pc42.test", &[]);
    let hosts = seen(&run, "hosts-file");
    assert_eq!(hosts["lines"], serde_json::json!([2]), "{hosts}");
}
