//! What the benchmarks of whole loads and whole reads share: TPC-H lineitem, and measurements of a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use olbridge::arrow::array::RecordBatch;
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use olbridge::parquet::basic::Compression;
use olbridge::parquet::file::properties::WriterProperties;
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;

/// Rows of a batch, in every driver.
pub const BATCH_ROWS: usize = 8192;
/// The table.
pub const LINEITEM_DDL: &str = "CREATE TABLE LINEITEM (L_ORDERKEY NUMBER(19) NOT NULL, L_PARTKEY NUMBER(19) NOT NULL, L_SUPPKEY NUMBER(19) NOT NULL, \
     L_LINENUMBER NUMBER(10) NOT NULL, L_QUANTITY NUMBER(15,2) NOT NULL, L_EXTENDEDPRICE NUMBER(15,2) NOT NULL, L_DISCOUNT NUMBER(15,2) NOT NULL, \
     L_TAX NUMBER(15,2) NOT NULL, L_RETURNFLAG VARCHAR2(1) NOT NULL, L_LINESTATUS VARCHAR2(1) NOT NULL, L_SHIPDATE DATE NOT NULL, \
     L_COMMITDATE DATE NOT NULL, L_RECEIPTDATE DATE NOT NULL, L_SHIPINSTRUCT VARCHAR2(25) NOT NULL, L_SHIPMODE VARCHAR2(10) NOT NULL, \
     L_COMMENT VARCHAR2(44) NOT NULL)";

/// Of a benchmark, which has nobody to explain errors to.
pub type AnyResult<T> = Result<T, Box<dyn std::error::Error>>;

/// Wall seconds, CPU seconds and peak RSS in KiB of one child.
pub type Figures = (f64, f64, u64);

/// The one that took the least time.
pub fn best(rounds: &[Figures]) -> Figures {
    rounds.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
}

/// Figures of a process of its own.
///
/// With `replayed` the engine gives the first fetch of a query again and again, so many rows in all.
pub fn run_child(what: &str, file: &Path, replayed: Option<usize>) -> AnyResult<Figures> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["child", what]).arg(file).envs(replayed.map(|rows| ("OLBRIDGE_EMBEDDED_REPLAY_ROWS", rows.to_string())));
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut figures = text.split_whitespace();
    let mut next = || figures.next().ok_or("child printed too little");
    Ok((next()?.parse()?, next()?.parse()?, next()?.parse()?))
}

/// Runs `work` and prints wall seconds, CPU seconds and peak RSS in KiB of this process.
pub fn measured(work: impl FnOnce() -> AnyResult<usize>) -> AnyResult<()> {
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

/// Writes a Parquet file of so many lines.
pub fn generate(file: &Path, rows: usize) -> AnyResult<()> {
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

/// The batches of a Parquet file.
pub fn batches(file: &Path) -> AnyResult<impl Iterator<Item = AnyResult<RecordBatch>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(BATCH_ROWS).build()?;
    Ok(reader.map(|batch| batch.map_err(Into::into)))
}

/// Cargo builds the engine beside this benchmark, as a dependency.
pub fn engine_dir() -> AnyResult<PathBuf> {
    Ok(std::env::current_exe()?.parent().ok_or("no directory")?.to_path_buf())
}
