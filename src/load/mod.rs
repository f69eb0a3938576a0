//! The load engine: record batches into array DML.
//!
//! ```text
//! RecordBatch ──> converter per column ──> array buffers ──(full)──> one OCIStmtExecute ──> LoadReport
//! ```
//!
//! Batches of any size are gathered into the buffers until they are full, so that the number of round trips follows from the
//! byte budget and not from how the source happened to be cut. Everything about a column is decided in [`LoadPlan`].

mod ahead;
mod blame;
mod dml;
mod filler;
mod loader;
mod long;
mod mark;
mod plan;
mod preflight;
mod prepare;
mod returning;
mod route;
mod screen;
mod sender;
mod settle;
mod staged;
mod text_size;

pub use dml::{Dml, Keyed, NotFound};
pub use loader::{LoadReport, Loader, RejectSink, TruncatedValues};
pub use mark::DeleteMark;
pub use plan::{ColumnPair, LoadOptions, LoadPlan, PlannedColumn};
pub use preflight::Preflight;
pub(crate) use prepare::Preparation;
pub use prepare::{NestedText, is_nested};
pub use returning::Returned;
pub use route::KeyRouter;
pub use staged::{StageKind, StagedLoader, StagedPlan};
