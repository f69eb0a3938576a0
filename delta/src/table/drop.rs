//! Dropping a table: every file below its folder goes, the log last, so that what is left by a broken drop is still seen as a table.

use deltalake::logstore::object_store::{ObjectMeta, ObjectStore, path::Path};
use futures::{StreamExt, TryStreamExt};

use super::Table;
use super::own_files::Below;
use crate::error::Result;
use crate::store::{Opened, store_error};

/// What a drop removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    /// Files, in the order in which they go; below the table's folder.
    pub files: Vec<String>,
    /// Their size together.
    pub bytes: u64,
    /// How many of them do not bear the name of a file of the table: they lie in its folder, and go with it.
    pub foreign_files: usize,
}

fn others(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

impl Table {
    /// Removes the table with all its versions and everything else in its folder, or with `dry_run` says what would go.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`]; [`crate::Error::Invalid`] for the root of a store, and where another table lies below the folder; what the store fails with: the same again then goes on.
    pub fn drop_table(&mut self, dry_run: bool) -> Result<Dropped> {
        self.refresh()?;
        self.state()?;
        if self.opened.path.as_ref().is_empty() {
            return Err(self.invalid("drop", "it fills its whole store", "removing the bucket or container itself"));
        }
        let Opened { store, path: root, location, .. } = self.opened.clone();
        let below = self.below()?;
        if let Some(nested) = below.nested.first() {
            let message = format!("another Delta table lies below it, in {nested}{}", others(below.nested.len() - 1));
            let remedy = format!("olbridge delta drop {}/{nested} first, or move it elsewhere", location.to_string().trim_end_matches('/'));
            return Err(self.invalid("drop", &message, &remedy));
        }
        let foreign_files =
            below.files.iter().map(|meta| below.path(&meta.location)).filter(|path| !below.is_data(path) && !Below::is_log(path));
        let foreign_files = foreign_files.count();
        let log = root.join("_delta_log");
        let (mut last, mut files): (Vec<ObjectMeta>, Vec<ObjectMeta>) =
            below.files.iter().cloned().partition(|meta| meta.location.prefix_matches(&log));
        // The newest commits last: without the oldest a table cannot be opened by version, without the newest it cannot be seen.
        last.sort_by(|a, b| a.location.cmp(&b.location));
        files.append(&mut last);
        let bytes = files.iter().map(|meta| meta.size).sum();
        let dropped = Dropped { files: files.iter().map(|meta| below.path(&meta.location).to_owned()).collect(), bytes, foreign_files };
        if !dry_run {
            let split = files.len() - files.iter().rev().take_while(|meta| meta.location.prefix_matches(&log)).count();
            for part in [&files[..split], &files[split..]] {
                let paths: Vec<Path> = part.iter().map(|meta| meta.location.clone()).collect();
                let stream = futures::stream::iter(paths.into_iter().map(Ok)).boxed();
                let removed: Result<Vec<Path>, _> = self.wait(async { store.delete_stream(stream).try_collect().await })?;
                removed.map_err(|error| store_error("delete", &location, &error))?;
            }
            self.remove_empty_folders();
            *self = Table::unloaded(self.opened.clone());
        }
        Ok(dropped)
    }

    /// A local folder stays when its files are gone; it is no table, but a name that `create` finds taken by nothing.
    fn remove_empty_folders(&self) {
        fn remove(folder: &std::path::Path) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    remove(&entry.path());
                }
            }
            let _ = std::fs::remove_dir(folder);
        }
        if let Some(folder) = self.location().local_path() {
            remove(&folder);
        }
    }
}
