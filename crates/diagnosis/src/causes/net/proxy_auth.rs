//! The proxy wants to know who asks.

use rdpdoctor_model::{CauseId, Fact, Mechanism, ObservationId, ProxyReply, Stage};

use crate::causes::{advice, look, said};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Seen, Severity,
    Where,
};

/// Proxy Authentication Required (RFC 9110 15.5.8), and what some say instead to a wrong password:
/// Unauthorized, which is an origin server's word.
const AUTHENTICATION_REQUIRED: u16 = 407;
const UNAUTHORIZED: u16 = 401;

/// `net.proxy-auth`
pub static CAUSE: Cause = Cause {
    id: CauseId("net.proxy-auth"),
    stage: Stage::Proxy,
    owner: Owner::Network,
    title: "The proxy on the way to {host} wants a sign-in, or rejects the one it got",
    explanation: "The connection goes through a proxy, and the proxy connects nobody whom it does not know. It said so before it tried to reach {host}: nothing is known of the host yet. This sign-in is the proxy's own and has nothing to do with the Windows account.",
    excludes: &[
        "the host itself: it was not reached",
        "Windows password, account, licence: none was reached",
    ],
    remedies: &[
        Remedy {
            id: "give-user-and-password-of-the-proxy",
            place: Where::Client,
            risk: Risk::Low,
            title: "Give the user and the password of the proxy, or correct them",
            steps: &[
                "They stand in the environment, never on the command line:",
                "PS> $env:RDPDOCTOR_PROXY_USER = '<user>'; $env:RDPDOCTOR_PROXY_PASSWORD = Read-Host -MaskInput",
                "$ read -rs RDPDOCTOR_PROXY_PASSWORD; export RDPDOCTOR_PROXY_USER=<user> RDPDOCTOR_PROXY_PASSWORD",
                "If the proxy takes Negotiate only, that is Kerberos: give the user as user@REALM, and name the proxy as its ticket does, never by its address.",
                "If it takes only what is not spoken here (GSSAPI for SOCKS, Digest, Bearer), ask its owner for a way without sign-in for {host} port {port}, or for a network that reaches the host directly.",
            ],
            interrupts: "nothing",
            undo: &["PS> Remove-Item Env:RDPDOCTOR_PROXY_USER, Env:RDPDOCTOR_PROXY_PASSWORD"],
            verify: "rdpdoctor check {target} with the same --proxy gets past 'proxy'",
        },
        advice::ASK_NETWORK_TEAM,
    ],
    references: &[
        "RFC 9110 11.7",
        "RFC 1928 3",
        "RFC 1929 2",
        "RFC 1961",
        "RFC 4559",
        "https://learn.microsoft.com/en-us/windows/win32/winhttp/authentication-in-winhttp",
    ],
    client_shows: &[ClientCode { code: 0x204, extended: Some(0), proof: Proof::Possible }],
    more_specific_than: &[CauseId("net.proxy-refused")],
    reproduction: Reproduction::Lab(&["proxy-auth", "proxy-auth-unsupported"]),
    next_tests: &[],
    rule,
};

fn rule(evidence: &Evidence<'_>) -> Option<Match> {
    if look::tunnelled(evidence) {
        return None;
    }
    let (proxy, has_user) = look::proxy(evidence);
    let answer = look::proxy_answer(evidence)?;
    let (title, detail) = match answer.value {
        ProxyReply::Http { status: AUTHENTICATION_REQUIRED, schemes, .. } => {
            return Some(http(evidence, &answer, &proxy, has_user, schemes));
        }
        ProxyReply::Http { status: UNAUTHORIZED, .. } if has_user => (
            format!("The proxy {proxy} rejects this user and password"),
            "It answered the sign-in with HTTP status 401.".to_owned(),
        ),
        ProxyReply::SocksMethod { method } if !look::goes_on(answer.value, has_user) => {
            let wants = match (*method, has_user) {
                (GSSAPI, true) => "takes a sign-in by GSSAPI only, which is not spoken here",
                (GSSAPI, false) => "wants a sign-in by GSSAPI, which is not spoken here",
                (USER_AND_PASSWORD, _) => "wants a user and a password",
                (_, true) => "takes neither a connection without sign-in nor user and password",
                (_, false) => "takes no connection without sign-in",
            };
            (format!("The proxy {proxy} {wants}"), format!("It chose SOCKS method {method:#04x}."))
        }
        ProxyReply::SocksSignIn { status } if *status != 0 => (
            format!("The proxy {proxy} rejects this user and password"),
            format!("It answered the sign-in with status {status:#04x}."),
        ),
        _ => return None,
    };
    let found = Match::new(Severity::Blocking, Proof::Proven, [answer.id()]);
    Some(found.titled(title).detailed(detail))
}

/// How a check signs in to a proxy by HTTP.
const KNOWN: [&str; 3] = ["NTLM", "Negotiate", "Basic"];

/// Methods of SOCKS (RFC 1928 3).
const GSSAPI: u8 = 1;
const USER_AND_PASSWORD: u8 = 2;

/// A 407: what was tried of what it takes, and who says what to it.
fn http(
    evidence: &Evidence<'_>,
    answer: &Seen<'_, &ProxyReply>,
    proxy: &str,
    has_user: bool,
    schemes: &[String],
) -> Match {
    let takes_known = schemes.iter().any(|s| KNOWN.iter().any(|own| s.eq_ignore_ascii_case(own)));
    let list = match schemes {
        [] => "It does not say which way of signing in it takes.".to_owned(),
        schemes => format!("It takes: {}.", schemes.join(", ")),
    };
    let mut ids = vec![answer.id()];
    let (title, more) = match (has_user, takes_known) {
        (false, true) => (format!("The proxy {proxy} wants a sign-in"), String::new()),
        (false, false) if schemes.is_empty() => {
            (format!("The proxy {proxy} wants a sign-in"), NOT_SPOKEN.to_owned())
        }
        (_, false) => {
            let ways = schemes.join(" or ");
            let by = if ways.is_empty() { "none that it names".to_owned() } else { ways };
            let title =
                format!("The proxy {proxy} takes a sign-in by {by}, which is not spoken here");
            (title, NOT_SPOKEN.to_owned())
        }
        (true, true) => {
            let (words, more, id) = tried(evidence);
            ids.extend(id);
            (words.replace("{proxy}", proxy), more)
        }
    };
    let found = Match::new(Severity::Blocking, Proof::Proven, ids);
    found.titled(title).detailed(format!("{list}{more}"))
}

const NOT_SPOKEN: &str = " rdpdoctor signs in by Kerberos, NTLM and Basic only.";

/// Title and detail of a sign-in that did not succeed, and what else says so.
fn tried(evidence: &Evidence<'_>) -> (&'static str, String, Option<ObservationId>) {
    let centre = evidence.proxy(|fact| match fact {
        Fact::KerberosError { code, .. } => Some(format!(
            " The key distribution centre gave no ticket: error {code}, {}.",
            said::kerberos_name(*code)
        )),
        Fact::KerberosUnavailable { realm, why, .. } => Some(format!(
            " No ticket was to be had: no key distribution centre of {realm} could be asked: {why}."
        )),
        Fact::KerberosTicket { .. } => Some(String::new()),
        _ => None,
    });
    let centre = centre.into_iter().next_back().filter(|seen| !seen.value.is_empty());
    let credential = evidence.proxy(|fact| match fact {
        Fact::ProxyCredential { mechanism, shown } => Some((*mechanism, *shown)),
        _ => None,
    });
    let credential = credential.into_iter().next_back();
    match (credential.as_ref().map(|seen| seen.value), centre) {
        (None, Some(seen)) => {
            ("No ticket for the proxy {proxy} is given to this user", seen.value.clone(), Some(seen.id()))
        }
        (Some((Mechanism::Ntlm, false)), centre) => {
            let why = centre.as_ref().map_or_else(String::new, |seen| seen.value.clone());
            let words = format!(" It has no challenge for NTLM, so that it means Kerberos.{why}");
            let id = centre.map(|seen| seen.id());
            ("The proxy {proxy} wants a Kerberos ticket", words, id.or(credential.map(|c| c.id())))
        }
        (Some((Mechanism::Kerberos, _)), _) => by_ticket(evidence).unwrap_or_else(|| (
            "The proxy {proxy} does not take this user's Kerberos ticket",
            " The ticket was shown: the proxy cannot read it (another name, an old key table), or does not let this user in.".to_owned(),
            credential.map(|seen| seen.id()),
        )),
        _ => ("The proxy {proxy} rejects this user and password", String::new(), None),
    }
}

/// What the proxy itself says of the ticket.
fn by_ticket(evidence: &Evidence<'_>) -> Option<(&'static str, String, Option<ObservationId>)> {
    let said = evidence.proxy(said::ticket_error).pop()?;
    let (code, words) = &said.value;
    let title = match *code {
        said::SKEW => {
            "The clocks of the proxy {proxy} and of this machine are too far apart for Kerberos"
        }
        _ => "The proxy {proxy} does not take this user's Kerberos ticket",
    };
    Some((title, format!(" {words}"), Some(said.id())))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Fact, KerberosExchange, Mechanism, ProxyChoice, ProxyReply, ProxyScheme, Stage,
    };

    use super::CAUSE;
    use crate::Proof;
    use crate::testing::Scene;

    #[test]
    fn the_schemes_are_named() {
        let found = Scene::new().proxy_status(407, &["Digest", "Bearer"]).judge(&CAUSE);
        let found = found.expect("fits");
        assert_eq!(found.proof, Proof::Proven);
        let detail = found.detail.expect("a detail");
        assert!(detail.contains("Digest, Bearer") && detail.contains("Basic only"), "{detail}");
        let known = Scene::new().proxy_status(407, &["Negotiate", "NTLM"]).judge(&CAUSE);
        let detail = known.and_then(|found| found.detail).expect("a detail");
        assert!(detail.contains("Negotiate, NTLM") && !detail.contains("only"), "{detail}");
    }

    #[test]
    fn socks_has_its_own_words() {
        for reply in [
            ProxyReply::SocksMethod { method: 0xFF },
            ProxyReply::SocksMethod { method: 1 },
            // It asks for user and password although none was offered.
            ProxyReply::SocksMethod { method: 2 },
            ProxyReply::SocksSignIn { status: 1 },
        ] {
            assert!(Scene::new().proxy_answer(reply.clone()).judge(&CAUSE).is_some(), "{reply:?}");
        }
    }

    /// A proxy whose user was given, and what was tried before it said 407 for the last time.
    fn titled(facts: Vec<Fact>) -> String {
        let chosen = Fact::ProxyChosen {
            scheme: ProxyScheme::Http,
            proxy_host: "proxy.corp.example".to_owned(),
            proxy_port: 3128,
            chosen_by: ProxyChoice::Option,
            has_user: true,
        };
        let scene = Scene::new().proxy_status(407, &["Negotiate"]).fact(Stage::Proxy, chosen);
        let scene = facts.into_iter().fold(scene, |scene, fact| scene.fact(Stage::Proxy, fact));
        scene.judge(&CAUSE).and_then(|found| found.title).expect("it fits")
    }

    #[test]
    fn what_was_tried_is_told() {
        let credential = |mechanism, shown| Fact::ProxyCredential { mechanism, shown };
        let centre = |code| Fact::KerberosError {
            exchange: KerberosExchange::AuthenticationService,
            kdc: "10.0.0.2:88".to_owned(),
            code,
            server_time: None,
            text: None,
        };
        let answered =
            |code| Fact::TicketAnswer { code: Some(code), server_time: None, text: None };
        let rejects = "rejects this user and password";
        for (facts, words) in [
            (vec![credential(Mechanism::Ntlm, true)], rejects),
            (vec![credential(Mechanism::Basic, true)], rejects),
            (vec![credential(Mechanism::Ntlm, false)], "wants a Kerberos ticket"),
            (vec![centre(7), credential(Mechanism::Ntlm, false)], "wants a Kerberos ticket"),
            (vec![centre(24)], "No ticket for the proxy"),
            (
                vec![credential(Mechanism::Kerberos, true)],
                "does not take this user's Kerberos ticket",
            ),
            (
                vec![credential(Mechanism::Kerberos, true), answered(37)],
                "clocks of the proxy http://proxy.corp.example:3128 and of this machine",
            ),
            (
                vec![credential(Mechanism::Kerberos, true), answered(41)],
                "does not take this user's Kerberos ticket",
            ),
        ] {
            assert!(titled(facts.clone()).contains(words), "{facts:?}");
        }
    }

    #[test]
    fn near_miss_what_the_centre_says_of_a_proxys_user_is_not_the_hosts() {
        let error = |stage| {
            let fact = Fact::KerberosError {
                exchange: KerberosExchange::AuthenticationService,
                kdc: "10.0.0.2:88".to_owned(),
                code: 24,
                server_time: None,
                text: None,
            };
            Scene::new().proxy_status(407, &["Negotiate"]).fact(stage, fact)
        };
        let rejected = &crate::causes::nla::credentials_rejected::CAUSE;
        assert!(error(Stage::CredSsp).judge(rejected).is_some());
        assert_eq!(error(Stage::Proxy).judge(rejected), None);
    }

    #[test]
    fn near_miss_a_refusal_by_rule_and_a_sign_in_that_worked() {
        assert_eq!(Scene::new().proxy_status(403, &[]).judge(&CAUSE), None);
        assert_eq!(Scene::new().proxy_status(401, &["Basic"]).judge(&CAUSE), None);
        for reply in [
            ProxyReply::SocksMethod { method: 0 },
            ProxyReply::SocksSignIn { status: 0 },
            ProxyReply::SocksReply { code: 2 },
        ] {
            assert_eq!(Scene::new().proxy_answer(reply).judge(&CAUSE), None);
        }
        let later = Scene::new().proxy_status(407, &["Basic"]).tunnel();
        assert_eq!(later.judge(&CAUSE), None);
    }
}
