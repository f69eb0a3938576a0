//! Values of many megabytes among short ones: how much memory a load takes depends on the longest value, not on how many of them lie together.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use olbridge::arrow::array::{ArrayRef, BinaryArray};
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::basic::Compression;
use olbridge::parquet::file::properties::WriterProperties;

use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT, Workspace};

const LONG_BYTES: usize = 24 << 20;
const SHORT_ROWS: usize = 3_000;

/// `long` values of [`LONG_BYTES`] one after the other in the midst of short ones, each in a page of its own, all in one row group.
fn write(path: &Path, long: usize) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_write_batch_size(1)
        .set_max_row_group_row_count(Some(1 << 20))
        .build();
    let value = vec![7u8; LONG_BYTES];
    let rows = |values: Vec<&[u8]>, first: usize| {
        let numbers = ids(first as i64..(first + values.len()) as i64);
        table(vec![("id", numbers), ("b", Arc::new(BinaryArray::from(values)) as ArrayRef)])
    };
    let short = |first| rows(vec![b"short"; SHORT_ROWS], first);
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), short(0).schema(), Some(properties)).unwrap();
    writer.write(&short(0)).unwrap();
    for index in 0..long {
        writer.write(&rows(vec![&value], SHORT_ROWS + index)).unwrap();
    }
    writer.write(&short(SHORT_ROWS + long)).unwrap();
    writer.close().unwrap();
}

/// Bytes of memory that the command held at most.
fn peak_bytes(workspace: &Workspace, arguments: &[&str]) -> usize {
    let running = Running::new(workspace.command(arguments).spawn().unwrap());
    let status = format!("/proc/{}/status", running.child.id());
    let sampler = thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) else { break };
            peak = line.split_whitespace().nth(1).and_then(|kibibytes| kibibytes.parse().ok()).unwrap_or(peak);
            thread::sleep(Duration::from_millis(2));
        }
        peak << 10
    });
    let outcome = running.wait(TIME_LIMIT);
    assert_eq!(outcome.code, 0, "{outcome}");
    sampler.join().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn memory_follows_the_longest_value_and_not_how_many_lie_together() {
    let workspace = Workspace::new();
    write(&workspace.file("many.parquet"), 15);
    let words = ["copy", "many.parquet", "embedded:null/T", "--mode", "create", "--cast", "b=BLOB"];
    for more in [&[][..], &["--batch-rows", "10000"]] {
        let peak = peak_bytes(&workspace, &[&words[..], more].concat());
        // Where a batch had all of them, it alone would be 15 of them. What is sampled may be less than the peak, never more.
        assert!(peak < 8 * LONG_BYTES, "{} MiB for 15 values of {} MiB", peak >> 20, LONG_BYTES >> 20);
    }
}
