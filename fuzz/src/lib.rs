//! What the fuzz targets check; the suite of the project runs the same in a bounded way.

mod reject_case;

pub use reject_case::{Lab, Tally};
