//! Where bytes go: a file beside its place, moved there when it is whole; an object of a store; or standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lake::store::{Prefix, Upload};

const BUFFER_BYTES: usize = 256 << 10;

/// A stream of bytes that counts them.
#[derive(Debug)]
pub(super) struct Output {
    to: To,
    written: Written,
}

/// How many bytes have gone through an output, for whoever has handed it on.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
enum To {
    File(BufWriter<File>),
    StandardOutput(BufWriter<Stdout>),
    Object(Box<Upload>),
}

impl Output {
    pub(super) fn file(file: File) -> Self {
        Output { to: To::File(BufWriter::with_capacity(BUFFER_BYTES, file)), written: Written::default() }
    }

    pub(super) fn standard_output() -> Self {
        Output { to: To::StandardOutput(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())), written: Written::default() }
    }

    pub(super) fn object(upload: Upload) -> Self {
        Output { to: To::Object(Box::new(upload)), written: Written::default() }
    }

    pub(super) fn written(&self) -> Written {
        self.written.clone()
    }

    /// Everything is on disk, or with whoever reads standard output, or under the object's name (over one that is there with `replace`): how many bytes.
    pub(super) fn finish(mut self, replace: bool) -> io::Result<u64> {
        self.flush()?;
        match self.to {
            To::File(file) => file.get_ref().sync_all()?,
            To::StandardOutput(_) => {}
            To::Object(upload) => upload.finish(replace)?,
        }
        Ok(self.written.bytes())
    }

    /// An object of a directory is whole, and gets its name with the others: how many bytes.
    pub(super) fn seal(mut self, prefix: &mut Prefix) -> io::Result<u64> {
        self.flush()?;
        if let To::Object(upload) = self.to {
            prefix.seal(*upload)?;
        }
        Ok(self.written.bytes())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.to {
            To::File(file) => file.write(bytes)?,
            To::StandardOutput(out) => out.write(bytes)?,
            To::Object(upload) => upload.write(bytes)?,
        };
        self.written.0.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.flush(),
            To::StandardOutput(out) => out.flush(),
            To::Object(upload) => upload.flush(),
        }
    }
}

/// A name beside the target; what is there is removed on drop, unless it has been moved.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    is_moved: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_moved {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Part {
    /// A new file beside `path`.
    pub(super) fn create(path: &Path) -> io::Result<(Part, File)> {
        const TRIES: u32 = 1000;
        let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this names no file"))?;
        let mut number = 0;
        loop {
            // Hidden, and without the ending: whoever reads the directory as a table does not see it.
            let part = path.with_file_name(format!(".{}.{}-{number}.part", name.to_string_lossy(), std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&part) {
                Ok(file) => return Ok((Part { path: part, is_moved: false }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < TRIES => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the file to its place; with `replace` over one that is there.
    pub(super) fn publish(mut self, path: &Path, replace: bool) -> io::Result<()> {
        move_into_place(&self.path, path, replace)?;
        self.is_moved = true;
        sync_directory(path);
        Ok(())
    }
}

fn move_into_place(part: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(part, path);
    }
    // A link fails when the name is taken, where a rename would replace what is there.
    match fs::hard_link(part, path) {
        Ok(()) => fs::remove_file(part),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // No links on this file system: the time between look and rename is the price.
        Err(_) if !path.exists() => fs::rename(part, path),
        Err(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
    }
}

/// The new name itself becomes durable; where a directory cannot be opened (Windows) the system does it by itself.
pub(super) fn sync_directory(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(directory) = File::open(parent) {
        let _ = directory.sync_all();
    }
}
