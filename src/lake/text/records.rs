//! CSV as records: RFC 4180, strictly, with the line of every mistake.

use std::io::{self, BufRead};

use super::cells::{Cell, Cells};
use crate::lake::format::CsvOptions;

/// Most bytes of a record or a line: an opening quote without its end must not take all memory.
pub(super) const MAX_RECORD_BYTES: usize = 256 << 20;

/// Something that is not as it should be, and where.
#[derive(Debug)]
pub(in crate::lake) struct BadLine {
    /// 1-based; 0 when the input itself failed.
    pub line: u64,
    /// What.
    pub reason: String,
}

/// Lines with their numbers, without a byte order mark.
pub(super) struct Lines<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, line: 0 }
    }

    pub(super) fn input(&self) -> &R {
        &self.input
    }

    /// Number of the line that was read last.
    pub(super) fn number(&self) -> u64 {
        self.line
    }

    /// Appends the next line with its end; `false` at the end of the input.
    pub(super) fn append(&mut self, out: &mut Vec<u8>) -> Result<bool, BadLine> {
        let before = out.len();
        self.line += 1;
        let room = MAX_RECORD_BYTES.saturating_sub(before) as u64 + 1;
        let mut limited = io::Read::take(&mut self.input, room);
        let read = limited.read_until(b'\n', out).map_err(|error| self.bad(error.to_string()))?;
        if out.len() > MAX_RECORD_BYTES {
            return Err(self.bad(format!("is longer than {} MiB; a closing quote may be missing", MAX_RECORD_BYTES >> 20)));
        }
        if self.line == 1 {
            match &out[before..] {
                [0xef, 0xbb, 0xbf, ..] => drop(out.drain(before..before + 3)),
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(self.bad("is UTF-16; save the file as UTF-8".into())),
                [0x1f, 0x8b, ..] => return Err(self.bad("begins a gzip file; unpack it first".into())),
                _ => {}
            }
        }
        Ok(read > 0)
    }

    pub(super) fn bad(&self, reason: String) -> BadLine {
        BadLine { line: self.line, reason }
    }
}

/// The records of a file.
pub(in crate::lake) struct Records<R> {
    lines: Lines<R>,
    options: CsvOptions,
    line: Vec<u8>,
    /// Contents of the fields of a record, one after the other.
    content: Vec<u8>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    is_quoted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
}

impl<R: BufRead> Records<R> {
    /// Before the header.
    pub(in crate::lake) fn new(input: R, options: &CsvOptions) -> Self {
        let (lines, options) = (Lines::new(input), *options);
        Records { lines, options, line: Vec::new(), content: Vec::new(), fields: Vec::new() }
    }

    pub(in crate::lake) fn input(&self) -> &R {
        self.lines.input()
    }

    /// The names in the first record.
    pub(in crate::lake) fn header(&mut self) -> Result<Vec<String>, BadLine> {
        if self.next(1)?.is_none() {
            return Err(self.lines.bad("is missing: a CSV file begins with the names of its columns".into()));
        }
        let mut names: Vec<String> = Vec::with_capacity(self.fields.len());
        for index in 0..self.fields.len() {
            let name = self.field(index)?.1.to_owned();
            if name.is_empty() || names.contains(&name) {
                let reason = if name.is_empty() { "has a column without a name".into() } else { format!("names two columns {name:?}") };
                return Err(self.lines.bad(reason));
            }
            names.push(name);
        }
        Ok(names)
    }

    /// Adds the next record as a row, each field in the column that `places` has for it; the line on which it begins, or `None` at the end.
    pub(in crate::lake) fn read(&mut self, cells: &mut Cells, places: &[Option<usize>]) -> Result<Option<u64>, BadLine> {
        let Some(line) = self.next(places.len())? else { return Ok(None) };
        if self.fields.len() != places.len() {
            let reason = format!("has {} fields, the header {}", self.fields.len(), places.len());
            return Err(BadLine { line, reason });
        }
        cells.push_row();
        for (index, place) in places.iter().enumerate() {
            let Some(column) = place else { continue };
            let (field, text) = self.field(index)?;
            if field.is_quoted || text != self.options.null {
                cells.set(*column, Cell::Text(text));
            }
        }
        Ok(Some(line))
    }

    fn field(&self, index: usize) -> Result<(Field, &str), BadLine> {
        let field = self.fields[index];
        match std::str::from_utf8(&self.content[field.start..field.end]) {
            Ok(text) => Ok((field, text)),
            Err(_) => Err(self.lines.bad(format!("is not UTF-8 in field {}; save the file as UTF-8", index + 1))),
        }
    }

    /// Splits the next record; empty lines are none where a record has several fields.
    fn next(&mut self, expected_fields: usize) -> Result<Option<u64>, BadLine> {
        loop {
            self.content.clear();
            self.fields.clear();
            let mut state = State::FieldStart;
            let first_line = self.lines.number() + 1;
            loop {
                self.line.clear();
                if !self.lines.append(&mut self.line)? {
                    return match state {
                        State::Quoted => Err(BadLine { line: first_line, reason: "opens a quote that never ends".into() }),
                        _ => Ok(None),
                    };
                }
                state = self.split(state)?;
                if state != State::Quoted {
                    break;
                }
                if self.content.len() > MAX_RECORD_BYTES {
                    return Err(BadLine { line: first_line, reason: format!("opens a quote of more than {} MiB", MAX_RECORD_BYTES >> 20) });
                }
            }
            let is_empty = self.content.is_empty() && self.fields.len() == 1 && !self.fields[0].is_quoted;
            if !is_empty || expected_fields == 1 {
                return Ok(Some(first_line));
            }
        }
    }

    /// Takes in a line; the record goes on in the next one when the state is then `Quoted`.
    fn split(&mut self, mut state: State) -> Result<State, BadLine> {
        let line = std::mem::take(&mut self.line);
        let ending = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) };
        let (body, ending) = line.split_at(line.len() - ending);
        let delimiter = self.options.delimiter as u8;
        let mut start = self.content.len();
        if state == State::Quoted {
            start = self.fields.pop().map_or(start, |open| open.start);
        }
        let mut is_quoted = state == State::Quoted;
        for &byte in body {
            state = match (state, byte) {
                (State::FieldStart | State::Unquoted | State::QuoteInQuoted, byte) if byte == delimiter => {
                    self.fields.push(Field { start, end: self.content.len(), is_quoted });
                    (start, is_quoted) = (self.content.len(), false);
                    State::FieldStart
                }
                (State::FieldStart, b'"') => {
                    is_quoted = true;
                    State::Quoted
                }
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::QuoteInQuoted, b'"') | (State::Quoted, _) => {
                    self.content.push(byte);
                    State::Quoted
                }
                (State::QuoteInQuoted, _) => return Err(self.lines.bad("has text after a closing quote".into())),
                (State::Unquoted, b'"') => return Err(self.lines.bad("has a quote within a field that is not quoted".into())),
                (_, b'\r') => return Err(self.lines.bad("has a carriage return outside quotes".into())),
                (State::FieldStart | State::Unquoted, _) => {
                    self.content.push(byte);
                    State::Unquoted
                }
            };
        }
        if state == State::Quoted {
            self.content.extend_from_slice(ending);
        }
        self.fields.push(Field { start, end: self.content.len(), is_quoted });
        self.line = line;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: usize) -> Result<Vec<Vec<Option<String>>>, String> {
        let places: Vec<Option<usize>> = (0..columns).map(Some).collect();
        let mut records = Records::new(text.as_bytes(), &CsvOptions::default());
        let mut cells = Cells::new(columns);
        while records.read(&mut cells, &places).map_err(|bad| format!("line {} {}", bad.line, bad.reason))?.is_some() {}
        let cell = |row, column| match cells.cell(row, column) {
            Cell::Null => None,
            Cell::Text(text) | Cell::Json(text) => Some(text.to_owned()),
        };
        Ok((0..cells.rows()).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect())
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn quotes_hold_anything_and_tell_the_empty_text_from_null() {
        let rows = read("a,\"b,\"\"c\"\"\r\nd\",\r\n\"\",x,\"\"\n\n,,\n1,2,3", 3).unwrap();
        assert_eq!(rows[0], [Some("a".into()), Some("b,\"c\"\r\nd".into()), None]);
        assert_eq!(rows[1], some(&["", "x", ""]));
        assert_eq!(rows[2], [None, None, None]);
        assert_eq!(rows[3], some(&["1", "2", "3"]));
        assert_eq!(read("\u{feff}a\n\n\"\"", 1).unwrap(), [some(&["a"]), vec![None], some(&[""])]);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, part) in [
            ("a,b\nc\n", "line 2 has 1 fields, the header 2"),
            ("a,b\n\"x\ny\",1\nc,d,e\n", "line 4 has 3 fields"),
            ("a,b\n\"x\ny,1\n", "line 2 opens a quote that never ends"),
            ("a,b\"c\n", "line 1 has a quote within"),
            ("a,\"b\"c\n", "line 1 has text after a closing quote"),
            ("a,b\rc,d\n", "line 1 has a carriage return"),
        ] {
            let error = read(text, 2).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let mut records = Records::new(&b"a\n\xe9\n"[..], &CsvOptions::default());
        records.header().unwrap();
        assert!(records.read(&mut Cells::new(1), &[Some(0)]).unwrap_err().reason.contains("UTF-8"));
        for header in ["", "a,,b", "a,a"] {
            assert!(Records::new(header.as_bytes(), &CsvOptions::default()).header().is_err(), "{header}");
        }
    }
}
