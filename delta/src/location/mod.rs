//! Where things are: one grammar for local paths and every kind of object store. Text only: nothing is opened here.
//!
//! | written | means |
//! |---|---|
//! | `PATH`, `file:///PATH` | the local file system |
//! | `s3://BUCKET/KEY`, `s3a://…` | S3 and what speaks its protocol |
//! | `https://BUCKET.s3.REGION.amazonaws.com/KEY`, `https://s3.REGION.amazonaws.com/BUCKET/KEY`, `https://ACCOUNT.r2.cloudflarestorage.com/BUCKET/KEY` | the same by address |
//! | `gs://BUCKET/KEY`, `https://storage.googleapis.com/BUCKET/KEY` | Google Cloud Storage |
//! | `abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY`, `https://ACCOUNT.blob.core.windows.net/CONTAINER/KEY` | Azure |
//! | `az://CONTAINER/KEY` | Azure, the account named by an option or `AZURE_STORAGE_ACCOUNT_NAME` |
//! | `onelake://WORKSPACE/LAKEHOUSE/[SCHEMA/]TABLE`, `onelake://WORKSPACE/LAKEHOUSE/Files/KEY` | Microsoft OneLake, the short form |
//! | `abfss://WORKSPACE@onelake.dfs.fabric.microsoft.com/ITEM.Lakehouse/Tables/…`, `https://onelake.dfs.fabric.microsoft.com/WORKSPACE/…` | OneLake by address; with GUIDs for workspace and item both |
//! | `https://HOST/KEY`, `http://HOST/KEY` | any web server, to read |
//!
//! In a URL `%`, `?` and `#` of a name are written `%25`, `%3F`, `%23`. A query (a signature) is refused: it would end up in logs.

mod azure;
mod onelake;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::error::{Error, Result};

/// What is encoded in the path of the URLs we write.
const PATH_SET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

/// The service that holds a location, with what says which store of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// The local file system.
    Local,
    /// S3.
    S3 {
        /// Bucket.
        bucket: String,
        /// The `https://` form it was written in, which holds region or account; `None` for `s3://`.
        address: Option<String>,
    },
    /// Google Cloud Storage.
    Google {
        /// Bucket.
        bucket: String,
    },
    /// Azure blob storage (also with a hierarchical namespace).
    Azure {
        /// Container.
        container: String,
        /// Account; `None` for `az://CONTAINER`.
        account: Option<String>,
        /// Blob endpoint of a national cloud; `None` for `core.windows.net`.
        endpoint: Option<String>,
    },
    /// Microsoft OneLake.
    OneLake {
        /// Workspace: a name of `[A-Za-z0-9-_]`, or a GUID.
        workspace: String,
        /// First label of the host: `onelake`, or a regional one.
        account: String,
    },
    /// A web server.
    Http {
        /// Scheme, host and port.
        base: String,
    },
}

impl Service {
    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Service::Local => "local",
            Service::S3 { .. } => "S3",
            Service::Google { .. } => "Google Cloud Storage",
            Service::Azure { .. } => "Azure",
            Service::OneLake { .. } => "OneLake",
            Service::Http { .. } => "HTTP",
        }
    }
}

/// A file, a folder or a table, and the store that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    service: Service,
    /// Decoded, without a slash at either end.
    key: String,
    url: Url,
}

impl Location {
    /// The service and the store within it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The name within the store: decoded, parts joined by `/`, no slash at either end. For a local path the absolute path without its first
    /// slash. Empty for the store as a whole.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The canonical URL: `file`, `s3`, `gs`, `az`, `abfss` (OneLake too), `https` or `http`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path, if it is local.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.service == Service::Local).then(|| Path::new("/").join(&self.key))
    }

    /// The last part of the name; empty for the store as a whole.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or("")
    }

    /// The location `relative` below this one; parts are joined by `/` and not decoded.
    ///
    /// # Errors
    /// [`Error::Location`] for a name with an empty part, `.` or `..`.
    pub fn join(&self, relative: &str) -> Result<Location> {
        let relative = relative.trim_matches('/');
        let key = if self.key.is_empty() { relative.to_owned() } else { format!("{}/{relative}", self.key) };
        Location::of(self.service.clone(), key, &format!("{self}/{relative}"))
    }

    /// Whether `other` is this location or lies below it.
    pub fn contains(&self, other: &Location) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/') || self.key.is_empty();
        self.service == other.service && other.key.strip_prefix(self.key.as_str()).is_some_and(below)
    }

    fn of(service: Service, key: String, typed: &str) -> Result<Location> {
        let key = key.trim_matches('/').to_owned();
        if !key.is_empty() && key.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong(typed, "a name has an empty part, '.' or '..'", "the name without it"));
        }
        let path = utf8_percent_encode(&key, PATH_SET);
        let text = match &service {
            Service::Local => format!("file:///{path}"),
            Service::S3 { bucket, .. } => format!("s3://{bucket}/{path}"),
            Service::Google { bucket } => format!("gs://{bucket}/{path}"),
            Service::Azure { container, account: None, .. } => format!("az://{container}/{path}"),
            Service::Azure { container, account: Some(account), endpoint } => {
                format!("abfss://{container}@{account}.dfs.{}/{path}", azure::suffix_of(endpoint.as_deref()))
            }
            Service::OneLake { workspace, account } => format!("abfss://{workspace}@{account}.dfs.fabric.microsoft.com/{path}"),
            Service::Http { base } => format!("{base}/{path}"),
        };
        let url = Url::parse(&text)
            .map_err(|error| wrong(typed, &error.to_string(), "a bucket, container or host of letters, digits and '-'"))?;
        Ok(Location { service, key, url })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local_path() {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str(self.url.as_str().trim_end_matches('/')),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    /// See the table at the head of this module.
    fn from_str(text: &str) -> Result<Location> {
        let Some((scheme, rest)) = text.split_once("://") else { return local(text) };
        if rest.contains(['?', '#']) && scheme != "file" {
            return Err(wrong(
                text,
                "a '?' or '#' begins a query, and a query may hold a secret",
                "%3F or %23 in a name; a signature as a credential",
            ));
        }
        let rest = rest.trim_end_matches('/');
        match scheme.to_ascii_lowercase().as_str() {
            "file" => match rest.strip_prefix("localhost").unwrap_or(rest) {
                path if path.is_empty() || path.starts_with('/') => local(&decode(text, path)?),
                _ => Err(wrong(text, "a file of another host", "file:///PATH, or the path alone")),
            },
            "s3" | "s3a" => bucket(text, rest, |bucket| Service::S3 { bucket, address: None }),
            "gs" => bucket(text, rest, |bucket| Service::Google { bucket }),
            "az" | "azure" | "adl" | "abfs" | "abfss" => azure::parse(text, rest),
            "onelake" => onelake::parse_short(text, rest),
            "http" | "https" => web(text, &scheme.to_ascii_lowercase(), rest),
            _ => Err(wrong(text, "unknown scheme", "a local path, file://, s3://, gs://, abfss://, az://, onelake:// or https://")),
        }
    }
}

/// An error about a location, without its query.
fn wrong(typed: &str, message: &str, remedy: &str) -> Error {
    let shown = match (typed.split_once("://"), typed.split(['?', '#']).next()) {
        (Some(_), Some(head)) => head,
        _ => typed,
    };
    // A password before the '@' of a host is not repeated either.
    let shown = match shown.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (user, host))) if user.contains(':') && !user.contains('/') => format!("{scheme}://***@{host}"),
        _ => shown.to_owned(),
    };
    Error::Location { location: shown, message: message.to_owned(), remedy: remedy.to_owned() }
}

fn decode(typed: &str, text: &str) -> Result<String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(wrong(typed, "a name is not UTF-8", "the name in UTF-8, '%' written as %25")),
    }
}

fn local(text: &str) -> Result<Location> {
    if text.is_empty() {
        return Err(wrong(text, "no path is given", "./orders"));
    }
    let absolute = std::path::absolute(text).map_err(|error| wrong(text, &error.to_string(), "an absolute path"))?;
    // '..' is resolved by the file system, for the part before it may be a link; what need not exist yet comes after it.
    let path = match absolute.components().any(|part| part == std::path::Component::ParentDir) {
        true => resolve_parents(&absolute).map_err(|error| wrong(text, &error.to_string(), "a path without '..'"))?,
        false => absolute,
    };
    let Some(path) = path.to_str() else { return Err(wrong(text, "the path is not UTF-8", "a path in UTF-8")) };
    Location::of(Service::Local, path.to_owned(), text)
}

fn resolve_parents(path: &Path) -> std::io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => resolved = std::fs::canonicalize(&resolved)?.parent().unwrap_or(Path::new("/")).to_owned(),
            part => resolved.push(part),
        }
    }
    Ok(resolved)
}

/// `BUCKET[/KEY]`.
fn bucket(typed: &str, rest: &str, service: impl FnOnce(String) -> Service) -> Result<Location> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if bucket.is_empty() || !bucket.chars().all(plain) {
        return Err(wrong(typed, "a bucket's name is of letters, digits, '-', '_' and '.'", "s3://BUCKET/KEY or gs://BUCKET/KEY"));
    }
    Location::of(service(bucket.to_owned()), decode(typed, key)?, typed)
}

fn web(typed: &str, scheme: &str, rest: &str) -> Result<Location> {
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err(wrong(typed, "a user name in the address", "the address without it, and a bearer token as the credential"));
    }
    let host = host.to_ascii_lowercase();
    if scheme == "https" && azure::is_azure_host(&host) {
        return azure::parse_web(typed, &host, path);
    }
    if scheme == "https" && host == "storage.googleapis.com" {
        return bucket(typed, path, |bucket| Service::Google { bucket });
    }
    if scheme == "https" && host.ends_with(".amazonaws.com") || host.ends_with(".r2.cloudflarestorage.com") {
        return s3_by_address(typed, &host, path);
    }
    Location::of(Service::Http { base: format!("{scheme}://{host}") }, decode(typed, path)?, typed)
}

fn s3_by_address(typed: &str, host: &str, path: &str) -> Result<Location> {
    let by_host = host.split_once(".s3.").filter(|_| host.ends_with(".amazonaws.com"));
    match by_host {
        Some((bucket, _)) => {
            let service = Service::S3 { bucket: bucket.to_owned(), address: Some(format!("https://{host}")) };
            Location::of(service, decode(typed, path)?, typed)
        }
        None => bucket(typed, path, |bucket| Service::S3 { address: Some(format!("https://{host}/{bucket}")), bucket }),
    }
}

#[cfg(test)]
mod tests;
