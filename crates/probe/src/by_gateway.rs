//! The first stages of a check that goes through an RD Gateway.

use std::sync::Arc;

use rdpdoctor_model::Stage;

use crate::check::{STAGES, Steps};
use crate::stages::gateway::{Entry, Passage, enter};
use crate::stream::MeteredStream;

/// The channel to the target inside the gateway's tunnel; without a sign-in there is none.
pub(crate) async fn connect(
    steps: &Steps,
    passage: &Arc<Passage>,
) -> Result<Option<MeteredStream>, (Stage, String)> {
    match steps.stage(Stage::Gateway, enter(&steps.context, passage)).await? {
        Entry::Through(stream) => Ok(Some(*stream)),
        Entry::Unsigned => {
            for stage in STAGES {
                steps.skip_rest(stage, "the gateway's tunnel needs a sign-in (-u)");
            }
            Ok(None)
        }
    }
}
