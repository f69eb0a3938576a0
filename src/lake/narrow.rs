//! Decimals that files hold as machine integers, decoded as such: without the way through 128 bits they cost less to decode and to convert.

use std::collections::HashSet;

use arrow::datatypes::{DECIMAL64_MAX_PRECISION, DataType};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Type as PhysicalType;

use super::parquet::ParquetSource;

/// Names of the columns whose values are 32-bit or 64-bit integers in the file.
pub(super) fn integer_columns(metadata: &ArrowReaderMetadata) -> HashSet<String> {
    let root = metadata.metadata().file_metadata().schema_descr().root_schema().get_fields();
    let is_integer = |physical| matches!(physical, PhysicalType::INT32 | PhysicalType::INT64);
    root.iter().filter(|field| field.is_primitive() && is_integer(field.get_physical_type())).map(|field| field.name().to_owned()).collect()
}

impl ParquetSource {
    /// Decodes the decimals among `columns` (schema indices) that are 64-bit integers at most in every file into Decimal64 from now on.
    pub fn narrow_decimals(&mut self, columns: &[usize]) {
        for &column in columns {
            let field = self.schema().field(column);
            if let DataType::Decimal128(precision, scale) = *field.data_type()
                && precision <= DECIMAL64_MAX_PRECISION
                && self.is_file_column(column)
                && self.is_integer_column(field.name())
            {
                self.set_column_type(column, DataType::Decimal64(precision, scale));
            }
        }
    }
}

/// What [`ParquetSource::narrow_decimals`] may have chosen.
pub(super) fn is_narrowed(own: &DataType, wanted: &DataType) -> bool {
    matches!((own, wanted), (DataType::Decimal128(p, s), DataType::Decimal64(q, t)) if (p, s) == (q, t))
}
