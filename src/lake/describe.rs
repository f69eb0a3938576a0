//! Files as a newcomer wants to see them: columns with their types, rows, row groups, sizes, compression.

use std::collections::BTreeSet;
use std::path::Path;

use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::basic::LogicalType;
use parquet::schema::types::Type;

use super::parquet::{ParquetSource, ReadOptions, load_metadata};
use super::source::{Source, SourceOptions};
use super::stream_source::StreamSource;
use crate::error::{Phase, Result};

/// A column of the source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DescribedColumn {
    /// Name.
    pub name: String,
    /// Arrow type that it is decoded into.
    pub arrow_type: String,
    /// Physical type in Parquet, `group` for nested columns, `directory` for partitions; the format of other files.
    pub parquet_type: String,
    /// What the physical type stands for, if the file says.
    pub logical_type: Option<String>,
    /// NULL allowed in at least one file.
    pub nullable: bool,
}

/// A file of the source.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DescribedFile {
    /// As named or found.
    pub path: String,
    /// Rows.
    pub rows: u64,
    /// Row groups.
    pub row_groups: usize,
    /// Size on disk.
    pub size_bytes: u64,
    /// Compression codecs in use.
    pub compression: Vec<String>,
    /// The program that wrote it, as it says itself.
    pub created_by: Option<String>,
}

/// A source as a whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SourceDescription {
    /// Columns in order; Parquet types as in the first file.
    pub columns: Vec<DescribedColumn>,
    /// Files in the order in which they are read.
    pub files: Vec<DescribedFile>,
    /// Rows of all files.
    pub rows: u64,
    /// Row groups of all files.
    pub row_groups: usize,
    /// Bytes of all files.
    pub size_bytes: u64,
}

/// Describes files, globs and directories: Parquet by its footers alone, other formats by reading them.
///
/// # Errors
/// As [`Source::open`], and of the first row that is not as it should be.
pub fn describe_source(sources: &[String], options: &SourceOptions) -> Result<SourceDescription> {
    match Source::open(sources, options)? {
        Source::Parquet(source) => describe_parquet(&source),
        Source::Stream(source) => describe_rows(source),
        #[cfg(feature = "delta")]
        Source::Delta(source) => Ok(describe_delta(&source)),
    }
}

/// What the log of a Delta table tells of the version.
#[cfg(feature = "delta")]
fn describe_delta(source: &super::delta::DeltaSource) -> SourceDescription {
    let columns = source.schema().fields().iter().map(|field| DescribedColumn {
        name: field.name().clone(),
        arrow_type: field.data_type().to_string(),
        parquet_type: "delta".to_owned(),
        logical_type: None,
        nullable: field.is_nullable(),
    });
    let (rows, size_bytes) = (source.rows().unwrap_or(0), source.size_bytes());
    let path = source.label().display().to_string();
    let table = DescribedFile { path, rows, row_groups: 0, size_bytes, compression: Vec::new(), created_by: None };
    SourceDescription { columns: columns.collect(), files: vec![table], rows, row_groups: 0, size_bytes }
}

/// Columns as a new table would take them; text is read for its types.
fn describe_rows(mut source: StreamSource) -> Result<SourceDescription> {
    let all: Vec<usize> = (0..source.schema().fields().len()).collect();
    source.keep(&|| Ok(()))?;
    source.infer(&all, &|| Ok(()))?;
    let described = |path: &Path, size_bytes| DescribedFile {
        path: path.display().to_string(),
        rows: 0,
        row_groups: 0,
        size_bytes,
        compression: Vec::new(),
        created_by: None,
    };
    let mut files: Vec<DescribedFile> = source.inputs().iter().map(|input| described(&input.path, input.size_bytes)).collect();
    let mut at = 0;
    for batch in source.read(ReadOptions { columns: all, batch_rows: 8192 }) {
        let batch = batch?;
        while at + 1 < files.len() && files[at].path != batch.file.display().to_string() {
            at += 1;
        }
        files[at].rows += batch.batch.num_rows() as u64;
    }
    let first_partition = source.schema().fields().len() - source.partition_columns();
    let columns = source.schema().fields().iter().enumerate().map(|(index, field)| DescribedColumn {
        name: field.name().clone(),
        arrow_type: field.data_type().to_string(),
        parquet_type: if index < first_partition { source.format().to_string() } else { "directory".to_owned() },
        logical_type: None,
        nullable: field.is_nullable(),
    });
    let rows = files.iter().map(|file| file.rows).sum();
    Ok(SourceDescription { columns: columns.collect(), rows, row_groups: 0, size_bytes: source.size_bytes(), files })
}

fn describe_parquet(source: &ParquetSource) -> Result<SourceDescription> {
    let mut columns = Vec::new();
    let mut files = Vec::with_capacity(source.files().len());
    for file in source.files() {
        let metadata = load_metadata(&file.path, Phase::Describe, ArrowReaderOptions::new())?;
        let parquet = metadata.metadata();
        if columns.is_empty() {
            let root = parquet.file_metadata().schema_descr().root_schema_ptr();
            columns = source.schema().fields().iter().map(|field| describe_column(field, &root)).collect();
        }
        let chunks = parquet.row_groups().iter().flat_map(|group| group.columns());
        let compression: BTreeSet<String> = chunks.map(|chunk| first_word(&chunk.compression().to_string())).collect();
        files.push(DescribedFile {
            path: file.path.display().to_string(),
            rows: file.rows,
            row_groups: parquet.num_row_groups(),
            size_bytes: file.size_bytes,
            compression: compression.into_iter().collect(),
            created_by: parquet.file_metadata().created_by().map(str::to_owned),
        });
    }
    let row_groups = files.iter().map(|f| f.row_groups).sum();
    Ok(SourceDescription { columns, files, rows: source.rows(), row_groups, size_bytes: source.size_bytes() })
}

fn describe_column(field: &arrow::datatypes::Field, root: &Type) -> DescribedColumn {
    let (parquet_type, logical_type) = match root.get_fields().iter().find(|t| t.name() == field.name()) {
        None => ("directory".to_owned(), None),
        Some(t) if t.is_primitive() => (physical_name(t), logical_name(t)),
        Some(t) => ("group".to_owned(), logical_name(t)),
    };
    let (name, arrow_type) = (field.name().clone(), field.data_type().to_string());
    DescribedColumn { name, arrow_type, parquet_type, logical_type, nullable: field.is_nullable() }
}

fn physical_name(t: &Type) -> String {
    match t {
        Type::PrimitiveType { physical_type: parquet::basic::Type::FIXED_LEN_BYTE_ARRAY, type_length, .. } => {
            format!("FIXED_LEN_BYTE_ARRAY({type_length})")
        }
        other => other.get_physical_type().to_string(),
    }
}

fn logical_name(t: &Type) -> Option<String> {
    use parquet::basic::ConvertedType;
    let info = t.get_basic_info();
    match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::Decimal { .. }), _) | (None, ConvertedType::DECIMAL) => match t {
            Type::PrimitiveType { precision, scale, .. } => Some(format!("Decimal({precision},{scale})")),
            Type::GroupType { .. } => None,
        },
        (Some(LogicalType::Timestamp(t)), _) => {
            Some(format!("Timestamp({:?}{})", t.unit, if t.is_adjusted_to_u_t_c { ", UTC" } else { "" }))
        }
        (Some(LogicalType::Time(t)), _) => Some(format!("Time({:?}{})", t.unit, if t.is_adjusted_to_u_t_c { ", UTC" } else { "" })),
        (Some(LogicalType::Integer(t)), _) => Some(format!("{}({})", if t.is_signed { "Integer" } else { "Unsigned" }, t.bit_width)),
        // The parameters of the rest do not help a reader.
        (Some(logical), _) => Some(first_word(&format!("{logical:?}"))),
        (None, ConvertedType::NONE) => None,
        (None, converted) => Some(converted.to_string()),
    }
}

/// `ZSTD(ZstdLevel(1))` without the level, which a reader of the file cannot know.
fn first_word(text: &str) -> String {
    text.split(['(', ' ']).next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;

    #[test]
    fn parquet_types_are_spelled_as_people_know_them() {
        let message = "message m {
            required int32 plain; required int32 u16 (INTEGER(16,false)); optional int64 ts (TIMESTAMP(MICROS,true));
            optional int64 local (TIMESTAMP(NANOS,false)); required binary t (STRING); required binary old (UTF8);
            required fixed_len_byte_array(9) d (DECIMAL(20,3)); required fixed_len_byte_array(16) id (UUID); required int96 i96;
            required group g { required int32 x; } }";
        let root = parse_message_type(message).unwrap();
        let shown: Vec<_> = root
            .get_fields()
            .iter()
            .map(|t| (if t.is_primitive() { physical_name(t) } else { "group".into() }, logical_name(t)))
            .map(|(physical, logical)| format!("{physical} {}", logical.unwrap_or_default()))
            .collect();
        let want = [
            "INT32 ",
            "INT32 Unsigned(16)",
            "INT64 Timestamp(MICROS, UTC)",
            "INT64 Timestamp(NANOS)",
            "BYTE_ARRAY String",
            "BYTE_ARRAY UTF8",
            "FIXED_LEN_BYTE_ARRAY(9) Decimal(20,3)",
            "FIXED_LEN_BYTE_ARRAY(16) Uuid",
            "INT96 ",
            "group ",
        ];
        assert_eq!(shown, want);
    }
}
