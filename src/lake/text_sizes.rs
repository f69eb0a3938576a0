//! Where the bytes of texts and binary values lie in a Parquet file. The footer tells for most row groups that no batch of them can be large; of the others the
//! page index is asked, then the headers of the pages, and the values themselves where those do not tell: in pages of many megabytes and many rows, where an
//! encoding writes long values in few bytes, and where the rows of a page are not counted.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Chain, Cursor, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::object::SourceFile;
use super::parquet::guarded;
use super::read_ahead::BATCH_TEXT_BYTES;
use super::value_lengths::Lengths;
use crate::error::Phase;

/// Bytes of the texts of a batch, in the worst case that the footer leaves open, up to which nobody looks further.
const UNEVEN_BYTES: u64 = 4 * BATCH_TEXT_BYTES as u64;

/// A page of no more bytes is taken for an even one.
const EVEN_PAGE_BYTES: usize = BATCH_TEXT_BYTES / 2;

/// Rows whose values are looked at together.
const STEP_ROWS: usize = 64;

/// Consecutive rows and the bytes of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub rows: Range<usize>,
    pub bytes: usize,
}

/// The sizes of the values of one file.
pub(super) struct TextSizes {
    path: Arc<Path>,
    file: Arc<SourceFile>,
    metadata: Arc<ParquetMetaData>,
    /// Text and binary leaves of the columns asked for.
    leaves: Vec<usize>,
    batch_rows: u64,
    /// Bytes of the longest value of dictionaries that were looked into, by row group and leaf.
    longest: RefCell<HashMap<(usize, usize), u64>>,
}

impl TextSizes {
    pub(super) fn new(path: &Arc<Path>, file: SourceFile, metadata: Arc<ParquetMetaData>, roots: &[usize], batch_rows: usize) -> Self {
        let leaves = text_leaves(&metadata, roots);
        TextSizes {
            path: Arc::clone(path),
            file: Arc::new(file),
            metadata,
            leaves,
            batch_rows: batch_rows as u64,
            longest: RefCell::default(),
        }
    }

    /// The footer again, with the page index.
    pub(super) fn set_metadata(&mut self, metadata: Arc<ParquetMetaData>) {
        self.metadata = metadata;
    }

    /// Whether no batch of this row group can have too many bytes; `None` where that takes a look into dictionaries.
    pub(super) fn is_even_by_footer(&self, group: usize) -> Option<bool> {
        let told = |&leaf: &usize| self.most_by_footer(group, leaf).ok();
        let told: Option<Vec<u64>> = self.leaves.iter().map(told).collect();
        told.map(|most| most.into_iter().fold(0, u64::saturating_add) <= UNEVEN_BYTES)
    }

    /// Whether no batch of this row group can have too many bytes.
    pub(super) fn is_even(&self, group: usize) -> bool {
        self.leaves.iter().map(|&leaf| self.most_bytes(group, leaf)).fold(0, u64::saturating_add) <= UNEVEN_BYTES
    }

    /// For each text or binary leaf, what lies where in this row group; its first row is 0.
    pub(super) fn runs(&self, group: usize) -> Vec<Vec<Run>> {
        let of_leaf = |&leaf: &usize| self.attempt(|| self.runs_of(group, leaf)).unwrap_or_else(|| vec![self.unknown(group)]);
        self.leaves.iter().map(of_leaf).collect()
    }

    /// A damaged chunk ends the job where it is decoded, with its place; here it is one that nothing is known of.
    fn attempt<T>(&self, look: impl FnOnce() -> Result<T, ParquetError>) -> Option<T> {
        guarded(&self.path, Phase::Read, look).ok()
    }

    fn chunk(&self, group: usize, leaf: usize) -> &ColumnChunkMetaData {
        self.metadata.row_group(group).column(leaf)
    }

    pub(super) fn group_rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.row_group(group).num_rows()).unwrap_or(0)
    }

    /// What a batch has at most of this chunk.
    pub(super) fn most_bytes(&self, group: usize, leaf: usize) -> u64 {
        self.most_by_footer(group, leaf).unwrap_or_else(|written| {
            written.saturating_add(self.values_of_a_batch(group, leaf).saturating_mul(self.longest_of_dictionary(group, leaf)))
        })
    }

    /// The same as far as the footer tells it; else the bytes that were written, beside which values of a dictionary have theirs.
    fn most_by_footer(&self, group: usize, leaf: usize) -> Result<u64, u64> {
        let chunk = self.chunk(group, leaf);
        if let Some(bytes) = chunk.unencoded_byte_array_data_bytes() {
            return Ok(u64::try_from(bytes).unwrap_or(0));
        }
        let written = u64::try_from(chunk.uncompressed_size()).unwrap_or(0);
        // No value has more bytes than the chunk.
        let values = self.values_of_a_batch(group, leaf);
        match Expansion::of(chunk) {
            Expansion::None => Ok(written),
            _ if written.saturating_mul(values) <= BATCH_TEXT_BYTES as u64 => Ok(written.saturating_mul(values)),
            Expansion::Dictionary => Err(written),
            Expansion::Prefixes => Ok(written.saturating_mul(values)),
        }
    }

    fn values_of_a_batch(&self, group: usize, leaf: usize) -> u64 {
        let chunk = self.chunk(group, leaf);
        let values = u64::try_from(chunk.num_values()).unwrap_or(0);
        if chunk.column_descr().max_rep_level() == 0 { values.min(self.batch_rows) } else { values }
    }

    /// Bytes of the longest value of the dictionary; a bound that is too high where it cannot be read.
    fn longest_of_dictionary(&self, group: usize, leaf: usize) -> u64 {
        if let Some(&known) = self.longest.borrow().get(&(group, leaf)) {
            return known;
        }
        let chunk = self.chunk(group, leaf);
        let longest = self.attempt(|| longest_of_dictionary(Arc::clone(&self.file), chunk, self.group_rows(group)));
        let longest = longest.unwrap_or_else(|| u64::try_from(chunk.uncompressed_size()).unwrap_or(0));
        self.longest.borrow_mut().insert((group, leaf), longest);
        longest
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
        let heads = Arc::new(HeadReader { file: Arc::clone(&self.file), uncompressed: AtomicU64::new(0) });
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

    /// Looks into the pages that may be uneven, one after the other.
    fn refine(&self, group: usize, leaf: usize, pages: Vec<Run>) -> Result<Vec<Run>, ParquetError> {
        let mut runs = Vec::with_capacity(pages.len());
        let mut lengths = None;
        for page in pages {
            if page.bytes <= EVEN_PAGE_BYTES || page.rows.len() <= 1 {
                runs.push(page);
                continue;
            }
            let lengths = match &mut lengths {
                Some(begun) => begun,
                none => none.insert(self.lengths(group, leaf)?),
            };
            runs.extend(lengths.of(page.rows)?);
        }
        Ok(runs)
    }

    /// The lengths of these rows of a chunk.
    pub(super) fn measure(&self, group: usize, leaf: usize, rows: Range<usize>) -> Result<Vec<Run>, ParquetError> {
        self.lengths(group, leaf)?.of(rows)
    }

    fn lengths(&self, group: usize, leaf: usize) -> Result<Lengths, ParquetError> {
        let chunk = self.chunk(group, leaf);
        let index = self.metadata.offset_index().and_then(|groups| groups.get(group)?.get(leaf));
        let places = index.map(|index| index.page_locations().clone());
        let pages = SerializedPageReader::new(Arc::clone(&self.file), chunk, self.group_rows(group), places)?;
        // Values that share their beginnings are copies, the others lie in their page.
        let step_rows = if Expansion::of(chunk) == Expansion::Prefixes { 1 } else { STEP_ROWS };
        Lengths::new(chunk.column_descr_ptr(), Box::new(pages), step_rows)
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
}
