//! A copy as a whole: [`CopyJob`] (what was asked for) → [`CopyPlan`] (what will happen, printable) → run → [`CopyReport`] (what happened).

mod asked;
mod cast;
mod claim;
mod columns;
#[cfg(feature = "delta")]
pub mod delta;
pub mod describe;
pub mod export;
mod failure;
pub mod format;
mod guard;
pub mod job;
mod keys;
mod matching;
mod named_job;
mod pipe;
pub mod plan;
mod plan_display;
pub mod progress;
mod rejects;
pub mod report;
mod restore;
mod run;
mod staged;
pub mod state;
mod system_columns;
mod table_load;
mod tally;
pub mod target;
mod text_types;
mod vectors;

pub use cast::Cast;
pub use columns::PlanColumn;
pub use export::{AsOf, ExportJob, ExportPlan, ExportReport, FileMode, Selection, TypeChoices};
pub use job::{CopyJob, Mode, OnError};
pub use named_job::NamedJob;
pub use pipe::{PipeColumn, PipeJob, PipePlan, PipeReport, PipeTimes};
pub use plan::{CopyPlan, TableAction};
pub use progress::{Cancel, NoProgress, Progress, ProgressEvent};
pub use report::CopyReport;
pub use staged::{MergeChoice, MergeWay};
pub use table_load::TableLoad;
pub use target::{Endpoint, Target};
