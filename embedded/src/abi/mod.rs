//! The OCI ABI over the engine: handles, attributes, bind and define buffers. Nothing of SQL or storage is here.
//!
//! Every exported function checks its handles, runs inside a panic guard and reports through the caller's error handle. Functions of the
//! contract that are not done are exported too and refused by name ([`unsupported`]).

// The names are OCI's, the argument lists are its contract, and a module for constants documents itself.
#![allow(unsafe_code, non_snake_case, missing_docs, clippy::too_many_arguments)]

pub mod attr;
mod audit;
pub mod bind;
pub mod calls;
pub mod codes;
pub mod column;
mod convert;
pub mod core;
pub mod datetime;
pub mod define;
pub mod describe;
pub mod descriptor;
pub mod env;
pub mod error;
pub mod execute;
pub mod fault;
pub mod fetch;
pub mod handle;
mod input;
pub mod interval;
pub mod lob;
pub mod logon;
pub mod nls;
pub mod number;
mod output;
mod output_pieces;
pub mod password;
pub mod pieces;
pub mod pool;
mod refcursor;
pub mod replay;
mod returning;
pub mod session;
pub mod session_memory;
pub mod statement;
pub mod thread;
pub mod time_limit;
mod timestamp;
pub mod unsupported;
pub mod variable;
