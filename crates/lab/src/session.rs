//! The steps behind the MCS Connect Response: channels, client info, licence, capabilities,
//! finalisation, logon, picture, and the end (MS-RDPBCGR 1.3.1.1 and 1.3.1.4).

use std::io;

use ironrdp_pdu::rdp::server_redirection::{ServerRedirectionFlags, ServerRedirectionPdu};
use ironrdp_pdu::rdp::session_info::{
    InfoData, InfoType, LogonErrorNotificationData, LogonErrorNotificationDataErrorCode,
    LogonErrorNotificationType, LogonErrorsInfo, LogonExFlags, LogonInfo, LogonInfoExtended,
    LogonInfoVersion2, ServerAutoReconnect,
};
use openssl::rand::rand_bytes;

use crate::behaviour::{Ending, LicenseAnswer, SessionAnswer, Then};
use crate::channel::Channel;
use crate::mcs::{self, Wishes};
use crate::server::Server;
use crate::share::{self, ClientInfo, Request};
use crate::sign_in::is_account;
use crate::transport::{self, Given};
use crate::udp::UdpAnswer;
use crate::{USER, licensing, picture};

/// The session's number; Windows begins to count users' sessions at 1 or 2.
const SESSION_ID: u32 = 3;

/// requestId of the one transport that is asked for.
const TRANSPORT_REQUEST: u32 = 1;

/// What the notification of a failed logon names (MS-ERREF 2.3.1).
const STATUS_LOGON_FAILURE: u32 = 0xC000_006D;

/// One session.
struct Session<'a> {
    server: &'a Server,
    channel: &'a mut Channel,
    /// What the client can do.
    wishes: Wishes,
    /// The user channel, behind the static ones.
    user: u16,
    logon: Logon,
    logon_errors: bool,
    phase: Phase,
    transport: Transport<'a>,
}

/// UDP, where the server asks for it.
#[derive(Default)]
struct Transport<'a> {
    /// The message channel, where there is one.
    channel: Option<u16>,
    /// The client joined it.
    joined: bool,
    /// What the client shall show; none before it is asked.
    given: Option<Given<'a>>,
    /// The session goes on when the client has said what became of it.
    awaited: bool,
}

/// Who is logged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logon {
    /// The Client Info PDU will tell.
    AskClient,
    /// The lab's account.
    Done,
    /// Nobody; the client's credentials are wrong.
    Failed,
    /// Nobody yet; the logon screen waits for somebody.
    Screen,
}

/// How far the connection sequence has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    Channels,
    Capabilities,
    Finalisation,
    Standing,
}

impl Server {
    /// Until the client leaves, or until something else comes than a session.
    pub(crate) async fn session(
        &self,
        channel: &mut Channel,
        wishes: Wishes,
        logon: Logon,
    ) -> io::Result<Then> {
        let asks = self.behaviour.udp.is_some_and(UdpAnswer::asks);
        let messages = wishes.message_channel().filter(|_| asks);
        let behind = messages.unwrap_or(mcs::IO_CHANNEL + wishes.channels);
        let mut session = Session {
            server: self,
            channel,
            wishes,
            user: behind + 1,
            logon,
            logon_errors: false,
            phase: Phase::Channels,
            transport: Transport { channel: messages, ..Transport::default() },
        };
        loop {
            if let Some(then) = session.step().await? {
                return Ok(then);
            }
        }
    }
}

impl Session<'_> {
    /// Answers the client's next PDU; `Some` when the session is over.
    async fn step(&mut self) -> io::Result<Option<Then>> {
        let pdu = self.channel.message(share::frame).await?;
        if let Some(channel) = self.transport.channel
            && let Some((_, hresult)) = transport::response(&pdu, channel)
        {
            return self.transport_response(hresult).await;
        }
        let request = share::read(&pdu);
        let due = match &request {
            Request::AttachUser | Request::Join(_) | Request::ClientInfo(_) => Phase::Channels,
            Request::ConfirmActive => Phase::Capabilities,
            Request::Synchronize
            | Request::Cooperate
            | Request::WantsControl
            | Request::FontList => Phase::Finalisation,
            Request::RefreshRectangle | Request::Shutdown => Phase::Standing,
            Request::Disconnect | Request::Other => self.phase,
        };
        if due > self.phase {
            // What belongs to a later phase is an error; what is repeated does no harm.
            return Err(io::ErrorKind::InvalidData.into());
        }
        let answer = match request {
            Request::AttachUser => share::attached(self.user)?,
            Request::Join(channel) => {
                self.transport.joined |= self.transport.channel == Some(channel);
                share::joined(self.user, channel)?
            }
            Request::ClientInfo(info) if self.phase == Phase::Channels => {
                return self.license(&info).await;
            }
            Request::ConfirmActive => {
                self.channel.note(|record| record.activations += 1);
                self.phase = self.phase_at_least(Phase::Finalisation);
                return Ok(None);
            }
            Request::Synchronize => share::synchronize(self.user)?,
            Request::Cooperate => share::cooperate()?,
            Request::WantsControl => share::granted_control(self.user)?,
            Request::FontList if self.phase == Phase::Finalisation => {
                self.phase = Phase::Standing;
                self.channel.send(&share::font_map()?).await?;
                return self.stand().await;
            }
            Request::RefreshRectangle => {
                self.paint().await?;
                return Ok(None);
            }
            Request::Shutdown if self.logon == Logon::Done => share::shutdown_denied()?,
            Request::Shutdown => {
                self.channel.send(&mcs::ultimatum()?).await?;
                return Ok(Some(Then::End(Ending::Fin)));
            }
            Request::Disconnect => return Ok(Some(Then::End(Ending::Fin))),
            Request::ClientInfo(_) | Request::FontList | Request::Other => return Ok(None),
        };
        self.channel.send(&answer).await?;
        Ok(None)
    }

    fn phase_at_least(&self, phase: Phase) -> Phase {
        if self.phase < phase { phase } else { self.phase }
    }

    /// The client info is here: the licence, then what follows it.
    async fn license(&mut self, info: &ClientInfo) -> io::Result<Option<Then>> {
        if !info.password.is_empty() {
            self.channel.note(|record| record.credentials_received = true);
        }
        self.logon_errors = info.logon_errors;
        if self.logon == Logon::AskClient {
            self.logon = match info {
                ClientInfo { autologon: false, .. } => Logon::Screen,
                ClientInfo { user, password, .. } if is_account(user, password) => Logon::Done,
                ClientInfo { .. } => Logon::Failed,
            };
        }
        match &self.server.behaviour.license {
            LicenseAnswer::Valid => {
                let message = licensing::valid_client()?;
                self.channel.send(&share::indication(&message)?).await?;
            }
            LicenseAnswer::Error(code) => {
                let message = licensing::error(*code)?;
                self.channel.send(&share::indication(&message)?).await?;
                return Ok(Some(Then::End(Ending::Fin)));
            }
            LicenseAnswer::ErrorInfo(code) => return self.end_with(*code).await,
            LicenseAnswer::Garbage => {
                self.channel.send(&share::indication(&licensing::broken())?).await?;
                return Ok(Some(Then::Silence));
            }
            LicenseAnswer::Instead(instead) => {
                return self.channel.perform(*instead).await.map(Some);
            }
        }
        match &self.server.behaviour.session {
            SessionAnswer::Refused(code) => return self.end_with(*code).await,
            SessionAnswer::Garbage => {
                self.channel.send(&share::broken_demand_active()?).await?;
                return Ok(Some(Then::Silence));
            }
            SessionAnswer::Redirected(address) => {
                self.channel.send(&share::redirection(to(address))?).await?;
                return Ok(Some(Then::Silence));
            }
            SessionAnswer::Instead(instead) => {
                return self.channel.perform(*instead).await.map(Some);
            }
            SessionAnswer::Desktop
            | SessionAnswer::DemandedTwice
            | SessionAnswer::Unpainted
            | SessionAnswer::ErrorInfo(_)
            | SessionAnswer::Notification(_) => {}
        }
        self.ask_for_udp().await?;
        if !self.transport.awaited {
            self.demand_active().await?;
        }
        Ok(None)
    }

    async fn demand_active(&mut self) -> io::Result<()> {
        let mut demand = share::demand_active()?;
        if matches!(self.server.behaviour.session, SessionAnswer::DemandedTwice) {
            demand.extend_from_within(..);
        }
        self.channel.send(&demand).await?;
        self.phase = Phase::Capabilities;
        Ok(())
    }

    /// A heartbeat, which clients have to bear, and the request.
    async fn ask_for_udp(&mut self) -> io::Result<()> {
        let Some(channel) = self.transport.channel.filter(|_| self.transport.joined) else {
            return Ok(());
        };
        let given = self.server.cookies.give()?;
        self.channel.send(&transport::heartbeat(channel)?).await?;
        self.channel.send(&given.request(TRANSPORT_REQUEST, channel)?).await?;
        self.transport.given = Some(given);
        self.transport.awaited = self.server.behaviour.udp == Some(UdpAnswer::Cookie);
        Ok(())
    }

    /// The client said what became of the transport; it is not asked again.
    async fn transport_response(&mut self, hresult: u32) -> io::Result<Option<Then>> {
        if self.transport.given.take().is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.channel.note(|record| record.transport_response = Some(hresult));
        if std::mem::take(&mut self.transport.awaited) {
            self.demand_active().await?;
        }
        Ok(None)
    }

    /// The session stands: who is logged on, the picture, or an end.
    async fn stand(&mut self) -> io::Result<Option<Then>> {
        match &self.server.behaviour.session {
            SessionAnswer::ErrorInfo(code) => return self.end_with(*code).await,
            SessionAnswer::Notification(kind) => {
                // Winlogon asks a question, on a screen of its own.
                self.logon = Logon::Screen;
                self.notify(*kind, LogonErrorNotificationData::SessionId(SESSION_ID)).await?;
            }
            _ => match self.logon {
                Logon::Done => self.logged_on().await?,
                Logon::Failed => {
                    let code = LogonErrorNotificationDataErrorCode::FailedBadPassword;
                    let kind = LogonErrorNotificationType::NtStatus(STATUS_LOGON_FAILURE);
                    self.notify(kind, LogonErrorNotificationData::ErrorCode(code)).await?;
                }
                Logon::AskClient | Logon::Screen => {}
            },
        }
        self.paint().await?;
        Ok(None)
    }

    /// INFOTYPE_LOGON_LONG, and INFOTYPE_LOGON_EXTENDED_INFO with the cookie to come back with.
    async fn logged_on(&mut self) -> io::Result<()> {
        let logon_info = LogonInfo {
            session_id: SESSION_ID,
            user_name: USER.to_owned(),
            domain_name: self.server.computer.domain.clone(),
        };
        let info = InfoData::LogonInfoV2(LogonInfoVersion2 { logon_info });
        self.channel.send(&share::session_info(InfoType::LogonLong, info)?).await?;
        let mut random_bits = [0; 16];
        rand_bytes(&mut random_bits)?;
        let info = InfoData::LogonExtended(LogonInfoExtended {
            present_fields_flags: LogonExFlags::AUTO_RECONNECT_COOKIE,
            auto_reconnect: Some(ServerAutoReconnect { logon_id: SESSION_ID, random_bits }),
            errors_info: None,
        });
        self.channel.send(&share::session_info(InfoType::LogonExtended, info)?).await
    }

    /// Logon Info Errors (MS-RDPBCGR 2.2.10.1.1.4.1.1), to those who asked for them.
    async fn notify(
        &mut self,
        error_type: LogonErrorNotificationType,
        error_data: LogonErrorNotificationData,
    ) -> io::Result<()> {
        if !self.logon_errors {
            return Ok(());
        }
        let info = InfoData::LogonExtended(LogonInfoExtended {
            present_fields_flags: LogonExFlags::LOGON_ERRORS,
            auto_reconnect: None,
            errors_info: Some(LogonErrorsInfo { error_type, error_data }),
        });
        self.channel.send(&share::session_info(InfoType::LogonExtended, info)?).await
    }

    async fn paint(&mut self) -> io::Result<()> {
        if matches!(self.server.behaviour.session, SessionAnswer::Unpainted) {
            return Ok(());
        }
        self.channel.picture_begins();
        for tile in picture::tiles() {
            self.channel.send(&tile?).await?;
        }
        Ok(())
    }

    /// Set Error Info to those who know it, an ultimatum, and FIN.
    async fn end_with(&mut self, code: u32) -> io::Result<Option<Then>> {
        if self.wishes.error_info {
            self.channel.send(&share::error_info(code)?).await?;
        }
        self.channel.send(&mcs::ultimatum()?).await?;
        Ok(Some(Then::End(Ending::Fin)))
    }
}

/// To another host of a farm.
fn to(address: &str) -> ServerRedirectionPdu {
    ServerRedirectionPdu {
        session_id: SESSION_ID,
        flags: ServerRedirectionFlags::DONT_STORE_USERNAME,
        target_net_address: Some(address.to_owned()),
        username: Some(USER.to_owned()),
        ..ServerRedirectionPdu::default()
    }
}
