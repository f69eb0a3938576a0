//! The bytes of a source: a file, or standard input, which can be read only once unless it is kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::discover::FoundFile;
use super::object::SourceFile;
use super::source_error;
use crate::error::{Error, Phase, Result};

/// How the command line names standard input and standard output.
pub const STANDARD_STREAM: &str = "-";

const BUFFER_BYTES: usize = 256 << 10;

/// A stream of bytes that can be looked into before it is read.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// The file, or `-`.
    pub path: Arc<Path>,
    /// Size on disk; 0 for standard input.
    pub size_bytes: u64,
    /// Values of the partition columns.
    pub partitions: Vec<Option<String>>,
    stdin: Option<Arc<Mutex<Stdin>>>,
}

/// Standard input, and what has been read of it.
#[derive(Debug)]
enum Stdin {
    /// Read only as far as it was looked into: these bytes come again.
    Open(Vec<u8>),
    /// Kept in a file.
    Kept(Spool),
    /// It has been read.
    Taken,
}

/// A file of ours, which goes with the job.
#[derive(Debug)]
struct Spool(PathBuf);

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Input {
    pub(super) fn file(found: &FoundFile) -> Self {
        let partitions = found.partitions.iter().map(|(_, value)| value.clone()).collect();
        Input { path: found.path.clone(), size_bytes: found.size_bytes, partitions, stdin: None }
    }

    pub(super) fn stdin() -> Self {
        let stdin = Some(Arc::new(Mutex::new(Stdin::Open(Vec::new()))));
        Input { path: Path::new(STANDARD_STREAM).into(), size_bytes: 0, partitions: Vec::new(), stdin }
    }

    pub(super) fn is_stdin(&self) -> bool {
        self.stdin.is_some()
    }

    /// Reads from the begin. Standard input comes once, unless [`Self::keep`] was called.
    pub(super) fn open(&self, phase: Phase) -> Result<Box<dyn BufRead + Send>> {
        let Some(stdin) = &self.stdin else {
            return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, self.open_file(phase)?)));
        };
        let mut stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *stdin, Stdin::Taken) {
            Stdin::Open(seen) => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, Cursor::new(seen).chain(io::stdin())))),
            Stdin::Kept(spool) => {
                let file = File::open(&spool.0).map_err(|error| self.error(phase, &error));
                *stdin = Stdin::Kept(spool);
                Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file?)))
            }
            Stdin::Taken => Err(source_error(phase, &self.path, "standard input has been read already", "name a file")),
        }
    }

    /// For formats that begin at their end.
    pub(super) fn open_file(&self, phase: Phase) -> Result<SourceFile> {
        SourceFile::open(&self.path, phase)
    }

    /// Reads from the begin as far as `look` needs; what it has read comes again.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&mut dyn BufRead) -> Result<T>) -> Result<T> {
        let Some(stdin) = &self.stdin else {
            return look(&mut *self.open(Phase::Describe)?);
        };
        let mut stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *stdin, Stdin::Taken) {
            Stdin::Open(seen) => {
                let mut tee = BufReader::new(Tee { inner: Cursor::new(seen).chain(io::stdin()), seen: Vec::new() });
                let found = look(&mut tee);
                let tee = tee.into_inner();
                let (earlier, mut again) = (tee.inner.into_inner().0, tee.seen);
                // Looked into twice, and less far the second time.
                again.extend_from_slice(&earlier.get_ref()[earlier.position() as usize..]);
                *stdin = Stdin::Open(again);
                found
            }
            kept => {
                *stdin = kept;
                drop(stdin);
                look(&mut *self.open(Phase::Describe)?)
            }
        }
    }

    /// Makes standard input readable more than once: the rest of it goes into a file, which is removed at the end.
    ///
    /// # Errors
    /// [`Error::Source`] when there is no room for it.
    pub(super) fn keep(&self, proceed: &dyn Fn() -> Result<()>) -> Result<()> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        let mut stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let Stdin::Open(seen) = &mut *stdin else { return Ok(()) };
        let (spool, mut file) = create_spool().map_err(|error| self.spool_error(&error))?;
        let mut input = Cursor::new(std::mem::take(seen)).chain(io::stdin());
        let mut block = vec![0; BUFFER_BYTES];
        loop {
            proceed()?;
            let length = input.read(&mut block).map_err(|error| self.error(Phase::Read, &error))?;
            if length == 0 {
                break;
            }
            io::Write::write_all(&mut file, &block[..length]).map_err(|error| self.spool_error(&error))?;
        }
        file.rewind().map_err(|error| self.spool_error(&error))?;
        *stdin = Stdin::Kept(spool);
        Ok(())
    }

    fn error(&self, phase: Phase, error: &io::Error) -> Error {
        source_error(phase, &self.path, error.to_string(), "check that the file is still there and readable")
    }

    fn spool_error(&self, error: &io::Error) -> Error {
        let message =
            format!("standard input is read twice for a new table, and could not be kept in {}: {error}", spool_folder().display());
        source_error(Phase::Read, &self.path, message, "set TMPDIR to a folder with room, or create the table first")
    }
}

/// Readable by its owner alone: it holds the rows of a table.
fn create_spool() -> io::Result<(Spool, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 0;
    loop {
        let path = spool_folder().join(format!("olbridge-stdin-{}-{number}", std::process::id()));
        match options.open(&path) {
            Ok(file) => return Ok((Spool(path), file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn spool_folder() -> PathBuf {
    std::env::temp_dir()
}

/// Keeps a copy of what goes through.
struct Tee<R> {
    inner: R,
    seen: Vec<u8>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.seen.extend_from_slice(&out[..length]);
        Ok(length)
    }
}

/// Counts what is taken from a reader.
pub(super) struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> Self {
        Counted { inner, bytes: 0 }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.bytes += length as u64;
        self.inner.consume(length);
    }
}
