//! ROWID as text of 18 characters: object, file, block and row in base 64, as Oracle writes it.

use super::{OraError, Result};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bits of SQLite's rowid that show as the row of a block.
const ROW_BITS: u32 = 15;
const BLOCK_BITS: u32 = 32;

/// The text for a row of a table.
pub(crate) fn encode(table: i64, rowid: i64) -> String {
    let (row, block, file) =
        (rowid & ((1 << ROW_BITS) - 1), (rowid >> ROW_BITS) & ((1 << BLOCK_BITS) - 1), rowid >> (ROW_BITS + BLOCK_BITS));
    let mut text = String::with_capacity(18);
    for (value, digits) in [(table, 6), (file, 3), (block, 6), (row, 3)] {
        for digit in (0..digits).rev() {
            text.push(char::from(ALPHABET[(value >> (6 * digit) & 63) as usize]));
        }
    }
    text
}

/// The block that a row is in, of those with their file in front.
pub(crate) fn block_of(rowid: i64) -> i64 {
    rowid >> ROW_BITS
}

/// SQLite's rowid for a text; none when it belongs to another table; ORA-01410 when it is no ROWID.
pub(crate) fn decode(table: i64, text: &str) -> Result<Option<i64>> {
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
    if object != table || row >> ROW_BITS != 0 || block >> BLOCK_BITS != 0 {
        return Ok(None);
    }
    Ok(Some(file << (ROW_BITS + BLOCK_BITS) | block << ROW_BITS | row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_round_trip() {
        for rowid in [1, 2, 32_767, 32_768, 1 << 40, i64::MAX >> 1] {
            let text = encode(70_001, rowid);
            assert_eq!(text.len(), 18);
            assert_eq!(decode(70_001, &text).unwrap(), Some(rowid));
            assert_eq!(decode(70_002, &text).unwrap(), None);
        }
        assert_eq!(decode(1, "garbage").unwrap_err().code, 1410);
        assert_eq!(decode(1, "é-----------------").unwrap_err().code, 1410);
    }
}
