//! Cipher suites by number: OpenSSL's name, and what the name says of keys and records.

/// What protects the records of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bulk {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20,
    Aes128Cbc,
    Aes256Cbc,
    TripleDes,
    Rc4,
}

/// A hash function, of the key schedule or of the record's authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

/// How the key comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyExchange {
    Rsa,
    Dhe,
    Ecdhe,
    /// TLS 1.3: the suite does not say.
    Separate,
}

/// A cipher suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) bulk: Bulk,
    /// Authenticates the records where the cipher does not.
    pub(super) mac: Option<Hash>,
    /// The key schedule's hash from TLS 1.2 on.
    pub(super) hash: Hash,
    pub(super) key_exchange: KeyExchange,
}

/// The suites that Windows, OpenSSL and their elders agree on.
const NAMES: &[(u16, &str)] = &[
    (0x0004, "RC4-MD5"),
    (0x0005, "RC4-SHA"),
    (0x000A, "DES-CBC3-SHA"),
    (0x0016, "DHE-RSA-DES-CBC3-SHA"),
    (0x002F, "AES128-SHA"),
    (0x0033, "DHE-RSA-AES128-SHA"),
    (0x0035, "AES256-SHA"),
    (0x0039, "DHE-RSA-AES256-SHA"),
    (0x003C, "AES128-SHA256"),
    (0x003D, "AES256-SHA256"),
    (0x0067, "DHE-RSA-AES128-SHA256"),
    (0x006B, "DHE-RSA-AES256-SHA256"),
    (0x009C, "AES128-GCM-SHA256"),
    (0x009D, "AES256-GCM-SHA384"),
    (0x009E, "DHE-RSA-AES128-GCM-SHA256"),
    (0x009F, "DHE-RSA-AES256-GCM-SHA384"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xC007, "ECDHE-ECDSA-RC4-SHA"),
    (0xC008, "ECDHE-ECDSA-DES-CBC3-SHA"),
    (0xC009, "ECDHE-ECDSA-AES128-SHA"),
    (0xC00A, "ECDHE-ECDSA-AES256-SHA"),
    (0xC011, "ECDHE-RSA-RC4-SHA"),
    (0xC012, "ECDHE-RSA-DES-CBC3-SHA"),
    (0xC013, "ECDHE-RSA-AES128-SHA"),
    (0xC014, "ECDHE-RSA-AES256-SHA"),
    (0xC023, "ECDHE-ECDSA-AES128-SHA256"),
    (0xC024, "ECDHE-ECDSA-AES256-SHA384"),
    (0xC027, "ECDHE-RSA-AES128-SHA256"),
    (0xC028, "ECDHE-RSA-AES256-SHA384"),
    (0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xC02C, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xC02F, "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xC030, "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xCCA8, "ECDHE-RSA-CHACHA20-POLY1305"),
    (0xCCA9, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (0xCCAA, "DHE-RSA-CHACHA20-POLY1305"),
];

/// The suite's name in OpenSSL's spelling, which the live probe writes down too.
pub(super) fn name(number: u16) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// What the suite's name says.
pub(super) fn suite(number: u16) -> Option<Suite> {
    let name = name(number)?;
    let has = |part: &str| name.contains(part);
    let bulk = match () {
        () if has("AES128-GCM") || has("AES_128_GCM") => Bulk::Aes128Gcm,
        () if has("AES256-GCM") || has("AES_256_GCM") => Bulk::Aes256Gcm,
        () if has("CHACHA20") => Bulk::ChaCha20,
        () if has("AES128") => Bulk::Aes128Cbc,
        () if has("AES256") => Bulk::Aes256Cbc,
        () if has("DES-CBC3") => Bulk::TripleDes,
        () => Bulk::Rc4,
    };
    let sealed = matches!(bulk, Bulk::Aes128Gcm | Bulk::Aes256Gcm | Bulk::ChaCha20);
    let named = match () {
        () if has("SHA384") => Hash::Sha384,
        () if has("SHA256") => Hash::Sha256,
        () if has("MD5") => Hash::Md5,
        () => Hash::Sha1,
    };
    let key_exchange = match () {
        () if has("TLS_") => KeyExchange::Separate,
        () if has("ECDHE") => KeyExchange::Ecdhe,
        () if has("DHE") => KeyExchange::Dhe,
        () => KeyExchange::Rsa,
    };
    Some(Suite {
        bulk,
        mac: (!sealed).then_some(named),
        // RFC 5246 5: SHA-256 unless the suite says more.
        hash: if named == Hash::Sha384 { Hash::Sha384 } else { Hash::Sha256 },
        key_exchange,
    })
}

impl Bulk {
    pub(super) fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc | Self::Rc4 => 16,
            Self::Aes256Gcm | Self::ChaCha20 | Self::Aes256Cbc => 32,
            Self::TripleDes => 24,
        }
    }

    /// The part of the nonce or the first IV that the key schedule of TLS 1.0 to 1.2 gives.
    pub(super) fn iv_length(self, version: u16) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 4,
            Self::ChaCha20 => 12,
            Self::Rc4 => 0,
            // From TLS 1.1 on each record brings its own.
            _ if version >= 0x0302 => 0,
            Self::Aes128Cbc | Self::Aes256Cbc => 16,
            Self::TripleDes => 8,
        }
    }
}

impl Hash {
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_the_records_need() {
        let of = |number| suite(number).expect("a known suite");
        assert_eq!(of(0xC030).bulk, Bulk::Aes256Gcm);
        assert_eq!((of(0xC030).hash, of(0xC030).mac), (Hash::Sha384, None));
        assert_eq!((of(0xC028).bulk, of(0xC028).mac), (Bulk::Aes256Cbc, Some(Hash::Sha384)));
        assert_eq!((of(0x003C).mac, of(0x003C).hash), (Some(Hash::Sha256), Hash::Sha256));
        assert_eq!((of(0x0005).bulk, of(0x0005).mac), (Bulk::Rc4, Some(Hash::Sha1)));
        assert_eq!(of(0x000A).key_exchange, KeyExchange::Rsa);
        assert_eq!(of(0x009E).key_exchange, KeyExchange::Dhe);
        assert_eq!(of(0x1301).key_exchange, KeyExchange::Separate);
        assert!(suite(0x0000).is_none());
        assert!(NAMES.is_sorted_by_key(|(number, _)| *number));
    }
}
