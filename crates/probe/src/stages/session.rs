//! From the Client Info PDU to the first picture, and out again as closing the window does
//! (MS-RDPBCGR 1.3.1.1 and 1.3.1.4). No input is ever sent, and nobody is logged off.

use std::path::PathBuf;
use std::time::Duration;

use openssl::rand::rand_bytes;
use rdpdoctor_model::{Ending, Fact, Secret, SessionOrigin, Stage, UserName};
use rdpdoctor_wire::encode::session::{self, Channels, Licensing};
use rdpdoctor_wire::security::ServerSecurity;
use rdpdoctor_wire::{Redirection, frame, redirection};
use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::link::Link;
use crate::picture::Canvas;
use crate::transport::Transport;

/// The desktop that is asked for where the server names no size.
const DESKTOP: [u16; 2] = [1024, 768];

/// After so long without a new update a picture is complete.
const QUIET: Duration = Duration::from_millis(1500);

/// How long the server may take to say that somebody logged on once it paints: not all say so.
const SAYS_LOGON: Duration = Duration::from_secs(3);

/// A server that paints only what changes is asked for the whole once, after so long with nothing.
const REFRESH: Duration = Duration::from_secs(3);

/// How long the server may take to close what the client left.
const CLOSING: Duration = Duration::from_secs(3);

/// LOGON_MSG_RECONNECT_OPTIONS (MS-RDPBCGR 2.2.10.1.1.4.1.1): the user has sessions to return to.
const RECONNECT_OPTIONS: u32 = 0xFFFF_FFFC;

/// LOGON_MSG_SESSION_CONTINUE: the logon goes on.
const SESSION_CONTINUE: u32 = 0xFFFF_FFFE;

/// What goes into a session.
#[derive(Debug, Clone)]
pub struct Logon {
    /// Where the first picture is kept; none: no picture is waited for.
    pub desktop: Option<PathBuf>,
}

/// The security exchange (MS-RDPBCGR 5.3.4): from then on all PDUs of the session are encrypted.
pub(crate) async fn secure(
    context: &Context,
    link: &mut Link,
    channels: Channels,
    security: Result<ServerSecurity, String>,
) -> Result<(), String> {
    let mut random = [0; 32];
    rand_bytes(&mut random).map_err(|error| error.to_string())?;
    let (exchange, layer) = security?.exchange(channels, &random)?;
    let deadline = Instant::now() + context.deadlines.licensing;
    link.send(&exchange, deadline).await.map_err(|over| over.0)?;
    link.secure(layer);
    Ok(())
}

/// A session in the making.
pub(crate) struct Session<'a> {
    context: &'a Context,
    link: &'a mut Link,
    channels: Channels,
    /// UDP, where the server may ask for it.
    transport: Option<Transport<'a>>,
    share_id: u32,
    /// Its Demand Active was answered, and the Font Map that ends the activation has not come.
    activating: bool,
    canvas: Option<Canvas>,
    /// Facts of a logon so far.
    logged_on: Option<(Option<String>, Option<u32>)>,
    /// The server said that the logon failed.
    logon_failed: bool,
    origin: SessionOrigin,
    /// Where a broker sends the client.
    pub(crate) redirection: Option<Redirection>,
    finalised: bool,
    finalised_ms: f64,
    /// When the last update was painted.
    painted_ms: f64,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        context: &'a Context,
        link: &'a mut Link,
        channels: Channels,
        transport: Option<Transport<'a>>,
    ) -> Self {
        Self {
            context,
            link,
            channels,
            transport,
            share_id: 0,
            activating: false,
            canvas: None,
            logged_on: None,
            logon_failed: false,
            origin: SessionOrigin::Unknown,
            redirection: None,
            finalised: false,
            finalised_ms: 0.0,
            painted_ms: 0.0,
        }
    }

    /// Client info and licensing, up to what the server has to say about it. Behind NLA the server
    /// has the password already.
    pub(crate) async fn licensing(
        &mut self,
        user: &UserName,
        password: Option<&Secret>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + self.context.deadlines.licensing;
        let info = session::client_info(self.channels, user, password)?;
        self.link.send(&info, deadline).await.map_err(|over| over.0)?;
        let mut licensing = Licensing::default();
        loop {
            let pdu = self.pdu(deadline).await?;
            let facts = self.link.facts();
            let mut asked = false;
            for fact in &facts {
                match fact {
                    Fact::LicenseError { code: 7, .. }
                    | Fact::LicenseMessage { message_type: 3 | 4 } => {
                        // The Demand Active may have come with it.
                        self.note_facts(&facts).await?;
                        return Ok(());
                    }
                    Fact::LicenseMessage { .. } => asked = true,
                    Fact::LicenseError { code, .. } => {
                        return Err(self.stop(&format!("licensing error {code}")));
                    }
                    Fact::LicenseMalformed { .. } => {
                        return Err(self.stop("a broken licensing message"));
                    }
                    // A server without licensing begins the session at once.
                    Fact::DemandActive { .. } => {
                        self.note_facts(&facts).await?;
                        return Ok(());
                    }
                    _ => {}
                }
            }
            if asked {
                let mut random = [0; 80];
                rand_bytes(&mut random).map_err(|error| error.to_string())?;
                let machine = self.context.own_name();
                if let Some(answer) = licensing.answer(self.channels, &pdu, machine, random)? {
                    self.link.send(&answer, deadline).await.map_err(|over| over.0)?;
                }
            }
        }
    }

    /// Capabilities and finalisation, then the logon as far as the server tells it.
    pub(crate) async fn begin(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + self.context.deadlines.session;
        while !self.finalised {
            self.next(deadline).await?;
        }
        Ok(())
    }

    /// Waits until somebody is logged on and, where it is wanted, the picture is complete.
    pub(crate) async fn desktop(&mut self, logon: &Logon) -> Result<(), String> {
        let deadline = Instant::now() + self.context.deadlines.session;
        let wants_picture = logon.desktop.is_some();
        let mut says = deadline;
        let mut refresh = Some(Instant::now() + REFRESH).filter(|_| wants_picture);
        loop {
            let painted = self.canvas.as_ref().map_or(0, Canvas::painted_percent);
            let decided = self.logged_on.is_some() || self.logon_failed || Instant::now() >= says;
            let quiet = if decided && (painted > 0 || !wants_picture) {
                deadline.min(Instant::now() + QUIET)
            } else {
                deadline.min(says.max(Instant::now()))
            };
            let quiet = refresh.filter(|_| painted == 0).map_or(quiet, |at| quiet.min(at));
            if decided && (!wants_picture || painted == 100) {
                break;
            }
            let before = self.canvas.as_ref().map_or(0, |canvas| canvas.updates);
            // The outer limit is the one that ends it, so that the picture so far is kept.
            match timeout_at(quiet, self.next(deadline + CLOSING)).await {
                Ok(done) => done?,
                Err(_) if painted == 0 && refresh.is_some_and(|at| Instant::now() >= at) => {
                    refresh = None;
                    self.refresh(deadline).await?;
                }
                Err(_) if decided && painted > 0 => break,
                Err(_) if Instant::now() >= deadline => break,
                Err(_) => {}
            }
            let after = self.canvas.as_ref().map_or(0, |canvas| canvas.updates);
            if before == 0 && after > 0 {
                says = deadline.min(Instant::now() + SAYS_LOGON);
            }
        }
        self.keep_picture(logon)?;
        let painted = self.canvas.as_ref().map_or(0, Canvas::painted_percent);
        if wants_picture && painted == 0 {
            return Err("nothing was painted".to_owned());
        }
        Ok(())
    }

    /// Asks for the whole desktop once more: what a client does whose window was hidden.
    async fn refresh(&mut self, deadline: Instant) -> Result<(), String> {
        let Some(canvas) = &self.canvas else { return Ok(()) };
        let pdu = session::refresh(self.channels, self.share_id, canvas.size())?;
        self.link.send(&pdu, deadline).await.map_err(|over| over.0)
    }

    fn keep_picture(&self, logon: &Logon) -> Result<(), String> {
        // Nothing painted is a fact only where a picture was waited for.
        let wanted = |canvas: &&Canvas| logon.desktop.is_some() || canvas.updates > 0;
        let Some(canvas) = self.canvas.as_ref().filter(wanted) else { return Ok(()) };
        let [width, height] = canvas.size();
        let elapsed_ms = (self.painted_ms - self.finalised_ms).max(0.0).round();
        let fact = Fact::Picture {
            width,
            height,
            updates: canvas.updates,
            painted_percent: canvas.painted_percent(),
            blank: canvas.blank(),
            elapsed_ms,
        };
        self.context.journal.note(Stage::Desktop, Some(self.link.number()), fact);
        let Some(file) = &logon.desktop else { return Ok(()) };
        let kept = canvas.png().and_then(|png| own_file(file, &png));
        kept.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Leaves as closing the window does: the session stays, disconnected.
    pub(crate) async fn leave(&mut self) {
        if self.link.is_over() {
            return;
        }
        let deadline = Instant::now() + CLOSING;
        if let Ok(request) = session::shutdown_request(self.channels, self.share_id)
            && self.link.send(&request, deadline).await.is_ok()
        {
            // Shutdown Denied where somebody is logged on; else the server closes by itself.
            while self.link.message(frame::pdu, deadline).await.is_ok() {
                if self.link.facts().iter().any(|fact| matches!(fact, Fact::ShutdownDenied)) {
                    break;
                }
            }
        }
        if !self.link.is_over()
            && let Ok(last) = session::disconnect()
            && self.link.send(&last, deadline).await.is_ok()
        {
            while self.link.message(frame::pdu, deadline).await.is_ok() {}
        }
        self.link.finish();
        if self.finalised && !self.logon_failed {
            let (user, session_id) = self.logged_on.take().unwrap_or_default();
            let session_origin = self.origin;
            let fact = Fact::SessionLeft { session_id, user, session_origin };
            self.context.journal.note(Stage::Session, Some(self.link.number()), fact);
        }
    }

    /// The session's next PDU. What concerns a transport beside TCP is heard and answered meanwhile.
    async fn pdu(&mut self, deadline: Instant) -> Result<Vec<u8>, String> {
        loop {
            let Some(transport) = &mut self.transport else {
                return self.link.message(frame::pdu, deadline).await.map_err(|over| over.0);
            };
            let answer = tokio::select! {
                pdu = self.link.message(frame::pdu, deadline) => {
                    let pdu = pdu.map_err(|over| over.0)?;
                    if !transport.has(&pdu) {
                        return Ok(pdu);
                    }
                    transport.hear(&pdu)
                }
                answer = transport.over() => {
                    transport.answered();
                    answer
                }
            };
            if let Some(answer) = answer {
                self.link.send(&answer, deadline).await.map_err(|over| over.0)?;
            }
        }
    }

    /// A transport that the server asked for is decided while there is a session: behind it the cookie
    /// is worth nothing, and silence would say nothing. Where the session failed, nobody waits for it.
    pub(crate) async fn settle_transport(&mut self, stands: bool) {
        let Some(mut transport) = self.transport.take() else { return };
        if stands && let Some(answer) = transport.decided().await {
            transport.answered();
            // What becomes of it nobody waits for.
            let _ = self.link.send(&answer, Instant::now() + CLOSING).await;
        }
    }

    /// Takes the server's next PDU and does what it asks for.
    async fn next(&mut self, deadline: Instant) -> Result<(), String> {
        let pdu = self.pdu(deadline).await?;
        if let Some(canvas) = &mut self.canvas
            && canvas.paint(&pdu)
        {
            self.painted_ms = self.context.journal.elapsed_ms();
        }
        if let Some(redirection) = redirection(&pdu) {
            self.redirection = Some(redirection);
            self.link.finish();
            return Err("a broker sends this user on to another host".to_owned());
        }
        let facts = self.link.facts();
        self.note_facts(&facts).await
    }

    async fn note_facts(&mut self, facts: &[Fact]) -> Result<(), String> {
        let deadline = Instant::now() + self.context.deadlines.session;
        for fact in facts {
            if let Some(transport) = &mut self.transport {
                transport.note(fact);
            }
            match fact {
                // FreeRDP's proxy now and then says it twice. A second answer would come into the session
                // that stands by then, and end it.
                Fact::DemandActive { share_id, .. }
                    if self.activating && *share_id == self.share_id => {}
                Fact::DemandActive { share_id, desktop, .. } => {
                    self.activating = true;
                    self.share_id = *share_id;
                    let size = desktop.filter(|[width, height]| *width > 0 && *height > 0);
                    let size = size.unwrap_or(DESKTOP);
                    self.canvas = Canvas::new(self.channels, *share_id, size);
                    let flight = session::activate(self.channels, *share_id, size)?;
                    self.link.send(&flight, deadline).await.map_err(|over| over.0)?;
                }
                Fact::DeactivateAll => self.activating = false,
                Fact::FontMap => {
                    self.activating = false;
                    self.finalised = true;
                    self.finalised_ms = self.context.journal.elapsed_ms();
                }
                Fact::LoggedOn { user, session_id, .. } => {
                    let (known_user, known_session) = self.logged_on.take().unwrap_or_default();
                    // The cookie alone says nothing of who it is.
                    let user = user.clone().or(known_user);
                    self.logged_on = Some((user, session_id.or(known_session)));
                }
                Fact::LogonNotification { notification_type: RECONNECT_OPTIONS, .. } => {
                    self.origin = SessionOrigin::Resumed;
                }
                Fact::LogonNotification { notification_type, .. }
                    if *notification_type != SESSION_CONTINUE =>
                {
                    self.logon_failed = true;
                }
                Fact::SetErrorInfo { code } if *code != 0 => {
                    self.read_to_the_end().await;
                    return Err(self.stop(&format!("the server ended it with error {code:#x}")));
                }
                Fact::McsDisconnectUltimatum { .. } => {
                    // It is never encrypted, and so read before what came with it.
                    self.read_to_the_end().await;
                    return Err(self.stop("the server ended the session"));
                }
                Fact::SessionMalformed { .. } => {
                    return Err(self.stop("a broken PDU of the session"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The server ends the connection next; how it does so is kept too.
    async fn read_to_the_end(&mut self) {
        let closing = Instant::now() + CLOSING;
        while self.link.message(frame::pdu, closing).await.is_ok() {}
    }

    fn stop(&mut self, why: &str) -> String {
        self.link.metered().finish(Ending::ClosedByClient);
        why.to_owned()
    }
}

/// Readable by its owner only: a desktop shows what is nobody else's business.
fn own_file(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)
}
