//! Object stores in a build without the feature `cloud`: nothing can be opened, so that nothing of this is ever there.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use bytes::Bytes;

use super::discover::FoundFile;
use crate::error::{Error, Phase, Result};

fn absent(url: &str) -> Error {
    // The rest of it may hold a secret.
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    Error::Usage {
        message: format!("{scheme}://…: this olbridge was built without object stores"),
        remedy: "cargo install --path . --features cloud, or copy the file here first".into(),
    }
}

pub(super) fn check_url(url: &str) -> Result<()> {
    Err(absent(url))
}

pub(super) fn is_taken(url: &str, _is_directory: bool) -> Result<bool> {
    Err(absent(url))
}

pub(super) fn discover(url: &str, _files: &mut Vec<FoundFile>) -> Result<()> {
    Err(absent(url))
}

pub(super) fn canonical(url: &str) -> String {
    url.to_owned()
}

#[derive(Debug, Clone)]
pub(super) enum RemoteFile {}

impl RemoteFile {
    pub(super) fn open(path: &Path, _phase: Phase) -> Result<Self> {
        Err(absent(&path.to_string_lossy()))
    }

    pub(super) fn size_bytes(&self) -> u64 {
        match *self {}
    }

    pub(super) fn e_tag(&self) -> Option<String> {
        match *self {}
    }

    pub(super) fn at(&self, _start: u64) -> io::Empty {
        match *self {}
    }

    pub(super) fn range(&self, _start: u64, _length: usize) -> io::Result<Bytes> {
        match *self {}
    }
}

impl Read for RemoteFile {
    fn read(&mut self, _out: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        match *self {}
    }
}

#[derive(Debug)]
pub(super) enum Upload {}

impl Upload {
    pub(super) fn begin(url: &str) -> Result<Self> {
        Err(absent(url))
    }

    pub(super) fn finish(self, _replace: bool) -> io::Result<()> {
        match self {}
    }
}

impl Write for Upload {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match *self {}
    }
}

#[derive(Debug)]
pub(super) enum Prefix {}

impl Prefix {
    pub(super) fn begin(url: &str) -> Result<Self> {
        Err(absent(url))
    }

    pub(super) fn open(&self, _name: &str) -> Result<Upload> {
        match *self {}
    }

    pub(super) fn seal(&mut self, _upload: Upload) -> io::Result<()> {
        match *self {}
    }

    pub(super) fn publish(&mut self) -> Result<()> {
        match *self {}
    }
}
