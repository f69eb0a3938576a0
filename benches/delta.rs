//! TPC-H lineitem between the embedded engine and a Delta table in a local folder: each side alone and the job of both, in one run, so that their ratio can
//! be read; and writing the same batches beside Python's `write_deltalake` (`benches/peers/delta.py` runs that part).
//!
//! ```text
//! cargo bench --features delta --bench delta                     # 1 million rows
//! cargo bench --features delta --bench delta -- --rows 10000000  # the same at ten million: peak memory must not follow
//! ```
//! Every measurement is a child process of its own. The engine gives a table of one fetch again and again, and takes rows into `null`: what is measured is the
//! client, the conversion and the files.

#[allow(dead_code)] // Each benchmark uses its part.
mod lineitem;

use std::fs::File;
use std::path::Path;

use olbridge::arrow::array::RecordBatch;
use olbridge::arrow::array::RecordBatchReader as _;
use olbridge::arrow::datatypes::Field;
use olbridge::copy::delta::{DeltaJob, DeltaMode};
use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::error::Phase;
use olbridge::fetch::{FetchColumn, FetchOptions, FetchPlan};
use olbridge::oci::{ConnectOptions, Secret, Session};
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use olbridge::type_map::default_arrow_type;
use olbridge_delta::table::{Batches, CommitOptions, NewTable, Once, Outcome, Scan, Source, Table, WriteOptions};
use olbridge_delta::{Location, StoreOptions};

use lineitem::{AnyResult, BATCH_ROWS, Figures, LINEITEM_DDL, best, engine_dir, generate, measured, run_child};

const ROUNDS: usize = 5;
const SQL: &str = "SELECT * FROM LINEITEM";

fn main() -> AnyResult<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", "fetch", database] => measured(|| fetch(Path::new(database))),
        ["child", "into Delta", database] => measured(|| into_delta(Path::new(database))),
        ["child", "write", file] => measured(|| write(Path::new(file), &mut Once::new(parquet(Path::new(file))?))),
        ["child", "write held", file] => {
            let mut held = held(Path::new(file))?;
            measured(|| write(Path::new(file), &mut held))
        }
        ["child", "read", table] => measured(|| read(Path::new(table))),
        ["child", "load", file] => measured(|| load(file)),
        ["child", "out of Delta", table] => measured(|| load(&format!("delta:{table}"))),
        ["generate", file, rows] => generate(Path::new(file), rows.parse()?),
        ["--rows", rows] => compare(rows.parse()?),
        [] => compare(1_000_000),
        other => Err(format!("unknown arguments {other:?}").into()),
    }
}

/// Each side alone and both, one after the other in each round, so that they see the same moments of the machine.
fn compare(rows: usize) -> AnyResult<()> {
    let dir = tempfile::tempdir()?;
    let (database, file) = (dir.path().join("lineitem.db"), dir.path().join("lineitem.parquet"));
    generate(&file, rows)?;
    fill(&database)?;
    println!("lineitem: {rows} rows, {ROUNDS} rounds");
    direction(rows, [("fetch", &database), ("write", &file), ("into Delta", &database)])?;
    // What the last one has written is read; loading the Parquet file is loading without Delta.
    let table = file.with_extension("table");
    write(&file, &mut Once::new(parquet(&file)?))?;
    direction(rows, [("read", &table), ("load", &file), ("out of Delta", &table)])
}

fn direction(rows: usize, [source, target, both]: [(&'static str, &std::path::PathBuf); 3]) -> AnyResult<()> {
    let mut figures: [Vec<Figures>; 3] = Default::default();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        for (index, (what, path)) in [source, target, both].into_iter().enumerate() {
            figures[index].push(run_child(what, path, (path.extension() == Some("db".as_ref())).then_some(rows))?);
        }
        let last = |index: usize| figures[index].last().map_or(0.0, |figures| figures.0);
        ratios.push(last(2) / last(0).max(last(1)));
    }
    ratios.sort_by(f64::total_cmp);
    println!("{:<14} {:>9} {:>9} {:>12} {:>13}", "best of all", "wall s", "CPU s", "rows/s", "peak RSS KiB");
    for ((what, _), figures) in [source, target, both].into_iter().zip(&figures) {
        let (wall, cpu, peak_kib) = best(figures);
        println!("{what:<14} {wall:>9.3} {cpu:>9.3} {:>12.0} {peak_kib:>13}", rows as f64 / wall);
    }
    println!(
        "{}: median {:.2} x the wall of the slower side alone (least {:.2}, most {:.2})",
        both.0,
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
    Ok(())
}

fn connect(target: &Target) -> AnyResult<Session> {
    Ok(Session::connect(&ConnectOptions { client_lib_dir: Some(engine_dir()?), ..target.connect_options(None::<Secret>) })?)
}

fn target(database: &Path) -> AnyResult<Target> {
    Ok(format!("embedded:{}/LINEITEM", database.display()).parse()?)
}

/// A table of one fetch.
fn fill(database: &Path) -> AnyResult<()> {
    let file = database.with_extension("fetch.parquet");
    generate(&file, BATCH_ROWS)?;
    let mut session = connect(&target(database)?)?;
    session.execute_sql(Phase::Ddl, None, LINEITEM_DDL)?;
    let job = CopyJob::new(vec![file.display().to_string()], target(database)?);
    job.plan(&session)?.run(&mut session, &mut NoProgress, &Cancel::default())?;
    Ok(())
}

fn fetch(database: &Path) -> AnyResult<usize> {
    let session = connect(&target(database)?)?;
    let columns = session.describe_query(SQL)?.into_iter().map(|column| {
        let data_type = default_arrow_type(&column.oracle_type)?;
        Ok(FetchColumn { field: Field::new(&column.name, data_type, column.nullable), column })
    });
    let columns = columns.collect::<Result<_, &str>>()?;
    let plan = FetchPlan::new(&session, "LINEITEM", SQL.into(), columns, FetchOptions::default())?;
    let mut fetcher = plan.open(&session)?;
    let mut rows = 0;
    while let Some(batch) = fetcher.next_batch()? {
        rows += std::hint::black_box(batch).num_rows();
    }
    Ok(rows)
}

/// A folder that nothing is in.
fn fresh(folder: &Path) -> AnyResult<Location> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(folder.to_str().ok_or("path")?.parse()?)
}

fn into_delta(database: &Path) -> AnyResult<usize> {
    let session = connect(&target(database)?)?;
    let mut job = DeltaJob::new(target(database)?, fresh(&database.with_extension("table"))?);
    job.mode = DeltaMode::Create;
    let report = job.plan(&session)?.run(&session, &mut NoProgress, &Cancel::default())?;
    eprintln!("{report}");
    Ok(report.rows as usize)
}

fn parquet(file: &Path) -> AnyResult<olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReader> {
    Ok(ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(BATCH_ROWS).build()?)
}

fn held(file: &Path) -> AnyResult<Batches> {
    let reader = parquet(file)?;
    let schema = reader.schema();
    Ok(Batches::new(schema, reader.collect::<Result<Vec<RecordBatch>, _>>()?))
}

/// Into a new table beside the file.
fn write(file: &Path, source: &mut dyn Source) -> AnyResult<usize> {
    let mut table = Table::open(&fresh(&file.with_extension("table"))?, &StoreOptions::default())?;
    let options = WriteOptions { create: Some(NewTable::new(source.schema())), ..WriteOptions::default() };
    match table.write(source, &options, &CommitOptions::default())? {
        Outcome::Committed { metrics, .. } => Ok(metrics.rows_written as usize),
        other => Err(format!("{other:?}").into()),
    }
}

fn read(folder: &Path) -> AnyResult<usize> {
    let table = Table::open(&folder.to_str().ok_or("path")?.parse()?, &StoreOptions::default())?;
    let mut rows = 0;
    for batch in table.read(&Scan::default())? {
        rows += std::hint::black_box(batch?).num_rows();
    }
    Ok(rows)
}

fn load(source: &str) -> AnyResult<usize> {
    let target: Target = "embedded:null/LINEITEM".parse()?;
    let mut session = connect(&target)?;
    session.execute_sql(Phase::Ddl, None, LINEITEM_DDL)?;
    let report = CopyJob::new(vec![source.to_owned()], target).plan(&session)?.run(&mut session, &mut NoProgress, &Cancel::default())?;
    eprintln!("{report}");
    Ok(report.rows_loaded as usize)
}
