//! A store that loses answers, and one where others are always faster.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use deltalake::logstore::object_store::path::Path;
use deltalake::logstore::object_store::{
    CopyOptions, Error as Raw, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as RawResult,
};
use futures::StreamExt;
use futures::stream::BoxStream;

use super::*;

/// What happens to the answer to a commit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Loss {
    /// It was carried out; the client says that it failed.
    Error,
    /// It was carried out; the client asked again and was told that it is there.
    ExistsAlready,
    /// The same, and the first look at what is there fails.
    ExistsUnseen,
    /// It was not carried out.
    NotDone,
    /// It was not carried out, and the store says so.
    Denied,
    /// It was carried out, and so late that the client found nothing when it looked.
    DoneLater,
    /// It was carried out, and from then on the store does not answer.
    Away,
    /// None is lost; another writer's commit, which counts 41 rows, comes at once after it.
    Followed,
}

/// A store that loses the answer to one commit.
#[derive(Debug)]
pub(super) struct Lossy {
    inner: Arc<dyn ObjectStore>,
    loss: Loss,
    /// Commits until the one that it happens to.
    before: AtomicU32,
    failing_gets: AtomicU32,
    /// Does not answer.
    pub away: AtomicBool,
}

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lossy")
    }
}

fn failed() -> Raw {
    Raw::Generic { store: "lossy", source: "timed out".into() }
}

/// Takes one away; whether there was one.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Lossy {
    fn answer(&self) -> RawResult<()> {
        if self.away.load(Ordering::SeqCst) { Err(failed()) } else { Ok(()) }
    }

    async fn followed(&self, location: &Path) -> RawResult<()> {
        let number: u64 = location.filename().unwrap().strip_suffix(".json").unwrap().parse().unwrap();
        let next = Path::from(format!("{}/{:020}.json", location.as_ref().rsplit_once('/').unwrap().0, number + 1));
        let info = r#"{"commitInfo":{"operation":"WRITE","operationMetrics":{"num_added_rows":41,"num_target_rows_inserted":41}}}"#;
        self.inner.put(&next, info.into()).await.map(|_| ())
    }
}

#[async_trait]
impl ObjectStore for Lossy {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> RawResult<PutResult> {
        self.answer()?;
        let is_commit = location.as_ref().contains("_delta_log") && location.as_ref().ends_with(".json");
        if !is_commit || self.before.fetch_sub(1, Ordering::SeqCst) != 0 {
            return self.inner.put_opts(location, payload, options).await;
        }
        match self.loss {
            Loss::NotDone => return Err(failed()),
            Loss::Denied => return Err(Raw::PermissionDenied { path: location.to_string(), source: "403".into() }),
            Loss::DoneLater => {
                let (inner, location) = (Arc::clone(&self.inner), location.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
                    inner.put_opts(&location, payload, options).await
                });
                return Err(failed());
            }
            _ => {}
        }
        let answer = self.inner.put_opts(location, payload, options).await?;
        match self.loss {
            Loss::ExistsAlready => Err(Raw::AlreadyExists { path: location.to_string(), source: "412".into() }),
            Loss::ExistsUnseen => {
                self.failing_gets.store(1, Ordering::SeqCst);
                Err(Raw::AlreadyExists { path: location.to_string(), source: "412".into() })
            }
            Loss::Followed => self.followed(location).await.map(|()| answer),
            Loss::Away => {
                self.away.store(true, Ordering::SeqCst);
                Err(failed())
            }
            _ => Err(failed()),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> RawResult<Box<dyn MultipartUpload>> {
        self.answer()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> RawResult<GetResult> {
        self.answer()?;
        if take(&self.failing_gets) {
            return Err(failed());
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, RawResult<Path>>) -> BoxStream<'static, RawResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, RawResult<ObjectMeta>> {
        match self.answer() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> RawResult<ListResult> {
        self.answer()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> RawResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// The table over a store that loses the answer to the first commit, and that store.
pub(super) fn lossy_store(fixture: &Fixture, loss: Loss, commits_before: u32) -> (Table, Arc<Lossy>) {
    let mut opened = store::open(&fixture.location, &StoreOptions::default()).unwrap();
    let store = Arc::new(Lossy {
        inner: opened.store,
        loss,
        before: AtomicU32::new(commits_before),
        failing_gets: AtomicU32::new(0),
        away: AtomicBool::new(false),
    });
    opened.store = Arc::clone(&store) as Arc<dyn ObjectStore>;
    let mut table = Table::unloaded(opened);
    table.refresh().unwrap();
    (table, store)
}

/// The table alone.
pub(super) fn lossy(fixture: &Fixture, loss: Loss) -> Table {
    lossy_store(fixture, loss, 0).0
}

/// Rows during whose first reading another writer is at work.
pub(super) struct Disturbed<'a> {
    pub rows: Batches,
    pub other: Option<Box<dyn FnOnce() + 'a>>,
    pub can_open_again: bool,
}

impl<'a> Disturbed<'a> {
    pub fn new(rows: Batches, other: impl FnOnce() + 'a) -> Disturbed<'a> {
        Disturbed { rows, other: Some(Box::new(other)), can_open_again: true }
    }
}

impl Source for Disturbed<'_> {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn open(&mut self) -> Result<Box<dyn arrow::array::RecordBatchReader + '_>, arrow::error::ArrowError> {
        if let Some(other) = self.other.take() {
            other();
        }
        self.rows.open()
    }

    fn can_open_again(&self) -> bool {
        self.can_open_again
    }
}
