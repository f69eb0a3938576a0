//! The value behind a LOB locator.
//!
//! Positions in text count UTF-16 units, as Oracle does in a Unicode database: a character beyond the BMP counts twice.

use std::cell::Cell;

use super::super::error::Failure;
use crate::engine::LobHome;

/// What a locator is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LobKind {
    #[default]
    Binary,
    Text,
    National,
}

/// A transfer in pieces that a locator is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    pub is_write: bool,
    /// Byte where the next piece begins.
    pub at: usize,
    /// Byte where a read ends.
    pub end: usize,
}

/// The value behind a locator.
#[derive(Clone, Default)]
pub struct LobValue {
    bytes: Vec<u8>,
    kind: LobKind,
    is_filled: bool,
    pub(super) is_temporary: bool,
    pub(super) is_open: bool,
    pub(super) transfer: Option<Transfer>,
    /// Where a stored LOB is, to be written through its locator.
    pub(in super::super) home: Option<LobHome>,
    /// Units and bytes of the place that was looked up last: reading on from there needs no search.
    place: Cell<(usize, usize)>,
    /// A byte is a unit throughout.
    is_single_byte: bool,
}

/// UTF-16 units that begin at this byte of UTF-8.
fn units_at(byte: u8) -> usize {
    match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    }
}

/// UTF-16 units of UTF-8 text.
pub fn units_of(text: &[u8]) -> usize {
    text.iter().map(|byte| units_at(*byte)).sum()
}

impl LobValue {
    fn filled(bytes: Vec<u8>, kind: LobKind) -> LobValue {
        let is_single_byte = kind == LobKind::Binary || bytes.is_ascii();
        LobValue { bytes, kind, is_filled: true, is_single_byte, ..LobValue::default() }
    }

    /// A CLOB or NCLOB of a query.
    pub fn text(bytes: &[u8], is_national: bool) -> LobValue {
        LobValue::filled(bytes.to_vec(), if is_national { LobKind::National } else { LobKind::Text })
    }

    /// A BLOB of a query.
    pub fn binary(bytes: &[u8]) -> LobValue {
        LobValue::filled(bytes.to_vec(), LobKind::Binary)
    }

    /// Made by `OCILobCreateTemporary`, or by a query for the value of an expression, and not freed.
    pub fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    /// A query has made it, and keeps it nowhere.
    pub fn set_temporary(&mut self, is_temporary: bool) {
        self.is_temporary = is_temporary;
    }

    /// An empty temporary LOB.
    pub fn temporary(kind: LobKind) -> LobValue {
        LobValue { is_temporary: true, ..LobValue::filled(Vec::new(), kind) }
    }

    /// What `OCI_ATTR_LOBEMPTY` makes of a locator: a value without content, to be bound as either kind.
    pub fn empty() -> LobValue {
        LobValue::filled(Vec::new(), LobKind::Binary)
    }

    /// The whole value: UTF-8 or bytes.
    pub fn content(&self) -> Result<&[u8], Failure> {
        self.check()?;
        Ok(&self.bytes)
    }

    pub fn kind(&self) -> LobKind {
        self.kind
    }

    pub fn is_text(&self) -> bool {
        self.kind != LobKind::Binary
    }

    pub fn is_filled(&self) -> bool {
        self.is_filled
    }

    /// ORA-22275 for a locator without a value.
    pub fn check(&self) -> Result<(), Failure> {
        if self.is_filled { Ok(()) } else { Err(Failure::ora(22275, "invalid LOB locator specified")) }
    }

    pub fn check_writable(&self) -> Result<(), Failure> {
        self.check()?;
        match self.is_temporary || self.home.is_some() {
            true => Ok(()),
            false => {
                Err(Failure::unimplemented("writing through the locator of a LOB that is no column of a table (update the column instead)"))
            }
        }
    }

    /// Length in units or bytes.
    pub fn length(&self) -> usize {
        if self.is_single_byte { self.bytes.len() } else { units_of(&self.bytes) }
    }

    /// Byte offset of unit `index` (0-based); the end when it lies beyond.
    pub fn offset(&self, index: usize) -> usize {
        if self.is_single_byte {
            return index.min(self.bytes.len());
        }
        let (mut units, mut at) = self.place.get();
        if units > index || at > self.bytes.len() {
            (units, at) = (0, 0);
        }
        while at < self.bytes.len() && (units < index || units_at(self.bytes[at]) == 0) {
            units += units_at(self.bytes[at]);
            at += 1;
        }
        self.place.set((units, at));
        at
    }

    /// The bytes from `start` to `end`, cut to whole characters.
    pub fn part(&self, start: usize, end: usize) -> &[u8] {
        let mut end = end.min(self.bytes.len());
        while self.is_text() && end > start && end < self.bytes.len() && units_at(self.bytes[end]) == 0 {
            end -= 1;
        }
        &self.bytes[start.min(end)..end]
    }

    /// Puts `source` over what is at byte `at`, and lengthens the value where it ends; the byte after it.
    pub fn put(&mut self, at: usize, source: &[u8]) -> Result<usize, Failure> {
        if self.is_text() && std::str::from_utf8(source).is_err() {
            return Err(Failure::ora(29275, "partial multibyte character (CLOB text that is not UTF-8)"));
        }
        if at == self.bytes.len() {
            self.is_single_byte &= !self.is_text() || source.is_ascii();
            self.bytes.extend_from_slice(source);
            return Ok(self.bytes.len());
        }
        let end = match self.is_single_byte && (!self.is_text() || source.is_ascii()) {
            true => (at + source.len()).min(self.bytes.len()),
            false => {
                let first = units_of(&self.bytes[..at]);
                self.is_single_byte = false;
                self.offset(first + units_of(source))
            }
        };
        self.place.set((0, 0));
        self.bytes.splice(at..end, source.iter().copied());
        Ok(at + source.len())
    }

    /// Lengthens the value to at least `units` with blanks or zeros, and gives the byte where they end.
    pub fn reach(&mut self, units: usize) -> usize {
        let missing = units.saturating_sub(self.length());
        if missing > 0 {
            let filler = if self.is_text() { b' ' } else { 0 };
            self.bytes.resize(self.bytes.len() + missing, filler);
        }
        self.offset(units)
    }

    /// Cuts the value to `units`; ORA-22926 when it is shorter.
    pub fn trim(&mut self, units: usize) -> Result<(), Failure> {
        if units > self.length() {
            return Err(Failure::ora(22926, "specified trim length is greater than current LOB value's length"));
        }
        let end = self.offset(units);
        self.bytes.truncate(end);
        Ok(())
    }

    /// Overwrites up to `units` from `first` with blanks or zeros; the units erased.
    pub fn erase(&mut self, first: usize, units: usize) -> usize {
        let erased = units.min(self.length().saturating_sub(first));
        let (start, end) = (self.offset(first), self.offset(first + erased));
        let filler = if self.is_text() { b' ' } else { 0 };
        self.place.set((0, 0));
        self.bytes.splice(start..end, std::iter::repeat_n(filler, erased));
        erased
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_counted_in_utf16_units() {
        let mut lob = LobValue::temporary(LobKind::Text);
        let text = "aé個𠜎z";
        lob.put(0, text.as_bytes()).unwrap();
        assert_eq!(lob.length(), 6);
        let offsets: Vec<usize> = (0..8).map(|index| lob.offset(index)).collect();
        // A place within a pair is that of the character after it.
        assert_eq!(offsets, [0, 1, 3, 6, 10, 10, 11, 11]);
        assert_eq!([5, 1, 3].map(|index| lob.offset(index)), [10, 1, 6], "looking back");
        assert_eq!(lob.part(1, 5), "é".as_bytes(), "no half characters");
        lob.trim(3).unwrap();
        assert_eq!(lob.content().unwrap(), "aé個".as_bytes());
        assert!(lob.trim(4).is_err());
    }

    #[test]
    fn writes_go_over_characters_and_gaps_are_filled() {
        let mut lob = LobValue::temporary(LobKind::Text);
        lob.put(0, "éé".as_bytes()).unwrap();
        lob.put(0, b"a").unwrap();
        assert_eq!(lob.content().unwrap(), "aé".as_bytes());
        let at = lob.reach(4);
        lob.put(at, "個".as_bytes()).unwrap();
        assert_eq!((lob.content().unwrap(), lob.length()), ("aé  個".as_bytes(), 5));
        assert_eq!(lob.erase(1, 100), 4);
        assert_eq!(lob.content().unwrap(), b"a    ");
        let mut lob = LobValue::temporary(LobKind::Binary);
        let at = lob.reach(2);
        lob.put(at, &[0xff, 0xfe]).unwrap();
        lob.put(1, &[1]).unwrap();
        assert_eq!(lob.content().unwrap(), [0, 1, 0xff, 0xfe]);
    }
}
