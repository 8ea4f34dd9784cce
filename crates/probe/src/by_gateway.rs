//! The first stages of a check that goes through an RD Gateway.

use std::sync::Arc;

use rdpdoctor_model::Stage;

use crate::by_proxy;
use crate::check::{STAGES, Steps};
use crate::stages::gateway::{Entry, Passage, enter, enter_through};
use crate::stream::MeteredStream;

/// The channel to the target inside the gateway's tunnel; without a sign-in there is none.
pub(crate) async fn connect(
    steps: &Steps,
    passage: &Arc<Passage>,
) -> Result<Option<MeteredStream>, (Stage, String)> {
    let context = &steps.context;
    let entry = match &context.route {
        None => steps.stage(Stage::Gateway, enter(context, passage)).await?,
        Some(route) => {
            let place = passage.announce(context);
            let tunnel = by_proxy::to_gateway(steps, route, &place).await?;
            let entering = async { enter_through(context, passage, tunnel?).await };
            steps.stage(Stage::Gateway, entering).await?
        }
    };
    match entry {
        Entry::Through(stream) => Ok(Some(*stream)),
        Entry::Unsigned => {
            for stage in STAGES {
                steps.skip_rest(stage, "the gateway's tunnel needs a sign-in (-u)");
            }
            Ok(None)
        }
    }
}
