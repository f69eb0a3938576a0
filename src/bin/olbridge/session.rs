//! From a target on the command line to an open session.

use std::env;
use std::path::PathBuf;

use olbridge::Error;
use olbridge::copy::target::Target;
use olbridge::oci::{ClientInfo, ConnectOptions, Secret, Session};

use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::{embedded_library, note, password};

/// Whether a word is meant as a target rather than as a file.
pub fn is_target(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["oracle:", "oracle+", "embedded:", "jdbc:"].iter().any(|scheme| lower.starts_with(scheme))
}

/// A database; its table, if one is named, plays no part.
pub fn database_target(text: &str) -> Result<Target, Failure> {
    Ok(text.parse()?)
}

/// A target that names a table.
pub fn table_target(text: &str) -> Result<Target, Failure> {
    let target: Target = text.parse()?;
    target.require_table()?;
    Ok(target)
}

/// Finds and loads the client library, without a login.
pub fn load_client(target: &Target, arguments: &ConnectionArguments) -> Result<ClientInfo, Failure> {
    let mut options = target.connect_options(None);
    options.client_lib_dir = client_directory(target, arguments)?;
    Ok(Session::load_client(&options)?)
}

/// Gets the password, finds the client library, and logs in.
pub fn open(target: &Target, arguments: &ConnectionArguments) -> Result<Session, Failure> {
    open_with(&options(target, arguments)?, target)
}

/// Logs in to the source of a copy between databases, whose password may be another one.
pub fn open_source(target: &Target, arguments: &ConnectionArguments) -> Result<Session, Failure> {
    match (&target.username, env::var("OLBRIDGE_SOURCE_PASSWORD")) {
        (Some(_), Ok(password)) => open_with(&options_with(target, arguments, Some(Secret::new(password)))?, target),
        _ => open(target, arguments),
    }
}

/// Gets the password and finds the client library: what any number of sessions are opened with.
pub fn options(target: &Target, arguments: &ConnectionArguments) -> Result<ConnectOptions, Failure> {
    let password = match &target.username {
        Some(username) => Some(password::obtain(arguments.password_file.as_deref(), username, &target.to_string())?),
        None => None,
    };
    options_with(target, arguments, password.map(Secret::new))
}

fn options_with(target: &Target, arguments: &ConnectionArguments, password: Option<Secret>) -> Result<ConnectOptions, Failure> {
    let mut options = target.connect_options(password);
    options.client_lib_dir = client_directory(target, arguments)?;
    options.call_timeout_ms = arguments.call_timeout_ms.map(|ms| ms.get());
    Ok(options)
}

/// Logs in.
pub fn open_with(options: &ConnectOptions, target: &Target) -> Result<Session, Failure> {
    let session = Session::connect(options).map_err(with_embedded_hint(target))?;
    if let Some(warning) = session.login_warning() {
        note(format_args!("warning: {warning}"));
    }
    Ok(session)
}

fn client_directory(target: &Target, arguments: &ConnectionArguments) -> Result<Option<PathBuf>, Failure> {
    Ok(match &arguments.client_lib {
        Some(directory) => Some(directory.clone()),
        None if target.is_embedded() => Some(embedded_library::find(&target.to_string())?),
        None => None,
    })
}

/// A file of the embedded engine that cannot be opened is no matter of client libraries and logins.
fn with_embedded_hint(target: &Target) -> impl Fn(Error) -> Error + '_ {
    move |error| match error {
        Error::Connect { target: label, ora_code: Some(ora_code), message, .. } if target.is_embedded() => Error::Connect {
            target: label,
            ora_code: Some(ora_code),
            message,
            remedy: "name a file in a folder that exists and can be written: embedded:demo.db/TABLE".into(),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_files_are_told_apart() {
        for target in ["oracle://u@h/t", "ORACLE:x", "embedded:x.db/T", "jdbc:oracle:thin:@h"] {
            assert!(is_target(target), "{target}");
        }
        for file in ["x.parquet", "C:\\x.parquet", "/data/*.parquet", "oracle.parquet", "embedded/"] {
            assert!(!is_target(file), "{file}");
        }
    }
}
