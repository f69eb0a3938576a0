//! Less common functions on text, dates and numbers.

use rusqlite::types::Value;

use super::super::datetime::{DateTime, days_in_month};
use super::super::number::Number;
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_initcap", 1, Nulls::Propagate, initcap),
    ("o_translate", 3, Nulls::Propagate, translate),
    ("o_unistr", 1, Nulls::Propagate, unistr),
    ("o_raw_text", 1, Nulls::Propagate, raw_text),
    ("o_listagg", 1, Nulls::Propagate, listagg),
    ("o_last_day", 1, Nulls::Propagate, super::calendar::last_day),
    ("o_months_between", 2, Nulls::Propagate, months_between),
    ("o_bitand", 2, Nulls::Propagate, |a| Ok(number(Number::from_i64(a.integer(0)? & a.integer(1)?)))),
];

fn initcap(arguments: &Args<'_, '_>) -> Result<Value> {
    let mut inside = false;
    let mut out = String::new();
    for character in arguments.text(0)?.chars() {
        if inside {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        inside = character.is_alphanumeric();
    }
    Ok(text(out))
}

/// Each character of the second argument becomes the one at its place in the third, or goes.
fn translate(arguments: &Args<'_, '_>) -> Result<Value> {
    let (from, to): (Vec<char>, Vec<char>) = (arguments.text(1)?.chars().collect(), arguments.text(2)?.chars().collect());
    let change = |character: char| match from.iter().position(|known| *known == character) {
        Some(place) => to.get(place).copied(),
        None => Some(character),
    };
    Ok(text(arguments.text(0)?.chars().filter_map(change).collect::<String>()))
}

/// `\XXXX` is a UTF-16 code unit and `\\` a backslash.
fn unistr(arguments: &Args<'_, '_>) -> Result<Value> {
    let invalid = || OraError::new(30186, "'\\' must be followed by four hexdecimal characters or another '\\'");
    let mut units: Vec<u16> = Vec::new();
    let mut rest = arguments.text(0)?;
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('\\') {
            units.push(u16::from(b'\\'));
            rest = tail;
            continue;
        }
        let digits = after.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())).ok_or_else(invalid)?;
        units.push(u16::from_str_radix(digits, 16).map_err(|_| invalid())?);
        rest = &after[4..];
    }
    units.extend(rest.encode_utf16());
    String::from_utf16(&units).map(text).map_err(|_| OraError::unsupported("half of a surrogate pair in UNISTR"))
}

fn raw_text(arguments: &Args<'_, '_>) -> Result<Value> {
    let bytes = arguments.bytes(0)?;
    std::str::from_utf8(bytes).map(|value| text(value.to_owned())).map_err(|_| OraError::new(29275, "partial multibyte character"))
}

fn listagg(arguments: &Args<'_, '_>) -> Result<Value> {
    let value = arguments.text(0)?;
    if value.len() > 32_767 {
        return Err(OraError::new(1489, "result of string concatenation is too long"));
    }
    Ok(text(value.to_owned()))
}

/// Whole months between equal days and between last days of months; else the rest in 31sts of a month.
fn months_between(arguments: &Args<'_, '_>) -> Result<Value> {
    let (a, b) = (DateTime::from_stored(arguments.bytes(0)?)?, DateTime::from_stored(arguments.bytes(1)?)?);
    let months = i64::from(a.year - b.year) * 12 + i64::from(a.month) - i64::from(b.month);
    let is_last = |date: &DateTime| date.day == days_in_month(date.year, date.month);
    if a.day == b.day || (is_last(&a) && is_last(&b)) {
        return Ok(number(Number::from_i64(months)));
    }
    let seconds =
        |date: &DateTime| i64::from(date.day) * 86_400 + i64::from(date.hour) * 3600 + i64::from(date.minute) * 60 + i64::from(date.second);
    let rest = Number::from_i64(seconds(&a) - seconds(&b)).div(&Number::from_i64(31 * 86_400))?;
    Ok(number(Number::from_i64(months).add(&rest)?))
}
