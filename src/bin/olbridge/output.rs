//! What goes to standard output: aligned tables, CSV, JSON lines. A closed pipe is a normal end, not an error.

use std::io::{self, Write};

use olbridge::oracle_type::{ColumnDesc, OracleType};

use crate::arguments::RowFormat;

/// Rows that an aligned table holds back to find the column widths; the rest is printed as it comes, with those widths.
const WIDTH_SAMPLE_ROWS: usize = 200;

/// Writes the rows of a query as they come.
pub struct RowWriter<W: Write> {
    out: W,
    form: Form,
    /// Rows written so far.
    pub rows: u64,
}

enum Form {
    Table { table: RowTable },
    Csv,
    Json { keys: Vec<String>, numeric: Vec<bool> },
}

impl<W: Write> RowWriter<W> {
    /// Starts with the columns of the query; the CSV header is written at once.
    pub fn new(mut out: W, columns: &[ColumnDesc], format: RowFormat) -> io::Result<Self> {
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let numeric: Vec<bool> = columns.iter().map(|c| is_numeric(&c.oracle_type)).collect();
        let form = match format {
            RowFormat::Table => Form::Table { table: RowTable::new(&names, numeric) },
            RowFormat::Csv => {
                write_csv_line(&mut out, names.iter().map(|name| Some(*name)))?;
                Form::Csv
            }
            RowFormat::Json => Form::Json { keys: names.iter().map(|name| json_text(name)).collect(), numeric },
        };
        Ok(RowWriter { out, form, rows: 0 })
    }

    /// One row, each value as exact text.
    pub fn row(&mut self, values: &[Option<String>]) -> io::Result<()> {
        self.rows += 1;
        match &mut self.form {
            Form::Table { table } => table.row(&mut self.out, values),
            Form::Csv => write_csv_line(&mut self.out, values.iter().map(Option::as_deref)),
            Form::Json { keys, numeric } => write_json_line(&mut self.out, keys, numeric, values),
        }
    }

    /// Writes what was held back and flushes.
    pub fn finish(mut self) -> io::Result<u64> {
        if let Form::Table { table } = &mut self.form {
            table.finish(&mut self.out)?;
        }
        self.out.flush()?;
        Ok(self.rows)
    }
}

fn is_numeric(oracle_type: &OracleType) -> bool {
    matches!(oracle_type, OracleType::Number { .. } | OracleType::Float { .. } | OracleType::BinaryFloat | OracleType::BinaryDouble)
}

/// An aligned table of a query's rows, written as they come: numbers to the right, all else to the left, two blanks between columns.
pub struct RowTable {
    header: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
    held: Vec<Vec<String>>,
    header_written: bool,
}

impl RowTable {
    /// `right` says which columns are aligned to the right.
    pub fn new(header: &[&str], right: Vec<bool>) -> Self {
        RowTable {
            header: header.iter().map(ToString::to_string).collect(),
            right,
            widths: header.iter().map(|name| width(name)).collect(),
            held: Vec::new(),
            header_written: false,
        }
    }

    /// One row; NULL is shown as `NULL`.
    pub fn row(&mut self, out: &mut impl Write, values: &[Option<String>]) -> io::Result<()> {
        let cells: Vec<String> = values.iter().map(|v| v.as_deref().map_or_else(|| "NULL".to_owned(), one_line)).collect();
        if self.header_written {
            return self.write_cells(out, &cells);
        }
        for (widest, cell) in self.widths.iter_mut().zip(&cells) {
            *widest = (*widest).max(width(cell));
        }
        self.held.push(cells);
        if self.held.len() == WIDTH_SAMPLE_ROWS { self.release(out) } else { Ok(()) }
    }

    /// Writes the header and the rows that are still held back.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.header_written { Ok(()) } else { self.release(out) }
    }

    fn release(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.header_written = true;
        self.write_cells(out, &self.header)?;
        let rule: Vec<String> = self.widths.iter().map(|&w| "-".repeat(w)).collect();
        self.write_cells(out, &rule)?;
        for cells in std::mem::take(&mut self.held) {
            self.write_cells(out, &cells)?;
        }
        Ok(())
    }

    fn write_cells(&self, out: &mut impl Write, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let padding = self.widths[index].saturating_sub(width(cell));
            if index > 0 {
                line.push_str("  ");
            }
            if self.right[index] {
                line.extend(std::iter::repeat_n(' ', padding));
            }
            line.push_str(cell);
            if !self.right[index] {
                line.extend(std::iter::repeat_n(' ', padding));
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Control characters would break the table (and could drive the terminal), so they are shown escaped.
fn one_line(text: &str) -> String {
    if text.chars().any(char::is_control) { text.escape_default().to_string() } else { text.to_owned() }
}

fn write_csv_line<'a>(out: &mut impl Write, values: impl Iterator<Item = Option<&'a str>>) -> io::Result<()> {
    let mut line = String::new();
    for (index, value) in values.enumerate() {
        if index > 0 {
            line.push(',');
        }
        match value {
            Some(text) if text.contains([',', '"', '\n', '\r']) => {
                line.push('"');
                line.push_str(&text.replace('"', "\"\""));
                line.push('"');
            }
            Some(text) => line.push_str(text),
            None => {}
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

fn write_json_line(out: &mut impl Write, keys: &[String], numeric: &[bool], values: &[Option<String>]) -> io::Result<()> {
    let mut line = String::from("{");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        line.push_str(&keys[index]);
        line.push(':');
        match value {
            None => line.push_str("null"),
            Some(text) if numeric[index] => line.push_str(&json_number(text)),
            Some(text) => line.push_str(&json_text(text)),
        }
    }
    line.push_str("}\n");
    out.write_all(line.as_bytes())
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Oracle's decimal text as a JSON number with the same digits; what JSON cannot say (`Nan`, `Inf`) becomes text.
fn json_number(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let number = if digits.starts_with('.') { format!("{sign}0{digits}") } else { format!("{sign}{digits}") };
    if serde_json::from_str::<serde_json::Number>(&number).is_ok() { number } else { json_text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<ColumnDesc> {
        let column = |name: &str, oracle_type| ColumnDesc { name: name.into(), oracle_type, nullable: true };
        vec![column("ID", OracleType::Number { precision: None, scale: None }), column("Name", OracleType::Clob)]
    }

    fn rendered(format: RowFormat, rows: &[[Option<&str>; 2]]) -> String {
        let mut bytes = Vec::new();
        let mut writer = RowWriter::new(&mut bytes, &columns(), format).unwrap();
        for row in rows {
            writer.row(&row.map(|v| v.map(str::to_owned))).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), rows.len() as u64);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_table_aligns_numbers_right_and_escapes_control_characters() {
        let text = rendered(RowFormat::Table, &[[Some("1"), Some("a\nb")], [Some("-22.5"), None]]);
        assert_eq!(text, "   ID  Name\n-----  ----\n    1  a\\nb\n-22.5  NULL\n");
    }

    #[test]
    fn a_table_without_rows_still_has_its_header() {
        assert_eq!(rendered(RowFormat::Table, &[]), "ID  Name\n--  ----\n");
    }

    #[test]
    fn a_long_table_is_written_as_it_comes() {
        let rows = vec![[Some("1"), Some("x")]; WIDTH_SAMPLE_ROWS + 5];
        assert_eq!(rendered(RowFormat::Table, &rows).lines().count(), WIDTH_SAMPLE_ROWS + 7);
    }

    #[test]
    fn csv_quotes_only_what_needs_it() {
        let text = rendered(RowFormat::Csv, &[[Some("1"), Some("say \"hi\", now")], [None, Some("plain")]]);
        assert_eq!(text, "ID,Name\n1,\"say \"\"hi\"\", now\"\n,plain\n");
    }

    #[test]
    fn json_keeps_every_digit_and_is_valid() {
        let number = "-.00012345678901234567890123456789012345678";
        let text = rendered(RowFormat::Json, &[[Some(number), Some("ü\t")], [Some("Nan"), None]]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "{\"ID\":-0.00012345678901234567890123456789012345678,\"Name\":\"ü\\t\"}");
        assert_eq!(lines[1], "{\"ID\":\"Nan\",\"Name\":null}");
        assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}
