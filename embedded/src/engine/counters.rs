//! Where sequences are: in a file of their own beside the database (`PATH-seq`), because numbers stay taken when the transaction that took them is
//! rolled back, and because other sessions take numbers while it is open.
//!
//! The file is a header and records of 32 bytes: a sequence's key, which is drawn when it is made, and the last number that was taken. Whoever
//! reads or writes locks the file. A record never spans two pages, so that a process that is killed leaves either the old number or the new one.
//! What transactions took is in the database too, once they are committed: without this file sequences go on from there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{OraError, Result};

const RECORD_BYTES: u64 = 32;
const HEADER: &[u8; 32] = b"olbridge sequence counters 1\0\0\0\0";

/// The last numbers of sequences by their keys.
pub(super) enum Counters {
    /// Of a database that only this session has.
    Memory(HashMap<u64, i128>),
    File(CounterFile),
}

pub(super) struct CounterFile {
    path: PathBuf,
    file: Option<File>,
    /// Offset of the record of each key read so far.
    places: HashMap<u64, u64>,
    read_bytes: u64,
}

impl Counters {
    pub fn new(database: Option<&Path>) -> Counters {
        match database {
            None => Counters::Memory(HashMap::new()),
            Some(database) => {
                let mut path = database.as_os_str().to_owned();
                path.push("-seq");
                Counters::File(CounterFile { path: path.into(), file: None, places: HashMap::new(), read_bytes: HEADER.len() as u64 })
            }
        }
    }

    /// The last number taken; none before the first.
    pub fn last(&mut self, key: u64) -> Result<Option<i128>> {
        match self {
            Counters::Memory(numbers) => Ok(numbers.get(&key).copied()),
            Counters::File(file) if file.file.is_none() && !file.path.exists() => Ok(None),
            Counters::File(file) => file.locked(|file| file.read(key)),
        }
    }

    /// Looks at the last number taken and puts another in its place; no other session does so meanwhile.
    pub fn change<T>(&mut self, key: u64, change: impl FnOnce(Option<i128>) -> Result<(Option<i128>, T)>) -> Result<T> {
        match self {
            Counters::Memory(numbers) => {
                let (last, result) = change(numbers.get(&key).copied())?;
                numbers.extend(last.map(|last| (key, last)));
                Ok(result)
            }
            Counters::File(file) => file.locked(|file| {
                let (last, result) = change(file.read(key)?)?;
                if let Some(last) = last {
                    file.write(key, last)?;
                }
                Ok(result)
            }),
        }
    }
}

impl CounterFile {
    fn failed(&self, error: &std::io::Error) -> OraError {
        OraError::new(1115, format_args!("IO error reading block from file: the sequences in {} ({error})", self.path.display()))
    }

    fn locked<T>(&mut self, work: impl FnOnce(&mut CounterFile) -> Result<T>) -> Result<T> {
        if self.file.is_none() {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path);
            self.file = Some(opened.map_err(|error| self.failed(&error))?);
        }
        let lock = self.file.as_ref().map_or(Ok(()), File::lock);
        lock.map_err(|error| self.failed(&error))?;
        let result = work(self);
        let unlocked = self.file.as_ref().map_or(Ok(()), File::unlock);
        unlocked.map_err(|error| self.failed(&error))?;
        result
    }

    fn file(&mut self) -> Result<&mut File> {
        self.file.as_mut().ok_or_else(|| OraError::internal("file of sequences"))
    }

    /// The record of a key, read from the file: other sessions write there too.
    fn read(&mut self, key: u64) -> Result<Option<i128>> {
        self.find_new().map_err(|error| self.failed(&error))?;
        let Some(place) = self.places.get(&key).copied() else { return Ok(None) };
        let mut number = [0; 16];
        let read = self
            .file()?
            .seek(SeekFrom::Start(place + 16))
            .and_then(|_| self.file.as_mut().map_or(Ok(()), |file| file.read_exact(&mut number)));
        read.map_err(|error| self.failed(&error))?;
        Ok(Some(i128::from_le_bytes(number)))
    }

    /// Finds records that were added since; what is no whole record was never finished.
    fn find_new(&mut self) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let length = file.metadata()?.len();
        if length < HEADER.len() as u64 {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            return file.write_all(HEADER);
        }
        if self.places.is_empty() {
            let mut header = [0; HEADER.len()];
            file.seek(SeekFrom::Start(0))?;
            file.read_exact(&mut header)?;
            if header != *HEADER {
                return Err(std::io::Error::new(ErrorKind::InvalidData, "it is no file of sequences"));
            }
        }
        while self.read_bytes + RECORD_BYTES <= length {
            let mut key = [0; 8];
            file.seek(SeekFrom::Start(self.read_bytes))?;
            file.read_exact(&mut key)?;
            self.places.insert(u64::from_le_bytes(key), self.read_bytes);
            self.read_bytes += RECORD_BYTES;
        }
        Ok(())
    }

    /// After [`CounterFile::read`], under the same lock.
    fn write(&mut self, key: u64, last: i128) -> Result<()> {
        let known = self.places.get(&key).copied();
        let place = known.unwrap_or(self.read_bytes);
        let mut record = [0; RECORD_BYTES as usize];
        record[..8].copy_from_slice(&key.to_le_bytes());
        record[16..].copy_from_slice(&last.to_le_bytes());
        let file = self.file()?;
        let written = file.seek(SeekFrom::Start(place)).and_then(|_| file.write_all(&record));
        written.map_err(|error| self.failed(&error))?;
        if known.is_none() {
            self.places.insert(key, place);
            self.read_bytes = place + RECORD_BYTES;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(counters: &mut Counters, key: u64) -> i128 {
        counters.change(key, |last| Ok((Some(last.unwrap_or(0) + 1), last.unwrap_or(0) + 1))).unwrap()
    }

    #[test]
    fn sessions_share_their_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("d.db");
        let (mut a, mut b) = (Counters::new(Some(&database)), Counters::new(Some(&database)));
        assert_eq!(b.last(1).unwrap(), None);
        assert!(!directory.path().join("d.db-seq").exists(), "looking makes no file");
        assert_eq!([take(&mut a, 1), take(&mut b, 1), take(&mut b, 2), take(&mut a, 2), take(&mut a, 1)], [1, 2, 1, 2, 3]);
        assert_eq!(b.last(1).unwrap(), Some(3));
        // A record that was not finished is none.
        OpenOptions::new().append(true).open(directory.path().join("d.db-seq")).unwrap().write_all(&[7; 20]).unwrap();
        let mut c = Counters::new(Some(&database));
        assert_eq!([take(&mut c, 3), take(&mut c, 1), take(&mut a, 3)], [1, 4, 2]);
    }

    #[test]
    fn threads_never_take_a_number_twice() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("d.db");
        let run = || {
            let mut counters = Counters::new(Some(&database));
            (0..500).map(|_| take(&mut counters, 9)).collect::<Vec<_>>()
        };
        let mut taken: Vec<i128> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (1..=2000).collect::<Vec<i128>>());
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("d.db-seq"), [b'x'; 100]).unwrap();
        assert_eq!(Counters::new(Some(&directory.path().join("d.db"))).last(1).unwrap_err().code, 1115);
    }
}
