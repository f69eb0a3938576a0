//! The bytes of a source, read from anywhere in them: a file, or an object of a store by URL.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::source_error;
use super::store::{self, RemoteFile};
use crate::error::{Phase, Result};
use crate::percent::decode as percent_decode;

/// Whether a source or a target is named by the URL of an object store or of a web server, rather than by a path. `file://` is a path.
pub fn is_url(name: &str) -> bool {
    let scheme = name.split_once("://").map_or("", |(scheme, _)| scheme);
    // One letter is a drive, and not all that stands before a colon is a scheme.
    scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !scheme.eq_ignore_ascii_case("file")
}

/// The same for a path that may be the text of a URL.
pub fn is_url_path(path: &Path) -> bool {
    path.to_str().is_some_and(is_url)
}

/// What a file is called for this library: a path as it is (that of a `file://` URL decoded), a URL as it is.
///
/// # Errors
/// [`crate::Error::Usage`] for a URL that names no place, that has a secret in it (which the message does not repeat), or in a build without stores.
pub fn named(name: &str) -> Result<PathBuf> {
    if is_url(name) {
        store::check_url(name)?;
        return Ok(PathBuf::from(name));
    }
    match name.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            Ok(PathBuf::from(percent_decode(rest.strip_prefix("localhost").unwrap_or(rest))))
        }
        _ => Ok(PathBuf::from(name)),
    }
}

/// An open file or object; clones are the same one, also when another has taken its name meanwhile.
#[derive(Debug, Clone)]
pub(super) enum SourceFile {
    Local(Arc<File>),
    Remote(RemoteFile),
}

impl SourceFile {
    /// Opens a file or an object.
    ///
    /// # Errors
    /// [`crate::Error::Source`].
    pub(super) fn open(path: &Path, phase: Phase) -> Result<Self> {
        if is_url_path(path) {
            return RemoteFile::open(path, phase).map(SourceFile::Remote);
        }
        let unreadable = |error: io::Error| source_error(phase, path, error.to_string(), "check that the file is still there and readable");
        File::open(path).map(|file| SourceFile::Local(Arc::new(file))).map_err(unreadable)
    }
}

impl Read for SourceFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            SourceFile::Local(file) => (&mut &**file).read(out),
            SourceFile::Remote(file) => file.read(out),
        }
    }
}

impl Seek for SourceFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            SourceFile::Local(file) => (&mut &**file).seek(to),
            SourceFile::Remote(file) => file.seek(to),
        }
    }
}

impl Length for SourceFile {
    fn len(&self) -> u64 {
        match self {
            SourceFile::Local(file) => Length::len(&**file),
            SourceFile::Remote(file) => file.size_bytes(),
        }
    }
}

impl ChunkReader for SourceFile {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        match self {
            SourceFile::Local(file) => Ok(Box::new(file.get_read(start)?)),
            SourceFile::Remote(file) => Ok(Box::new(file.at(start))),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            SourceFile::Local(file) => file.get_bytes(start, length),
            SourceFile::Remote(file) => Ok(file.range(start, length)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_stores_are_told_from_paths() {
        for url in ["s3://b/k", "S3://b", "https://h/a", "abfss://c@a/k", "ftp://h/a", "hdfs://n/a"] {
            assert!(is_url(url), "{url}");
        }
        for path in ["a.parquet", "/a/b", "c://x", "file:///a", "a b://c", "://x", "data/s3:/x"] {
            assert!(!is_url(path), "{path}");
        }
        assert_eq!(named("file:///tmp/a%20b.parquet").unwrap(), Path::new("/tmp/a b.parquet"));
        assert_eq!(named("FILE://localhost/tmp/a").unwrap(), Path::new("/tmp/a"));
        assert_eq!(named("a%20b").unwrap(), Path::new("a%20b"));
    }

    #[test]
    fn a_secret_in_a_url_is_refused_and_not_repeated() {
        for url in
            ["s3://key:hunter2@bucket/t.parquet", "https://a.blob.core.windows.net/c/t.parquet?sig=hunter2", "gs://b/t?token=hunter2"]
        {
            let message = named(url).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
