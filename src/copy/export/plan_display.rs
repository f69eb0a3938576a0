//! The plan of an export for people.

use std::fmt;

use super::plan::{ExportColumn, ExportPlan, FileAction};
use super::readers::Readers;
use crate::copy::columns::external_type_name;
use crate::copy::format::{TextTable, bytes, thousands};
use crate::fetch::{FetchColumn, FetchPlan};
use crate::lake::format::Format;
use crate::lake::sink::{SinkOptions, is_standard_output};

pub(super) fn shown_columns(plan: &FetchPlan) -> Vec<ExportColumn> {
    let described = |(index, (FetchColumn { column, field }, layout)): (usize, (&FetchColumn, _))| ExportColumn {
        position: index + 1,
        source: column.name.clone(),
        oracle_type: format!("{}{}", column.oracle_type, if column.nullable { "" } else { " NOT NULL" }),
        external_type: external_type_name(&layout),
        target: field.name().clone(),
        arrow_type: field.data_type().to_string(),
    };
    plan.columns.iter().zip(plan.layouts()).enumerate().map(described).collect()
}

fn layout_line(file: &SinkOptions) -> String {
    let codec = file.codec();
    let format = match file.format {
        Format::Parquet => {
            let (rows, size) = (thousands(file.row_group_rows as u64), bytes(file.row_group_bytes as u64));
            format!("Parquet with {codec}, row groups of {rows} rows or {size}")
        }
        Format::Arrow => format!("Arrow IPC file, compression {codec}"),
        Format::Arrows => format!("Arrow IPC stream, compression {codec}"),
        Format::Csv => format!("CSV, {:?} between fields, NULL is {:?}", file.csv.delimiter, file.csv.null),
        Format::Ndjson => "NDJSON, one object a line".to_owned(),
    };
    let partitions = match file.partition_by.is_empty() {
        true => String::new(),
        false => format!("; a directory for each {}", file.partition_by.join(", ")),
    };
    let limit = file.file_bytes.map(|limit| format!("; another file after {}", bytes(limit))).unwrap_or_default();
    format!("{format}{partitions}{limit}")
}

impl fmt::Display for ExportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        let action = match self.action {
            FileAction::Create if is_standard_output(&self.path) => "standard output: the exit code tells whether it is whole",
            FileAction::Create => "written, and there when it is whole",
            FileAction::Replace => "replaced when the new one is whole",
            FileAction::Skip => "exists: nothing is done",
        };
        writeln!(f, "target   {}: {action}", self.path.display())?;
        let Some(select) = &self.select_sql else { return Ok(()) };
        writeln!(f, "\n{select};\n")?;
        let mut table = TextTable::new(["#", "column", "Oracle", "OCI", "target", "Arrow"]);
        for c in &self.columns {
            let c = c.clone();
            table.row([c.position.to_string(), c.source, c.oracle_type, c.external_type, c.target, c.arrow_type]);
        }
        write!(f, "{table}")?;
        match self.snapshot.scn {
            Some(scn) => writeln!(f, "\nsnapshot SCN {scn} ({})", self.snapshot.how)?,
            None => writeln!(f, "\nsnapshot {}", self.snapshot.how)?,
        }
        if self.readers.slices > 1 {
            let Readers { slices, cut_by, ordered, .. } = &self.readers;
            let sessions = match self.readers.sessions {
                1 => "1 reader".to_owned(),
                several => format!("{several} readers"),
            };
            let (from, order) = (cut_by.description(), if *ordered { "in their order" } else { "rows as they come" });
            writeln!(f, "{sessions}, {slices} slices by {from}, {order}")?;
        }
        self.readers.note.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        writeln!(f, "{} rows per fetch, {} of array buffers", thousands(u64::from(self.rows_per_fetch)), bytes(self.buffer_bytes))?;
        match self.expected.rows {
            Some(rows) => writeln!(f, "{} rows expected ({})", thousands(rows), self.expected.how)?,
            None => writeln!(f, "rows expected: {}", self.expected.how)?,
        }
        writeln!(f, "{}", layout_line(&self.file))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}
