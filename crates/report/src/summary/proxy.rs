use rdpdoctor_diagnosis::{Evidence, Seen, gateway_place};
use rdpdoctor_model::{
    Awaited, ConnectFailure, Ending, Fact, ProxyChoice, ProxyReply, ProxyScheme, Purpose,
    ResolveFailure,
};

use super::{QUOTED, clean, duration, failure_word};

/// The proxy: what it said, or how it was lost.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    let chosen = evidence.all(|fact| match fact {
        Fact::ProxyChosen { scheme, proxy_host, proxy_port, chosen_by, .. } => {
            let named = by_settings(*chosen_by);
            Some((*scheme, format!("{}:{proxy_port}{named}", clean(proxy_host, QUOTED))))
        }
        _ => None,
    });
    let (scheme, name) = chosen.into_iter().next_back()?.value;
    let kind = match scheme {
        ProxyScheme::Http | ProxyScheme::Https => "HTTP proxy",
        ProxyScheme::Socks5 | ProxyScheme::Socks5h => "SOCKS proxy",
    };
    Some(format!("{kind} {name} {}", said(evidence)?))
}

/// Where a proxy comes from that nobody named for this check.
fn by_settings(chosen_by: ProxyChoice) -> &'static str {
    match chosen_by {
        ProxyChoice::WindowsUser => " (Windows' settings)",
        ProxyChoice::WindowsMachine => " (netsh winhttp)",
        ProxyChoice::WindowsScript => " (a script of Windows' settings)",
        ProxyChoice::Option | ProxyChoice::Environment | ProxyChoice::Seen => "",
    }
}

fn said(evidence: &Evidence<'_>) -> Option<String> {
    if let Some(took) = tunnel(evidence) {
        return Some(format!("made the connection in {}", duration(took)));
    }
    let answers = evidence.all(|fact| match fact {
        Fact::ProxyAnswer { reply, .. } => Some(reply),
        _ => None,
    });
    let lost = evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::StreamEnded { ending, awaited, after_ms, .. } => Some((*ending, *awaited, *after_ms)),
        _ => None,
    });
    if let Some(seen) = lost.last()
        && matches!(seen.value.0, Ending::Fin | Ending::Reset | Ending::Timeout)
        && seen.value.1 != Awaited::Nothing
        && answers.last().is_none_or(|answer| answered_on_the_way(answer.value))
    {
        let took = duration(seen.value.2);
        return Some(match seen.value.0 {
            Ending::Fin => format!("hung up without an answer (FIN after {took})"),
            Ending::Reset => format!("cut the connection without an answer (RST after {took})"),
            _ => format!("gave no answer within {took}"),
        });
    }
    if let Some(answer) = answers.last() {
        let by_gateway = gateway_place(evidence.observations()).is_some();
        return Some(reply(answer.value, if by_gateway { "the gateway" } else { "the host" }));
    }
    let failed = evidence.all(|fact| match fact {
        Fact::ProxyNameFailed { failure: ResolveFailure::NotFound, .. } => {
            Some("is not known by that name".to_owned())
        }
        Fact::ProxyNameFailed { .. } => Some("could not be resolved".to_owned()),
        _ => None,
    });
    let not_connected = evidence.on(Purpose::Proxy, |fact| match fact {
        Fact::TcpFailed { failure: ConnectFailure::Refused, .. } => {
            Some("refused the connection".to_owned())
        }
        Fact::TcpFailed { failure, .. } => Some(format!("is {}", failure_word(*failure))),
        _ => None,
    });
    failed.into_iter().chain(not_connected).next_back().map(|seen| seen.value)
}

fn answered_on_the_way(reply: &ProxyReply) -> bool {
    matches!(
        reply,
        ProxyReply::SocksMethod { method: 0 | 2 } | ProxyReply::SocksSignIn { status: 0 }
    )
}

fn reply(reply: &ProxyReply, whom: &str) -> String {
    match reply {
        _ if reply.on_target().is_some() => format!("works, but cannot reach {whom}"),
        ProxyReply::SocksMethod { method: 1 } => {
            "wants a sign-in by GSSAPI (method 0x01)".to_owned()
        }
        ProxyReply::SocksMethod { method: 2 } => {
            "wants a user and a password (method 0x02)".to_owned()
        }
        ProxyReply::SocksMethod { method } => {
            format!("takes no sign-in that was offered (method {method:#04x})")
        }
        ProxyReply::SocksSignIn { status } => {
            format!("rejected the sign-in (status {status:#04x})")
        }
        ProxyReply::SocksReply { code } => format!("answered with SOCKS reply {code}"),
        ProxyReply::Http { status, phrase, .. } => {
            format!("answered with HTTP {status} {}", clean(phrase, QUOTED)).trim_end().to_owned()
        }
        ProxyReply::Malformed { problem, .. } => {
            format!("speaks something else: {}", clean(problem, QUOTED))
        }
    }
}

/// The stage behind it: the target, as the proxy sees it.
pub(super) fn network(evidence: &Evidence<'_>) -> Option<String> {
    let opened = opened(evidence, |fact| match fact {
        Fact::TunnelOpened { destination, .. } => Some(clean(destination, QUOTED)),
        _ => None,
    });
    if let Some(seen) = opened.first() {
        return Some(format!("the proxy is connected to {}", seen.value));
    }
    let told = evidence.all(|fact| match fact {
        Fact::ProxyAnswer { reply, .. } => reply.on_target(),
        _ => None,
    });
    Some(match told.last()?.value {
        ConnectFailure::Refused => "refused, says the proxy".to_owned(),
        ConnectFailure::Timeout => "no answer, says the proxy".to_owned(),
        _ => "no way to the host, says the proxy".to_owned(),
    })
}

fn tunnel(evidence: &Evidence<'_>) -> Option<f64> {
    let opened = opened(evidence, |fact| match fact {
        Fact::TunnelOpened { elapsed_ms, .. } => Some(*elapsed_ms),
        _ => None,
    });
    opened.first().map(|seen| seen.value)
}

/// Of the tunnel to the host, or to the gateway in front of it.
fn opened<'a, T>(
    evidence: &Evidence<'a>,
    pick: impl Fn(&'a Fact) -> Option<T>,
) -> Vec<Seen<'a, T>> {
    let mut seen = evidence.main_path(&pick);
    seen.extend(evidence.gateway(pick));
    seen
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::{
        Awaited, Ending, Fact, ProxyChoice, ProxyReply, ProxyScheme, Purpose, Stage, StageOutcome,
    };

    use crate::testing::Scene;

    fn detail(stage: Stage, scene: impl FnOnce(Scene) -> Scene) -> String {
        detail_by(ProxyChoice::Environment, stage, scene)
    }

    fn detail_by(
        chosen_by: ProxyChoice,
        stage: Stage,
        scene: impl FnOnce(Scene) -> Scene,
    ) -> String {
        let chosen = Fact::ProxyChosen {
            scheme: ProxyScheme::Socks5h,
            proxy_host: "proxy.corp.example".to_owned(),
            proxy_port: 1080,
            chosen_by,
            has_user: false,
        };
        let begun =
            Scene::new().fact(Stage::Proxy, chosen).connection(Purpose::Proxy, "10.20.4.8:1080");
        let document = scene(begun).ended(stage, StageOutcome::Stopped).document();
        let entry = document.stages.into_iter().find(|entry| entry.stage == stage);
        entry.expect("the stage is listed").detail
    }

    fn answer(reply: ProxyReply) -> Fact {
        Fact::ProxyAnswer { reply, elapsed_ms: 3.0 }
    }

    #[test]
    fn what_the_proxy_said() {
        let words = |fact| detail(Stage::Proxy, |scene| scene.fact(Stage::Proxy, fact));
        let proxy = "SOCKS proxy proxy.corp.example:1080";
        assert_eq!(
            words(answer(ProxyReply::SocksReply { code: 2 })),
            format!("{proxy} answered with SOCKS reply 2")
        );
        assert_eq!(
            words(answer(ProxyReply::SocksMethod { method: 0xFF })),
            format!("{proxy} takes no sign-in that was offered (method 0xff)")
        );
        assert_eq!(
            words(answer(ProxyReply::SocksReply { code: 5 })),
            format!("{proxy} works, but cannot reach the host")
        );
    }

    #[test]
    fn who_named_it_where_nobody_asked_for_it() {
        let words = |chosen_by| {
            let reply = answer(ProxyReply::SocksReply { code: 2 });
            detail_by(chosen_by, Stage::Proxy, |scene| scene.fact(Stage::Proxy, reply))
        };
        for (chosen_by, named) in [
            (ProxyChoice::WindowsUser, ":1080 (Windows' settings) answered"),
            (ProxyChoice::WindowsMachine, ":1080 (netsh winhttp) answered"),
            (ProxyChoice::WindowsScript, ":1080 (a script of Windows' settings) answered"),
            (ProxyChoice::Option, ":1080 answered"),
        ] {
            assert!(words(chosen_by).contains(named), "{}", words(chosen_by));
        }
    }

    #[test]
    fn how_the_proxy_was_lost() {
        let lost =
            detail(Stage::Proxy, |scene| {
                scene
                    .fact(Stage::Proxy, answer(ProxyReply::SocksMethod { method: 0 }))
                    .stream_ended(Stage::Proxy, Ending::Fin, Awaited::ProxyAnswer)
            });
        assert!(lost.ends_with("hung up without an answer (FIN after 17 ms)"), "{lost}");
    }

    #[test]
    fn the_target_as_the_proxy_sees_it() {
        let refused = detail(Stage::Tcp, |scene| {
            scene.fact(Stage::Proxy, answer(ProxyReply::SocksReply { code: 5 }))
        });
        assert_eq!(refused, "refused, says the proxy");
        let opened = Fact::TunnelOpened {
            destination: "pc42.corp.example:3389".to_owned(),
            carrier: 1,
            elapsed_ms: 3.0,
        };
        let connected = detail(Stage::Tcp, |scene| {
            scene.connection(Purpose::Main, "10.20.4.8:1080").fact(Stage::Tcp, opened)
        });
        assert_eq!(connected, "the proxy is connected to pc42.corp.example:3389");
    }
}
