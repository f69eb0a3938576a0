//! Where the files of a directory are until they are whole: a hidden directory beside the target, which takes the target's name then; or objects of a
//! store, which get their names then.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::encoder::write_error;
use super::output::{Output, sync_directory};
use crate::error::{Phase, Result};
use crate::lake::format::Format;
use crate::lake::object::is_url_path;
use crate::lake::source_error;
use crate::lake::store::Prefix;

/// Files that are open at once; beyond it the one that has not been written to for longest is finished, and its partition gets another file if more rows come.
const MOST_OPEN_FILES: usize = 64;
/// The same for objects, each of which keeps a part of itself in memory.
const MOST_OPEN_OBJECTS: usize = 16;

/// Dropped before [`Self::publish`] it leaves nothing.
#[derive(Debug)]
pub(super) struct Place {
    target: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Local(WorkDirectory),
    Store(Box<Prefix>),
}

impl Place {
    pub(super) fn create(target: &Path) -> Result<Self> {
        let kind = match is_url_path(target) {
            true => Kind::Store(Box::new(Prefix::begin(&target.to_string_lossy())?)),
            false => Kind::Local(WorkDirectory::create(target).map_err(|error| write_error(target, &error))?),
        };
        Ok(Place { target: target.to_owned(), kind })
    }

    pub(super) fn most_open_files(&self) -> usize {
        match self.kind {
            Kind::Local(_) => MOST_OPEN_FILES,
            Kind::Store(_) => MOST_OPEN_OBJECTS,
        }
    }

    /// A new file, by its name within the target.
    pub(super) fn open(&self, name: &str) -> Result<Output> {
        match &self.kind {
            Kind::Local(work) => work.open(name).map(Output::file).map_err(|error| write_error(&self.target, &error)),
            Kind::Store(prefix) => prefix.open(name).map(Output::object),
        }
    }

    /// A file that was opened and dropped is not to be.
    pub(super) fn discard(&self, name: &str) -> Result<()> {
        match &self.kind {
            Kind::Local(work) => fs::remove_file(work.path.join(name)).map_err(|error| write_error(&self.target, &error)),
            Kind::Store(_) => Ok(()),
        }
    }

    /// A file is whole: its bytes.
    pub(super) fn close(&mut self, name: &str, output: Output) -> Result<u64> {
        let closed = match &mut self.kind {
            Kind::Local(work) => output.finish(true).inspect(|_| sync_directory(&work.path.join(name))),
            Kind::Store(prefix) => output.seal(prefix),
        };
        closed.map_err(|error| write_error(&self.target, &error))
    }

    /// Gives the directory its name; with `replace` in the place of one that is there.
    pub(super) fn publish(&mut self, replace: bool) -> Result<()> {
        match &mut self.kind {
            Kind::Local(work) => {
                if replace {
                    refuse_strangers(&self.target, &self.target)?;
                }
                work.publish(&self.target, replace).map_err(|error| write_error(&self.target, &error))
            }
            Kind::Store(prefix) => prefix.publish(),
        }
    }
}

/// Whether a directory has no entry that this user can see.
pub(super) fn is_empty_directory(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// Before a directory is replaced: everything in it is a data file, a marker such as `_SUCCESS`, or a partition.
fn refuse_strangers(target: &Path, directory: &Path) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| write_error(target, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| write_error(target, &error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|error| write_error(target, &error))?;
        let belongs = match kind.is_dir() {
            true => name.contains('=') && refuse_strangers(target, &path).map(|()| true)?,
            false => kind.is_file() && (name.starts_with(['_', '.']) || Format::of_path(&path).is_some()),
        };
        if !belongs {
            let message = format!("the directory holds {}, which no copy has written: it is not replaced", path.display());
            return Err(source_error(Phase::Plan, target, message, "name a directory of its own, or empty it yourself"));
        }
    }
    Ok(())
}

/// The hidden directory; removed on drop unless it has been moved.
#[derive(Debug)]
pub(super) struct WorkDirectory {
    path: PathBuf,
    is_moved: bool,
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if !self.is_moved {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl WorkDirectory {
    fn create(target: &Path) -> io::Result<Self> {
        const TRIES: u32 = 1000;
        let mut number = 0;
        loop {
            let path = beside(target, &format!("{number}.part"))?;
            match fs::create_dir(&path) {
                Ok(()) => return Ok(WorkDirectory { path, is_moved: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
        File::create_new(path)
    }

    fn publish(&mut self, target: &Path, replace: bool) -> io::Result<()> {
        let old = beside(target, "old")?;
        let has_old = replace && target.exists() && !is_empty_directory(target);
        if has_old {
            // Two renames: between them the name is not there, for as long as a rename takes.
            fs::rename(target, &old)?;
        } else if target.exists() && !is_empty_directory(target) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if let Err(error) = fs::rename(&self.path, target) {
            if has_old {
                fs::rename(&old, target)?;
            }
            return Err(error);
        }
        self.is_moved = true;
        sync_directory(target);
        if has_old {
            // The new table is there; what is left of the old one is hidden, and its name says what it is.
            let _ = fs::remove_dir_all(&old);
        }
        Ok(())
    }
}

fn beside(target: &Path, ending: &str) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this names no directory"))?;
    Ok(target.with_file_name(format!(".{}.{}-{ending}", name.to_string_lossy(), std::process::id())))
}
