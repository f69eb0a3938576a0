//! Conditions that look beyond the row: by them rows come and go without a change of their own, which no SCN of theirs tells.

/// What tells of other rows, of the moment or of who asks.
const BEYOND: [&str; 19] = [
    "SELECT",
    "SYSDATE",
    "SYSTIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "LOCALTIMESTAMP",
    "SESSIONTIMEZONE",
    "DBTIMEZONE",
    "USER",
    "UID",
    "USERENV",
    "SYS_CONTEXT",
    "SYS_GUID",
    "NEXTVAL",
    "CURRVAL",
    "ROWNUM",
    "ROWID",
    "ORA_ROWSCN",
    "ORA_INVOKING_USER",
];
/// How packages of the database are called.
const PACKAGES: [&str; 2] = ["DBMS_", "UTL_"];

/// The first word of a condition that does, texts, names in quotes and comments left out.
pub(super) fn beyond_row(condition: &str) -> Option<String> {
    let is_beyond = |word: &String| BEYOND.contains(&word.as_str()) || PACKAGES.iter().any(|package| word.starts_with(package));
    words(condition).into_iter().find(is_beyond)
}

fn words(condition: &str) -> Vec<String> {
    let after = |rest: &str, end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    let (mut words, mut rest) = (Vec::new(), condition);
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
        let skipped = if is_word(first) {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let word = rest[..end].to_uppercase();
            match rest[end..].strip_prefix('\'') {
                Some(text) if matches!(word.as_str(), "Q" | "NQ") => end + 1 + alternative_text(text),
                _ => {
                    words.push(word);
                    end
                }
            }
        } else if let Some(text) = rest.strip_prefix('\'') {
            1 + after(text, "'")
        } else if let Some(name) = rest.strip_prefix('"') {
            1 + after(name, "\"")
        } else if let Some(comment) = rest.strip_prefix("--") {
            2 + after(comment, "\n")
        } else if let Some(comment) = rest.strip_prefix("/*") {
            2 + after(comment, "*/")
        } else {
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    words
}

/// Length of a text `q'[…]'` from its bracket on.
fn alternative_text(text: &str) -> usize {
    let Some(open) = text.chars().next() else { return 0 };
    let close = match open {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '<' => '>',
        other => other,
    };
    let (begin, end) = (open.len_utf8(), format!("{close}'"));
    text[begin..].find(&end).map_or(text.len(), |at| begin + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_condition_looks_at_is_found_outside_texts_and_names() {
        for (condition, word) in [
            ("g in (select id from groups)", "SELECT"),
            ("d > sysdate-1", "SYSDATE"),
            ("d > CURRENT_DATE", "CURRENT_DATE"),
            ("owner=user", "USER"),
            ("sys.dbms_random.value < 0.5", "DBMS_RANDOM"),
            ("a = 'it''s' and b = q'[']' and rownum < 5", "ROWNUM"),
            ("a = '--' or uid = 1", "UID"),
            ("/* of today */ x = 1 -- only\n and systimestamp > y", "SYSTIMESTAMP"),
        ] {
            assert_eq!(beyond_row(condition).as_deref(), Some(word), "{condition}");
        }
        for condition in [
            "a = 'select' and \"SYSDATE\" = 1",
            "a = q'[it's sysdate]' or b = nq'!user!'",
            "user_id = 1 and sysdate_x = 2 and x$user > 0 and selected = 1",
            "a > 0 -- sysdate",
            "a > 0 /* sysdate */ and b = 'é'",
            "a = 'open",
            "a = q'",
        ] {
            assert_eq!(beyond_row(condition), None, "{condition}");
        }
    }
}
