//! What a check costs: one alone, and 1,000 at once over loopback without side questions, beside a
//! bare loop that makes the same handshake with the same libraries and records nothing.
//!
//! `cargo bench -p rdpdoctor` prints the times; `cargo bench -p rdpdoctor -- --ratio` prints checks
//! a second of both in turn, their ratio, and the memory of 1,000 at once.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark: it stops where something fails, and prints what it measured"
)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode};
use rdpdoctor_lab::{Options, Running, fault, start};
use rdpdoctor_model::Target;
use rdpdoctor_probe::{CheckOptions, Journal, Prober, SideQuestions};
use rdpdoctor_wire::encode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_openssl::SslStream;

const AT_ONCE: usize = 1000;

/// How many of them are under way at one time.
const UNDER_WAY: usize = 64;

async fn server() -> Running {
    let options = Options { most_connections: 4 * AT_ONCE, ..Options::default() };
    let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    start(fault("healthy-nla").expect("a fault"), listen, options).await.expect("it starts")
}

fn options() -> CheckOptions {
    CheckOptions { side: SideQuestions::None, ..CheckOptions::default() }
}

async fn one_check(prober: Arc<Prober>, address: SocketAddr) {
    let target: Target = address.to_string().parse().expect("a target");
    let journal = Arc::new(Journal::default());
    prober.check(&target, &options(), &journal, None).await;
    assert!(journal.observations().len() > 10);
}

/// TCP, X.224, TLS, the NTLM challenge: nothing judged, nothing kept.
async fn one_bare(context: Arc<SslContext>, address: SocketAddr) {
    let mut tcp = TcpStream::connect(address).await.expect("it connects");
    tcp.set_nodelay(true).expect("an option");
    let request = encode::connection_request(0x0B, Some([1; 16])).expect("it encodes");
    tcp.write_all(&request).await.expect("it is sent");
    let mut buffer = [0; 2048];
    assert!(tcp.read(&mut buffer).await.expect("an answer") > 0);
    let mut tls = SslStream::new(Ssl::new(&context).expect("a session"), tcp).expect("a stream");
    Pin::new(&mut tls).connect().await.expect("a handshake");
    tls.write_all(&encode::credssp_negotiate()).await.expect("it is sent");
    assert!(tls.read(&mut buffer).await.expect("a challenge") > 0);
}

fn bare_context() -> Arc<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_client()).expect("a context");
    context.set_verify(SslVerifyMode::NONE);
    context.set_groups_list("X25519:P-256:P-384").expect("the groups");
    Arc::new(context.build())
}

/// Runs `count`, `under_way` at a time.
async fn many<F, W>(count: usize, under_way: usize, work: F)
where
    F: Fn() -> W,
    W: Future<Output = ()> + Send + 'static,
{
    let mut set = JoinSet::new();
    for _ in 0..count {
        if set.len() >= under_way {
            set.join_next().await.expect("one").expect("it ended well");
        }
        set.spawn(work());
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("it ended well");
    }
}

/// Most memory of this process so far, in KiB (proc(5)).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

fn ratio(runtime: &Runtime, which: Option<&str>) {
    runtime.block_on(async {
        let server = server().await;
        let address = server.address();
        let prober = Arc::new(Prober::new().expect("a prober"));
        let context = bare_context();
        let check = || one_check(Arc::clone(&prober), address);
        let bare = || one_bare(Arc::clone(&context), address);
        match which {
            // The peak belongs to a process: each of the two runs in one of its own.
            Some("memory-check") => {
                many(AT_ONCE, AT_ONCE, check).await;
                println!("{}", peak_kib());
            }
            Some("memory-bare") => {
                many(AT_ONCE, AT_ONCE, bare).await;
                println!("{}", peak_kib());
            }
            _ => {
                let (mut checks, mut bares) = (Duration::ZERO, Duration::ZERO);
                for round in 0..6 {
                    let begun = Instant::now();
                    many(AT_ONCE, UNDER_WAY, check).await;
                    let check_time = begun.elapsed();
                    let begun = Instant::now();
                    many(AT_ONCE, UNDER_WAY, bare).await;
                    let bare_time = begun.elapsed();
                    // The first round warms up.
                    if round > 0 {
                        checks += check_time;
                        bares += bare_time;
                        println!(
                            "round {round}: {:.0} checks/s, {:.0} bare/s, ratio {:.3}",
                            AT_ONCE as f64 / check_time.as_secs_f64(),
                            AT_ONCE as f64 / bare_time.as_secs_f64(),
                            bare_time.as_secs_f64() / check_time.as_secs_f64()
                        );
                    }
                }
                println!("throughput ratio: {:.3}", bares.as_secs_f64() / checks.as_secs_f64());
                let peak = |mode: &str| -> f64 {
                    let own = std::env::current_exe().expect("a path");
                    let output = std::process::Command::new(own).args(["--ratio", mode]).output();
                    let output = output.expect("it runs");
                    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
                };
                let (check, bare) = (peak("memory-check"), peak("memory-bare"));
                println!(
                    "memory: {check} KiB with {AT_ONCE} checks, {bare} KiB bare, {:.1} KiB a check",
                    (check - bare) / AT_ONCE as f64
                );
            }
        }
        server.shutdown();
    });
}

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(position) = arguments.iter().position(|a| a == "--ratio") {
        return ratio(&runtime, arguments.get(position + 1).map(String::as_str));
    }
    let server = runtime.block_on(server());
    let address = server.address();
    let prober = Arc::new(Prober::new().expect("a prober"));
    let context = bare_context();
    let mut criterion = Criterion::default().configure_from_args();
    criterion.bench_function("one check", |bencher| {
        bencher.iter(|| runtime.block_on(one_check(Arc::clone(&prober), address)));
    });
    criterion.bench_function("one bare handshake", |bencher| {
        bencher.iter(|| runtime.block_on(one_bare(Arc::clone(&context), address)));
    });
    criterion.final_summary();
    server.shutdown();
}
