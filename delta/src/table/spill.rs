//! A file of rows that do not fit into memory: it has no name, so that nothing is left of it, however the process ends.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use deltalake::{DeltaResult, DeltaTableError};

/// Where rows are that were written at once.
pub(super) struct Stretch {
    offset: u64,
    /// In the file, compressed.
    file_bytes: u64,
    /// In memory.
    pub bytes: usize,
}

/// The file.
pub(super) struct Spill {
    schema: SchemaRef,
    options: IpcWriteOptions,
    file: BufWriter<File>,
    end: u64,
    /// The file has been read, and does not stand at its end.
    is_elsewhere: bool,
}

impl Spill {
    /// In the folder for temporary files.
    pub fn new(schema: SchemaRef) -> DeltaResult<Spill> {
        let file = tempfile::tempfile().map_err(|error| fault(&error.into()))?;
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).map_err(|error| fault(&error))?;
        Ok(Spill { schema, options, file: BufWriter::with_capacity(1 << 18, file), end: 0, is_elsewhere: false })
    }

    /// Appends batches, an Arrow stream of their own.
    pub fn write(&mut self, batches: impl IntoIterator<Item = Result<RecordBatch, ArrowError>>) -> DeltaResult<Stretch> {
        if std::mem::take(&mut self.is_elsewhere) {
            self.file.seek(SeekFrom::Start(self.end)).map_err(|error| fault(&error.into()))?;
        }
        let mut counted = Counted { to: &mut self.file, bytes: 0 };
        let mut bytes = 0;
        let write = || {
            let mut writer = StreamWriter::try_new_with_options(&mut counted, &self.schema, self.options.clone())?;
            for batch in batches {
                let batch = batch?;
                bytes += batch.columns().iter().map(|column| column.to_data().get_slice_memory_size()).sum::<Result<usize, _>>()?;
                writer.write(&batch)?;
            }
            writer.finish()
        };
        write().map_err(|error| fault(&error))?;
        let stretch = Stretch { offset: self.end, file_bytes: counted.bytes, bytes };
        self.end += stretch.file_bytes;
        Ok(stretch)
    }

    /// The batches of a stretch, one after the other.
    pub fn read(&mut self, stretch: &Stretch) -> DeltaResult<impl Iterator<Item = DeltaResult<RecordBatch>> + use<'_>> {
        self.file.flush().map_err(|error| fault(&error.into()))?;
        self.is_elsewhere = true;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(stretch.offset)).map_err(|error| fault(&error.into()))?;
        let batches = StreamReader::try_new(BufReader::new(file.take(stretch.file_bytes)), None).map_err(|error| fault(&error))?;
        Ok(batches.map(|batch| batch.map_err(|error| fault(&error))))
    }
}

struct Counted<'a> {
    to: &'a mut BufWriter<File>,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fault(error: &ArrowError) -> DeltaTableError {
    let folder = std::env::temp_dir();
    DeltaTableError::generic(format!(
        "rows of many partitions are put together in a temporary file in {}: {error}; TMPDIR names another folder",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray};

    use super::*;

    #[test]
    fn stretches_are_read_as_they_were_written_in_any_order_and_after_more() {
        let batch = |from: i32| {
            let numbers = Int32Array::from_iter((from..from + 5).map(|n| (n % 2 == 0).then_some(n)));
            let texts = StringArray::from_iter((from..from + 5).map(|n| (n % 3 == 0).then(|| "x".repeat(n as usize))));
            RecordBatch::try_from_iter_with_nullable([("n", Arc::new(numbers) as _, true), ("t", Arc::new(texts) as _, true)]).unwrap()
        };
        let mut spill = Spill::new(batch(0).schema()).unwrap();
        let first = spill.write([Ok(batch(0)), Ok(batch(50))]).unwrap();
        let second = spill.write([Ok(batch(100).slice(1, 3))]).unwrap();
        let read = |spill: &mut Spill, stretch| spill.read(stretch).unwrap().collect::<DeltaResult<Vec<_>>>().unwrap();
        // Reading the first one leaves the file in its middle.
        assert_eq!(read(&mut spill, &second), [batch(100).slice(1, 3)]);
        assert_eq!(read(&mut spill, &first).len(), 2);
        let third = spill.write([Ok(batch(7))]).unwrap();
        for (stretch, batches) in [(&first, vec![batch(0), batch(50)]), (&third, vec![batch(7)]), (&second, vec![batch(100).slice(1, 3)])] {
            assert_eq!(read(&mut spill, stretch), batches);
        }
    }
}
