//! Parquet's INTERVAL is months, days and milliseconds in twelve bytes. Arrow decodes either the months or the rest and drops the other without a
//! word; so the values decide which of the two is exact.

use arrow::datatypes::{DataType, IntervalUnit};
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::object::SourceFile;
use super::parquet::{ParquetFile, ParquetSource, guarded, open_file};
use super::source_error;
use crate::error::{Phase, Result};

const CHUNK_ROWS: usize = 8192;
const INTERVAL_BYTES: usize = 12;

/// 1-based row of the first value of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Needs {
    months_row: Option<u64>,
    days_row: Option<u64>,
}

impl ParquetSource {
    /// Reads the INTERVAL columns among `columns` (schema indices) once, and decodes them into months or into days and milliseconds from then on,
    /// as their values need.
    ///
    /// # Errors
    /// [`crate::Error::Source`] when a column needs both.
    pub fn settle_intervals(&mut self, columns: &[usize]) -> Result<()> {
        const DAYS: DataType = DataType::Interval(IntervalUnit::DayTime);
        const MONTHS: DataType = DataType::Interval(IntervalUnit::YearMonth);
        for &column in columns {
            if !self.is_file_column(column) || ![&DAYS, &MONTHS].contains(&self.schema().field(column).data_type()) {
                continue;
            }
            let name = self.schema().field(column).name().clone();
            let (mut months, mut days) = (None, None);
            for file in self.files().to_vec() {
                let needs = scan_column(&file, &name)?;
                months = months.or(needs.months_row.map(|row| (file.path.clone(), row)));
                days = days.or(needs.days_row.map(|row| (file.path.clone(), row)));
            }
            match (months, days) {
                (Some((path, months_row)), Some((days_path, days_row))) => {
                    let other = if path == days_path { String::new() } else { format!(" of {}", days_path.display()) };
                    let message = format!(
                        "row {months_row}: INTERVAL column {name:?} has months here, and days or milliseconds in row {days_row}{other}; \
                         neither of Oracle's intervals holds both"
                    );
                    return Err(source_error(
                        Phase::Plan,
                        &path,
                        message,
                        "leave the column out with --columns, or write it as two columns",
                    ));
                }
                (Some(_), None) => self.set_column_type(column, MONTHS),
                (None, Some(_)) => self.set_column_type(column, DAYS),
                (None, None) => {}
            }
        }
        Ok(())
    }
}

fn scan_column(file: &ParquetFile, name: &str) -> Result<Needs> {
    let input = open_file(&file.path, Phase::Plan)?;
    guarded(&file.path, Phase::Plan, || scan(input, name))
}

fn scan(input: SourceFile, name: &str) -> Result<Needs, ParquetError> {
    let reader = SerializedFileReader::new(input)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let Some(leaf) = (0..schema.num_columns()).find(|&leaf| schema.column(leaf).path().parts() == [name]) else {
        return Ok(Needs::default());
    };
    let mut needs = Needs::default();
    let mut rows_before = 0;
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for group in 0..reader.num_row_groups() {
        let ColumnReader::FixedLenByteArrayColumnReader(mut column) = reader.get_row_group(group)?.get_column_reader(leaf)? else {
            continue;
        };
        loop {
            values.clear();
            levels.clear();
            let (rows, _, _) = column.read_records(CHUNK_ROWS, Some(&mut levels), None, &mut values)?;
            if rows == 0 {
                break;
            }
            for (index, value) in values.iter().enumerate() {
                let bytes = value.data();
                if bytes.len() != INTERVAL_BYTES {
                    return Err(ParquetError::General(format!("an INTERVAL of {} bytes", bytes.len())));
                }
                let row = || Some(rows_before + 1 + value_row(index, rows, &levels));
                if needs.months_row.is_none() && bytes[..4] != [0; 4] {
                    needs.months_row = row();
                }
                if needs.days_row.is_none() && bytes[4..] != [0; 8] {
                    needs.days_row = row();
                }
            }
            rows_before += rows as u64;
        }
    }
    Ok(needs)
}

/// 0-based row of value `index` among `rows` with definition `levels` (0 is NULL); a required column has none.
fn value_row(index: usize, rows: usize, levels: &[i16]) -> u64 {
    let row = levels.iter().enumerate().filter(|(_, level)| **level > 0).nth(index).map(|(row, _)| row);
    row.filter(|_| levels.len() == rows).unwrap_or(index) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray;
    use arrow::datatypes::{IntervalDayTimeType, IntervalYearMonthType};
    use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::lake::parquet::ReadOptions;

    /// As a writer other than Arrow's leaves it: no Arrow schema in the footer.
    fn settled(values: &[Option<[i32; 3]>]) -> Result<(DataType, i32)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.parquet");
        let schema = Arc::new(parse_message_type("message m { optional fixed_len_byte_array(12) i (INTERVAL); }").unwrap());
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let encode = |parts: &[i32; 3]| -> FixedLenByteArray {
            ByteArray::from(parts.iter().flat_map(|part| part.to_le_bytes()).collect::<Vec<u8>>()).into()
        };
        let present: Vec<FixedLenByteArray> = values.iter().flatten().map(encode).collect();
        let levels: Vec<_> = values.iter().map(|v| i16::from(v.is_some())).collect();
        column.typed::<FixedLenByteArrayType>().write_batch(&present, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        let mut source = ParquetSource::open(&[path.to_str().unwrap().to_owned()])?;
        source.settle_intervals(&[0])?;
        let batch = source.read(ReadOptions { columns: vec![0], batch_rows: 10 }).next().unwrap()?.batch;
        let array = batch.column(0);
        let last = array.len() - 1;
        let part = match array.data_type() {
            DataType::Interval(IntervalUnit::YearMonth) => array.as_primitive::<IntervalYearMonthType>().value(last),
            _ => array.as_primitive::<IntervalDayTimeType>().value(last).days,
        };
        Ok((array.data_type().clone(), part))
    }

    #[test]
    fn months_are_not_dropped() {
        assert_eq!(settled(&[None, Some([0; 3]), Some([14, 0, 0])]).unwrap(), (DataType::Interval(IntervalUnit::YearMonth), 14));
        assert_eq!(settled(&[Some([0, 0, 5]), None, Some([0, -3, -1])]).unwrap(), (DataType::Interval(IntervalUnit::DayTime), -3));
        assert_eq!(settled(&[Some([0; 3])]).unwrap().0, DataType::Interval(IntervalUnit::DayTime));
        let message = settled(&[None, Some([0, 1, 0]), None, Some([2, 0, 0])]).unwrap_err().to_string();
        assert!(message.contains("row 4: INTERVAL") && message.contains("milliseconds in row 2"), "{message}");
    }
}
