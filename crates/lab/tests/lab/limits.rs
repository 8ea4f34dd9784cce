//! Starting, stopping, and what a client cannot do to a server.

use std::net::SocketAddr;
use std::time::Duration;

use openssl::x509::X509;
use rdpdoctor_lab::{Options, fault, start};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::client::{NTLM, Tap, connection_request, record, run, run_with, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let options = Options { most_connections: 2, ..Options::default() };
    let server = run_with("healthy-nla", options).await;
    let mut first = Tap::open(server.address()).await;
    let mut second = Tap::open(server.address()).await;
    let mut third = Tap::open(server.address()).await;
    for tap in [&mut first, &mut second, &mut third] {
        tap.write_all(&connection_request(Some(0x0B))).await.expect("is sent");
    }
    assert_eq!(first.read_for(19).await.len(), 19);
    assert_eq!(second.read_for(19).await.len(), 19);
    assert_eq!(third.ending().await, "open");
    assert!(third.received.is_empty());
    drop(first);
    assert_eq!(third.read_for(19).await.len(), 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_connections_and_frees_the_port() {
    for fault in ["healthy-nla", "net-silent-listener", "cert-revoked"] {
        let server = run(fault).await;
        let address = server.address();
        let mut tap = Tap::open(address).await;
        record(&server, |_| true).await;
        server.shutdown();
        assert_ne!(tap.ending().await, "open", "{fault}");
        assert!(TcpStream::connect(address).await.is_err(), "{fault}");
        TcpListener::bind(address).await.expect("the port is free");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_an_error_and_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = taken.local_addr().expect("an address");
    let fault = fault("healthy-nla").expect("is there");
    let error = start(fault, address, Options::default()).await.err().expect("is in use");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_is_written_where_asked_and_names_are_taken() {
    let file = std::env::temp_dir().join(format!("rdpdoctor-lab-{}.pem", std::process::id()));
    let options = Options {
        names: vec!["pc42.lab.example".to_owned(), "10.0.0.42".to_owned()],
        ca_file: Some(file.clone()),
        ..Options::default()
    };
    let server = run_with("healthy-ca-certificate", options).await;
    let written = std::fs::read_to_string(&file).expect("is written");
    std::fs::remove_file(&file).expect("is removed");
    assert_eq!(written, server.ca_pem());
    let authority = X509::from_pem(written.as_bytes()).expect("a certificate");
    let certificate = crate::client::certificates(&server).await.remove(0);
    assert!(certificate.verify(&authority.public_key().expect("a key")).expect("is judged"));
    let names = certificate.subject_alt_names().expect("names");
    assert_eq!(names.get(0).and_then(|name| name.dnsname()), Some("pc42.lab.example"));
    assert_eq!(names.get(1).and_then(|name| name.ipaddress()), Some(&[10, 0, 0, 42][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn listens_on_ipv6_too() {
    let fault = fault("healthy-nla").expect("is there");
    let loopback: SocketAddr = "[::1]:0".parse().expect("an address");
    let Ok(server) = start(fault, loopback, Options::default()).await else {
        // A machine without IPv6 cannot be asked.
        assert!(TcpListener::bind(loopback).await.is_err());
        return;
    };
    assert!(!sign_in(&server, NTLM).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_floods_are_sent_away() {
    let server = run("healthy-nla").await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[22, 3, 1, 0, 1, 1],
        &[3, 0, 0, 6, 0, 0],
        &[3, 0, 0, 11, 6, 0xF0, 0, 0, 0, 0, 0],
    ] {
        let mut tap = Tap::open(server.address()).await;
        tap.write_all(bytes).await.expect("is sent");
        assert_eq!(tap.ending().await, "fin", "{bytes:x?}");
        assert!(tap.received.is_empty());
    }

    // The record stays bounded however much a client sends to a server that only listens.
    let server = run("net-silent-listener").await;
    let mut tap = Tap::open(server.address()).await;
    for _ in 0..100 {
        tap.write_all(&[7; 4096]).await.expect("is taken");
    }
    let kept = record(&server, |record| record.on_wire.len() >= 65_536).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(kept.on_wire.len(), 65_536);
    assert_eq!(server.record()[0].on_wire.len(), 65_536);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_are_served_at_once() {
    let server = std::sync::Arc::new(run("healthy-nla").await);
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move { sign_in(&server, NTLM).await.len() })
        })
        .collect();
    for client in clients {
        assert!(client.await.expect("no panic") > 200);
    }
    assert_eq!(server.record().len(), 100);
}
