/// A value that can neither be printed nor serialised: passwords, keys, tokens.
///
/// There is no `Display` and no `Serialize`, and `Debug` prints a placeholder. The bytes are
/// overwritten when it is dropped (as far as the optimiser lets plain stores through).
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the value over.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }

    /// The one way to read it; grep for this name to see who does.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}
