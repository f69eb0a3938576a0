//! ROWID as text of 18 characters: object, file, block and row in base 64, as Oracle writes it.

use super::{OraError, Result};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bits of SQLite's rowid that show as the row of a block: Oracle's blocks of 8 KB have about as many.
const ROW_BITS: u32 = 7;
const BLOCK_BITS: u32 = 32;
/// Rows that a block can have.
pub(crate) const ROWS_PER_BLOCK: i64 = 1 << ROW_BITS;
/// Relative number of the first file.
pub(crate) const FIRST_FILE: i64 = 1;

/// The numbers in a ROWID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parts {
    pub object: i64,
    pub file: i64,
    pub block: i64,
    pub row: i64,
}

impl Parts {
    /// Those of a row of a table.
    pub fn new(table: i64, rowid: i64) -> Parts {
        Parts {
            object: table,
            file: FIRST_FILE + (rowid >> (ROW_BITS + BLOCK_BITS)),
            block: (rowid >> ROW_BITS) & ((1 << BLOCK_BITS) - 1),
            row: rowid & (ROWS_PER_BLOCK - 1),
        }
    }

    /// Reads a text; ORA-01410 when it is no ROWID.
    pub fn parse(text: &str) -> Result<Parts> {
        let invalid = || OraError::new(1410, "invalid ROWID");
        let text = text.trim_end();
        if text.len() != 18 {
            return Err(invalid());
        }
        let mut parts = [0i64; 4];
        let ends = [6, 9, 15, 18];
        for (index, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|known| *known == byte).ok_or_else(invalid)? as i64;
            let part = ends.iter().position(|end| index < *end).unwrap_or(3);
            parts[part] = parts[part] << 6 | digit;
        }
        let [object, file, block, row] = parts;
        Ok(Parts { object, file, block, row })
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(18);
        for (value, digits) in [(self.object, 6), (self.file, 3), (self.block, 6), (self.row, 3)] {
            for digit in (0..digits).rev() {
                text.push(char::from(ALPHABET[(value >> (6 * digit) & 63) as usize]));
            }
        }
        text
    }

    /// Bytes that sort as ROWIDs do; the letters of the text do not.
    pub fn key(&self) -> Vec<u8> {
        [self.object, self.file, self.block, self.row].iter().flat_map(|part| part.to_be_bytes()).collect()
    }

    /// Reads [`Parts::key`] back.
    pub fn from_key(key: &[u8]) -> Result<Parts> {
        let mut parts = [0i64; 4];
        for (part, bytes) in parts.iter_mut().zip(key.chunks_exact(8)) {
            *part = i64::from_be_bytes(bytes.try_into().map_err(|_| OraError::internal("key of a ROWID"))?);
        }
        let [object, file, block, row] = parts;
        Ok(Parts { object, file, block, row })
    }

    /// SQLite's rowid, where there can be one.
    fn rowid(&self) -> Option<i64> {
        if self.file < FIRST_FILE || self.row >= ROWS_PER_BLOCK || self.block >> BLOCK_BITS != 0 {
            return None;
        }
        Some((self.file - FIRST_FILE) << (ROW_BITS + BLOCK_BITS) | self.block << ROW_BITS | self.row)
    }
}

/// The text for a row of a table.
pub(crate) fn encode(table: i64, rowid: i64) -> String {
    Parts::new(table, rowid).text()
}

/// SQLite's rowid for a text; none when it belongs to another table; ORA-01410 when it is no ROWID.
pub(crate) fn decode(table: i64, text: &str) -> Result<Option<i64>> {
    let parts = Parts::parse(text)?;
    Ok(if parts.object == table { parts.rowid() } else { None })
}

/// The number that SQLite's rowids of a table compare with as the table's ROWIDs compare with `text`: `operator` is `<`, `<=`, `>` or `>=`.
/// Any text of the right form has its place, also one that no row can have, such as the last row of a range of blocks.
pub(crate) fn bound(table: i64, text: &str, operator: &str) -> Result<i64> {
    let parts = Parts::parse(text)?;
    let (before_all, after_all) = (-1, i64::MAX);
    if parts.object != table {
        return Ok(if parts.object < table { before_all } else { after_all });
    }
    if parts.file < FIRST_FILE {
        return Ok(before_all);
    }
    if let Some(rowid) = parts.rowid() {
        return Ok(rowid);
    }
    // Between the last possible row of a block, or of a file, and the first one of the next.
    let block = parts.block.min((1 << BLOCK_BITS) - 1);
    let last = Parts { block, row: ROWS_PER_BLOCK - 1, ..parts }.rowid().unwrap_or(after_all);
    Ok(if matches!(operator, "<" | ">=") { last.saturating_add(1) } else { last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_round_trip() {
        for rowid in [1, 2, 127, 128, 32_767, 32_768, 1 << 40, 1 << 50] {
            let text = encode(70_001, rowid);
            assert_eq!(text.len(), 18);
            assert_eq!(decode(70_001, &text).unwrap(), Some(rowid));
            assert_eq!(decode(70_002, &text).unwrap(), None);
            let parts = Parts::parse(&text).unwrap();
            assert_eq!(Parts::from_key(&parts.key()).unwrap(), parts);
        }
        assert_eq!(decode(1, "garbage").unwrap_err().code, 1410);
        assert_eq!(decode(1, "é-----------------").unwrap_err().code, 1410);
    }

    #[test]
    fn bounds_of_ranges_need_no_row() {
        let text = |object, block, row| Parts { object, file: FIRST_FILE, block, row }.text();
        let last_of_block_2 = text(7, 2, 32_767);
        for (operator, fits) in [("<=", 3 * 128 - 1), (">", 3 * 128 - 1), ("<", 3 * 128), (">=", 3 * 128)] {
            assert_eq!(bound(7, &last_of_block_2, operator).unwrap(), fits, "{operator}");
        }
        assert_eq!(bound(7, &text(7, 2, 0), ">=").unwrap(), 256);
        assert_eq!(bound(7, &text(6, 2, 0), ">=").unwrap(), -1);
        assert_eq!(bound(7, &text(8, 2, 0), "<").unwrap(), i64::MAX);
    }
}
