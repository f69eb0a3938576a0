//! Array INSERT goes in groups of rows: what an array does must be what its rows do one by one.

use clntsh::abi::calls::OCITransRollback;
use clntsh::abi::codes::mode;
use clntsh::abi::statement::OCIParamGet;

use super::*;

const CHR: u16 = 1;
const INT: u16 = 3;

/// More than one group, and a last one that is not full.
const ROWS: usize = 1_300;
/// Bytes of an element of the array of texts.
const TEXT_BYTES: usize = 12;

/// The rows of an array; every table of the tests takes an id, a text and a number that a parent row may have.
struct Rows {
    ids: Vec<i32>,
    texts: Vec<[u8; TEXT_BYTES]>,
    text_bytes: Vec<u32>,
    indicators: Vec<i16>,
    parents: Vec<i32>,
}

impl Rows {
    /// Good rows, but every `bad`th one, which is bad in one of the five ways in turn; all good for 0.
    fn new(bad: usize) -> Rows {
        let mut rows = Rows {
            ids: (1..=ROWS as i32).collect(),
            texts: vec![*b"text        "; ROWS],
            text_bytes: (0..ROWS).map(|row| 1 + (row % 10) as u32).collect(),
            indicators: vec![0; ROWS],
            parents: vec![7; ROWS],
        };
        for (nth, row) in (1..ROWS).filter(|row| bad > 0 && row % bad == 0).enumerate() {
            match nth % 5 {
                0 => rows.ids[row] = rows.ids[row - 1],
                1 => rows.text_bytes[row] = 11,
                2 => rows.indicators[row] = -1,
                3 => rows.parents[row] = 8,
                _ => rows.ids[row] = -5,
            }
        }
        rows
    }

    fn bind(&mut self, client: &Client, stmt: Pointer, from: usize) {
        client.bind(stmt, 1, self.ids[from..].as_mut_ptr(), 4, INT, null_mut(), null_mut());
        let (indicators, lengths) = (self.indicators[from..].as_mut_ptr(), self.text_bytes[from..].as_mut_ptr());
        client.bind(stmt, 2, self.texts[from..].as_mut_ptr(), TEXT_BYTES as i64, CHR, indicators, lengths);
        client.bind(stmt, 3, self.parents[from..].as_mut_ptr(), 4, INT, null_mut(), null_mut());
    }
}

const INSERT: &str = "INSERT INTO t (id, name, parent) VALUES (:1, :2, :3)";

fn client() -> Client {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE p (id NUMBER PRIMARY KEY)");
    client.run("INSERT INTO p VALUES (7)");
    client.run(
        "CREATE TABLE t (id NUMBER(6) CONSTRAINT positive CHECK (id > 0), name VARCHAR2(10) NOT NULL, parent NUMBER REFERENCES p, \
         made NUMBER GENERATED ALWAYS AS IDENTITY, state VARCHAR2(5) DEFAULT 'new', CONSTRAINT once UNIQUE (id))",
    );
    client
}

/// Row, code and text of each error in the array, by row.
fn row_errors(client: &Client, stmt: Pointer) -> Vec<(u32, i32, String)> {
    let env = &client.env;
    let (mut row_error, scratch) = (env.handle(kind::ERROR), env.handle(kind::ERROR));
    let mut found = Vec::new();
    for index in 0..env.get::<u32>(stmt, kind::STMT, attr::NUM_DML_ERRORS) {
        env.ok(unsafe { OCIParamGet(env.err, kind::ERROR, env.err, &mut row_error, index) });
        let mut row = 0u32;
        unsafe { OCIAttrGet(row_error, kind::ERROR, (&raw mut row).cast(), null_mut(), attr::DML_ROW_OFFSET, scratch) };
        let (code, text) = error_of(row_error);
        found.push((row, code, text));
    }
    found.sort();
    found
}

/// What is in the table, as sums that any difference of rows changes; `made` where each row takes its number in turn.
fn content(client: &Client, numbers: bool) -> [i64; 4] {
    let made = if numbers { "SELECT SUM(made * id) FROM t" } else { "SELECT 0 FROM dual" };
    [
        client.number("SELECT COUNT(*) FROM t WHERE state = 'new' AND parent = 7"),
        client.number("SELECT SUM(id * id) FROM t"),
        client.number("SELECT SUM(id * LENGTH(name)) FROM t"),
        client.number(made),
    ]
}

#[test]
fn an_array_with_errors_does_what_its_rows_do_one_by_one() {
    for bad in [0, 97, 3] {
        let (whole, single) = (client(), client());
        let mut rows = Rows::new(bad);
        let stmt = whole.prepare(INSERT);
        rows.bind(&whole, stmt, 0);
        let status = whole.execute(stmt, ROWS as u32, mode::BATCH_ERRORS | mode::RETURN_ROW_COUNT_ARRAY);
        assert_eq!(status, if bad == 0 { status::SUCCESS } else { status::SUCCESS_WITH_INFO });
        let found = row_errors(&whole, stmt);
        let (mut counts, mut count): (*const u64, u32) = (null(), 0);
        whole
            .env
            .ok(unsafe { OCIAttrGet(stmt, kind::STMT, (&raw mut counts).cast(), &mut count, attr::DML_ROW_COUNT_ARRAY, whole.env.err) });
        let counts = unsafe { std::slice::from_raw_parts(counts, count as usize) };

        let one = single.prepare(INSERT);
        let mut expected = Vec::new();
        for row in 0..ROWS {
            rows.bind(&single, one, row);
            if single.execute(one, 1, 0) != status::SUCCESS {
                let (code, text) = single.env.error();
                expected.push((row as u32, code, text));
            }
        }
        assert_eq!(found.len(), (1..ROWS).filter(|row| bad > 0 && row % bad == 0).count());
        assert_eq!(found, expected);
        let wanted: Vec<u64> = (0..ROWS as u32).map(|row| u64::from(!expected.iter().any(|(bad, ..)| *bad == row))).collect();
        assert_eq!(counts, wanted);
        assert_eq!(whole.env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT), wanted.iter().sum::<u64>());
        assert_eq!(content(&whole, bad == 0), content(&single, bad == 0));
        whole.env.ok(unsafe { OCITransRollback(whole.svc, whole.env.err, 0) });
        assert_eq!(whole.number("SELECT COUNT(*) FROM t"), 0);
    }
}

#[test]
fn without_batch_errors_an_array_ends_at_its_first_bad_row() {
    for bad in [5, 1_024, 1_299] {
        let client = client();
        let mut rows = Rows::new(bad);
        let stmt = client.prepare(INSERT);
        rows.bind(&client, stmt, 0);
        let text = client.env.fails(client.execute(stmt, ROWS as u32, 0), 1);
        assert!(text.contains("SCOTT.ONCE"), "{text}");
        assert_eq!(client.env.get::<u64>(stmt, kind::STMT, attr::UB8_ROW_COUNT), bad as u64);
        assert_eq!(client.number("SELECT COUNT(*) FROM t"), bad as i64);
        assert_eq!(client.number("SELECT MAX(id) FROM t"), bad as i64);
    }
}

#[test]
fn the_rowid_after_an_array_is_that_of_its_last_row() {
    let client = client();
    let mut rows = Rows::new(0);
    let stmt = client.prepare(INSERT);
    rows.bind(&client, stmt, 0);
    client.env.ok(client.execute(stmt, ROWS as u32, mode::COMMIT_ON_SUCCESS));
    let mut rowid = null_mut();
    client.env.ok(unsafe { clntsh::abi::descriptor::OCIDescriptorAlloc(client.env.env, &mut rowid, kind::ROWID, 0, null_mut()) });
    client.env.ok(unsafe { OCIAttrGet(stmt, kind::STMT, rowid, null_mut(), attr::ROWID, client.env.err) });
    let (mut text, mut bytes) = ([0u8; 20], 20u16);
    client.env.ok(unsafe { clntsh::abi::descriptor::OCIRowidToChar(rowid, text.as_mut_ptr(), &mut bytes, client.env.err) });
    let text = std::str::from_utf8(&text[..usize::from(bytes)]).unwrap();
    assert_eq!(client.number(&format!("SELECT id FROM t WHERE ROWID = '{text}'")), ROWS as i64);
}
