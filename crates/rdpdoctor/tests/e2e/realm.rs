//! A realm of Kerberos of its own: MIT's key distribution centre on loopback, its accounts, and what takes
//! the tickets of a service.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::{Server, free_port, serve};

/// Debian's own: another one has not its modules.
pub const PYTHON: &str = "/usr/bin/python3";

pub const PROGRAMS: [&str; 4] = ["krb5kdc", "kdb5_util", "kadmin.local", "faketime"];

/// The accounts, and the options with which they are made.
const ACCOUNTS: [(&str, &str); 7] = [
    ("jo", "-pw Secret-1"),
    // The lab's own.
    ("lab", "-pw lab-Password-1"),
    ("expired", "-pw Secret-1 -pwexpire 2020-01-01"),
    ("change", "-pw Secret-1 +needchange"),
    ("locked", "-pw Secret-1 -allow_tix"),
    ("TERMSRV/localhost", "-randkey"),
    ("HTTP/localhost", "-randkey"),
];

/// Whether GSS-API can be used from scripts; in CI it has to be.
pub fn has_gssapi(test: &str) -> bool {
    let module = Command::new(PYTHON).args(["-c", "import gssapi"]).output();
    let there = module.is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "python3-gssapi is not installed: {test}");
        eprintln!("skipped: python3-gssapi is not installed: {test}");
    }
    there
}

/// A realm of its own with its centre on loopback.
pub struct Realm {
    folder: PathBuf,
    port: u16,
    _centre: Server,
}

impl Realm {
    /// `shift` is what the centre's clock is off, as `faketime` takes it.
    pub fn new(folder: PathBuf, shift: Option<&str>) -> Self {
        let port = free_port();
        let place = folder.display();
        let client = format!(
            "[libdefaults]\n default_realm = LAB.EXAMPLE\n dns_lookup_kdc = false\n rdns = false\n[realms]\n LAB.EXAMPLE = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        );
        let server = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n LAB.EXAMPLE = {{\n  database_name = {place}/principal\n  key_stash_file = {place}/stash\n  default_principal_flags = +preauth\n }}\n[logging]\n kdc = FILE:{place}/kdc.log\n"
        );
        std::fs::write(folder.join("krb5.conf"), client).expect("a file");
        std::fs::write(folder.join("kdc.conf"), server).expect("a file");
        let tool = |program: &str, arguments: &[&str]| {
            let mut tool = administrator(&folder, program);
            let output = tool.args(arguments).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{program}: {said}");
        };
        tool("kdb5_util", &["create", "-s", "-P", "master"]);
        for (account, options) in ACCOUNTS {
            tool("kadmin.local", &["-q", &format!("addprinc {options} {account}")]);
        }
        let mut centre = administrator(&folder, "krb5kdc");
        if let Some(shift) = shift {
            // Not by the program `faketime`: it stays in between, and the centre would outlive it.
            centre.env("LD_PRELOAD", faketime()).env("FAKETIME", shift);
        }
        let centre = serve(centre.arg("-n"), &folder, port);
        Self { folder, port, _centre: centre }
    }

    /// Where the centre is.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps what it knows.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that tells a program of the realm.
    pub fn config(&self) -> PathBuf {
        self.folder.join("krb5.conf")
    }

    /// Writes a service's key to a table, as a server has it.
    pub fn key(&self, service: &str, table: &Path) {
        let question = format!("ktadd -norandkey -k {} {service}", table.display());
        let done = administrator(&self.folder, "kadmin.local").args(["-q", &question]).output();
        assert!(done.expect("it runs").status.success() && table.exists(), "no key of {service}");
    }

    /// The same realm, whose centre is said to be where nobody is.
    pub fn out_of_reach(self) -> Self {
        Self { port: free_port(), ..self }
    }

    /// Signs a user in to the realm; the tickets lie in a file.
    pub fn log_on(&self, user: &str, password: &str) -> PathBuf {
        let tickets = self.folder.join(format!("tickets-{user}"));
        let mut kinit = administrator(&self.folder, "kinit");
        kinit.arg("-c").arg(&tickets).arg(user).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut kinit = kinit.spawn().expect("kinit starts");
        let mut input = kinit.stdin.take().expect("its input");
        writeln!(input, "{password}").expect("it reads");
        drop(input);
        assert!(kinit.wait().expect("it ends").success(), "no ticket of {user}");
        tickets
    }

    /// Starts what takes the tickets of `service` for a server of the lab, and says where; what it says of
    /// whom it takes lies in `folder`.
    pub fn take_tickets(&self, service: &str, folder: &Path) -> (Server, SocketAddr) {
        let table = folder.join("keytab");
        self.key(service, &table);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/tickets.py");
        let port = free_port();
        let mut command = Command::new(PYTHON);
        command.arg(script).arg(port.to_string());
        command.env("KRB5_CONFIG", self.config()).env("KRB5_KTNAME", &table);
        (serve(&mut command, folder, port), ([127, 0, 0, 1], port).into())
    }
}

fn administrator(folder: &Path, program: &str) -> Command {
    let path = format!("/usr/sbin:/usr/bin:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.env("PATH", path);
    command.env("KRB5_CONFIG", folder.join("krb5.conf"));
    command.env("KRB5_KDC_PROFILE", folder.join("kdc.conf"));
    command
}

/// The library of Debian's faketime, in the folder of this machine's architecture.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("the libraries").flatten();
    let mut found = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    found.find(|library| library.exists()).expect("libfaketime")
}
