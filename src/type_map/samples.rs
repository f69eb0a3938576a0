//! Sample types of both sides, for tests that walk over every pair of the table.

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use super::ArrowFamily;
use crate::oracle_type::{OracleType, TextSize};

/// One Arrow type of each kind that the table knows, with parameters at their limits: what tests walk over.
pub fn sample_arrow_types() -> Vec<DataType> {
    use DataType::*;
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let mut types = vec![
        Null,
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float16,
        Float32,
        Float64,
        Decimal32(9, 2),
        Decimal64(18, 2),
        Decimal128(38, 10),
        Decimal128(38, 0),
        Decimal128(5, -3),
        Decimal256(76, 20),
        Decimal256(38, 5),
        Utf8,
        LargeUtf8,
        Utf8View,
        Binary,
        LargeBinary,
        BinaryView,
        FixedSizeBinary(16),
        Date32,
        Date64,
    ];
    types.extend(units.map(|unit| Timestamp(unit, None)));
    types.extend(units.map(|unit| Timestamp(unit, Some("UTC".into()))));
    types.push(Timestamp(TimeUnit::Microsecond, Some("+05:30".into())));
    types.push(Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())));
    types.push(List(Field::new("item", Int32, true).into()));
    types.push(FixedSizeList(Field::new("item", Float32, true).into(), 3));
    types.push(Struct(vec![Field::new("a", Int32, true)].into()));
    types.extend([Time32(units[0]), Time32(units[1]), Time64(units[2]), Time64(units[3])]);
    types.extend(units.map(Duration));
    types.extend([IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano].map(Interval));
    let dictionaries: Vec<_> =
        types.iter().filter(|t| !matches!(ArrowFamily::of(t), ArrowFamily::Other | ArrowFamily::Vector) && **t != Null).cloned().collect();
    types.extend(dictionaries.into_iter().map(|values| Dictionary(Int32.into(), values.into())));
    types
}

/// One Oracle type of each kind that the table knows, with parameters at their limits: what tests walk over.
pub fn sample_oracle_types() -> Vec<OracleType> {
    let number = |precision, scale| OracleType::Number { precision, scale };
    vec![
        number(None, None),
        number(Some(38), Some(0)),
        number(Some(5), Some(2)),
        number(Some(5), Some(-2)),
        number(Some(2), Some(5)),
        number(None, Some(0)),
        OracleType::Float { binary_precision: 126 },
        OracleType::Float { binary_precision: 10 },
        OracleType::BinaryFloat,
        OracleType::BinaryDouble,
        OracleType::Varchar2(TextSize::bytes(10)),
        OracleType::Varchar2(TextSize::chars(10)),
        OracleType::Varchar2(TextSize::bytes(32_767)),
        OracleType::Nvarchar2(TextSize { max_bytes: 20, max_chars: Some(10) }),
        OracleType::Char(TextSize::bytes(10)),
        OracleType::Nchar(TextSize { max_bytes: 20, max_chars: Some(10) }),
        OracleType::Date,
        OracleType::Timestamp { fractional_digits: 0 },
        OracleType::Timestamp { fractional_digits: 6 },
        OracleType::Timestamp { fractional_digits: 9 },
        OracleType::TimestampTz { fractional_digits: 6 },
        OracleType::TimestampLtz { fractional_digits: 6 },
        OracleType::IntervalDaySecond { day_digits: 9, fractional_digits: 9 },
        OracleType::IntervalDaySecond { day_digits: 2, fractional_digits: 3 },
        OracleType::IntervalDaySecond { day_digits: 0, fractional_digits: 0 },
        OracleType::IntervalYearMonth { year_digits: 9 },
        OracleType::IntervalYearMonth { year_digits: 2 },
        OracleType::Raw { max_bytes: 16 },
        OracleType::Clob,
        OracleType::Nclob,
        OracleType::Blob,
        OracleType::Other { name: "SDO_GEOMETRY".into() },
    ]
}

/// The types of [`OracleType::is_named`] that are written: a database may be too old for them.
pub fn sample_named_types() -> Vec<OracleType> {
    ["BOOLEAN", "JSON", "UROWID", "XMLTYPE", "VECTOR", "VECTOR(3,FLOAT64)"].map(|name| OracleType::Other { name: name.into() }).to_vec()
}
