//! Types that convert alike, on both sides: what the rows and columns of the table are.

use arrow::datatypes::{DataType, IntervalUnit};

use crate::oracle_type::{OracleType, VectorFormat, is_vector};

/// Arrow types that convert alike. A dictionary, and run-end encoding, belongs to the family of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArrowFamily {
    /// Null.
    Null,
    /// Boolean.
    Boolean,
    /// Int8 to Int64, UInt8 to UInt64.
    Integer,
    /// Float16, Float32, Float64.
    Float,
    /// Decimal32 to Decimal256.
    Decimal,
    /// Utf8, LargeUtf8, Utf8View.
    Text,
    /// Binary, LargeBinary, BinaryView, FixedSizeBinary.
    Binary,
    /// Date32, Date64.
    Date,
    /// Timestamp without a zone.
    Timestamp,
    /// Timestamp with a zone: an instant.
    ZonedTimestamp,
    /// Time32, Time64.
    TimeOfDay,
    /// Duration.
    Duration,
    /// Interval of months.
    MonthInterval,
    /// Interval of days and milliseconds.
    DayInterval,
    /// Interval of months, days and nanoseconds.
    MixedInterval,
    /// Lists of one length of Float32, Float64 or Int8: vectors.
    Vector,
    /// What this version does not write: nested types.
    Other,
}

/// Oracle types that convert alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OracleFamily {
    /// NUMBER.
    Number,
    /// FLOAT.
    Float,
    /// BINARY_FLOAT.
    BinaryFloat,
    /// BINARY_DOUBLE.
    BinaryDouble,
    /// VARCHAR2, NVARCHAR2, CHAR, NCHAR.
    Character,
    /// CLOB, NCLOB.
    CharacterLob,
    /// DATE.
    Date,
    /// TIMESTAMP.
    Timestamp,
    /// TIMESTAMP WITH TIME ZONE.
    ZonedTimestamp,
    /// TIMESTAMP WITH LOCAL TIME ZONE.
    LocalTimestamp,
    /// INTERVAL DAY TO SECOND.
    IntervalDaySecond,
    /// INTERVAL YEAR TO MONTH.
    IntervalYearMonth,
    /// RAW.
    Raw,
    /// BLOB.
    BinaryLob,
    /// BOOLEAN (23ai).
    Boolean,
    /// JSON (21c).
    Json,
    /// XMLTYPE.
    Xml,
    /// VECTOR (23ai).
    Vector,
    /// ROWID and UROWID as types of columns.
    RowAddress,
    /// What this version does not write.
    Other,
}

/// The format of a vector of such numbers.
pub fn vector_format(item: &DataType) -> Option<VectorFormat> {
    match item {
        DataType::Float32 => Some(VectorFormat::Float32),
        DataType::Float64 => Some(VectorFormat::Float64),
        DataType::Int8 => Some(VectorFormat::Int8),
        _ => None,
    }
}

impl ArrowFamily {
    /// All families, in the order of the documentation.
    pub const ALL: [ArrowFamily; 17] = [
        ArrowFamily::Integer,
        ArrowFamily::Boolean,
        ArrowFamily::Float,
        ArrowFamily::Decimal,
        ArrowFamily::Text,
        ArrowFamily::Binary,
        ArrowFamily::Date,
        ArrowFamily::Timestamp,
        ArrowFamily::ZonedTimestamp,
        ArrowFamily::TimeOfDay,
        ArrowFamily::Duration,
        ArrowFamily::MonthInterval,
        ArrowFamily::DayInterval,
        ArrowFamily::MixedInterval,
        ArrowFamily::Vector,
        ArrowFamily::Null,
        ArrowFamily::Other,
    ];

    /// The family of a type.
    pub fn of(data_type: &DataType) -> ArrowFamily {
        use DataType::*;
        match data_type {
            Null => ArrowFamily::Null,
            Boolean => ArrowFamily::Boolean,
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => ArrowFamily::Integer,
            Float16 | Float32 | Float64 => ArrowFamily::Float,
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => ArrowFamily::Decimal,
            Utf8 | LargeUtf8 | Utf8View => ArrowFamily::Text,
            Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => ArrowFamily::Binary,
            Date32 | Date64 => ArrowFamily::Date,
            Timestamp(_, None) => ArrowFamily::Timestamp,
            Timestamp(_, Some(_)) => ArrowFamily::ZonedTimestamp,
            Time32(_) | Time64(_) => ArrowFamily::TimeOfDay,
            Duration(_) => ArrowFamily::Duration,
            Interval(IntervalUnit::YearMonth) => ArrowFamily::MonthInterval,
            Interval(IntervalUnit::DayTime) => ArrowFamily::DayInterval,
            Interval(IntervalUnit::MonthDayNano) => ArrowFamily::MixedInterval,
            FixedSizeList(item, _) if vector_format(item.data_type()).is_some() => ArrowFamily::Vector,
            Dictionary(_, values) if !matches!(**values, Dictionary(..) | FixedSizeList(..)) => ArrowFamily::of(values),
            RunEndEncoded(_, values) if !matches!(values.data_type(), Dictionary(..) | FixedSizeList(..)) => {
                ArrowFamily::of(values.data_type())
            }
            _ => ArrowFamily::Other,
        }
    }

    /// The types of the family, for documentation.
    pub const fn types(self) -> &'static str {
        match self {
            ArrowFamily::Null => "Null",
            ArrowFamily::Boolean => "Boolean",
            ArrowFamily::Integer => "Int8–64, UInt8–64",
            ArrowFamily::Float => "Float16/32/64",
            ArrowFamily::Decimal => "Decimal32/64/128/256",
            ArrowFamily::Text => "Utf8, LargeUtf8, Utf8View",
            ArrowFamily::Binary => "Binary, LargeBinary, BinaryView, FixedSizeBinary",
            ArrowFamily::Date => "Date32, Date64",
            ArrowFamily::Timestamp => "Timestamp without zone",
            ArrowFamily::ZonedTimestamp => "Timestamp with zone",
            ArrowFamily::TimeOfDay => "Time32, Time64",
            ArrowFamily::Duration => "Duration",
            ArrowFamily::MonthInterval => "Interval(YearMonth)",
            ArrowFamily::DayInterval => "Interval(DayTime)",
            ArrowFamily::MixedInterval => "Interval(MonthDayNano)",
            ArrowFamily::Vector => "FixedSizeList of Float32, Float64, Int8",
            ArrowFamily::Other => "nested types",
        }
    }
}

impl OracleFamily {
    /// All families, in the order of the documentation.
    pub const ALL: [OracleFamily; 20] = [
        OracleFamily::Number,
        OracleFamily::Float,
        OracleFamily::BinaryFloat,
        OracleFamily::BinaryDouble,
        OracleFamily::Character,
        OracleFamily::CharacterLob,
        OracleFamily::Date,
        OracleFamily::Timestamp,
        OracleFamily::ZonedTimestamp,
        OracleFamily::LocalTimestamp,
        OracleFamily::IntervalDaySecond,
        OracleFamily::IntervalYearMonth,
        OracleFamily::Raw,
        OracleFamily::BinaryLob,
        OracleFamily::Boolean,
        OracleFamily::Json,
        OracleFamily::Xml,
        OracleFamily::Vector,
        OracleFamily::RowAddress,
        OracleFamily::Other,
    ];

    /// The family of a type.
    pub fn of(oracle_type: &OracleType) -> OracleFamily {
        match oracle_type {
            OracleType::Number { .. } => OracleFamily::Number,
            OracleType::Float { .. } => OracleFamily::Float,
            OracleType::BinaryFloat => OracleFamily::BinaryFloat,
            OracleType::BinaryDouble => OracleFamily::BinaryDouble,
            OracleType::Varchar2(_) | OracleType::Nvarchar2(_) | OracleType::Char(_) | OracleType::Nchar(_) => OracleFamily::Character,
            OracleType::Clob | OracleType::Nclob => OracleFamily::CharacterLob,
            OracleType::Date => OracleFamily::Date,
            OracleType::Timestamp { .. } => OracleFamily::Timestamp,
            OracleType::TimestampTz { .. } => OracleFamily::ZonedTimestamp,
            OracleType::IntervalDaySecond { .. } => OracleFamily::IntervalDaySecond,
            OracleType::IntervalYearMonth { .. } => OracleFamily::IntervalYearMonth,
            OracleType::Raw { .. } => OracleFamily::Raw,
            OracleType::Blob => OracleFamily::BinaryLob,
            OracleType::TimestampLtz { .. } => OracleFamily::LocalTimestamp,
            OracleType::Other { name } => match name.as_str() {
                "BOOLEAN" => OracleFamily::Boolean,
                "JSON" => OracleFamily::Json,
                "XMLTYPE" => OracleFamily::Xml,
                name if is_vector(name) => OracleFamily::Vector,
                "ROWID" | "UROWID" => OracleFamily::RowAddress,
                _ => OracleFamily::Other,
            },
        }
    }

    /// The types of the family, for documentation.
    pub const fn types(self) -> &'static str {
        match self {
            OracleFamily::Number => "NUMBER",
            OracleFamily::Float => "FLOAT",
            OracleFamily::BinaryFloat => "BINARY_FLOAT",
            OracleFamily::BinaryDouble => "BINARY_DOUBLE",
            OracleFamily::Character => "VARCHAR2, NVARCHAR2, CHAR, NCHAR",
            OracleFamily::CharacterLob => "CLOB, NCLOB",
            OracleFamily::Date => "DATE",
            OracleFamily::Timestamp => "TIMESTAMP",
            OracleFamily::ZonedTimestamp => "TIMESTAMP WITH TIME ZONE",
            OracleFamily::LocalTimestamp => "TIMESTAMP WITH LOCAL TIME ZONE",
            OracleFamily::IntervalDaySecond => "INTERVAL DAY TO SECOND",
            OracleFamily::IntervalYearMonth => "INTERVAL YEAR TO MONTH",
            OracleFamily::Raw => "RAW",
            OracleFamily::BinaryLob => "BLOB",
            OracleFamily::Boolean => "BOOLEAN",
            OracleFamily::Json => "JSON",
            OracleFamily::Xml => "XMLTYPE",
            OracleFamily::Vector => "VECTOR",
            OracleFamily::RowAddress => "ROWID, UROWID",
            OracleFamily::Other => "any other",
        }
    }
}
