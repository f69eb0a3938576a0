//! The character set of a database.

use std::fmt;
use std::sync::Arc;

/// The character set in which a database stores VARCHAR2, CHAR and CLOB; national types are Unicode in every database.
#[derive(Debug, Clone)]
pub struct DatabaseCharset {
    /// Oracle's name, such as `AL32UTF8` or `WE8ISO8859P1`.
    pub name: String,
    /// What converts text into it, where it is not a Unicode one. Without it only ASCII is known to arrive as it is.
    pub coder: Option<Arc<dyn TextCoder>>,
}

/// Knows what a text becomes in a character set.
pub trait TextCoder: fmt::Debug + Send + Sync {
    /// Of a text in UTF-8; `None` when that cannot be told.
    fn encoded(&self, text: &[u8]) -> Option<EncodedText>;
}

/// A text in another character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedText {
    /// Bytes there.
    pub bytes: usize,
    /// It comes back as it was: no character is replaced.
    pub is_exact: bool,
}

impl DatabaseCharset {
    /// By Oracle's name, without a coder.
    pub fn named(name: &str) -> Self {
        DatabaseCharset { name: name.to_owned(), coder: None }
    }

    /// Every Unicode character can be stored.
    pub fn is_unicode(&self) -> bool {
        matches!(self.name.as_str(), "AL32UTF8" | "UTF8")
    }
}

impl PartialEq for DatabaseCharset {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for DatabaseCharset {}

impl Default for DatabaseCharset {
    /// What databases have been created with by default since 12.2.
    fn default() -> Self {
        DatabaseCharset::named("AL32UTF8")
    }
}
