//! Finding and loading a client library.

use std::ffi::c_int;
use std::fmt;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::api::Api;
use crate::version::ClientVersion;

/// File names in the order in which ODPI-C tries them, so that both always pick the same file of a directory; 23's versioned name comes last.
#[cfg(not(any(windows, target_os = "macos")))]
pub const LIBRARY_NAMES: &[&str] = &[
    "libclntsh.so",
    "libclntsh.so.19.1",
    "libclntsh.so.18.1",
    "libclntsh.so.12.1",
    "libclntsh.so.11.1",
    "libclntsh.so.20.1",
    "libclntsh.so.21.1",
    "libclntsh.so.23.1",
];
/// File names in the order in which ODPI-C tries them, so that both always pick the same file of a directory; 23's versioned name comes last.
#[cfg(target_os = "macos")]
pub const LIBRARY_NAMES: &[&str] = &[
    "libclntsh.dylib",
    "libclntsh.dylib.19.1",
    "libclntsh.dylib.18.1",
    "libclntsh.dylib.12.1",
    "libclntsh.dylib.11.1",
    "libclntsh.dylib.20.1",
    "libclntsh.dylib.21.1",
    "libclntsh.dylib.23.1",
];
/// File names in the order in which they are tried.
#[cfg(windows)]
pub const LIBRARY_NAMES: &[&str] = &["oci.dll"];

/// The environment variable that names the directory of the client library.
pub const LIB_DIR_VARIABLE: &str = "OLBRIDGE_OCI_LIB_DIR";

/// Where to look for the client library.
///
/// A directory that somebody named is the only one searched: another client found elsewhere would be a surprise. Without one the loader's own
/// search decides (`LD_LIBRARY_PATH`, `ld.so.cache`), then `$ORACLE_HOME/lib`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// Named by the caller.
    pub explicit_dir: Option<PathBuf>,
    /// Named by [`LIB_DIR_VARIABLE`].
    pub variable_dir: Option<PathBuf>,
    /// `$ORACLE_HOME`.
    pub oracle_home: Option<PathBuf>,
}

impl SearchPath {
    /// The environment's directories, and `explicit_dir` before them.
    pub fn from_environment(explicit_dir: Option<PathBuf>) -> Self {
        let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        SearchPath { explicit_dir, variable_dir: directory(LIB_DIR_VARIABLE), oracle_home: directory("ORACLE_HOME") }
    }

    /// Files in the order in which they are tried. A bare name means the loader's own search.
    pub fn candidates(&self) -> Vec<PathBuf> {
        let in_dir = |dir: &Path| LIBRARY_NAMES.iter().map(|name| dir.join(name)).collect::<Vec<_>>();
        if let Some(dir) = self.explicit_dir.as_deref().or(self.variable_dir.as_deref()) {
            return in_dir(dir);
        }
        let home =
            self.oracle_home.as_deref().map(|home| in_dir(&home.join(if cfg!(windows) { "bin" } else { "lib" }))).unwrap_or_default();
        LIBRARY_NAMES.iter().map(PathBuf::from).chain(home).collect()
    }
}

/// A file that was tried, and why it was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The file, or a bare name for the loader's own search.
    pub path: PathBuf,
    /// The loader's words.
    pub reason: String,
}

/// No usable client library. Every message ends with what to install.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Nothing could be loaded.
    #[error("no Oracle client library could be loaded; tried:{}\n{}", AttemptList(attempts), remedy(attempts))]
    NotFound {
        /// Every file tried.
        attempts: Vec<Attempt>,
    },
    /// A library was loaded, but it is not a (complete) Oracle client.
    #[error("{} is not a usable Oracle client library: it lacks {}\n{}", path.display(), symbols.join(", "), INSTALL)]
    MissingSymbols {
        /// The library.
        path: PathBuf,
        /// What it lacks.
        symbols: Vec<&'static str>,
    },
    /// It is a client, but an old one.
    #[error("{} is Oracle client {version}; 12.1 or later is needed\n{}", path.display(), INSTALL)]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: ClientVersion,
    },
}

const INSTALL: &str = "install Oracle Instant Client (Basic or Basic Light, 12.1 to 23; https://www.oracle.com/database/technologies/instant-client.html) \
and point OLBRIDGE_OCI_LIB_DIR to its directory; on Linux it also needs the package libaio";

/// What to do: most often nothing is installed; sometimes a client is there, but the loader does not find the libraries that it needs.
fn remedy(attempts: &[Attempt]) -> String {
    let lacking = attempts.iter().find_map(|attempt| Some((missing_dependency(&attempt.reason)?, attempt.path.parent()?)));
    match lacking {
        Some((name, dir)) if dir.join(&name).exists() => format!(
            "the client is there, but the loader does not find {name} beside it: export LD_LIBRARY_PATH={} (or add the directory to ld.so.conf)",
            dir.display()
        ),
        Some((name, _)) => {
            format!("the client is there, but {name} is missing: install it (libaio is the package libaio1, libaio1t64 or libaio)")
        }
        None => INSTALL.to_string(),
    }
}

struct AttemptList<'a>(&'a [Attempt]);

impl fmt::Display for AttemptList<'_> {
    /// One line a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for attempt in self.0 {
            write!(f, "\n  {}: {}", attempt.path.display(), attempt.reason)?;
        }
        Ok(())
    }
}

impl Api {
    /// Loads the first client library that `search` finds. The library stays loaded until the process ends: a client cannot be unloaded safely
    /// (it has threads, exit handlers and thread-local data).
    pub fn load(search: &SearchPath) -> Result<Api, LoadError> {
        let mut attempts = Vec::new();
        for path in search.candidates() {
            match open(&path) {
                Ok(library) => return Self::from_library(&ManuallyDrop::new(library), path),
                Err(reason) => attempts.push(Attempt { path, reason }),
            }
        }
        Err(LoadError::NotFound { attempts })
    }

    fn from_library(library: &ManuallyDrop<Library>, tried: PathBuf) -> Result<Api, LoadError> {
        type ClientVersionFn = unsafe extern "C" fn(*mut c_int, *mut c_int, *mut c_int, *mut c_int, *mut c_int);
        // SAFETY: the signature is that of the OCI header; the library is never unloaded.
        let Some(client_version) = (unsafe { library.get::<ClientVersionFn>(b"OCIClientVersion\0") }).ok().map(|symbol| *symbol) else {
            return Err(LoadError::MissingSymbols { path: tried, symbols: vec!["OCIClientVersion"] });
        };
        let library_path = path_of(client_version as *const std::ffi::c_void).or_else(|| tried.is_absolute().then(|| tried.clone()));
        let path = library_path.clone().unwrap_or(tried);
        let mut numbers: [c_int; 5] = [0; 5];
        let [major, minor, update, patch, port_update] = &mut numbers;
        // SAFETY: five pointers to writable ints, as the header wants; the call has no other condition.
        unsafe { client_version(major, minor, update, patch, port_update) };
        let [major, minor, update, patch, port_update] = numbers;
        let version = ClientVersion { major, minor, update, patch, port_update };
        if !version.is_supported() {
            return Err(LoadError::TooOld { path, version });
        }
        Api::resolve(library, version, library_path).map_err(|symbols| LoadError::MissingSymbols { path, symbols })
    }
}

fn open(path: &Path) -> Result<Library, String> {
    // SAFETY: loading runs the initialisers of the library that the user chose as Oracle's client; that is what was asked for.
    unsafe { Library::new(path) }.map_err(|error| {
        let text = source_text(&error);
        text.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&text).to_string()
    })
}

/// The system's own words: `libloading` keeps them in the error's source.
fn source_text(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// `libx.so: cannot open shared object file: …` → `libx.so`, when it is a bare name, that is a dependency and not the file that was asked for.
fn missing_dependency(reason: &str) -> Option<String> {
    let (name, _) = reason.split_once(": cannot open shared object file")?;
    let is_bare = !name.is_empty() && !name.contains(['/', ' ']);
    is_bare.then(|| name.to_string())
}

/// The real path of the library that holds `address`.
#[cfg(unix)]
fn path_of(address: *const std::ffi::c_void) -> Option<PathBuf> {
    use std::ffi::{CStr, OsStr};
    use std::os::unix::ffi::OsStrExt;

    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr only reads the loader's tables; `info` is writable. Zero bytes are a valid Dl_info (null pointers), so it may be read in any case.
    let (found, info) = unsafe {
        let found = libc::dladdr(address, info.as_mut_ptr());
        (found, info.assume_init())
    };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: dladdr gave a NUL-terminated path that lives as long as the library, which is never unloaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}

#[cfg(not(unix))]
fn path_of(_address: *const std::ffi::c_void) -> Option<PathBuf> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(dir: &Path) -> SearchPath {
        SearchPath { explicit_dir: Some(dir.to_path_buf()), ..SearchPath::default() }
    }

    #[test]
    fn a_named_directory_is_the_only_one_searched() {
        let search = SearchPath { explicit_dir: Some("/a".into()), variable_dir: Some("/b".into()), oracle_home: Some("/c".into()) };
        assert!(search.candidates().iter().all(|path| path.starts_with("/a")));
        let search = SearchPath { explicit_dir: None, ..search };
        assert!(search.candidates().iter().all(|path| path.starts_with("/b")));
        let search = SearchPath { variable_dir: None, ..search };
        let candidates = search.candidates();
        assert_eq!(candidates[0], PathBuf::from(LIBRARY_NAMES[0]));
        assert_eq!(candidates.len(), 2 * LIBRARY_NAMES.len());
        assert!(candidates[LIBRARY_NAMES.len()].starts_with("/c"));
    }

    #[test]
    fn an_empty_directory_names_every_file_and_what_to_install() {
        let dir = tempfile::tempdir().expect("temp dir");
        let message = Api::load(&only(dir.path())).expect_err("nothing there").to_string();
        for name in LIBRARY_NAMES {
            assert!(message.contains(&dir.path().join(name).display().to_string()), "{message}");
        }
        assert!(message.contains("OLBRIDGE_OCI_LIB_DIR") && message.contains("Instant Client"), "{message}");
    }

    #[test]
    fn a_file_that_is_no_library_is_reported_with_the_loaders_reason() {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::write(dir.path().join(LIBRARY_NAMES[0]), b"not a library").expect("write");
        let Err(LoadError::NotFound { attempts }) = Api::load(&only(dir.path())) else { panic!("a bogus file must not load") };
        assert_eq!(attempts[0].path, dir.path().join(LIBRARY_NAMES[0]));
        assert!(!attempts[0].reason.is_empty() && attempts[0].reason != attempts[1].reason, "{attempts:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_under_the_clients_name_is_refused() {
        let Some(libc_path) = path_of(libc::getpid as *const std::ffi::c_void) else {
            eprintln!("SKIPPED: dladdr does not tell the path of the C library here");
            return;
        };
        let dir = tempfile::tempdir().expect("temp dir");
        std::os::unix::fs::symlink(&libc_path, dir.path().join(LIBRARY_NAMES[0])).expect("symlink");
        let error = Api::load(&only(dir.path())).expect_err("libc is no client");
        assert!(matches!(&error, LoadError::MissingSymbols { symbols, .. } if symbols == &["OCIClientVersion"]), "{error}");
    }

    #[test]
    fn the_texts_of_all_errors_end_with_what_to_do() {
        let version = ClientVersion { major: 10, minor: 2, update: 0, patch: 5, port_update: 0 };
        let too_old = LoadError::TooOld { path: "/x/libclntsh.so".into(), version }.to_string();
        assert!(
            too_old.starts_with("/x/libclntsh.so is Oracle client 10.2.0.5.0; 12.1 or later is needed\ninstall Oracle Instant Client"),
            "{too_old}"
        );
        let lacking = LoadError::MissingSymbols { path: "/x/libclntsh.so".into(), symbols: vec!["OCIBreak", "OCIErrorGet"] }.to_string();
        assert!(lacking.contains("it lacks OCIBreak, OCIErrorGet\ninstall"), "{lacking}");
    }

    #[test]
    fn a_client_without_its_neighbours_is_told_from_no_client() {
        let dir = tempfile::tempdir().expect("temp dir");
        let attempt =
            |reason: &str| LoadError::NotFound { attempts: vec![Attempt { path: dir.path().join("libclntsh.so"), reason: reason.into() }] };
        let missing = "libnnz19.so: cannot open shared object file: No such file or directory";
        assert!(attempt(missing).to_string().ends_with("(libaio is the package libaio1, libaio1t64 or libaio)"));
        std::fs::write(dir.path().join("libnnz19.so"), b"").expect("write");
        let message = attempt(missing).to_string();
        assert!(message.contains(&format!("export LD_LIBRARY_PATH={}", dir.path().display())), "{message}");
    }

    #[test]
    fn only_a_bare_name_is_a_missing_dependency() {
        assert_eq!(
            missing_dependency("libnnz12.so: cannot open shared object file: No such file or directory").as_deref(),
            Some("libnnz12.so")
        );
        assert_eq!(missing_dependency("/a/libclntsh.so: cannot open shared object file: No such file or directory"), None);
        assert_eq!(missing_dependency("/a/libclntsh.so: file too short"), None);
    }

    #[test]
    fn a_real_client_loads_and_tells_version_and_path() {
        let Some(dir) = std::env::var_os(LIB_DIR_VARIABLE).map(PathBuf::from) else {
            eprintln!("SKIPPED: {LIB_DIR_VARIABLE} does not name the directory of a client library");
            return;
        };
        let api = Api::load(&only(&dir)).expect("the client of OLBRIDGE_OCI_LIB_DIR");
        assert!(api.version().is_supported());
        let path = api.library_path().expect("dladdr knows the library");
        assert_eq!(path.parent(), Some(std::fs::canonicalize(&dir).expect("directory").as_path()));
    }
}
