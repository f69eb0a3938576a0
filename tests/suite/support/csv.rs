//! Reads the CSV that `olbridge sql` writes: an empty field is NULL (Oracle has no empty text).

/// All records, the header first.
pub fn parse(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(take(&mut field)),
            '\n' if !quoted => {
                record.push(take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    assert!(record.is_empty() && field.is_empty(), "the last line has no end: {text:?}");
    records
}

fn take(field: &mut String) -> Option<String> {
    Some(std::mem::take(field)).filter(|f| !f.is_empty())
}

#[test]
fn quotes_commas_and_line_ends_survive() {
    let value = |v: &str| Some(v.to_owned());
    assert_eq!(parse("A,B\n\"x, \"\"y\"\"\nz\",\n"), [vec![value("A"), value("B")], vec![value("x, \"y\"\nz"), None]]);
}
