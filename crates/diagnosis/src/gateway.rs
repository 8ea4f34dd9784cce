//! An RD Gateway as if it were the host: its certificate is judged by the same rules, for its own name.

use rdpdoctor_model::{Fact, Observation, Purpose, Stage, Target};

use crate::{Evidence, Policy};

/// Which gateway the evidence is about.
pub fn gateway_place(observations: &[Observation]) -> Option<Target> {
    observations.iter().find_map(|observation| match &observation.fact {
        Fact::Gateway { host, port } => {
            Some(Target { input: host.clone(), host: host.clone(), port: *port })
        }
        _ => None,
    })
}

/// What was seen of the gateway, told as of a host.
pub struct GatewayView {
    place: Target,
    observations: Vec<Observation>,
}

impl GatewayView {
    /// `None` where no gateway was tried.
    pub fn of(observations: &[Observation]) -> Option<Self> {
        let place = gateway_place(observations)?;
        let about = observations.iter().filter(|o| o.stage == Stage::Gateway);
        let observations = about.cloned().map(|mut observation| {
            observation.stage = Stage::Tls;
            if let Fact::Connection { purpose: purpose @ Purpose::Gateway, .. } =
                &mut observation.fact
            {
                *purpose = Purpose::Main;
            }
            observation
        });
        Some(Self { place, observations: observations.collect() })
    }

    /// The evidence, with the gateway for its target.
    pub fn evidence(&self, of: &Evidence<'_>) -> Evidence<'_> {
        self.judged(of.judged_at, of.policy)
    }

    /// The same, to be judged as of `judged_at`.
    pub fn judged(&self, judged_at: rdpdoctor_model::Timestamp, policy: Policy) -> Evidence<'_> {
        Evidence::new(&self.observations, Some(&self.place), judged_at, policy)
    }
}
