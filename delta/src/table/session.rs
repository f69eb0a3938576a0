//! Sessions of DataFusion, and what they may hold in memory: what joins and sorts hold beyond it goes to temporary files.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake::DeltaTableError;
use deltalake::datafusion::execution::SessionStateBuilder;
use deltalake::datafusion::execution::disk_manager::DiskManagerBuilder;
use deltalake::datafusion::execution::runtime_env::RuntimeEnvBuilder;
use deltalake::datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::DeltaSessionContext;

use super::Table;
use super::pool::SharedOut;
use super::scratch::Scratch;

/// What an operation holds of rows where nothing is said.
const DEFAULT_MEMORY_BYTES: usize = 512 << 20;
/// The environment variable that says otherwise, in MiB.
const MEMORY_VARIABLE: &str = "OLBRIDGE_DELTA_MEMORY_MB";
/// A join or a sort of less runs in fewer parts: each part reserves what it needs to begin.
const PART_BYTES: usize = 32 << 20;
/// What a sort reserves for the merge of its runs.
const SORT_RESERVE_BYTES: usize = 10 << 20;

/// Batches that the memory of a part has room for.
const BATCHES_OF_PART: usize = 256;
/// A row in memory is about so many times what it is in a file.
const UNPACKED: usize = 4;

/// How two sides are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    /// One side is held in memory, which must suffice.
    Hashed,
    /// Both sides are sorted, in runs on disk where they are large.
    Sorted,
}

/// A session whose names keep their case and whose texts are Utf8, not views.
pub(crate) fn session(batch_rows: Option<usize>) -> Result<SessionContext, DeltaTableError> {
    let settings = [
        ("datafusion.execution.parquet.schema_force_view_types", "false"),
        // A number of more than 19 digits is a number, not the nearest double.
        ("datafusion.sql_parser.parse_float_as_decimal", "true"),
    ];
    let mut settings: HashMap<String, String> = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if let Some(rows) = batch_rows {
        settings.insert("datafusion.execution.batch_size".into(), rows.to_string());
    }
    Ok(DeltaSessionContext::new_with_session_overrides(&settings)?.into_inner())
}

/// The same, within `memory_bytes`, for rows of about `row_bytes`. Filters that a join makes up while it runs would choose files by statistics, which are not exact for wide decimals.
pub(crate) fn bounded(memory_bytes: usize, join: Join, row_bytes: usize) -> Result<SessionContext, DeltaTableError> {
    let pool = Arc::new(SharedOut::new(memory_bytes, parts(memory_bytes)));
    // The disk itself is the limit of what goes to disk.
    let disk = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(Scratch::default()));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk).build_arc()?;
    let batch_rows = batch_rows(memory_bytes, row_bytes);
    let mut state = SessionStateBuilder::new_from_existing(session(Some(batch_rows))?.state()).with_runtime_env(runtime).build();
    let options = state.config_mut().options_mut();
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.prefer_hash_join = join == Join::Hashed;
    // The left side, whose size is not known, is the one that is held, and not a table that is known to be small: its files are chosen by the left.
    options.optimizer.hash_join_single_partition_threshold = 0;
    options.optimizer.hash_join_single_partition_threshold_rows = 0;
    let execution = &mut options.execution;
    execution.target_partitions = parts(memory_bytes);
    execution.sort_spill_reservation_bytes = (part_bytes(memory_bytes) / 32).min(SORT_RESERVE_BYTES);
    Ok(SessionContext::new_with_state(state))
}

/// Rows of a batch, so that a sort has room for many.
pub(crate) fn batch_rows(memory_bytes: usize, row_bytes: usize) -> usize {
    (part_bytes(memory_bytes) / BATCHES_OF_PART / row_bytes.max(1)).clamp(64, 8192)
}

fn parts(memory_bytes: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Of one part DataFusion would make a join in memory, whatever is preferred.
    (memory_bytes / PART_BYTES).clamp(2, cores.max(2))
}

fn part_bytes(memory_bytes: usize) -> usize {
    memory_bytes / parts(memory_bytes)
}

impl Table {
    /// About what a row has, unpacked, by the sizes of the files.
    pub(crate) fn row_bytes(&self) -> usize {
        let Ok(state) = self.state() else { return 0 };
        let files = state.log_data();
        let sizes = files.iter().map(|file| (usize::try_from(file.size()).unwrap_or(0), file.num_records().unwrap_or(0)));
        let (bytes, rows) = sizes.fold((0, 0), |(bytes, rows), (more_bytes, more_rows)| (bytes + more_bytes, rows + more_rows));
        (bytes / rows.max(1)).saturating_mul(UNPACKED)
    }

    /// What MERGE, the comparison of versions and ordering along a curve hold of rows in memory, in bytes; the rest goes to temporary files (`TMPDIR`).
    /// Where nothing is said, the environment variable `OLBRIDGE_DELTA_MEMORY_MB` says it, else it is 512 MiB. Readers and writers of files need some
    /// memory beside it, which does not grow with the rows.
    pub fn set_memory(&mut self, bytes: usize) {
        self.memory_bytes = Some(bytes);
    }

    /// What was said, or the default.
    ///
    /// # Errors
    /// The environment variable is no number.
    pub(crate) fn memory(&self) -> crate::error::Result<usize> {
        match (self.memory_bytes, std::env::var(MEMORY_VARIABLE)) {
            (Some(bytes), _) => Ok(bytes),
            (None, Err(_)) => Ok(DEFAULT_MEMORY_BYTES),
            (None, Ok(text)) => match text.trim().parse::<usize>().ok().filter(|megabytes| *megabytes > 0) {
                Some(megabytes) => Ok(megabytes.saturating_mul(1 << 20)),
                None => {
                    Err(self.invalid("begin", &format!("{MEMORY_VARIABLE}={text} is no number of MiB"), &format!("{MEMORY_VARIABLE}=512")))
                }
            },
        }
    }
}
