//! The proxy wants to know who asks.

use rdpdoctor_model::{CauseId, ProxyReply, Stage};

use crate::causes::{advice, look};
use crate::{
    Cause, ClientCode, Evidence, Match, Owner, Proof, Remedy, Reproduction, Risk, Severity, Where,
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
                "If the proxy takes Negotiate or NTLM only, ask its owner for a way without sign-in for {host} port {port}, or for a network that reaches the host directly.",
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
            http(&proxy, has_user, schemes)
        }
        ProxyReply::Http { status: UNAUTHORIZED, .. } if has_user => (
            format!("The proxy {proxy} rejects this user and password"),
            "It answered the sign-in with HTTP status 401.".to_owned(),
        ),
        ProxyReply::SocksMethod { method } if !look::goes_on(answer.value, has_user) => {
            let wants = if has_user {
                "takes neither a connection without sign-in nor user and password"
            } else {
                "takes no connection without sign-in"
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

/// How a check signs in to a proxy; Negotiate is answered by NTLM.
const KNOWN: [&str; 3] = ["NTLM", "Negotiate", "Basic"];

/// Title and detail for HTTP.
fn http(proxy: &str, has_user: bool, schemes: &[String]) -> (String, String) {
    let known = |scheme: &String| KNOWN.iter().any(|own| scheme.eq_ignore_ascii_case(own));
    let takes_known = schemes.iter().any(known);
    let title = match (has_user, takes_known) {
        (false, _) => format!("The proxy {proxy} wants a sign-in"),
        (true, true) => format!("The proxy {proxy} rejects this user and password"),
        (true, false) => format!("The proxy {proxy} does not take this way of signing in"),
    };
    let list = match schemes {
        [] => "It does not say which way of signing in it takes.".to_owned(),
        schemes => format!("It takes: {}.", schemes.join(", ")),
    };
    let own = if takes_known { "" } else { " rdpdoctor signs in by NTLM and Basic only." };
    (title, format!("{list}{own}"))
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::ProxyReply;

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
