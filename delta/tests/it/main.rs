//! The stores against emulators and a server that answers as OneLake does. `tests/peers.sh` installs what is talked to; without it the
//! tests say `SKIPPED` and why.
#![cfg(feature = "store")]

#[cfg(feature = "table")]
mod interop;
mod mock;
mod peers;
mod store;
#[cfg(feature = "table")]
mod table;
