//! A column as the text of its cells: one pass a column, decided once by its type, so that writing a row is only copying.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::*;
use arrow::error::ArrowError;

use super::calendar::{offset_of_zone, push_date, push_time, push_timestamp, push_zoned};
use super::digits::{push_decimal, push_i64, push_u64, push_wide_decimal};
use super::nested;
use super::period::{Period, push_duration, push_period};
use crate::lake::format::CsvOptions;

/// What surrounds values.
#[derive(Clone, Copy)]
pub(in crate::lake) enum Form<'o> {
    /// Values of JSON.
    Json,
    /// Values of JSON, of a column whose text is a number.
    JsonNumber,
    /// Fields of CSV.
    Csv(&'o CsvOptions),
}

/// The text of every cell of a column, one after the other.
#[derive(Default)]
pub(in crate::lake) struct ColumnText {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ColumnText {
    pub(in crate::lake) fn cell(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    /// Appends a cell.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }
}

impl Form<'_> {
    pub(super) fn push_null(self, out: &mut Vec<u8>) {
        match self {
            Form::Json | Form::JsonNumber => out.extend_from_slice(b"null"),
            Form::Csv(options) => out.extend_from_slice(options.null.as_bytes()),
        }
    }

    /// Any text: quoted and escaped where the form needs it.
    pub(super) fn push_text(self, out: &mut Vec<u8>, text: &str) {
        match self {
            Form::Json => push_json_string(out, text),
            Form::JsonNumber => out.extend_from_slice(text.as_bytes()),
            Form::Csv(options) => push_csv_field(out, text, options),
        }
    }

    /// Text of letters, digits, `:`, `+`, `-` and `.`, which needs no escape.
    fn push_plain(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let quote = matches!(self, Form::Json);
        if quote {
            out.push(b'"');
        }
        write(out);
        if quote {
            out.push(b'"');
        }
    }
}

fn push_csv_field(out: &mut Vec<u8>, text: &str, options: &CsvOptions) {
    let delimiter = options.delimiter as u8;
    let special = |b: u8| b == b'"' || b == b'\n' || b == b'\r' || b == delimiter;
    // A byte order mark at the begin of a file would be taken for one.
    if text.is_empty() || text == options.null || text.bytes().any(special) || text.starts_with('\u{feff}') {
        out.push(b'"');
        for piece in text.split_inclusive('"') {
            out.extend_from_slice(piece.as_bytes());
            if piece.ends_with('"') {
                out.push(b'"');
            }
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

pub(super) fn push_json_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..at]);
        start = at + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

/// The cells of `array`.
///
/// # Errors
/// A type without a text form: unions and run-end encoding.
pub(in crate::lake) fn column_text(array: &dyn Array, form: Form<'_>) -> Result<ColumnText, ArrowError> {
    use DataType::*;
    let each = Each { array, form };
    Ok(match array.data_type() {
        Null => each.write(|_, _| {}),
        Boolean => {
            let values = array.as_boolean();
            each.write(|row, out| out.extend_from_slice(if values.value(row) { b"true" } else { b"false" }))
        }
        Int8 => each.integers::<Int8Type>(),
        Int16 => each.integers::<Int16Type>(),
        Int32 => each.integers::<Int32Type>(),
        Int64 => each.integers::<Int64Type>(),
        UInt8 => each.integers::<UInt8Type>(),
        UInt16 => each.integers::<UInt16Type>(),
        UInt32 => each.integers::<UInt32Type>(),
        UInt64 => each.primitive::<UInt64Type>(push_u64),
        Float16 => each.floats::<Float16Type>(|v| v.to_f32().into(), |out, v| push_f32(out, v.to_f32())),
        Float32 => each.floats::<Float32Type>(f64::from, push_f32),
        Float64 => each.floats::<Float64Type>(|v| v, |out, v| out.extend_from_slice(zmij::Buffer::new().format_finite(v).as_bytes())),
        Decimal32(_, scale) => each.primitive::<Decimal32Type>(|out, v| push_decimal(out, v.into(), *scale)),
        Decimal64(_, scale) => each.primitive::<Decimal64Type>(|out, v| push_decimal(out, v.into(), *scale)),
        Decimal128(_, scale) => each.primitive::<Decimal128Type>(|out, v| push_decimal(out, v, *scale)),
        Decimal256(_, scale) => each.primitive::<Decimal256Type>(|out, v| push_wide_decimal(out, v, *scale)),
        Utf8 => each.text(|row| array.as_string::<i32>().value(row)),
        LargeUtf8 => each.text(|row| array.as_string::<i64>().value(row)),
        Utf8View => each.text(|row| array.as_string_view().value(row)),
        Binary => each.binary(|row| array.as_binary::<i32>().value(row)),
        LargeBinary => each.binary(|row| array.as_binary::<i64>().value(row)),
        BinaryView => each.binary(|row| array.as_binary_view().value(row)),
        FixedSizeBinary(_) => each.binary(|row| array.as_fixed_size_binary().value(row)),
        Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_) | Duration(_) | Interval(_) => temporal(each)?,
        Dictionary(_, _) if array.as_any_dictionary().values().is_empty() => each.write(|_, _| {}),
        Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = column_text(dictionary.values(), form)?;
            let keys = dictionary.normalized_keys();
            each.write(|row, out| out.extend_from_slice(values.cell(keys[row])))
        }
        _ => nested::column_text(array, form)?,
    })
}

fn temporal(each: Each<'_, '_>) -> Result<ColumnText, ArrowError> {
    use DataType::*;
    Ok(match each.array.data_type() {
        Date32 => each.plain::<Date32Type>(|out, v| push_date(out, v.into())),
        Date64 => each.plain::<Date64Type>(push_date64),
        Timestamp(unit, zone) => {
            let zone = zone.as_deref().map(|zone| offset_of_zone(zone).unwrap_or(0));
            timestamps(each, *unit, zone)
        }
        Time32(TimeUnit::Second) => each.plain::<Time32SecondType>(|out, v| push_time_of_day(out, v.into(), 0)),
        Time32(_) => each.plain::<Time32MillisecondType>(|out, v| push_time_of_day(out, v.into(), 3)),
        Time64(TimeUnit::Microsecond) => each.plain::<Time64MicrosecondType>(|out, v| push_time_of_day(out, v, 6)),
        Time64(_) => each.plain::<Time64NanosecondType>(|out, v| push_time_of_day(out, v, 9)),
        Duration(TimeUnit::Second) => each.plain::<DurationSecondType>(|out, v| push_duration(out, v, 0)),
        Duration(TimeUnit::Millisecond) => each.plain::<DurationMillisecondType>(|out, v| push_duration(out, v, 3)),
        Duration(TimeUnit::Microsecond) => each.plain::<DurationMicrosecondType>(|out, v| push_duration(out, v, 6)),
        Duration(TimeUnit::Nanosecond) => each.plain::<DurationNanosecondType>(|out, v| push_duration(out, v, 9)),
        Interval(IntervalUnit::YearMonth) => {
            each.plain::<IntervalYearMonthType>(|out, v| push_period(out, Period { months: v.into(), ..Period::default() }))
        }
        Interval(IntervalUnit::DayTime) => each.plain::<IntervalDayTimeType>(|out, v| {
            push_period(out, Period { months: 0, days: v.days.into(), nanoseconds: i128::from(v.milliseconds) * 1_000_000 })
        }),
        Interval(IntervalUnit::MonthDayNano) => each.plain::<IntervalMonthDayNanoType>(|out, v| {
            push_period(out, Period { months: v.months.into(), days: v.days.into(), nanoseconds: v.nanoseconds.into() })
        }),
        other => return Err(no_text_form(other)),
    })
}

fn timestamps(each: Each<'_, '_>, unit: TimeUnit, offset_minutes: Option<i32>) -> ColumnText {
    let digits = fraction_digits(unit);
    let push = |out: &mut Vec<u8>, count: i64| match offset_minutes {
        None => push_timestamp(out, count, digits),
        Some(offset) => push_zoned(out, count, digits, offset),
    };
    match unit {
        TimeUnit::Second => each.plain::<TimestampSecondType>(push),
        TimeUnit::Millisecond => each.plain::<TimestampMillisecondType>(push),
        TimeUnit::Microsecond => each.plain::<TimestampMicrosecondType>(push),
        TimeUnit::Nanosecond => each.plain::<TimestampNanosecondType>(push),
    }
}

pub(super) fn fraction_digits(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// A date, unless there is a time of day, which Date64 can hold against its name.
fn push_date64(out: &mut Vec<u8>, milliseconds: i64) {
    match milliseconds.rem_euclid(86_400_000) {
        0 => push_date(out, milliseconds.div_euclid(86_400_000)),
        _ => push_timestamp(out, milliseconds, 3),
    }
}

/// Arrow allows counts outside a day; they are shown as the number they are, which no reader takes for a time.
fn push_time_of_day(out: &mut Vec<u8>, count: i64, digits: u32) {
    let per_second = 10i64.pow(digits);
    match u32::try_from(count.div_euclid(per_second)) {
        Ok(seconds) if seconds < 86_400 => push_time(out, seconds, count.rem_euclid(per_second) as u64, digits),
        _ => push_i64(out, count),
    }
}

fn push_f32(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
}

pub(super) fn no_text_form(data_type: &DataType) -> ArrowError {
    ArrowError::NotYetImplemented(format!("Arrow type {data_type} has no text form"))
}

/// The rows of an array, NULLs apart.
struct Each<'a, 'o> {
    array: &'a dyn Array,
    form: Form<'o>,
}

impl Each<'_, '_> {
    fn write(&self, write: impl Fn(usize, &mut Vec<u8>)) -> ColumnText {
        write_rows(self.array, self.form, write)
    }

    fn primitive<T: ArrowPrimitiveType>(&self, push: impl Fn(&mut Vec<u8>, T::Native)) -> ColumnText {
        let values: &PrimitiveArray<T> = self.array.as_primitive();
        self.write(|row, out| push(out, values.value(row)))
    }

    fn integers<T: ArrowPrimitiveType<Native: Into<i64>>>(&self) -> ColumnText {
        self.primitive::<T>(|out, v| push_i64(out, v.into()))
    }

    fn floats<T: ArrowPrimitiveType>(&self, widen: impl Fn(T::Native) -> f64, push: impl Fn(&mut Vec<u8>, T::Native)) -> ColumnText {
        self.primitive::<T>(|out, v| match widen(v) {
            wide if wide.is_nan() => self.form.push_plain(out, |out| out.extend_from_slice(b"NaN")),
            wide if wide.is_infinite() => {
                let text: &[u8] = if wide < 0.0 { b"-Infinity" } else { b"Infinity" };
                self.form.push_plain(out, |out| out.extend_from_slice(text));
            }
            _ => push(out, v),
        })
    }

    /// Values whose text is a string in JSON.
    fn plain<T: ArrowPrimitiveType>(&self, push: impl Fn(&mut Vec<u8>, T::Native)) -> ColumnText {
        self.primitive::<T>(|out, v| self.form.push_plain(out, |out| push(out, v)))
    }

    fn text<'v>(&self, value: impl Fn(usize) -> &'v str) -> ColumnText {
        self.write(|row, out| self.form.push_text(out, value(row)))
    }

    /// Hexadecimal, as Oracle shows RAW. No bytes are `""`, which is not NULL.
    fn binary<'v>(&self, value: impl Fn(usize) -> &'v [u8]) -> ColumnText {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.write(|row, out| match (value(row), self.form) {
            ([], form) => form.push_text(out, ""),
            (bytes, form) => form.push_plain(out, |out| {
                out.extend(bytes.iter().flat_map(|b| [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]));
            }),
        })
    }
}

/// Writes every row, and NULL where there is one.
pub(super) fn write_rows(array: &dyn Array, form: Form<'_>, write: impl Fn(usize, &mut Vec<u8>)) -> ColumnText {
    let nulls = array.logical_nulls();
    let mut text = ColumnText { bytes: Vec::new(), ends: Vec::with_capacity(array.len()) };
    for row in 0..array.len() {
        text.push(|out| match &nulls {
            Some(nulls) if nulls.is_null(row) => form.push_null(out),
            _ => write(row, out),
        });
    }
    text
}
