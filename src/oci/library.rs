//! The one client library of the process, shared with rust-oracle.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use oci_sys::{Api, ClientVersion, LIBRARY_NAMES, LoadError, SearchPath};

use crate::error::Error;

/// Which client library is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its version.
    pub version: ClientVersion,
    /// The file, where the platform tells.
    pub library_path: Option<PathBuf>,
}

struct Loaded {
    api: &'static Api,
    search: SearchPath,
}

static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// Loads the client library, once per process, and makes rust-oracle use the same file. `label` is the target as messages show it.
///
/// Handles of two client libraries must never meet, so a later call that asks for another directory is an error.
pub(crate) fn client(explicit_dir: Option<&Path>, label: &str) -> Result<&'static Api, Error> {
    let search = SearchPath::from_environment(explicit_dir.map(Path::to_path_buf));
    // A panic while the lock was held left either nothing or a complete value behind.
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(present) = loaded.as_ref() {
        return same_library(present, &search, label);
    }
    let api = Api::load(&search).map_err(|error| load_error(&error, label))?;
    share_with_rust_oracle(&api, label)?;
    let api: &'static Api = Box::leak(Box::new(api));
    *loaded = Some(Loaded { api, search });
    Ok(api)
}

fn same_library(present: &Loaded, search: &SearchPath, label: &str) -> Result<&'static Api, Error> {
    let wanted_dir = search.explicit_dir.as_ref().or(search.variable_dir.as_ref());
    let same = *search == present.search
        || match (wanted_dir, present.api.library_path()) {
            (None, _) => true,
            (Some(dir), Some(path)) => first_in(dir).is_some_and(|file| file == path),
            (Some(dir), None) => present.search.explicit_dir.as_ref().or(present.search.variable_dir.as_ref()) == Some(dir),
        };
    if same {
        return Ok(present.api);
    }
    let path = present.api.library_path().map_or_else(|| "a client library".to_string(), |path| path.display().to_string());
    Err(Error::Connect {
        target: label.to_string(),
        ora_code: None,
        message: format!("this process already uses {path}; a second client library cannot be loaded beside it"),
        remedy: "use one client library per process: run the two jobs one after the other".into(),
    })
}

/// ODPI-C gets the directory of the file that we loaded and picks the first known name in it. That has to be the same file.
fn share_with_rust_oracle(api: &Api, label: &str) -> Result<(), Error> {
    let connect_error = |message: String, remedy: String| Error::Connect { target: label.to_string(), ora_code: None, message, remedy };
    let Some(path) = api.library_path() else {
        let message = "a client library was loaded, but the system does not tell from which file".to_string();
        return Err(connect_error(message, "name its directory with --client-lib or OLBRIDGE_OCI_LIB_DIR".into()));
    };
    let dir = path.parent().unwrap_or(Path::new("/"));
    let plain = LIBRARY_NAMES[0];
    // 23's versioned name is unknown to ODPI-C 5.4.
    let known = LIBRARY_NAMES.iter().filter(|name| !name.ends_with(".23.1")).map(|name| dir.join(name)).find(|file| file.exists());
    if known.and_then(|file| std::fs::canonicalize(file).ok()).is_none_or(|file| Some(file) != std::fs::canonicalize(path).ok()) {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let remedy = format!("ln -sf {file} {}", dir.join(plain).display());
        return Err(connect_error(format!("{} was loaded, but {plain} beside it is missing or another file", path.display()), remedy));
    }
    let mut params = oracle::InitParams::new();
    params
        .oracle_client_lib_dir(dir)
        .map_err(|error| connect_error(format!("the directory {} cannot be used: {error}", dir.display()), "move the client".into()))?;
    let first = params
        .default_driver_name(concat!("olbridge : ", env!("CARGO_PKG_VERSION")))
        .and_then(|params| params.init())
        .map_err(|error| connect_error(error.to_string(), "install the whole Oracle Instant Client package".into()))?;
    if !first {
        // It may have loaded another file, also one of the same version, and does not tell which.
        return Err(connect_error(
            format!(
                "the crate `oracle` was used in this process before olbridge and may have loaded another client than {}",
                path.display()
            ),
            "open the first olbridge session before anything else connects through the crate `oracle`".into(),
        ));
    }
    Ok(())
}

fn first_in(dir: &Path) -> Option<PathBuf> {
    let file = LIBRARY_NAMES.iter().map(|name| dir.join(name)).find(|file| file.exists())?;
    std::fs::canonicalize(file).ok()
}

fn load_error(error: &LoadError, label: &str) -> Error {
    let text = error.to_string();
    let (message, remedy) = text.rsplit_once('\n').unwrap_or((text.as_str(), "install Oracle Instant Client"));
    Error::Connect { target: label.to_string(), ora_code: None, message: message.to_string(), remedy: remedy.to_string() }
}

impl From<&Api> for ClientInfo {
    fn from(api: &Api) -> Self {
        ClientInfo { version: api.version(), library_path: api.library_path().map(Path::to_path_buf) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_a_connect_error_that_says_what_to_install() {
        let dir = tempfile::tempdir().expect("temp dir");
        let search = SearchPath { explicit_dir: Some(dir.path().to_path_buf()), ..SearchPath::default() };
        let error = Api::load(&search).expect_err("an empty directory");
        let Error::Connect { target, message, remedy, .. } = load_error(&error, "oracle://scott@db/svc/T") else {
            panic!("a connect error")
        };
        assert_eq!(target, "oracle://scott@db/svc/T");
        assert!(message.contains(&dir.path().join(LIBRARY_NAMES[0]).display().to_string()), "{message}");
        assert!(remedy.starts_with("install Oracle Instant Client"), "{remedy}");
    }
}
