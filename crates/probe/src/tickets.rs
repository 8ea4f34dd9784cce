//! Kerberos inside SPNEGO with a service ticket, as `mstsc` uses it, for CredSSP and for HTTP.

use sspi::credssp::{CredSspMode, write_ts_credentials};
use sspi::generator::GeneratorState;
use sspi::{
    BufferType, ClientRequestFlags, CredentialUse, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, KerberosConfig, Negotiate, NegotiateConfig,
    SecurityBuffer, SecurityBufferRef, SecurityStatus, Sspi as _, SspiImpl as _,
};

use crate::credssp_client::{Made, Refusal, Tokens};
use crate::kerberos::Kdc;

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

/// The same, with the centre that gives the tickets.
pub(crate) struct TicketTokens<'a> {
    tickets: Tickets,
    kdc: &'a Kdc<'a>,
}

impl<'a> TicketTokens<'a> {
    pub(crate) fn new(
        credentials: &Credentials,
        service: String,
        workstation: String,
        kdc: &'a Kdc<'a>,
    ) -> sspi::Result<Self> {
        Ok(Self { tickets: Tickets::new(credentials, service, workstation, None)?, kdc })
    }

    /// TSCredentials (MS-CSSP 2.2.1.2).
    pub(crate) fn credentials(&self, mode: CredSspMode) -> Result<Vec<u8>, Refusal> {
        let handle = self.tickets.handle.as_ref();
        let handle = handle.ok_or_else(|| Refusal::new("there are no credentials"))?;
        Ok(write_ts_credentials(handle, mode)?)
    }
}

impl Tokens for TicketTokens<'_> {
    async fn token(&mut self, input: Vec<u8>) -> Result<Made, Refusal> {
        let (token, status) = self.tickets.token(input, self.kdc).await?;
        Ok(Made { token, done: status == SecurityStatus::Ok })
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Refusal> {
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

    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        /// What `sspi` takes as the token of a wrapped message; it joins both again.
        const SIGNATURE: usize = 16;
        let mut sealed = sealed.to_vec();
        let (signature, data) = sealed
            .split_at_mut_checked(SIGNATURE)
            .ok_or_else(|| Refusal::new("a proof that is too short"))?;
        let mut buffers =
            vec![SecurityBufferRef::data_buf(data), SecurityBufferRef::token_buf(signature)];
        self.tickets.negotiate.decrypt_message(&mut buffers)?;
        Ok(SecurityBufferRef::buf_data(&buffers, BufferType::Data)?.to_vec())
    }
}
