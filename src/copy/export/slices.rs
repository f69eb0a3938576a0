//! Cutting a table into ranges of ROWIDs for several readers; into ranges of a key see [`super::key_ranges`].
//!
//! The cuts are only guesses at where the rows lie: the first range begins below every ROWID, the last one has no end, and each begins where the one
//! before ends. So every row is in exactly one range, whatever the dictionary says.

use std::collections::BTreeSet;

use super::snapshot::is_refusal;
use crate::error::Result;
use crate::oci::Session;
use crate::oracle_type::TableName;
use crate::sql;
use crate::sql::address::ROWID;

/// Ranges for each reader: small ones, so that a slow reader or a repeated range costs little.
pub(super) const SLICES_PER_READER: usize = 8;
/// Table bytes of a range at least and at most.
const SLICE_BYTES: std::ops::RangeInclusive<u64> = (256 << 10)..=(64 << 20);
/// Ranges at most: each one is a query.
const MAX_SLICES: u64 = 10_000;
/// Percentages of blocks to look at, until there are blocks enough.
const SAMPLES: [&str; 4] = ["0.01", "0.1", "1", "10"];

/// Where the cuts of a table come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutBy {
    /// It is read in one piece.
    Nothing,
    /// Its extents, of DBA_EXTENTS.
    Extents,
    /// A sample of its blocks, where DBA_EXTENTS may not be read.
    Sample,
    /// Even ranges of a key.
    Key,
}

impl CutBy {
    /// For people.
    pub(super) fn description(self) -> &'static str {
        match self {
            CutBy::Nothing => "nothing",
            CutBy::Extents => "the extents of DBA_EXTENTS",
            CutBy::Sample => "a sample of blocks",
            CutBy::Key => "even ranges of a key",
        }
    }
}

/// A table's ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slices {
    pub(super) by: CutBy,
    /// Conditions on ROWID or on a key in ascending order; `None` for the whole table.
    pub(super) conditions: Vec<Option<String>>,
    /// What they are on.
    pub(super) order_by: String,
    /// Why it is in one piece.
    pub(super) why_whole: Option<String>,
}

/// The beginning of a block, as ROWIDs sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    object: u64,
    file: u64,
    block: u64,
}

/// Adjacent blocks of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    first: Block,
    blocks: u64,
    bytes: u64,
}

impl Slices {
    pub(super) fn whole(why: impl Into<String>) -> Self {
        Slices { by: CutBy::Nothing, conditions: vec![None], order_by: ROWID.into(), why_whole: Some(why.into()) }
    }

    /// The ranges between cuts. They are put in order here, whatever they were made from: cuts that go back would make ranges overlap, and
    /// rows come twice.
    fn at(by: CutBy, mut cuts: Vec<Block>) -> Self {
        cuts.sort_unstable();
        cuts.dedup();
        if cuts.is_empty() {
            return Self::whole("the table is too small to be cut");
        }
        let texts: Vec<String> = cuts.iter().map(Block::rowid).collect();
        let mut conditions = vec![Some(format!("ROWID < '{}'", texts[0]))];
        conditions.extend(texts.windows(2).map(|pair| Some(format!("ROWID >= '{}' AND ROWID < '{}'", pair[0], pair[1]))));
        conditions.extend(texts.last().map(|last| Some(format!("ROWID >= '{last}'"))));
        Slices { by, conditions, order_by: ROWID.into(), why_whole: None }
    }

    /// Cuts a table for so many readers.
    pub(super) fn of_table(session: &Session, name: &TableName, readers: u32) -> Result<Self> {
        match extents(session, name) {
            Ok(extents) if !extents.is_empty() => return Ok(Self::at(CutBy::Extents, cuts_of_extents(extents, readers as usize))),
            // A synonym, a clustered table or a view has none of its own name.
            Ok(_) => {}
            Err(error) if is_refusal(&error) => {}
            Err(error) => return Err(error),
        }
        let wanted = readers as usize * SLICES_PER_READER;
        match sampled_blocks(session, name, wanted) {
            Ok(Some(blocks)) => Ok(Self::at(CutBy::Sample, cuts_of_blocks(&blocks, wanted))),
            Ok(None) => Ok(Self::whole("its rows have logical ROWIDs, which have no order (an index-organised table)")),
            Err(error) if is_refusal(&error) => Ok(Self::whole(format!("its rows cannot be sampled by ROWID ({})", first_line(&error)))),
            Err(error) => Err(error),
        }
    }
}

fn first_line(error: &crate::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn extents(session: &Session, name: &TableName) -> Result<Vec<Extent>> {
    let owner = name.schema.as_deref().map_or_else(|| "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')".to_owned(), sql::literal);
    let sql = format!(
        "SELECT TO_CHAR(o.DATA_OBJECT_ID), TO_CHAR(e.RELATIVE_FNO), TO_CHAR(e.BLOCK_ID), TO_CHAR(e.BLOCKS), TO_CHAR(e.BYTES) \
         FROM DBA_EXTENTS e JOIN ALL_OBJECTS o ON o.OWNER = e.OWNER AND o.OBJECT_NAME = e.SEGMENT_NAME \
         AND NVL(o.SUBOBJECT_NAME, '-') = NVL(e.PARTITION_NAME, '-') \
         WHERE e.OWNER = {owner} AND e.SEGMENT_NAME = {} AND e.SEGMENT_TYPE LIKE 'TABLE%' AND o.OBJECT_TYPE LIKE 'TABLE%' \
         AND o.DATA_OBJECT_ID IS NOT NULL",
        sql::literal(&name.table)
    );
    let mut extents = Vec::new();
    session.query_text(&sql, &mut |row| {
        let numbers: Option<Vec<u64>> = row.iter().map(|value| value.as_deref()?.parse().ok()).collect();
        if let Some([object, file, block, blocks, bytes]) = numbers.as_deref() {
            extents.push(Extent { first: Block::of_extent(*object, *file, *block), blocks: (*blocks).max(1), bytes: *bytes });
        }
        Ok(())
    })?;
    Ok(extents)
}

/// Blocks that a sample of rows lies in; `None` when the ROWIDs are logical ones.
fn sampled_blocks(session: &Session, name: &TableName, wanted: usize) -> Result<Option<BTreeSet<Block>>> {
    let table = sql::table(name)?;
    let mut blocks = BTreeSet::new();
    for percent in SAMPLES {
        let mut logical = false;
        session.query_text(&format!("SELECT ROWID FROM {table} SAMPLE BLOCK ({percent})"), &mut |row| {
            match row.first().and_then(|text| Block::of_rowid(text.as_deref()?)) {
                Some(block) => drop(blocks.insert(block)),
                None => logical = true,
            }
            Ok(())
        })?;
        if logical {
            return Ok(None);
        }
        if blocks.len() >= wanted * 4 {
            break;
        }
    }
    Ok(Some(blocks))
}

fn cuts_of_extents(mut extents: Vec<Extent>, readers: usize) -> Vec<Block> {
    extents.sort_unstable();
    let total_bytes: u64 = extents.iter().map(|extent| extent.bytes).sum();
    let fair_bytes = total_bytes / (readers * SLICES_PER_READER).max(1) as u64;
    let slice_bytes = fair_bytes.clamp(*SLICE_BYTES.start(), *SLICE_BYTES.end()).max(total_bytes / MAX_SLICES);
    let mut cuts = Vec::new();
    let mut filled_bytes = 0;
    for extent in &extents {
        let block_bytes = (extent.bytes / extent.blocks).max(1);
        for block in 0..extent.blocks {
            if filled_bytes >= slice_bytes {
                cuts.push(Block { block: extent.first.block + block, ..extent.first });
                filled_bytes = 0;
            }
            filled_bytes += block_bytes;
        }
    }
    cuts
}

/// Every nth block of a sample. The first block is no cut: what is below it is nothing.
fn cuts_of_blocks(blocks: &BTreeSet<Block>, slices: usize) -> Vec<Block> {
    let slices = slices.min(blocks.len());
    let mut cuts: Vec<Block> = (1..slices).filter_map(|slice| blocks.iter().nth(blocks.len() * slice / slices).copied()).collect();
    cuts.dedup();
    cuts
}

impl Block {
    /// In a bigfile tablespace (relative file 1024) the block number takes the bits of the file as well.
    fn of_extent(object: u64, file: u64, block: u64) -> Block {
        match file {
            1024 => Block { object, file: block >> 22, block: block & 0x3F_FFFF },
            _ => Block { object, file, block },
        }
    }

    /// An extended ROWID: object, file, block and row in base 64.
    fn of_rowid(text: &str) -> Option<Block> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?.bytes();
            digits
                .map(|digit| ALPHABET.iter().position(|known| *known == digit))
                .try_fold(0u64, |number, digit| Some(number << 6 | digit? as u64))
        };
        if text.len() != 18 {
            return None;
        }
        number(15..18)?;
        Some(Block { object: number(0..6)?, file: number(6..9)?, block: number(9..15)? })
    }

    /// The ROWID of its first row.
    fn rowid(&self) -> String {
        let mut text = String::with_capacity(18);
        for (number, digits) in [(self.object, 6), (self.file, 3), (self.block, 6), (0, 3)] {
            text.extend((0..digits).rev().map(|digit| char::from(ALPHABET[(number >> (6 * digit) & 63) as usize])));
        }
        text
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(object: u64, file: u64, block: u64, blocks: u64) -> Extent {
        Extent { first: Block::of_extent(object, file, block), blocks, bytes: blocks * 8192 }
    }

    #[test]
    fn rowids_are_written_as_oracle_does() {
        // Of the Database Concepts manual: object AAASuZ, file AAE, block AAAAEf, row AAA.
        let block = Block::of_rowid("AAASuZAAEAAAAEfAAA").unwrap();
        assert_eq!(block, Block { object: 76_697, file: 4, block: 287 });
        assert_eq!(block.rowid(), "AAASuZAAEAAAAEfAAA");
        for text in ["*BAFAB4wCwQL+", "AAASuZAAEAAAAEfAA!", ""] {
            assert_eq!(Block::of_rowid(text), None, "{text}");
        }
        assert_eq!(Block::of_extent(1, 1024, (3 << 22) + 5).rowid(), Block { object: 1, file: 3, block: 5 }.rowid());
    }

    #[test]
    fn slices_follow_one_another_without_a_gap() {
        let extents = vec![extent(7, 4, 1024, 1024), extent(7, 3, 128, 2048), extent(8, 3, 4096, 8)];
        let slices = Slices::at(CutBy::Extents, cuts_of_extents(extents, 2));
        let conditions: Vec<String> = slices.conditions.into_iter().flatten().collect();
        // 24 MiB for two readers with eight slices each.
        assert_eq!(conditions.len(), 16);
        assert!(!conditions[0].contains(">=") && !conditions[15].contains(" < "));
        let ends: Vec<&str> = conditions.iter().filter_map(|text| text.split("ROWID < ").nth(1)).collect();
        let starts: Vec<&str> = conditions.iter().filter_map(|text| text.split("ROWID >= ").nth(1)).map(|text| &text[..20]).collect();
        assert_eq!(starts, ends);
        let blocks: Vec<Block> = starts.iter().map(|text| Block::of_rowid(text.trim_matches('\'')).unwrap()).collect();
        assert!(blocks.is_sorted() && blocks[0].file == 3 && blocks[14].file == 4);
    }

    #[test]
    fn an_extent_that_the_dictionary_gives_twice_makes_no_range_twice() {
        let extents = vec![extent(7, 4, 1024, 1024), extent(7, 4, 1024, 1024), extent(7, 4, 1500, 1024)];
        let conditions: Vec<String> = Slices::at(CutBy::Extents, cuts_of_extents(extents, 2)).conditions.into_iter().flatten().collect();
        let cuts: Vec<&str> = conditions.iter().filter_map(|text| text.split("ROWID < ").nth(1)).collect();
        assert!(
            cuts.len() > 3
                && cuts.windows(2).all(|pair| Block::of_rowid(pair[0].trim_matches('\'')) < Block::of_rowid(pair[1].trim_matches('\'')))
        );
    }

    #[test]
    fn small_tables_stay_whole_and_large_ones_have_a_bounded_number_of_slices() {
        assert!(cuts_of_extents(vec![extent(7, 4, 0, 32)], 4).is_empty());
        assert_eq!(Slices::at(CutBy::Extents, Vec::new()).conditions, [None]);
        let large = Extent { first: Block { object: 1, file: 0, block: 0 }, blocks: 1 << 20, bytes: 1 << 50 };
        assert!(cuts_of_extents(vec![large], 4).len() <= MAX_SLICES as usize);
    }

    #[test]
    fn samples_give_cuts_of_equal_weight() {
        let blocks: BTreeSet<Block> = (0..100).map(|block| Block { object: 1, file: 2, block }).collect();
        let cuts = cuts_of_blocks(&blocks, 4);
        assert_eq!(cuts.iter().map(|cut| cut.block).collect::<Vec<_>>(), [25, 50, 75]);
        assert!(cuts_of_blocks(&BTreeSet::new(), 4).is_empty());
        assert_eq!(cuts_of_blocks(&blocks.into_iter().take(2).collect(), 8).len(), 1);
    }
}
