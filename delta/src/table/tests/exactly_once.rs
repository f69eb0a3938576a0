//! Epochs, lost answers, and writers that are in each other's way.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use deltalake::logstore::object_store::path::Path;
use deltalake::logstore::object_store::{
    CopyOptions, Error as Raw, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result as RawResult,
};
use futures::stream::BoxStream;

use super::*;

#[test]
fn an_epoch_is_committed_once_and_a_later_one_again() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let write = |table: &mut Table, number| table.write(&mut rows(&[number]), &WriteOptions::default(), &epoch(number)).unwrap();
    assert!(matches!(write(&mut table, 7), Outcome::Committed { .. }));
    assert_eq!(write(&mut fixture.open(), 7), Outcome::AlreadyCommitted { epoch: 7 });
    assert_eq!(write(&mut fixture.open(), 6), Outcome::AlreadyCommitted { epoch: 7 });
    assert!(matches!(write(&mut table, 8), Outcome::Committed { .. }));
    assert_eq!(ids(&fixture.open()), [1, 7, 8]);
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(8));
    assert_eq!(fixture.open().epoch("another").unwrap(), None);
}

#[test]
fn an_epoch_without_a_change_is_kept_too() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let outcome = table.delete(Some("id = 99"), &epoch(1)).unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(1));
    assert_eq!(
        table.merge(&mut rows(&[]), &Merge::delete_by_key(&["id".into()]), &epoch(1)).unwrap(),
        Outcome::AlreadyCommitted { epoch: 1 }
    );
    committed(table.merge(&mut rows(&[]), &Merge::delete_by_key(&["id".into()]), &epoch(2)).unwrap());
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(2));
}

/// How the answer to a commit gets lost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    /// It was carried out; the client says that it failed.
    Error,
    /// It was carried out; the client asked again and was told that it is there.
    ExistsAlready,
    /// It was not carried out.
    NotDone,
    /// It was carried out, and so late that the client found nothing when it looked.
    DoneLater,
}

/// A store that loses the answer to the commits whose turn it is.
#[derive(Debug)]
struct Lossy {
    inner: Arc<dyn ObjectStore>,
    loss: Loss,
    left: AtomicU32,
}

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lossy")
    }
}

#[async_trait]
impl ObjectStore for Lossy {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> RawResult<PutResult> {
        let is_commit = location.as_ref().contains("_delta_log") && location.as_ref().ends_with(".json");
        if !is_commit || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            return self.inner.put_opts(location, payload, options).await;
        }
        let failed = || Raw::Generic { store: "lossy", source: "timed out".into() };
        match self.loss {
            Loss::NotDone => return Err(failed()),
            Loss::DoneLater => {
                let (inner, location) = (Arc::clone(&self.inner), location.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
                    inner.put_opts(&location, payload, options).await
                });
                return Err(failed());
            }
            Loss::Error | Loss::ExistsAlready => self.inner.put_opts(location, payload, options).await?,
        };
        match self.loss {
            Loss::ExistsAlready => Err(Raw::AlreadyExists { path: location.to_string(), source: "412".into() }),
            _ => Err(failed()),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> RawResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> RawResult<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, RawResult<Path>>) -> BoxStream<'static, RawResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, RawResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> RawResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> RawResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn lossy(fixture: &Fixture, loss: Loss) -> Table {
    let mut opened = store::open(&fixture.location, &StoreOptions::default()).unwrap();
    opened.store = Arc::new(Lossy { inner: opened.store, loss, left: AtomicU32::new(1) });
    let mut table = Table::unloaded(opened);
    table.refresh().unwrap();
    table
}

#[test]
fn a_lost_answer_neither_loses_nor_doubles_rows() {
    for loss in [Loss::Error, Loss::ExistsAlready] {
        let (fixture, _) = Fixture::with_ids(&[1]);
        let outcome = lossy(&fixture, loss).write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap();
        assert_eq!(committed(outcome).rows_written, 1, "{loss:?}");
        let table = fixture.open();
        assert_eq!(ids(&table), [1, 2], "{loss:?}");
        // The same files in a second commit are the same rows to a reader, and new ones to whoever follows the changes.
        assert_eq!(table.version(), Some(1), "{loss:?}");
    }
}

#[test]
fn a_commit_that_was_not_made_is_an_error_without_an_epoch_and_made_again_with_one() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    let error = lossy(&fixture, Loss::NotDone).write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    assert_eq!(ids(&fixture.open()), [1]);
    committed(lossy(&fixture, Loss::NotDone).write(&mut rows(&[2]), &WriteOptions::default(), &epoch(1)).unwrap());
    assert_eq!(ids(&fixture.open()), [1, 2]);
}

#[test]
fn a_commit_that_comes_late_is_not_made_twice() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    lossy(&fixture, Loss::DoneLater).write(&mut rows(&[2]), &WriteOptions::default(), &epoch(1)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(ids(&fixture.open()), [1, 2]);
}

#[test]
fn writers_in_each_others_way_all_get_through() {
    let (fixture, _) = Fixture::with_ids(&[0]);
    std::thread::scope(|scope| {
        for writer in 1..=3 {
            let fixture = &fixture;
            scope.spawn(move || {
                let mut table = fixture.open();
                for round in 0..4 {
                    let id = writer * 100 + round;
                    committed(table.write(&mut rows(&[id]), &WriteOptions::default(), &CommitOptions::default()).unwrap());
                    let options = CommitOptions { max_attempts: 50, ..CommitOptions::default() };
                    let set = [("name".to_owned(), format!("'changed {id}'"))];
                    committed(table.update(&set, Some(&format!("id = {id}")), &options).unwrap());
                }
            });
        }
    });
    let table = fixture.open();
    assert_eq!(ids(&table).len(), 13);
    let changed = read(&table, &Scan { predicate: Some("name LIKE 'changed %'".into()), ..Scan::default() });
    assert_eq!(changed.num_rows(), 12);
}

/// An operation that another writer disturbs is run again from its source; a source that can be read once cannot, and says so.
#[test]
fn a_disturbed_merge_is_run_again_if_its_source_can_be() {
    struct Disturbing<'a> {
        fixture: &'a Fixture,
        opened: u32,
        can_open_again: bool,
    }
    impl Source for Disturbing<'_> {
        fn schema(&self) -> SchemaRef {
            batch(&[]).schema()
        }
        fn open(&mut self) -> Result<Box<dyn arrow::array::RecordBatchReader + '_>, arrow::error::ArrowError> {
            self.opened += 1;
            if self.opened == 1 {
                self.fixture.open().delete(Some("id = 1"), &CommitOptions::default()).unwrap();
            }
            Ok(Box::new(arrow::array::RecordBatchIterator::new(vec![Ok(batch(&[1, 2]))], batch(&[]).schema())))
        }
        fn can_open_again(&self) -> bool {
            self.can_open_again
        }
    }
    for can_open_again in [true, false] {
        let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
        let mut source = Disturbing { fixture: &fixture, opened: 0, can_open_again };
        let outcome = table.merge(&mut source, &Merge::upsert(&["id".into()]), &CommitOptions::default());
        match can_open_again {
            true => {
                let metrics = committed(outcome.unwrap());
                assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 1), "as the table is after the delete");
                assert_eq!(ids(&fixture.open()), [1, 2]);
            }
            false => {
                assert!(matches!(outcome, Err(Error::Conflict { attempts: 1, .. })), "{outcome:?}");
                assert_eq!(ids(&fixture.open()), [2]);
            }
        }
    }
}
