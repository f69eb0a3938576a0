//! NDJSON as rows.

use std::io::BufRead;

use super::cells::Cells;
use super::nested::{keys_of, set_object};
use super::records::{BadLine, Lines};

/// The objects of a file, one a line; empty lines are skipped.
pub(in crate::lake) struct JsonLines<R> {
    lines: Lines<R>,
    line: Vec<u8>,
}

impl<R: BufRead> JsonLines<R> {
    /// From the first line on.
    pub(in crate::lake) fn new(input: R) -> Self {
        JsonLines { lines: Lines::new(input), line: Vec::new() }
    }

    pub(in crate::lake) fn input(&self) -> &R {
        self.lines.input()
    }

    /// Adds the next object as a row; `place` tells the column of a key. The line, or `None` at the end.
    pub(in crate::lake) fn read(&mut self, cells: &mut Cells, place: impl FnMut(&str) -> Option<usize>) -> Result<Option<u64>, BadLine> {
        let Some(text) = self.next()? else { return Ok(None) };
        cells.push_row();
        set_object(cells, &text, place).map_err(|reason| self.lines.bad(reason))?;
        self.line = text.into_bytes();
        Ok(Some(self.lines.number()))
    }

    /// The keys of the next object, in order.
    pub(in crate::lake) fn keys(&mut self) -> Result<Option<Vec<String>>, BadLine> {
        let Some(text) = self.next()? else { return Ok(None) };
        let names = keys_of(&text).map_err(|reason| self.lines.bad(reason))?;
        self.line = text.into_bytes();
        Ok(Some(names))
    }

    fn next(&mut self) -> Result<Option<String>, BadLine> {
        let mut line = std::mem::take(&mut self.line);
        loop {
            line.clear();
            if !self.lines.append(&mut line)? {
                return Ok(None);
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        String::from_utf8(line).map(Some).map_err(|_| self.lines.bad("is not UTF-8; save the file as UTF-8".into()))
    }
}
