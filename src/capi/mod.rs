//! The C ABI: `include/olbridge.h`, for hosts in other languages such as a database that attaches Oracle.
//!
//! Rows cross as Arrow C streams (<https://arrow.apache.org/docs/format/CStreamInterface.html>), options as JSON objects whose unknown members are
//! refused, errors as a status and an object with the text. A session is used from any thread: its calls are carried out one after another on a thread
//! of its own, and streams of the same session may be read while rows are loaded into it.
//!
//! No panic crosses the ABI: it becomes [`Status::Defect`].

mod delta;
mod error;
mod load;
mod read;
mod session;
mod stream;
mod text;
mod worker;

pub use delta::OlbridgeDelta;
pub use error::{OlbridgeError, Status};
pub use session::OlbridgeSession;

/// Version of the ABI: changes when a caller has to be compiled anew.
pub const ABI_VERSION: u32 = 1;

/// [`ABI_VERSION`].
#[unsafe(no_mangle)]
pub extern "C" fn olbridge_abi_version() -> u32 {
    ABI_VERSION
}
