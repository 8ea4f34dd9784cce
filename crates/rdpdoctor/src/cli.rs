//! The command line, as the contract has it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

pub use crate::cli_compare::CompareArgs;
pub use crate::cli_machine::MachineArgs;
pub use crate::cli_watch::WatchArgs;

/// Says why a Remote Desktop connection fails, with its evidence, and what to change.
#[derive(Debug, Parser)]
#[command(name = "rdpdoctor", version, arg_required_else_help = true, args_override_self = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try the connection as a Remote Desktop client does and say what fails, why, and what to do
    Check(Box<CheckArgs>),
    /// The same diagnosis from files: captures, event logs, .rdp files, saved documents
    Read(Box<ReadArgs>),
    /// Hold saved documents side by side: what differs, and which cause that points to
    Compare(Box<CompareArgs>),
    /// Repeat the check for a while: what changed, and when it broke
    Watch(Box<WatchArgs>),
    /// Check the Windows machine that is connected to: what on it stops Remote Desktop
    Host(Box<MachineArgs>),
    /// The same for the Windows machine in front of the user
    Client(Box<MachineArgs>),
    /// Say what a code shown by a client means, which causes produce it, what to check first
    Explain(ExplainArgs),
    /// Servers that fail in one named way each, to see what a failure looks like
    #[command(subcommand)]
    Lab(LabCommand),
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// One or two numbers (0x904 0x7, 2308 7), an NTSTATUS, ERRINFO or gateway code, or a name
    #[arg(required_unless_present = "paste", allow_negative_numbers = true, num_args = 1..=2)]
    pub code: Vec<String>,
    /// Read the text of the dialog from standard input, in whatever language
    #[arg(long, conflicts_with = "code")]
    pub paste: bool,
    /// Draw the decision tree that the catalogue implies for the code
    #[arg(long)]
    pub tree: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
    /// Write the answer to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write the decision tree as a page to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `lab list` and `lab run`.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// List the faults, each with the cause that it produces
    List,
    /// Start the server with this fault; the first line says where it listens
    Run {
        /// A name from `lab list`
        fault: String,
        /// Address and port to listen on; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// Names and addresses in the certificates that the lab's own CA issues
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
        /// What an RD Gateway answers at a step: tunnel=0x800759DB (handshake, tunnel,
        /// authorization, channel, close)
        #[arg(long, value_name = "STEP=CODE", value_parser = gateway_code)]
        gateway_code: Option<(rdpdoctor_lab::GatewayStep, u32)>,
        /// Write the lab CA's certificate to this file (PEM)
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
}

/// `check`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
#[command(group(ArgGroup::new("signs-in").args(["user", "logon", "desktop"]).multiple(true)))]
pub struct CheckArgs {
    /// host, host:port, [v6]:port or a .rdp file
    pub target: String,
    /// What the client insists on; auto offers what mstsc offers
    #[arg(long, value_enum, default_value_t = Security::Auto)]
    pub security: Security,
    /// Whose TLS, and whose sign-in without -u: that of Windows, as mstsc has it (the default there), or
    /// one that is the same everywhere
    #[arg(long, value_enum)]
    pub engine: Option<EngineChoice>,
    /// Sign in as DOMAIN\user, user@realm or user, once; the password is asked for
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password from standard input (or set RDPDOCTOR_PASSWORD)
    #[arg(long, requires = "user")]
    pub password_stdin: bool,
    /// How to sign in; auto takes Kerberos where Windows would, then NTLM
    #[arg(long, value_enum, default_value_t = Auth::Auto, requires = "signs-in")]
    pub auth: Auth,
    /// Key distribution centre of the realm, also for a proxy's user; without it the DNS is asked
    #[arg(long, value_name = "HOST[:PORT]")]
    pub kdc: Option<String>,
    /// Sign in without handing the password over (Restricted Admin)
    #[arg(long, requires = "signs-in")]
    pub restricted_admin: bool,
    /// Go on to a session, which is left as closing the window does. On Windows without -u: sign in as
    /// who is logged on here; no session follows, but with --restricted-admin
    #[arg(long)]
    pub logon: bool,
    /// Keep the first picture of the session in this file (PNG); implies --logon
    #[arg(long, value_name = "FILE")]
    pub desktop: Option<PathBuf>,
    /// Do not ask before a session is made or taken over
    #[arg(long, requires = "signs-in")]
    pub yes: bool,
    /// Sign in although this user was rejected within the last 30 minutes
    #[arg(long, requires = "signs-in")]
    pub again: bool,
    /// Believe the server whose certificate has this SHA-256 fingerprint
    #[arg(long, value_name = "SHA256")]
    pub pin: Option<String>,
    /// How certificate findings weigh: strict makes each block
    #[arg(long, value_enum, default_value_t = TrustLevel::Warn)]
    pub trust: TrustLevel,
    /// Go by way of this RD Gateway, with the same credentials (-u)
    #[arg(long, value_name = "HOST[:PORT]")]
    pub gateway: Option<String>,
    /// Go through this proxy (http, https, socks5, socks5h); without it through that of ALL_PROXY, to
    /// a gateway of HTTPS_PROXY first, on Windows of its settings last
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// A list of bastions (TOML or JSON); without it the one in rdpdoctor's folder of settings
    #[arg(long, value_name = "FILE")]
    pub bastions: Option<PathBuf>,
    /// Ask every side question: all security layers, all TLS versions
    #[arg(long, conflicts_with = "no_side")]
    pub deep: bool,
    /// Ask no side question: one connection only
    #[arg(long)]
    pub no_side: bool,
    /// Send so many echo requests along the path, and say how sure the loss is (1 to 30000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=30000))]
    pub network_samples: Option<u16>,
    /// Ask which routers answer on the way to this very port
    #[arg(long)]
    pub trace: bool,
    /// Longest time for one stage
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Longest time for the whole check
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// Try until the host answers, for at most this long (90s, 10m, 2h)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Write the secrets of the check's own TLS connections to this file (SSLKEYLOGFILE), so that a
    /// capture of it can be read
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// Write the packets of the check's own connections to this file (pcapng), with their secrets where
    /// --keylog is given
    #[arg(long, value_name = "OUT.pcapng")]
    pub capture: Option<PathBuf>,
    /// Judge together with facts that were collected on the host (host collect)
    #[arg(long, value_name = "FILE")]
    pub host_facts: Vec<PathBuf>,
    /// Judge together with facts that are read on the host over WinRM, as the same user (-u), who has to
    /// be an administrator there
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        num_args = 0..=1,
        default_missing_value = "",
        requires = "user",
        conflicts_with = "host_facts"
    )]
    pub remote: Option<String>,
    /// Write a mended copy of the .rdp file and print the difference
    #[arg(long, value_name = "OUT.rdp")]
    pub fixed: Option<PathBuf>,
    /// How the answer is given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `read`.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub struct ReadArgs {
    /// Files of any kind, recognised by content
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Of several attempts answer for the last one, not for the worst
    #[arg(long)]
    pub last: bool,
    /// Of an event log show every user's attempts, not only the ones of the user in question
    #[arg(long)]
    pub all_users: bool,
    /// Write a mended copy of the .rdp file and print the difference
    #[arg(long, value_name = "OUT.rdp")]
    pub fixed: Option<PathBuf>,
    /// A list of bastions (TOML or JSON); without it the one in rdpdoctor's folder of settings
    #[arg(long, value_name = "FILE")]
    pub bastions: Option<PathBuf>,
    /// Secrets of the TLS connections in a capture (SSLKEYLOGFILE)
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// How the answer is given.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How an answer is given: shared by the commands that diagnose.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// What the user's client showed, as CODE:EXTENDED (0x904:0x7)
    #[arg(long, value_name = "CODE:EXTENDED")]
    pub reported: Option<String>,
    /// One JSON document on standard output
    #[arg(long, conflicts_with = "text")]
    pub json: bool,
    /// Write the answer to this file (UTF-8) instead of standard output
    #[arg(short, long = "output", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Plain text for a ticket, or for the network team
    #[arg(long, value_enum)]
    pub text: Option<TextKind>,
    /// Also write one self-contained page to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Replace users, domains, hosts, addresses and serials by stable pseudonyms, in every output
    #[arg(long)]
    pub mask: bool,
    /// All findings, steps and evidence
    #[arg(long)]
    pub details: bool,
    /// No progress on standard error
    #[arg(long)]
    pub quiet: bool,
    /// No colours
    #[arg(long)]
    pub no_color: bool,
}

/// `--security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Security {
    /// What mstsc offers
    Auto,
    /// Standard RDP Security only
    Rdp,
    /// TLS without NLA only
    Tls,
    /// NLA only
    Nla,
}

/// `--engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// OpenSSL, by no setting of this machine
    Portable,
    /// Schannel, by this machine's settings, and SSPI; Windows only
    Native,
}

/// `--auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Kerberos where Windows would, then NTLM
    Auto,
    /// NTLM only
    Ntlm,
    /// Kerberos only
    Kerberos,
}

/// `--trust`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrustLevel {
    /// Certificate findings block
    Strict,
    /// They warn, as mstsc asks
    Warn,
    /// They warn, and a password leaves for any server
    Any,
}

/// `--text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextKind {
    /// At most 15 plain lines
    Ticket,
    /// Connections, times, what left and what never came back
    Network,
}

/// A usage error on one line.
pub fn one_line(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // What is rendered then is the help.
        return "no command was given; see rdpdoctor --help".to_owned();
    }
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("error: the command line is not understood");
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // What is missing stands on the next line.
    let missing = if first.ends_with(':') { lines.next().unwrap_or_default() } else { "" };
    format!("{first} {missing}").trim_end().to_owned() + "; see rdpdoctor --help"
}

fn gateway_code(text: &str) -> Result<(rdpdoctor_lab::GatewayStep, u32), String> {
    let (step, code) = text.split_once('=').ok_or("STEP=CODE, such as tunnel=0x800759DB")?;
    let number = match code.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => code.parse(),
    };
    Ok((step.parse()?, number.map_err(|_| format!("{code:?} is no code"))?))
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 86_400.0 => Ok(Duration::from_secs_f64(value)),
        _ => Err("a number of seconds above 0, at most 86400".to_owned()),
    }
}

pub fn duration(text: &str) -> Result<Duration, String> {
    let problem = || "a duration such as 90s, 10m or 2h".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let value: u64 = digits.parse().map_err(|_| problem())?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(problem()),
    };
    let total = value.checked_mul(unit).filter(|&total| total > 0).ok_or_else(problem)?;
    Ok(Duration::from_secs(total))
}
