//! INT96 timestamps (Impala, older Spark): a day and nanoseconds, wider than any 64-bit Arrow timestamp. Decoding into nanoseconds wraps
//! silently outside 1677..2262, into microseconds it cuts digits; so the values decide which of the two is exact.

use arrow::datatypes::{DataType, TimeUnit};
use parquet::basic::Type as PhysicalType;
use parquet::column::reader::ColumnReader;
use parquet::data_type::Int96;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::object::SourceFile;
use super::parquet::{ParquetFile, ParquetSource, guarded, open_file};
use super::source_error;
use crate::error::{Error, Phase, Result};
use std::path::Path;

const JULIAN_DAY_OF_EPOCH: i128 = 2_440_588;
const DAY_NANOSECONDS: i128 = 86_400_000_000_000;
const CHUNK_ROWS: usize = 8192;

/// What the values of a column need, by the first row of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Needs {
    /// The file has the column as something else, INT64 for example: it cannot be decoded into another unit.
    not_int96: bool,
    /// A value outside the range of 64-bit nanoseconds: 1-based row.
    wide_range_row: Option<u64>,
    /// A value that is not a whole microsecond: 1-based row.
    nanosecond_row: Option<u64>,
    /// A value outside the range of 64-bit microseconds: 1-based row.
    out_of_range_row: Option<u64>,
}

impl ParquetSource {
    /// Reads the INT96 columns among `columns` (schema indices) once, and decodes them into microseconds from then on when nanoseconds
    /// would not hold their range.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when a column needs both (a range beyond 1677..2262 and single nanoseconds), which no Arrow timestamp holds,
    /// or needs the range in one file and is no INT96 in another.
    pub fn settle_int96(&mut self, columns: &[usize]) -> Result<()> {
        for &column in columns {
            if !self.is_file_column(column) || self.schema().field(column).data_type() != &DataType::Timestamp(TimeUnit::Nanosecond, None) {
                continue;
            }
            let name = self.schema().field(column).name().clone();
            let (mut wide, mut fine, mut other) = (None, None, None);
            for file in self.files().to_vec() {
                let needs = scan_column(&file, &name)?;
                let place = |row: u64| (file.path.clone(), row);
                wide = wide.or(needs.wide_range_row.map(place));
                fine = fine.or(needs.nanosecond_row.map(place));
                other = other.or(needs.not_int96.then(|| file.path.clone()));
                if let Some(row) = needs.out_of_range_row {
                    let message = format!("row {row}: the INT96 timestamp in column {name:?} is beyond any calendar");
                    return Err(source_error(Phase::Plan, &file.path, message, "leave the column out with --columns"));
                }
                if let (Some((wide_path, wide_row)), Some((fine_path, fine_row))) = (&wide, &fine) {
                    return Err(conflict(&name, wide_path, *wide_row, fine_path, *fine_row));
                }
            }
            if let (Some((wide_path, wide_row)), Some(other)) = (&wide, &other) {
                return Err(mixed(&name, wide_path, *wide_row, other));
            }
            if wide.is_some() {
                self.set_column_type(column, DataType::Timestamp(TimeUnit::Microsecond, None));
            }
        }
        Ok(())
    }
}

fn mixed(name: &str, wide_path: &Path, wide_row: u64, other: &Path) -> Error {
    let message = format!(
        "row {wide_row}: INT96 column {name:?} has a year outside 1677 to 2262, but in {} the column is 64-bit nanoseconds; \
         no Arrow timestamp holds both",
        other.display()
    );
    source_error(Phase::Plan, wide_path, message, "load the files with INT96 in a job of their own, or leave the column out with --columns")
}

fn conflict(name: &str, wide_path: &Path, wide_row: u64, fine_path: &Path, fine_row: u64) -> Error {
    let other = if fine_path == wide_path { String::new() } else { format!(" of {}", fine_path.display()) };
    let message = format!(
        "row {wide_row}: INT96 column {name:?} has a year outside 1677 to 2262 here and single nanoseconds in row {fine_row}{other}; \
         no Arrow timestamp holds both"
    );
    source_error(Phase::Plan, wide_path, message, "leave the column out with --columns, or write it as TIMESTAMP")
}

fn scan_column(file: &ParquetFile, name: &str) -> Result<Needs> {
    let input = open_file(&file.path, Phase::Plan)?;
    guarded(&file.path, Phase::Plan, || scan(input, name))
}

fn scan(input: SourceFile, name: &str) -> Result<Needs, ParquetError> {
    let reader = SerializedFileReader::new(input)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let is_column = |i: &usize| schema.column(*i).path().parts() == [name] && schema.column(*i).physical_type() == PhysicalType::INT96;
    let Some(leaf) = (0..schema.num_columns()).find(is_column) else {
        return Ok(Needs { not_int96: true, ..Needs::default() });
    };
    let nullable = schema.column(leaf).max_def_level() > 0;
    let mut needs = Needs::default();
    let mut rows_before = 0;
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let ColumnReader::Int96ColumnReader(mut column) = reader.get_row_group(group)?.get_column_reader(leaf)? else { continue };
        loop {
            values.clear();
            levels.clear();
            let (rows, _, _) = column.read_records(CHUNK_ROWS, Some(&mut levels), None, &mut values)?;
            if rows == 0 {
                break;
            }
            for (index, value) in values.iter().enumerate() {
                needs.add(value, || rows_before + 1 + value_row(index, nullable.then_some(&levels)));
            }
            rows_before += rows as u64;
        }
    }
    Ok(needs)
}

/// 0-based row of value `index` among rows with definition `levels` (0 is NULL).
fn value_row(index: usize, levels: Option<&Vec<i16>>) -> u64 {
    let row = levels.and_then(|l| l.iter().enumerate().filter(|(_, level)| **level > 0).nth(index).map(|(row, _)| row));
    row.unwrap_or(index) as u64
}

impl Needs {
    #[inline]
    fn add(&mut self, value: &Int96, row: impl Fn() -> u64) {
        let data = value.data();
        let nanoseconds_of_day = (i64::from(data[1]) << 32) + i64::from(data[0]);
        let nanoseconds = (i128::from(data[2] as i32) - JULIAN_DAY_OF_EPOCH) * DAY_NANOSECONDS + i128::from(nanoseconds_of_day);
        if i64::try_from(nanoseconds).is_err() {
            self.wide_range_row.get_or_insert_with(&row);
        }
        if i64::try_from(nanoseconds.div_euclid(1000)).is_err() {
            self.out_of_range_row.get_or_insert_with(&row);
        }
        if nanoseconds.rem_euclid(1000) != 0 {
            self.nanosecond_row.get_or_insert_with(&row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::parquet::ReadOptions;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{TimestampMicrosecondType, TimestampNanosecondType};
    use parquet::data_type::Int96Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    fn int96(day: i32, nanoseconds: u64) -> Int96 {
        let mut value = Int96::new();
        value.set_data(nanoseconds as u32, (nanoseconds >> 32) as u32, day as u32);
        value
    }

    fn write(path: &std::path::Path, values: &[Option<Int96>]) {
        let schema = Arc::new(parse_message_type("message m { optional int96 ts; }").unwrap());
        let file = std::fs::File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let present: Vec<_> = values.iter().flatten().copied().collect();
        let levels: Vec<_> = values.iter().map(|v| i16::from(v.is_some())).collect();
        column.typed::<Int96Type>().write_batch(&present, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
    }

    fn settled(values: &[Option<Int96>]) -> Result<ParquetSource> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.parquet");
        write(&path, values);
        let mut source = ParquetSource::open(&[path.to_str().unwrap().to_owned()])?;
        source.settle_int96(&[0])?;
        let batch = source.read(ReadOptions { columns: vec![0], batch_rows: 10 }).next().unwrap()?.batch;
        match source.schema().field(0).data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                assert_eq!(batch.column(0).as_primitive::<TimestampMicrosecondType>().value(0), YEAR_9999_MICROSECONDS);
            }
            _ => assert_eq!(batch.column(0).as_primitive::<TimestampNanosecondType>().value(0), 86_400_000_000_001),
        }
        assert_eq!(batch.num_rows(), values.len());
        assert!(batch.column(0).is_null(1));
        Ok(source)
    }

    const YEAR_9999_MICROSECONDS: i64 = 253_402_214_400_000_000; // 9999-12-31T00:00:00Z, Julian day 5373484

    #[test]
    fn the_unit_follows_the_values() {
        settled(&[Some(int96(2_440_589, 1)), None]).unwrap();
        let source = settled(&[Some(int96(5_373_484, 0)), None, Some(int96(2_440_588, 1000))]).unwrap();
        assert_eq!(source.schema().field(0).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, None));
    }

    #[test]
    fn a_wide_range_beside_a_file_of_64_bit_nanoseconds_is_refused() {
        use arrow::array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
        let dir = tempfile::tempdir().unwrap();
        let paths = ["wide.parquet", "near.parquet", "nanos.parquet"].map(|name| dir.path().join(name));
        write(&paths[0], &[Some(int96(5_373_484, 0)), None]);
        write(&paths[1], &[Some(int96(2_440_589, 0)), None]);
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_700_000_000_000_000_000]));
        let batch = RecordBatch::try_from_iter_with_nullable([("ts", nanos, true)]).unwrap();
        let file = std::fs::File::create(&paths[2]).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let settle = |files: [usize; 2]| {
            let files = files.map(|index| paths[index].to_str().unwrap().to_owned());
            ParquetSource::open(&files).unwrap().settle_int96(&[0])
        };
        for files in [[0, 2], [2, 0]] {
            let message = settle(files).unwrap_err().to_string();
            assert!(message.contains("wide.parquet: row 1") && message.contains("nanos.parquet"), "{message}");
        }
        settle([1, 2]).unwrap();
        settle([0, 1]).unwrap();
    }

    #[test]
    fn range_and_nanoseconds_at_once_are_refused_with_the_row() {
        let message = settled(&[Some(int96(5_373_484, 0)), None, Some(int96(2_440_588, 1))]).unwrap_err().to_string();
        assert!(message.contains("row 1: INT96") && message.contains("nanoseconds in row 3"), "{message}");
        let message = settled(&[Some(int96(2_440_588, 1)), None, None, Some(int96(5_373_484, 0))]).unwrap_err().to_string();
        assert!(message.contains("row 4: INT96") && message.contains("nanoseconds in row 1"), "{message}");
        assert!(settled(&[Some(int96(i32::MAX, 0)), None]).is_err());
    }
}
