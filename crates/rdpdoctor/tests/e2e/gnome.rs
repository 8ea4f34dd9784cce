//! GNOME Remote Desktop on a desktop without a screen: with credentials, and with none, a known real
//! cause of 0x904 / 0x7.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::programs::{free_port, installed};
use crate::support::{Run, cause, command, findings, folder, run};

/// A desktop needs longer than a server.
const STARTING: Duration = Duration::from_secs(40);

/// Everything a desktop consists of, on a session bus of its own. The last word is the daemon's.
const DESKTOP: &str = r#"
set -e
pipewire &
until [ -S "$XDG_RUNTIME_DIR/pipewire-0" ]; do sleep 0.1; done
wireplumber &
mutter --headless --virtual-monitor 1024x768 --no-x11 &
gdbus wait --session --timeout 30 org.gnome.Mutter.RemoteDesktop
gdbus wait --session --timeout 30 org.gnome.Mutter.ScreenCast
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$HOME/key.pem" -out "$HOME/cert.pem" -days 30 -subj /CN=gnome.test
grdctl --headless rdp set-tls-cert "$HOME/cert.pem"
grdctl --headless rdp set-tls-key "$HOME/key.pem"
if [ -n "$GNOME_USER" ]; then grdctl --headless rdp set-credentials "$GNOME_USER" "$GNOME_SECRET"; fi
grdctl --headless rdp enable
exec "$DAEMON" --headless --rdp-port "$PORT"
"#;

/// Where Debian keeps the daemon.
const DAEMON: &str = "/usr/libexec/gnome-remote-desktop-daemon";

/// The desktop; all its programs are one process group, which ends with the test.
struct Desktop {
    child: Child,
    target: String,
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

fn desktop(folder: &Path, credentials: Option<(&str, &str)>) -> Desktop {
    let port = free_port();
    let runtime = folder.join("run");
    std::fs::create_dir_all(&runtime).expect("a folder");
    let own = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&runtime, own).expect("its owner's only");
    let log = folder.join("output");
    let output = File::create(&log).expect("a file");
    let (user, secret) = credentials.unwrap_or_default();
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "sh", "-c", DESKTOP]).process_group(0).stdin(Stdio::null());
    command.stdout(output.try_clone().expect("a file")).stderr(output);
    // Its settings in a file: there is no dconf to keep them.
    command.env("GSETTINGS_BACKEND", "keyfile").env("XDG_RUNTIME_DIR", &runtime);
    command.env("HOME", folder).env("XDG_CONFIG_HOME", folder.join("config"));
    command.env("XDG_DATA_HOME", folder.join("data")).env("DAEMON", DAEMON);
    command.env("GNOME_USER", user).env("GNOME_SECRET", secret).env("PORT", port.to_string());
    let child = command.spawn().expect("it starts");
    let mut desktop = Desktop { child, target: format!("127.0.0.1:{port}") };
    let begun = Instant::now();
    while TcpStream::connect(&desktop.target).is_err() {
        let ended = desktop.child.try_wait().expect("a child");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none() && begun.elapsed() < STARTING, "{ended:?}: {}", said());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    desktop
}

fn there(test: &str) -> bool {
    installed(&["dbus-run-session", "gdbus", "grdctl", "mutter", "pipewire", "wireplumber"], test)
}

fn check(target: &str, state: &Path, secret: &str) -> Run {
    let mut command = command();
    command.args(["check", target, "--json", "-u", "jo", "--trust", "any", "--yes", "--desktop"]);
    command.arg(state.join("desktop.png"));
    run(command.env("XDG_STATE_HOME", state).env("RDPDOCTOR_PASSWORD", secret))
}

fn stage<'a>(document: &'a Value, name: &str) -> &'a str {
    let stages = document["stages"].as_array().expect("stages");
    let stage = stages.iter().find(|stage| stage["stage"] == name).expect("the stage");
    stage["status"].as_str().expect("a status")
}

#[test]
fn gnome_with_credentials() {
    if !there("gnome_with_credentials") {
        return;
    }
    let folder = folder("gnome");
    let desktop = desktop(&folder, Some(("jo", "Secret-1")));
    let run = check(&desktop.target, &folder, "Secret-1");
    let document = run.json();
    // It bears this machine's own name: a warning, and nothing that blocks.
    assert_eq!(
        (run.code, cause(&document)),
        (1, "net.self-connection"),
        "{:?}",
        findings(&document)
    );
    for reached in ["mcs", "licensing", "session", "desktop"] {
        assert_eq!(stage(&document, reached), "ok", "{reached}: {:?}", findings(&document));
    }
    let observations = document["observations"].as_array().expect("observations");
    let picture = observations.iter().find(|o| o["kind"] == "picture").expect("a picture");
    assert_eq!((&picture["width"], &picture["painted_percent"]), (&1024.into(), &100.into()));

    let run = check(&desktop.target, &folder, "wrong");
    let document = run.json();
    assert_eq!(run.code, 2, "{:?}", findings(&document));
    assert_eq!(document["verdict"]["stage"], "credssp", "{:?}", findings(&document));
}

/// Nobody has set a user name and a password: it denies every client.
#[test]
fn gnome_without_credentials() {
    if !there("gnome_without_credentials") {
        return;
    }
    let folder = folder("gnome-empty");
    let desktop = desktop(&folder, None);
    let run = check(&desktop.target, &folder, "Secret-1");
    let document = run.json();
    assert_eq!(
        (run.code, cause(&document)),
        (2, "net.closed-on-accept"),
        "{:?}",
        findings(&document)
    );
    assert_eq!(document["verdict"]["client_shows"][0]["code"], "0x904");
    assert!(run.stdout.contains("set-gnome-credentials"));
}
