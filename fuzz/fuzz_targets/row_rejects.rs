//! Arbitrary bytes → a table, its rows, some of them bad, and the options of a load with rejects on the embedded engine.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use olbridge_fuzz::Lab;

thread_local! {
    // Cargo leaves the engine beside the other dependencies of this program.
    static LAB: RefCell<Lab> = RefCell::new(Lab::open(&std::env::current_exe().expect("a path").with_file_name("deps")));
}

fuzz_target!(|bytes: &[u8]| {
    LAB.with_borrow_mut(|lab| lab.check(bytes));
});
