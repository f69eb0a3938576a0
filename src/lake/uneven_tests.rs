//! Long values among short ones in files that say nothing of sizes: how much a batch has, in every way that a column can be written.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, ListArray, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::parquet::{ParquetSource, ReadOptions};
use super::read_ahead::SourceBatch;
use crate::error::Result;

const LONG_BYTES: usize = 20 << 20;
const LONG: usize = 4;
const SHORT: usize = 2000;

/// Two thousand short values, four long ones, two thousand short ones; as lists of one where `nested`.
fn column(nested: bool) -> ArrayRef {
    let long = vec![b'x'; LONG_BYTES];
    let values = (0..2 * SHORT + LONG).map(|row| if (SHORT..SHORT + LONG).contains(&row) { &long[..] } else { &b"short"[..] });
    let values: ArrayRef = Arc::new(values.map(Some).collect::<BinaryArray>());
    if !nested {
        return values;
    }
    let item = Arc::new(Field::new("item", DataType::Binary, true));
    Arc::new(ListArray::new(item, OffsetBuffer::from_repeated_length(1, values.len()), values, None))
}

fn write(path: &Path, column: &ArrayRef, version: WriterVersion, dictionary: bool, compression: Compression) {
    // One page of all, or one of each long value.
    let page_bytes = if compression == Compression::SNAPPY { 1 << 20 } else { 1 << 30 };
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(version)
        .set_dictionary_enabled(dictionary)
        .set_dictionary_page_size_limit(1 << 30)
        .set_data_page_size_limit(page_bytes)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .build();
    let batch = RecordBatch::try_from_iter([("v", Arc::clone(column))]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read(path: &Path) -> impl Iterator<Item = Result<SourceBatch>> {
    let source = ParquetSource::open(&[path.to_str().unwrap().to_owned()]).unwrap();
    source.read(ReadOptions { columns: vec![0], batch_rows: 1000 })
}

/// Bytes of the values of a batch.
fn bytes(array: &dyn Array) -> usize {
    let offsets = match array.data_type() {
        DataType::List(_) => return bytes(&array.as_list::<i32>().values().slice(0, array.len())),
        _ => array.as_binary::<i32>().value_offsets(),
    };
    (offsets[offsets.len() - 1] - offsets[0]) as usize
}

#[test]
fn no_batch_has_several_long_values_however_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uneven.parquet");
    let (v1, v2) = (WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0);
    let (plain, snappy) = (Compression::UNCOMPRESSED, Compression::SNAPPY);
    let flat = [(v1, false, plain), (v1, true, plain), (v1, false, snappy), (v2, false, plain)];
    let nested = [(v1, false, plain), (v1, true, snappy), (v2, false, snappy)];
    let cases = [(false, &flat[..]), (true, &nested[..])];
    for (nested, (version, dictionary, compression)) in
        cases.into_iter().flat_map(|(nested, cases)| cases.iter().map(move |c| (nested, *c)))
    {
        write(&path, &column(nested), version, dictionary, compression);
        let case = format!("nested {nested}, {version:?}, dictionary {dictionary}, {compression:?}");
        let (mut rows, mut total, mut batches) = (0, 0, 0);
        for batch in read(&path) {
            let batch = batch.unwrap();
            assert_eq!(batch.first_row, rows as u64 + 1, "{case}");
            let found = bytes(batch.batch.column(0));
            assert!(found < 2 * LONG_BYTES, "{case}: {} MiB in a batch from row {}", found >> 20, rows + 1);
            (rows, total, batches) = (rows + batch.batch.num_rows(), total + found, batches + 1);
        }
        assert_eq!((rows, total), (2 * SHORT + LONG, 2 * SHORT * 5 + LONG * LONG_BYTES), "{case}");
        assert!(batches < 200, "{case}: {batches} batches, the short ones row by row");
    }
}

#[test]
fn a_damaged_page_is_an_error_of_the_decoder_and_no_guess() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.parquet");
    write(&path, &column(false), WriterVersion::PARQUET_1_0, false, Compression::UNCOMPRESSED);
    let footer = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let first = footer.metadata().row_group(0).column(0).data_page_offset() as usize;
    let whole = std::fs::read(&path).unwrap();
    for (offset, byte) in [(0, 0xFF), (1, 0x7F), (3, 0xFF)] {
        let mut damaged = whole.clone();
        damaged[first + offset] = byte;
        std::fs::write(&path, damaged).unwrap();
        let error = read(&path).find_map(Result::err).map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("row group 1 of 1"), "byte {offset}: {error:?}");
    }
}
