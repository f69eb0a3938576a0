//! The rows of Parquet files as batches: columns as the source has them, so many rows at once that their texts stay within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};

use super::narrow::is_narrowed;
use super::object::SourceFile;
use super::parquet::{ParquetFile, ParquetSource, ReadOptions, guarded, load_metadata_of, open_file, same_values};
use super::partition::partition_array;
use super::read_ahead::{BATCH_TEXT_BYTES, SourceBatch};
use super::source_error;
use super::stretches::{Stretch, stretches};
use super::text_sizes::{TextSizes, group_firsts, text_leaves};
use crate::error::{Error, Phase, Result};

/// Decodes the files one after the other.
pub(super) fn decode_parquet(source: &ParquetSource, options: &ReadOptions, send: &dyn Fn(SourceBatch) -> bool) -> Result<()> {
    let fields: Vec<_> = options.columns.iter().map(|&index| source.schema().field(index).clone()).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut bytes_before = 0;
    for file in source.files() {
        let decoder = FileDecoder::open(source, options, &schema, file, bytes_before)?;
        if !decoder.run(send)? {
            return Ok(());
        }
        bytes_before += file.size_bytes;
    }
    Ok(())
}

/// One file on its way through the decoder.
struct FileDecoder<'a> {
    source: &'a ParquetSource,
    columns: &'a [usize],
    schema: &'a SchemaRef,
    file: &'a ParquetFile,
    bytes_before: u64,
    metadata: Arc<ParquetMetaData>,
    /// For each column asked for, its place in a decoded batch; `None` for partition columns.
    places: Vec<Option<usize>>,
    batches: Batches<'a>,
}

/// Row groups of which no batch can have too many bytes are read together; where their footer does not tell, up to so many batches.
const TOGETHER_BATCHES: usize = 16;

/// The batches of a file, stretch by stretch. The file is opened once: one that takes its name meanwhile is another one.
struct Batches<'a> {
    source: &'a ParquetSource,
    file: &'a ParquetFile,
    input: SourceFile,
    metadata: ArrowReaderMetadata,
    /// Whether `metadata` has the page index.
    has_index: bool,
    sizes: TextSizes,
    batch_rows: usize,
    mask: ProjectionMask,
    /// The first row group that is in no stretch yet.
    next_group: usize,
    left: VecDeque<Stretch>,
    /// Of the present stretch.
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches<'_> {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(reader) = &mut self.reader {
                match guarded(&self.file.path, Phase::Read, || reader.next().transpose())? {
                    Some(batch) => return Ok(Some(batch)),
                    None => self.reader = None,
                }
            }
            let Some(stretch) = self.next_stretch()? else { return Ok(None) };
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.input.clone(), self.metadata.clone())
                .with_projection(self.mask.clone())
                .with_batch_size(stretch.batch_rows);
            // The usual case: all rows alike.
            let builder = if stretch.rows == usize::try_from(self.file.rows).unwrap_or(0) {
                builder
            } else {
                let (groups, rows) = stretch.selection(self.metadata.metadata());
                builder.with_row_groups(groups).with_row_selection(rows)
            };
            self.reader = Some(guarded(&self.file.path, Phase::Read, || builder.build())?);
        }
    }

    fn next_stretch(&mut self) -> Result<Option<Stretch>> {
        while self.left.is_empty() && self.next_group < self.metadata.metadata().num_row_groups() {
            self.cut()?;
        }
        Ok(self.left.pop_front())
    }

    /// The stretches of the next row groups. They are looked at when they are due, so that what is read for that is at hand when they are decoded.
    fn cut(&mut self) -> Result<()> {
        let (begin, end) = (self.next_group, self.end_of_even_groups());
        let first = group_firsts(self.metadata.metadata()).get(begin).copied().unwrap_or(0);
        let rows = (begin..end.max(begin + 1)).map(|group| self.sizes.group_rows(group)).sum();
        self.next_group = end.max(begin + 1);
        if end > begin {
            self.left.push_back(Stretch { first, rows, batch_rows: self.batch_rows });
            return Ok(());
        }
        if !self.has_index {
            self.metadata = load_metadata_as(self.source, self.file, &self.input, PageIndexPolicy::Optional)?;
            self.sizes.set_metadata(Arc::clone(self.metadata.metadata()));
            self.has_index = true;
        }
        let cut = stretches(rows, &self.sizes.runs(begin), self.batch_rows);
        self.left.extend(cut.into_iter().map(|stretch| Stretch { first: first + stretch.first, ..stretch }));
        Ok(())
    }

    /// The row group behind those from the next one on that need no closer look.
    fn end_of_even_groups(&self) -> usize {
        let (mut rows, mut group) = (0, self.next_group);
        while group < self.metadata.metadata().num_row_groups() {
            let is_even = match self.sizes.is_even_by_footer(group) {
                Some(is_even) => is_even,
                None => rows < TOGETHER_BATCHES * self.batch_rows && self.sizes.is_even(group),
            };
            if !is_even {
                break;
            }
            rows += self.sizes.group_rows(group);
            group += 1;
        }
        group
    }
}

impl<'a> FileDecoder<'a> {
    fn open(
        source: &'a ParquetSource,
        options: &'a ReadOptions,
        schema: &'a SchemaRef,
        file: &'a ParquetFile,
        bytes_before: u64,
    ) -> Result<Self> {
        let input = open_file(&file.path, Phase::Read)?;
        let metadata = load_metadata_as(source, file, &input, PageIndexPolicy::Skip)?;
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows).ok() != Some(file.rows) {
            let message = format!("the file has changed: it had {} rows when the job was planned and has {rows} now", file.rows);
            return Err(source_error(Phase::Read, &file.path, message, "run the job again when the file is complete"));
        }
        let mut roots = Vec::with_capacity(options.columns.len());
        for &column in &options.columns {
            roots.push(if source.is_file_column(column) { Some(root_index(source, file, &metadata, column)?) } else { None });
        }
        let mut decoded: Vec<usize> = roots.iter().flatten().copied().collect();
        decoded.sort_unstable();
        decoded.dedup();
        let places = roots.iter().map(|root| root.and_then(|r| decoded.binary_search(&r).ok())).collect();
        let batch_rows = bounded_rows(metadata.metadata(), &decoded, options.batch_rows);
        let parquet_metadata = metadata.metadata().clone();
        let batches = Batches {
            source,
            file,
            sizes: TextSizes::new(&file.path, input.clone(), parquet_metadata.clone(), &decoded, batch_rows),
            input,
            metadata,
            has_index: false,
            batch_rows,
            mask: ProjectionMask::roots(parquet_metadata.file_metadata().schema_descr(), decoded),
            next_group: 0,
            left: VecDeque::new(),
            reader: None,
        };
        Ok(FileDecoder { source, columns: &options.columns, schema, file, bytes_before, metadata: parquet_metadata, places, batches })
    }

    /// Sends every batch; `false` when the consumer has gone away.
    fn run(mut self, send: &dyn Fn(SourceBatch) -> bool) -> Result<bool> {
        let mut rows_done = 0u64;
        loop {
            let file = self.file;
            let decoded = self.batches.next().map_err(|e| self.locate(e, rows_done))?;
            let Some(decoded) = decoded else { break };
            if decoded.num_rows() == 0 {
                continue;
            }
            let first_row = rows_done + 1;
            rows_done += decoded.num_rows() as u64;
            let batch = self.arrange(&decoded)?;
            let bytes_in_file = u128::from(file.size_bytes) * u128::from(rows_done) / u128::from(file.rows.max(rows_done));
            let bytes_done = self.bytes_before + bytes_in_file as u64;
            if !send(SourceBatch { batch, file: file.path.clone(), first_row, bytes_done }) {
                return Ok(false);
            }
        }
        if rows_done != self.file.rows {
            let message = format!("the footer counts {} rows, but {rows_done} were decoded", self.file.rows);
            return Err(source_error(Phase::Read, &self.file.path, message, "the file is damaged; write it again"));
        }
        Ok(true)
    }

    /// Columns in the order asked for, partition values added.
    fn arrange(&self, decoded: &RecordBatch) -> Result<RecordBatch> {
        let rows = decoded.num_rows();
        let first_partition = self.source.schema().fields().len() - self.source.partition_columns();
        let arrays = self.columns.iter().zip(&self.places).map(|(&column, place)| -> ArrayRef {
            match place {
                Some(place) => decoded.column(*place).clone(),
                None => {
                    let value = self.file.partitions.get(column - first_partition).and_then(Option::as_deref);
                    partition_array(value, self.source.schema().field(column).data_type(), rows)
                }
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        guarded(&self.file.path, Phase::Read, || RecordBatch::try_new_with_options(self.schema.clone(), arrays.collect(), &options))
    }

    /// Adds row group and row to a decode error.
    fn locate(&self, error: Error, rows_done: u64) -> Error {
        let firsts = group_firsts(&self.metadata);
        let group_of = |row: u64| firsts.partition_point(|first| *first as u64 <= row);
        // The batch that was being decoded may have rows of the next row groups.
        let last = (rows_done + self.batches.batch_rows as u64).min(self.file.rows).saturating_sub(1).max(rows_done);
        let groups = self.metadata.num_row_groups();
        let place = match (group_of(rows_done), group_of(last)) {
            _ if rows_done >= self.file.rows => format!("after row {rows_done}"),
            (first, last) if first == last => format!("row group {first} of {groups}, from row {}", rows_done + 1),
            (first, last) => format!("row groups {first} to {last} of {groups}, from row {}", rows_done + 1),
        };
        match error {
            Error::Source { phase, path, message, remedy } => Error::Source { phase, path, message: format!("{place}: {message}"), remedy },
            other => other,
        }
    }
}

/// Rows of a batch whose texts and binary values are at most [`BATCH_TEXT_BYTES`] on average, in the row group where they are longest.
fn bounded_rows(metadata: &ParquetMetaData, roots: &[usize], batch_rows: usize) -> usize {
    let bytes_per_row =
        |group: &RowGroupMetaData| usize::try_from(text_bytes(metadata, roots, group) / group.num_rows().max(1)).unwrap_or(usize::MAX);
    let longest = metadata.row_groups().iter().map(bytes_per_row).max().unwrap_or(0);
    batch_rows.min(BATCH_TEXT_BYTES / longest.max(1)).max(1)
}

/// Bytes of the texts and binary values of a row group, as far as the footer has them.
fn text_bytes(metadata: &ParquetMetaData, roots: &[usize], group: &RowGroupMetaData) -> i64 {
    let bytes = |leaf: usize| {
        let chunk = group.column(leaf);
        chunk.unencoded_byte_array_data_bytes().unwrap_or_else(|| chunk.uncompressed_size()).max(0)
    };
    text_leaves(metadata, roots).into_iter().map(bytes).fold(0, i64::saturating_add)
}

fn root_index(source: &ParquetSource, file: &ParquetFile, metadata: &ArrowReaderMetadata, column: usize) -> Result<usize> {
    let field = source.schema().field(column);
    match metadata.schema().fields().find(field.name()) {
        Some((index, found)) if found.data_type() == field.data_type() => Ok(index),
        _ => Err(column_changed(file, field.name())),
    }
}

/// The footer with the types of the source's schema, which can differ from the file's own in offsets, dictionary and INT96 unit.
fn load_metadata_as(
    source: &ParquetSource,
    file: &ParquetFile,
    input: &SourceFile,
    offsets: PageIndexPolicy,
) -> Result<ArrowReaderMetadata> {
    let own = load_metadata_of(input, &file.path, Phase::Read, ArrowReaderOptions::new().with_offset_index_policy(offsets))?;
    let mut changed = false;
    let mut fields = Vec::with_capacity(own.schema().fields().len());
    for field in own.schema().fields() {
        match source.schema().field_with_name(field.name()) {
            Ok(wanted) if wanted.data_type() != field.data_type() => {
                if !same_values(field.data_type(), wanted.data_type())
                    && !is_settled_type(field.data_type(), wanted.data_type())
                    && !is_narrowed(field.data_type(), wanted.data_type())
                {
                    return Err(column_changed(file, field.name()));
                }
                changed = true;
                fields.push(Arc::new(field.as_ref().clone().with_data_type(wanted.data_type().clone())));
            }
            _ => fields.push(field.clone()),
        }
    }
    if !changed {
        return Ok(own);
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, own.schema().metadata().clone()));
    let parquet_metadata = own.metadata().clone();
    guarded(&file.path, Phase::Read, || ArrowReaderMetadata::try_new(parquet_metadata, ArrowReaderOptions::new().with_schema(schema)))
}

/// What [`ParquetSource::settle_int96`] and [`ParquetSource::settle_intervals`] may have chosen.
fn is_settled_type(own: &DataType, wanted: &DataType) -> bool {
    matches!((own, wanted), (DataType::Interval(_), DataType::Interval(_)))
        || own == &DataType::Timestamp(TimeUnit::Nanosecond, None) && wanted == &DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn column_changed(file: &ParquetFile, name: &str) -> Error {
    let message = format!("the file has changed: column {name:?} is not what it was when the job was planned");
    source_error(Phase::Read, &file.path, message, "run the job again when the file is complete")
}
