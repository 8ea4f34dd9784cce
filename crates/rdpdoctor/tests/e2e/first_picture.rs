//! The way to the first picture beside FreeRDP's client: no round trip more on the same server.

use std::process::{Command, Stdio};
use std::time::Duration;

use rdpdoctor_lab::{FirstPicture, Options, PASSWORD, Running, USER, fault, start};

use crate::programs::{STARTING, Server, installed, xvfb};
use crate::support::{command, folder, run};

/// What it took the one client of this server.
async fn first_picture(server: &Running) -> FirstPicture {
    let look = async {
        loop {
            let records = server.record();
            if let Some(picture) = records.iter().find_map(|record| record.picture) {
                return picture;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(STARTING, look).await.expect("a picture in time")
}

async fn serve(name: &str) -> Running {
    let listen = "127.0.0.1:0".parse().expect("an address");
    start(fault(name).expect("a fault"), listen, Options::default()).await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_round_trip_more_than_freerdp() {
    if !installed(&["xfreerdp", "Xvfb"], "no_round_trip_more_than_freerdp") {
        return;
    }
    for name in ["healthy-session", "healthy-logon-tls", "healthy-rdp-security"] {
        let server = serve(name).await;
        let target = server.address().to_string();
        let state = folder(&format!("first-picture-{name}"));
        let (own_target, own_state) = (target.clone(), state.clone());
        let own = tokio::task::spawn_blocking(move || {
            let mut command = command();
            command.args(["check", &own_target, "--json", "-u", USER, "--trust", "any", "--yes"]);
            command.args(["--no-side", "--auth", "ntlm", "--desktop"]);
            command.arg(own_state.join("desktop.png"));
            run(command.env("XDG_STATE_HOME", &own_state).env("RDPDOCTOR_PASSWORD", PASSWORD))
        });
        let own = own.await.expect("it ran");
        assert!(own.code <= 1, "{name}: {}", own.stdout);
        let ours = first_picture(&server).await;
        server.shutdown();

        let server = serve(name).await;
        let (_display, number) = xvfb();
        let mut command = Command::new("xfreerdp");
        command.arg(format!("/v:{}", server.address()));
        command.args([&format!("/u:{USER}"), &format!("/p:{PASSWORD}"), "/cert-ignore"]);
        command.env("DISPLAY", number).env("HOME", &state);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _client = Server(command.spawn().expect("xfreerdp starts"));
        let theirs = first_picture(&server).await;
        server.shutdown();
        println!(
            "{name}: {} round trips in {:?}; xfreerdp {} in {:?}",
            ours.round_trips, ours.after, theirs.round_trips, theirs.after
        );
        assert!(ours.round_trips <= theirs.round_trips, "{name}: {ours:?}, {theirs:?}");
    }
}
