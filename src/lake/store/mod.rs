//! Object stores by URL: objects that are read in blocks, lists in the place of directories, and uploads that are there when they are whole.

mod listing;
mod prefix;
mod remote_file;
#[cfg(test)]
mod tests;
mod upload;

use std::path::Path;

use futures::TryStreamExt;
use olbridge_delta::object_store::{self, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use olbridge_delta::store::{self, Opened, store_error};
use olbridge_delta::{Location, Service, StoreOptions, runtime};

use super::source_error;
use crate::error::{Error, Phase, Result};

pub(super) use listing::discover;
pub(super) use prefix::Prefix;
pub(super) use remote_file::RemoteFile;
pub(super) use upload::Upload;

/// Opens the store of a URL.
fn open(url: &str, phase: Phase) -> Result<Opened> {
    let location = location(url)?;
    store::open(&location, &StoreOptions::default()).map_err(|error| refused(phase, url, &error))
}

fn location(url: &str) -> Result<Location> {
    url.parse::<Location>().map_err(|error| {
        let (message, remedy) = parts(&error.to_string());
        Error::Usage { message, remedy }
    })
}

/// Whether a URL names a place, and has no secret in it.
///
/// # Errors
/// [`Error::Usage`].
pub(super) fn check_url(url: &str) -> Result<()> {
    location(url).map(drop)
}

/// One text for each place, however it was written.
pub(super) fn canonical(url: &str) -> String {
    location(url).map_or_else(|_| url.to_owned(), |location| location.url().to_string())
}

/// An error's message and remedy.
fn parts(text: &str) -> (String, String) {
    let (message, remedy) = text.split_once("\n  try: ").unwrap_or((text, "a look at the URL and the credential"));
    (message.to_owned(), remedy.to_owned())
}

fn refused(phase: Phase, url: &str, error: &olbridge_delta::Error) -> Error {
    let (message, remedy) = parts(&error.to_string());
    // The error names the place, too.
    let message = message.strip_prefix(&format!("{url}: ")).map_or(message.clone(), str::to_owned);
    source_error(phase, Path::new(url), message, remedy)
}

/// What is being done, for messages.
type Doing = (Phase, &'static str);

/// Waits for a call of a store.
fn wait<T: Send>(opened: &Opened, (phase, action): Doing, call: impl Future<Output = object_store::Result<T>> + Send) -> Result<T> {
    let url = opened.location.to_string();
    let done = runtime::block_on(call).map_err(|error| source_error(phase, Path::new(&url), error.to_string(), "run the job again"))?;
    done.map_err(|error| refused(phase, &url, &store_error(action, &opened.location, &error)))
}

/// What is known of an object; `None` where there is none.
fn head(opened: &Opened, phase: Phase) -> Result<Option<ObjectMeta>> {
    if opened.path.as_ref().is_empty() {
        return Ok(None);
    }
    let head = async {
        match opened.store.head(&opened.path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        }
    };
    wait(opened, (phase, "look at"), head)
}

/// Everything below a place, by name.
fn list(opened: &Opened, phase: Phase) -> Result<Vec<ObjectMeta>> {
    let prefix = (!opened.path.as_ref().is_empty()).then_some(&opened.path);
    let mut objects = wait(opened, (phase, "list"), async { opened.store.list(prefix).try_collect::<Vec<ObjectMeta>>().await })?;
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// Whether there is anything below a place.
fn has_objects_below(opened: &Opened, phase: Phase) -> Result<bool> {
    let first = async { opened.store.list(Some(&opened.path)).try_next().await };
    Ok(wait(opened, (phase, "list"), first)?.is_some())
}

/// Whether an object has this name, or, for a directory, anything lies below it.
pub(super) fn is_taken(url: &str, is_directory: bool) -> Result<bool> {
    let opened = open(url, Phase::Plan)?;
    refuse_web_server(&opened, url)?;
    match is_directory {
        true => has_objects_below(&opened, Phase::Plan),
        false => Ok(head(&opened, Phase::Plan)?.is_some()),
    }
}

/// Web servers have no way to write an object so that it is there as a whole.
fn refuse_web_server(opened: &Opened, url: &str) -> Result<()> {
    match opened.location.service() {
        Service::Http { .. } => {
            let remedy = "s3://, gs://, abfss://, az:// or onelake://";
            Err(source_error(Phase::Write, Path::new(url), "web servers are read, not written", remedy))
        }
        _ => Ok(()),
    }
}
