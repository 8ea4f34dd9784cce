//! Who is logged on has credentials in one place only on Windows: elsewhere nothing makes tokens of them.

use crate::credssp_client::{Made, Refusal, Tokens};

/// Nobody.
pub(crate) struct LoggedOn;

impl LoggedOn {
    /// What is missing.
    pub(crate) const LIBRARY: &str = "SSPI";

    pub(crate) fn new(_package: &str, _service: &str) -> Self {
        Self
    }
}

impl Tokens for LoggedOn {
    async fn token(&mut self, _input: Vec<u8>) -> Result<Made, Refusal> {
        Err(only_windows())
    }

    fn seal(&mut self, _plain: &[u8]) -> Result<Vec<u8>, Refusal> {
        Err(only_windows())
    }

    fn open(&mut self, _sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        Err(only_windows())
    }
}

fn only_windows() -> Refusal {
    Refusal::new("only Windows signs in as who is logged on")
}
