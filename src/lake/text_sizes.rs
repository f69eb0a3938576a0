//! Where the bytes of texts and binary values lie in a Parquet file. The footer tells for most row groups that no batch of them can be large; of the others the
//! page index is asked, then the headers of the pages, and the values themselves where those do not tell: in pages of many megabytes and many rows, where an
//! encoding writes long values in few bytes, and where the rows of a page are not counted.

use std::cell::OnceCell;
use std::io::{Chain, Cursor, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::object::SourceFile;
use super::parquet::{guarded, open_file};
use super::read_ahead::BATCH_TEXT_BYTES;
use crate::error::Phase;

/// Bytes of the texts of a batch, in the worst case that the footer leaves open, up to which nobody looks further.
const UNEVEN_BYTES: u64 = 4 * BATCH_TEXT_BYTES as u64;

/// A page of no more bytes is taken for an even one.
const EVEN_PAGE_BYTES: usize = BATCH_TEXT_BYTES / 2;

/// Rows whose values were looked at are told together up to so many bytes.
const RUN_BYTES: usize = 256 << 10;

/// Consecutive rows of the file and the bytes of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub rows: Range<usize>,
    pub bytes: usize,
}

/// The sizes of the values of one file.
pub(super) struct TextSizes<'a> {
    path: &'a Path,
    /// Opened when the footer does not tell enough.
    file: OnceCell<Arc<SourceFile>>,
    metadata: &'a ParquetMetaData,
    /// Text and binary leaves of the columns asked for.
    leaves: Vec<usize>,
    batch_rows: u64,
}

impl<'a> TextSizes<'a> {
    pub(super) fn new(path: &'a Path, metadata: &'a ParquetMetaData, roots: &[usize], batch_rows: usize) -> Self {
        TextSizes { path, file: OnceCell::new(), metadata, leaves: text_leaves(metadata, roots), batch_rows: batch_rows as u64 }
    }

    /// The row groups of which a batch could have too many bytes.
    pub(super) fn uneven_groups(&self) -> Vec<usize> {
        let worst = |group: usize| self.leaves.iter().map(|&leaf| self.most_bytes(group, leaf)).fold(0, u64::saturating_add);
        (0..self.metadata.num_row_groups()).filter(|&group| worst(group) > UNEVEN_BYTES).collect()
    }

    /// For each text or binary leaf, what lies where in these row groups.
    pub(super) fn runs(&self, groups: &[usize]) -> Vec<Vec<Run>> {
        let firsts: Vec<usize> = group_firsts(self.metadata);
        let of_leaf = |&leaf: &usize| {
            let runs = groups.iter().flat_map(|&group| {
                let found = self.attempt(|| self.runs_of(group, leaf)).unwrap_or_else(|| vec![self.unknown(group)]);
                found.into_iter().map({
                    let first = firsts[group];
                    move |run| Run { rows: run.rows.start + first..run.rows.end + first, ..run }
                })
            });
            runs.collect()
        };
        self.leaves.iter().map(of_leaf).collect()
    }

    /// A damaged chunk ends the job where it is decoded, with its place; here it is one that nothing is known of.
    fn attempt<T>(&self, look: impl FnOnce() -> Result<T, ParquetError>) -> Option<T> {
        guarded(self.path, Phase::Read, look).ok()
    }

    fn file(&self) -> Result<Arc<SourceFile>, ParquetError> {
        if let Some(file) = self.file.get() {
            return Ok(Arc::clone(file));
        }
        let file = open_file(self.path, Phase::Read).map_err(|error| ParquetError::General(error.to_string()))?;
        Ok(Arc::clone(self.file.get_or_init(|| Arc::new(file))))
    }

    fn chunk(&self, group: usize, leaf: usize) -> &ColumnChunkMetaData {
        self.metadata.row_group(group).column(leaf)
    }

    fn group_rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.row_group(group).num_rows()).unwrap_or(0)
    }

    /// What a batch has at most of this chunk.
    pub(super) fn most_bytes(&self, group: usize, leaf: usize) -> u64 {
        let chunk = self.chunk(group, leaf);
        if let Some(bytes) = chunk.unencoded_byte_array_data_bytes() {
            return u64::try_from(bytes).unwrap_or(0);
        }
        let written = u64::try_from(chunk.uncompressed_size()).unwrap_or(0);
        // No value has more bytes than the chunk.
        let values = self.values_of_a_batch(group, leaf);
        match Expansion::of(chunk) {
            Expansion::None => written,
            _ if written.saturating_mul(values) <= BATCH_TEXT_BYTES as u64 => written.saturating_mul(values),
            Expansion::Dictionary => written.saturating_add(values.saturating_mul(self.longest_of_dictionary(group, leaf))),
            Expansion::Prefixes => written.saturating_mul(values),
        }
    }

    fn values_of_a_batch(&self, group: usize, leaf: usize) -> u64 {
        let chunk = self.chunk(group, leaf);
        let values = u64::try_from(chunk.num_values()).unwrap_or(0);
        if chunk.column_descr().max_rep_level() == 0 { values.min(self.batch_rows) } else { values }
    }

    /// Bytes of the longest value of the dictionary; a bound that is too high where it cannot be read.
    fn longest_of_dictionary(&self, group: usize, leaf: usize) -> u64 {
        let chunk = self.chunk(group, leaf);
        let longest = self.attempt(|| longest_of_dictionary(self.file()?, chunk, self.group_rows(group)));
        longest.unwrap_or_else(|| u64::try_from(chunk.uncompressed_size()).unwrap_or(0))
    }

    /// Rows are those of the row group.
    fn runs_of(&self, group: usize, leaf: usize) -> Result<Vec<Run>, ParquetError> {
        let rows = self.group_rows(group);
        if let Some(pages) = self.indexed_pages(group, leaf) {
            return self.refine(group, leaf, pages);
        }
        let chunk = self.chunk(group, leaf);
        let of_dictionary = match Expansion::of(chunk) {
            Expansion::None => 0,
            Expansion::Dictionary => self.longest_of_dictionary(group, leaf),
            Expansion::Prefixes => u64::MAX,
        };
        if of_dictionary.saturating_mul(self.values_of_a_batch(group, leaf)) > BATCH_TEXT_BYTES as u64 {
            return self.measure(group, leaf, 0..rows);
        }
        match self.headed_pages(group, leaf)? {
            Some(pages) => {
                let mut runs = self.refine(group, leaf, pages)?;
                // Each value may be the dictionary's longest.
                runs.iter_mut().for_each(|run| run.bytes += run.rows.len().saturating_mul(of_dictionary as usize));
                Ok(runs)
            }
            None => self.measure(group, leaf, 0..rows),
        }
    }

    /// The pages as far as the page index has their sizes.
    fn indexed_pages(&self, group: usize, leaf: usize) -> Option<Vec<Run>> {
        let index = self.metadata.offset_index()?.get(group)?.get(leaf)?;
        let (sizes, places, rows) = (index.unencoded_byte_array_data_bytes()?, index.page_locations(), self.group_rows(group));
        let first_of = |page: usize| places.get(page).map_or(rows, |place| usize::try_from(place.first_row_index).unwrap_or(0)).min(rows);
        let pages = sizes.iter().enumerate().map(|(page, bytes)| {
            let first = first_of(page);
            Run { rows: first..first_of(page + 1).max(first), bytes: usize::try_from(*bytes).unwrap_or(0) }
        });
        Some(pages.collect())
    }

    /// The pages by their headers; `None` where those do not count rows (pages of the first version in nested columns).
    pub(super) fn headed_pages(&self, group: usize, leaf: usize) -> Result<Option<Vec<Run>>, ParquetError> {
        let (chunk, rows) = (self.chunk(group, leaf), self.group_rows(group));
        let is_nested = chunk.column_descr().max_rep_level() > 0;
        let heads = Arc::new(HeadReader { file: self.file()?, uncompressed: AtomicU64::new(0) });
        let mut pages = SerializedPageReader::new(Arc::clone(&heads), chunk, rows, None)?;
        let (mut runs, mut first) = (Vec::new(), 0);
        while let Some(page) = pages.peek_next_page()? {
            let bytes = heads.uncompressed.load(Ordering::Relaxed) as usize;
            pages.skip_next_page()?;
            if page.is_dict {
                continue;
            }
            let Some(page_rows) = page.num_rows.or(page.num_levels.filter(|_| !is_nested)) else { return Ok(None) };
            runs.push(Run { rows: first..first + page_rows, bytes });
            first += page_rows;
        }
        if first == rows { Ok(Some(runs)) } else { Err(ParquetError::General(format!("{first} rows in the pages of {rows}"))) }
    }

    /// Looks into the pages that may be uneven.
    fn refine(&self, group: usize, leaf: usize, pages: Vec<Run>) -> Result<Vec<Run>, ParquetError> {
        let mut runs = Vec::with_capacity(pages.len());
        for page in pages {
            if page.bytes > EVEN_PAGE_BYTES && page.rows.len() > 1 {
                runs.extend(self.measure(group, leaf, page.rows)?);
            } else {
                runs.push(page);
            }
        }
        Ok(runs)
    }

    /// Decodes these rows of the chunk a few at a time, and keeps nothing but how long they are.
    pub(super) fn measure(&self, group: usize, leaf: usize, rows: Range<usize>) -> Result<Vec<Run>, ParquetError> {
        const STEP_ROWS: usize = 64;
        let chunk = self.chunk(group, leaf);
        let descriptor = chunk.column_descr_ptr();
        let (most_definition, is_nested) = (descriptor.max_def_level(), descriptor.max_rep_level() > 0);
        let index = self.metadata.offset_index().and_then(|groups| groups.get(group)?.get(leaf));
        let places = index.map(|index| index.page_locations().clone());
        let pages = SerializedPageReader::new(self.file()?, chunk, self.group_rows(group), places)?;
        let ColumnReader::ByteArrayColumnReader(mut reader) = get_column_reader(descriptor, Box::new(pages)) else {
            return Err(ParquetError::General("a text column of another type".to_owned()));
        };
        reader.skip_records(rows.start)?;
        // Values that share their beginnings are copies, the others lie in their page.
        let step = if Expansion::of(chunk) == Expansion::Prefixes { 1 } else { STEP_ROWS };
        let (mut values, mut definitions, mut repetitions) = (Vec::<ByteArray>::new(), Vec::new(), Vec::new());
        let mut runs = Runs::from(rows.start);
        while runs.next < rows.end {
            values.clear();
            definitions.clear();
            repetitions.clear();
            let wanted = step.min(rows.end - runs.next);
            let (read, _, levels) = reader.read_records(wanted, Some(&mut definitions), Some(&mut repetitions), &mut values)?;
            if read == 0 {
                return Err(ParquetError::General(format!("{} rows of {}", runs.next, rows.end)));
            }
            let mut lengths = values.iter().map(ByteArray::len);
            let mut row_bytes = 0;
            for level in 0..levels {
                if level > 0 && (!is_nested || repetitions[level] == 0) {
                    runs.push(std::mem::take(&mut row_bytes));
                }
                if most_definition == 0 || definitions[level] == most_definition {
                    row_bytes += lengths.next().unwrap_or(0);
                }
            }
            runs.push(row_bytes);
        }
        Ok(runs.done)
    }

    /// Row by row is what is safe.
    fn unknown(&self, group: usize) -> Run {
        let rows = self.group_rows(group);
        Run { rows: 0..rows, bytes: rows.saturating_mul(2 * BATCH_TEXT_BYTES + 1) }
    }
}

/// The number of the first row of each row group.
pub(super) fn group_firsts(metadata: &ParquetMetaData) -> Vec<usize> {
    let mut next = 0;
    let firsts = metadata.row_groups().iter().map(|group| {
        let first = next;
        next += usize::try_from(group.num_rows()).unwrap_or(0);
        first
    });
    firsts.collect()
}

/// The text and binary leaves of these columns.
pub(super) fn text_leaves(metadata: &ParquetMetaData, roots: &[usize]) -> Vec<usize> {
    let schema = metadata.file_metadata().schema_descr();
    let is_text =
        |leaf: &usize| schema.column(*leaf).physical_type() == Type::BYTE_ARRAY && roots.contains(&schema.get_column_root_idx(*leaf));
    (0..schema.num_columns()).filter(is_text).collect()
}

/// How a chunk can have more bytes of values than it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expansion {
    None,
    /// Each value once, and where it is.
    Dictionary,
    /// Each value without what it shares with the one before it; perhaps a dictionary, too.
    Prefixes,
}

impl Expansion {
    fn of(chunk: &ColumnChunkMetaData) -> Self {
        let has = |wanted: &[Encoding]| chunk.encodings().any(|encoding| wanted.contains(&encoding));
        if has(&[Encoding::DELTA_BYTE_ARRAY]) {
            Expansion::Prefixes
        } else if chunk.dictionary_page_offset().is_some() || has(&[Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY]) {
            Expansion::Dictionary
        } else {
            Expansion::None
        }
    }
}

fn longest_of_dictionary(file: Arc<SourceFile>, chunk: &ColumnChunkMetaData, rows: usize) -> Result<u64, ParquetError> {
    let mut pages = SerializedPageReader::new(file, chunk, rows, None)?;
    if !pages.peek_next_page()?.is_some_and(|page| page.is_dict) {
        return Ok(0);
    }
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else { return Ok(0) };
    let (mut rest, mut longest) = (&buf[..], 0u32);
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(length);
        rest = behind.get(length as usize..).ok_or_else(|| ParquetError::EOF("a dictionary that ends in a value".to_owned()))?;
    }
    Ok(longest.into())
}

/// Rows in order, told together as long as they are short.
struct Runs {
    done: Vec<Run>,
    next: usize,
}

impl Runs {
    fn from(first: usize) -> Self {
        Runs { done: Vec::new(), next: first }
    }

    fn push(&mut self, bytes: usize) {
        let row = self.next;
        self.next += 1;
        match self.done.last_mut() {
            Some(run) if run.bytes + bytes <= RUN_BYTES => (run.rows.end, run.bytes) = (row + 1, run.bytes + bytes),
            _ => self.done.push(Run { rows: row..row + 1, bytes }),
        }
    }
}

/// A file, and what the header says that was read last: the reader of pages does not hand out the size of a page without its content.
struct HeadReader {
    file: Arc<SourceFile>,
    uncompressed: AtomicU64,
}

impl Length for HeadReader {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for HeadReader {
    type T = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        const HEAD_BYTES: u64 = 16;
        let mut rest = self.file.get_read(start)?;
        let mut head = Vec::new();
        rest.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let size = uncompressed_size(&head).ok_or_else(|| ParquetError::General("a page without its size".to_owned()))?;
        self.uncompressed.store(size, Ordering::Relaxed);
        Ok(Cursor::new(head).chain(rest))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.file.get_bytes(start, length)
    }
}

/// Of a page header, which is a Thrift structure in the compact protocol: its second field, after the type of the page, both 32-bit integers.
fn uncompressed_size(head: &[u8]) -> Option<u64> {
    const NEXT_FIELD_I32: u8 = 0x15;
    let mut bytes = head.iter().copied();
    let mut integer = || {
        (bytes.next()? == NEXT_FIELD_I32).then_some(())?;
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = bytes.next()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                // Zigzag; a negative one is none.
                return (value & 1 == 0).then_some(value >> 1);
            }
        }
        None
    };
    integer()?;
    integer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_header_begins_with_its_type_and_its_size() {
        assert_eq!(uncompressed_size(&[0x15, 0x04, 0x15, 0xC8, 0x01, 0x15, 0x10]), Some(100));
        assert_eq!(uncompressed_size(&[0x15, 0x00, 0x15, 0x80, 0x80, 0x80, 0x10]), Some(16 << 20));
        for bad in [&[][..], &[0x15], &[0x15, 0x04, 0x15], &[0x15, 0x04, 0x15, 0x01], &[0x15, 0x04, 0x25, 0x02], &[0x15, 4, 0x15, 0xFF]] {
            assert_eq!(uncompressed_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn short_rows_are_told_together_and_a_long_one_alone() {
        let mut runs = Runs::from(7);
        [10, 20, RUN_BYTES, 5, 6].into_iter().for_each(|bytes| runs.push(bytes));
        let told: Vec<_> = runs.done.iter().map(|run| (run.rows.clone(), run.bytes)).collect();
        assert_eq!(told, [(7..9, 30), (9..10, RUN_BYTES), (10..12, 11)]);
    }
}
