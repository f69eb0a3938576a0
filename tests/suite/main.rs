//! What a user of the command sees, tested through the built command; one binary, so that it links once.

mod addresses;
mod architecture;
mod c_abi;
mod calendar;
mod casts;
mod cli;
#[cfg(feature = "cloud")]
mod clouds;
mod commit_in_doubt;
mod confirm;
mod copy_api;
#[cfg(feature = "delta")]
mod delta;
#[cfg(feature = "delta")]
mod delta_columns;
#[cfg(feature = "delta")]
mod delta_ddl;
#[cfg(feature = "delta")]
mod delta_dictionary;
#[cfg(feature = "delta")]
mod delta_emulators;
#[cfg(feature = "delta")]
mod delta_epochs;
#[cfg(feature = "delta")]
mod delta_faults;
#[cfg(feature = "delta")]
mod delta_follow;
#[cfg(feature = "delta")]
mod delta_incremental;
#[cfg(feature = "delta")]
mod delta_keys;
#[cfg(feature = "delta")]
mod delta_kills;
#[cfg(feature = "delta")]
mod delta_several;
#[cfg(feature = "delta")]
mod delta_tables;
#[cfg(feature = "delta")]
mod delta_versions;
mod dml;
mod export_faults;
mod exports;
mod fetcher_api;
mod formats;
mod held;
mod job_marks;
mod jobs;
mod leaks;
mod live;
mod load_embedded;
mod loader_api;
mod loads;
mod lobs;
mod long_values;
#[path = "../../examples/make_orders.rs"]
#[allow(dead_code)] // its `main`
mod make_orders;
mod named_types;
mod nested;
mod orders;
mod overlap;
mod pairs;
mod parallel;
mod parquet_testing;
mod pipes;
mod preflight;
mod readme;
mod real_client;
mod real_client_types;
mod regions;
mod reject_cases;
mod rejects;
mod release_23;
mod returning;
mod scan_api;
mod snapshots;
mod staged;
mod support;
mod system_columns;
mod transactions;
mod truncation;
mod vectors;
mod widening;
