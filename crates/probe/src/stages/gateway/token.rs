//! What proves who one is to a gateway: NTLM or Kerberos, bound to its TLS, or a password.

use openssl::base64::encode_block;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::X509;
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialUse,
    DataRepresentation, Ntlm, SecurityBuffer, Sspi as _, SspiImpl as _,
};

use crate::sign_in::SignIn;

/// A client of NTLM, outside CredSSP.
pub(crate) struct NtlmClient {
    ntlm: Ntlm,
    handle: Option<AuthIdentityBuffers>,
    service: String,
}

impl NtlmClient {
    /// `binding` ties the proof to one TLS; inside packets there is none (MS-TSGU 3.3.5.3.3).
    pub(crate) fn new(
        identity: &AuthIdentity,
        service: String,
        workstation: String,
        binding: Option<&[u8]>,
    ) -> Result<Self, String> {
        let mut ntlm = Ntlm::with_config(NtlmConfig::new(workstation));
        if let Some(binding) = binding {
            ntlm.set_channel_bindings(binding);
        }
        let handle = ntlm
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(identity)
            .execute(&mut ntlm)
            .map_err(|error| error.to_string())?
            .credentials_handle;
        Ok(Self { ntlm, handle, service })
    }

    /// What seals messages behind the last step.
    pub(crate) fn context(&mut self) -> &mut Ntlm {
        &mut self.ntlm
    }

    /// The next message; the first one answers nothing.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Vec<u8>, String> {
        let mut input = [SecurityBuffer::new(input.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut handle = self.handle.take();
        let result = {
            let mut builder = self
                .ntlm
                .initialize_security_context()
                .with_credentials_handle(&mut handle)
                .with_context_requirements(
                    ClientRequestFlags::INTEGRITY | ClientRequestFlags::CONFIDENTIALITY,
                )
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&self.service)
                .with_input(&mut input)
                .with_output(&mut output);
            let work = self.ntlm.initialize_security_context_impl(&mut builder);
            work.and_then(|mut work| work.resolve_to_result())
        };
        self.handle = handle;
        result.map_err(|error| error.to_string())?;
        let [token] = output;
        Ok(token.buffer)
    }
}

/// The value of an Authorization header for HTTP's Basic (RFC 7617).
pub(super) fn basic(sign_in: &SignIn) -> Option<String> {
    let (user, password) = (sign_in.user.to_string(), sign_in.password()?);
    let pair = [user.as_bytes(), b":", password.expose()].concat();
    Some(format!("Basic {}", encode_block(&pair)))
}

/// tls-server-end-point (RFC 5929 4): the certificate's hash, by its signature's algorithm, but by
/// SHA-256 where that is MD5 or SHA-1, or has none of its own.
pub(crate) fn binding(certificate: &X509) -> Option<Vec<u8>> {
    let signature = certificate.signature_algorithm().object().nid();
    let digest = match signature.signature_algorithms().map(|pair| pair.digest) {
        Some(Nid::SHA384) => MessageDigest::sha384(),
        Some(Nid::SHA512) => MessageDigest::sha512(),
        _ => MessageDigest::sha256(),
    };
    let hash = certificate.digest(digest).ok()?;
    Some([&b"tls-server-end-point:"[..], &hash].concat())
}

/// The binding as SEC_CHANNEL_BINDINGS, which `sspi` takes for Kerberos.
pub(crate) fn packed(binding: &[u8]) -> Vec<u8> {
    const HEADER: u8 = 32;
    let length = u32::try_from(binding.len()).unwrap_or(0).to_le_bytes();
    // Six numbers for initiator and acceptor, then the length and the place of the rest.
    [&[0; 24][..], &length, &[HEADER, 0, 0, 0], binding].concat()
}
