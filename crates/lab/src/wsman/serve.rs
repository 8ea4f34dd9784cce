//! One connection: requests, the sign-in, then messages about a shell.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use openssl::ssl::SslContext;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::envelope::{self, Asked, Message};
use super::far::Job;
use super::sign_in::{Answer, SignIn};
use super::{Answers, Create, Front, Run, Service, seal};
use crate::ntlm::Sealing;

/// Longest head, and longest body: MaxEnvelopeSizekb of Windows, 500.
const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 500 * 1024;

/// Requests of one connection.
const MOST_REQUESTS: usize = 4096;

const SHELL: &str = "67A74734-DD32-4F10-89DE-49A060483810";
const COMMAND: &str = "1A6DEE6B-EC68-4DD6-87E9-030C0048ECC4";

/// ERROR_ACCESS_DENIED, ERROR_WSMAN_QUOTA_MAX_SHELLS_PPQ, ERROR_WSMAN_OPERATION_TIMEDOUT.
const ACCESS_DENIED: u32 = 5;
const QUOTA: u32 = 0x8033_81E6;
const TIMED_OUT: u32 = 0x8033_8029;

/// In how many pieces the output comes.
const PIECES: usize = 4;

/// A request.
struct Request {
    line: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What is known on one connection.
struct Talk<'a> {
    service: &'a Service,
    tls: Option<&'a SslContext>,
    sign_in: SignIn,
    /// Somebody signed in.
    sealing: Option<Box<Sealing>>,
    numbers: BTreeSet<String>,
    shell: bool,
    asked: usize,
    written: usize,
    /// What the command was given, where it may be work for a program that is brought.
    fed: Vec<u8>,
    job: Option<Arc<Job>>,
}

/// What is answered, and whether the connection lives on.
enum Reply {
    Http(&'static str, Vec<String>, Vec<u8>),
    Soap(&'static str, String),
    End,
}

impl Service {
    pub(super) async fn talk<S>(&self, mut stream: S, tls: Option<&SslContext>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut talk = Talk {
            service: self,
            tls,
            sign_in: SignIn::default(),
            sealing: None,
            numbers: BTreeSet::new(),
            shell: false,
            asked: 0,
            written: 0,
            fed: Vec::new(),
            job: None,
        };
        let mut buffer = Vec::new();
        for _ in 0..MOST_REQUESTS {
            let Some(request) = self.request(&mut stream, &mut buffer).await? else { break };
            let reply = talk.reply(&request);
            let Some(bytes) = talk.bytes(reply) else { break };
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            if request.line.is_empty() || self.how.changes_certificate {
                break;
            }
        }
        if talk.shell {
            // As Windows does it when nobody asks any more; here at once.
            self.record().shells -= 1;
        }
        stream.shutdown().await
    }

    async fn request<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if buffer.first().is_some_and(|first| !first.is_ascii_uppercase()) {
                // No verb, but a ClientHello.
                let request = Request { line: String::new(), fields: Vec::new(), body: Vec::new() };
                return Ok(Some(request));
            }
            let before = buffer.len();
            if before > LONGEST_HEAD || stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
            self.keep(&buffer[before..]);
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields: Vec<_> =
            fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        buffer.drain(..end + 4);
        let mut request = Request { line, fields, body: Vec::new() };
        let length = request.field("content-length").parse().unwrap_or(0);
        if length > LONGEST_BODY {
            self.complain("a message is longer than any");
            return Ok(None);
        }
        while buffer.len() < length {
            let before = buffer.len();
            if stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
            self.keep(&buffer[before..]);
        }
        request.body = buffer.drain(..length).collect();
        Ok(Some(request))
    }
}

impl Talk<'_> {
    fn reply(&mut self, request: &Request) -> Reply {
        if self.service.how.front == Front::WebServer {
            let body = b"<html><body>404 - File or directory not found.</body></html>".to_vec();
            let fields = vec!["Server: Microsoft-IIS/10.0".to_owned()];
            return Reply::Http("404 Not Found", fields, body);
        }
        if request.line.is_empty() {
            return Reply::Http(
                "400 Bad Request",
                vec!["Connection: close".to_owned()],
                Vec::new(),
            );
        }
        if request.line != "POST /wsman HTTP/1.1" {
            self.service.complain(format!("it asks for {}", request.line));
            return Reply::Http("404 Not Found", Vec::new(), Vec::new());
        }
        if self.sealing.is_none() {
            return self.signing_in(request);
        }
        if request.body.is_empty() {
            self.service.complain("a message without a word");
            return Reply::End;
        }
        let clear = match self.opened(request) {
            Ok(clear) => clear,
            Err(what) => {
                self.service.complain(what);
                return Reply::Http("400 Bad Request", Vec::new(), Vec::new());
            }
        };
        match Message::read(&clear) {
            Ok(message) => self.answer(message),
            Err(what) => {
                self.service.complain(what);
                Reply::Http("400 Bad Request", Vec::new(), Vec::new())
            }
        }
    }

    fn signing_in(&mut self, request: &Request) -> Reply {
        if !request.body.is_empty() {
            self.service.complain("a message before the sign-in");
        }
        let header = request.field("authorization");
        let fields = |values: &[&str]| -> Vec<String> {
            values.iter().map(|value| format!("WWW-Authenticate: {value}")).collect()
        };
        let status = "401 Unauthorized";
        let offers = fields(self.service.how.offers);
        if header.is_empty() {
            return Reply::Http(status, offers, Vec::new());
        }
        match self.sign_in.by_header(self.service, header, self.tls) {
            Answer::Challenge(value) => Reply::Http(status, fields(&[&value]), Vec::new()),
            Answer::Refused => Reply::Http(status, offers, Vec::new()),
            Answer::Welcome(sealing) => {
                self.sealing = Some(sealing);
                Reply::Http("200 OK", Vec::new(), Vec::new())
            }
        }
    }

    /// Where TLS does not encrypt, a message has to be encrypted.
    fn opened(&mut self, request: &Request) -> Result<Vec<u8>, &'static str> {
        let kind = request.field("content-type");
        match (self.tls, &mut self.sealing) {
            (Some(_), _) if kind == "application/soap+xml;charset=UTF-8" => {
                Ok(request.body.clone())
            }
            (None, Some(sealing)) if kind == seal::CONTENT_TYPE => {
                seal::open(&request.body, sealing)
            }
            _ => Err("a message of another type"),
        }
    }

    fn answer(&mut self, message: Message) -> Reply {
        let service = self.service;
        if !self.numbers.insert(message.id.clone()) {
            service.complain("two messages have one number");
        }
        let name = message.action.rsplit('/').next().unwrap_or_default().to_owned();
        service.record().actions.push(name);
        let wants_shell = message.asked != Asked::Create;
        if wants_shell && !(self.shell && message.shell.as_deref() == Some(SHELL)) {
            service.complain("a message about a shell that is not there");
        }
        let of_command = matches!(message.asked, Asked::Send(..) | Asked::Receive | Asked::Signal);
        if of_command && message.command.as_deref() != Some(COMMAND) {
            service.complain("a message about a command that is not there");
        }
        let body = match message.asked {
            Asked::Create => return self.created(&message.id, &message.action),
            Asked::Command(line) => {
                service.record().command = line;
                envelope::started(COMMAND)
            }
            Asked::Send(bytes, last) => {
                let runs = service.how.run == Run::Writes;
                if let Some(far) = service.far.as_ref().filter(|_| runs) {
                    self.fed.extend(&bytes);
                    let fed = last.then(|| std::mem::take(&mut self.fed));
                    self.job = fed.and_then(|fed| far.begin(fed));
                }
                service.record().input.extend(bytes);
                "<rsp:SendResponse/>".to_owned()
            }
            Asked::Receive => {
                return match self.received() {
                    Some(Ok(body)) => self.soap("200 OK", &message.id, &message.action, &body),
                    Some(Err(fault)) => {
                        self.soap("500 Error", &message.id, &message.action, &fault)
                    }
                    None => Reply::End,
                };
            }
            Asked::Signal => "<rsp:SignalResponse/>".to_owned(),
            Asked::Delete => {
                if std::mem::take(&mut self.shell) {
                    service.record().shells -= 1;
                }
                String::new()
            }
        };
        self.soap("200 OK", &message.id, &message.action, &body)
    }

    fn created(&mut self, id: &str, action: &str) -> Reply {
        let (name, code, words) = match self.service.how.create {
            Create::Shell => {
                self.shell = true;
                self.service.record().shells += 1;
                return self.soap("200 OK", id, action, &envelope::created(SHELL));
            }
            Create::Denied => ("AccessDenied", ACCESS_DENIED, "Access is denied."),
            Create::Quota => (
                "QuotaLimit",
                QUOTA,
                "This user is allowed a maximum number of 30 concurrent shells, which has been exceeded.",
            ),
        };
        self.soap("500 Error", id, action, &envelope::fault(name, code, words))
    }

    /// Output, a fault, or the end of the connection. The first question comes too early, as it does
    /// where PowerShell takes its time.
    fn received(&mut self) -> Option<Result<String, String>> {
        self.asked += 1;
        if let (Some(job), Some(far)) = (&self.job, &self.service.far) {
            let (wrote, over) = job.take();
            let cut = over && far.cut.load(Ordering::Relaxed);
            return match (wrote.is_empty(), over) {
                (true, _) if cut => None,
                (true, false) => {
                    let words = "The operation has timed out.";
                    Some(Err(envelope::fault("TimedOut", TIMED_OUT, words)))
                }
                // What was said before the line is cut arrives.
                _ => Some(Ok(envelope::output(COMMAND, &wrote, &[], (over && !cut).then_some(0)))),
            };
        }
        let output = &self.service.output;
        let nothing_yet = || envelope::fault("TimedOut", TIMED_OUT, "The operation has timed out.");
        let whole = match self.service.how.run {
            Run::LosesTheEnd => output.len() * 4 / 5,
            _ => output.len(),
        };
        match self.service.how.run {
            Run::NoProgram => {
                let words = b"'powershell.exe' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n";
                return Some(Ok(envelope::output(COMMAND, &[], words, Some(9009))));
            }
            Run::Refuses => {
                let words = b"#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><S S=\"Error\">Invoke-Expression : Running scripts is not allowed on this _x000D__x000A_</S><S S=\"Error\">machine._x000D__x000A_</S></Objs>";
                return Some(Ok(envelope::output(COMMAND, &[], words, Some(1))));
            }
            Run::Endless => {
                return Some(Ok(envelope::output(COMMAND, &[b'x'; 200_000], &[], None)));
            }
            Run::Hangs => return Some(Err(nothing_yet())),
            Run::EndsTheConnection if self.written * 5 > output.len() * 3 => return None,
            _ if self.asked == 1 => return Some(Err(nothing_yet())),
            _ => {}
        }
        let most = output.len() / PIECES + 1;
        let piece = &output[self.written.min(whole)..whole.min(self.written + most)];
        self.written += piece.len();
        let done = (self.written >= whole).then_some(0);
        Some(Ok(envelope::output(COMMAND, piece, &[], done)))
    }

    fn soap(&self, status: &'static str, id: &str, action: &str, body: &str) -> Reply {
        let to = match self.service.how.answers {
            Answers::ToAnother => "uuid:00000000-0000-4000-8000-000000000000",
            Answers::Garbage => return Reply::Soap(status, "<html>Busy.</html>".to_owned()),
            _ => id,
        };
        Reply::Soap(status, envelope::answer(to, action, body))
    }

    fn bytes(&mut self, reply: Reply) -> Option<Vec<u8>> {
        let (status, mut fields, body) = match reply {
            Reply::End => return None,
            Reply::Http(status, fields, body) => (status, fields, body),
            Reply::Soap(status, text) => {
                let (kind, body) = self.closed(text);
                (status, vec![format!("Content-Type: {kind}")], body)
            }
        };
        if !fields.iter().any(|field| field.starts_with("Server:")) {
            fields.push("Server: Microsoft-HTTPAPI/2.0".to_owned());
        }
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n");
        Some([head.as_bytes(), &body].concat())
    }

    fn closed(&mut self, text: String) -> (&'static str, Vec<u8>) {
        let plain = "application/soap+xml;charset=UTF-8";
        let answers = self.service.how.answers;
        match &mut self.sealing {
            Some(sealing) if self.tls.is_none() && answers != Answers::InClear => {
                let mut body = seal::close(text.as_bytes(), sealing);
                if answers == Answers::Altered {
                    let middle = body.len() / 2;
                    body[middle] ^= 1;
                }
                (seal::CONTENT_TYPE, body)
            }
            _ => (plain, text.into_bytes()),
        }
    }
}
