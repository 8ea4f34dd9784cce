//! The way out of the machine that the check ran on.

use rdpdoctor_model::{Fact, InterfaceForm, Lookup, NeighbourState, Observation, OwnWay};

use crate::harmless::clean;

/// A name of an interface.
const LONGEST_NAME: usize = 40;

/// What of the way out belongs in the line of the network: that it leads through a tunnel, or that the
/// first router keeps silent.
pub(super) fn remarkable(observations: &[Observation]) -> Option<String> {
    let way = last_way(observations)?;
    let name = clean(&way.interface, LONGEST_NAME);
    match (way.form, way.gateway, &way.neighbour) {
        (InterfaceForm::Tunnel, ..) => Some(format!("through {name}, a tunnel")),
        (_, Some(gateway), Lookup::Seen { value: NeighbourState::Silent }) => {
            Some(format!("the first router {gateway} does not answer"))
        }
        _ => None,
    }
}

/// The whole way out, for who wants to know it all.
pub(crate) fn way_out(observations: &[Observation]) -> Option<String> {
    let way = last_way(observations)?;
    let mut words = clean(&way.interface, LONGEST_NAME);
    words.push_str(match way.form {
        InterfaceForm::Hardware => "",
        InterfaceForm::Tunnel => " (a VPN or another tunnel)",
        InterfaceForm::Virtual => " (virtual)",
        InterfaceForm::Loopback => " (this machine itself)",
    });
    if let Some(source) = way.source {
        words.push_str(&format!(" from {source}"));
    }
    let first = match way.gateway {
        Some(gateway) => format!(" by {gateway}"),
        None => ", without a router".to_owned(),
    };
    words.push_str(&first);
    let neighbour = if way.gateway.is_some() { "which" } else { "the host" };
    match &way.neighbour {
        Lookup::Seen { value: NeighbourState::Answered } => {
            words.push_str(&format!(", {neighbour} answers on the link"));
        }
        Lookup::Seen { value: NeighbourState::Silent } => {
            words.push_str(&format!(", {neighbour} does not answer on the link"));
        }
        _ => {}
    }
    Some(words)
}

fn last_way(observations: &[Observation]) -> Option<&OwnWay> {
    let ways = observations.iter().filter_map(|o| match &o.fact {
        Fact::OwnRoute { to, way: Lookup::Seen { value } } => Some((to, value)),
        _ => None,
    });
    let tried = observations.iter().find_map(|o| match &o.fact {
        Fact::TcpConnected { remote, .. } | Fact::TcpFailed { remote, .. } => Some(remote.ip()),
        _ => None,
    });
    let ways: Vec<_> = ways.collect();
    let of_tried = ways.iter().rev().find(|(to, _)| Some(**to) == tried);
    of_tried.or(ways.last()).map(|(_, way)| *way)
}

#[cfg(test)]
mod tests {
    use rdpdoctor_model::Stage;

    use super::*;
    use crate::testing::Scene;

    fn observations(form: InterfaceForm, neighbour: NeighbourState) -> Vec<Observation> {
        let address = |text: &str| text.parse().expect("an address");
        let way = OwnWay {
            interface: "wg0".to_owned(),
            form,
            source: Some(address("10.9.0.2")),
            gateway: Some(address("10.9.0.1")),
            neighbour: Lookup::seen(neighbour),
        };
        let fact = Fact::OwnRoute { to: address("10.0.0.1"), way: Lookup::seen(way) };
        Scene::new().fact(Stage::Client, fact).observations
    }

    #[test]
    fn only_what_is_remarkable_is_in_the_line() {
        let usual = observations(InterfaceForm::Hardware, NeighbourState::Answered);
        assert_eq!(remarkable(&usual), None);
        assert_eq!(
            way_out(&usual).as_deref(),
            Some("wg0 from 10.9.0.2 by 10.9.0.1, which answers on the link")
        );
        let tunnel = observations(InterfaceForm::Tunnel, NeighbourState::Fixed);
        assert_eq!(remarkable(&tunnel).as_deref(), Some("through wg0, a tunnel"));
        let silent = observations(InterfaceForm::Hardware, NeighbourState::Silent);
        assert_eq!(
            remarkable(&silent).as_deref(),
            Some("the first router 10.9.0.1 does not answer")
        );
    }
}
