//! Network faults on networks that the tests make: a client, a router and a host in namespaces of
//! their own. They want root; without it they say that they were skipped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Run, cause, findings, run};

/// The host's address, behind the router, and the client's.
pub const HOST: &str = "10.213.2.2";
const HOST_V6: &str = "fd13:2::2";
const CLIENT: &str = "10.213.1.2";

/// Three namespaces in a row, removed with the test however it ends.
pub struct Network {
    pub id: String,
    children: Vec<Child>,
}

pub fn sh(command: &str) {
    let output = Command::new("sh").args(["-ec", command]).output().expect("sh runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Network {
    /// `None` without root, where the tests are skipped; in CI that is a failure.
    pub fn make() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let id = Command::new("id").arg("-u").output().expect("id runs");
        if id.stdout != b"0\n" {
            assert!(std::env::var_os("CI").is_none(), "network tests want root");
            eprintln!("skipped: network tests want root");
            return None;
        }
        let id = format!("rd{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let network = Self { id, children: Vec::new() };
        let id = &network.id;
        for name in ["c", "r", "h"] {
            sh(&format!("ip netns add {id}{name}; ip -n {id}{name} link set lo up"));
        }
        for (end, side, subnet) in [("c", "1", 1), ("h", "2", 2)] {
            sh(&format!(
                "ip -n {id}{end} link add eth0 type veth peer name eth{side} netns {id}r
                 ip -n {id}{end} addr add 10.213.{subnet}.2/24 dev eth0
                 ip -n {id}{end} addr add fd13:{subnet}::2/64 dev eth0 nodad
                 ip -n {id}r addr add 10.213.{subnet}.1/24 dev eth{side}
                 ip -n {id}r addr add fd13:{subnet}::1/64 dev eth{side} nodad
                 ip -n {id}{end} link set eth0 up
                 ip -n {id}r link set eth{side} up
                 ip -n {id}{end} route add default via 10.213.{subnet}.1
                 ip -n {id}{end} route add default via fd13:{subnet}::1"
            ));
        }
        sh(&format!(
            "ip netns exec {id}r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
        ));
        Some(network)
    }

    pub fn within(&self, end: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}{end}", self.id)]);
        command
    }

    /// A firewall rule of the router for what it forwards.
    pub fn router(&self, rule: &str) {
        sh(&format!(
            "ip netns exec {0}r nft 'add table inet t; add chain inet t f {{ type filter hook forward priority 0; }}; add rule inet t f {rule}'",
            self.id
        ));
    }

    /// A firewall rule of the host for what it gets.
    fn host(&self, rule: &str) {
        sh(&format!(
            "ip netns exec {0}h nft 'add table inet t; add chain inet t i {{ type filter hook input priority 0; }}; add rule inet t i {rule}'",
            self.id
        ));
    }

    /// Serves a fault of the lab on the host, and waits for its word that it listens.
    pub fn serve(&mut self, fault: &str) {
        let mut command = self.within("h");
        command.arg(env!("CARGO_BIN_EXE_rdpdoctor"));
        command.args(["lab", "run", fault, "--listen", "0.0.0.0:3389"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the lab starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        self.children.push(child);
        assert!(line.starts_with("listening on "), "{line}");
    }

    pub fn check(&self, target: &str, more: &[&str]) -> Run {
        let mut command = self.within("c");
        command.arg(env!("CARGO_BIN_EXE_rdpdoctor"));
        run(command.args(["check", target, "--json", "--timeout", "2"]).args(more))
    }

    /// The same as an ordinary user.
    pub fn check_unprivileged(&self, target: &str) -> Run {
        self.check_unprivileged_with(target, &[])
    }

    pub fn check_unprivileged_with(&self, target: &str, more: &[&str]) -> Run {
        let mut command = self.within("c");
        command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args(["--inh-caps=-all", "--bounding-set=-all"]);
        command.arg(env!("CARGO_BIN_EXE_rdpdoctor"));
        run(command.args(["check", target, "--json", "--timeout", "2"]).args(more))
    }

    /// The client's own hosts file and resolver.
    pub fn names(&self, hosts: &str, resolver: &str) {
        let folder = format!("/etc/netns/{}c", self.id);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(format!("{folder}/hosts"), hosts).expect("a file");
        let resolver = format!("nameserver {resolver}\noptions timeout:1 attempts:1\n");
        std::fs::write(format!("{folder}/resolv.conf"), resolver).expect("a file");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for end in ["c", "r", "h"] {
            let name = format!("{}{end}", self.id);
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
        }
        let _ = std::fs::remove_dir_all(format!("/etc/netns/{}c", self.id));
    }
}

#[track_caller]
pub fn expect(run: &Run, code: i32, wanted: &str) {
    let document = run.json();
    let seen = findings(&document);
    assert_eq!((run.code, cause(&document)), (code, wanted), "{seen:?}\n{}", run.stdout);
}

#[test]
fn network_refused() {
    let Some(network) = Network::make() else { return };
    expect(&network.check(HOST, &[]), 2, "net.refused");
    network.host("tcp dport 3389 reject with icmp type port-unreachable");
    let run = network.check(HOST, &[]);
    expect(&run, 2, "net.refused");
    assert!(run.stdout.contains("ICMP type 3 code 3"), "{}", run.stdout);
}

#[test]
fn network_no_answer() {
    let Some(network) = Network::make() else { return };
    network.router("ip daddr 10.213.2.2 drop");
    expect(&network.check(HOST, &[]), 2, "net.no-answer");
}

#[test]
fn network_port_blocked() {
    let Some(network) = Network::make() else { return };
    network.host("tcp dport 3389 drop");
    expect(&network.check(HOST, &[]), 2, "net.port-blocked");
}

#[test]
fn network_prohibited() {
    let Some(network) = Network::make() else { return };
    network.router("tcp dport 3389 reject with icmp type admin-prohibited");
    expect(&network.check(HOST, &[]), 2, "net.prohibited");
    let v6 = Network::make().expect("root");
    v6.router("tcp dport 3389 reject with icmpv6 type admin-prohibited");
    expect(&v6.check(HOST_V6, &[]), 2, "net.prohibited");
}

#[test]
fn network_host_unreachable() {
    let Some(network) = Network::make() else { return };
    expect(&network.check("10.213.1.77", &["--timeout", "20"]), 2, "net.host-unreachable");
    expect(&network.check("10.213.2.77", &["--timeout", "20"]), 2, "net.host-unreachable");
    sh(&format!("ip -n {}c route del default", network.id));
    expect(&network.check(HOST, &[]), 2, "net.host-unreachable");
}

#[test]
fn network_broken_ipv6() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    network.names(&format!("{HOST_V6} pc42.test\n{HOST} pc42.test\n"), "127.0.0.1");
    network.router("meta nfproto ipv6 tcp dport 3389 reject with icmpv6 type admin-prohibited");
    // The first one finds the neighbours; from then on the router's word comes at once.
    expect(&network.check(HOST_V6, &[]), 2, "net.prohibited");
    expect(&network.check("pc42.test", &[]), 1, "dns.broken-ipv6");
}

/// A reset injected on the ClientHello. On this path nothing takes time, so nothing tells the
/// device from the host: the answer may be likely, never proven.
#[test]
fn network_middlebox_reset() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    // Behind a TCP header of 32 bytes the payload of a TLS record begins with 0x16.
    network.router("tcp dport 3389 @th,256,8 0x16 reject with tcp reset");
    let run = network.check(HOST, &["--timeout", "3"]);
    let document = run.json();
    assert_eq!(run.code, 2, "{:?}", findings(&document));
    assert_eq!(document["verdict"]["stage"], "tls");
    assert_ne!(document["verdict"]["proof"], "proven", "{:?}", findings(&document));
}

/// A router that lets TCP through, and forbids UDP or drops it.
#[test]
fn network_udp() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-udp");
    let answered = network.check(HOST, &[]);
    assert_eq!(answered.code, 0, "{:?}", findings(&answered.json()));
    assert!(answered.stdout.contains("syn-ack"), "{}", answered.stdout);
    network.router("udp dport 3389 reject with icmp type admin-prohibited");
    let run = network.check(HOST, &[]);
    expect(&run, 1, "udp.blocked");
    assert!(findings(&run.json()).contains(&"udp.blocked warning proven".to_owned()));
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-udp");
    network.router("udp dport 3389 drop");
    let run = network.check(HOST, &[]);
    expect(&run, 1, "udp.blocked");
    assert!(findings(&run.json()).contains(&"udp.blocked warning likely".to_owned()));
}

/// A healthy server behind a router, seen from another network.
#[test]
fn network_healthy() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    let run = network.check(HOST, &[]);
    assert_eq!(run.code, 0, "{:?}", findings(&run.json()));
    assert!(run.stdout.contains(CLIENT));
}

/// Nothing comes back at all: the check ends within its deadline. A moment of silence decides
/// nothing, seconds of it do.
#[test]
fn network_swallows_everything() {
    let Some(network) = Network::make() else { return };
    network.router("ip daddr 10.213.2.2 drop");
    for (deadline, code) in [("0.4", 3), ("3", 2)] {
        let begun = std::time::Instant::now();
        let run = network.check(HOST, &["--deadline", deadline]);
        assert_eq!(run.code, code, "{}", run.stdout);
        assert!(begun.elapsed().as_secs_f64() < 8.0, "{:?}", begun.elapsed());
        let document = run.json();
        let observations = document["observations"].as_array().expect("observations");
        assert!(observations.iter().any(|o| o["kind"] == "interrupted"));
    }
}

#[test]
fn dns_name_not_found() {
    let Some(network) = Network::make() else { return };
    // A resolver that refuses: nobody says whether the name exists.
    network.names("", "10.213.1.1");
    expect(&network.check("pc42.corp.test", &[]), 2, "dns.resolver-failed");
    // A DNS server of its own that knows no names.
    for (code, wanted) in
        [(3u8, "dns.name-not-found"), (2, "dns.resolver-failed"), (0, "dns.no-address")]
    {
        let _server = dns_server(&network, code);
        expect(&network.check("pc42.corp.test", &[]), 2, wanted);
    }
}

/// Answers every question with this response code and no records (RFC 1035 4.1.1).
fn dns_server(network: &Network, code: u8) -> ChildGuard {
    const PROGRAM: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('10.213.1.1', 53))
print('ready', flush=True)
while True:
    q, a = s.recvfrom(4096)
    end = 12
    while q[end]: end += q[end] + 1
    s.sendto(q[:2] + bytes([0x81, 0x80 | int(sys.argv[1])]) + b'\\0\\1\\0\\0\\0\\0\\0\\0' + q[12:end + 5], a)
";
    let mut command = network.within("r");
    command.args(["python3", "-c", PROGRAM, &code.to_string()]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 runs");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    ChildGuard(child)
}

pub struct ChildGuard(pub Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every third packet of echo is dropped.
#[test]
fn network_packet_loss() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    expect(&network.check(HOST, &["--network-samples", "60"]), 0, "healthy");
    network.router("meta l4proto icmp numgen inc mod 3 0 drop");
    let run = network.check(HOST, &["--network-samples", "60"]);
    expect(&run, 1, "net.packet-loss");
    assert!(run.stdout.contains("in 100, 95 % sure"), "{}", run.stdout);
}

/// Long packets are dropped in one direction, and nobody says so.
#[test]
fn network_mtu_blackhole() {
    for (rule, code, proof) in [
        ("ip daddr 10.213.1.2 ip length > 900 drop", 2, "proven"),
        ("ip daddr 10.213.2.2 ip length > 900 drop", 1, "proven"),
        ("ip daddr 10.213.2.2 ip length > 1300 drop", 1, "proven"),
        // Longer than the answer to the usual handshake.
        ("ip daddr 10.213.1.2 ip length > 1440 drop", 1, "proven"),
    ] {
        let Some(mut network) = Network::make() else { return };
        network.serve("healthy-nla");
        expect(&network.check(HOST, &[]), 0, "healthy");
        network.router(rule);
        let run = network.check(HOST, &[]);
        expect(&run, code, "net.mtu-blackhole");
        assert_eq!(run.json()["verdict"]["proof"], proof, "{rule}");
    }
}

/// A firewall that drops long echoes alone: long packets pass in both directions.
#[test]
fn network_long_echoes_filtered() {
    let Some(mut network) = Network::make() else { return };
    network.serve("healthy-nla");
    network.router("meta l4proto icmp ip length > 1000 drop");
    let run = network.check(HOST, &[]);
    expect(&run, 0, "healthy");
    assert!(!run.stdout.contains("net.mtu-blackhole"), "{}", run.stdout);
    assert!(run.stdout.contains("long-server-answer"), "{}", run.stdout);
}

/// Five routers in a row, of which the fourth drops what goes to the port: the third is the last that
/// answers.
#[test]
fn network_trace() {
    let Some(network) = Network::make() else { return };
    let id = &network.id;
    // The client and the first router are there; four more go between it and the host.
    let names = ["r", "s", "t", "u", "v"];
    let _removed = Namespaces(names[1..].iter().map(|name| format!("{id}{name}")).collect());
    for name in &names[1..] {
        sh(&format!("ip netns add {id}{name}; ip -n {id}{name} link set lo up"));
    }
    sh(&format!("ip -n {id}h link del eth0"));
    let row: Vec<&str> = names.into_iter().chain(["h"]).collect();
    for (number, pair) in row.windows(2).enumerate() {
        let (near, far) = (pair[0], pair[1]);
        sh(&format!(
            "ip -n {id}{near} link add down{number} type veth peer name up{number} netns {id}{far}
             ip -n {id}{near} addr add 10.214.{number}.1/24 dev down{number}
             ip -n {id}{far} addr add 10.214.{number}.2/24 dev up{number}
             ip -n {id}{near} link set down{number} up
             ip -n {id}{far} link set up{number} up
             ip -n {id}{near} route replace 10.214.4.0/24 via 10.214.{number}.2 || true
             ip -n {id}{far} route add default via 10.214.{number}.1
             ip netns exec {id}{far} sysctl -qw net.ipv4.ip_forward=1"
        ));
    }
    let traced = || {
        let run = network.check("10.214.4.2", &["--trace"]);
        let document = run.json();
        let stages = document["stages"].as_array().expect("stages");
        let path = stages.iter().find(|stage| stage["stage"] == "network").expect("the path");
        path["detail"].as_str().expect("words").to_owned()
    };
    // Nobody listens there, and the host says so itself.
    let open = traced();
    assert!(open.contains("the host answers at hop 6"), "{open}");
    sh(&format!(
        "ip netns exec {id}u nft 'add table inet t; add chain inet t p {{ type filter hook prerouting priority 0; }}; add rule inet t p tcp dport 3389 drop'"
    ));
    let dropped = traced();
    assert!(dropped.contains("10.214.1.2, at hop 3"), "{dropped}");
}

struct Namespaces(Vec<String>);

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}
