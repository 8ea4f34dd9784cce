//! From secrets to keys: the PRF of TLS 1.0 to 1.2 and the schedule of TLS 1.3.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use super::suites::Hash;

/// HMAC over the parts, one behind the other; `None` for no key that HMAC does not take.
pub(super) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    macro_rules! with {
        ($digest:ty) => {{
            let mut mac = Hmac::<$digest>::new_from_slice(key).ok()?;
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }};
    }
    Some(match hash {
        Hash::Md5 => with!(Md5),
        Hash::Sha1 => with!(Sha1),
        Hash::Sha256 => with!(Sha256),
        Hash::Sha384 => with!(Sha384),
    })
}

/// The pseudorandom function (RFC 5246 5; RFC 2246 5 before TLS 1.2).
pub(super) fn prf(
    version: u16,
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    if version >= 0x0303 {
        return expand(hash, secret, &[label, seed], length);
    }
    let half = secret.len().div_ceil(2);
    let md5 = expand(Hash::Md5, secret.get(..half)?, &[label, seed], length)?;
    let sha1 = expand(Hash::Sha1, secret.get(secret.len() - half..)?, &[label, seed], length)?;
    Some(md5.iter().zip(&sha1).map(|(a, b)| a ^ b).collect())
}

/// P_hash (RFC 5246 5).
fn expand(hash: Hash, secret: &[u8], seed: &[&[u8]], length: usize) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(length + hash.length());
    let mut a = hmac(hash, secret, seed)?;
    while output.len() < length {
        let parts: Vec<&[u8]> = std::iter::once(a.as_slice()).chain(seed.iter().copied()).collect();
        output.extend(hmac(hash, secret, &parts)?);
        a = hmac(hash, secret, &[&a])?;
    }
    output.truncate(length);
    Some(output)
}

/// HKDF-Expand-Label with an empty context (RFC 8446 7.1).
pub(super) fn expand_label(
    hash: Hash,
    secret: &[u8],
    label: &str,
    length: usize,
) -> Option<Vec<u8>> {
    let label = format!("tls13 {label}");
    let length_bytes = u16::try_from(length).ok()?.to_be_bytes();
    let info: [&[u8]; 4] =
        [&length_bytes, &[u8::try_from(label.len()).ok()?], label.as_bytes(), &[0]];
    let mut output = vec![0; length];
    match hash {
        Hash::Sha384 => {
            Hkdf::<Sha384>::from_prk(secret).ok()?.expand_multi_info(&info, &mut output).ok()?;
        }
        _ => Hkdf::<Sha256>::from_prk(secret).ok()?.expand_multi_info(&info, &mut output).ok()?,
    }
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap_or(0))
            .collect()
    }

    /// The well-known vector of TLS 1.2's PRF with SHA-256.
    #[test]
    fn prf_of_tls_1_2() {
        let secret = bytes("9bbe436ba940f017b17652849a71db35");
        let seed = bytes("a0ba9f936cda311827a6f796ffd5198c");
        let output = prf(0x0303, Hash::Sha256, &secret, b"test label", &seed, 100);
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a
            6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab
            4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701
            87347b66";
        assert_eq!(output, Some(bytes(expected)));
    }

    /// RFC 8448 section 3: the server's handshake traffic secret gives its key and its IV.
    #[test]
    fn labels_of_tls_1_3() {
        let secret = bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16);
        assert_eq!(key, Some(bytes("3fce516009c21727d0f2e4e86ee403bc")));
        let iv = expand_label(Hash::Sha256, &secret, "iv", 12);
        assert_eq!(iv, Some(bytes("5d313eb2671276ee13000b30")));
    }
}
