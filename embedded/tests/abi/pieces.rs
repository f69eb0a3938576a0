//! Values in pieces: by polling between executes and fetches, and by callbacks.

use clntsh::abi::bind::OCIBindDynamic;
use clntsh::abi::fetch::OCIStmtFetch2;
use clntsh::abi::pieces::{OCIStmtGetPieceInfo, OCIStmtSetPieceInfo};

use super::*;

const CHR: u16 = 1;
const INT: u16 = 3;
const LNG: u16 = 8;
const LBI: u16 = 24;
const DATA_AT_EXEC: u32 = 2;
const ONE: u8 = 0;
const FIRST: u8 = 1;
const NEXT: u8 = 2;
const LAST: u8 = 3;

/// Bind, row, the piece asked for, the piece given, and its bytes.
type Piece<'a> = (Pointer, u32, u8, u8, Option<&'a [u8]>);

/// Handle, type, direction, row and piece that a statement waits for.
fn wanted(client: &Client, stmt: Pointer) -> (Pointer, u32, u8, u32, u8) {
    let (mut handle, mut handle_kind, mut direction, mut row, mut index, mut piece) = (null_mut(), 0, 0, 9, 9, 9);
    client.env.ok(unsafe {
        OCIStmtGetPieceInfo(stmt, client.env.err, &mut handle, &mut handle_kind, &mut direction, &mut row, &mut index, &mut piece)
    });
    assert_eq!(index, 0);
    (handle, handle_kind, direction, row, piece)
}

fn bind_pieces(client: &Client, stmt: Pointer, position: u32, dty: u16) -> Pointer {
    let mut bind = null_mut();
    client.env.ok(unsafe {
        OCIBindByPos2(
            stmt,
            &mut bind,
            client.env.err,
            position,
            null_mut(),
            1 << 20,
            dty,
            null_mut(),
            null_mut(),
            null_mut(),
            0,
            null_mut(),
            DATA_AT_EXEC,
        )
    });
    bind
}

#[test]
fn an_execute_asks_for_its_values_piece_by_piece() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE p (id NUMBER, text CLOB, bytes LONG RAW)");
    let stmt = client.prepare("INSERT INTO p VALUES (:1, :2, :3)");
    let mut ids = [1i32, 2];
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    let (text, bytes) = (bind_pieces(&client, stmt, 2, LNG), bind_pieces(&client, stmt, 3, LBI));
    // Row 0: text of three pieces and bytes of one; row 1: NULL and bytes of two.
    let pieces: [Piece; 7] = [
        (text, 0, FIRST, FIRST, Some(b"ab")),
        (text, 0, NEXT, NEXT, Some(b"cd")),
        (text, 0, NEXT, LAST, Some(b"e")),
        (bytes, 0, FIRST, ONE, Some(b"\x01\x02")),
        (text, 1, FIRST, ONE, None),
        (bytes, 1, FIRST, FIRST, Some(b"\xff")),
        (bytes, 1, NEXT, LAST, Some(b"\xfe")),
    ];
    let mut status = client.execute(stmt, 2, 0);
    for (bind, row, asked, given, value) in pieces {
        assert_eq!(status, status::NEED_DATA);
        assert_eq!(wanted(&client, stmt), (bind, kind::BIND, 1, row, asked));
        let mut length = value.map_or(0, |value| value.len() as u32);
        let indicator = if value.is_some() { 0i16 } else { -1 };
        let buffer: *const c_void = value.map_or(null(), |value| value.as_ptr().cast());
        let indicator: *const i16 = &indicator;
        let err = client.env.err;
        client.env.ok(unsafe { OCIStmtSetPieceInfo(bind, kind::BIND, err, buffer, &mut length, given, indicator.cast(), null_mut()) });
        status = client.execute(stmt, 2, 0);
    }
    client.env.ok(status);
    assert_eq!(client.env.get::<u32>(stmt, kind::STMT, attr::ROW_COUNT), 2);
    assert_eq!(client.number("SELECT id FROM p WHERE text LIKE 'abcde'"), 1);
    assert_eq!(client.number("SELECT COUNT(*) FROM p WHERE text IS NULL"), 1);
    let nothing =
        unsafe { OCIStmtGetPieceInfo(stmt, client.env.err, &mut null_mut(), null_mut(), null_mut(), null_mut(), null_mut(), null_mut()) };
    client.env.fails(nothing, 3129);
    assert_eq!(fetch_pieces(&client, "SELECT bytes, id FROM p ORDER BY id", LBI), [Some(b"\x01\x02".to_vec()), Some(b"\xff\xfe".to_vec())]);
}

/// The first column of all rows, fetched through a buffer of two bytes; the second one is a number and is defined as usual.
fn fetch_pieces(client: &Client, sql: &str, dty: u16) -> Vec<Option<Vec<u8>>> {
    let stmt = client.prepare(sql);
    let mut define = null_mut();
    let size = 1 << 20;
    client.env.ok(unsafe {
        OCIDefineByPos2(stmt, &mut define, client.env.err, 1, null_mut(), size, dty, null_mut(), null_mut(), null_mut(), DATA_AT_EXEC)
    });
    let mut id = 0i64;
    client.define(stmt, 2, &mut id, 8, INT, null_mut(), null_mut(), null_mut());
    client.env.ok(client.execute(stmt, 0, 0));
    let (mut rows, mut value, mut expected) = (Vec::new(), Vec::new(), FIRST);
    loop {
        let (mut buffer, mut indicator, mut code) = ([0u8; 2], 9i16, 9u16);
        let mut status = unsafe { OCIStmtFetch2(stmt, client.env.err, 1, 2, 0, 0) };
        if status == status::NO_DATA {
            return rows;
        }
        while status == status::NEED_DATA {
            assert_eq!(wanted(client, stmt), (define, kind::DEFINE, 2, 0, expected));
            let mut length = 2u32;
            let (place, note): (*mut u8, *mut i16) = (buffer.as_mut_ptr(), &mut indicator);
            client.env.ok(unsafe {
                OCIStmtSetPieceInfo(define, kind::DEFINE, client.env.err, place.cast(), &mut length, NEXT, note.cast(), &mut code)
            });
            status = unsafe { OCIStmtFetch2(stmt, client.env.err, 1, 2, 0, 0) };
            value.extend_from_slice(&buffer[..length as usize]);
            expected = NEXT;
        }
        client.env.ok(status);
        assert_eq!(id, rows.len() as i64 + 1);
        assert_eq!(code, 0);
        rows.push((indicator == 0).then(|| std::mem::take(&mut value)));
        expected = FIRST;
    }
}

#[test]
fn a_fetch_hands_a_long_value_over_piece_by_piece() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE p (id NUMBER, text CLOB)");
    client.run("INSERT INTO p VALUES (1, 'abcde')");
    client.run("INSERT INTO p VALUES (2, NULL)");
    client.run("INSERT INTO p VALUES (3, 'xy')");
    let expected = [Some(b"abcde".to_vec()), None, Some(b"xy".to_vec())];
    assert_eq!(fetch_pieces(&client, "SELECT text, id FROM p ORDER BY id", CHR), expected);
}

/// Delivers "one two three" of each row word by word.
unsafe extern "C" fn deliver(
    context: Pointer,
    _bind: Pointer,
    iter: u32,
    _index: u32,
    buffer: *mut Pointer,
    length: *mut u32,
    piece: *mut u8,
    indicator: *mut Pointer,
) -> i32 {
    const WORDS: [&str; 3] = ["one ", "two ", "three"];
    let word = unsafe { &mut *context.cast::<usize>() };
    unsafe {
        assert_eq!(*piece, if *word == 0 { ONE } else { NEXT }, "row {iter}");
        *buffer = WORDS[*word].as_ptr().cast_mut().cast();
        *length = WORDS[*word].len() as u32;
        *piece = [FIRST, NEXT, LAST][*word];
        *indicator = null_mut();
    }
    *word = (*word + 1) % 3;
    -24200
}

#[test]
fn a_callback_delivers_a_value_piece_by_piece() {
    let client = Client::connect(":memory:");
    client.run("CREATE TABLE p (id NUMBER, text VARCHAR2(20))");
    let stmt = client.prepare("INSERT INTO p VALUES (:1, :2)");
    let mut ids: Vec<i32> = (0..20).collect();
    client.bind(stmt, 1, ids.as_mut_ptr(), 4, INT, null_mut(), null_mut());
    let bind = bind_pieces(&client, stmt, 2, CHR);
    let mut word = 0usize;
    let context: *mut usize = &mut word;
    client.env.ok(unsafe { OCIBindDynamic(bind, client.env.err, context.cast(), deliver as *mut c_void, null_mut(), null_mut()) });
    client.env.ok(client.execute(stmt, 20, 0));
    assert_eq!(client.number("SELECT COUNT(DISTINCT id) FROM p WHERE text = 'one two three'"), 20);
}
