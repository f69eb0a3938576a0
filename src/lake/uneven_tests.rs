//! Long values among short ones in files that say nothing of sizes: how much a batch has, in every way that a column can be written.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, ListArray, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::object::SourceFile;
use super::parquet::{ParquetSource, ReadOptions};
use super::read_ahead::SourceBatch;
use super::text_sizes::TextSizes;
use crate::error::{Phase, Result};

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

fn sizes_of(path: &Path, metadata: &Arc<ParquetMetaData>, batch_rows: usize) -> TextSizes {
    TextSizes::new(&path.into(), SourceFile::open(path, Phase::Read).unwrap(), Arc::clone(metadata), &[0], batch_rows)
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

/// A number from a seed, which goes on.
fn next(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % below
}

/// Rows of texts, as a list of them where `nested`: NULL, empty, short, some long, some alike.
fn arbitrary_rows(seed: &mut u64, rows: usize, nested: bool) -> Vec<Option<Vec<Option<Vec<u8>>>>> {
    let value = |seed: &mut u64| match next(seed, 12) {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(vec![b'z'; next(seed, 4_000)]),
        _ => Some(vec![b'a' + next(seed, 3) as u8; next(seed, 30)]),
    };
    let row = |_| match nested {
        true => (next(seed, 6) > 0).then(|| (0..next(seed, 5)).map(|_| value(seed)).collect()),
        false => Some(vec![value(seed)]),
    };
    (0..rows).map(row).collect()
}

fn array_of(rows: &[Option<Vec<Option<Vec<u8>>>>], nested: bool) -> ArrayRef {
    let values: BinaryArray = rows.iter().flatten().flatten().map(Option::as_deref).collect();
    if !nested {
        return Arc::new(values);
    }
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len));
    let nulls = rows.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let item = Arc::new(Field::new("item", DataType::Binary, true));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), Arc::new(values), Some(nulls)))
}

#[test]
fn what_is_told_of_sizes_is_what_is_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sizes.parquet");
    let mut seed = 4;
    for case in 0..60 {
        let (nested, group_rows) = (case % 2 == 0, 1 + next(&mut seed, 700));
        let (row_count, dictionary) = (1 + next(&mut seed, 1_500), next(&mut seed, 2) == 0);
        let rows = arbitrary_rows(&mut seed, row_count, nested);
        let bytes: Vec<usize> = rows.iter().map(|row| row.iter().flatten().flatten().map(Vec::len).sum()).collect();
        let has_index = next(&mut seed, 3) == 0;
        let properties = WriterProperties::builder()
            .set_writer_version(if next(&mut seed, 2) == 0 { WriterVersion::PARQUET_1_0 } else { WriterVersion::PARQUET_2_0 })
            .set_compression(if next(&mut seed, 2) == 0 { Compression::SNAPPY } else { Compression::UNCOMPRESSED })
            .set_dictionary_enabled(dictionary)
            .set_dictionary_page_size_limit(10_000)
            .set_data_page_size_limit(2_000)
            .set_write_batch_size(1 + next(&mut seed, 50))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(!has_index)
            .set_max_row_group_row_count(Some(group_rows))
            .build();
        let batch = RecordBatch::try_from_iter([("v", array_of(&rows, nested))]).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();

        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let footer = ArrowReaderMetadata::load(&File::open(&path).unwrap(), options).unwrap();
        let metadata = footer.metadata();
        let sizes = sizes_of(&path, metadata, 1 << 20);
        for (group, of_group) in bytes.chunks(group_rows).enumerate() {
            let wanted = next(&mut seed, of_group.len());
            for rows in [0..of_group.len(), wanted..of_group.len(), 0..wanted] {
                let runs = sizes.measure(group, 0, rows.clone()).unwrap();
                assert_eq!(runs.iter().flat_map(|run| run.rows.clone()).collect::<Vec<_>>(), rows.collect::<Vec<_>>(), "case {case}");
                for run in runs {
                    assert_eq!(run.bytes, of_group[run.rows.clone()].iter().sum::<usize>(), "case {case}: {run:?}");
                }
            }
            let all: usize = of_group.iter().sum();
            assert!(sizes.most_bytes(group, 0) >= all as u64, "case {case}: {} of {all}", sizes.most_bytes(group, 0));
            let of_chunk: Vec<_> = metadata.row_group(group).column(0).encodings().collect();
            let plain = !of_chunk.iter().any(|encoding| [Encoding::RLE_DICTIONARY, Encoding::DELTA_BYTE_ARRAY].contains(encoding));
            for page in sizes.headed_pages(group, 0).unwrap().into_iter().flatten().filter(|_| plain) {
                assert!(page.bytes >= of_group[page.rows.clone()].iter().sum::<usize>(), "case {case}: {page:?}");
            }
            // As it is asked when a footer leaves it open.
            let runs = &sizes.runs(group)[0];
            assert!(runs.iter().map(|run| run.bytes).sum::<usize>() >= all, "case {case}");
            assert_eq!(runs.iter().map(|run| run.rows.len()).sum::<usize>(), of_group.len(), "case {case}");
        }
    }
}

#[test]
fn whatever_is_damaged_is_looked_at_without_a_panic_and_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sizes.parquet");
    let rows = arbitrary_rows(&mut 7, 300, true);
    write(&path, &array_of(&rows, true), WriterVersion::PARQUET_1_0, true, Compression::SNAPPY);
    let footer = ArrowReaderMetadata::load(&File::open(&path).unwrap(), ArrowReaderOptions::new()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let (start, length) = footer.metadata().row_group(0).column(0).byte_range();
    for place in (start..start + length).step_by(5).chain(start..start + 64) {
        for byte in [0, 0xFF] {
            let mut damaged = whole.clone();
            damaged[place as usize] = byte;
            std::fs::write(&path, damaged).unwrap();
            let sizes = sizes_of(&path, footer.metadata(), 1000);
            sizes.is_even(0);
            let runs = &sizes.runs(0)[0];
            assert_eq!(runs.iter().map(|run| run.rows.len()).sum::<usize>(), rows.len(), "byte {place}");
        }
    }
}

#[test]
fn a_file_that_another_one_replaces_is_read_to_its_own_end() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("live.parquet"), dir.path().join("next.parquet"));
    // Rows that are alike in both but for one byte, long ones in places, so that there are several stretches.
    let column = |letter: u8| -> ArrayRef {
        let long = |row: usize| row % 400 < 6;
        let values = (0..4000).map(|row| if long(row) { vec![letter; 4 << 20] } else { vec![letter; 5] });
        Arc::new(values.map(Some).collect::<BinaryArray>())
    };
    write(&path, &column(b'a'), WriterVersion::PARQUET_1_0, false, Compression::UNCOMPRESSED);
    write(&other, &column(b'b'), WriterVersion::PARQUET_1_0, false, Compression::UNCOMPRESSED);
    let mut batches = read(&path);
    let first = batches.next().unwrap().unwrap();
    std::fs::rename(&other, &path).unwrap();
    let mut rows = first.batch.num_rows();
    for batch in batches {
        let batch = batch.unwrap().batch;
        let values = batch.column(0).as_binary::<i32>();
        assert!(
            values.iter().flatten().all(|value| value[0] == b'a' && value[value.len() - 1] == b'a'),
            "rows of the other file behind {rows}"
        );
        rows += batch.num_rows();
    }
    assert_eq!(rows, 4000);
}
