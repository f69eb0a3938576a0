//! The store of one table, watched: what became of the newest commit is known, also when its answer was lost, and the data files of a write that
//! failed are known, so that they can be removed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use deltalake::logstore::object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult, Result, path::Path,
};
use futures::StreamExt;
use serde_json::Value;

use crate::store::layer::{Layer, Layered};

/// A commit that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    location: Path,
    payload: PutPayload,
}

impl Sent {
    /// The version that it makes.
    pub fn version(&self) -> u64 {
        self.location.filename().and_then(|name| name.strip_suffix(".json")).and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// What it says of itself.
    pub fn info(&self) -> BTreeMap<String, Value> {
        info_of(&Bytes::from(self.payload.clone()))
    }
}

/// The commit info of a commit: one JSON action a line. Empty where it has none.
pub(crate) fn info_of(commit: &[u8]) -> BTreeMap<String, Value> {
    let actions = serde_json::Deserializer::from_slice(commit).into_iter::<BTreeMap<String, Value>>().map_while(Result::ok);
    let infos = actions.filter_map(|mut action| action.remove("commitInfo"));
    infos.filter_map(|info| serde_json::from_value(info).ok()).next().unwrap_or_default()
}

/// What has become of the newest commit.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// None was sent, or it was refused: nothing of it is in the table, and nothing will be.
    NotMade,
    /// It is in the table.
    Made(Sent),
    /// Nobody knows: its answer was lost, or could not be checked.
    Unknown(Sent),
}

/// What is found where a commit was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// That commit.
    Ours,
    /// Another one: ours was not made, for it was to be made only where there is none.
    Another,
    /// No commit, yet.
    Nothing,
    /// No answer.
    NotKnown,
}

/// Wraps the store at its root; paths begin there.
pub(crate) struct Guard {
    inner: Arc<dyn ObjectStore>,
    /// `TABLE/_delta_log`.
    log: Path,
    written: Mutex<Vec<Path>>,
    fate: Mutex<Fate>,
}

/// The guard as a store.
pub(crate) type Guarded = Layered<Guard>;

impl Guard {
    pub fn new(inner: Arc<dyn ObjectStore>, table: &Path) -> Guard {
        Guard { inner, log: table.clone().join("_delta_log"), written: Mutex::default(), fate: Mutex::new(Fate::NotMade) }
    }

    fn is_commit(&self, location: &Path) -> bool {
        location.prefix_matches(&self.log) && location.filename().is_some_and(|name| name.ends_with(".json"))
    }

    /// Forgets what was noted so far: another operation begins.
    pub fn begin(&self) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = Fate::NotMade;
    }

    /// What has become of the newest commit since the operation began.
    pub fn fate(&self) -> Fate {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest commit was not made after all: another one is in its place.
    pub fn refused(&self) {
        self.settle(Fate::NotMade);
    }

    fn settle(&self, fate: Fate) {
        if matches!(fate, Fate::Made(_)) {
            self.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }

    /// Removes the data files noted so far, unless a commit names them, or may. What cannot be removed is an orphan, which `care` finds later.
    pub async fn remove_written(&self) {
        if !matches!(self.fate(), Fate::NotMade) {
            return;
        }
        let files = std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner));
        let files = futures::stream::iter(files.into_iter().map(Ok)).boxed();
        self.inner.delete_stream(files).for_each(|_| std::future::ready(())).await;
    }

    /// Whether the commit at its place is this very one. A retried request whose first answer was lost finds its own commit there and is told
    /// "exists already"; taken at its word, deltalake would commit the same files as the next version too, and whoever follows the changes of
    /// the table would get the rows twice.
    pub async fn look(&self, sent: &Sent) -> Found {
        let found = match self.inner.get(&sent.location).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) if found == Bytes::from(sent.payload.clone()) => Found::Ours,
            Ok(_) => Found::Another,
            Err(Error::NotFound { .. }) => Found::Nothing,
            Err(_) => Found::NotKnown,
        }
    }

    /// Sends a commit, and finds out what became of it.
    async fn put_commit(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let sent = Sent { location: location.clone(), payload: payload.clone() };
        // Until there is an answer.
        self.settle(Fate::Unknown(sent.clone()));
        let error = match self.inner.put_opts(location, payload, options).await {
            Ok(answer) => {
                self.settle(Fate::Made(sent));
                return Ok(answer);
            }
            Err(error) => error,
        };
        if matches!(error, Error::NotSupported { .. } | Error::NotImplemented { .. }) {
            self.settle(Fate::NotMade);
            return Err(error);
        }
        let found = self.look(&sent).await;
        let refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::NotFound { .. });
        match found {
            Found::Ours => {
                self.settle(Fate::Made(sent));
                Ok(PutResult { e_tag: None, version: None })
            }
            Found::Another => {
                self.settle(Fate::NotMade);
                Err(Error::AlreadyExists { path: location.to_string(), source: Box::new(error) })
            }
            Found::Nothing if refused => {
                self.settle(Fate::NotMade);
                Err(error)
            }
            // "Exists already" is no answer as long as it may be our own commit: deltalake would make it once more.
            Found::Nothing | Found::NotKnown => Err(match error {
                error @ Error::AlreadyExists { .. } => Error::Generic { store: "commit", source: Box::new(error) },
                error => error,
            }),
        }
    }
}

#[async_trait]
impl Layer for Guard {
    fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn writes(&self, location: &Path) {
        if !location.prefix_matches(&self.log) {
            self.written.lock().unwrap_or_else(PoisonError::into_inner).push(location.clone());
        }
    }

    async fn put(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if options.mode == PutMode::Create && self.is_commit(location) {
            return self.put_commit(location, payload, options).await;
        }
        self.writes(location);
        self.inner.put_opts(location, payload, options).await
    }
}
