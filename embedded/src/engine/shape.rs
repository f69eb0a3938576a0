//! What a client learns from SQL text alone, without a session: the kind of statement and its bind variables.

/// Kind of a statement by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum StatementKind {
    Unknown,
    Select,
    Update,
    Delete,
    Insert,
    Create,
    Drop,
    Alter,
    Begin,
    Declare,
    Call,
    Explain,
    Merge,
    Rollback,
    Commit,
    Truncate,
    Savepoint,
}

impl StatementKind {
    /// The value of OCI_ATTR_STMT_TYPE: as Oracle's 12.1 client answers it (0 for TRUNCATE and what it does not know, 21 for COMMIT).
    pub fn oci_code(self) -> u16 {
        match self {
            StatementKind::Select => 1,
            StatementKind::Update => 2,
            StatementKind::Delete => 3,
            StatementKind::Insert => 4,
            StatementKind::Create => 5,
            StatementKind::Drop => 6,
            StatementKind::Alter => 7,
            StatementKind::Begin => 8,
            StatementKind::Declare => 9,
            StatementKind::Call => 10,
            StatementKind::Explain => 15,
            StatementKind::Merge => 16,
            StatementKind::Rollback => 17,
            StatementKind::Commit => 21,
            StatementKind::Unknown | StatementKind::Truncate | StatementKind::Savepoint => 0,
        }
    }

    /// Whether an iteration of it can change rows.
    pub fn is_dml(self) -> bool {
        matches!(self, StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge)
    }

    fn of_word(word: &str) -> StatementKind {
        match word {
            "SELECT" | "WITH" => StatementKind::Select,
            "UPDATE" => StatementKind::Update,
            "DELETE" => StatementKind::Delete,
            "INSERT" => StatementKind::Insert,
            "CREATE" => StatementKind::Create,
            "DROP" => StatementKind::Drop,
            "ALTER" => StatementKind::Alter,
            "BEGIN" => StatementKind::Begin,
            "DECLARE" => StatementKind::Declare,
            "CALL" => StatementKind::Call,
            "EXPLAIN" => StatementKind::Explain,
            "MERGE" => StatementKind::Merge,
            "ROLLBACK" => StatementKind::Rollback,
            "COMMIT" => StatementKind::Commit,
            "TRUNCATE" => StatementKind::Truncate,
            "SAVEPOINT" => StatementKind::Savepoint,
            _ => StatementKind::Unknown,
        }
    }
}

/// The outline of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its kind.
    pub kind: StatementKind,
    /// Names of the bind variables in order of appearance, upper-cased unless quoted, duplicates included, without colon.
    pub binds: Vec<String>,
    /// Whether it has a RETURNING … INTO clause.
    pub is_returning: bool,
}

/// Reads the outline of `sql`. Never fails: what it does not know is [`StatementKind::Unknown`].
pub fn shape(sql: &str) -> Shape {
    let mut shape = Shape { kind: StatementKind::Unknown, binds: Vec::new(), is_returning: false };
    let bytes = sql.as_bytes();
    let mut at = 0;
    let mut first_word = true;
    let mut returning = false;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => at = skip_quoted(bytes, at),
            b'"' => at = skip_quoted(bytes, at),
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = find(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = find(bytes, at + 2, b"*/"),
            b':' => at = read_bind(sql, at, &mut shape.binds),
            byte if is_word(byte) => {
                let end = word_end(bytes, at);
                if let Some(after) = q_literal_end(bytes, at, end) {
                    at = after;
                    continue;
                }
                let word = sql[at..end].to_ascii_uppercase();
                if first_word {
                    shape.kind = StatementKind::of_word(&word);
                    first_word = false;
                }
                match word.as_str() {
                    "RETURNING" | "RETURN" if shape.kind.is_dml() => returning = true,
                    "INTO" if returning => shape.is_returning = true,
                    _ => {}
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    shape
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#') || byte >= 0x80
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|byte| !is_word(*byte)).map_or(bytes.len(), |length| start + length)
}

/// The offset after the next `end` at or after `start`; the end of the text when there is none.
fn find(bytes: &[u8], start: usize, end: &[u8]) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    tail.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |at| start + at + end.len())
}

fn skip_quoted(bytes: &[u8], start: usize) -> usize {
    find(bytes, start + 1, &bytes[start..=start])
}

/// `q'[…]'` and `nq'[…]'`: the offset after the literal.
fn q_literal_end(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    if bytes.get(end) != Some(&b'\'') || !matches!(&bytes[start..end], b"q" | b"Q" | b"nq" | b"Nq" | b"nQ" | b"NQ") {
        return None;
    }
    let close = match *bytes.get(end + 1)? {
        b'[' => b']',
        b'{' => b'}',
        b'(' => b')',
        b'<' => b'>',
        other => other,
    };
    Some(find(bytes, end + 2, &[close, b'\'']))
}

/// Reads the name after a colon; `:=` and a lone colon are no bind variables.
fn read_bind(sql: &str, colon: usize, binds: &mut Vec<String>) -> usize {
    let bytes = sql.as_bytes();
    let mut start = colon + 1;
    while bytes.get(start).is_some_and(u8::is_ascii_whitespace) {
        start += 1;
    }
    match bytes.get(start) {
        Some(b'"') => {
            let end = skip_quoted(bytes, start);
            binds.push(sql[start + 1..end].trim_end_matches('"').to_owned());
            end
        }
        Some(byte) if is_word(*byte) => {
            let end = word_end(bytes, start);
            binds.push(sql[start..end].to_uppercase());
            end
        }
        _ => colon + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_keep_their_order_and_duplicates_and_upper_case() {
        let shape = shape("insert into t values (:a, :1, :B, : a, :\"Mixed\", ':x', q'[:y ']', \":z\") -- :c\n /* :d */");
        assert_eq!(shape.kind, StatementKind::Insert);
        assert_eq!(shape.binds, ["A", "1", "B", "A", "Mixed"]);
        assert!(!shape.is_returning);
    }

    #[test]
    fn kinds_follow_the_first_word() {
        for (sql, code) in [
            ("/* hint */ (select 1 from dual)", 1),
            ("WITH x AS (SELECT 1 FROM dual) SELECT * FROM x", 1),
            ("update t set a = 1", 2),
            ("DELETE t", 3),
            ("-- c\ninsert into t values (1)", 4),
            ("create table t (a number)", 5),
            ("drop table t", 6),
            ("alter session set x = y", 7),
            ("begin null; end;", 8),
            ("declare x number; begin x := 1; end;", 9),
            ("call p()", 10),
            ("merge into t using u on (1=1)", 16),
            ("commit", 21),
            ("truncate table t", 0),
            ("", 0),
            ("nonsense", 0),
        ] {
            assert_eq!(shape(sql).kind.oci_code(), code, "{sql}");
        }
    }

    #[test]
    fn returning_into_is_seen_and_assignment_is_no_bind() {
        let outline = shape("insert into t values (:1) returning id into :2");
        assert!(outline.is_returning);
        assert_eq!(outline.binds, ["1", "2"]);
        assert!(shape("begin :x := 1; y := 2; end;").binds == ["X"]);
        assert!(!shape("select returning into from t").is_returning);
    }

    #[test]
    fn unfinished_text_does_not_panic() {
        for sql in ["'", "\"", ":", ":\"", "/*", "--", "q'", "q'[", "é:é'"] {
            let _ = shape(sql);
        }
    }
}
