//! The promise of `--rejects`, for a table, rows and options made of arbitrary bytes: exactly the good rows are in the table, exactly the bad ones in the
//! file, each as it was and with its reason; beyond `--max-errors`, or with `--on-error abort`, nothing stays and a bad row is named.
//!
//! Which rows are bad is known here from how they are made, not from the bridge. The fuzz target and a test of the suite share this file.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use olbridge::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use olbridge::arrow::compute::{concat_batches, sort_to_indices, take, take_record_batch};
use olbridge::arrow::datatypes::{Field, Int32Type, Schema, UInt64Type};
use olbridge::copy::{Cancel, CopyJob, CopyReport, NoProgress, OnError, Target};
use olbridge::error::{Error, Phase};
use olbridge::fetch::{FetchColumn, FetchOptions, FetchPlan};
use olbridge::oci::Session;
use olbridge::oracle_type::TableName;
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const MAX_COLUMNS: usize = 6;
const MAX_ROWS: usize = 400;
/// Keys that a child may name.
const PARENTS: i64 = 5;

/// Decisions from bytes; zeroes after their end.
struct Decisions<'a>(&'a [u8]);

impl Decisions<'_> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// 0..`limit`, at most 65536.
    fn below(&mut self, limit: usize) -> usize {
        let wide = if limit > 256 { self.byte() << 8 } else { 0 };
        (wide | self.byte()) % limit
    }

    fn one_in(&mut self, limit: usize) -> bool {
        self.below(limit) == limit - 1
    }
}

/// A source column and the table column that it goes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Int64 → NUMBER(digits).
    Whole(u32),
    /// Utf8 → VARCHAR2(bytes).
    Text(usize),
    /// Float64 → NUMBER(9,2).
    Float,
    /// Decimal128(12,3) → NUMBER(8,2).
    Money,
    /// Timestamp in microseconds → DATE.
    Moment,
    /// Binary → RAW(bytes).
    Raw(usize),
    /// Utf8 → CLOB.
    Long,
    /// Int64 → NUMBER(9) that a CHECK keeps from being negative.
    Checked,
    /// Int64 → NUMBER(9) with a foreign key.
    Child,
    /// Int64 → NUMBER(9) that is unique.
    Unique,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    kind: Kind,
    not_null: bool,
}

/// One value of the source.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Float(f64),
    Raw(Vec<u8>),
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    Convert,
    /// ORA code.
    Execute(i32),
}

impl Column {
    fn arbitrary(decisions: &mut Decisions<'_>) -> Self {
        let kind = match decisions.below(10) {
            0 => Kind::Whole(1 + decisions.below(8) as u32),
            1 => Kind::Text(1 + decisions.below(40)),
            2 => Kind::Float,
            3 => Kind::Money,
            4 => Kind::Moment,
            5 => Kind::Raw(1 + decisions.below(12)),
            6 => Kind::Long,
            7 => Kind::Checked,
            8 => Kind::Child,
            _ => Kind::Unique,
        };
        Column { kind, not_null: decisions.one_in(2) }
    }

    fn definition(self, index: usize) -> String {
        let oracle_type = match self.kind {
            Kind::Whole(digits) => format!("NUMBER({digits})"),
            Kind::Text(bytes) => format!("VARCHAR2({bytes} BYTE)"),
            Kind::Float => "NUMBER(9,2)".into(),
            Kind::Money => "NUMBER(8,2)".into(),
            Kind::Moment => "DATE".into(),
            Kind::Raw(bytes) => format!("RAW({bytes})"),
            Kind::Long => "CLOB".into(),
            Kind::Checked => format!("NUMBER(9) CHECK (C{index} >= 0)"),
            Kind::Child => "NUMBER(9) REFERENCES PARENT (ID)".into(),
            Kind::Unique => "NUMBER(9) UNIQUE".into(),
        };
        format!("C{index} {oracle_type}{}", if self.not_null { " NOT NULL" } else { "" })
    }

    fn good(self, decisions: &mut Decisions<'_>) -> Cell {
        if !self.not_null && decisions.one_in(8) {
            return Cell::Null;
        }
        match self.kind {
            Kind::Whole(digits) => {
                let limit = 10_i64.pow(digits);
                let value = decisions.below(65_536) as i64 % limit;
                Cell::Int(if decisions.one_in(3) { value - limit + 1 } else { value })
            }
            Kind::Text(bytes) => Cell::Text("t".repeat(1 + decisions.below(bytes))),
            Kind::Float => Cell::Float((decisions.below(65_536) as f64 - 30_000.0) / 4.0),
            Kind::Money => Cell::Int((decisions.below(65_536) as i64 - 30_000) * 10),
            Kind::Moment => Cell::Int((decisions.below(65_536) as i64 - 30_000) * 86_399_000_000),
            Kind::Raw(bytes) => Cell::Raw(vec![decisions.byte() as u8; 1 + decisions.below(bytes)]),
            Kind::Long => match decisions.below(12) {
                0 => Cell::Text("long ".repeat(decisions.below(9_000))),
                short => Cell::Text("é".repeat(short)),
            },
            Kind::Checked => Cell::Int(decisions.below(1_000) as i64),
            Kind::Child => Cell::Int(decisions.below(PARENTS as usize) as i64),
            Kind::Unique => Cell::Int(decisions.below(2_000) as i64),
        }
    }

    /// A value that is refused, or a good one where there is none.
    fn bad(self, decisions: &mut Decisions<'_>) -> (Cell, Option<Flaw>) {
        if self.not_null && decisions.one_in(3) {
            return (Cell::Null, Some(Flaw::Execute(1400)));
        }
        let (cell, flaw) = match (self.kind, decisions.below(2)) {
            (Kind::Whole(digits), _) => (Cell::Int(10_i64.pow(digits)), Flaw::Execute(1438)),
            (Kind::Text(_), 0) => (Cell::Text(String::new()), Flaw::Convert),
            (Kind::Text(bytes), _) => (Cell::Text("t".repeat(bytes + 1 + decisions.below(90))), Flaw::Convert),
            (Kind::Float, 0) => (Cell::Float(f64::NAN), Flaw::Convert),
            (Kind::Float, _) => (Cell::Float(0.125), Flaw::Convert),
            (Kind::Money, 0) => (Cell::Int(1), Flaw::Convert),
            (Kind::Money, _) => (Cell::Int(1_000_000_000), Flaw::Convert),
            (Kind::Moment, _) => (Cell::Int(1), Flaw::Convert),
            (Kind::Raw(_), 0) => (Cell::Raw(Vec::new()), Flaw::Convert),
            (Kind::Raw(bytes), _) => (Cell::Raw(vec![7; bytes + 1]), Flaw::Convert),
            (Kind::Checked, _) => (Cell::Int(-1), Flaw::Execute(2290)),
            (Kind::Child, _) => (Cell::Int(PARENTS), Flaw::Execute(2291)),
            (Kind::Long | Kind::Unique, _) => return (self.good(decisions), None),
        };
        (cell, Some(flaw))
    }

    fn array(self, cells: impl Iterator<Item = Cell>) -> ArrayRef {
        fn ints(cells: impl Iterator<Item = Cell>) -> impl Iterator<Item = Option<i64>> {
            cells.map(|cell| if let Cell::Int(value) = cell { Some(value) } else { None })
        }
        match self.kind {
            Kind::Text(_) | Kind::Long => {
                let texts: Vec<Option<String>> = cells.map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None }).collect();
                Arc::new(StringArray::from(texts))
            }
            Kind::Float => {
                Arc::new(cells.map(|cell| if let Cell::Float(value) = cell { Some(value) } else { None }).collect::<Float64Array>())
            }
            Kind::Money => {
                let values: Decimal128Array = ints(cells).map(|value| value.map(i128::from)).collect();
                Arc::new(values.with_precision_and_scale(12, 3).expect("a precision"))
            }
            Kind::Moment => Arc::new(ints(cells).collect::<TimestampMicrosecondArray>()),
            Kind::Raw(_) => {
                let values: Vec<Option<Vec<u8>>> = cells.map(|cell| if let Cell::Raw(bytes) = cell { Some(bytes) } else { None }).collect();
                Arc::new(values.iter().map(|value| value.as_deref()).collect::<BinaryArray>())
            }
            _ => Arc::new(ints(cells).collect::<Int64Array>()),
        }
    }
}

/// What is wrong with a row; several things may be.
#[derive(Debug, Clone, Default)]
struct Verdict {
    /// Column index and flaw.
    flaws: Vec<(usize, Flaw)>,
}

impl Verdict {
    fn is_bad(&self) -> bool {
        !self.flaws.is_empty()
    }

    fn in_conversion(&self) -> bool {
        self.flaws.iter().any(|(_, flaw)| *flaw == Flaw::Convert)
    }
}

/// What a bad row does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Abort,
    /// With as many as may be refused.
    Reject(Option<u64>),
}

/// A table, its rows and how they are loaded.
struct Case {
    columns: Vec<Column>,
    source: RecordBatch,
    verdicts: Vec<Verdict>,
    row_group_rows: usize,
    batch_rows: u32,
    batch_bytes: usize,
    overlap: bool,
    as_parquet: bool,
    mode: Mode,
}

impl Case {
    fn arbitrary(decisions: &mut Decisions<'_>) -> Self {
        let columns: Vec<Column> = (0..1 + decisions.below(MAX_COLUMNS)).map(|_| Column::arbitrary(decisions)).collect();
        let row_group_rows = 1 + decisions.below(200);
        let batch_rows = 1 + decisions.below(100) as u32;
        let batch_bytes = [2 << 20, 4_096, 1][decisions.below(3)];
        let (overlap, as_parquet) = (decisions.one_in(2), decisions.one_in(2));
        let (limit, offset) = (decisions.below(6), decisions.below(3) as u64);
        let flawed_one_in = [20, 200, 5, 1][decisions.below(4)];
        let (cells, verdicts) = rows(&columns, decisions.below(MAX_ROWS), flawed_one_in, decisions);
        let bad = verdicts.iter().filter(|verdict| verdict.is_bad()).count() as u64;
        let mode = match limit {
            0..=2 => Mode::Reject(None),
            3 | 4 => Mode::Reject(Some((bad + offset).saturating_sub(1))),
            _ => Mode::Abort,
        };
        let row_id: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=verdicts.len() as i64));
        let mut fields = vec![Field::new("row_id", row_id.data_type().clone(), true)];
        let mut arrays = vec![row_id];
        for (index, column) in columns.iter().enumerate() {
            let array = column.array(cells.iter().map(|row| row[index].clone()));
            fields.push(Field::new(format!("c{index}"), array.data_type().clone(), true));
            arrays.push(array);
        }
        let source = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length");
        Case { columns, source, verdicts, row_group_rows, batch_rows, batch_bytes, overlap, as_parquet, mode }
    }

    /// 0-based rows, good or bad, in ascending order.
    fn rows(&self, bad: bool) -> Vec<u64> {
        (0..).zip(&self.verdicts).filter(|(_, verdict)| verdict.is_bad() == bad).map(|(row, _)| row).collect()
    }

    fn only(&self, rows: &[u64]) -> RecordBatch {
        take_record_batch(&self.source, &UInt64Array::from(rows.to_vec())).expect("rows of the source")
    }
}

/// Cells of every row, and what is wrong with it: in itself, or because a good row before has its key.
fn rows(columns: &[Column], count: usize, flawed_one_in: usize, decisions: &mut Decisions<'_>) -> (Vec<Vec<Cell>>, Vec<Verdict>) {
    let mut taken: Vec<BTreeSet<i64>> = vec![BTreeSet::new(); columns.len()];
    let (mut all_cells, mut verdicts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let mut verdict = Verdict::default();
        let mut cells: Vec<Cell> = columns.iter().map(|column| column.good(decisions)).collect();
        if decisions.one_in(flawed_one_in) {
            for _ in 0..1 + decisions.below(2) {
                let index = decisions.below(columns.len());
                let (cell, flaw) = columns[index].bad(decisions);
                cells[index] = cell;
                verdict.flaws.retain(|(other, _)| *other != index);
                verdict.flaws.extend(flaw.map(|flaw| (index, flaw)));
            }
        }
        let keys = || cells.iter().zip(columns).enumerate().filter(|(_, (_, column))| column.kind == Kind::Unique);
        let own = |cell: &Cell| if let Cell::Int(key) = cell { Some(*key) } else { None };
        let doubled = keys().filter(|(index, (cell, _))| own(cell).is_some_and(|key| taken[*index].contains(&key)));
        let doubled: Vec<_> = doubled.map(|(index, _)| (index, Flaw::Execute(1))).collect();
        verdict.flaws.extend(doubled);
        if !verdict.is_bad() {
            keys().for_each(|(index, (cell, _))| taken[index].extend(own(cell)));
        }
        all_cells.push(cells);
        verdicts.push(verdict);
    }
    (all_cells, verdicts)
}

/// A database of the embedded engine in a folder of its own.
pub struct Lab {
    session: Session,
    target: Target,
    folder: tempfile::TempDir,
}

/// What a case came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows in the table.
    pub good: u64,
    /// Rows in the file.
    pub bad: u64,
    /// The load ended with an error, as it should.
    pub failed: bool,
}

impl Lab {
    /// `engine` is where the embedded `libclntsh` lies.
    pub fn open(engine: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let target: Target = format!("embedded:{}/T", folder.path().join("lab.db").display()).parse().expect("a target");
        let mut options = target.connect_options(None);
        options.client_lib_dir = Some(engine.to_owned());
        let lab = Lab { session: Session::connect(&options).expect("the engine"), target, folder };
        lab.sql("CREATE TABLE PARENT (ID NUMBER PRIMARY KEY)");
        lab.sql(&format!("INSERT INTO PARENT SELECT LEVEL - 1 FROM DUAL CONNECT BY LEVEL <= {PARENTS}"));
        lab.session.commit().expect("a commit");
        lab
    }

    fn sql(&self, sql: &str) {
        self.session.execute_sql(Phase::Ddl, None, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Loads what the bytes say.
    ///
    /// # Panics
    /// When the promise is broken.
    pub fn check(&mut self, bytes: &[u8]) -> Tally {
        let case = Case::arbitrary(&mut Decisions(bytes));
        let definitions: Vec<String> = case.columns.iter().enumerate().map(|(index, column)| column.definition(index)).collect();
        self.sql(&format!("CREATE TABLE T (ROW_ID NUMBER(9), {})", definitions.join(", ")));
        let rejects = self.folder.path().join(if case.as_parquet { "bad.parquet" } else { "bad.ndjson" });
        let ran = self.load(&case, &rejects);
        let loaded = self.stored(&case);
        let refused = if rejects.exists() { refused(&rejects, &case) } else { Vec::new() };
        assert_eq!(self.session.transaction_in_progress(), Some(false), "something is open");
        self.sql("DROP TABLE T");
        let _ = std::fs::remove_file(&rejects);
        judge(&case, ran, &loaded, &refused)
    }

    fn load(&mut self, case: &Case, rejects: &Path) -> Result<CopyReport, Error> {
        let file = self.folder.path().join("t.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&file).expect("a file"), case.source.schema(), None).expect("a writer");
        for start in (0..case.source.num_rows()).step_by(case.row_group_rows) {
            let rows = case.row_group_rows.min(case.source.num_rows() - start);
            writer.write(&case.source.slice(start, rows)).expect("a batch");
            writer.flush().expect("a row group");
        }
        writer.close().expect("a footer");
        let mut job = CopyJob::new(vec![file.display().to_string()], self.target.clone());
        (job.batch_rows, job.batch_bytes, job.overlap) = (Some(case.batch_rows), case.batch_bytes, case.overlap);
        if let Mode::Reject(max_rows) = case.mode {
            job.on_error = OnError::Reject { file: rejects.to_owned(), max_rows };
        }
        let plan = job.plan(&self.session).unwrap_or_else(|error| panic!("the plan: {error}"));
        plan.run(&mut self.session, &mut NoProgress, &Cancel::new())
    }

    /// The rows of the table as the source had them, by `ROW_ID`.
    fn stored(&self, case: &Case) -> RecordBatch {
        let table = self.session.describe_table(&TableName { schema: None, table: "T".into() }).expect("a description").expect("the table");
        let schema = case.source.schema();
        let columns = table
            .columns
            .into_iter()
            .zip(schema.fields())
            .map(|(column, field)| FetchColumn { column, field: field.as_ref().clone() })
            .collect();
        let sql = "SELECT * FROM T ORDER BY ROW_ID".to_owned();
        let plan = FetchPlan::new(&self.session, "T", sql, columns, FetchOptions::default()).expect("a plan");
        let batches: Vec<RecordBatch> = plan.open(&self.session).expect("the rows").map(|batch| batch.expect("rows")).collect();
        concat_batches(&case.source.schema(), &batches).expect("one schema")
    }
}

/// A row of the reject file.
#[derive(Debug)]
struct Refused {
    /// 1-based.
    row: u64,
    phase: String,
    column: Option<String>,
    ora_code: Option<i32>,
}

/// The rows of the file by number, after their values have been compared with the source.
fn refused(path: &Path, case: &Case) -> Vec<Refused> {
    if case.as_parquet { refused_parquet(path, case) } else { refused_lines(path, case) }
}

fn refused_parquet(path: &Path, case: &Case) -> Vec<Refused> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("the file")).expect("Parquet");
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    let all = concat_batches(&schema, &batches).expect("one schema");
    let order = sort_to_indices(all.column_by_name("_reject_row").expect("a number"), None, None).expect("an order");
    let column = |name: &str| take(all.column_by_name(name).unwrap_or_else(|| panic!("{name}")), &order, None).expect("rows");
    let rows = column("_reject_row");
    let rows = rows.as_primitive::<UInt64Type>();
    let source = case.only(&rows.values().iter().map(|row| row - 1).collect::<Vec<_>>());
    for field in source.schema().fields() {
        assert_eq!(&column(field.name()), source.column_by_name(field.name()).expect("a column"), "{} of the refused rows", field.name());
    }
    let (phases, columns, codes) = (column("_reject_phase"), column("_reject_column"), column("_reject_ora_code"));
    let text = |array: &ArrayRef, row: usize| array.is_valid(row).then(|| array.as_string::<i32>().value(row).to_owned());
    (0..rows.len())
        .map(|row| Refused {
            row: rows.value(row),
            phase: text(&phases, row).expect("a phase"),
            column: text(&columns, row),
            ora_code: codes.is_valid(row).then(|| codes.as_primitive::<Int32Type>().value(row)),
        })
        .collect()
}

fn refused_lines(path: &Path, case: &Case) -> Vec<Refused> {
    let text = std::fs::read_to_string(path).expect("the file");
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    lines.sort_by_key(|line| line["_reject_row"].as_u64());
    let refused = lines.iter().map(|line| {
        let row = line["_reject_row"].as_u64().expect("a number");
        assert_eq!(line["row_id"].as_u64(), Some(row), "the row is another");
        for (index, array) in case.source.columns().iter().enumerate().skip(1) {
            let found = &line[&format!("c{}", index - 1)];
            let row = row as usize - 1;
            let is_same = match case.columns[index - 1].kind {
                _ if array.is_null(row) => found.is_null(),
                Kind::Text(_) | Kind::Long => found.as_str() == Some(array.as_string::<i32>().value(row)),
                Kind::Whole(_) | Kind::Checked | Kind::Child | Kind::Unique => {
                    found.as_i64() == Some(array.as_primitive::<olbridge::arrow::datatypes::Int64Type>().value(row))
                }
                // NaN is no JSON number; the others have several spellings.
                _ => true,
            };
            assert!(is_same, "column {index} of row {row} is {found}");
        }
        Refused {
            row,
            phase: line["_reject_phase"].as_str().expect("a phase").to_owned(),
            column: line["_reject_column"].as_str().map(str::to_owned),
            ora_code: line["_reject_ora_code"].as_i64().map(|code| code as i32),
        }
    });
    refused.collect()
}

fn judge(case: &Case, ran: Result<CopyReport, Error>, loaded: &RecordBatch, refused: &[Refused]) -> Tally {
    let bad: Vec<u64> = case.rows(true).iter().map(|row| row + 1).collect();
    for found in refused {
        judge_reason(case, found);
    }
    let too_many = match case.mode {
        Mode::Abort => !bad.is_empty(),
        Mode::Reject(limit) => limit.is_some_and(|limit| bad.len() as u64 > limit),
    };
    match ran {
        Ok(report) => {
            assert!(!too_many, "{} bad rows are too many", bad.len());
            let good = case.rows(false);
            assert_eq!(loaded, &case.only(&good), "the good rows");
            assert_eq!(refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), bad, "the bad rows");
            let in_conversion = case.verdicts.iter().filter(|verdict| verdict.in_conversion()).count() as u64;
            let counted = (report.rows_loaded, report.rows_rejected_convert, report.rows_rejected_execute);
            assert_eq!(counted, (good.len() as u64, in_conversion, bad.len() as u64 - in_conversion));
            Tally { good: report.rows_loaded, bad: bad.len() as u64, failed: false }
        }
        Err(Error::Row(row)) if too_many => {
            assert_eq!(loaded.num_rows(), 0, "{row}: rows have stayed");
            assert!(bad.contains(&row.source.row), "{row} is a good row");
            match case.mode {
                Mode::Abort => assert_eq!(row.source.row, bad[0], "{row} is not the first bad row"),
                Mode::Reject(limit) => {
                    let limit = limit.unwrap_or_default();
                    assert!(row.message.contains(&format!("--max-errors allows {limit}")), "{row}");
                    assert!(refused.len() as u64 > limit && refused.iter().all(|refused| bad.contains(&refused.row)), "{refused:?}");
                }
            }
            Tally { good: 0, bad: refused.len() as u64, failed: true }
        }
        Err(error) => panic!("{error}"),
    }
}

/// The reason is the row's own.
fn judge_reason(case: &Case, found: &Refused) {
    let verdict = &case.verdicts[found.row as usize - 1];
    assert!(verdict.is_bad(), "{found:?}: a good row was refused");
    let phase = if verdict.in_conversion() { "convert" } else { "execute" };
    assert_eq!(found.phase, phase, "{found:?}: {verdict:?}");
    let is_named = |wanted: Flaw| {
        verdict.flaws.iter().any(|(index, flaw)| *flaw == wanted && found.column.as_ref().is_none_or(|name| *name == format!("C{index}")))
    };
    match found.ora_code {
        None => assert!(found.column.is_some() && is_named(Flaw::Convert), "{found:?}: {verdict:?}"),
        Some(code) => assert!(is_named(Flaw::Execute(code)), "{found:?}: {verdict:?}"),
    }
}
