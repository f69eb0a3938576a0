//! Text into Arrow, a column at a time: exact, or refused with the row.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use half::f16;

use super::calendar::{Moment, offset_of_zone, parse_moment, parse_time};
use super::cells::{Cell, CellColumn};
use super::digits::Decimal;
use super::encode::fraction_digits;
use super::nested;
use super::period::{Period, parse_oracle_interval, parse_period};

/// A cell that its column's type does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lake) struct BadCell {
    /// Index among the rows that were to be parsed.
    pub row: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// What may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::lake) struct ParseOptions {
    /// Offsets other than that of the column's zone are taken for the instants that they name.
    pub any_offset: bool,
}

/// The cells as an array of `data_type`.
///
/// # Errors
/// The first cell that is no value of the type.
pub(in crate::lake) fn parse_column(data_type: &DataType, cells: &CellColumn<'_>, options: ParseOptions) -> Result<ArrayRef, BadCell> {
    use DataType::*;
    Ok(match data_type {
        Null => {
            each(cells, |_| Err::<(), _>("is not NULL".into()), |_| {})?;
            new_null_array(&Null, cells.len())
        }
        Boolean => {
            let mut builder = BooleanBuilder::with_capacity(cells.len());
            each(cells, parse_bool, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        Int8 => integers::<Int8Type>(cells)?,
        Int16 => integers::<Int16Type>(cells)?,
        Int32 => integers::<Int32Type>(cells)?,
        Int64 => integers::<Int64Type>(cells)?,
        UInt8 => integers::<UInt8Type>(cells)?,
        UInt16 => integers::<UInt16Type>(cells)?,
        UInt32 => integers::<UInt32Type>(cells)?,
        UInt64 => integers::<UInt64Type>(cells)?,
        Float16 => primitive::<Float16Type>(data_type, cells, |text| parse_float::<f32>(text).map(f16::from_f32))?,
        Float32 => primitive::<Float32Type>(data_type, cells, parse_float::<f32>)?,
        Float64 => primitive::<Float64Type>(data_type, cells, parse_float::<f64>)?,
        Decimal32(p, s) => primitive::<Decimal32Type>(data_type, cells, |text| narrow(text, *p, *s))?,
        Decimal64(p, s) => primitive::<Decimal64Type>(data_type, cells, |text| narrow(text, *p, *s))?,
        Decimal128(p, s) => primitive::<Decimal128Type>(data_type, cells, |text| parse_decimal(text, *p, *s))?,
        Decimal256(p, s) => primitive::<Decimal256Type>(data_type, cells, |text| parse_wide_decimal(text, *p, *s))?,
        Utf8 => {
            let mut builder = StringBuilder::with_capacity(cells.len(), 0);
            each_text(cells, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        LargeUtf8 => {
            let mut builder = LargeStringBuilder::with_capacity(cells.len(), 0);
            each_text(cells, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        Utf8View => {
            let mut builder = StringViewBuilder::with_capacity(cells.len());
            each_text(cells, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => binary(data_type, cells)?,
        Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_) => temporal(data_type, cells, options)?,
        Duration(_) | Interval(_) => periods(data_type, cells)?,
        Dictionary(_, values) => {
            let plain = parse_column(values, cells, options)?;
            arrow::compute::cast(&plain, data_type).map_err(|e| BadCell { row: 0, reason: e.to_string() })?
        }
        _ => nested::parse_column(data_type, cells, options)?,
    })
}

/// Parses every cell that is not NULL; a JSON value is parsed as it was written.
fn each<T>(cells: &CellColumn<'_>, parse: impl Fn(&str) -> Result<T, String>, mut push: impl FnMut(Option<T>)) -> Result<(), BadCell> {
    for (row, cell) in cells.iter().enumerate() {
        match cell {
            Cell::Null => push(None),
            Cell::Text(text) | Cell::Json(text) => {
                push(Some(parse(text).map_err(|reason| BadCell { row, reason: format!("{} {reason}", shown(text)) })?));
            }
        }
    }
    Ok(())
}

/// A value in a message, cut where it is long.
pub(in crate::lake) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A text column takes every value: of a number, an object or an array its text.
fn each_text<'c>(cells: &CellColumn<'c>, mut push: impl FnMut(Option<&'c str>)) {
    for cell in cells.iter() {
        match cell {
            Cell::Null => push(None),
            Cell::Text(text) | Cell::Json(text) => push(Some(text)),
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    cells: &CellColumn<'_>,
    parse: impl Fn(&str) -> Result<T::Native, String>,
) -> Result<ArrayRef, BadCell> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(cells.len()).with_data_type(data_type.clone());
    each(cells, parse, |value| builder.append_option(value))?;
    Ok(Arc::new(builder.finish()))
}

fn integers<T: ArrowPrimitiveType<Native: std::str::FromStr + TryFrom<i128>>>(cells: &CellColumn<'_>) -> Result<ArrayRef, BadCell> {
    primitive::<T>(&T::DATA_TYPE, cells, |text| {
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        let decimal = Decimal::parse(text)?;
        let whole = decimal.to_i128(0).ok_or_else(|| not_held(decimal, &T::DATA_TYPE))?;
        T::Native::try_from(whole).map_err(|_| not_held(decimal, &T::DATA_TYPE))
    })
}

fn not_held(decimal: Decimal, data_type: &DataType) -> String {
    match decimal.digits().1 {
        0 => format!("is beyond {data_type}"),
        digits => format!("has {digits} digits after the point, which {data_type} has not"),
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("is neither true nor false".into()),
    }
}

fn parse_float<F: std::str::FromStr + Copy + Into<f64>>(text: &str) -> Result<F, String> {
    let value: F = text.parse().map_err(|_| "is no number")?;
    let wide: f64 = value.into();
    if wide.is_infinite() && text.bytes().any(|b| b.is_ascii_digit()) {
        return Err("is beyond the range of the float".into());
    }
    Ok(value)
}

fn parse_decimal(text: &str, precision: u8, scale: i8) -> Result<i128, String> {
    let decimal = Decimal::parse(text)?;
    let value = decimal.to_i128(scale).filter(|value| Decimal128Type::validate_decimal_precision(*value, precision, scale).is_ok());
    value.ok_or_else(|| beyond_digits(decimal, precision, scale))
}

fn parse_wide_decimal(text: &str, precision: u8, scale: i8) -> Result<i256, String> {
    let decimal = Decimal::parse(text)?;
    let value = decimal.to_i256(scale).filter(|value| Decimal256Type::validate_decimal_precision(*value, precision, scale).is_ok());
    value.ok_or_else(|| beyond_digits(decimal, precision, scale))
}

fn beyond_digits(decimal: Decimal, precision: u8, scale: i8) -> String {
    let (whole, fraction) = decimal.digits();
    format!("has {whole} digits before and {fraction} after the point, more than decimal({precision},{scale}) holds")
}

/// The smaller decimals, whose precision keeps every value within 64 bits.
fn narrow<N: TryFrom<i128>>(text: &str, precision: u8, scale: i8) -> Result<N, String> {
    N::try_from(parse_decimal(text, precision, scale)?).map_err(|_| "is beyond the decimal".into())
}

fn binary(data_type: &DataType, cells: &CellColumn<'_>) -> Result<ArrayRef, BadCell> {
    for (row, cell) in cells.iter().enumerate() {
        if let Cell::Json(text) = cell {
            return Err(BadCell { row, reason: format!("{} is no string of hexadecimal digits", shown(text)) });
        }
    }
    Ok(match data_type {
        DataType::LargeBinary => {
            let mut builder = LargeBinaryBuilder::new();
            each(cells, parse_hex, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        DataType::BinaryView => {
            let mut builder = BinaryViewBuilder::new();
            each(cells, parse_hex, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        DataType::FixedSizeBinary(size) => {
            let wanted = usize::try_from(*size).unwrap_or(0);
            let mut builder = FixedSizeBinaryBuilder::with_capacity(cells.len(), *size);
            let parse = |text: &str| match parse_hex(text)? {
                bytes if bytes.len() == wanted => Ok(bytes),
                bytes => Err(format!("has {} bytes, not {wanted}", bytes.len())),
            };
            let mut push = |value: Option<Vec<u8>>| match value {
                // The length has been checked.
                Some(bytes) => drop(builder.append_value(bytes)),
                None => builder.append_null(),
            };
            each(cells, parse, &mut push)?;
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = BinaryBuilder::new();
            each(cells, parse_hex, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
    })
}

fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let pairs = text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?));
    pairs.collect::<Option<Vec<u8>>>().ok_or_else(|| "is not hexadecimal".into())
}

fn temporal(data_type: &DataType, cells: &CellColumn<'_>, options: ParseOptions) -> Result<ArrayRef, BadCell> {
    use DataType::*;
    match data_type {
        Date32 => primitive::<Date32Type>(data_type, cells, |text| {
            let days = local_count(text, 0)?;
            match days.rem_euclid(86_400) {
                0 => i32::try_from(days.div_euclid(86_400)).map_err(|_| "is beyond Date32".into()),
                _ => Err("has a time of day, which a date has not".into()),
            }
        }),
        Date64 => primitive::<Date64Type>(data_type, cells, |text| local_count(text, 3)),
        Timestamp(unit, zone) => {
            let zone = Zone { offset_minutes: zone.as_deref().map(|zone| offset_of_zone(zone).unwrap_or(0)), any: options.any_offset };
            let digits = fraction_digits(*unit);
            let parse = move |text: &str| zone.count(text, digits);
            match unit {
                TimeUnit::Second => primitive::<TimestampSecondType>(data_type, cells, parse),
                TimeUnit::Millisecond => primitive::<TimestampMillisecondType>(data_type, cells, parse),
                TimeUnit::Microsecond => primitive::<TimestampMicrosecondType>(data_type, cells, parse),
                TimeUnit::Nanosecond => primitive::<TimestampNanosecondType>(data_type, cells, parse),
            }
        }
        Time32(TimeUnit::Second) => primitive::<Time32SecondType>(data_type, cells, |text| Ok(time_of_day(text, 0)? as i32)),
        Time32(_) => primitive::<Time32MillisecondType>(data_type, cells, |text| Ok(time_of_day(text, 3)? as i32)),
        Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(data_type, cells, |text| time_of_day(text, 6)),
        _ => primitive::<Time64NanosecondType>(data_type, cells, |text| time_of_day(text, 9)),
    }
}

/// Without a zone.
fn local_count(text: &str, digits: u32) -> Result<i64, String> {
    Zone { offset_minutes: None, any: false }.count(text, digits)
}

/// What a timestamp column says of zones.
#[derive(Clone, Copy)]
struct Zone {
    /// That of the column, if it has a zone.
    offset_minutes: Option<i32>,
    any: bool,
}

impl Zone {
    /// Units since 1970, of which a second has `10^digits`.
    fn count(self, text: &str, digits: u32) -> Result<i64, String> {
        let moment = parse_moment(text).ok_or("is no date or timestamp in the form YYYY-MM-DD[THH:MM:SS[.fraction]][Z]")?;
        let seconds = match (self.offset_minutes, moment.offset_minutes) {
            (None, None) => moment.seconds,
            (None, Some(_)) => return Err("has a zone, which the column has not".into()),
            (Some(_), None) => return Err("has no zone (Z or +HH:MM), without which it is no instant".into()),
            (Some(column), Some(own)) if column == own || self.any => moment.seconds - i128::from(own) * 60,
            (Some(_), Some(_)) => return Err("has another offset than the column; --lossy zone keeps the instant".into()),
        };
        units(moment, seconds, digits)
    }
}

fn units(moment: Moment, seconds: i128, digits: u32) -> Result<i64, String> {
    let per_unit = 10u32.pow(9 - digits);
    if !moment.nanosecond.is_multiple_of(per_unit) {
        return Err(format!("has more than {digits} digits after the second"));
    }
    let count = seconds * 10i128.pow(digits) + i128::from(moment.nanosecond / per_unit);
    i64::try_from(count).map_err(|_| format!("is beyond a timestamp with {digits} digits after the second"))
}

fn time_of_day(text: &str, digits: u32) -> Result<i64, String> {
    let (second, nanosecond) = parse_time(text).ok_or("is no time of day in the form HH:MM:SS[.fraction]")?;
    let moment = Moment { seconds: i128::from(second), nanosecond, offset_minutes: None, has_time: true };
    units(moment, moment.seconds, digits)
}

fn periods(data_type: &DataType, cells: &CellColumn<'_>) -> Result<ArrayRef, BadCell> {
    use DataType::*;
    let duration = |digits: u32| {
        move |text: &str| {
            let period = period(text)?;
            let nanoseconds = i128::from(period.days) * 86_400_000_000_000 + period.nanoseconds;
            let per_unit = 10i128.pow(9 - digits);
            match (period.months, nanoseconds % per_unit) {
                (0, 0) => i64::try_from(nanoseconds / per_unit).map_err(|_| "is too long".into()),
                (0, _) => Err(format!("has more than {digits} digits after the second")),
                _ => Err("has months, which have no fixed length".into()),
            }
        }
    };
    match data_type {
        Duration(TimeUnit::Second) => primitive::<DurationSecondType>(data_type, cells, duration(0)),
        Duration(TimeUnit::Millisecond) => primitive::<DurationMillisecondType>(data_type, cells, duration(3)),
        Duration(TimeUnit::Microsecond) => primitive::<DurationMicrosecondType>(data_type, cells, duration(6)),
        Duration(TimeUnit::Nanosecond) => primitive::<DurationNanosecondType>(data_type, cells, duration(9)),
        Interval(IntervalUnit::YearMonth) => primitive::<IntervalYearMonthType>(data_type, cells, |text| match period(text)? {
            Period { months, days: 0, nanoseconds: 0 } => months.try_into().map_err(|_| "is too long".into()),
            _ => Err("has days or a time, which the interval has not".into()),
        }),
        Interval(IntervalUnit::DayTime) => primitive::<IntervalDayTimeType>(data_type, cells, |text| {
            let Period { months: 0, days, nanoseconds } = period(text)? else {
                return Err("has months, which the interval has not".into());
            };
            let milliseconds = (nanoseconds % 1_000_000 == 0).then_some(nanoseconds / 1_000_000).and_then(|ms| i32::try_from(ms).ok());
            let days = i32::try_from(days).ok();
            days.zip(milliseconds).map(|(days, ms)| IntervalDayTime::new(days, ms)).ok_or_else(|| "is not days and milliseconds".into())
        }),
        _ => primitive::<IntervalMonthDayNanoType>(data_type, cells, |text| {
            let Period { months, days, nanoseconds } = period(text)?;
            let parts = (i32::try_from(months), i32::try_from(days), i64::try_from(nanoseconds));
            let (Ok(months), Ok(days), Ok(nanoseconds)) = parts else { return Err("is too long".into()) };
            Ok(IntervalMonthDayNano::new(months, days, nanoseconds))
        }),
    }
}

fn period(text: &str) -> Result<Period, String> {
    let period = parse_period(text).or_else(|| parse_oracle_interval(text));
    period.ok_or_else(|| "is no duration such as P1DT2H3M4.5S or +01 02:03:04.5".into())
}
