//! Whole loads of TPC-H lineitem into `embedded:null`, beside decoding the same Parquet file alone and beside rust-oracle's `Batch`
//! through the same library. Every measurement is a child process of its own, so that CPU time and peak memory are its own.
//!
//! ```text
//! cargo bench --bench load                     # 1 million rows, nine rounds
//! cargo bench --bench load -- --rows 10000000  # the same at ten million: peak memory must not follow
//! cargo bench --bench load -- generate lineitem.parquet 1000000  # only the file
//! ```
//! Nothing is asserted: figures and their conditions are in docs/performance.md.

#[allow(dead_code)] // Each benchmark uses its part.
mod lineitem;

use std::path::Path;

use olbridge::arrow::array::{Array, AsArray};
use olbridge::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::error::Phase;
use olbridge::oci::{ConnectOptions, Secret, Session};

use lineitem::{AnyResult, BATCH_ROWS, LINEITEM_DDL, batches, best, engine_dir, generate, measured, run_child};

const ROUNDS: usize = 9;

fn main() -> AnyResult<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", "decode", file] => measured(|| decode(Path::new(file))),
        ["child", "olbridge", file] => measured(|| load(Path::new(file))),
        ["child", "rust-oracle", file] => measured(|| load_by_rust_oracle(Path::new(file))),
        ["generate", file, rows] => generate(Path::new(file), rows.parse()?),
        ["--rows", rows] => compare(rows.parse()?),
        [] => compare(1_000_000),
        other => Err(format!("unknown arguments {other:?}").into()),
    }
}

fn compare(rows: usize) -> AnyResult<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("lineitem.parquet");
    generate(&file, rows)?;
    println!("lineitem: {rows} rows, {} MB of Parquet (snappy), {ROUNDS} rounds", std::fs::metadata(&file)?.len() >> 20);
    println!("{:<6} {:>12} {:>14} {:>14} {:>17}", "round", "decode s", "olbridge s", "ratio of wall", "olbridge CPU s");
    let (mut decodes, mut loads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // One after the other in each round: a machine that is shared has slow minutes, and both shall be in the same one.
    for round in 1..=ROUNDS {
        let (decode, load) = (run_child("decode", &file, None)?, run_child("olbridge", &file, None)?);
        println!("{round:<6} {:>12.3} {:>14.3} {:>14.2} {:>17.3}", decode.0, load.0, load.0 / decode.0, load.1);
        ratios.push(load.0 / decode.0);
        decodes.push(decode);
        loads.push(load);
    }
    ratios.sort_by(f64::total_cmp);
    println!("wall ratio: median {:.2}, least {:.2}, most {:.2}", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    let (decode, load, peer) = (best(&decodes), best(&loads), run_child("rust-oracle", &file, None)?);
    println!("{:<12} {:>9} {:>9} {:>12} {:>13}", "best of all", "wall s", "CPU s", "rows/s", "peak RSS KiB");
    for (what, (wall, cpu, peak_kib)) in [("decode", decode), ("olbridge", load), ("rust-oracle", peer)] {
        println!("{what:<12} {wall:>9.3} {cpu:>9.3} {:>12.0} {peak_kib:>13}", rows as f64 / wall);
    }
    println!("best olbridge: {:.2} x the wall and {:.2} x the CPU of decoding alone", load.0 / decode.0, load.1 / decode.1);
    println!("rust-oracle: {:.1} x the CPU of olbridge", peer.1 / load.1);
    Ok(())
}

fn decode(file: &Path) -> AnyResult<usize> {
    let mut rows = 0;
    for batch in batches(file)? {
        rows += std::hint::black_box(batch?).num_rows();
    }
    Ok(rows)
}

fn load(file: &Path) -> AnyResult<usize> {
    let target: Target = "embedded:null/LINEITEM".parse()?;
    let options = ConnectOptions { client_lib_dir: Some(engine_dir()?), ..target.connect_options(None::<Secret>) };
    let mut session = Session::connect(&options)?;
    session.execute_sql(Phase::Ddl, None, LINEITEM_DDL)?;
    let job = CopyJob::new(vec![file.display().to_string()], target);
    let report = job.plan(&session)?.run(&mut session, &mut NoProgress, &Cancel::default())?;
    eprintln!("{report}");
    Ok(report.rows_loaded as usize)
}

/// The same rows through rust-oracle's `Batch`, value by value, as its documentation shows; decimals as text, which is the exact way it has.
fn load_by_rust_oracle(file: &Path) -> AnyResult<usize> {
    oracle::InitParams::new().oracle_client_lib_dir(engine_dir()?)?.init()?;
    let connection = oracle::Connection::connect("olbridge", "olbridge", "null")?;
    connection.execute(LINEITEM_DDL, &[])?;
    let placeholders: Vec<String> = (1..=16).map(|i| format!(":{i}")).collect();
    let sql = format!("INSERT INTO LINEITEM VALUES ({})", placeholders.join(", "));
    let mut batch = connection.batch(&sql, BATCH_ROWS).build()?;
    let mut rows = 0;
    for record_batch in batches(file)? {
        let record_batch = record_batch?;
        for row in 0..record_batch.num_rows() {
            for (index, column) in record_batch.columns().iter().enumerate() {
                set_value(&mut batch, index + 1, column, row)?;
            }
            batch.append_row(&[])?;
        }
        rows += record_batch.num_rows();
    }
    batch.execute()?;
    connection.commit()?;
    Ok(rows)
}

fn set_value(batch: &mut oracle::Batch<'_>, position: usize, column: &dyn Array, row: usize) -> AnyResult<()> {
    match column.data_type() {
        DataType::Int64 => batch.set(position, &column.as_primitive::<Int64Type>().value(row))?,
        DataType::Int32 => batch.set(position, &column.as_primitive::<Int32Type>().value(row))?,
        DataType::Decimal128(_, _) => batch.set(position, &column.as_primitive::<Decimal128Type>().value_as_string(row))?,
        DataType::Date32 => {
            let day = column.as_primitive::<Date32Type>().value_as_date(row).ok_or("date out of range")?;
            batch.set(position, &day)?;
        }
        DataType::Utf8View => batch.set(position, &column.as_string_view().value(row))?,
        DataType::Utf8 => batch.set(position, &column.as_string::<i32>().value(row))?,
        other => return Err(format!("no value of {other} is in lineitem").into()),
    }
    Ok(())
}
