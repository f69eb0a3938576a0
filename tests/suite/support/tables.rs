//! Source tables: one column of each Arrow type that the bridge carries, with its boundaries, and how each value has to read in Oracle.
//!
//! The expected text comes from Arrow's own formatter, not from the bridge's codecs: they judge each other.

use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal32Array, Decimal64Array,
    Decimal128Array, Decimal256Array, DictionaryArray, DurationMicrosecondArray, DurationMillisecondArray, DurationNanosecondArray,
    DurationSecondArray, FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array,
    IntervalDayTimeArray, IntervalYearMonthArray, LargeBinaryArray, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    Time32MillisecondArray, Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    make_array,
};
use olbridge::arrow::compute::cast;
use olbridge::arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, IntervalDayTime, IntervalDayTimeType, IntervalUnit, IntervalYearMonthType, Schema, i256,
};
use olbridge::arrow::util::display::{ArrayFormatter, FormatOptions};

/// Rows of [`every_type`].
pub const ROWS: usize = 6;
/// 0001-01-01 of the Julian calendar, which Oracle's is before 1582-10-15, and 9999-12-31, as days since 1970-01-01.
const FIRST_DAY: i64 = -719_164;
const FIRST_GREGORIAN_DAY: i64 = -141_427;
const LAST_DAY: i64 = 2_932_896;
const DAY_MS: i64 = 86_400_000;

/// A table with a column `id` (1…[`ROWS`]) and one nullable column for each type; the last row is NULL everywhere.
pub fn every_type() -> RecordBatch {
    let mut columns = vec![("id", Arc::new(Int32Array::from_iter_values(1..=ROWS as i32)) as ArrayRef)];
    columns.extend(numbers());
    columns.extend(texts());
    columns.extend(times());
    columns.extend(spans());
    table(columns)
}

/// A record batch with nullable columns.
pub fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), *name != "id")).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// A column `id` with these numbers.
pub fn ids(range: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

fn numbers() -> Vec<(&'static str, ArrayRef)> {
    fn d128(values: [Option<i128>; ROWS], precision: u8, scale: i8) -> ArrayRef {
        Arc::new(Decimal128Array::from_iter(values).with_precision_and_scale(precision, scale).unwrap())
    }
    let nines = 10_i128.pow(38) - 1;
    let half = |v: f32| Some(half::f16::from_f32(v));
    vec![
        ("i8", Arc::new(Int8Array::from(vec![Some(i8::MIN), Some(-1), Some(0), Some(1), Some(i8::MAX), None]))),
        ("i16", Arc::new(Int16Array::from(vec![Some(i16::MIN), Some(-100), Some(0), Some(100), Some(i16::MAX), None]))),
        ("i32", Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(-1), Some(0), Some(10_000), Some(i32::MAX), None]))),
        ("i64", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(-1), Some(0), Some(1_000_000), Some(i64::MAX), None]))),
        ("u8", Arc::new(UInt8Array::from(vec![Some(0), Some(1), Some(99), Some(100), Some(u8::MAX), None]))),
        ("u16", Arc::new(UInt16Array::from(vec![Some(0), Some(1), Some(99), Some(100), Some(u16::MAX), None]))),
        ("u32", Arc::new(UInt32Array::from(vec![Some(0), Some(1), Some(99), Some(100), Some(u32::MAX), None]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(0), Some(1), Some(99), Some(1 << 63), Some(u64::MAX), None]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), Some(false), Some(true), None]))),
        ("f16", Arc::new(Float16Array::from(vec![half(-65504.0), half(-0.5), half(0.0), half(0.333_251_95), half(65504.0), None]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(f32::MIN), Some(-0.1), Some(0.0), Some(1e-38), Some(f32::MAX), None]))),
        ("f64", Arc::new(Float64Array::from(vec![Some(f64::MIN), Some(-0.1), Some(0.0), Some(1.0 / 3.0), Some(f64::MAX), None]))),
        (
            "d32",
            Arc::new(
                Decimal32Array::from(vec![Some(-999_999_999), Some(-1), Some(0), Some(100), Some(999_999_999), None])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        (
            "d64",
            Arc::new(
                Decimal64Array::from(vec![Some(-(10_i64.pow(18) - 1)), Some(-1), Some(0), Some(5), Some(10_i64.pow(18) - 1), None])
                    .with_precision_and_scale(18, 6)
                    .unwrap(),
            ),
        ),
        ("d128", d128([Some(-nines), Some(-1), Some(0), Some(10_i128.pow(10)), Some(nines), None], 38, 10)),
        ("d128_whole", d128([Some(-nines), Some(-100), Some(0), Some(10_i128.pow(37)), Some(nines), None], 38, 0)),
        ("d128_fraction", d128([Some(-nines), Some(-1), Some(0), Some(10_i128.pow(37)), Some(nines), None], 38, 38)),
        (
            "d256",
            Arc::new(
                Decimal256Array::from_iter(
                    [Some(-nines), Some(-1), Some(0), Some(7), Some(nines), None].map(|v: Option<i128>| v.map(i256::from_i128)),
                )
                .with_precision_and_scale(38, 4)
                .unwrap(),
            ),
        ),
    ]
}

fn texts() -> Vec<(&'static str, ArrayRef)> {
    let text = [Some("a"), Some(" blanks kept "), Some("Grüße, 世界 🦀"), Some("line\nfeed \"quoted\", comma"), Some("0"), None];
    let bytes: [Option<&[u8]>; ROWS] = [Some(b"\0"), Some(b"\xff\xfe"), Some(b"abc"), Some(b"\0\0\0"), Some(b"0123456789"), None];
    let four: [Option<&[u8]>; ROWS] =
        [Some(b"\0\0\0\0"), Some(b"\xff\xff\xff\xff"), Some(b"abcd"), Some(b"\0\0\0a"), Some(b"a\0\0\0"), None];
    vec![
        ("utf8", Arc::new(StringArray::from(text.to_vec()))),
        ("large_utf8", Arc::new(LargeStringArray::from(text.to_vec()))),
        ("utf8_view", Arc::new(StringViewArray::from(text.to_vec()))),
        ("dictionary", Arc::new(text.into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("binary_", Arc::new(BinaryArray::from(bytes.to_vec()))),
        ("large_binary", Arc::new(LargeBinaryArray::from(bytes.to_vec()))),
        ("binary_view", Arc::new(BinaryViewArray::from(bytes.to_vec()))),
        ("fixed_binary", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(four.into_iter(), 4).unwrap())),
        ("nothing", Arc::new(NullArray::new(ROWS))),
    ]
}

fn times() -> Vec<(&'static str, ArrayRef)> {
    let days = [Some(FIRST_DAY), Some(-1), Some(0), Some(20_454), Some(LAST_DAY), None];
    let seconds = days.map(|d| d.map(|d| d * DAY_MS / 1000 + 86_399));
    let milliseconds = seconds.map(|s| s.map(|s| s * 1000 + 999));
    let microseconds = milliseconds.map(|ms| ms.map(|ms| ms * 1000 + 1));
    // Nanoseconds reach from 1677 to 2262 only.
    let nanoseconds = [Some(i64::MIN + 1), Some(-1), Some(0), Some(1), Some(i64::MAX), None];
    // With a zone the local day has to stay within the calendar too.
    let zoned = microseconds.map(|us| us.map(|us| us.clamp((FIRST_DAY + 1) * DAY_MS * 1000 + 1, (LAST_DAY - 1) * DAY_MS * 1000 + 999_999)));
    vec![
        ("date32_", Arc::new(Date32Array::from_iter(days.map(|d| d.map(|d| d as i32))))),
        ("date64_", Arc::new(Date64Array::from_iter(days.map(|d| d.map(|d| d * DAY_MS))))),
        ("ts_s", Arc::new(TimestampSecondArray::from_iter(seconds))),
        ("ts_ms", Arc::new(TimestampMillisecondArray::from_iter(milliseconds))),
        ("ts_us", Arc::new(TimestampMicrosecondArray::from_iter(microseconds))),
        ("ts_ns", Arc::new(TimestampNanosecondArray::from_iter(nanoseconds))),
        ("ts_utc", Arc::new(TimestampMicrosecondArray::from_iter(zoned).with_timezone("UTC"))),
        ("ts_east", Arc::new(TimestampMicrosecondArray::from_iter(zoned).with_timezone("+05:30"))),
    ]
}

fn spans() -> Vec<(&'static str, ArrayRef)> {
    const DAY_S: i64 = 86_400;
    let seconds = [Some(-999_999_999 * DAY_S), Some(-1), Some(0), Some(100 * DAY_S + 1), Some(999_999_999 * DAY_S + 86_399), None];
    let finer = |units: i64| seconds.map(|s| s.map(|s| s.saturating_mul(units).saturating_add(1)));
    let time = |units: i64| [Some(0), Some(1), Some(units * 3_661), Some(units * 43_200), Some(units * DAY_S - 1), None];
    let time32 = |units: i64| time(units).map(|t| t.map(|t| t as i32));
    let months = [Some(i32::MIN), Some(-1), Some(0), Some(1_200), Some(i32::MAX), None];
    let parts = [Some((-999_999_999, -86_399_999)), Some((0, -1)), Some((0, 0)), Some((99, 1)), Some((999_999_999, 86_399_999)), None];
    let parts = parts.map(|p| p.map(|(days, milliseconds)| IntervalDayTime::new(days, milliseconds)));
    vec![
        ("time_s", Arc::new(Time32SecondArray::from_iter(time32(1)))),
        ("time_ms", Arc::new(Time32MillisecondArray::from_iter(time32(1_000)))),
        ("time_us", Arc::new(Time64MicrosecondArray::from_iter(time(1_000_000)))),
        ("time_ns", Arc::new(Time64NanosecondArray::from_iter(time(1_000_000_000)))),
        ("duration_s", Arc::new(DurationSecondArray::from_iter(seconds))),
        ("duration_ms", Arc::new(DurationMillisecondArray::from_iter(finer(1_000)))),
        // Both ends are those of 64 bits.
        ("duration_us", Arc::new(DurationMicrosecondArray::from_iter(finer(1_000_000)))),
        ("duration_ns", Arc::new(DurationNanosecondArray::from_iter(finer(1_000_000_000)))),
        ("months", Arc::new(IntervalYearMonthArray::from_iter(months))),
        ("days", Arc::new(IntervalDayTimeArray::from_iter(parts))),
    ]
}

/// A span of time as Oracle writes it: `+5 04:03:02.000000001` or `+5-04`, without useless zeros before days and years.
fn span(array: &dyn Array, index: usize) -> Option<String> {
    let days = |days: i64, rest_ns: i64| {
        let sign = if days < 0 || rest_ns < 0 { '-' } else { '+' };
        let (seconds, ns) = (rest_ns.unsigned_abs() / 1_000_000_000, rest_ns.unsigned_abs() % 1_000_000_000);
        format!("{sign}{} {:02}:{:02}:{:02}.{ns:09}", days.unsigned_abs(), seconds / 3_600, seconds / 60 % 60, seconds % 60)
    };
    Some(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            let months = array.as_primitive::<IntervalYearMonthType>().value(index);
            format!("{}{}-{:02}", if months < 0 { '-' } else { '+' }, months.unsigned_abs() / 12, months.unsigned_abs() % 12)
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(index);
            days(value.days.into(), i64::from(value.milliseconds) * 1_000_000)
        }
        DataType::Duration(unit) | DataType::Time32(unit) | DataType::Time64(unit) => {
            let plain = cast(&make_array(array.to_data()), &DataType::Int64).unwrap();
            let count = plain.as_primitive::<Int64Type>().value(index);
            let units = 1_000_i64.pow(*unit as u32);
            let day = 86_400 * units;
            days(count / day, count % day * (1_000_000_000 / units))
        }
        _ => return None,
    })
}

/// How the value of `array` at `index` reads, in the form that [`canonical`] gives to Oracle's text. `None` for NULL.
pub fn expected(array: &dyn Array, index: usize) -> Option<String> {
    let utc = without_zone(array);
    let array = utc.as_ref();
    if array.is_valid(index)
        && let Some(text) = span(array, index)
    {
        return Some(text);
    }
    let text = ArrayFormatter::try_new(array, &FormatOptions::new()).unwrap().value(index).to_string();
    // A NULL in a dictionary is not NULL in its keys' validity only; the formatter knows both.
    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(index)) { None } else { Some(canonical(array.data_type(), &text)) }
}

/// The instants of timestamps with a zone, in UTC: Arrow's formatter knows no zone names. Days before 1582-10-15 moved to where their Julian name
/// is in Arrow's calendar.
fn without_zone(array: &dyn Array) -> ArrayRef {
    let plain = instants(array);
    let day_units = match plain.data_type() {
        DataType::Date32 => 1,
        DataType::Date64 => DAY_MS,
        DataType::Timestamp(unit, _) => 86_400 * 1_000_i64.pow(*unit as u32),
        _ => return plain,
    };
    let counts = cast(&plain, &DataType::Int64).unwrap();
    let named = counts
        .as_primitive::<Int64Type>()
        .unary::<_, Int64Type>(|count| count + (julian_name(count.div_euclid(day_units)) - count.div_euclid(day_units)) * day_units);
    cast(&named, plain.data_type()).unwrap()
}

/// Where a day's Julian name is in Arrow's calendar, if it is before 1582-10-15: by whole years of 365.25 days from 0000-03-01.
fn julian_name(day: i64) -> i64 {
    const JULIAN_0000_03_01: i64 = FIRST_DAY - 306;
    if day >= FIRST_GREGORIAN_DAY {
        return day;
    }
    let since = day - JULIAN_0000_03_01;
    // Four years of 1461 days, the leap day at their end.
    let (cycles, rest) = (since.div_euclid(1_461), since.rem_euclid(1_461));
    let years_in_cycle = (rest / 365).min(3);
    let march = chrono::NaiveDate::from_ymd_opt((cycles * 4 + years_in_cycle) as i32, 3, 1).unwrap();
    let named = march + chrono::TimeDelta::days(rest - years_in_cycle * 365);
    (named - chrono::NaiveDate::default()).num_days()
}

fn instants(array: &dyn Array) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            make_array(array.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build().unwrap())
        }
        _ => make_array(array.to_data()),
    }
}

/// One spelling for every way to write the same value.
pub fn canonical(data_type: &DataType, text: &str) -> String {
    match data_type {
        DataType::Boolean => text.replace("true", "1").replace("false", "0"),
        // Bits, with the two exceptions of Oracle's BINARY_FLOAT and BINARY_DOUBLE: -0 is stored as 0, and there is one NaN.
        DataType::Float16 | DataType::Float32 => {
            let bits = |v: f32| if v.is_nan() { "NaN".to_owned() } else { format!("{:08x}", (v + 0.0).to_bits()) };
            text.parse::<f32>().map_or_else(|_| text.to_owned(), bits)
        }
        DataType::Float64 => {
            let bits = |v: f64| if v.is_nan() { "NaN".to_owned() } else { format!("{:016x}", (v + 0.0).to_bits()) };
            text.parse::<f64>().map_or_else(|_| text.to_owned(), bits)
        }
        t if t.is_integer() || t.is_decimal() => decimal(text),
        t if t.is_binary() => text.to_ascii_lowercase(),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => instant(text),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) | DataType::Interval(_) => span_text(text),
        _ => text.to_owned(),
    }
}

/// `+000000005 04:03:02.000` → `+5 04:03:02.000000000`; `+05-04` → `+5-04`.
fn span_text(text: &str) -> String {
    let (sign, rest) = text.split_at(1);
    let leading = |digits: &str| digits.parse::<u64>().unwrap();
    match rest.split_once(' ') {
        Some((days, clock)) => {
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
            format!("{sign}{} {clock}.{fraction:0<9}", leading(days))
        }
        None => {
            let (years, months) = rest.split_once('-').unwrap();
            format!("{sign}{}-{months}", leading(years))
        }
    }
}

/// `-00.500` and `-.5` → `-0.5`; `1E+2` is not expected here.
fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let number = format!("{}{point}{fraction}", if whole.is_empty() { "0" } else { whole });
    if number == "0" { number } else { format!("{sign}{number}") }
}

/// A date or time in UTC without trailing zeros.
fn instant(text: &str) -> String {
    let text = text.replace('T', " ").replace(" UTC", "Z");
    let (local, offset_minutes) = split_zone(text.trim());
    let local = if local.len() <= 10 { format!("{local} 00:00:00") } else { local.to_owned() };
    let time = chrono::NaiveDateTime::parse_from_str(&local, "%Y-%m-%d %H:%M:%S%.f").unwrap_or_else(|e| panic!("{text}: {e}"));
    (time - chrono::TimeDelta::minutes(offset_minutes)).format("%Y-%m-%d %H:%M:%S%.9f").to_string()
}

fn split_zone(text: &str) -> (&str, i64) {
    if let Some(local) = text.strip_suffix('Z') {
        return (local.trim_end(), 0);
    }
    match text.rfind(['+', '-']).filter(|&at| at >= 19) {
        Some(at) => {
            let (hours, minutes) = text[at + 1..].split_once(':').unwrap();
            let minutes = hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap();
            (text[..at].trim_end(), if text[at..].starts_with('-') { -minutes } else { minutes })
        }
        None => (text, 0),
    }
}

#[test]
fn spellings_of_one_value_are_equal() {
    let cases = [
        (DataType::Int64, "-.50", "-0.5"),
        (DataType::Decimal128(5, 2), "1.20", "1.2"),
        (DataType::Int64, "-0", "0"),
        (DataType::Date32, "2026-01-01", "2026-01-01 00:00:00"),
        (DataType::Date32, "2026-01-01T10:00:00+05:30", "2026-01-01 04:30:00.000 +00:00"),
        (DataType::Date32, "2026-01-01T10:00:00.5Z", "2026-01-01 10:00:00.500000000"),
        (DataType::Binary, "FFfe", "fffe"),
        (DataType::Boolean, "true", "1"),
        (DataType::Float64, "0.1", "1E-1"),
    ];
    for (data_type, left, right) in cases {
        assert_eq!(canonical(&data_type, left), canonical(&data_type, right));
    }
}
