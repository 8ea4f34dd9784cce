//! CredSSP by Kerberos (MS-CSSP 3.1.5) with a service ticket, as `mstsc` uses it.
//!
//! `sspi`'s own CredSSP client always asks for user-to-user Kerberos, for which the server must hand
//! out its own ticket first; so the few steps of CredSSP stand here, around `sspi`'s SPNEGO.

use openssl::rand::rand_bytes;
use openssl::sha::sha256;
use sspi::credssp::{CredSspMode, TsRequest, write_ts_credentials};
use sspi::generator::GeneratorState;
use sspi::{
    BufferType, ClientRequestFlags, CredentialUse, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, KerberosConfig, Negotiate, NegotiateConfig,
    SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi as _, SspiImpl as _,
};

use crate::kerberos::Kdc;

/// The CredSSP version that this client speaks.
const VERSION: u32 = 6;

/// MS-CSSP 3.1.5: what is hashed with the nonce and the key, by each side.
const CLIENT_TO_SERVER: &[u8] = b"CredSSP Client-To-Server Binding Hash\0";
const SERVER_TO_CLIENT: &[u8] = b"CredSSP Server-To-Client Binding Hash\0";

/// Length of the signature before what is sealed; longer ones of Kerberos are taken whole.
const MOST_SIGNATURE: usize = 1024;

/// SPNEGO with Kerberos: tokens in, tokens out.
pub(crate) struct Tickets {
    negotiate: Negotiate,
    handle: Option<CredentialsBuffers>,
    service: String,
    /// SEC_CHANNEL_BINDINGS, where the proof is tied to one TLS.
    binding: Option<Vec<u8>>,
}

impl Tickets {
    pub(crate) fn new(
        credentials: &Credentials,
        service: String,
        workstation: String,
        binding: Option<Vec<u8>>,
    ) -> sspi::Result<Self> {
        // The centre is found by us: `sspi` only needs to believe that there is one.
        let config = KerberosConfig::new_with_kdc_url("tcp://kdc.invalid:88", workstation.clone());
        let packages = Some("kerberos,!ntlm,!pku2u".to_owned());
        let config = NegotiateConfig::new(Box::new(config), packages, workstation);
        let mut negotiate = Negotiate::new_client(config)?;
        let handle = negotiate
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(credentials)
            .execute(&mut negotiate)?
            .credentials_handle;
        Ok(Self { negotiate, handle, service, binding })
    }

    /// What seals messages when the negotiation is over.
    pub(crate) fn context(&mut self) -> &mut Negotiate {
        &mut self.negotiate
    }

    /// The answer to a token; the first one answers none.
    pub(crate) async fn token(
        &mut self,
        input: Vec<u8>,
        kdc: &Kdc<'_>,
    ) -> sspi::Result<(Vec<u8>, SecurityStatus)> {
        let mut input = vec![SecurityBuffer::new(input, BufferType::Token)];
        if let Some(binding) = &self.binding {
            input.push(SecurityBuffer::new(binding.clone(), BufferType::ChannelBindings));
        }
        let mut output = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut handle = self.handle.take();
        let requirements = ClientRequestFlags::MUTUAL_AUTH
            | ClientRequestFlags::INTEGRITY
            | ClientRequestFlags::CONFIDENTIALITY;
        let status = {
            let mut builder = self
                .negotiate
                .initialize_security_context()
                .with_credentials_handle(&mut handle)
                .with_context_requirements(requirements)
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.service)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut work = self.negotiate.initialize_security_context_impl(&mut builder)?;
            let mut state = work.start();
            loop {
                match state {
                    GeneratorState::Suspended(wanted) => {
                        let answer = kdc.ask(&wanted.data).await;
                        state = work.resume(answer);
                    }
                    GeneratorState::Completed(result) => break result?.status,
                }
            }
        };
        self.handle = handle;
        Ok((output.remove(0).buffer, status))
    }
}

/// A client of CredSSP that shows tickets.
pub(crate) struct TicketClient {
    tickets: Tickets,
    public_key: Vec<u8>,
    nonce: [u8; 32],
    delegation: CredSspMode,
    /// SPNEGO is done; the server's proof of its key is due.
    negotiated: bool,
}

impl TicketClient {
    pub(crate) fn new(
        public_key: Vec<u8>,
        credentials: &Credentials,
        delegation: CredSspMode,
        service: String,
        workstation: String,
    ) -> sspi::Result<Self> {
        let tickets = Tickets::new(credentials, service, workstation, None)?;
        let mut nonce = [0; 32];
        rand_bytes(&mut nonce)
            .map_err(|error| sspi::Error::new(sspi::ErrorKind::InternalError, error.to_string()))?;
        Ok(Self { tickets, public_key, nonce, delegation, negotiated: false })
    }

    /// The answer to the server's TSRequest; the first one answers an empty one.
    pub(crate) async fn step(
        &mut self,
        mut request: TsRequest,
        kdc: &Kdc<'_>,
    ) -> sspi::Result<TsRequest> {
        if self.negotiated {
            return self.delegate(&request);
        }
        let input = request.nego_tokens.take().unwrap_or_default();
        let (token, status) = self.tickets.token(input, kdc).await?;
        let mut answer = TsRequest { version: VERSION, ..TsRequest::default() };
        answer.nego_tokens = Some(token).filter(|token| !token.is_empty());
        if status == SecurityStatus::Ok {
            let hash = self.binding(CLIENT_TO_SERVER);
            answer.pub_key_auth = Some(self.seal(&hash)?);
            answer.client_nonce = Some(self.nonce);
            self.negotiated = true;
        }
        Ok(answer)
    }

    /// Checks the server's proof of its key, then hands the credentials over.
    fn delegate(&mut self, request: &TsRequest) -> sspi::Result<TsRequest> {
        let altered = |why: &str| sspi::Error::new(sspi::ErrorKind::MessageAltered, why.to_owned());
        let proof = request.pub_key_auth.as_deref().ok_or_else(|| altered("there is none"))?;
        if self.open(proof)? != self.binding(SERVER_TO_CLIENT) {
            return Err(altered("it is for another key"));
        }
        let handle = self.tickets.handle.as_ref().ok_or_else(|| altered("no credentials"))?;
        let credentials = write_ts_credentials(handle, self.delegation)?;
        let auth_info = Some(self.seal(&credentials)?);
        Ok(TsRequest { version: VERSION, auth_info, ..TsRequest::default() })
    }

    fn binding(&self, direction: &[u8]) -> [u8; 32] {
        sha256(&[direction, &self.nonce, &self.public_key].concat())
    }

    /// GSS_Wrap with confidentiality.
    fn seal(&mut self, plain: &[u8]) -> sspi::Result<Vec<u8>> {
        let mut token = [0; MOST_SIGNATURE];
        let mut data = plain.to_vec();
        let mut buffers = vec![
            SecurityBufferRef::token_buf(token.as_mut_slice()),
            SecurityBufferRef::data_buf(data.as_mut_slice()),
        ];
        self.tickets.negotiate.encrypt_message(EncryptionFlags::empty(), &mut buffers)?;
        let token = SecurityBufferRef::find_buffer(&buffers, BufferType::Token)?.data();
        let data = SecurityBufferRef::find_buffer(&buffers, BufferType::Data)?.data();
        Ok([token, data].concat())
    }

    fn open(&mut self, sealed: &[u8]) -> sspi::Result<Vec<u8>> {
        /// What `sspi` takes as the token of a wrapped message; it joins both again.
        const SIGNATURE: usize = 16;
        let mut sealed = sealed.to_vec();
        if sealed.len() < SIGNATURE {
            return Err(sspi::Error::new(
                sspi::ErrorKind::InvalidToken,
                "a proof that is too short",
            ));
        }
        let (signature, data) = sealed.split_at_mut(SIGNATURE);
        let mut buffers =
            vec![SecurityBufferRef::data_buf(data), SecurityBufferRef::token_buf(signature)];
        self.tickets.negotiate.decrypt_message(&mut buffers)?;
        Ok(SecurityBufferRef::buf_data(&buffers, BufferType::Data)?.to_vec())
    }
}
