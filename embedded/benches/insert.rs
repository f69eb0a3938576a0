//! Array INSERT of narrow rows through the OCI calls, beside a plain prepared loop of SQLite with the same data; and into `null`, which checks and
//! drops them, beside one copy of the same values, which is less than any client does to make them.
//!
//! ```text
//! cargo bench -p olbridge-embedded --bench insert              # 1 million rows, five rounds
//! cargo bench -p olbridge-embedded --bench insert -- 200000 9  # rows, rounds
//! ```
//! Nothing is asserted: figures and their conditions are in docs/performance.md.

// A C caller written in Rust: each block passes handles this file made and buffers that outlive the call.
#![allow(clippy::undocumented_unsafe_blocks)]

use std::ffi::c_void;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Instant;

use clntsh::abi::attr::OCIAttrSet;
use clntsh::abi::bind::OCIBindByPos2;
use clntsh::abi::calls::OCITransCommit;
use clntsh::abi::codes::{attr, kind, status};
use clntsh::abi::env::OCIEnvNlsCreate;
use clntsh::abi::error::OCIErrorGet;
use clntsh::abi::execute::OCIStmtExecute;
use clntsh::abi::handle::{OCIHandleAlloc, OCIHandleFree};
use clntsh::abi::logon::{OCIServerAttach, OCISessionBegin, OCISessionEnd};
use clntsh::abi::statement::OCIStmtPrepare2;

type Pointer = *mut c_void;

/// Rows of one execute.
const BATCH_ROWS: usize = 8192;
const INT: u16 = 3;
const CHR: u16 = 1;
const VNU: u16 = 6;
const DAT: u16 = 12;
const NAME_BYTES: usize = 16;

/// The same rows for both: an integer, a price in cents, a short text, a date.
struct Rows {
    ids: Vec<i64>,
    /// Cents, and the same as NUMBER with its length in front.
    cents: Vec<i64>,
    prices: Vec<[u8; 22]>,
    names: Vec<[u8; NAME_BYTES]>,
    name_bytes: Vec<u32>,
    dates: Vec<[u8; 7]>,
}

/// A NUMBER of so many cents: digits of base 100, the last one of them behind the point.
fn price(cents: i64) -> [u8; 22] {
    let mut digits = Vec::new();
    let mut rest = cents;
    while rest > 0 {
        digits.push((rest % 100) as u8 + 1);
        rest /= 100;
    }
    let exponent = 0xc0 + (digits.len() - 1) as u8;
    let trailing = digits.iter().take_while(|digit| **digit == 1).count();
    let mut number = [0; 22];
    number[1] = exponent;
    for (place, digit) in digits[trailing..].iter().rev().enumerate() {
        number[2 + place] = *digit;
    }
    number[0] = (digits.len() - trailing + 1) as u8;
    number
}

impl Rows {
    fn new(count: usize) -> Rows {
        let ids: Vec<i64> = (1..=count as i64).collect();
        let cents: Vec<i64> = ids.iter().map(|id| (id * 7919) % 10_000_000 + 100).collect();
        let texts: Vec<String> = ids.iter().map(|id| format!("name {}", id % 100_000)).collect();
        let mut names = vec![[b' '; NAME_BYTES]; count];
        for (name, text) in names.iter_mut().zip(&texts) {
            name[..text.len()].copy_from_slice(text.as_bytes());
        }
        let dates = ids.iter().map(|id| [120, 124, (id % 12) as u8 + 1, (id % 28) as u8 + 1, 1, 1, 1]).collect();
        Rows {
            prices: cents.iter().map(|cents| price(*cents)).collect(),
            name_bytes: texts.iter().map(|text| text.len() as u32).collect(),
            ids,
            cents,
            names,
            dates,
        }
    }
}

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let count = arguments.first().copied().unwrap_or(1_000_000);
    let rounds = arguments.get(1).copied().unwrap_or(5);
    let rows = Rows::new(count);
    println!("{count} rows (NUMBER, NUMBER(15,2), VARCHAR2(16), DATE), {BATCH_ROWS} in an execute, one transaction, best of {rounds}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (mut best_plain, mut best_oci, mut best_null, mut best_copy, mut ratios) = (f64::MAX, f64::MAX, f64::MAX, f64::MAX, Vec::new());
    for round in 0..rounds {
        let plain = insert_plain(&directory.path().join(format!("plain{round}.db")), &rows);
        let oci = insert_oci(directory.path().join(format!("oci{round}.db")).to_str().expect("a path"), &rows);
        println!("round {round}: SQLite {plain:.3} s, OCI {oci:.3} s, ratio {:.2}", oci / plain);
        (best_plain, best_oci) = (best_plain.min(plain), best_oci.min(oci));
        ratios.push(oci / plain);
        let (null, copy) = (insert_oci("null", &rows), copy_once(&rows));
        println!("         null {:.2} ns a row, copying its values {:.2} ns", null / count as f64 * 1e9, copy / count as f64 * 1e9);
        (best_null, best_copy) = (best_null.min(null), best_copy.min(copy));
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "best: SQLite {best_plain:.3} s, OCI {best_oci:.3} s, ratio {:.2}; median of ratios {:.2}",
        best_oci / best_plain,
        ratios[rounds / 2]
    );
    let per_row = |seconds: f64| seconds / count as f64 * 1e9;
    println!("best: null {:.2} ns a row, copying its values {:.2} ns", per_row(best_null), per_row(best_copy));
}

/// Copies what one execute binds into buffers that are used again and again, as a client does at the very least.
fn copy_once(rows: &Rows) -> f64 {
    let (mut ids, mut prices) = (vec![0i64; BATCH_ROWS], vec![[0u8; 22]; BATCH_ROWS]);
    let (mut names, mut lengths, mut dates) = (vec![[0u8; NAME_BYTES]; BATCH_ROWS], vec![0u32; BATCH_ROWS], vec![[0u8; 7]; BATCH_ROWS]);
    let started = Instant::now();
    for from in (0..rows.ids.len()).step_by(BATCH_ROWS) {
        let end = (from + BATCH_ROWS).min(rows.ids.len());
        ids[..end - from].copy_from_slice(&rows.ids[from..end]);
        prices[..end - from].copy_from_slice(&rows.prices[from..end]);
        names[..end - from].copy_from_slice(&rows.names[from..end]);
        lengths[..end - from].copy_from_slice(&rows.name_bytes[from..end]);
        dates[..end - from].copy_from_slice(&rows.dates[from..end]);
        std::hint::black_box((&ids, &prices, &names, &lengths, &dates));
    }
    started.elapsed().as_secs_f64()
}

/// What a program that has SQLite alone would do: integers, text, dates as text of ISO 8601.
fn insert_plain(path: &Path, rows: &Rows) -> f64 {
    let mut connection = rusqlite::Connection::open(path).expect("open");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; CREATE TABLE t (id, price, name, day)",
        )
        .expect("create");
    let days: Vec<String> = rows.dates.iter().map(|date| format!("2024-{:02}-{:02}", date[2], date[3])).collect();
    let started = Instant::now();
    let transaction = connection.transaction().expect("begin");
    let mut insert = transaction.prepare("INSERT INTO t VALUES (?, ?, ?, ?)").expect("prepare");
    for (index, day) in days.iter().enumerate() {
        let name = std::str::from_utf8(&rows.names[index][..rows.name_bytes[index] as usize]).expect("text");
        insert.execute((rows.ids[index], rows.cents[index], name, day.as_str())).expect("insert");
    }
    drop(insert);
    transaction.commit().expect("commit");
    started.elapsed().as_secs_f64()
}

struct Client {
    env: Pointer,
    err: Pointer,
    session: Pointer,
    svc: Pointer,
}

impl Client {
    fn connect(path: &str) -> Client {
        let mut env = null_mut();
        unsafe { OCIEnvNlsCreate(&mut env, 3, null_mut(), null_mut(), null_mut(), null_mut(), 0, null_mut(), 873, 873) };
        let handle = |wanted| {
            let mut made = null_mut();
            assert_eq!(unsafe { OCIHandleAlloc(env, &mut made, wanted, 0, null_mut()) }, status::SUCCESS);
            made
        };
        let [err, server, session, svc] = [kind::ERROR, kind::SERVER, kind::SESSION, kind::SVCCTX].map(handle);
        let client = Client { env, err, session, svc };
        client.ok(unsafe { OCIServerAttach(server, err, path.as_ptr(), path.len() as i32, 0) });
        client.ok(unsafe { OCIAttrSet(svc, kind::SVCCTX, server, 0, attr::SERVER, err) });
        for (attribute, text) in [(attr::USERNAME, "scott"), (attr::PASSWORD, "tiger")] {
            client.ok(unsafe { OCIAttrSet(session, kind::SESSION, text.as_ptr().cast_mut().cast(), text.len() as u32, attribute, err) });
        }
        client.ok(unsafe { OCIAttrSet(svc, kind::SVCCTX, session, 0, attr::SESSION, err) });
        client.ok(unsafe { OCISessionBegin(svc, err, session, 1, 0x40) });
        client
    }

    fn ok(&self, status: i32) {
        let (mut code, mut buffer) = (0, [0u8; 512]);
        if status != status::SUCCESS {
            unsafe { OCIErrorGet(self.err, 1, null_mut(), &mut code, buffer.as_mut_ptr(), 512, kind::ERROR) };
        }
        assert_eq!(status, status::SUCCESS, "{}", String::from_utf8_lossy(&buffer));
    }

    fn prepare(&self, sql: &str) -> Pointer {
        let mut stmt = null_mut();
        self.ok(unsafe { OCIStmtPrepare2(self.svc, &mut stmt, self.err, sql.as_ptr(), sql.len() as u32, null(), 0, 1, 0) });
        stmt
    }

    fn bind<T>(&self, stmt: Pointer, position: u32, values: &[T], external_type: u16, lengths: *mut u32) {
        let mut bind = null_mut();
        let pointer = values.as_ptr().cast_mut().cast();
        self.ok(unsafe {
            OCIBindByPos2(
                stmt,
                &mut bind,
                self.err,
                position,
                pointer,
                size_of::<T>() as i64,
                external_type,
                null_mut(),
                lengths,
                null_mut(),
                0,
                null_mut(),
                0,
            )
        });
    }

    fn execute(&self, stmt: Pointer, rows: usize) {
        self.ok(unsafe { OCIStmtExecute(self.svc, stmt, self.err, rows as u32, 0, null(), null_mut(), 0) });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe {
            OCISessionEnd(self.svc, self.err, self.session, 0);
            OCIHandleFree(self.env, kind::ENV);
        }
    }
}

fn insert_oci(path: &str, rows: &Rows) -> f64 {
    let client = Client::connect(path);
    client.execute(client.prepare("CREATE TABLE t (id NUMBER, price NUMBER(15,2), name VARCHAR2(16), day DATE)"), 1);
    let mut name_bytes = rows.name_bytes.clone();
    let started = Instant::now();
    let stmt = client.prepare("INSERT INTO t VALUES (:1, :2, :3, :4)");
    for from in (0..rows.ids.len()).step_by(BATCH_ROWS) {
        let end = (from + BATCH_ROWS).min(rows.ids.len());
        client.bind(stmt, 1, &rows.ids[from..end], INT, null_mut());
        client.bind(stmt, 2, &rows.prices[from..end], VNU, null_mut());
        client.bind(stmt, 3, &rows.names[from..end], CHR, name_bytes[from..end].as_mut_ptr());
        client.bind(stmt, 4, &rows.dates[from..end], DAT, null_mut());
        client.execute(stmt, end - from);
    }
    client.ok(unsafe { OCITransCommit(client.svc, client.err, 0) });
    started.elapsed().as_secs_f64()
}
