//! The few steps of a CredSSP client (MS-CSSP 3.1.5), whoever makes the tokens and seals with the keys
//! that they agree on.
//!
//! `sspi`'s own CredSSP client always asks for user-to-user Kerberos, for which the server must hand
//! out its own ticket first, and knows nothing of who is logged on.

use std::fmt;

use openssl::rand::rand_bytes;
use openssl::sha::sha256;
use sspi::credssp::TsRequest;

/// The CredSSP version that this client speaks.
const VERSION: u32 = 6;

/// What is hashed with the nonce and the key, by each side.
const CLIENT_TO_SERVER: &[u8] = b"CredSSP Client-To-Server Binding Hash\0";
const SERVER_TO_CLIENT: &[u8] = b"CredSSP Server-To-Client Binding Hash\0";

/// Why a token was not made, or what was sealed not opened.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The status of the system's library.
    pub(crate) code: Option<u32>,
    pub(crate) why: String,
}

impl Refusal {
    pub(crate) fn new(why: &str) -> Self {
        Self { code: None, why: why.to_owned() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<sspi::Error> for Refusal {
    fn from(error: sspi::Error) -> Self {
        Self { code: None, why: error.to_string() }
    }
}

/// A token.
pub(crate) struct Made {
    /// Empty where there is nothing more to say.
    pub(crate) token: Vec<u8>,
    /// The keys are agreed.
    pub(crate) done: bool,
}

/// Who makes the tokens of a negotiation, and seals with its keys.
pub(crate) trait Tokens {
    /// The answer to a token; the first one answers none.
    fn token(&mut self, input: Vec<u8>) -> impl Future<Output = Result<Made, Refusal>> + Send;

    /// GSS_Wrap with confidentiality.
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Refusal>;

    /// The contrary.
    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refusal>;
}

/// A client of CredSSP.
pub(crate) struct Client<T> {
    tokens: T,
    public_key: Vec<u8>,
    nonce: [u8; 32],
}

impl<T: Tokens> Client<T> {
    /// `public_key` is the one of the server's certificate.
    pub(crate) fn new(tokens: T, public_key: Vec<u8>) -> Result<Self, Refusal> {
        let mut nonce = [0; 32];
        rand_bytes(&mut nonce).map_err(|error| Refusal::new(&error.to_string()))?;
        Ok(Self { tokens, public_key, nonce })
    }

    /// Who makes the tokens.
    pub(crate) fn tokens(&self) -> &T {
        &self.tokens
    }

    /// The answer to the server's TSRequest; the first one answers an empty one. With the last token
    /// goes the client's proof of the key (steps 2 and 3).
    pub(crate) async fn step(&mut self, mut request: TsRequest) -> Result<TsRequest, Refusal> {
        let input = request.nego_tokens.take().unwrap_or_default();
        let Made { token, done } = self.tokens.token(input).await?;
        let mut answer = TsRequest { version: VERSION, ..TsRequest::default() };
        answer.nego_tokens = Some(token).filter(|token| !token.is_empty());
        if done {
            let hash = self.binding(CLIENT_TO_SERVER);
            answer.pub_key_auth = Some(self.tokens.seal(&hash)?);
            answer.client_nonce = Some(self.nonce);
        }
        Ok(answer)
    }

    /// Checks the server's proof of its key (step 4).
    pub(crate) fn verify(&mut self, request: &TsRequest) -> Result<(), Refusal> {
        let proof = request.pub_key_auth.as_deref();
        let proof = proof.ok_or_else(|| Refusal::new("there is none"))?;
        if self.tokens.open(proof)? != self.binding(SERVER_TO_CLIENT) {
            return Err(Refusal::new("it is for another key"));
        }
        Ok(())
    }

    /// Hands TSCredentials over (step 5).
    pub(crate) fn delegate(&mut self, credentials: &[u8]) -> Result<TsRequest, Refusal> {
        let auth_info = Some(self.tokens.seal(credentials)?);
        Ok(TsRequest { version: VERSION, auth_info, ..TsRequest::default() })
    }

    fn binding(&self, direction: &[u8]) -> [u8; 32] {
        sha256(&[direction, &self.nonce, &self.public_key].concat())
    }
}
