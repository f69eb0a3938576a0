//! Named connections: a JSON file that says which credential and which options belong to which stores.
//!
//! ```json
//! {"connections": {
//!   "sales": {
//!     "url": "onelake://sales-ws",
//!     "credential": {"kind": "client-secret", "tenant_id": "…", "client_id": "…", "client_secret": {"env": "SALES_SECRET"}},
//!     "options": {"timeout": "60s"}
//!   }
//! }}
//! ```
//!
//! A connection with a `url` is used for every location below that; the longest wins. The file is the one named, else `OLBRIDGE_CONNECTIONS`,
//! else `olbridge/connections.json` in `XDG_CONFIG_HOME` or `~/.config`. It holds places of secrets, never secrets, so it may be shared; JSON, as
//! everything else that olbridge reads and writes, and so without one more format in the build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::credential::Credential;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::secret::{Secret, SecretSource};

/// Names the connections file.
pub const CONNECTIONS_VARIABLE: &str = "OLBRIDGE_CONNECTIONS";

/// A storage option's value: itself, or where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// The value; refused for an option that is a secret.
    Plain(String),
    /// Its place.
    From(SecretSource),
}

/// One connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// What it is for, if it is to be found by location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// Storage options, by the names of object_store.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, OptionValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectionsFile {
    connections: BTreeMap<String, Connection>,
}

/// How to open stores: everything that the location itself does not say. What is given here beats the connection, which beats the environment.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// Name of a connection; `None` takes the one whose `url` fits best, if one does.
    pub connection: Option<String>,
    /// The connections file; `None` for the usual place.
    pub connections_file: Option<PathBuf>,
    /// Who asks.
    pub credential: Option<Credential>,
    /// Storage options passed through to object_store, by its names (`timeout`, `endpoint`, `region`, …), and `max_retries`, `retry_timeout`.
    pub options: BTreeMap<String, Secret>,
}

impl StoreOptions {
    /// The credential and the options for `location`, the connections file included.
    ///
    /// # Errors
    /// [`Error::Connection`] when the file cannot be read, or has no connection of that name, or a secret in it.
    pub fn resolve(&self, location: &Location) -> Result<(Credential, BTreeMap<String, Secret>)> {
        let found = self.connection_for(location)?;
        let mut options = BTreeMap::new();
        let mut credential = self.credential.clone();
        if let Some((name, connection)) = found {
            for (key, value) in &connection.options {
                options.insert(key.to_ascii_lowercase(), option_value(&name, key, value)?);
            }
            credential = credential.or(connection.credential);
        }
        options.extend(self.options.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.clone())));
        Ok((credential.unwrap_or(Credential::Environment), options))
    }

    fn connection_for(&self, location: &Location) -> Result<Option<(String, Connection)>> {
        let Some((file, text)) = self.read_file()? else {
            return match &self.connection {
                Some(name) => Err(no_such_connection(name, "there is no connections file".into())),
                None => Ok(None),
            };
        };
        let wrong = |message: String| Error::Connection {
            name: file.display().to_string(),
            message,
            remedy: r#"{"connections": {"NAME": {"url": "onelake://WORKSPACE", "credential": {"kind": "azure-cli"}}}}"#.into(),
        };
        // serde's message may quote the text around an error, and that may be a secret in the wrong place.
        let mut all = serde_json::from_str::<ConnectionsFile>(&text)
            .map_err(|error| wrong(format!("line {} column {}: not of the form of a connections file", error.line(), error.column())))?
            .connections;
        if let Some(name) = &self.connection {
            let names = all.keys().cloned().collect::<Vec<_>>().join(", ");
            let connection = all.remove(name).ok_or_else(|| no_such_connection(name, format!("{} has: {names}", file.display())))?;
            return Ok(Some((name.clone(), connection)));
        }
        let mut best: Option<(usize, String)> = None;
        for (name, connection) in &all {
            let Some(url) = &connection.url else { continue };
            let scope: Location = url.parse().map_err(|error: Error| wrong(format!("connection {name}: {error}")))?;
            if scope.contains(location) && best.as_ref().is_none_or(|(length, _)| scope.key().len() >= *length) {
                best = Some((scope.key().len(), name.clone()));
            }
        }
        Ok(best.and_then(|(_, name)| all.remove_entry(&name)))
    }

    fn read_file(&self) -> Result<Option<(PathBuf, String)>> {
        let named = self.connections_file.clone().or_else(|| std::env::var_os(CONNECTIONS_VARIABLE).map(PathBuf::from));
        let Some(file) = named.clone().or_else(usual_file) else { return Ok(None) };
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some((file, text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => Ok(None),
            Err(error) => Err(Error::Connection {
                name: file.display().to_string(),
                message: error.to_string(),
                remedy: format!("a file that can be read, or unset {CONNECTIONS_VARIABLE}"),
            }),
        }
    }
}

fn usual_file() -> Option<PathBuf> {
    let home =
        std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".config")))?;
    Some(home.join("olbridge/connections.json"))
}

fn no_such_connection(name: &str, message: String) -> Error {
    let remedy = format!("a name from the connections file (${CONNECTIONS_VARIABLE} or ~/.config/olbridge/connections.json)");
    Error::Connection { name: name.to_owned(), message, remedy }
}

fn option_value(connection: &str, key: &str, value: &OptionValue) -> Result<Secret> {
    let wrong = |message: String| Error::Connection {
        name: connection.to_owned(),
        message,
        remedy: format!(r#""{key}": {{"env": "NAME"}}, {{"file": "PATH"}} or {{"command": ["PROGRAM"]}}"#),
    };
    match value {
        OptionValue::Plain(_) if is_secret_option(key) => Err(wrong(format!("option {key} is a secret, and this file holds none"))),
        OptionValue::Plain(text) => Ok(Secret::new(text.as_str())),
        OptionValue::From(source) => source.read().map_err(|message| wrong(format!("option {key}: {message}"))),
    }
}

/// Whether the option of that name is a secret: by its name, for new ones come with new versions.
pub fn is_secret_option(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // A key's id, and files that hold tokens, are no secrets.
    let is_place = key.ends_with("_id") || key.ends_with("_file") || key.ends_with("_url") || key.ends_with("_path");
    !is_place && ["key", "secret", "token", "sas", "password"].iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"connections": {
        "all": {"url": "s3://b", "options": {"region": "eu-west-1"}},
        "deep": {"url": "s3://b/deep", "credential": {"kind": "anonymous"}, "options": {"Region": "us-east-1", "secret_access_key": {"command": ["echo", "tiger"]}}},
        "named": {"credential": {"kind": "azure-cli"}}
    }}"#;

    fn options(text: &str) -> (tempfile::TempDir, StoreOptions) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("connections.json");
        std::fs::write(&file, text).unwrap();
        (folder, StoreOptions { connections_file: Some(file), ..StoreOptions::default() })
    }

    fn region(options: &StoreOptions, location: &str) -> Option<String> {
        let (_, options) = options.resolve(&location.parse().unwrap()).unwrap();
        options.get("region").map(|value| value.expose().to_owned())
    }

    #[test]
    fn the_connection_with_the_longest_url_is_used() {
        let (_folder, options) = options(FILE);
        assert_eq!(region(&options, "s3://b/x").as_deref(), Some("eu-west-1"));
        assert_eq!(region(&options, "s3://b/deep/x").as_deref(), Some("us-east-1"));
        assert_eq!(region(&options, "s3://b/deeper").as_deref(), Some("eu-west-1"));
        assert_eq!(region(&options, "s3://c/deep"), None);
        let (credential, all) = options.resolve(&"s3://b/deep/x".parse().unwrap()).unwrap();
        assert_eq!(credential, Credential::Anonymous);
        assert_eq!(all["secret_access_key"].expose(), "tiger");
        assert!(!format!("{all:?}").contains("tiger"));
    }

    #[test]
    fn what_is_given_beats_the_connection() {
        let (_folder, mut options) = options(FILE);
        options.options.insert("REGION".into(), Secret::new("here"));
        options.credential = Some(Credential::Environment);
        assert_eq!(region(&options, "s3://b/deep/x").as_deref(), Some("here"));
        assert_eq!(options.resolve(&"s3://b/deep/x".parse().unwrap()).unwrap().0, Credential::Environment);
        options.credential = None;
        options.connection = Some("named".into());
        assert_eq!(options.resolve(&"s3://b/deep/x".parse().unwrap()).unwrap().0, Credential::AzureCli);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones_and_a_secret_in_the_file_is_refused_unseen() {
        let (_folder, mut options_) = options(FILE);
        options_.connection = Some("sales".into());
        let message = options_.resolve(&"s3://b".parse().unwrap()).unwrap_err().to_string();
        assert!(message.contains("all, deep, named"), "{message}");
        for text in [
            r#"{"connections": {"a": {"url": "s3://b", "options": {"aws_secret_access_key": "tiger"}}}}"#,
            r#"{"connections": {"a": {"credential": {"kind": "account-key", "key": "tiger"}}}}"#,
            r#"{"connections": {"a": {"password": "tiger"}}}"#,
        ] {
            let (_folder, options) = options(text);
            let message = options.resolve(&"s3://b".parse().unwrap()).unwrap_err().to_string();
            assert!(!message.contains("tiger"), "{message}");
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let options = StoreOptions { connections_file: Some("/no/such/connections.json".into()), ..StoreOptions::default() };
        assert!(options.resolve(&"s3://b".parse().unwrap()).unwrap_err().to_string().contains("/no/such"));
    }
}
