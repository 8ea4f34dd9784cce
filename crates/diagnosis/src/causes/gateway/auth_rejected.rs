//! The gateway does not take the user or the password.

use rdpdoctor_model::{CauseId, Fact, Mechanism, ObservationId, Stage};

use crate::causes::{advice, at_gateway, said};
use crate::{
    Cause, ClientCode, Evidence, Match, NextTest, Owner, Proof, Remedy, Reproduction, Risk,
    Severity, Where,
};

/// `gateway.auth-rejected`
pub static CAUSE: Cause = Cause {
    id: CauseId("gateway.auth-rejected"),
    stage: Stage::Gateway,
    owner: Owner::User,
    title: "The RD Gateway {gateway} does not take this user or password",
    explanation: "The gateway checks who comes before it speaks of any host. It said no to the credentials; it does not say whether the user, the password or the state of the account is why. A gateway may belong to another domain than the host, and may then want another account.",
    excludes: &["the host itself, its certificate, licence"],
    remedies: &[
        Remedy {
            id: "check-the-gateways-account",
            place: Where::Client,
            risk: Risk::Low,
            title: "Check the user's form, the password and the keyboard, and whether the gateway wants another account",
            steps: &[
                "Write the user with its domain: DOMAIN\\\\user or user@realm.",
                "In mstsc: Advanced, Settings: 'Use my RD Gateway credentials for the remote computer' is on only where both take the same account.",
                "Remove an old password: PS> cmdkey /list; cmdkey /delete:{gateway}",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
        Remedy {
            id: "see-the-gateways-log",
            place: Where::Gateway,
            risk: Risk::Low,
            title: "See in the gateway's security log why the sign-in failed",
            steps: &[
                "PS> Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 10 | Format-List TimeCreated, Message",
                "PS> Get-WinEvent -LogName Microsoft-Windows-TerminalServices-Gateway/Operational -MaxEvents 30 | Format-List TimeCreated, Id, Message",
            ],
            interrupts: "nothing",
            undo: advice::NOTHING_TO_UNDO,
            verify: "rdpdoctor check {target} --gateway {gateway} gets past 'gateway'",
        },
    ],
    references: &["MS-TSGU 3.3.5.1", "MS-TSGU 2.2.6.1"],
    client_shows: &[
        ClientCode { code: 0x300_0001, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0035, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0037, extended: None, proof: Proof::Possible },
        ClientCode { code: 0x300_0038, extended: None, proof: Proof::Possible },
    ],
    more_specific_than: &[],
    reproduction: Reproduction::Lab(&["gateway-auth-rejected", "gateway-auth-rejected-in-packets"]),
    next_tests: &[NextTest {
        why: "in the gateway's own network: tells a wrong password from an inspected path",
        command: "rdpdoctor check {target} --gateway {gateway} -u <user> --again",
    }],
    rule,
};

/// Errors with which a key distribution centre has judged the user: KDC_ERR_C_PRINCIPAL_UNKNOWN,
/// KDC_ERR_CLIENT_REVOKED, KDC_ERR_KEY_EXPIRED, KDC_ERR_PREAUTH_FAILED (RFC 4120 7.5.9).
const JUDGED: [u32; 4] = [6, 18, 23, 24];

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::by_code(evidence, CAUSE.id)
        .or_else(|| by_ticket(evidence))
        .or_else(|| by_http(evidence))
        .or_else(|| by_centre(evidence))
        .or_else(|| forbidden(evidence))
        .or_else(|| no_common_scheme(evidence))
}

/// What the gateway says of a ticket is not about the user.
fn by_ticket(evidence: &Evidence<'_>) -> Option<Match> {
    let refused = at_gateway::refused_credentials(evidence)?;
    let sent = last_credential(evidence);
    let said = evidence.gateway(said::ticket_error).pop()?;
    if sent.is_some_and(|mechanism| mechanism != Mechanism::Kerberos) {
        return None;
    }
    let (code, words) = &said.value;
    let title = match *code {
        said::SKEW => {
            "The clocks of the RD Gateway and of this machine are too far apart for Kerberos"
        }
        _ => "The RD Gateway cannot use this user's Kerberos ticket",
    };
    let found = Match::new(Severity::Blocking, Proof::Proven, [said.id(), refused.id()]);
    Some(found.titled(title).detailed(words.clone()))
}

fn last_credential(evidence: &Evidence<'_>) -> Option<Mechanism> {
    let sent = evidence.gateway(|fact| match fact {
        Fact::CredentialSent { mechanism } => Some(*mechanism),
        _ => None,
    });
    sent.last().map(|seen| seen.value)
}

/// Why there was no ticket for the gateway: its user was left to NTLM.
fn without_ticket(evidence: &Evidence<'_>) -> Option<(ObservationId, String)> {
    let unavailable = evidence.gateway(|fact| match fact {
        Fact::KerberosUnavailable { realm, why, .. } => Some((realm, why)),
        _ => None,
    });
    let seen = unavailable.into_iter().next_back()?;
    let (realm, why) = seen.value;
    let of = if realm.is_empty() { String::new() } else { format!(" of {realm}") };
    let words =
        format!(" No ticket was to be had: no key distribution centre{of} could be asked: {why}.");
    Some((seen.id(), words))
}

/// A password in clear is judged by itself; a proof may have been made for another TLS.
fn by_http(evidence: &Evidence<'_>) -> Option<Match> {
    let refused = at_gateway::refused_credentials(evidence)?;
    let (more, no_ticket) = without_ticket(evidence).unzip();
    let ids = || [Some(refused.id()), more.clone()].into_iter().flatten();
    let no_ticket = no_ticket.unwrap_or_default();
    if let Some(words) = at_gateway::restricted(&refused.value) {
        let found = Match::new(Severity::Blocking, Proof::Proven, ids());
        return Some(found.detailed(format!(
            "It answered the credentials with HTTP status 401, '{words}': that is a restriction of \
             the account and not its password. A member of Protected Users, for one, is not let in \
             by NTLM and needs Kerberos, from a network without a domain controller by the \
             gateway's KDC proxy.{no_ticket}"
        )));
    }
    let proof = match last_credential(evidence) {
        Some(Mechanism::Basic) => Proof::Proven,
        _ if at_gateway::intercepted(evidence).is_some() => Proof::Possible,
        _ => Proof::Likely,
    };
    let found = Match::new(Severity::Blocking, proof, ids());
    let words = format!("It answered the credentials with HTTP status 401.{no_ticket}");
    Some(found.detailed(words))
}

fn by_centre(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::stopped(evidence)?;
    let said = evidence.gateway(|fact| match fact {
        Fact::KerberosError { code, .. } if JUDGED.contains(code) => Some(*code),
        _ => None,
    });
    let seen = said.last()?;
    let found = Match::new(Severity::Blocking, Proof::Proven, [seen.id()]);
    Some(found.detailed(format!("The key distribution centre says {}.", seen.value)))
}

/// A status that forbids, once the credentials were seen.
fn forbidden(evidence: &Evidence<'_>) -> Option<Match> {
    let (_, shown, _) = at_gateway::refusing_status(evidence)?;
    // Credentials that opened a transport were taken.
    let taken = at_gateway::transport_failed(evidence).is_some();
    if !shown || taken {
        return None;
    }
    at_gateway::by_status(evidence, CAUSE.id)
}

/// It asks for a sign-in of a kind that this client has not got.
fn no_common_scheme(evidence: &Evidence<'_>) -> Option<Match> {
    at_gateway::stopped(evidence)?;
    let last = at_gateway::last_answer(evidence)?;
    if last.value.status != 401 || last.value.after_credentials || at_gateway::withheld(evidence) {
        return None;
    }
    let sent = evidence.gateway(|f| matches!(f, Fact::CredentialSent { .. }).then_some(()));
    let judged = evidence.gateway(|f| matches!(f, Fact::KerberosError { .. }).then_some(()));
    if at_gateway::ended(evidence).is_some() || !sent.is_empty() || !judged.is_empty() {
        return None;
    }
    let offers = last.value.schemes.join(", ");
    let found = Match::new(Severity::Blocking, Proof::Likely, [last.id()]);
    Some(
        found
            .detailed(format!("No credential was sent: it offers {offers}, and no way to use it.")),
    )
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{Fact, GatewayStep, Mechanism, Stage};

    use super::CAUSE;
    use crate::Proof;
    use crate::causes::at_gateway::tests::{ByGateway as _, coded, gateway};
    use crate::causes::gateway::tls_terminated;

    #[test]
    fn by_http_and_by_number() {
        let http = gateway().answered(401, false).answered(401, true).stopped_at_gateway();
        assert_eq!(http.judge(&CAUSE).map(|found| found.proof), Some(Proof::Likely));
        let packets = coded(GatewayStep::Authentication, 0x8009_030C).judge(&CAUSE);
        assert_eq!(packets.map(|found| found.proof), Some(Proof::Proven));
        let cookie = coded(GatewayStep::Tunnel, 0x8007_59F8).judge(&CAUSE);
        assert_eq!(cookie.map(|found| found.proof), Some(Proof::Likely));
    }

    #[test]
    fn a_restriction_is_said_in_words() {
        let said = gateway().answered(401, false).restricted().stopped_at_gateway();
        let found = said.judge(&CAUSE).expect("fits");
        assert_eq!(found.proof, Proof::Proven);
        assert!(found.detail.is_some_and(|text| text.contains("not its password")));
        assert_eq!(said.judge(&tls_terminated::CAUSE), None, "it names another reason");
    }

    /// A gateway that has seen a ticket, and says this of it.
    fn of_a_ticket(mechanism: Mechanism, code: Option<u32>) -> Option<crate::Match> {
        let answer = Fact::TicketAnswer { code, server_time: None, text: None };
        let said = gateway().answered(401, false);
        let said = said.fact(Stage::Gateway, Fact::CredentialSent { mechanism });
        let said = said.answered(401, true).fact(Stage::Gateway, answer);
        said.stopped_at_gateway().judge(&CAUSE)
    }

    #[test]
    fn what_a_gateway_says_of_a_ticket() {
        let told = |code| {
            let found = of_a_ticket(Mechanism::Kerberos, code).expect("fits");
            (found.proof, found.title.unwrap_or_default(), found.detail.unwrap_or_default())
        };
        let (proof, title, detail) = told(Some(41));
        assert!(proof == Proof::Proven && title.contains("cannot use"), "{title}");
        assert!(detail.contains("KRB_AP_ERR_MODIFIED") && detail.contains("setspn"), "{detail}");
        let (_, title, detail) = told(Some(37));
        assert!(title.contains("clocks") && !detail.contains("setspn"), "{title}: {detail}");
        // It takes the ticket, and lets nobody in; or it was asked by NTLM afterwards.
        assert_eq!(told(None).1, "");
        let by_ntlm = of_a_ticket(Mechanism::Ntlm, Some(41)).expect("fits");
        assert_eq!((by_ntlm.title, by_ntlm.proof), (None, Proof::Likely));
    }

    #[test]
    fn a_centre_that_its_proxy_could_not_reach() {
        let why = "the proxy of the centre answers with HTTP status 503".to_owned();
        let unavailable =
            Fact::KerberosUnavailable { realm: "CORP".to_owned(), tried: Vec::new(), why };
        let said = gateway().fact(Stage::Gateway, unavailable);
        let said = said.answered(401, false).answered(401, true).stopped_at_gateway();
        let found = said.judge(&CAUSE).expect("fits");
        assert!(found.detail.is_some_and(|text| text.contains("of CORP") && text.contains("503")));
        assert_eq!(found.evidence.len(), 2);
    }

    #[test]
    fn near_misses() {
        assert_eq!(gateway().answered(401, false).judge(&CAUSE), None, "asked for a sign-in");
        assert_eq!(gateway().answered(401, true).answered(101, true).judge(&CAUSE), None);
        assert_eq!(coded(GatewayStep::Tunnel, 0x8007_59DB).judge(&CAUSE), None);
        let firewall = gateway().answered(403, false).stopped_at_gateway();
        assert_eq!(firewall.judge(&CAUSE), None, "nobody has shown any credentials");
    }
}
