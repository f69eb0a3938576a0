//! Columns as OCI describes them.

use super::codes::sqlt;
use crate::engine::{CharUnit, ColumnInfo, DataType};

/// A column of a query as OCI describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnParam {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
    /// SQLT code, attribute 2.
    pub code: u16,
    /// Attribute 1.
    pub size_bytes: u16,
    /// Attribute 286.
    pub size_chars: u16,
    /// Whether the length counts characters, attribute 285.
    pub counts_chars: bool,
    /// Attribute 5.
    pub precision: i16,
    /// Attribute 6; for timestamps the digits of the fraction.
    pub scale: i8,
    /// Attribute 32: 1 implicit, 2 national.
    pub charset_form: u8,
}

impl ColumnParam {
    /// How OCI describes a column.
    pub fn new(column: &ColumnInfo) -> ColumnParam {
        let mut param = ColumnParam {
            name: column.name.clone(),
            data_type: column.data_type,
            nullable: column.nullable,
            code: 0,
            size_bytes: u16::try_from(column.data_type.data_length()).unwrap_or(u16::MAX),
            size_chars: 0,
            counts_chars: false,
            precision: 0,
            scale: 0,
            charset_form: 1,
        };
        match column.data_type {
            // NUMBER without precision is described as precision 0 and scale -127; with a scale alone as precision 38.
            DataType::Number { precision, scale } => {
                param.code = sqlt::NUM;
                (param.precision, param.scale) = match (precision, scale) {
                    (None, None) => (0, -127),
                    (precision, scale) => (i16::from(precision.unwrap_or(38)), scale.unwrap_or(0)),
                };
            }
            DataType::Float { binary_precision } => {
                (param.code, param.precision, param.scale) = (sqlt::NUM, i16::from(binary_precision), -127);
            }
            DataType::BinaryFloat => param.code = sqlt::IBFLOAT,
            DataType::BinaryDouble => param.code = sqlt::IBDOUBLE,
            DataType::Varchar2 { size, unit, national } => param.text(sqlt::CHR, size, unit, national),
            DataType::Char { size, unit, national } => param.text(sqlt::AFC, size, unit, national),
            DataType::Date => param.code = sqlt::DAT,
            DataType::Timestamp { digits } => param.fraction(sqlt::TIMESTAMP, digits),
            DataType::TimestampTz { digits } => param.fraction(sqlt::TIMESTAMP_TZ, digits),
            DataType::TimestampLtz { digits } => param.fraction(sqlt::TIMESTAMP_LTZ, digits),
            DataType::Raw { .. } => param.code = sqlt::BIN,
            DataType::Clob => param.code = sqlt::CLOB,
            DataType::Blob => param.code = sqlt::BLOB,
            DataType::Rowid => (param.code, param.size_bytes) = (sqlt::RDD, 18),
            DataType::Nclob => (param.code, param.charset_form) = (sqlt::CLOB, 2),
            DataType::Long => param.code = sqlt::LNG,
            DataType::LongRaw => param.code = sqlt::LBI,
            DataType::Cursor => param.code = sqlt::RSET,
            DataType::Urowid { .. } => param.code = sqlt::RDD,
            DataType::Boolean => param.code = sqlt::BOL,
            DataType::Json => param.code = sqlt::JSON,
            DataType::Vector { .. } => param.code = sqlt::VEC,
            DataType::IntervalDs { day_digits, second_digits } => {
                (param.code, param.precision, param.scale) = (sqlt::INTERVAL_DS, i16::from(day_digits), second_digits as i8);
            }
            DataType::IntervalYm { year_digits } => (param.code, param.precision) = (sqlt::INTERVAL_YM, i16::from(year_digits)),
        }
        param
    }

    /// As the engine describes it.
    pub fn info(&self) -> ColumnInfo {
        ColumnInfo { name: self.name.clone(), data_type: self.data_type, nullable: self.nullable }
    }

    fn text(&mut self, code: u16, size: u32, unit: CharUnit, national: bool) {
        self.code = code;
        self.counts_chars = national || unit == CharUnit::Char;
        self.size_chars = u16::try_from(size).unwrap_or(u16::MAX);
        self.charset_form = if national { 2 } else { 1 };
        // The database character set is AL32UTF8, so national text too may need four bytes for a character on the client.
        if self.counts_chars {
            self.size_bytes = u16::try_from(size.saturating_mul(4).min(32_767)).unwrap_or(32_767).max(self.size_bytes);
        }
    }

    fn fraction(&mut self, code: u16, digits: u8) {
        self.code = code;
        self.scale = i8::try_from(digits).unwrap_or(9);
    }
}
