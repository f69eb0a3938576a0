//! How the Parquet files of a table are made.

use arrow::datatypes::Schema;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::Table;
use super::statistics;

/// Layout of the files that a table gets; what is `None` is as Parquet's own writer has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileOptions {
    /// Compression; snappy where nothing is said.
    pub compression: Option<Compression>,
    /// Rows of a row group at most; it has 32 MB at most in any case.
    pub row_group_rows: Option<usize>,
    /// Bytes of a data page at most.
    pub page_bytes: Option<usize>,
    /// Whether values that repeat are kept in dictionaries.
    pub dictionary: Option<bool>,
    /// Columns that get a bloom filter.
    pub bloom_filters: Vec<String>,
}

impl FileOptions {
    /// Parquet's own form, without statistics that would not be exact.
    pub(crate) fn properties(&self, schema: &Schema) -> WriterProperties {
        let mut builder = default_properties();
        if let Some(compression) = self.compression {
            builder = builder.set_compression(compression);
        }
        if let Some(rows) = self.row_group_rows {
            builder = builder.set_max_row_group_row_count(Some(rows));
        }
        if let Some(bytes) = self.page_bytes {
            builder = builder.set_data_page_size_limit(bytes);
        }
        if let Some(is_wanted) = self.dictionary {
            builder = builder.set_dictionary_enabled(is_wanted);
        }
        for column in &self.bloom_filters {
            builder = builder.set_column_bloom_filter_enabled(ColumnPath::new(vec![column.clone()]), true);
        }
        statistics::without_inexact(builder, schema).build()
    }
}

/// A row group is held in memory until it is written, and by those who read it.
const ROW_GROUP_BYTES: usize = 32 << 20;

fn default_properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_created_by(concat!("olbridge ", env!("CARGO_PKG_VERSION")).to_owned())
}

impl Table {
    /// Files that are written through this value from now on have this layout, whatever the operation; those that are there stay as they are.
    pub fn set_file_options(&mut self, files: FileOptions) {
        self.files = files;
    }
}

/// Compression by name: `none`, `snappy`, `gzip`, `lz4`, `zstd` or `zstd:LEVEL`.
///
/// # Errors
/// The names there are.
pub fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "none" => Ok(Compression::UNCOMPRESSED),
        "snappy" => Ok(Compression::SNAPPY),
        "gzip" => Ok(Compression::GZIP(Default::default())),
        "lz4" => Ok(Compression::LZ4_RAW),
        "zstd" => Ok(Compression::ZSTD(ZstdLevel::default())),
        _ => text
            .strip_prefix("zstd:")
            .and_then(|level| ZstdLevel::try_new(level.parse().ok()?).ok())
            .map(Compression::ZSTD)
            .ok_or_else(|| format!("{text:?} is not one of none, snappy, gzip, lz4, zstd, zstd:1 … zstd:22")),
    }
}
