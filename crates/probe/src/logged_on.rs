//! Who is logged on, as Windows' own library (SSPI) shows it: what the user has typed or shown to Windows
//! makes the tokens, and nobody sees it.
//!
//! Each call of Windows stands in a function that takes no pointer and says why it is safe. What takes
//! time, since a domain controller is asked, runs on a thread of its own.

use std::ptr::{null, null_mut};

use tokio::task::spawn_blocking;
use windows_sys::Win32::Foundation::{SEC_E_BUFFER_TOO_SMALL, SEC_E_OK, SEC_I_CONTINUE_NEEDED};
use windows_sys::Win32::Security::Authentication::Identity::{
    AcquireCredentialsHandleW, DecryptMessage, DeleteSecurityContext, EncryptMessage,
    FreeCredentialsHandle, ISC_REQ_CONFIDENTIALITY, ISC_REQ_INTEGRITY, ISC_REQ_MUTUAL_AUTH,
    InitializeSecurityContextW, QueryContextAttributesW, SECBUFFER_DATA, SECBUFFER_STREAM,
    SECBUFFER_TOKEN, SECBUFFER_VERSION, SECPKG_ATTR_SIZES, SECPKG_CRED_OUTBOUND,
    SECURITY_NATIVE_DREP, SecBuffer, SecBufferDesc, SecPkgContext_Sizes,
};
use windows_sys::Win32::Security::Credentials::SecHandle;

use crate::credssp_client::{Made, Refusal, Tokens};

/// Windows makes no longer tokens (MaxTokenSize, at most 65535).
const LONGEST_TOKEN: usize = 64 * 1024;

/// More than any package takes to seal a message.
const LONGEST_SIGNATURE: u32 = 1024;

/// Mutual authentication tells who answers, and the rest is what CredSSP seals with (MS-CSSP 3.1.5). What
/// is not asked for is the delegation of a ticket: with that the server could be the user.
const REQUIREMENTS: u32 = ISC_REQ_MUTUAL_AUTH | ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY;

/// A sign-in of who is logged on.
pub(crate) struct LoggedOn {
    /// None while another thread has it.
    context: Option<Context>,
}

impl LoggedOn {
    /// What it is called.
    pub(crate) const LIBRARY: &str = "SSPI";

    pub(crate) fn new(package: &str, service: &str) -> Self {
        let (package, service) = (wide(package), wide(service));
        Self { context: Some(Context { package, service, credentials: None, context: None }) }
    }

    fn context(&self) -> Result<&Context, Refusal> {
        self.context.as_ref().ok_or_else(away)
    }
}

impl Tokens for LoggedOn {
    async fn token(&mut self, input: Vec<u8>) -> Result<Made, Refusal> {
        let mut context = self.context.take().ok_or_else(away)?;
        let work = spawn_blocking(move || {
            let made = context.token(input);
            (context, made)
        });
        let (context, made) = work.await.map_err(|error| Refusal::new(&error.to_string()))?;
        self.context = Some(context);
        made
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Refusal> {
        let context = self.context()?;
        let announced = context.signature()?;
        match context.seal(plain, announced) {
            // Wine announces less for Kerberos than it takes.
            Err(Refusal { code: Some(code), .. }) if code == TOO_SMALL => {
                context.seal(plain, LONGEST_SIGNATURE)
            }
            sealed => sealed,
        }
    }

    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        let context = self.context()?;
        // Wine's Kerberos knows no streams, and tells the signature by the length of what is in it: a hash.
        context
            .open(sealed)
            .or_else(|refusal| context.open_apart(sealed, HASH).map_err(|_| refusal))
    }
}

const TOO_SMALL: u32 = SEC_E_BUFFER_TOO_SMALL.cast_unsigned();

/// Length of what a server seals in CredSSP (MS-CSSP 3.1.5): a SHA-256 hash.
const HASH: usize = 32;

fn away() -> Refusal {
    Refusal::new("the sign-in ended elsewhere")
}

/// What SSPI keeps; both handles are numbers, which any thread may use.
struct Context {
    package: Vec<u16>,
    service: Vec<u16>,
    credentials: Option<SecHandle>,
    context: Option<SecHandle>,
}

#[expect(unsafe_code, reason = "calls of Windows")]
impl Context {
    /// The answer to a token; the first one answers none.
    fn token(&mut self, mut input: Vec<u8>) -> Result<Made, Refusal> {
        let credentials = match self.credentials {
            Some(credentials) => credentials,
            None => *self.credentials.insert(acquire(&self.package)?),
        };
        let mut output = vec![0; LONGEST_TOKEN];
        let mut given = [buffer(SECBUFFER_TOKEN, &mut input)];
        let mut made = [buffer(SECBUFFER_TOKEN, &mut output)];
        let (given, mut taken) = (list(&mut given), list(&mut made));
        let earlier = self.context;
        let mut context = earlier.unwrap_or(NOTHING);
        let (mut attributes, mut expiry) = (0, 0);
        // SAFETY: the handles are from Windows and not freed yet, the name ends with zero, and every buffer
        // has the length that is given with it; all of them outlive the call.
        let status = unsafe {
            InitializeSecurityContextW(
                &raw const credentials,
                earlier.as_ref().map_or(null(), std::ptr::from_ref),
                self.service.as_ptr(),
                REQUIREMENTS,
                0,
                SECURITY_NATIVE_DREP,
                if earlier.is_some() { &raw const given } else { null() },
                0,
                &raw mut context,
                &raw mut taken,
                &raw mut attributes,
                &raw mut expiry,
            )
        };
        if !matches!(status, SEC_E_OK | SEC_I_CONTINUE_NEEDED) {
            return Err(refused(status));
        }
        self.context = Some(context);
        let [made] = made;
        output.truncate(made.cbBuffer as usize);
        Ok(Made { token: output, done: status == SEC_E_OK })
    }

    /// The handle of the context that a token has begun.
    fn agreed(&self) -> Result<SecHandle, Refusal> {
        self.context.ok_or_else(|| Refusal::new("nothing is agreed yet"))
    }

    /// The longest signature before what is sealed, as the package announces it.
    fn signature(&self) -> Result<u32, Refusal> {
        let context = self.agreed()?;
        let mut sizes = SecPkgContext_Sizes::default();
        // SAFETY: the handle is from Windows and not freed yet, and the structure is the attribute's.
        let status = unsafe {
            QueryContextAttributesW(&raw const context, SECPKG_ATTR_SIZES, (&raw mut sizes).cast())
        };
        if status != SEC_E_OK {
            return Err(refused(status));
        }
        Ok(sizes.cbSecurityTrailer.min(LONGEST_SIGNATURE))
    }

    /// GSS_Wrap with confidentiality: the signature, then what is sealed.
    fn seal(&self, plain: &[u8], signature: u32) -> Result<Vec<u8>, Refusal> {
        let context = self.agreed()?;
        let (mut token, mut data) = (vec![0; signature as usize], plain.to_vec());
        let mut buffers = [buffer(SECBUFFER_TOKEN, &mut token), buffer(SECBUFFER_DATA, &mut data)];
        let message = list(&mut buffers);
        // SAFETY: the handle is from Windows and not freed yet, and every buffer has the length that is
        // given with it and outlives the call.
        let status = unsafe { EncryptMessage(&raw const context, 0, &raw const message, 0) };
        if status != SEC_E_OK {
            return Err(refused(status));
        }
        // It may be shorter than announced.
        token.truncate(buffers[0].cbBuffer as usize);
        Ok([token, data].concat())
    }

    /// The contrary, of a message as it came (SECBUFFER_STREAM).
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut message = sealed.to_vec();
        let start = message.as_ptr() as usize;
        let data = self.decrypt(SECBUFFER_STREAM, &mut message, &mut [])?;
        // Windows points into the message.
        let place = (data.pvBuffer as usize).checked_sub(start);
        let end = place.and_then(|place| place.checked_add(data.cbBuffer as usize));
        let plain = place.zip(end).and_then(|(place, end)| message.get(place..end));
        Ok(plain.ok_or_else(|| Refusal::new("what was opened lies elsewhere"))?.to_vec())
    }

    /// The same, of a message whose signature is told from the rest.
    fn open_apart(&self, sealed: &[u8], length: usize) -> Result<Vec<u8>, Refusal> {
        let too_short = || Refusal::new("what is sealed is too short");
        let at = sealed.len().checked_sub(length).ok_or_else(too_short)?;
        let (mut token, mut data) = (sealed[..at].to_vec(), sealed[at..].to_vec());
        self.decrypt(SECBUFFER_TOKEN, &mut token, &mut data)?;
        Ok(data)
    }

    /// Where the data is then.
    fn decrypt(&self, kind: u32, first: &mut [u8], data: &mut [u8]) -> Result<SecBuffer, Refusal> {
        let context = self.agreed()?;
        let mut buffers = [buffer(kind, first), buffer(SECBUFFER_DATA, data)];
        let message = list(&mut buffers);
        let mut quality = 0;
        // SAFETY: the handle is from Windows and not freed yet, and every buffer has the length that is
        // given with it and outlives the call.
        let status =
            unsafe { DecryptMessage(&raw const context, &raw const message, 0, &raw mut quality) };
        if status != SEC_E_OK {
            return Err(refused(status));
        }
        // SECQOP_WRAP_NO_ENCRYPT: it was signed, and not sealed.
        if quality != 0 {
            return Err(Refusal::new("what came is not sealed"));
        }
        let [_, data] = buffers;
        Ok(data)
    }
}

#[expect(unsafe_code, reason = "calls of Windows")]
impl Drop for Context {
    fn drop(&mut self) {
        if let Some(context) = self.context.take() {
            // SAFETY: the handle is from Windows, and nobody uses it any more.
            unsafe { DeleteSecurityContext(&raw const context) };
        }
        if let Some(credentials) = self.credentials.take() {
            // SAFETY: the same.
            unsafe { FreeCredentialsHandle(&raw const credentials) };
        }
    }
}

/// What is neither credentials nor a context.
const NOTHING: SecHandle = SecHandle { dwLower: 0, dwUpper: 0 };

/// The credentials of who is logged on, for this package.
#[expect(unsafe_code, reason = "calls of Windows")]
fn acquire(package: &[u16]) -> Result<SecHandle, Refusal> {
    let (mut credentials, mut expiry) = (NOTHING, 0);
    // SAFETY: the name ends with zero, and the rest is nothing or a place for what is given.
    let status = unsafe {
        AcquireCredentialsHandleW(
            null(),
            package.as_ptr(),
            SECPKG_CRED_OUTBOUND,
            null(),
            null(),
            None,
            null(),
            &raw mut credentials,
            &raw mut expiry,
        )
    };
    if status == SEC_E_OK { Ok(credentials) } else { Err(refused(status)) }
}

fn buffer(kind: u32, bytes: &mut [u8]) -> SecBuffer {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let place = if bytes.is_empty() { null_mut() } else { bytes.as_mut_ptr().cast() };
    SecBuffer { cbBuffer: length, BufferType: kind, pvBuffer: place }
}

fn list(buffers: &mut [SecBuffer]) -> SecBufferDesc {
    let count = u32::try_from(buffers.len()).unwrap_or_default();
    SecBufferDesc { ulVersion: SECBUFFER_VERSION, cBuffers: count, pBuffers: buffers.as_mut_ptr() }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The number; what it stands for is told where it is judged.
fn refused(status: i32) -> Refusal {
    let code = status.cast_unsigned();
    Refusal { code: Some(code), why: format!("Windows answers the sign-in with {code:#010x}") }
}
