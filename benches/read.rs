//! Whole reads of TPC-H lineitem from the embedded engine: into Arrow by the library, into Parquet by a job, row by row by rust-oracle, and by the
//! bare fetch calls. Every measurement is a child process of its own, so that CPU time and peak memory are its own.
//!
//! ```text
//! cargo bench --bench read                     # 1 million rows
//! cargo bench --bench read -- --rows 10000000  # the same at ten million: peak memory must not follow
//! ```
//! The engine would take most of the time, so a table of one fetch is given again and again (`OLBRIDGE_EMBEDDED_REPLAY_ROWS`), which is next to
//! nothing for the engine and the same for every client. `--real` reads a table of all the rows instead.

#[allow(dead_code)] // Each benchmark uses its part.
mod lineitem;

use std::path::Path;

use olbridge::arrow::datatypes::Field;
use olbridge::copy::export::{ExportJob, FileMode};
use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::error::Phase;
use olbridge::fetch::{FetchColumn, FetchOptions, FetchPlan};
use olbridge::oci::{ConnectOptions, Secret, Session};
use olbridge::type_map::default_arrow_type;

use lineitem::{AnyResult, BATCH_ROWS, Figures, LINEITEM_DDL, best, engine_dir, generate, measured, run_child};

const ROUNDS: usize = 7;
const SQL: &str = "SELECT * FROM LINEITEM";
/// Who reads, in the order of the table.
const READERS: [&str; 5] = ["fetch alone", "arrow", "parquet", "parquet uncompressed", "rust-oracle"];

fn main() -> AnyResult<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", "fetch alone", database] => measured(|| fetch_alone(Path::new(database))),
        ["child", "arrow", database] => measured(|| read(Path::new(database))),
        ["child", "parquet", database] => measured(|| export(Path::new(database), "zstd")),
        ["child", "parquet uncompressed", database] => measured(|| export(Path::new(database), "none")),
        ["child", "rust-oracle", database] => measured(|| read_by_rust_oracle(Path::new(database))),
        ["fill", database, rows] => fill(Path::new(database), rows.parse()?),
        ["--rows", rows] => compare(rows.parse()?, false),
        ["--real", rows] => compare(rows.parse()?, true),
        [] => compare(1_000_000, false),
        other => Err(format!("unknown arguments {other:?}").into()),
    }
}

fn compare(rows: usize, is_real: bool) -> AnyResult<()> {
    let dir = tempfile::tempdir()?;
    let database = dir.path().join("lineitem.db");
    fill(&database, if is_real { rows } else { BATCH_ROWS })?;
    println!("lineitem: {rows} rows{}, {ROUNDS} rounds; best of each", if is_real { "" } else { ", a fetch of them again and again" });
    println!("{:<22} {:>9} {:>9} {:>11} {:>12} {:>14}", "", "wall s", "CPU s", "µs/row", "rows/s", "peak RSS KiB");
    for reader in READERS {
        let rounds = if reader == "rust-oracle" { 1 } else { ROUNDS };
        let replayed = (!is_real).then_some(rows);
        let figures = (0..rounds).map(|_| run_child(reader, &database, replayed)).collect::<AnyResult<Vec<Figures>>>()?;
        let (wall, cpu, peak_kib) = best(&figures);
        let per_row = cpu / rows as f64 * 1e6;
        println!("{reader:<22} {wall:>9.3} {cpu:>9.3} {per_row:>11.3} {:>12.0} {peak_kib:>14}", rows as f64 / wall);
    }
    Ok(())
}

fn connect(database: &Path) -> AnyResult<Session> {
    let target: Target = format!("embedded:{}/LINEITEM", database.display()).parse()?;
    Ok(Session::connect(&ConnectOptions { client_lib_dir: Some(engine_dir()?), ..target.connect_options(None::<Secret>) })?)
}

fn fill(database: &Path, rows: usize) -> AnyResult<()> {
    let file = database.with_extension("parquet");
    generate(&file, rows)?;
    let mut session = connect(database)?;
    session.execute_sql(Phase::Ddl, None, LINEITEM_DDL)?;
    let target: Target = format!("embedded:{}/LINEITEM", database.display()).parse()?;
    let job = CopyJob::new(vec![file.display().to_string()], target);
    let report = job.plan(&session)?.run(&mut session, &mut NoProgress, &Cancel::default())?;
    if report.rows_loaded == rows as u64 { Ok(()) } else { Err(format!("{} rows were loaded", report.rows_loaded).into()) }
}

fn plan(session: &Session) -> AnyResult<FetchPlan> {
    let columns = session.describe_query(SQL)?.into_iter().map(|column| {
        let data_type = default_arrow_type(&column.oracle_type)?;
        Ok(FetchColumn { field: Field::new(&column.name, data_type, column.nullable), column })
    });
    let columns = columns.collect::<Result<_, &str>>()?;
    Ok(FetchPlan::new(session, "LINEITEM", SQL.into(), columns, FetchOptions::default())?)
}

/// The fetch calls with olbridge's buffers, and nothing made of what they bring: the client library's part.
fn fetch_alone(database: &Path) -> AnyResult<usize> {
    let session = connect(database)?;
    let plan = plan(&session)?;
    let mut statement = session.fetch_statement(SQL, &[], &plan.layouts(), plan.rows_per_fetch()).map_err(|error| error.to_string())?;
    let mut rows = 0;
    loop {
        match statement.fetch().map_err(|error| error.to_string())?.rows {
            0 => return Ok(rows),
            more => rows += more,
        }
    }
}

fn read(database: &Path) -> AnyResult<usize> {
    let session = connect(database)?;
    let mut fetcher = plan(&session)?.open(&session)?;
    let mut rows = 0;
    while let Some(batch) = fetcher.next_batch()? {
        rows += std::hint::black_box(batch).num_rows();
    }
    Ok(rows)
}

fn export(database: &Path, compression: &str) -> AnyResult<usize> {
    let session = connect(database)?;
    let target: Target = format!("embedded:{}/LINEITEM", database.display()).parse()?;
    let mut job = ExportJob::new(target, database.with_extension("out.parquet"));
    job.mode = FileMode::Overwrite;
    job.sink.codec = Some(compression.parse()?);
    let report = job.plan(&session)?.run(&session, &mut NoProgress, &Cancel::default())?;
    eprintln!("{report}");
    Ok(report.rows as usize)
}

/// Every value of every row, by the type that its column has exactly: decimals as text.
fn read_by_rust_oracle(database: &Path) -> AnyResult<usize> {
    oracle::InitParams::new().oracle_client_lib_dir(engine_dir()?)?.init()?;
    let connection = oracle::Connection::connect("olbridge", "olbridge", database.to_str().ok_or("path")?)?;
    let mut statement = connection.statement(SQL).fetch_array_size(BATCH_ROWS as u32).prefetch_rows(0).build()?;
    let mut rows = 0;
    for row in statement.query(&[])? {
        let row = row?;
        for (index, value) in row.sql_values().iter().enumerate() {
            match index {
                0..=3 => drop(std::hint::black_box(value.get::<i64>()?)),
                4..=7 | 8 | 9 | 13..=15 => drop(std::hint::black_box(value.get::<String>()?)),
                _ => drop(std::hint::black_box(value.get::<oracle::sql_type::Timestamp>()?)),
            }
        }
        rows += 1;
    }
    Ok(rows)
}
