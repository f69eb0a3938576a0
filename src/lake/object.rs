//! The bytes of a source, read from anywhere in them: a file, or an object of a store by URL.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::source_error;
#[cfg(feature = "cloud")]
use super::store::RemoteFile;
use crate::error::{Error, Phase, Result};

/// Schemes of object stores and of web servers.
const SCHEMES: [&str; 10] = ["s3", "s3a", "gs", "az", "abfs", "abfss", "onelake", "http", "https", "file"];

/// Whether a source or a target is named by a URL rather than by a path.
pub fn is_url(name: &str) -> bool {
    name.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
}

/// The same for a path that may be the text of a URL.
pub(super) fn is_url_path(path: &Path) -> bool {
    path.to_str().is_some_and(is_url)
}

/// What a build without stores says to a URL.
#[cfg(not(feature = "cloud"))]
pub(super) fn no_stores(phase: Phase, path: &Path) -> Error {
    source_error(phase, path, "this build knows no object stores", "build olbridge with --features cloud, or copy the file here first")
}

/// An open file or object.
#[derive(Debug)]
pub(super) enum SourceFile {
    Local(File),
    #[cfg(feature = "cloud")]
    Remote(RemoteFile),
}

impl SourceFile {
    /// Opens a file or an object.
    ///
    /// # Errors
    /// [`Error::Source`].
    pub(super) fn open(path: &Path, phase: Phase) -> Result<Self> {
        let remedy = "check that the file is still there and readable";
        if is_url_path(path) {
            #[cfg(feature = "cloud")]
            return RemoteFile::open(path, phase).map(SourceFile::Remote);
            #[cfg(not(feature = "cloud"))]
            return Err(no_stores(phase, path));
        }
        File::open(path)
            .map(SourceFile::Local)
            .map_err(|error: io::Error| -> Error { source_error(phase, path, error.to_string(), remedy) })
    }
}

impl Read for SourceFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            SourceFile::Local(file) => file.read(out),
            #[cfg(feature = "cloud")]
            SourceFile::Remote(file) => file.read(out),
        }
    }
}

impl Seek for SourceFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            SourceFile::Local(file) => file.seek(to),
            #[cfg(feature = "cloud")]
            SourceFile::Remote(file) => file.seek(to),
        }
    }
}

impl Length for SourceFile {
    fn len(&self) -> u64 {
        match self {
            SourceFile::Local(file) => Length::len(file),
            #[cfg(feature = "cloud")]
            SourceFile::Remote(file) => file.size_bytes(),
        }
    }
}

impl ChunkReader for SourceFile {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        match self {
            SourceFile::Local(file) => Ok(Box::new(file.get_read(start)?)),
            #[cfg(feature = "cloud")]
            SourceFile::Remote(file) => Ok(Box::new(file.at(start))),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            SourceFile::Local(file) => file.get_bytes(start, length),
            #[cfg(feature = "cloud")]
            SourceFile::Remote(file) => Ok(file.bytes(start, length)?),
        }
    }
}
