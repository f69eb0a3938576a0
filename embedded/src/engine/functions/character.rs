//! Functions on text.

use rusqlite::types::Value;

use super::super::number::Number;
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_concat", 2, Nulls::Seen, concat),
    ("o_upper", 1, Nulls::Propagate, |a| Ok(text(a.text(0)?.to_uppercase()))),
    ("o_lower", 1, Nulls::Propagate, |a| Ok(text(a.text(0)?.to_lowercase()))),
    ("o_length", 1, Nulls::Propagate, length),
    ("o_lengthb", 1, Nulls::Propagate, |a| Ok(number(Number::from_u64(a.bytes(0)?.len() as u64)))),
    ("o_substr", -1, Nulls::Propagate, substr),
    ("o_instr", -1, Nulls::Propagate, instr),
    ("o_replace", -1, Nulls::Seen, replace),
    ("o_trim", 3, Nulls::Propagate, |a| trim(a.text(0)?, a.text(1)?, a.text(2)?)),
    ("o_ltrim", -1, Nulls::Propagate, |a| trim(a.text(0)?, second(a)?, "L")),
    ("o_rtrim", -1, Nulls::Propagate, |a| trim(a.text(0)?, second(a)?, "R")),
    ("o_lpad", -1, Nulls::Propagate, |a| pad(a, true)),
    ("o_rpad", -1, Nulls::Propagate, |a| pad(a, false)),
    ("o_ascii", 1, Nulls::Propagate, |a| Ok(number(Number::from_u64(a.text(0)?.chars().next().map_or(0, u64::from))))),
    ("o_chr", 1, Nulls::Propagate, chr),
    ("o_like", 3, Nulls::Seen, like),
    ("o_clob_text", 3, Nulls::Propagate, clob_text),
];

fn second<'a>(arguments: &Args<'a, '_>) -> Result<&'a str> {
    if arguments.len() > 1 { arguments.text(1) } else { Ok(" ") }
}

/// A CLOB as text of at most so many characters (`C`) or bytes (`B`): ORA-22835 where it is longer, nothing is cut off.
fn clob_text(arguments: &Args<'_, '_>) -> Result<Value> {
    let (value, most) = (arguments.text(0)?, arguments.integer(1)?);
    let actual = if arguments.text(2)? == "C" { value.chars().count() } else { value.len() };
    if actual as i64 > most {
        let words = "Buffer too small for CLOB to CHAR or BLOB to RAW conversion";
        return Err(OraError::new(22835, format_args!("{words} (actual: {actual}, maximum: {most})")));
    }
    Ok(text(value.to_owned()))
}

/// NULL is empty text here. Bytes (RAW) are joined as bytes.
fn concat(arguments: &Args<'_, '_>) -> Result<Value> {
    use rusqlite::types::ValueRef;
    Ok(match (arguments.raw(0), arguments.raw(1)) {
        (ValueRef::Null, other) | (other, ValueRef::Null) => super::value::owned(other),
        (ValueRef::Blob(a), ValueRef::Blob(b)) => Value::Blob([a, b].concat()),
        _ => Value::Text([arguments.text(0)?, arguments.text(1)?].concat()),
    })
}

fn length(arguments: &Args<'_, '_>) -> Result<Value> {
    let count = match arguments.raw(0) {
        rusqlite::types::ValueRef::Blob(bytes) => bytes.len(),
        _ => arguments.text(0)?.chars().count(),
    };
    Ok(number(Number::from_u64(count as u64)))
}

fn substr(arguments: &Args<'_, '_>) -> Result<Value> {
    let characters: Vec<char> = arguments.text(0)?.chars().collect();
    let position = arguments.number(1)?.trunc_scale(0)?.to_i64().unwrap_or(i64::MAX);
    let length = if arguments.len() > 2 { arguments.number(2)?.trunc_scale(0)?.to_i64().unwrap_or(i64::MAX) } else { i64::MAX };
    let count = characters.len() as i64;
    let start = match position {
        0 => 0,
        1.. => position - 1,
        _ => count.saturating_add(position),
    };
    if start < 0 || start >= count || length < 1 {
        return Ok(Value::Null);
    }
    Ok(text(characters[start as usize..].iter().take(usize::try_from(length).unwrap_or(usize::MAX)).collect::<String>()))
}

fn instr(arguments: &Args<'_, '_>) -> Result<Value> {
    let subject: Vec<char> = arguments.text(0)?.chars().collect();
    let wanted: Vec<char> = arguments.text(1)?.chars().collect();
    let position = if arguments.len() > 2 { arguments.integer(2)? } else { 1 };
    let occurrence = if arguments.len() > 3 { arguments.integer(3)? } else { 1 };
    if occurrence < 1 {
        return Err(OraError::new(1428, format_args!("argument '{occurrence}' is out of range")));
    }
    let last = subject.len() as i64 - wanted.len() as i64;
    let fits = |start: &i64| subject[*start as usize..].starts_with(&wanted);
    let nth = (occurrence - 1) as usize;
    let found = match position {
        0 => None,
        1.. => (position - 1..=last).filter(fits).nth(nth),
        _ => (0..=(subject.len() as i64 + position).min(last)).rev().filter(fits).nth(nth),
    };
    Ok(number(Number::from_i64(found.map_or(0, |start| start + 1))))
}

fn replace(arguments: &Args<'_, '_>) -> Result<Value> {
    if arguments.is_null(0) {
        return Ok(Value::Null);
    }
    let subject = arguments.text(0)?;
    if arguments.is_null(1) {
        return Ok(text(subject.to_owned()));
    }
    let with = if arguments.len() > 2 && !arguments.is_null(2) { arguments.text(2)? } else { "" };
    Ok(text(subject.replace(arguments.text(1)?, with)))
}

fn trim(subject: &str, what: &str, side: &str) -> Result<Value> {
    let cut = |character: char| what.contains(character);
    let subject = if side == "R" { subject } else { subject.trim_start_matches(cut) };
    let subject = if side == "L" { subject } else { subject.trim_end_matches(cut) };
    Ok(text(subject.to_owned()))
}

fn pad(arguments: &Args<'_, '_>, left: bool) -> Result<Value> {
    let subject: Vec<char> = arguments.text(0)?.chars().collect();
    let width = usize::try_from(arguments.number(1)?.trunc_scale(0)?.to_i64()?).unwrap_or(0).min(32_767);
    let fill = if arguments.len() > 2 { arguments.text(2)? } else { " " };
    let missing: String = fill.chars().cycle().take(width.saturating_sub(subject.len())).collect();
    let kept: String = subject.into_iter().take(width).collect();
    Ok(text(if left { missing + &kept } else { kept + &missing }))
}

fn chr(arguments: &Args<'_, '_>) -> Result<Value> {
    let code = arguments.integer(0)?;
    let character = u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(|| OraError::new(1428, format_args!("argument '{code}' is out of range")))?;
    Ok(text(character.to_string()))
}

/// LIKE: `%` any text, `_` one character, and an escape character for both.
fn like(arguments: &Args<'_, '_>) -> Result<Value> {
    if arguments.is_null(0) || arguments.is_null(1) {
        return Ok(Value::Null);
    }
    let escape = if arguments.is_null(2) { None } else { arguments.text(2)?.chars().next() };
    let mut pattern = Vec::new();
    let mut characters = arguments.text(1)?.chars();
    while let Some(character) = characters.next() {
        pattern.push(match character {
            escaped if Some(escaped) == escape => match characters.next() {
                Some(next) if next == '%' || next == '_' || Some(next) == escape => Part::One(next),
                _ => return Err(OraError::new(1424, "missing or illegal character following the escape character")),
            },
            '%' => Part::Any,
            '_' => Part::Single,
            other => Part::One(other),
        });
    }
    let subject: Vec<char> = arguments.text(0)?.chars().collect();
    Ok(Value::Integer(i64::from(matches(&subject, &pattern))))
}

enum Part {
    One(char),
    Single,
    Any,
}

fn matches(subject: &[char], pattern: &[Part]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    while at < subject.len() {
        match pattern.get(part) {
            Some(Part::Any) => {
                resume = Some((at, part));
                part += 1;
            }
            Some(Part::Single) => (at, part) = (at + 1, part + 1),
            Some(Part::One(character)) if *character == subject[at] => (at, part) = (at + 1, part + 1),
            _ => match resume {
                Some((start, any)) => {
                    resume = Some((start + 1, any));
                    (at, part) = (start + 1, any + 1);
                }
                None => return false,
            },
        }
    }
    pattern[part..].iter().all(|rest| matches!(rest, Part::Any))
}
