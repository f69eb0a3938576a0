//! The cells of some rows as they were read, before anything is made of them.

use std::ops::Range;

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lake) enum Cell<'c> {
    /// NULL, or nothing.
    Null,
    /// The content of a field or of a JSON string.
    Text(&'c str),
    /// A JSON value that is neither null nor a string, as it was written.
    Json(&'c str),
}

/// Where a cell lies in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lake) enum Span {
    Null,
    Text(usize, usize),
    Json(usize, usize),
}

/// Cells of rows of the same columns, one row after the other. Emptied and filled again, it keeps its memory.
#[derive(Debug, Default)]
pub(in crate::lake) struct Cells {
    text: String,
    spans: Vec<Span>,
    columns: usize,
    /// There may be rows without a column.
    rows: usize,
}

impl Cells {
    pub(in crate::lake) fn new(columns: usize) -> Self {
        Cells { columns, ..Cells::default() }
    }

    pub(in crate::lake) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.rows = 0;
    }

    pub(in crate::lake) fn rows(&self) -> usize {
        self.rows
    }

    pub(in crate::lake) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// A row of NULLs, to be filled by [`Self::set`].
    pub(in crate::lake) fn push_row(&mut self) {
        self.rows += 1;
        self.spans.extend(std::iter::repeat_n(Span::Null, self.columns));
    }

    /// Fills a cell of the last row.
    pub(in crate::lake) fn set(&mut self, column: usize, cell: Cell<'_>) {
        let at = self.spans.len() - self.columns + column;
        let start = self.text.len();
        self.spans[at] = match cell {
            Cell::Null => Span::Null,
            Cell::Text(text) => {
                self.text.push_str(text);
                Span::Text(start, self.text.len())
            }
            Cell::Json(text) => {
                self.text.push_str(text);
                Span::Json(start, self.text.len())
            }
        };
    }

    pub(in crate::lake) fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match self.spans[row * self.columns + column] {
            Span::Null => Cell::Null,
            Span::Text(start, end) => Cell::Text(&self.text[start..end]),
            Span::Json(start, end) => Cell::Json(&self.text[start..end]),
        }
    }

    /// Some rows of one column.
    pub(in crate::lake) fn column(&self, column: usize, rows: Range<usize>) -> CellColumn<'_> {
        CellColumn { cells: self, column, rows }
    }
}

/// Cells of one column.
#[derive(Debug, Clone)]
pub(in crate::lake) struct CellColumn<'c> {
    cells: &'c Cells,
    column: usize,
    rows: Range<usize>,
}

impl<'c> CellColumn<'c> {
    pub(in crate::lake) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(in crate::lake) fn iter(&self) -> impl Iterator<Item = Cell<'c>> + use<'c> {
        let (cells, column) = (self.cells, self.column);
        self.rows.clone().map(move |row| cells.cell(row, column))
    }
}
