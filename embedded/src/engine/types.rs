//! Oracle's column types and their names.

use std::fmt::{Display, Formatter};

/// What the length of a text column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CharUnit {
    /// Bytes of UTF-8.
    Byte,
    /// Characters.
    Char,
}

/// An Oracle type with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// NUMBER, NUMBER(p), NUMBER(p,s), NUMBER(*,s).
    Number {
        /// Decimal digits, 1 to 38; none for NUMBER and NUMBER(*,s).
        precision: Option<u8>,
        /// Digits right of the point, -84 to 127; none for NUMBER alone (a floating decimal).
        scale: Option<i8>,
    },
    /// FLOAT(b).
    Float {
        /// Binary digits, 1 to 126.
        binary_precision: u8,
    },
    /// BINARY_FLOAT.
    BinaryFloat,
    /// BINARY_DOUBLE.
    BinaryDouble,
    /// VARCHAR2(n), NVARCHAR2(n).
    Varchar2 {
        /// Greatest length in `unit`.
        size: u32,
        /// What `size` counts.
        unit: CharUnit,
        /// NVARCHAR2.
        national: bool,
    },
    /// CHAR(n), NCHAR(n), blank-padded.
    Char {
        /// Length in `unit`.
        size: u32,
        /// What `size` counts.
        unit: CharUnit,
        /// NCHAR.
        national: bool,
    },
    /// DATE.
    Date,
    /// TIMESTAMP(digits).
    Timestamp {
        /// Digits of fractional seconds, 0 to 9.
        digits: u8,
    },
    /// TIMESTAMP(digits) WITH TIME ZONE.
    TimestampTz {
        /// Digits of fractional seconds, 0 to 9.
        digits: u8,
    },
    /// TIMESTAMP(digits) WITH LOCAL TIME ZONE.
    TimestampLtz {
        /// Digits of fractional seconds, 0 to 9.
        digits: u8,
    },
    /// RAW(n).
    Raw {
        /// Greatest length in bytes.
        size: u32,
    },
    /// CLOB.
    Clob,
    /// BLOB.
    Blob,
    /// ROWID.
    Rowid,
    /// INTERVAL DAY(p) TO SECOND(s).
    IntervalDs {
        /// Digits of the days, 0 to 9.
        day_digits: u8,
        /// Digits of fractional seconds, 0 to 9.
        second_digits: u8,
    },
    /// INTERVAL YEAR(p) TO MONTH.
    IntervalYm {
        /// Digits of the years, 0 to 9.
        year_digits: u8,
    },
    /// A query in a SELECT list (`CURSOR (SELECT …)`), which its reader opens.
    Cursor,
    /// LONG.
    Long,
    /// LONG RAW.
    LongRaw,
    /// NCLOB.
    Nclob,
    /// UROWID(n).
    Urowid {
        /// Greatest length in bytes.
        size: u32,
    },
    /// BOOLEAN, of release 23.
    Boolean,
    /// JSON, of release 23.
    Json,
}

/// One column of a table or of a SELECT list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Name as stored, upper-cased unless it was quoted.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether NULL is allowed.
    pub nullable: bool,
}

/// What values of a type look like in storage and in expressions, without lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    Number,
    BinaryFloat,
    BinaryDouble,
    Text,
    Char,
    Date,
    Timestamp,
    TimestampTz,
    TimestampLtz,
    Raw,
    Clob,
    Blob,
    Rowid,
    IntervalDs,
    IntervalYm,
    Cursor,
    Boolean,
    Json,
}

impl DataType {
    /// NUMBER without limits.
    pub const NUMBER: DataType = DataType::Number { precision: None, scale: None };

    pub(crate) const fn varchar2(size: u32) -> DataType {
        DataType::Varchar2 { size, unit: CharUnit::Byte, national: false }
    }

    pub(crate) const fn char(size: u32) -> DataType {
        DataType::Char { size, unit: CharUnit::Byte, national: false }
    }

    /// Whether it is text of the national character set.
    pub(crate) fn is_national(&self) -> bool {
        matches!(self, DataType::Varchar2 { national: true, .. } | DataType::Char { national: true, .. })
    }

    pub(crate) fn family(&self) -> Family {
        match self {
            DataType::Number { .. } | DataType::Float { .. } => Family::Number,
            DataType::BinaryFloat => Family::BinaryFloat,
            DataType::BinaryDouble => Family::BinaryDouble,
            DataType::Varchar2 { .. } => Family::Text,
            DataType::Char { .. } => Family::Char,
            DataType::Date => Family::Date,
            DataType::Timestamp { .. } => Family::Timestamp,
            DataType::TimestampTz { .. } => Family::TimestampTz,
            DataType::TimestampLtz { .. } => Family::TimestampLtz,
            DataType::Raw { .. } => Family::Raw,
            DataType::Clob | DataType::Nclob | DataType::Long => Family::Clob,
            DataType::Blob | DataType::LongRaw => Family::Blob,
            DataType::Rowid | DataType::Urowid { .. } => Family::Rowid,
            DataType::IntervalDs { .. } => Family::IntervalDs,
            DataType::IntervalYm { .. } => Family::IntervalYm,
            DataType::Cursor => Family::Cursor,
            DataType::Boolean => Family::Boolean,
            DataType::Json => Family::Json,
        }
    }

    /// The name as in `DATA_TYPE` of the dictionary and in ORA-00932, without lengths.
    pub fn dictionary_name(&self) -> String {
        match self {
            DataType::Number { .. } => "NUMBER".into(),
            DataType::Float { .. } => "FLOAT".into(),
            DataType::BinaryFloat => "BINARY_FLOAT".into(),
            DataType::BinaryDouble => "BINARY_DOUBLE".into(),
            DataType::Varchar2 { national, .. } => if *national { "NVARCHAR2" } else { "VARCHAR2" }.into(),
            DataType::Char { national, .. } => if *national { "NCHAR" } else { "CHAR" }.into(),
            DataType::Raw { .. } => "RAW".into(),
            DataType::Urowid { .. } => "UROWID".into(),
            _ => self.to_string(),
        }
    }

    /// Greatest length in bytes as `DATA_LENGTH` of the dictionary counts it.
    pub fn data_length(&self) -> u32 {
        match *self {
            DataType::Number { .. } | DataType::Float { .. } => 22,
            DataType::BinaryFloat => 4,
            DataType::BinaryDouble => 8,
            DataType::Varchar2 { size, unit, national } | DataType::Char { size, unit, national } => {
                let widest = if matches!(self, DataType::Char { .. }) { 2000 } else { 4000 };
                match (national, unit) {
                    (true, _) => size * 2,
                    (false, CharUnit::Byte) => size,
                    (false, CharUnit::Char) => (size.saturating_mul(4)).min(widest.max(size)),
                }
            }
            DataType::Date => 7,
            DataType::Timestamp { .. } | DataType::TimestampLtz { .. } => 11,
            DataType::TimestampTz { .. } => 13,
            DataType::Raw { size } => size,
            DataType::Clob | DataType::Blob | DataType::Nclob => 4000,
            DataType::Rowid => 10,
            DataType::IntervalDs { .. } => 11,
            DataType::IntervalYm { .. } => 5,
            DataType::Long | DataType::LongRaw | DataType::Cursor => 0,
            DataType::Urowid { size } => size,
            DataType::Boolean => 1,
            DataType::Json => 8200,
        }
    }
}

impl Display for DataType {
    /// The type as it is written in DDL; reading it back gives the same type.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let unit_name = |unit: CharUnit, national: bool| match (national, unit) {
            (true, _) => "",
            (_, CharUnit::Byte) => " BYTE",
            (_, CharUnit::Char) => " CHAR",
        };
        match *self {
            DataType::Number { precision: None, scale: None } => f.write_str("NUMBER"),
            DataType::Number { precision: None, scale: Some(scale) } => write!(f, "NUMBER(*,{scale})"),
            DataType::Number { precision: Some(precision), scale: None } => write!(f, "NUMBER({precision})"),
            DataType::Number { precision: Some(precision), scale: Some(scale) } => write!(f, "NUMBER({precision},{scale})"),
            DataType::Float { binary_precision } => write!(f, "FLOAT({binary_precision})"),
            DataType::BinaryFloat => f.write_str("BINARY_FLOAT"),
            DataType::BinaryDouble => f.write_str("BINARY_DOUBLE"),
            DataType::Varchar2 { size, unit, national } => {
                write!(f, "{}VARCHAR2({size}{})", if national { "N" } else { "" }, unit_name(unit, national))
            }
            DataType::Char { size, unit, national } => {
                write!(f, "{}CHAR({size}{})", if national { "N" } else { "" }, unit_name(unit, national))
            }
            DataType::Date => f.write_str("DATE"),
            DataType::Timestamp { digits } => write!(f, "TIMESTAMP({digits})"),
            DataType::TimestampTz { digits } => write!(f, "TIMESTAMP({digits}) WITH TIME ZONE"),
            DataType::TimestampLtz { digits } => write!(f, "TIMESTAMP({digits}) WITH LOCAL TIME ZONE"),
            DataType::Raw { size } => write!(f, "RAW({size})"),
            DataType::Clob => f.write_str("CLOB"),
            DataType::Blob => f.write_str("BLOB"),
            DataType::Rowid => f.write_str("ROWID"),
            DataType::IntervalDs { day_digits, second_digits } => write!(f, "INTERVAL DAY({day_digits}) TO SECOND({second_digits})"),
            DataType::IntervalYm { year_digits } => write!(f, "INTERVAL YEAR({year_digits}) TO MONTH"),
            DataType::Cursor => f.write_str("CURSOR"),
            DataType::Long => f.write_str("LONG"),
            DataType::LongRaw => f.write_str("LONG RAW"),
            DataType::Nclob => f.write_str("NCLOB"),
            DataType::Urowid { size } => write!(f, "UROWID({size})"),
            DataType::Boolean => f.write_str("BOOLEAN"),
            DataType::Json => f.write_str("JSON"),
        }
    }
}
