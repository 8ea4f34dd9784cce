//! Signing in to an HTTP proxy by Kerberos (RFC 4559): SPNEGO with a ticket for `HTTP/` and the
//! proxy's name.

use openssl::base64::encode_block;
use rdpdoctor_model::{Awaited, Mechanism, ProxyReply, Secret, Stage, UserName};
use sspi::SecurityStatus;

use super::dialog::{Carrier, Dialog, Lost};
use super::http::{challenge, exchange, skip};
use crate::context::Context;
use crate::kerberos::Kdc;
use crate::proxy::{Destination, NEGOTIATE, Proxy, ProxySignIn};
use crate::sign_in::identity;
use crate::stages::credssp;
use crate::tickets::Tickets;

/// A negotiation with Kerberos takes at most so many answers.
const MOST_ROUNDS: usize = 4;

/// What proves who one is, before the proxy has seen it.
pub(super) struct Ticket<'a> {
    tickets: Tickets,
    kdc: Kdc<'a>,
    token: Vec<u8>,
    status: SecurityStatus,
}

/// Why there is no ticket.
pub(super) enum NoTicket {
    /// There is nobody to ask for one: Windows goes on with NTLM.
    Unavailable,
    /// The centre has judged the user: the password is not tried a second time.
    Judged,
}

/// The realm that a user's name tells. A proxy that is named by its address has no ticket.
fn realm(proxy: &Proxy, user: &UserName) -> Option<String> {
    let by_name = || proxy.kdc.as_ref().and(user.domain()).map(str::to_uppercase);
    user.realm().or_else(by_name).filter(|_| proxy.address().is_none())
}

/// Asks the key distribution centre for a ticket.
pub(super) async fn ticket<'a>(
    context: &'a Context,
    proxy: &Proxy,
    sign_in: &ProxySignIn,
) -> Result<Ticket<'a>, NoTicket> {
    let user: UserName = sign_in.user.parse().map_err(|_| NoTicket::Unavailable)?;
    let realm = realm(proxy, &user).ok_or(NoTicket::Unavailable)?;
    let service = format!("HTTP/{}", proxy.host.trim_end_matches('.'));
    let found = Kdc::find(context, &realm, proxy.kdc.as_deref(), service.clone()).await;
    let kdc = found.map(|kdc| kdc.at(Stage::Proxy)).map_err(|unavailable| {
        context.journal.note(Stage::Proxy, None, unavailable);
        NoTicket::Unavailable
    })?;
    let credentials = identity(&user, &sign_in.password).map_err(|_| NoTicket::Unavailable)?.into();
    let workstation = context.own_name().to_uppercase();
    let begun = Tickets::new(&credentials, service, workstation, None);
    let mut tickets = begun.map_err(|_| NoTicket::Unavailable)?;
    match tickets.token(Vec::new(), &kdc).await {
        Ok((token, status)) => Ok(Ticket { tickets, kdc, token, status }),
        Err(_) if kdc.error().is_some_and(credssp::judged) => Err(NoTicket::Judged),
        Err(_) => Err(NoTicket::Unavailable),
    }
}

/// Shows the ticket, and answers what the proxy says to it, all on one connection.
pub(super) async fn connect<C: Carrier>(
    dialog: &mut Dialog<C>,
    destination: &Destination,
    ticket: Ticket<'_>,
) -> Result<ProxyReply, Lost> {
    dialog.awaits(Awaited::ProxyAnswer);
    dialog.signs_in(Mechanism::Kerberos, true);
    let Ticket { mut tickets, kdc, mut token, mut status } = ticket;
    for _ in 0..MOST_ROUNDS {
        let value = Secret::new(format!("{NEGOTIATE} {}", encode_block(&token)));
        let answer = exchange(dialog, destination, Some(&value)).await?;
        let Some(input) = challenge(&answer, NEGOTIATE).filter(|_| status != SecurityStatus::Ok)
        else {
            return Ok(answer.reply);
        };
        if !skip(dialog, answer.body).await? {
            return Ok(dialog.malformed("an answer with a body without an end"));
        }
        match tickets.token(input, &kdc).await {
            Ok(next) => (token, status) = next,
            // The 407 that it came with says more than our reading of it.
            Err(_) => return Ok(answer.reply),
        }
    }
    Ok(dialog.malformed("a negotiation without an end"))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{ProxyChoice, ProxyScheme};

    use super::*;

    #[test]
    fn a_realm_is_told_by_the_users_name_and_no_address_has_a_ticket() {
        let realm_of = |host: &str, user: &str, kdc: Option<&str>| {
            let proxy = Proxy {
                scheme: ProxyScheme::Http,
                host: host.to_owned(),
                port: 3128,
                chosen_by: ProxyChoice::Option,
                sign_in: None,
                trust_any: false,
                kdc: kdc.map(str::to_owned),
            };
            realm(&proxy, &user.parse().expect("a user"))
        };
        let lab = Some("LAB.EXAMPLE".to_owned());
        assert_eq!(realm_of("proxy", "jo@lab.example", None), lab);
        assert_eq!(realm_of("proxy", r"lab.example\jo", None), lab);
        assert_eq!(realm_of("proxy", r"LAB\jo", None), None, "a NetBIOS name tells no realm");
        assert_eq!(realm_of("proxy", r"LAB\jo", Some("kdc")), Some("LAB".to_owned()));
        assert_eq!(realm_of("proxy", "jo", Some("kdc")), None);
        assert_eq!(realm_of("10.0.0.8", "jo@lab.example", None), None);
    }
}
