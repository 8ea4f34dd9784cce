//! The way through an RD Gateway, in a line.

use rdpdoctor_diagnosis::codes::{Table, name_of};
use rdpdoctor_diagnosis::{Evidence, gateway_place};
use rdpdoctor_model::{Fact, GatewayStep, GatewayTransport, Mechanism};

use super::{QUOTED, clean, duration, list};

/// What the gateway came to.
pub(super) fn words(evidence: &Evidence<'_>) -> Option<String> {
    gateway_place(evidence.observations())?;
    refusal(evidence).or_else(|| opened(evidence)).or_else(|| unsigned(evidence))
}

/// Its name, which is what a client looks up.
pub(super) fn name(evidence: &Evidence<'_>) -> Option<String> {
    gateway_place(evidence.observations())?;
    let found = evidence.gateway(|fact| match fact {
        Fact::AddressLiteral { address } => Some(format!("the gateway is {address}")),
        Fact::NameResolved { name, addresses, .. } => {
            Some(format!("the gateway {} is {}", clean(name, QUOTED), list(addresses, 2)))
        }
        _ => None,
    });
    Some(format!("{}; it looks up the host", found.last()?.value))
}

/// The connection to it.
pub(super) fn network(evidence: &Evidence<'_>) -> Option<String> {
    gateway_place(evidence.observations())?;
    let connected = evidence.gateway(|fact| match fact {
        Fact::TcpConnected { remote, round_trip_ms, .. } => Some((remote.port(), *round_trip_ms)),
        _ => None,
    });
    let (port, round_trip_ms) = connected.first()?.value;
    let took = duration(round_trip_ms);
    Some(format!("port {port} of the gateway open, round trip {took}"))
}

fn host(evidence: &Evidence<'_>) -> String {
    evidence.target.map_or_else(|| "the host".to_owned(), |target| clean(&target.host, QUOTED))
}

/// The last thing it said against it.
fn refusal(evidence: &Evidence<'_>) -> Option<String> {
    let said = evidence.gateway(|fact| match fact {
        Fact::GatewayCode { step, code } => Some((*step, *code)),
        _ => None,
    });
    let (step, code) = said.last()?.value;
    if code == 0 {
        return None;
    }
    // Both forms of a code mean the same (MS-TSGU 2.2.6.1).
    let forms = [code, code & 0xFFFF, code | 0x8007_0000];
    let name = forms.into_iter().find_map(|form| name_of(Table::Gateway, form));
    let name = name.unwrap_or("a code without a name here");
    Some(format!("refused {} with 0x{code:08X}, {name}", step_words(step)))
}

fn step_words(step: GatewayStep) -> &'static str {
    match step {
        GatewayStep::Handshake => "the first packet",
        GatewayStep::Authentication => "the sign-in",
        GatewayStep::Tunnel => "the tunnel",
        GatewayStep::Authorization => "the tunnel's authorisation",
        GatewayStep::Channel => "the channel to the host",
        GatewayStep::Close => "to go on",
    }
}

/// A channel to the host.
fn opened(evidence: &Evidence<'_>) -> Option<String> {
    let open = evidence.gateway(|fact| {
        matches!(fact, Fact::GatewayCode { step: GatewayStep::Channel, code: 0 }).then_some(())
    });
    open.last()?;
    let answers = evidence.gateway(|fact| match fact {
        Fact::GatewayAnswer { transport, status: 101 | 200, .. } => Some(*transport),
        _ => None,
    });
    let transport = match answers.last().map(|seen| seen.value) {
        Some(GatewayTransport::WebSocket) => "WebSocket",
        _ => "two HTTP channels",
    };
    let sent = evidence.gateway(|fact| match fact {
        Fact::CredentialSent { mechanism } => Some(*mechanism),
        _ => None,
    });
    let signed_in = match sent.last().map(|seen| seen.value) {
        Some(Mechanism::Ntlm) => ", signed in by NTLM",
        Some(Mechanism::Kerberos) => ", signed in by Kerberos",
        Some(Mechanism::Basic) => ", signed in by a password",
        None => "",
    };
    let consent = evidence
        .gateway(|fact| matches!(fact, Fact::GatewayMessage { consent: true, .. }).then_some(()));
    let consent = if consent.is_empty() { "" } else { ", with words to agree to" };
    Some(format!("{transport}{signed_in}{consent}, channel to {} open", host(evidence)))
}

/// It asks for a sign-in, and the check had none.
fn unsigned(evidence: &Evidence<'_>) -> Option<String> {
    let sent = evidence.gateway(|f| matches!(f, Fact::CredentialSent { .. }).then_some(()));
    let last = evidence.gateway(|fact| match fact {
        Fact::GatewayAnswer { status, schemes, .. } => Some((*status, schemes)),
        _ => None,
    });
    let (status, schemes) = last.last()?.value;
    if status != 401 || !sent.is_empty() {
        return None;
    }
    let offers: Vec<_> = schemes.iter().map(|scheme| clean(scheme, QUOTED)).collect();
    Some(format!("asks for a sign-in ({}); tunnel not tried", offers.join(", ")))
}
