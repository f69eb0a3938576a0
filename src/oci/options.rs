//! How to connect.

use std::fmt;
use std::path::PathBuf;

/// A password. It shows itself to nobody: `Debug` prints stars, there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The password, for the login alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What [`crate::oci::Session::connect`] needs.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// User; `None` with external authentication or a wallet.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// `HOST:PORT/SERVICE`, a TNS alias or a descriptor; for the embedded engine a file path.
    pub connect_string: String,
    /// Log in as the operating system user, by wallet or by Kerberos.
    pub external_auth: bool,
    /// Directory of the client library; `None` searches as [`oci_sys::SearchPath`] says.
    pub client_lib_dir: Option<PathBuf>,
    /// The target as messages show it, without any secret.
    pub label: String,
    /// Milliseconds that a round trip may take; `None` for no limit. See [`crate::oci::Session::set_call_timeout`].
    pub call_timeout_ms: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let options = ConnectOptions { password: Some(Secret::new("tiger")), ..ConnectOptions::default() };
        let printed = format!("{options:?}");
        assert!(printed.contains("***") && !printed.contains("tiger"), "{printed}");
        assert_eq!(Secret::new("tiger").expose(), "tiger");
    }
}
