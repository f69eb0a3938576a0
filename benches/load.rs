//! Whole loads of TPC-H lineitem into `embedded:null`, beside decoding the same Parquet file alone and beside rust-oracle's `Batch`
//! through the same library. Every measurement is a child process of its own, so that CPU time and peak memory are its own.
//!
//! ```text
//! cargo bench --bench load                     # 1 million rows, nine rounds
//! cargo bench --bench load -- --rows 10000000  # the same at ten million: peak memory must not follow
//! cargo bench --bench load -- generate lineitem.parquet 1000000  # only the file
//! ```
//! Nothing is asserted: figures and their conditions are in docs/performance.md.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use olbridge::arrow::array::{Array, AsArray, RecordBatch};
use olbridge::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::error::Phase;
use olbridge::oci::{ConnectOptions, Secret, Session};
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use olbridge::parquet::basic::Compression;
use olbridge::parquet::file::properties::WriterProperties;
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;

const BATCH_ROWS: usize = 8192;
const ROUNDS: usize = 9;
const LINEITEM_DDL: &str = "CREATE TABLE LINEITEM (L_ORDERKEY NUMBER(19) NOT NULL, L_PARTKEY NUMBER(19) NOT NULL, L_SUPPKEY NUMBER(19) NOT NULL, \
     L_LINENUMBER NUMBER(10) NOT NULL, L_QUANTITY NUMBER(15,2) NOT NULL, L_EXTENDEDPRICE NUMBER(15,2) NOT NULL, L_DISCOUNT NUMBER(15,2) NOT NULL, \
     L_TAX NUMBER(15,2) NOT NULL, L_RETURNFLAG VARCHAR2(1) NOT NULL, L_LINESTATUS VARCHAR2(1) NOT NULL, L_SHIPDATE DATE NOT NULL, \
     L_COMMITDATE DATE NOT NULL, L_RECEIPTDATE DATE NOT NULL, L_SHIPINSTRUCT VARCHAR2(25) NOT NULL, L_SHIPMODE VARCHAR2(10) NOT NULL, \
     L_COMMENT VARCHAR2(44) NOT NULL)";

type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

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

/// Wall seconds, CPU seconds and peak RSS in KiB of one child.
type Figures = (f64, f64, u64);

fn compare(rows: usize) -> AnyResult<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("lineitem.parquet");
    generate(&file, rows)?;
    println!("lineitem: {rows} rows, {} MB of Parquet (snappy), {ROUNDS} rounds", std::fs::metadata(&file)?.len() >> 20);
    println!("{:<6} {:>12} {:>14} {:>14} {:>17}", "round", "decode s", "olbridge s", "ratio of wall", "olbridge CPU s");
    let (mut decodes, mut loads, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // One after the other in each round: a machine that is shared has slow minutes, and both shall be in the same one.
    for round in 1..=ROUNDS {
        let (decode, load) = (run_child("decode", &file)?, run_child("olbridge", &file)?);
        println!("{round:<6} {:>12.3} {:>14.3} {:>14.2} {:>17.3}", decode.0, load.0, load.0 / decode.0, load.1);
        ratios.push(load.0 / decode.0);
        decodes.push(decode);
        loads.push(load);
    }
    ratios.sort_by(f64::total_cmp);
    println!("wall ratio: median {:.2}, least {:.2}, most {:.2}", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    let (decode, load, peer) = (best(&decodes), best(&loads), run_child("rust-oracle", &file)?);
    println!("{:<12} {:>9} {:>9} {:>12} {:>13}", "best of all", "wall s", "CPU s", "rows/s", "peak RSS KiB");
    for (what, (wall, cpu, peak_kib)) in [("decode", decode), ("olbridge", load), ("rust-oracle", peer)] {
        println!("{what:<12} {wall:>9.3} {cpu:>9.3} {:>12.0} {peak_kib:>13}", rows as f64 / wall);
    }
    println!("best olbridge: {:.2} x the wall and {:.2} x the CPU of decoding alone", load.0 / decode.0, load.1 / decode.1);
    println!("rust-oracle: {:.1} x the CPU of olbridge", peer.1 / load.1);
    Ok(())
}

fn best(rounds: &[Figures]) -> Figures {
    rounds.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
}

fn run_child(what: &str, file: &Path) -> AnyResult<Figures> {
    let output = Command::new(std::env::current_exe()?).args(["child", what]).arg(file).output()?;
    if !output.status.success() {
        return Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut figures = text.split_whitespace();
    let mut next = || figures.next().ok_or("child printed too little");
    Ok((next()?.parse()?, next()?.parse()?, next()?.parse()?))
}

/// Runs `work` and prints wall seconds, CPU seconds and peak RSS in KiB of this process.
fn measured(work: impl FnOnce() -> AnyResult<usize>) -> AnyResult<()> {
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let rows = work()?;
    assert!(rows > 0, "nothing was read");
    println!("{} {} {}", began.elapsed().as_secs_f64(), cpu_seconds() - cpu_before, peak_rss_kib());
    Ok(())
}

/// User and system time of this process; 0 where /proc is missing.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn generate(file: &Path, rows: usize) -> AnyResult<()> {
    // Scale factor 1 has about 6 million lines.
    let scale_factor = rows as f64 / 6_000_000.0 * 1.02;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = None;
    let mut left = rows;
    for batch in LineItemArrow::new(LineItemGenerator::new(scale_factor, 1, 1)).with_batch_size(BATCH_ROWS) {
        let batch = batch?;
        let batch = batch.slice(0, batch.num_rows().min(left));
        if writer.is_none() {
            writer = Some(ArrowWriter::try_new(File::create(file)?, batch.schema(), Some(properties.clone()))?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
        left -= batch.num_rows();
        if left == 0 {
            break;
        }
    }
    writer.ok_or("no rows generated")?.close()?;
    if left > 0 { Err(format!("{left} rows are missing").into()) } else { Ok(()) }
}

fn batches(file: &Path) -> AnyResult<impl Iterator<Item = AnyResult<RecordBatch>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(BATCH_ROWS).build()?;
    Ok(reader.map(|batch| batch.map_err(Into::into)))
}

fn decode(file: &Path) -> AnyResult<usize> {
    let mut rows = 0;
    for batch in batches(file)? {
        rows += std::hint::black_box(batch?).num_rows();
    }
    Ok(rows)
}

/// Cargo builds the engine beside this benchmark, as a dependency.
fn engine_dir() -> AnyResult<PathBuf> {
    Ok(std::env::current_exe()?.parent().ok_or("no directory")?.to_path_buf())
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
