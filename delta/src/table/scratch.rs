//! Where sorts, joins and rows that wait put what does not fit into memory: one file of an operation, without a name, so that nothing is left of it however
//! the process ends, and however many runs there are, one descriptor is open. DataFusion itself keeps a file open for each run: of some GB there are more
//! than the 1,024 that a process usually may have.

use std::fs::File;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use deltalake::datafusion::common::Result;
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;

/// The file is shared out in blocks of so many bytes. A reader holds one at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// The file, made when it is first needed, in the folder for temporary files.
#[derive(Default)]
pub(super) struct Scratch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    space: Mutex<Space>,
}

#[derive(Default)]
struct Space {
    file: Option<Arc<File>>,
    /// Blocks that what was written there does not need any more.
    free: Vec<u32>,
    /// Blocks that the file has.
    blocks: u32,
}

impl Shared {
    fn space(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self) -> io::Result<Arc<File>> {
        let mut space = self.space();
        match &space.file {
            Some(file) => Ok(Arc::clone(file)),
            None => {
                let file = Arc::new(tempfile::tempfile()?);
                space.file = Some(Arc::clone(&file));
                Ok(file)
            }
        }
    }

    /// A block that nobody has.
    fn take(&self) -> io::Result<u32> {
        let mut space = self.space();
        if let Some(block) = space.free.pop() {
            return Ok(block);
        }
        let block = space.blocks;
        space.blocks = block.checked_add(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(block)
    }
}

impl Scratch {
    /// Room for something, which is free again when nobody writes or reads it any more.
    pub fn run(&self) -> io::Result<Run> {
        Ok(Run(Arc::new(Blocks { file: self.0.file()?, shared: Arc::clone(&self.0), written: Mutex::default() })))
    }
}

impl TempFileFactory for Scratch {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.run()?))
    }
}

/// What DataFusion takes for a file of its own.
pub(super) struct Run(Arc<Blocks>);

impl Run {
    /// Appends; what is flushed can be read.
    pub fn writer(&self) -> Writer {
        Writer { blocks: Arc::clone(&self.0), held: Vec::with_capacity(BLOCK_BYTES) }
    }

    /// Reads from the beginning.
    pub fn reader(&self) -> Reader {
        Reader { blocks: Arc::clone(&self.0), from: 0 }
    }
}

/// The blocks of a run, in order.
struct Blocks {
    shared: Arc<Shared>,
    file: Arc<File>,
    written: Mutex<Written>,
}

#[derive(Default, Clone)]
struct Written {
    blocks: Vec<u32>,
    bytes: u64,
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let blocks = std::mem::take(&mut self.written.get_mut().unwrap_or_else(PoisonError::into_inner).blocks);
        self.shared.space().free.extend(blocks);
    }
}

impl Blocks {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> u64 {
        self.written().bytes
    }

    fn append(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (at, block) = {
                let mut written = self.written();
                let at = (written.bytes % BLOCK_BYTES as u64) as usize;
                if at == 0 {
                    written.blocks.push(self.shared.take()?);
                }
                (at, written.blocks.last().copied().unwrap_or_default())
            };
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - at));
            write_all_at(&self.file, now, offset(block) + at as u64)?;
            self.written().bytes += now.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Where the byte at `from` is, and how many follow it there; 0 at the end.
    fn find(&self, from: u64) -> (u64, usize) {
        let written = self.written();
        let (number, at) = (from / BLOCK_BYTES as u64, from % BLOCK_BYTES as u64);
        let end = written.bytes.min((number + 1) * BLOCK_BYTES as u64);
        let block = written.blocks.get(number as usize).copied().unwrap_or_default();
        (offset(block) + at, end.saturating_sub(from) as usize)
    }

    /// What there is from `from` on, to the end of a block at most; nothing at the end.
    fn read(&self, from: u64) -> io::Result<Bytes> {
        let (at, length) = self.find(from);
        let mut bytes = vec![0; length];
        read_exact_at(&self.file, &mut bytes, at)?;
        Ok(bytes.into())
    }
}

fn offset(block: u32) -> u64 {
    u64::from(block) * BLOCK_BYTES as u64
}

impl SpillFile for Run {
    fn size(&self) -> Option<u64> {
        Some(self.0.bytes())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let blocks = Arc::clone(&self.0);
        Ok(Box::pin(futures::stream::try_unfold(0, move |from| {
            let blocks = Arc::clone(&blocks);
            async move {
                let read = tokio::task::spawn_blocking(move || blocks.read(from)).await;
                let bytes = read.map_err(|error| DataFusionError::External(error.into()))??;
                let to = from + bytes.len() as u64;
                Ok((!bytes.is_empty()).then_some((bytes, to)))
            }
        })))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(self.writer()))
    }
}

/// Puts small writes together.
pub(super) struct Writer {
    blocks: Arc<Blocks>,
    held: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.len() + bytes.len() > BLOCK_BYTES {
            self.flush()?;
        }
        match bytes.len() > BLOCK_BYTES {
            true => self.blocks.append(bytes)?,
            false => self.held.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blocks.append(&self.held)?;
        self.held.clear();
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

/// Reads from one place on, unbuffered.
pub(super) struct Reader {
    blocks: Arc<Blocks>,
    from: u64,
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (at, length) = self.blocks.find(self.from);
        let length = length.min(bytes.len());
        read_exact_at(&self.blocks.file, &mut bytes[..length], at)?;
        self.from += length as u64;
        Ok(length)
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (bytes, at) = (&bytes[written..], at + written as u64);
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (bytes, at) = (&mut bytes[read..], at + read as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, TryStreamExt};

    use super::*;
    use crate::runtime;

    fn next(stream: &mut Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>) -> Option<Bytes> {
        runtime::block_on(stream.next()).unwrap().transpose().unwrap()
    }

    fn run_of(scratch: &Scratch, pieces: &[&[u8]]) -> Run {
        let run = scratch.run().unwrap();
        let mut writer = run.open_writer().unwrap();
        pieces.iter().for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap();
        run
    }

    fn read(run: &Run) -> Vec<u8> {
        let found = runtime::block_on(run.read_stream().unwrap().map_ok(|bytes| bytes.to_vec()).try_concat());
        let (found, mut same) = (found.unwrap().unwrap(), Vec::new());
        run.reader().read_to_end(&mut same).unwrap();
        assert!(found == same);
        found
    }

    fn of(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|at| ((at * 31 + seed) % 251) as u8).collect()
    }

    /// Pieces below, at and above the size of a block, and runs that are given up in between.
    #[test]
    fn runs_are_read_as_they_were_written_and_their_room_is_used_again() {
        let scratch = Scratch::default();
        let lengths = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 10, 5 * BLOCK_BYTES / 2];
        let mut kept = Vec::new();
        for round in 0..20 {
            let pieces: Vec<Vec<u8>> = (0..4).map(|piece| of(lengths[(round + piece) % lengths.len()], round * 7 + piece)).collect();
            let run = run_of(&scratch, &pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!(run.size(), Some(pieces.concat().len() as u64));
            kept.push((run, pieces.concat()));
            if round % 3 == 2 {
                kept.remove(round / 2 % kept.len());
            }
            for (run, expected) in &kept {
                assert!(read(run) == *expected, "{round}");
            }
        }
        let blocks = scratch.0.space().blocks;
        kept.clear();
        assert_eq!(scratch.0.space().free.len(), blocks as usize);
        let again = of(blocks as usize * BLOCK_BYTES, 3);
        assert!(read(&run_of(&scratch, &[&again])) == again);
        assert_eq!(scratch.0.space().blocks, blocks, "no room more is taken while there is some");
    }

    /// A repartition reads what is flushed while more comes; a reader that lives longer than the run keeps its room.
    #[test]
    fn what_is_flushed_can_be_read_before_the_end_and_after_the_run_is_given_up() {
        let scratch = Scratch::default();
        let run = scratch.run().unwrap();
        let mut writer = run.open_writer().unwrap();
        let mut reader = run.read_stream().unwrap();
        let mut expected = Vec::new();
        for step in 0..5 {
            let piece = of(BLOCK_BYTES / 3 + step, step);
            writer.write_all(&piece).unwrap();
            writer.flush().unwrap();
            let mut found = Vec::new();
            while found.len() < piece.len() {
                found.extend(next(&mut reader).unwrap());
            }
            assert!(found == piece, "{step}");
            expected.extend(piece);
        }
        let mut late = run.read_stream().unwrap();
        let mut found = next(&mut late).unwrap().to_vec();
        drop((run, writer, reader));
        let other = run_of(&scratch, &[&of(4 * BLOCK_BYTES, 99)]);
        while let Some(bytes) = next(&mut late) {
            found.extend(bytes);
        }
        assert!(found == expected && other.size() == Some(4 * BLOCK_BYTES as u64));
    }
}
