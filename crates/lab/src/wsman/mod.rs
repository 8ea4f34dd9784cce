//! WinRM's service (MS-WSMV) on a machine that has one account, and a shell in which one script seems to
//! run: whatever it is told to do, what it writes was given to it before. Only a program that is brought
//! runs for real, where there is a machine for it ([`FarMachine`]).
//!
//! It checks what a client sends, and writes down what is wrong with it. Faults deviate in one step, as
//! those of the Remote Desktop servers do.

mod envelope;
mod far;
mod faults;
mod seal;
mod serve;
mod sign_in;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openssl::hash::MessageDigest;
use openssl::ssl::{Ssl, SslContext};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio_openssl::SslStream;

use crate::behaviour::{Computer, Tls};
use crate::certificate::{self, Forge, Identity};
use crate::tls;
use far::Far;
pub use far::FarMachine;
pub use faults::{WINRM_FAULTS, winrm_fault};

/// What the collecting script wrote on a machine in order.
const RECORDED: &str = include_str!("healthy.txt");

/// Connections of one server at once.
const MOST_CONNECTIONS: usize = 32;

/// What is kept of all that clients sent.
const MOST_KEPT: usize = 1024 * 1024;

/// One named way in which WinRM fails, or one in which it works.
pub struct WinrmFault {
    /// Its name.
    pub name: &'static str,
    /// What the server does, in one line.
    pub summary: &'static str,
    how: How,
}

impl std::fmt::Debug for WinrmFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WinrmFault").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The service from its first to its last step. Faults are written as
/// `How { the_step_that_differs, ..How::HEALTHY }`.
#[derive(Clone, Copy)]
struct How {
    /// The certificate; none: HTTP, each message sealed.
    certificate: Option<fn(&Forge) -> io::Result<Identity>>,
    front: Front,
    /// The schemes that it offers.
    offers: &'static [&'static str],
    /// Whether anybody is let in.
    lets_in: bool,
    /// The connection ends behind its first answer, and every later one shows a certificate of its own
    /// making: somebody has put himself in between.
    changes_certificate: bool,
    create: Create,
    run: Run,
    answers: Answers,
    far: FarHow,
}

impl How {
    /// An HTTPS listener with a certificate of the lab's authority.
    const HEALTHY: Self = Self {
        certificate: Some(|forge| crate::certificate::from_authority(forge, &forge.names)),
        front: Front::Winrm,
        offers: &["Negotiate", "Kerberos"],
        lets_in: true,
        changes_certificate: false,
        create: Create::Shell,
        run: Run::Writes,
        answers: Answers::AsTheyShould,
        far: FarHow::Works,
    };
}

/// What listens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    Winrm,
    /// It accepts the connection and never says a word.
    Silence,
    /// Another service greets whoever comes.
    Ssh,
    /// A web server that knows no such page.
    WebServer,
}

/// What comes of the wish for a shell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    Shell,
    Denied,
    Quota,
}

/// What comes of the command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// It writes what it was given.
    Writes,
    /// `cmd` knows no such program.
    NoProgram,
    /// The program runs, and refuses the script.
    Refuses,
    /// The connection ends in the middle of the output.
    EndsTheConnection,
    /// The last fifth of the output is missing.
    LosesTheEnd,
    /// It writes without an end.
    Endless,
    /// It never writes anything.
    Hangs,
}

/// How answers look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    AsTheyShould,
    /// In clear, where they should be sealed.
    InClear,
    /// With one bit changed behind the sealing.
    Altered,
    /// To another question than the one that was asked.
    ToAnother,
    /// No XML.
    Garbage,
}

/// How the machine takes a program that is brought to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FarHow {
    /// It is kept, and runs.
    Works,
    /// PowerShell may not do what it takes.
    Constrained,
    /// It has another processor.
    Arm,
    /// A policy does not let the program run.
    Blocked,
    /// What is kept is not what arrived.
    Alters,
    /// The program there is another version.
    OtherVersion,
    /// The line is cut behind the changes, and nobody gets through any more.
    Cut,
    /// What it answers was made up.
    Lies,
}

/// How a server is started.
#[derive(Debug, Clone)]
pub struct WinrmOptions {
    /// DNS names and addresses in certificates of the lab's authority.
    pub names: Vec<String>,
    /// Where to write the authority's certificate, PEM.
    pub ca_file: Option<PathBuf>,
    /// What the script writes; without it what it wrote on a machine in order.
    pub output: String,
    /// The machine that a program may be brought to.
    pub far: Option<FarMachine>,
}

impl Default for WinrmOptions {
    fn default() -> Self {
        Self {
            names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            ca_file: None,
            output: RECORDED.to_owned(),
            far: None,
        }
    }
}

/// What clients sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WinrmRecord {
    /// Their connections.
    pub connections: usize,
    /// What they asked for, each by the last word of its action.
    pub actions: Vec<String>,
    /// What they did that the protocol does not know.
    pub complaints: Vec<String>,
    /// The last command.
    pub command: String,
    /// Its standard input.
    pub input: Vec<u8>,
    /// Shells that are open.
    pub shells: usize,
    /// How often a proof of a password came: an NTLM AUTHENTICATE_MESSAGE.
    pub proofs: usize,
    /// Whether a password itself came.
    pub password_received: bool,
    /// How often a program was copied there.
    pub far_copies: usize,
    /// The command lines with which it was run.
    pub far_runs: Vec<String>,
    /// All of it: on HTTP as it passed, inside TLS as it was opened.
    pub bytes: Vec<u8>,
}

/// A server at work; it stops when this is dropped.
pub struct RunningWinrm {
    address: SocketAddr,
    fingerprint: Option<String>,
    record: Arc<Mutex<WinrmRecord>>,
    task: JoinHandle<()>,
}

impl RunningWinrm {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// SHA-256 of its certificate in hexadecimal digits, where it has one.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// What was received so far.
    pub fn record(&self) -> WinrmRecord {
        lock(&self.record).clone()
    }

    /// Waits for as long as the server runs.
    pub async fn wait(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for RunningWinrm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What one server is.
struct Service {
    how: How,
    computer: Computer,
    context: Option<SslContext>,
    later_context: Option<SslContext>,
    output: Vec<u8>,
    far: Option<Arc<Far>>,
    record: Arc<Mutex<WinrmRecord>>,
}

/// Starts a server with this fault. Port 0 takes any free one.
///
/// # Errors
/// When the address cannot be bound, a certificate cannot be made, or `ca_file` cannot be written.
pub async fn start_winrm(
    fault: &'static WinrmFault,
    listen: SocketAddr,
    options: WinrmOptions,
) -> io::Result<RunningWinrm> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let record = Arc::<Mutex<WinrmRecord>>::default();
    let kept = Arc::clone(&record);
    let make = move || -> io::Result<_> {
        let forge = Forge::new(Computer::lab(), options.names, None)?;
        if let Some(file) = options.ca_file {
            std::fs::write(file, forge.authority_pem())?;
        }
        let identity = fault.how.certificate.map(|make| make(&forge)).transpose()?;
        let context =
            identity.as_ref().map(|identity| tls::context(&Tls::HEALTHY, identity)).transpose()?;
        let later = certificate::self_signed(&forge)?;
        let later_context = fault
            .how
            .changes_certificate
            .then(|| tls::context(&Tls::HEALTHY, &later))
            .transpose()?;
        let own = identity.as_ref().and_then(|identity| identity.chain.first());
        let hash = own.map(|own| own.digest(MessageDigest::sha256())).transpose()?;
        let fingerprint =
            hash.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let (how, output) = (fault.how, options.output.into_bytes());
        let computer = forge.computer;
        let far = options.far.map(|machine| Far::new(machine, how.far, Arc::clone(&kept)));
        let service = Service { how, computer, context, later_context, output, far, record: kept };
        Ok((service, fingerprint))
    };
    let (service, fingerprint) = spawn_blocking(make).await.map_err(io::Error::other)??;
    let task = tokio::spawn(accept(listener, Arc::new(service)));
    Ok(RunningWinrm { address, fingerprint, record, task })
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= MOST_CONNECTIONS {
            connections.join_next().await;
        }
        let Ok((stream, _)) = listener.accept().await else { continue };
        let first = service.record().connections == 0;
        service.record().connections += 1;
        let service = Arc::clone(&service);
        connections.spawn(async move {
            // Whoever leaves in the middle is the test's to look at.
            let _ = service.connection(stream, first).await;
        });
    }
}

impl Service {
    fn record(&self) -> MutexGuard<'_, WinrmRecord> {
        lock(&self.record)
    }

    fn complain(&self, what: impl Into<String>) {
        self.record().complaints.push(what.into());
    }

    fn keep(&self, bytes: &[u8]) {
        let mut record = self.record();
        let room = MOST_KEPT.saturating_sub(record.bytes.len());
        record.bytes.extend(bytes.iter().take(room));
    }

    async fn connection(&self, mut stream: TcpStream, first: bool) -> io::Result<()> {
        if self.far.as_ref().is_some_and(|far| far.cut.load(Ordering::Relaxed)) {
            return Ok(());
        }
        stream.set_nodelay(true)?;
        match self.how.front {
            Front::Silence => {
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                return Ok(());
            }
            Front::Ssh => {
                stream.write_all(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n").await?;
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await? > 0 {}
                return Ok(());
            }
            Front::Winrm | Front::WebServer => {}
        }
        let later = self.later_context.as_ref().filter(|_| !first);
        let Some(context) = later.or(self.context.as_ref()) else {
            return self.talk(stream, None).await;
        };
        let mut stream = SslStream::new(Ssl::new(context)?, stream)?;
        std::pin::Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
        self.talk(stream, Some(context)).await
    }
}

fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}
