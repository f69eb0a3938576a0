//! What each value should become, said without the converters, and what a slot holds, said by the decoders.

use arrow::util::display::array_value_to_string;

use super::external_type::*;
use super::*;
use crate::layout::{DateTimeFields, DaySecond};
use crate::value::datetime::{Calendar, FIRST_DAY, FIRST_GREGORIAN_DAY, LAST_DAY, SECONDS_PER_DAY, decode_dat, seconds_from_fields};
use crate::value::number::Number;

/// Nanoseconds of a day.
const DAY: i128 = 86_400_000_000_000;

/// One value, as the other side would read it.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Null,
    /// Exact decimal text.
    Number(String),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Time {
        seconds: i64,
        nanosecond: u32,
        offset_minutes: i16,
    },
    /// Nanoseconds, a day having 24 hours.
    Span(i128),
    Months(i64),
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Cell::Null, Cell::Null) => true,
            (Cell::Number(a), Cell::Number(b)) | (Cell::Text(a), Cell::Text(b)) => a == b,
            (Cell::Float(a), Cell::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Cell::Bytes(a), Cell::Bytes(b)) => a == b,
            (Cell::Span(a), Cell::Span(b)) => a == b,
            (Cell::Months(a), Cell::Months(b)) => a == b,
            (Cell::Time { seconds: a, nanosecond: b, offset_minutes: c }, Cell::Time { seconds: d, nanosecond: e, offset_minutes: f }) => {
                (a, b, c) == (d, e, f)
            }
            _ => false,
        }
    }
}

/// Reads slot `row`.
pub(super) fn decode(buffers: &Buffers, row: usize) -> Cell {
    match buffers.indicators[row] {
        -1 => return Cell::Null,
        indicator => assert_eq!(indicator, 0),
    }
    let slot = &buffers.values[row * buffers.stride_bytes..][..buffers.stride_bytes];
    match buffers.layout {
        Layout::Fixed { external_type, .. } => decode_fixed(external_type, slot),
        Layout::Variable { external_type, .. } => {
            let value = &slot[..buffers.lengths[row] as usize];
            match external_type {
                SQLT_CHR => Cell::Text(std::str::from_utf8(value).unwrap().into()),
                _ => Cell::Bytes(value.into()),
            }
        }
        Layout::IntervalDaySecond => {
            let span = DaySecond::read_from(slot.try_into().unwrap());
            assert!(span.nanoseconds.unsigned_abs() < DAY as u64 && i64::from(span.days) * span.nanoseconds.signum() >= 0, "{span:?}");
            Cell::Span(i128::from(span.days) * DAY + i128::from(span.nanoseconds))
        }
        Layout::IntervalYearMonth => Cell::Months(i64::from_ne_bytes(slot.try_into().unwrap())),
        Layout::DateTime { with_zone } => {
            let fields = DateTimeFields::read_from(slot.try_into().unwrap());
            assert!(with_zone || fields.offset_minutes == 0);
            time(&fields)
        }
        Layout::ZonedTime => panic!("no converter binds it"),
        Layout::RegionTime { region } => {
            assert_eq!(region.name(), b"Europe/Berlin");
            let fields = DateTimeFields::read_from(slot.try_into().unwrap());
            assert_eq!(fields.offset_minutes, 0);
            time(&fields)
        }
        Layout::Lob { .. } => panic!("locators are not bound in arrays"),
    }
}

fn decode_fixed(external_type: u16, slot: &[u8]) -> Cell {
    let number = |value: i128| Cell::Number(value.to_string());
    match (external_type, slot.len()) {
        (SQLT_VNU, 22) => Cell::Number(Number::from_slot(slot.try_into().unwrap()).unwrap().to_string()),
        (SQLT_DAT, 7) => time(&decode_dat(slot.try_into().unwrap()).unwrap()),
        (SQLT_BFLOAT, 4) => Cell::Float(f32::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_BDOUBLE, 8) => Cell::Float(f64::from_ne_bytes(slot.try_into().unwrap())),
        (SQLT_INT, 1) => number(i8::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_INT, 2) => number(i16::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_INT, 4) => number(i32::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_INT, 8) => number(i64::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_UIN, 1) => number(slot[0].into()),
        (SQLT_UIN, 2) => number(u16::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_UIN, 4) => number(u32::from_ne_bytes(slot.try_into().unwrap()).into()),
        (SQLT_UIN, 8) => number(u64::from_ne_bytes(slot.try_into().unwrap()).into()),
        other => panic!("unknown type and size {other:?}"),
    }
}

fn time(fields: &DateTimeFields) -> Cell {
    let seconds = seconds_from_fields(fields, Calendar::SameDay).unwrap();
    Cell::Time { seconds, nanosecond: fields.nanosecond, offset_minutes: fields.offset_minutes }
}

/// What row `row` of a plain (not dictionary) array is to become; `None` when it is to be refused.
pub(super) fn expected(array: &ArrayRef, row: usize, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    if array.is_null(row) || matches!(array.data_type(), DataType::Null) {
        return Some(Cell::Null);
    }
    match ArrowFamily::of(array.data_type()) {
        ArrowFamily::Boolean => Some(Cell::Number(u8::from(array.as_boolean().value(row)).to_string())),
        ArrowFamily::Integer => expected_integer(&array_value_to_string(array, row).unwrap(), target, lossy),
        ArrowFamily::Decimal => expected_number(normal(&array_value_to_string(array, row).unwrap()), target, lossy),
        ArrowFamily::Float => expected_float(array, row, target, lossy),
        ArrowFamily::Text => expected_text(&array_value_to_string(array, row).unwrap(), target, lossy),
        ArrowFamily::Binary => expected_bytes(&bytes(array, row), target, lossy),
        ArrowFamily::TimeOfDay | ArrowFamily::Duration => expected_count(array, row, target, lossy),
        ArrowFamily::MonthInterval | ArrowFamily::DayInterval | ArrowFamily::MixedInterval => expected_interval(array, row, target, lossy),
        _ => expected_time(array, row, target, lossy),
    }
}

fn expected_span(nanos: i128, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let OracleType::IntervalDaySecond { day_digits, fractional_digits } = *target else { unreachable!() };
    let step = 10i128.pow(9 - u32::from(fractional_digits));
    let kept = nanos / step * step;
    let fits = nanos.abs() < 10i128.pow(day_digits.into()) * DAY && (kept == nanos || lossy.allows(LossyKind::SubSecond));
    fits.then_some(Cell::Span(kept))
}

fn expected_count(array: &ArrayRef, row: usize, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let count = i128::from(arrow::compute::cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(row));
    let (DataType::Duration(unit) | DataType::Time32(unit) | DataType::Time64(unit)) = array.data_type() else { unreachable!() };
    let nanos = count
        * match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
    let possible = matches!(array.data_type(), DataType::Duration(_)) || (0..DAY).contains(&nanos);
    possible.then(|| expected_span(nanos, target, lossy)).flatten()
}

fn expected_interval(array: &ArrayRef, row: usize, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let (months, days, nanos) = match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => (array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0),
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            (0, value.days, i128::from(value.milliseconds) * 1_000_000)
        }
        _ => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (value.months, value.days, i128::from(value.nanoseconds))
        }
    };
    match target {
        OracleType::IntervalYearMonth { year_digits } => {
            let fits = days == 0 && nanos == 0 && i64::from(months).abs() < 12 * 10i64.pow((*year_digits).into());
            fits.then_some(Cell::Months(months.into()))
        }
        // What comes back is days and the rest of the span: these have to be those of the source.
        _ => {
            let total = i128::from(days) * DAY + nanos;
            let same_parts = total / DAY == i128::from(days) && total % DAY == nanos;
            (months == 0 && same_parts).then(|| expected_span(total, target, lossy)).flatten()
        }
    }
}

/// Decimal text without useless zeros and without a negative zero.
fn normal(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    // Arrow writes a zero of scale -3 as 0000.
    if text.bytes().all(|byte| matches!(byte, b'0' | b'-')) { "0".into() } else { text.into() }
}

/// Digits before the point, digits after it (both negative when zeros at the point take places away), of a number that is not 0.
fn extent(text: &str) -> (i32, i32) {
    let (integer, fraction) = text.trim_start_matches('-').split_once('.').unwrap_or((text.trim_start_matches('-'), ""));
    let before = match integer {
        "0" => -((fraction.len() - fraction.trim_start_matches('0').len()) as i32),
        integer => integer.len() as i32,
    };
    let after = if fraction.is_empty() { integer.trim_end_matches('0').len() as i32 - integer.len() as i32 } else { fraction.len() as i32 };
    (before, after)
}

fn expected_number(text: String, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    if text == "0" {
        return Some(Cell::Number(text));
    }
    let (before, after) = extent(&text);
    let rounding = lossy.allows(LossyKind::Rounding);
    // 20 base-100 digits: the places from an even one above the first digit to an even one below the last.
    let storable = (before + before.rem_euclid(2)) + (after + after.rem_euclid(2)) <= 40 && before <= 126 && before > -130;
    let fits = match *target {
        OracleType::Number { precision: None, scale: None } => true,
        OracleType::Number { precision, scale } => {
            let (precision, scale) = (i32::from(precision.unwrap_or(38)), i32::from(scale.unwrap_or(0)));
            before <= precision - scale && (rounding || after <= scale)
        }
        OracleType::Float { binary_precision } => {
            rounding || f64::from(before + after) <= (f64::from(binary_precision) * std::f64::consts::LOG10_2).ceil()
        }
        _ => unreachable!(),
    };
    (storable && fits).then_some(Cell::Number(text))
}

fn expected_integer(text: &str, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let rounding = lossy.allows(LossyKind::Rounding);
    let value: i128 = text.parse().unwrap();
    match target {
        // The database itself refuses what exceeds the precision.
        OracleType::Number { scale, .. } if scale.unwrap_or(0) >= 0 || rounding => Some(Cell::Number(text.into())),
        OracleType::Number { .. } | OracleType::Float { .. } => expected_number(text.into(), target, lossy),
        OracleType::BinaryDouble => Some(value as f64).filter(|float| rounding || *float as i128 == value).map(Cell::Float),
        OracleType::BinaryFloat => {
            Some(value as f32).filter(|float| rounding || *float as i128 == value).map(|float| Cell::Float(float.into()))
        }
        _ => unreachable!(),
    }
}

/// Of the roundings to ever more digits, the first that reads back; integers as they are.
fn shortest_of_f16(value: half::f16) -> String {
    let exact = value.to_f64();
    if exact.fract() == 0.0 || !exact.is_finite() {
        return exact.to_string();
    }
    let mut rounded = (0..5).map(|digits| format!("{exact:.digits$e}").parse::<f64>().unwrap());
    rounded.find(|rounded| half::f16::from_f64(*rounded) == value).unwrap().to_string()
}

fn expected_float(array: &ArrayRef, row: usize, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    // Rust prints the shortest digits that read back, without an exponent.
    let (value, text) = match array.data_type() {
        DataType::Float16 => {
            let value = array.as_primitive::<Float16Type>().value(row);
            (value.to_f64(), shortest_of_f16(value))
        }
        DataType::Float32 => {
            (array.as_primitive::<Float32Type>().value(row).into(), array.as_primitive::<Float32Type>().value(row).to_string())
        }
        _ => (array.as_primitive::<Float64Type>().value(row), array.as_primitive::<Float64Type>().value(row).to_string()),
    };
    match target {
        OracleType::BinaryDouble => Some(Cell::Float(value)),
        OracleType::BinaryFloat => {
            let single = value as f32;
            let rounded = lossy.allows(LossyKind::Rounding) && single.is_finite();
            (value.is_nan() || f64::from(single) == value || rounded).then_some(Cell::Float(single.into()))
        }
        _ if !value.is_finite() => None,
        _ => expected_number(normal(&text), target, lossy),
    }
}

fn empty(lossy: LossySet) -> Option<Cell> {
    lossy.allows(LossyKind::EmptyText).then_some(Cell::Null)
}

fn expected_text(text: &str, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let fits = |text: &str| match target {
        OracleType::Varchar2(size) | OracleType::Char(size) => {
            text.len() <= size.max_bytes as usize && size.max_chars.is_none_or(|chars| text.chars().count() <= chars as usize)
        }
        OracleType::Nvarchar2(size) | OracleType::Nchar(size) => text.encode_utf16().count() <= size.max_chars.unwrap() as usize,
        _ => true,
    };
    if text.is_empty() && !target.is_lob() {
        empty(lossy)
    } else if text.is_empty() {
        Some(empty(lossy).unwrap_or(Cell::Text("".into())))
    } else {
        let ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
        let kept = match lossy.allows(LossyKind::Truncation) && !fits(text) {
            true => ends.take_while(|&end| fits(&text[..end])).last().unwrap_or(0),
            false => text.len(),
        };
        (kept > 0 && fits(&text[..kept])).then(|| Cell::Text(text[..kept].into()))
    }
}

fn bytes(array: &ArrayRef, row: usize) -> Vec<u8> {
    match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().value(row).into(),
        DataType::LargeBinary => array.as_binary::<i64>().value(row).into(),
        DataType::BinaryView => array.as_binary_view().value(row).into(),
        _ => array.as_fixed_size_binary().value(row).into(),
    }
}

fn expected_bytes(value: &[u8], target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let max_bytes = if let OracleType::Raw { max_bytes } = target { *max_bytes } else { u32::MAX };
    if value.is_empty() && !target.is_lob() {
        empty(lossy)
    } else if value.is_empty() {
        Some(empty(lossy).unwrap_or(Cell::Bytes(vec![])))
    } else {
        let kept = if lossy.allows(LossyKind::Truncation) { value.len().min(max_bytes as usize) } else { value.len() };
        (kept <= max_bytes as usize).then(|| Cell::Bytes(value[..kept].into()))
    }
}

fn expected_time(array: &ArrayRef, row: usize, target: &OracleType, lossy: LossySet) -> Option<Cell> {
    let count = i128::from(arrow::compute::cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(row));
    let (nanos_per_unit, zone) = match array.data_type() {
        DataType::Date32 => (86_400 * 1_000_000_000, None),
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, None) => (1_000_000, None),
        DataType::Timestamp(TimeUnit::Second, zone) => (1_000_000_000, zone.as_deref()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => (1_000_000, zone.as_deref()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => (1_000, zone.as_deref()),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => (1, zone.as_deref()),
        other => panic!("{other}"),
    };
    let offset_minutes = match (target, zone) {
        (OracleType::TimestampTz { .. }, Some("+05:30")) => 330,
        _ => 0,
    };
    // A Date64 is a day: fractions of it go no further than whole seconds.
    let digits = match target {
        OracleType::Timestamp { fractional_digits }
        | OracleType::TimestampTz { fractional_digits }
        | OracleType::TimestampLtz { fractional_digits }
            if *array.data_type() != DataType::Date64 =>
        {
            *fractional_digits
        }
        _ => 0,
    };
    let step = 10i128.pow(9 - u32::from(digits));
    let nanos = count * nanos_per_unit;
    if nanos.rem_euclid(step) != 0 && !lossy.allows(LossyKind::SubSecond) {
        return None;
    }
    let kept = nanos - nanos.rem_euclid(step);
    let (seconds, nanosecond) = (kept.div_euclid(1_000_000_000), kept.rem_euclid(1_000_000_000) as u32);
    let range = i128::from(FIRST_DAY) * i128::from(SECONDS_PER_DAY)..(i128::from(LAST_DAY) + 1) * i128::from(SECONDS_PER_DAY);
    let local = seconds + i128::from(offset_minutes) * 60;
    let in_region = matches!((target, zone), (OracleType::TimestampTz { .. }, Some(zone)) if zone.contains('/'));
    let margin = if in_region && !lossy.allows(LossyKind::Zone) { 15 * 3600 } else { 0 };
    if [-margin, margin].iter().any(|margin| !range.contains(&(seconds + margin))) || !range.contains(&local) {
        return None;
    }
    let shift = calendar_shift(local as i64, lossy)?;
    Some(Cell::Time { seconds: seconds as i64 + shift, nanosecond, offset_minutes })
}

/// Seconds by which a local time before 1582-10-15 moves when it is to keep its name: as many days as the Julian calendar is ahead of the
/// Gregorian, which changes with the leap days of 1500, 1400, 1300, 1100, …
fn calendar_shift(local: i64, lossy: LossySet) -> Option<i64> {
    let days = local.div_euclid(SECONDS_PER_DAY);
    if !lossy.allows(LossyKind::Calendar) || days >= i64::from(FIRST_GREGORIAN_DAY) {
        return Some(0);
    }
    let date = chrono::NaiveDate::from_num_days_from_ce_opt(days as i32 + 719_163).unwrap();
    let (year, month, day) = (chrono::Datelike::year(&date), chrono::Datelike::month(&date), chrono::Datelike::day(&date));
    if year < 1 || (year, month, day) > (1582, 10, 4) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    Some(i64::from(year / 100 - year / 400 - 2) * SECONDS_PER_DAY)
}
