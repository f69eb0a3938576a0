//! Finds the embedded engine's `libclntsh` for `embedded:` targets.
//!
//! Looked for, in this order:
//! 1. `OLBRIDGE_EMBEDDED_LIB_DIR`, and nowhere else when it is set;
//! 2. `deps/` beside the executable: `cargo run` and `cargo test` build the engine there, as a dependency;
//! 3. beside the executable: an unpacked release;
//! 4. `../lib` of the executable: an installed prefix.
//!
//! `deps/` comes before the executable's own directory, because `cargo build --workspace` leaves a copy in the latter that a
//! later `cargo run` does not renew.

use std::env;
use std::path::{Path, PathBuf};

use olbridge::Error;

/// The variable that names the directory of the embedded engine.
pub const DIRECTORY_VARIABLE: &str = "OLBRIDGE_EMBEDDED_LIB_DIR";

/// The file name by which any OCI program loads an Oracle client on this system.
pub fn file_name() -> &'static str {
    if cfg!(target_os = "windows") {
        "clntsh.dll"
    } else if cfg!(target_os = "macos") {
        "libclntsh.dylib"
    } else {
        "libclntsh.so"
    }
}

/// The directory that holds the embedded engine, or an error that lists the places that were tried.
pub fn find(target: &str) -> Result<PathBuf, Error> {
    let executable = env::current_exe().and_then(|path| path.canonicalize()).ok();
    let places = places(env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from), executable.as_deref());
    places.iter().find(|directory| directory.join(file_name()).is_file()).cloned().ok_or_else(|| not_found(target, &places))
}

fn places(from_environment: Option<PathBuf>, executable: Option<&Path>) -> Vec<PathBuf> {
    if let Some(directory) = from_environment.filter(|d| !d.as_os_str().is_empty()) {
        return vec![directory];
    }
    let Some(directory) = executable.and_then(Path::parent) else { return Vec::new() };
    let mut places = vec![directory.join("deps"), directory.to_path_buf()];
    if let Some(prefix) = directory.parent() {
        places.push(prefix.join("lib"));
    }
    places
}

fn not_found(target: &str, places: &[PathBuf]) -> Error {
    let looked: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
    Error::Connect {
        target: target.to_owned(),
        ora_code: None,
        message: format!("the embedded engine ({}) was not found; looked in {}", file_name(), looked.join(", ")),
        remedy: format!(
            "put {} beside the executable or in ../lib, or set {DIRECTORY_VARIABLE} to its directory (cargo build -p olbridge-embedded makes it)",
            file_name()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_excludes_all_other_places() {
        assert_eq!(places(Some("/x".into()), Some(Path::new("/a/bin/olbridge"))), [PathBuf::from("/x")]);
    }

    #[test]
    fn cargo_deps_then_beside_then_lib() {
        let expected = ["/a/bin/deps", "/a/bin", "/a/lib"].map(PathBuf::from);
        assert_eq!(places(None, Some(Path::new("/a/bin/olbridge"))), expected);
        assert_eq!(places(Some("".into()), Some(Path::new("/a/bin/olbridge"))), expected);
    }

    #[test]
    fn the_error_says_where_it_looked() {
        let text = not_found("embedded:x.db/T", &["/a/bin/deps".into(), "/a/bin".into()]).to_string();
        for part in ["embedded:x.db/T", "/a/bin/deps, /a/bin", DIRECTORY_VARIABLE] {
            assert!(text.contains(part), "{text}");
        }
    }
}
