//! Arrays of boundary values, one for each sample type.

use arrow::buffer::Buffer;
use half::f16;

use super::*;
use crate::value::datetime::{FIRST_DAY, FIRST_GREGORIAN_DAY, LAST_DAY, SECONDS_PER_DAY};

const INTEGERS: [i128; 24] = [
    0,
    1,
    -1,
    9,
    10,
    99,
    100,
    127,
    -128,
    255,
    1200,
    12_300,
    32_767,
    65_535,
    99_999,
    123_400,
    99_999_900,
    1 << 24,
    (1 << 24) + 1,
    (1 << 53) + 1,
    i64::MAX as i128,
    i64::MIN as i128,
    u64::MAX as i128,
    i32::MIN as i128,
];

fn primitive<A: ArrowPrimitiveType>(values: impl IntoIterator<Item = A::Native>) -> PrimitiveArray<A> {
    // A NULL first, last, and after every third value.
    let values =
        values.into_iter().enumerate().flat_map(|(index, value)| [Some(value), None].into_iter().take(1 + usize::from(index % 3 == 2)));
    std::iter::once(None).chain(values).chain([None]).collect()
}

fn integers<A: ArrowPrimitiveType>() -> ArrayRef
where
    A::Native: TryFrom<i128>,
{
    Arc::new(primitive::<A>(INTEGERS.into_iter().filter_map(|value| value.try_into().ok())))
}

fn floats() -> Vec<f64> {
    vec![
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        123.45,
        123.456,
        999.99,
        1000.0,
        99_999.994,
        1e22,
        1e-7,
        0.00012,
        0.00001,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        1e125,
        1e126,
        1e-130,
        1e-131,
        f32::MAX.into(),
        f32::MIN_POSITIVE.into(),
        0.1f32.into(),
        16_777_217.0,
    ]
}

fn decimal<A: DecimalType>(precision: u8, scale: i8) -> ArrayRef
where
    A::Native: std::fmt::Debug,
{
    let nines = "9".repeat(precision.into());
    let texts = [
        "0",
        "1",
        "-1",
        "5",
        "100",
        "12345",
        "-12345",
        "1200000",
        "999999999999",
        "12345678901234567890",
        "1267650600228229401496703205376",
    ];
    let powers = [10, 20, 38, 40, 41, 75].map(|zeros| format!("1{}", "0".repeat(zeros)));
    let texts = texts.into_iter().map(String::from).chain(powers).filter(|text| text.trim_start_matches('-').len() <= precision.into());
    let limits = [nines.clone(), format!("-{nines}")].into_iter();
    // Through the 256-bit parser and the width of the type: its bytes are the two's complement of every narrower type.
    let values = texts.chain(limits).map(|text| i256::from_string(&text).unwrap().to_le_bytes());
    let native = |bytes: [u8; 32]| Buffer::from(&bytes[..size_of::<A::Native>()]).typed_data::<A::Native>()[0];
    Arc::new(primitive::<A>(values.map(native)).with_precision_and_scale(precision, scale).unwrap())
}

fn texts() -> Vec<Option<String>> {
    let mut texts = vec![String::new(), "a".into(), "ab ".into(), "0123456789".into(), "01234567890".into(), "nul\0nul".into()];
    texts.extend([
        "é".repeat(5),
        "é".repeat(6),
        "é".repeat(10),
        "語".repeat(10),
        "語".repeat(11),
        "😀".repeat(2),
        "😀".repeat(5),
        "😀".repeat(6),
        "😀".repeat(10),
    ]);
    texts.extend([12, 13, 16, 17, 32, 33, 128, 500, 4000, 4001, 32_767, 32_768].map(|length| "x".repeat(length)));
    texts.extend(["ü".repeat(16_383), "ü".repeat(16_384), "end".into()]);
    let mut texts: Vec<_> = texts.into_iter().map(Some).collect();
    texts.insert(3, None);
    texts.push(None);
    texts
}

fn binaries() -> Vec<Option<Vec<u8>>> {
    texts().into_iter().map(|text| text.map(|text| text.bytes().map(|byte| byte ^ 0xff).collect())).collect()
}

fn counts(units_per_second: i64) -> Vec<i64> {
    let (first, last) = (i64::from(FIRST_DAY) * SECONDS_PER_DAY, i64::from(LAST_DAY) * SECONDS_PER_DAY + SECONDS_PER_DAY - 1);
    let seconds = [
        0,
        1,
        -1,
        59,
        -60,
        951_827_696,
        4_102_444_800,
        first,
        first - 1,
        first + 30_000,
        first + 3 * SECONDS_PER_DAY,
        FIRST_GREGORIAN_DAY as i64 * SECONDS_PER_DAY,
        FIRST_GREGORIAN_DAY as i64 * SECONDS_PER_DAY - 1,
        -171_600 * SECONDS_PER_DAY + 45,
        last,
        last + 1,
        last - 30_000,
        -9_000_000_000,
        9_000_000_000,
    ];
    let fractions = [0, 1, units_per_second / 10, units_per_second / 1000, units_per_second - 1];
    let mut counts: Vec<_> = seconds
        .iter()
        .flat_map(|second| fractions.map(|fraction| second.checked_mul(units_per_second)?.checked_add(fraction)))
        .flatten()
        .collect();
    counts.extend([i64::MIN, i64::MAX]);
    counts
}

fn timestamps<A: ArrowTimestampType>(units_per_second: i64, zone: Option<Arc<str>>) -> ArrayRef {
    Arc::new(primitive::<A>(counts(units_per_second)).with_timezone_opt(zone))
}

fn times_of_day(units: i64) -> Vec<i64> {
    let day = 86_400 * units;
    vec![0, 1, units, day / 2, day - 1, day, -1, i64::MAX, i64::MIN]
}

fn durations(units: i64) -> Vec<i64> {
    let day = 86_400 * units;
    let days = [1, -1, 99, 100, -100, 106_751, 999_999_999, 1_000_000_000, -1_000_000_000];
    let whole = days.into_iter().filter_map(|days| day.checked_mul(days));
    whole.chain([0, 1, -1, units - 1, 1 - units, day + 1, -day - 1, i64::MAX, i64::MIN]).collect()
}

/// Days and milliseconds, also such that are no one span.
fn day_parts() -> impl Iterator<Item = (i32, i32)> {
    const DAY: i32 = 86_400_000;
    let one_span = [(0, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (99, DAY - 1), (-100, 1 - DAY), (999_999_999, 0), (1_000_000_000, 0)];
    let other = [(1, -1), (-1, 1), (0, DAY), (2, -DAY), (0, i32::MAX), (i32::MIN, 0), (i32::MAX, i32::MIN)];
    one_span.into_iter().chain(other)
}

/// Boundary values of a type with NULLs among them.
pub(super) fn boundaries(data_type: &DataType) -> ArrayRef {
    use DataType as D;
    match data_type {
        D::Null => Arc::new(NullArray::new(5)),
        D::Boolean => Arc::new(BooleanArray::from(vec![
            Some(true),
            None,
            Some(false),
            Some(true),
            Some(true),
            None,
            Some(false),
            Some(false),
            Some(true),
        ])),
        D::Int8 => integers::<Int8Type>(),
        D::Int16 => integers::<Int16Type>(),
        D::Int32 => integers::<Int32Type>(),
        D::Int64 => integers::<Int64Type>(),
        D::UInt8 => integers::<UInt8Type>(),
        D::UInt16 => integers::<UInt16Type>(),
        D::UInt32 => integers::<UInt32Type>(),
        D::UInt64 => integers::<UInt64Type>(),
        D::Float16 => Arc::new(primitive::<Float16Type>(floats().into_iter().map(f16::from_f64))),
        D::Float32 => Arc::new(primitive::<Float32Type>(floats().into_iter().map(|value| value as f32))),
        D::Float64 => Arc::new(primitive::<Float64Type>(floats())),
        D::Decimal32(p, s) => decimal::<Decimal32Type>(*p, *s),
        D::Decimal64(p, s) => decimal::<Decimal64Type>(*p, *s),
        D::Decimal128(p, s) => decimal::<Decimal128Type>(*p, *s),
        D::Decimal256(p, s) => decimal::<Decimal256Type>(*p, *s),
        D::Utf8 => Arc::new(StringArray::from(texts())),
        D::LargeUtf8 => Arc::new(LargeStringArray::from(texts())),
        D::Utf8View => Arc::new(StringViewArray::from_iter(texts())),
        D::Binary => Arc::new(BinaryArray::from_iter(binaries())),
        D::LargeBinary => Arc::new(LargeBinaryArray::from_iter(binaries())),
        D::BinaryView => Arc::new(BinaryViewArray::from_iter(binaries())),
        D::FixedSizeBinary(width) => {
            let values = [Some(0u8), None, Some(0xff), Some(7)].map(|byte| byte.map(|byte| vec![byte; *width as usize]));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), *width).unwrap())
        }
        D::Date32 => Arc::new(primitive::<Date32Type>([
            0,
            1,
            -1,
            FIRST_DAY,
            FIRST_DAY - 1,
            FIRST_DAY + 2,
            FIRST_GREGORIAN_DAY,
            FIRST_GREGORIAN_DAY - 1,
            FIRST_GREGORIAN_DAY - 10,
            FIRST_GREGORIAN_DAY - 11,
            -171_600,
            LAST_DAY,
            LAST_DAY + 1,
            19_782,
            i32::MIN,
            i32::MAX,
        ])),
        D::Date64 => Arc::new(primitive::<Date64Type>(counts(1_000))),
        D::Timestamp(TimeUnit::Second, zone) => timestamps::<TimestampSecondType>(1, zone.clone()),
        D::Timestamp(TimeUnit::Millisecond, zone) => timestamps::<TimestampMillisecondType>(1_000, zone.clone()),
        D::Timestamp(TimeUnit::Microsecond, zone) => timestamps::<TimestampMicrosecondType>(1_000_000, zone.clone()),
        D::Timestamp(TimeUnit::Nanosecond, zone) => timestamps::<TimestampNanosecondType>(1_000_000_000, zone.clone()),
        D::Time32(TimeUnit::Second) => Arc::new(primitive::<Time32SecondType>([0, 1, 86_399, 86_400, -1, i32::MAX, i32::MIN])),
        D::Time32(_) => Arc::new(primitive::<Time32MillisecondType>([0, 1, 1_000, 86_399_999, 86_400_000, -1, i32::MAX])),
        D::Time64(TimeUnit::Microsecond) => Arc::new(primitive::<Time64MicrosecondType>(times_of_day(1_000_000))),
        D::Time64(_) => Arc::new(primitive::<Time64NanosecondType>(times_of_day(1_000_000_000))),
        D::Duration(TimeUnit::Second) => Arc::new(primitive::<DurationSecondType>(durations(1))),
        D::Duration(TimeUnit::Millisecond) => Arc::new(primitive::<DurationMillisecondType>(durations(1_000))),
        D::Duration(TimeUnit::Microsecond) => Arc::new(primitive::<DurationMicrosecondType>(durations(1_000_000))),
        D::Duration(TimeUnit::Nanosecond) => Arc::new(primitive::<DurationNanosecondType>(durations(1_000_000_000))),
        D::Interval(IntervalUnit::YearMonth) => {
            Arc::new(primitive::<IntervalYearMonthType>([0, 1, -1, 11, 12, -13, 1_199, 1_200, -1_200, i32::MAX, i32::MIN]))
        }
        D::Interval(IntervalUnit::DayTime) => {
            let value = |(days, milliseconds)| IntervalDayTimeType::make_value(days, milliseconds);
            Arc::new(primitive::<IntervalDayTimeType>(day_parts().map(value)))
        }
        D::Interval(IntervalUnit::MonthDayNano) => {
            let months = [0, 1, -1, 1_200, i32::MAX, i32::MIN].map(|months| IntervalMonthDayNanoType::make_value(months, 0, 0));
            let value = |(days, milliseconds)| IntervalMonthDayNanoType::make_value(0, days, i64::from(milliseconds) * 1_000_000);
            let finest = [(0, 1), (-3, -86_399_999_999_999), (0, i64::MAX), (1, i64::MIN)];
            let finest = finest.map(|(days, nanos)| IntervalMonthDayNanoType::make_value(0, days, nanos));
            let mixed = [(1, 1, 0), (1, 0, 1)].map(|(months, days, nanos)| IntervalMonthDayNanoType::make_value(months, days, nanos));
            let values = months.into_iter().chain(day_parts().map(value)).chain(finest).chain(mixed);
            Arc::new(primitive::<IntervalMonthDayNanoType>(values))
        }
        D::Dictionary(_, values) => {
            let values = boundaries(values);
            let last = values.len() as i32 - 1;
            // Every value once, in reverse, with NULL keys and repetitions.
            let keys: Int32Array = (0..=last).rev().map(Some).chain([None, Some(0), Some(last), Some(last), None]).collect();
            Arc::new(DictionaryArray::try_new(keys, values).unwrap())
        }
        other => panic!("no boundary values for {other}"),
    }
}
