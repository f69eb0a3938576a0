//! Values of many megabytes among short ones: how much memory a load takes depends on the longest value, not on how many of them lie together.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use olbridge::arrow::array::{ArrayRef, BinaryArray};
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::basic::Compression;
use olbridge::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use crate::support::tables::{ids, table};
use crate::support::{Running, TIME_LIMIT, Workspace};

const LONG_BYTES: usize = 24 << 20;
const SHORT_ROWS: usize = 3_000;

/// How a file is written.
struct Shape {
    name: &'static str,
    version: WriterVersion,
    dictionary: bool,
    /// Sizes of values in the page index.
    sized: bool,
    /// Each long value in a page of its own.
    pages: bool,
}

/// `long` values of [`LONG_BYTES`] one after the other in the midst of short ones, all in one row group.
fn write(path: &Path, shape: &Shape, long: usize) {
    let sizes = if shape.sized { EnabledStatistics::Page } else { EnabledStatistics::None };
    let properties = WriterProperties::builder()
        .set_compression(Compression::UNCOMPRESSED)
        .set_writer_version(shape.version)
        .set_dictionary_enabled(shape.dictionary)
        .set_dictionary_page_size_limit(1 << 30)
        .set_data_page_size_limit(if shape.pages { 1 << 20 } else { 1 << 30 })
        .set_statistics_enabled(sizes)
        .set_offset_index_disabled(!shape.sized)
        .set_write_batch_size(if shape.pages { 1 } else { 1024 })
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
    let together = if shape.pages { 1 } else { long };
    for index in (0..long).step_by(together) {
        writer.write(&rows(vec![&value; together], SHORT_ROWS + index)).unwrap();
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
            // Pages of the program itself are not meant: in a debug build with all features they are as much as seven values.
            let Some(line) = text.lines().find(|line| line.starts_with("RssAnon")) else { break };
            peak = line.split_whitespace().nth(1).and_then(|kibibytes| kibibytes.parse::<usize>().ok()).map_or(peak, |now| now.max(peak));
            thread::sleep(Duration::from_millis(2));
        }
        peak << 10
    });
    let outcome = running.wait(TIME_LIMIT);
    assert_eq!(outcome.code, 0, "{outcome}");
    sampler.join().unwrap()
}

const LONG_VALUES: usize = 15;

const SHAPES: [Shape; 5] = [
    Shape { name: "sizes in the page index", version: WriterVersion::PARQUET_1_0, dictionary: false, sized: true, pages: true },
    Shape { name: "no page index", version: WriterVersion::PARQUET_1_0, dictionary: false, sized: false, pages: true },
    // Which have few bytes: the value once, and where it is.
    Shape { name: "a dictionary", version: WriterVersion::PARQUET_1_0, dictionary: true, sized: false, pages: false },
    Shape { name: "values that share their beginning", version: WriterVersion::PARQUET_2_0, dictionary: false, sized: false, pages: false },
    Shape { name: "one page", version: WriterVersion::PARQUET_1_0, dictionary: false, sized: false, pages: false },
];

#[test]
#[cfg(target_os = "linux")]
fn memory_follows_the_longest_value_and_not_how_many_lie_together() {
    let workspace = Workspace::new();
    let words = ["copy", "many.parquet", "embedded:null/T", "--mode", "create", "--cast", "b=BLOB"];
    for shape in &SHAPES {
        write(&workspace.file("many.parquet"), shape, LONG_VALUES);
        let more: [&[&str]; 2] = [&[], &["--batch-rows", "10000"]];
        for more in if shape.sized { &more[..] } else { &more[1..] } {
            let peak = peak_bytes(&workspace, &[&words[..], more].concat());
            // Where a batch had all of them, it alone would be 15 of them. What is sampled may be less than the peak, never more. A page is decoded whole.
            let page = if shape.name == "one page" { LONG_VALUES } else { 0 };
            let most = (page + 8) * LONG_BYTES;
            eprintln!("{}: {} MiB for {LONG_VALUES} values of {} MiB", shape.name, peak >> 20, LONG_BYTES >> 20);
            assert!(peak < most, "{}: {} MiB for {LONG_VALUES} values of {} MiB", shape.name, peak >> 20, LONG_BYTES >> 20);
        }
    }
    // Each further session has what it converts and what waits for it.
    write(&workspace.file("many.parquet"), &SHAPES[1], LONG_VALUES);
    let peak = peak_bytes(&workspace, &[&words[..], &["--parallel", "3"]].concat());
    eprintln!("three sessions: {} MiB", peak >> 20);
    assert!(peak < 12 * LONG_BYTES, "three sessions: {} MiB", peak >> 20);
}
