//! The shell in which a script runs (MS-WSMV 3.1.4): made, fed, listened to, and ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdpdoctor_wire::wsman::{self, Action, Content, Fault, Request, Sealed};
use tokio::time::Instant;

use super::admission::Admitted;
use super::connect::Link;
use super::http::{Body, Reply, authority};
use super::{Problem, Ran, Script, Way};
use crate::context::Context;
use crate::stages::gateway::guid;

/// How long a server keeps a question for output to which it has no answer yet: short, so that an end
/// that somebody wants is soon told to it.
const PATIENCE: u64 = 5;

/// A server that has nothing to say at once is not asked without a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// What is sent of the input at once, so that a message stays below what WinRM 2.0 takes, 150 KB: as
/// base64 it has 128.
const PIECE: usize = 96 * 1024;

/// Facts have some 50 KB.
const MOST_OUTPUT: usize = 8 * 1024 * 1024;

/// What is kept of the standard error.
const MOST_ERRORS: usize = 16 * 1024;

/// ERROR_WSMAN_OPERATION_TIMEDOUT: there is no output yet.
const NOTHING_YET: u32 = 0x8033_8029;

/// ERROR_ACCESS_DENIED.
const ACCESS_DENIED: u32 = 5;

/// ERROR_WSMAN_QUOTA_LIMIT, _MAX_SHELLS to _MAX_SHELLUSERS, and _MAX_SHELLS_PPQ to
/// _MAX_COMMANDS_PER_SHELL_PPQ.
const QUOTAS: [std::ops::RangeInclusive<u32>; 3] =
    [0x8033_803F..=0x8033_803F, 0x8033_81A5..=0x8033_81AB, 0x8033_81E6..=0x8033_81E9];

/// How long everything may take.
pub(super) struct Limits {
    /// One answer.
    pub(super) step: Duration,
    /// All of it.
    pub(super) until: Instant,
}

/// A connection on which somebody signed in.
pub(super) struct Session<'a> {
    context: &'a Context,
    link: Link,
    admitted: Admitted,
    to: String,
    limits: Limits,
    stop: &'a AtomicBool,
}

/// A question without an answer that goes on.
enum Unanswered {
    /// The server says why.
    Fault(Fault),
    /// It is over.
    Over(Problem),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Over(problem)
    }
}

impl From<Unanswered> for Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Fault(fault) => of_fault(fault),
            Unanswered::Over(problem) => problem,
        }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        context: &'a Context,
        link: Link,
        admitted: Admitted,
        limits: Limits,
        stop: &'a AtomicBool,
    ) -> Self {
        let scheme = if link.tls { "https" } else { "http" };
        let to = format!("{scheme}://{}{}", authority(context), wsman::PATH);
        Self { context, link, admitted, to, limits, stop }
    }

    /// Runs a script in a shell of its own, and ends that whatever becomes of it.
    pub(super) async fn run(mut self, script: Script<'_>, whole: Duration) -> Result<Ran, Problem> {
        let shell = match self.ask(Action::Create).await {
            Ok(Content::Shell(shell)) => shell,
            Ok(_) => return Err(out_of_place("a new shell")),
            Err(why) => return Err(why.into()),
        };
        let result = self.run_in(&shell, script, whole).await;
        // Where nobody hears it the shell ends by itself, as it was told when it was made.
        let _ = self.ask(Action::Delete { shell: &shell }).await;
        result
    }

    async fn run_in(
        &mut self,
        shell: &str,
        script: Script<'_>,
        whole: Duration,
    ) -> Result<Ran, Problem> {
        let Script { program, arguments, .. } = script;
        let command = match self.ask(Action::Command { shell, program, arguments }).await {
            Ok(Content::Command(command)) => command,
            Ok(_) => return Err(out_of_place("a command's name")),
            Err(why) => return Err(why.into()),
        };
        let mut ran = Ran {
            stdout: Vec::new(),
            stderr: Vec::new(),
            exit_code: None,
            cut: None,
            by: self.way(),
        };
        let result = match self.feed(shell, &command, script, whole).await {
            Ok(()) => self.listen(shell, &command, whole, &mut ran).await,
            Err(why) => Err(why),
        };
        let lost = matches!(result, Err(Problem::Ended { .. } | Problem::Silent { .. }));
        if !lost {
            let _ = self.ask(Action::Terminate { shell, command: &command }).await;
        }
        match result {
            Ok(()) => Ok(ran),
            // What has arrived may decide.
            Err(why) if !ran.stdout.is_empty() && why != Problem::Stopped => {
                ran.cut = Some(why);
                Ok(ran)
            }
            Err(why) => Err(why),
        }
    }

    /// The input, piece by piece. A program that has ended takes no more: its output says why.
    async fn feed(
        &mut self,
        shell: &str,
        command: &str,
        script: Script<'_>,
        whole: Duration,
    ) -> Result<(), Problem> {
        let pieces = script.input.as_bytes().chunks(PIECE);
        let count = pieces.len();
        for (index, bytes) in pieces.enumerate() {
            self.may_go_on(whole)?;
            let last = index + 1 == count;
            script.sent.fetch_add(bytes.len(), Ordering::Relaxed);
            match self.ask(Action::Send { shell, command, bytes, last }).await {
                Ok(_) => {}
                Err(Unanswered::Fault(_)) => return Ok(()),
                Err(Unanswered::Over(why)) => return Err(why),
            }
        }
        Ok(())
    }

    async fn listen(
        &mut self,
        shell: &str,
        command: &str,
        whole: Duration,
        ran: &mut Ran,
    ) -> Result<(), Problem> {
        loop {
            self.may_go_on(whole)?;
            let output = match self.ask(Action::Receive { shell, command }).await {
                Ok(Content::Output(output)) => output,
                Ok(_) => return Err(out_of_place("output")),
                Err(Unanswered::Fault(fault)) if fault.code == Some(NOTHING_YET) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(why) => return Err(why.into()),
            };
            let nothing = output.stdout.is_empty() && output.stderr.is_empty();
            ran.stdout.extend(output.stdout);
            ran.stderr.extend(output.stderr);
            ran.stderr.truncate(MOST_ERRORS);
            if ran.stdout.len() > MOST_OUTPUT {
                ran.stdout.truncate(MOST_OUTPUT);
                return Err(Problem::TooMuch(MOST_OUTPUT));
            }
            if output.done {
                ran.exit_code = output.exit_code;
                return Ok(());
            }
            if nothing {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn may_go_on(&self, whole: Duration) -> Result<(), Problem> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Problem::Stopped)
        } else if Instant::now() >= self.limits.until {
            Err(Problem::TooSlow(whole))
        } else {
            Ok(())
        }
    }

    fn way(&self) -> Way {
        let (port, tls) = (self.context.target.port, self.link.tls);
        Way { port, tls, mechanism: self.admitted.mechanism }
    }

    /// One message and its answer.
    async fn ask(&mut self, action: Action<'_>) -> Result<Content, Unanswered> {
        let id = guid().map_err(Problem::Own)?;
        let id = id.trim_matches(['{', '}']);
        let envelope = Request { to: &self.to, id, seconds: PATIENCE, action }.envelope();
        let body = self.body(envelope.as_bytes())?;
        let deadline = Instant::now() + self.limits.step + Duration::from_secs(PATIENCE);
        let reply = self.link.http.post(self.context, None, body, deadline).await?;
        let answer = self.read(&reply)?;
        let relates =
            answer.relates_to.is_none_or(|to| to.eq_ignore_ascii_case(&format!("uuid:{id}")));
        if !relates {
            let what = "it answers another question than the one that was asked";
            return Err(Problem::Malformed(what.to_owned()).into());
        }
        match answer.content {
            Content::Fault(fault) => Err(Unanswered::Fault(fault)),
            content => Ok(content),
        }
    }

    /// In TLS as it is; without, sealed.
    fn body(&mut self, envelope: &[u8]) -> Result<Body, Problem> {
        if self.link.tls {
            return Ok(Body { kind: wsman::SOAP.to_owned(), bytes: envelope.to_vec() });
        }
        let parts = self.admitted.signed.seal(envelope)?;
        let sealed = Sealed { length: envelope.len(), token: &parts.token, data: &parts.data };
        Ok(Body { kind: wsman::content_type(), bytes: wsman::seal(&sealed) })
    }

    fn read(&mut self, reply: &Reply) -> Result<wsman::Answer, Problem> {
        let malformed = |why: wsman::Malformed| Problem::Malformed(why.to_string());
        let port = self.context.target.port;
        match (reply.status, self.link.tls, wsman::is_sealed(reply.kind())) {
            // What is said before a message was opened: nobody vouches for it but the status.
            (401 | 403, ..) => Err(Problem::Denied),
            (200 | 400 | 500, true, false) => wsman::read(&reply.body).map_err(malformed),
            (_, false, true) => {
                let sealed = wsman::unseal(&reply.body).map_err(malformed)?;
                let opened = self.admitted.signed.open(sealed.token, sealed.data)?;
                if opened.len() != sealed.length {
                    let what = "an encrypted answer is not as long as it says";
                    return Err(Problem::Malformed(what.to_owned()));
                }
                wsman::read(&opened).map_err(malformed)
            }
            (200, false, false) => Err(Problem::Malformed("an answer is not encrypted".to_owned())),
            (status, ..) => Err(Problem::NotWinrm { port, what: format!("HTTP status {status}") }),
        }
    }
}

fn out_of_place(what: &str) -> Problem {
    Problem::Malformed(format!("{what} was to come, and something else came"))
}

/// What a fault of the service comes to.
fn of_fault(fault: Fault) -> Problem {
    let code = fault.code.unwrap_or_default();
    let words = fault.reason.unwrap_or_else(|| "without a word".to_owned());
    let named =
        |name: &str| fault.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    if code == ACCESS_DENIED || named("AccessDenied") {
        Problem::Denied
    } else if named("QuotaLimit") || QUOTAS.iter().any(|codes| codes.contains(&code)) {
        Problem::Quota(words)
    } else {
        Problem::Fault { code: fault.code, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: Option<u32>, name: Option<&str>) -> Problem {
        of_fault(Fault { code, name: name.map(str::to_owned), reason: None })
    }

    #[test]
    fn faults_that_have_a_line_of_their_own() {
        assert_eq!(of(Some(5), None), Problem::Denied);
        assert_eq!(of(None, Some("AccessDenied")), Problem::Denied);
        for code in [2_150_858_815, 2_150_859_173, 2_150_859_179, 2_150_859_238, 2_150_859_241] {
            assert!(matches!(of(Some(code), None), Problem::Quota(_)), "{code}");
        }
        // The names' neighbours: codes beside the ranges.
        for code in [2_150_859_172, 2_150_859_180, 2] {
            assert!(matches!(of(Some(code), Some("Sender")), Problem::Fault { .. }), "{code}");
        }
    }
}
