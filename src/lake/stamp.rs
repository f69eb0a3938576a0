//! Whether files are still what they were when a job looked at them first.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::object::is_url_path;
use super::source_error;
use super::store::RemoteFile;
use crate::error::{Error, Phase, Result};

/// What changes with every write to a file, and with every other file that takes its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    size_bytes: u64,
    modified: Option<SystemTime>,
    /// Of an object in a store.
    e_tag: Option<String>,
    /// Device, inode, and time of the last change of either content or attributes.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

/// Stamps of files, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileStamps(HashMap<Arc<Path>, Stamp>);

impl FileStamps {
    /// Takes them, before the files are read.
    ///
    /// # Errors
    /// [`Error::Source`] for a file that is gone; [`Error::Usage`] for a pipe or a device, whose bytes come only once.
    pub(crate) fn take<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Self> {
        paths.map(|path| Ok((path.into(), stamp(path)?))).collect::<Result<_>>().map(FileStamps)
    }

    /// Whether the file is what it was. What was read of it before this call then is what was there when the stamp was taken.
    ///
    /// # Errors
    /// [`Error::Source`] when it is not.
    pub(crate) fn check(&self, path: &Path) -> Result<()> {
        let Some(before) = self.0.get(path) else { return Ok(()) };
        if stamp(path)? == *before {
            return Ok(());
        }
        let message = "the file has been changed or replaced while the job was running";
        Err(source_error(Phase::Read, path, message, "run the job again when nothing writes to its files any more"))
    }

    /// As [`Self::check`], for all of them.
    pub(crate) fn check_all(&self) -> Result<()> {
        self.0.keys().try_for_each(|path| self.check(path))
    }
}

fn object_stamp(path: &Path) -> Result<Stamp> {
    let object = RemoteFile::open(path, Phase::Read)?;
    Ok(Stamp {
        size_bytes: object.size_bytes(),
        modified: None,
        e_tag: object.e_tag(),
        #[cfg(unix)]
        inode: Default::default(),
    })
}

fn stamp(path: &Path) -> Result<Stamp> {
    if is_url_path(path) {
        return object_stamp(path);
    }
    let unreadable =
        |error: io::Error| source_error(Phase::Read, path, error.to_string(), "check that the file is still there and readable");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let message = format!("--job remembers files by their content, and {} is none that can be read twice", path.display());
        return Err(Error::Usage { message, remedy: "copy it into a file, or leave out --job".into() });
    }
    Ok(Stamp {
        size_bytes: metadata.len(),
        modified: metadata.modified().ok(),
        e_tag: None,
        #[cfg(unix)]
        inode: {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_takes_the_place_of_another_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("f"), folder.path().join("g"));
        fs::write(&file, "same").unwrap();
        let stamps = FileStamps::take([file.as_path()].into_iter()).unwrap();
        stamps.check_all().unwrap();
        fs::read(&file).unwrap();
        stamps.check(&file).unwrap();
        fs::write(&other, "same").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(stamps.check(&file).unwrap_err().to_string().contains("changed or replaced"));
        fs::remove_file(&file).unwrap();
        assert!(stamps.check_all().is_err());
    }

    #[test]
    fn what_is_no_file_has_none() {
        assert!(matches!(FileStamps::take([Path::new("/dev/null")].into_iter()), Err(Error::Usage { .. })));
    }
}
