//! The main path, as `mstsc` goes it: to the host by whichever way, then stage by stage.

use std::net::SocketAddr;
use std::sync::Arc;

use rdpdoctor_model::{Fact, Mechanism, Purpose, Stage};
use rdpdoctor_wire::Redirection;
use rdpdoctor_wire::encode::session::Channels;
use rdpdoctor_wire::security::ServerSecurity;
use rdpdoctor_wire::udp::Offer;

use crate::check::{Beside, Steps};
use crate::context::Context;
use crate::link::Link;
use crate::options::SideQuestions;
use crate::side;
use crate::sign_in::SignIn;
use crate::stages;
use crate::stages::credssp::Signed;
use crate::stages::session::{Logon, Session};
use crate::stages::tls::Encrypted;
use crate::stream::MeteredStream;
use crate::transport::{Asked, Transport};
use crate::{by_gateway, by_proxy};

/// Why no session follows where who is logged on signs in.
const NOBODYS_PASSWORD: &str = "Windows gives nobody the password (-u, or --restricted-admin)";

pub(crate) async fn main_path(steps: &Steps, beside: &mut Beside) -> Result<(), (Stage, String)> {
    if let Some(passage) = &steps.context.gateway {
        return match by_gateway::connect(steps, passage).await? {
            Some(stream) => onwards(steps, stream, beside).await,
            None => Ok(()),
        };
    }
    let stream = match &steps.context.route {
        Some(route) => by_proxy::connect(steps, route).await?,
        None => straight(steps, beside).await?,
    };
    onwards(steps, stream, beside).await
}

/// The TCP connection to the target.
async fn straight(steps: &Steps, beside: &mut Beside) -> Result<MeteredStream, (Stage, String)> {
    let context = &steps.context;
    if context.side != SideQuestions::None {
        beside.questions.spawn(side::dns_name(context.clone()));
        if !context.target.address().is_some_and(|address| address.is_loopback()) {
            beside.questions.spawn(side::own_surroundings(context.clone()));
        }
    }
    let addresses = steps.stage(Stage::Dns, stages::dns::run(context)).await?;
    if let Some(&address) = addresses.first()
        && context.side != SideQuestions::None
    {
        beside.questions.spawn(side::reverse_name(context.clone(), address));
        beside.questions.spawn(side::own_routes(context.clone(), addresses.clone()));
    }
    let stream = steps
        .stage(
            Stage::Tcp,
            stages::tcp::run(context, &addresses, Purpose::Main, &mut beside.questions),
        )
        .await?;
    if context.side != SideQuestions::None {
        let over = Arc::clone(&beside.over);
        beside.measuring.spawn(side::measure_path(context.clone(), stream.remote(), over));
    }
    Ok(stream)
}

async fn onwards(
    steps: &Steps,
    stream: MeteredStream,
    beside: &mut Beside,
) -> Result<(), (Stage, String)> {
    match connected(steps, stream, beside).await? {
        None => Ok(()),
        // Once: the host that the broker named has no other to name.
        Some(redirection) => follow(steps, redirection, beside).await,
    }
}

/// Goes to the host that a broker named: a connection of its own, with all stages.
async fn follow(
    steps: &Steps,
    redirection: Redirection,
    beside: &mut Beside,
) -> Result<(), (Stage, String)> {
    // A proxy in front of a gateway leads to the gateway still.
    let elsewhere = steps.context.route.as_ref().filter(|_| steps.context.gateway.is_none());
    let route = match elsewhere {
        Some(route) => Some(Arc::new(route.elsewhere())),
        None => steps.context.route.clone(),
    };
    let context = Context { route, ..steps.context.clone() };
    let failed = |why: &str| (Stage::Session, why.to_owned());
    let stream = match (&context.gateway, &context.route) {
        (Some(route), _) => {
            let names = &redirection.targets;
            stages::gateway::again(&context, route, names, Purpose::Redirected).await
        }
        (None, Some(route)) => by_proxy::redirected(&context, route, &redirection).await,
        (None, None) => {
            let found = redirected_to(&context, &redirection).await;
            let remote =
                found.ok_or_else(|| failed("the broker named no host that can be found"))?;
            context.again(remote, Purpose::Redirected).await
        }
    };
    let stream = stream.ok_or_else(|| failed("the host that the broker named did not answer"))?;
    let hop = Steps {
        context: Context { routing_token: redirection.routing_token, ..context },
        progress: steps.progress.clone(),
    };
    match connected(&hop, stream, beside).await? {
        None => Ok(()),
        Some(_) => Err(failed("the host that the broker named sends the client on as well")),
    }
}

/// The address of the first host that can be found.
async fn redirected_to(context: &Context, redirection: &Redirection) -> Option<SocketAddr> {
    for name in &redirection.targets {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(mut addresses) = tokio::net::lookup_host((bare, context.target.port)).await {
            return addresses.next();
        }
    }
    None
}

/// All stages behind the TCP connection; a redirection where a broker sends the client on.
async fn connected(
    steps: &Steps,
    stream: MeteredStream,
    beside: &mut Beside,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    if context.direct {
        return directly(steps, stream, beside).await;
    }
    let remote = stream.remote();
    let negotiated = steps.stage(Stage::X224, stages::x224::run(context, stream)).await?;
    let (stream, protocol) = (negotiated.stream, negotiated.protocol);
    let by_session = context.lets_session_ask_udp(protocol, negotiated.takes_extended_data);
    if protocol != 0 && context.routing_token.is_none() && context.asks_beside() {
        side::beside_tls(context, remote, protocol, &mut beside.questions);
    }
    let mut link = match protocol {
        0 => {
            steps.skip(Stage::Tls, "the server uses Standard RDP Security");
            steps.skip(Stage::CredSsp, "the server takes no NLA");
            Link::clear(stream)
        }
        _ => {
            let tls = stages::tls::encrypt(context, stream, protocol);
            encrypted(context, steps.stage(Stage::Tls, tls).await?, beside)
        }
    };
    // Not before there is a server to speak of.
    let not_yet = by_session && context.side != SideQuestions::All;
    if context.asks_udp() && context.routing_token.is_none() && !not_yet {
        beside.udp.spawn(stages::udp::run(context.clone(), remote, Offer::Version2));
    }
    let nla = protocol > 1;
    if protocol == 1 {
        steps.skip(Stage::CredSsp, "the server chose TLS without NLA");
    }
    match &context.sign_in {
        Some(sign_in) if nla => {
            let signing = sign_in_with(context, &mut link, protocol, remote, sign_in);
            if steps.stage(Stage::CredSsp, signing).await? == Signed::Proved {
                skip_behind_proof(steps);
                return Ok(None);
            }
        }
        None if nla => {
            steps.stage(Stage::CredSsp, stages::credssp::challenge(context, &mut link)).await?;
        }
        _ => {}
    }
    let sign_in = match &context.sign_in {
        None if nla => {
            steps.skip(Stage::Mcs, "comes after sign-in");
            skip_session(steps, "not asked for");
            return Ok(None);
        }
        // Without NLA a session asks for the password itself.
        sign_in => sign_in.as_ref().filter(|sign_in| nla || sign_in.password().is_some()),
    };
    let Some(sign_in) = sign_in else {
        let connecting = stages::mcs::connect(context, &mut link, protocol, false);
        steps.stage(Stage::Mcs, connecting).await?;
        link.finish();
        let unasked = context.sign_in.is_none();
        skip_session(steps, if unasked { "not asked for" } else { NOBODYS_PASSWORD });
        return Ok(None);
    };
    let asked = by_session.then_some(Asked { tasks: &mut beside.udp, remote });
    set_up(steps, link, protocol, sign_in, asked).await
}

/// The direct approach (MS-RDPBCGR 5.4.2.2): TLS and CredSSP first, the negotiation inside them.
async fn directly(
    steps: &Steps,
    mut stream: MeteredStream,
    beside: &mut Beside,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    let (remote, protocol) = (stream.remote(), stages::x224::PROTOCOL_HYBRID);
    begin_directly(&mut stream);
    let encrypting = async {
        let tls = stages::tls::encrypt(context, stream, protocol);
        let mut link = encrypted(context, steps.stage(Stage::Tls, tls).await?, beside);
        let signed = match &context.sign_in {
            Some(sign_in) => {
                let signing = sign_in_with(context, &mut link, protocol, remote, sign_in);
                steps.stage(Stage::CredSsp, signing).await?
            }
            None => {
                let challenge = stages::credssp::challenge(context, &mut link);
                steps.stage(Stage::CredSsp, challenge).await?;
                Signed::Proved
            }
        };
        Ok((link, signed))
    };
    let behind = "comes behind the sign-in here, inside the encryption";
    let encrypted = encrypting.await;
    let (mut link, sign_in) = match (encrypted, &context.sign_in) {
        (Ok((link, Signed::Through)), Some(sign_in)) => (link, sign_in),
        (Ok(_), Some(_)) => {
            steps.skip(Stage::X224, behind);
            skip_behind_proof(steps);
            return Ok(None);
        }
        (Ok(_), None) => {
            steps.skip(Stage::X224, behind);
            steps.skip(Stage::Mcs, "comes after sign-in");
            skip_session(steps, "not asked for");
            return Ok(None);
        }
        (Err(stopped), _) => {
            steps.skip(Stage::X224, behind);
            return Err(stopped);
        }
    };
    steps.stage(Stage::X224, stages::x224::inside(context, &mut link)).await?;
    set_up(steps, link, protocol, sign_in, None).await
}

/// Nothing is asked on this connection before TLS.
fn begin_directly(stream: &mut MeteredStream) {
    stream.dissector().direct();
    stream.note(Stage::X224, Fact::DirectApproach);
}

/// MCS, and the session where one is wanted.
async fn set_up(
    steps: &Steps,
    mut link: Link,
    protocol: u32,
    sign_in: &SignIn,
    asked: Option<Asked<'_>>,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    let nla = protocol > 1;
    let joining = async {
        let connecting = stages::mcs::connect(context, &mut link, protocol, asked.is_some());
        let connected = connecting.await?;
        let (io, side) = (connected.io, connected.side);
        let channels = stages::mcs::join(context, &mut link, io, side).await?;
        Ok((channels, side, connected.security))
    };
    let (channels, side, security) = steps.stage(Stage::Mcs, joining).await?;
    let transport = asked.map(|asked| Transport::new(context, asked, channels, side));
    match &sign_in.logon {
        None => {
            link.finish();
            skip_session(steps, "not asked for");
            Ok(None)
        }
        Some(logon) => {
            let begin = Begin { channels, security, nla, transport };
            session(steps, &mut link, begin, sign_in, logon).await
        }
    }
}

/// The link inside an established encryption; starts the question whether its certificate was
/// revoked.
fn encrypted(context: &Context, established: Encrypted, beside: &mut Beside) -> Link {
    if let Some(issued) = established.issued
        && context.side.connect()
        // Whether the proxy leads to the authority as well, nobody said.
        && context.route.is_none()
    {
        beside.needed.spawn(side::revocation(context.clone(), issued));
    }
    Link::tls(established.stream)
}

/// Signs in; where Kerberos came to nothing before a credential was sent, once more with NTLM on a
/// connection of its own.
async fn sign_in_with(
    context: &Context,
    link: &mut Link,
    protocol: u32,
    remote: SocketAddr,
    sign_in: &SignIn,
) -> Result<Signed, String> {
    use stages::credssp::Failure;
    match stages::credssp::run(context, link, protocol, sign_in).await {
        Ok(signed) => return Ok(signed),
        Err(Failure::Over(why)) => return Err(why),
        Err(Failure::WithoutKerberos(_)) => {}
    }
    let stream = context.again(remote, Purpose::Fallback).await;
    let mut stream = stream.ok_or("the connection for NTLM was not made")?;
    if context.direct {
        begin_directly(&mut stream);
    } else {
        let again = stages::x224::run(context, stream).await?;
        if again.protocol != protocol {
            return Err("the server chose another security layer the second time".to_owned());
        }
        stream = again.stream;
    }
    *link = Link::tls(stages::tls::encrypt(context, stream, protocol).await?.stream);
    let only_ntlm = SignIn { mechanism: Some(Mechanism::Ntlm), ..sign_in.clone() };
    match stages::credssp::run(context, link, protocol, &only_ntlm).await {
        Ok(signed) => Ok(signed),
        Err(Failure::Over(why) | Failure::WithoutKerberos(why)) => Err(why),
    }
}

/// Whether the server lets the user in, and the session, come behind the credentials.
fn skip_behind_proof(steps: &Steps) {
    steps.skip(Stage::Mcs, NOBODYS_PASSWORD);
    skip_session(steps, NOBODYS_PASSWORD);
}

fn skip_session(steps: &Steps, reason: &str) {
    for stage in [Stage::Licensing, Stage::Session, Stage::Desktop] {
        steps.skip(stage, reason);
    }
}

/// What a session begins with.
struct Begin<'a> {
    channels: Channels,
    security: Option<Result<ServerSecurity, String>>,
    /// The server has the password already.
    nla: bool,
    /// UDP, where the session's server may ask for it.
    transport: Option<Transport<'a>>,
}

/// From the client info to the picture, and out again, however far it came.
async fn session(
    steps: &Steps,
    link: &mut Link,
    Begin { channels, security, nla, transport }: Begin<'_>,
    sign_in: &SignIn,
    logon: &Logon,
) -> Result<Option<Redirection>, (Stage, String)> {
    let context = &steps.context;
    if !nla {
        // The password goes in the client info: it must not go to just anybody.
        let released = stages::credssp::released(context, sign_in, None);
        steps.stage(Stage::Licensing, released).await.inspect_err(|_| link.finish())?;
    }
    if let Some(security) = security {
        let securing = stages::session::secure(context, link, channels, security);
        if let Err(why) = securing.await {
            link.finish();
            let failed = async { Err::<(), _>(why) };
            steps.stage(Stage::Licensing, failed).await?;
        }
    }
    let password = sign_in.password().filter(|_| !nla);
    let mut session = Session::new(context, link, channels, transport);
    let result = async {
        steps.stage(Stage::Licensing, session.licensing(&sign_in.user, password)).await?;
        let beginning = async {
            session.begin().await?;
            // Without a picture the session is all that is waited for.
            if logon.desktop.is_none() { session.desktop(logon).await } else { Ok(()) }
        };
        steps.stage(Stage::Session, beginning).await?;
        if logon.desktop.is_none() {
            steps.skip(Stage::Desktop, "not asked for");
            return Ok(());
        }
        steps.stage(Stage::Desktop, session.desktop(logon)).await
    }
    .await;
    if let Some(redirection) = session.redirection.take() {
        return Ok(Some(redirection));
    }
    session.settle_transport(result.is_ok()).await;
    session.leave().await;
    result.map(|()| None)
}
