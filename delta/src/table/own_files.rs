//! Which files below a table's folder are its own: other tables may lie there, and files of anybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use deltalake::DeltaTable;
use deltalake::logstore::ObjectStoreRef;
use deltalake::logstore::object_store::{ObjectMeta, ObjectStore, Result as StoreResult, path::Path};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::{Table, unloaded_over};
use crate::error::Result;
use crate::store::layer::{Layer, Layered};
use crate::store::{Opened, store_error};

/// The folder of a table's log.
const LOG: &str = "_delta_log";
/// The folder of its change files.
const CHANGES: &str = "_change_data";
/// Letters of a folder by `delta.randomizeFilePrefixes`.
const RANDOM_PREFIX_LETTERS: usize = 2;

/// Files below a table's folder, by their paths from there.
#[derive(Debug, Default)]
pub(super) struct Below {
    pub files: Vec<ObjectMeta>,
    /// Folders of other tables, in order.
    pub nested: BTreeSet<String>,
    /// Bytes of the table's own path, with those of the slash behind it.
    root_bytes: usize,
    partition_columns: usize,
}

impl Below {
    fn new(files: Vec<ObjectMeta>, root: &Path, partition_columns: usize) -> Below {
        let root_bytes = if root.as_ref().is_empty() { 0 } else { root.as_ref().len() + 1 };
        let mut below = Below { files, nested: BTreeSet::new(), root_bytes, partition_columns };
        let found = below.files.iter().filter_map(|meta| table_above(below.path(&meta.location)));
        below.nested = found.filter(|folder| !folder.is_empty()).map(str::to_owned).collect();
        below
    }

    /// A path from the table's folder.
    pub fn path<'p>(&self, location: &'p Path) -> &'p str {
        location.as_ref().get(self.root_bytes..).unwrap_or_default()
    }

    fn is_nested(&self, path: &str) -> bool {
        path.match_indices('/').any(|(at, _)| self.nested.contains(&path[..at]))
    }

    /// Whether writers of this table give files such names: data files, deletion vectors, change files. The log is not meant.
    pub fn is_data(&self, path: &str) -> bool {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_vector = name.starts_with("deletion_vector_") && name.ends_with(".bin");
        if self.is_nested(path) || name.starts_with(['_', '.']) || !(name.ends_with(".parquet") || is_vector) {
            return false;
        }
        let mut folders: Vec<&str> = folders.split('/').filter(|folder| !folder.is_empty()).collect();
        if folders.first() == Some(&CHANGES) {
            folders.remove(0);
        }
        let is_random = |folder: &str| folder.len() == RANDOM_PREFIX_LETTERS && folder.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match folders[..] {
            [] => true,
            [folder] if is_random(folder) => is_vector || name.starts_with("part-") || name.starts_with("cdc-"),
            _ => folders.len() == self.partition_columns && folders.iter().all(|folder| folder.contains('=')),
        }
    }

    /// Whether it is of the table's own log.
    pub fn is_log(path: &str) -> bool {
        path.strip_prefix(LOG).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The folder of the table that the log of which a file is part of belongs to; empty for the table's own.
fn table_above(path: &str) -> Option<&str> {
    match Below::is_log(path) {
        true => Some(""),
        false => path.find("/_delta_log/").map(|at| &path[..at]),
    }
}

/// Shows of a table's folder what is its own, and its log.
struct OwnOnly {
    inner: ObjectStoreRef,
    below: Arc<Below>,
}

impl Layer for OwnOnly {
    fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let below = Arc::clone(&self.below);
        let is_own = move |meta: &ObjectMeta| {
            let path = below.path(&meta.location);
            below.is_data(path) || Below::is_log(path)
        };
        self.inner.list(prefix).try_filter(move |meta| std::future::ready(is_own(meta))).boxed()
    }
}

impl Table {
    /// Everything below the table's folder.
    pub(super) fn below(&self) -> Result<Below> {
        let Opened { store, path: root, location, .. } = &self.opened;
        let found: StoreResult<Vec<ObjectMeta>> = self.wait(async { store.list(Some(root)).try_collect().await })?;
        let found = found.map_err(|error| store_error("list", location, &error))?;
        Ok(Below::new(found, root, self.partition_columns()?.len()))
    }

    /// The version that is open, as one whose folder holds nothing but its own files.
    pub(super) fn with_own_files_only(&self, below: &Arc<Below>) -> DeltaTable {
        let inner = Arc::clone(&self.guard) as ObjectStoreRef;
        let mut table = unloaded_over(Arc::new(Layered(OwnOnly { inner, below: Arc::clone(below) })), &self.opened);
        table.state.clone_from(&self.inner.state);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(partition_columns: usize) -> Below {
        let nested = BTreeSet::from(["orders".to_owned(), "region=EU/old".to_owned(), "p=1".to_owned()]);
        Below { nested, partition_columns, ..Below::default() }
    }

    #[test]
    fn files_are_the_tables_own_by_name_and_folder() {
        for own in [
            "a.parquet",
            "part-00000-x.c000.snappy.parquet",
            "region=EU/b.parquet",
            "deletion_vector_f0.bin",
            "Zq/deletion_vector_f0.bin",
            "Zq/part-0.parquet",
            "_change_data/cdc-1.parquet",
            "_change_data/region=EU/cdc-1.parquet",
        ] {
            assert!(below(1).is_data(own), "{own}");
        }
        for other in [
            "README.txt",
            "a.csv",
            "weights.bin",
            "orders/a.parquet",
            "orders/deep/a.parquet",
            "p=1/a.parquet",
            "region=EU/old/a.parquet",
            "region=EU/day=1/a.parquet",
            "data/a.parquet",
            "EU/report.parquet",
            "_delta_log/00000000000000000001.checkpoint.parquet",
            "orders/_delta_log/00000000000000000001.checkpoint.parquet",
            "_SUCCESS",
            ".hidden.parquet",
        ] {
            assert!(!below(1).is_data(other), "{other}");
        }
        assert!(!below(0).is_data("region=EU/b.parquet"), "a table without partitions has no such folder");
    }

    #[test]
    fn the_log_of_a_table_names_its_folder() {
        assert_eq!(table_above("_delta_log/0.json"), Some(""));
        assert_eq!(table_above("a/b/_delta_log/_sidecars/x.parquet"), Some("a/b"));
        assert_eq!(table_above("a/_delta_log_old/0.json"), None);
    }
}
