//! The promise of `--rejects`, for a table, rows and options made of arbitrary bytes: exactly the good rows are in the table, exactly the bad ones in the
//! file, each as it was and with its reason; beyond `--max-errors`, or with `--on-error abort`, nothing stays and a bad row is named.
//!
//! Which rows are bad is known here from how they are made, not from the bridge. The fuzz target and a test of the suite share this file.

mod case;
mod column;
mod judge;
mod refused;

use std::fs::File;
use std::path::Path;

use olbridge::arrow::array::RecordBatch;
use olbridge::arrow::compute::concat_batches;
use olbridge::copy::{Cancel, CopyJob, CopyReport, NoProgress, OnError, Target};
use olbridge::error::{Error, Phase};
use olbridge::fetch::{FetchColumn, FetchOptions, FetchPlan};
use olbridge::oci::Session;
use olbridge::oracle_type::TableName;
use olbridge::parquet::arrow::ArrowWriter;

use case::{Case, Mode};
use column::{Decisions, PARENTS};
use judge::judge;
use refused::refused;

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
