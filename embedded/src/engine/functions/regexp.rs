//! REGEXP_LIKE, REGEXP_SUBSTR, REGEXP_INSTR, REGEXP_REPLACE and REGEXP_COUNT. The translator gives every argument: text, pattern, letters of flags,
//! then numbers.

use std::cell::RefCell;
use std::rc::Rc;

use rusqlite::types::Value;

use super::super::number::Number;
use super::super::regexp::{Flags, Found, Regexp};
use super::super::{OraError, Result};
use super::{Args, Body, Nulls, number, text};

pub(super) const FUNCTIONS: &[(&str, i32, Nulls, Body)] = &[
    ("o_regexp_like", 3, Nulls::Seen, like),
    ("o_regexp_count", 4, Nulls::Seen, count),
    ("o_regexp_substr", 6, Nulls::Seen, substr),
    ("o_regexp_instr", 7, Nulls::Seen, instr),
    ("o_regexp_replace", 6, Nulls::Seen, replace),
];

thread_local! {
    /// The pattern used last: a query has the same one for all rows, nearly always.
    static LAST: RefCell<Option<(String, String, Rc<Regexp>)>> = const { RefCell::new(None) };
}

/// A text with its pattern, unless one is NULL.
struct Search {
    characters: Vec<char>,
    regexp: Rc<Regexp>,
}

impl Search {
    fn new(arguments: &Args<'_, '_>) -> Result<Option<Search>> {
        if arguments.is_null(0) || arguments.is_null(1) {
            return Ok(None);
        }
        let (pattern, flags) = (arguments.text(1)?, if arguments.is_null(2) { "" } else { arguments.text(2)? });
        let known = LAST.with_borrow(|last| {
            let fits = |last: &&(String, String, Rc<Regexp>)| last.0 == pattern && last.1 == flags;
            last.as_ref().filter(fits).map(|(.., regexp)| Rc::clone(regexp))
        });
        let regexp = match known {
            Some(regexp) => regexp,
            None => {
                let made = Rc::new(Regexp::new(pattern, Flags::parse(flags)?)?);
                LAST.with_borrow_mut(|last| *last = Some((pattern.to_owned(), flags.to_owned(), Rc::clone(&made))));
                made
            }
        };
        Ok(Some(Search { characters: arguments.text(0)?.chars().collect(), regexp }))
    }

    /// Matches from a place on (1-based), each after the one before.
    fn each(&self, from: i64, found: &mut dyn FnMut(&Found) -> bool) -> Result<()> {
        let mut at = usize::try_from(from - 1).unwrap_or(usize::MAX);
        while at <= self.characters.len() {
            let Some(next) = self.regexp.find(&self.characters, at)? else { return Ok(()) };
            at = if next[1] > next[0] { next[1] } else { next[1] + 1 };
            if !found(&next) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn occurrence(&self, from: i64, wanted: i64) -> Result<Option<Found>> {
        let (mut seen, mut hit) = (0, None);
        self.each(from, &mut |found| {
            seen += 1;
            if seen == wanted {
                hit = Some(found.clone());
            }
            seen < wanted
        })?;
        Ok(hit)
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.characters.get(from..to).unwrap_or_default().iter().collect()
    }
}

/// An argument that is a number of at least `least`.
fn argument(arguments: &Args<'_, '_>, index: usize, least: i64) -> Result<i64> {
    let value = arguments.number(index)?.trunc_scale(0)?.to_i64()?;
    if value < least {
        return Err(OraError::new(1428, format_args!("argument '{value}' is out of range")));
    }
    Ok(value)
}

fn is_null(arguments: &Args<'_, '_>, numbers: std::ops::Range<usize>) -> bool {
    numbers.into_iter().any(|index| arguments.is_null(index))
}

fn like(arguments: &Args<'_, '_>) -> Result<Value> {
    let Some(search) = Search::new(arguments)? else { return Ok(Value::Null) };
    Ok(Value::Integer(search.regexp.find(&search.characters, 0)?.is_some().into()))
}

fn count(arguments: &Args<'_, '_>) -> Result<Value> {
    if is_null(arguments, 3..4) {
        return Ok(Value::Null);
    }
    let Some(search) = Search::new(arguments)? else { return Ok(Value::Null) };
    let mut found = 0;
    search.each(argument(arguments, 3, 1)?, &mut |_| {
        found += 1;
        true
    })?;
    Ok(number(Number::from_i64(found)))
}

fn substr(arguments: &Args<'_, '_>) -> Result<Value> {
    if is_null(arguments, 3..6) {
        return Ok(Value::Null);
    }
    let Some(search) = Search::new(arguments)? else { return Ok(Value::Null) };
    let (from, wanted, group) = (argument(arguments, 3, 1)?, argument(arguments, 4, 1)?, argument(arguments, 5, 0)? as usize);
    let Some(found) = search.occurrence(from, wanted)? else { return Ok(Value::Null) };
    if group > search.regexp.groups || found[group * 2 + 1] == usize::MAX {
        return Ok(Value::Null);
    }
    Ok(text(search.text(found[group * 2], found[group * 2 + 1])))
}

fn instr(arguments: &Args<'_, '_>) -> Result<Value> {
    if is_null(arguments, 3..7) {
        return Ok(Value::Null);
    }
    let Some(search) = Search::new(arguments)? else { return Ok(Value::Null) };
    let (from, wanted, after) = (argument(arguments, 3, 1)?, argument(arguments, 4, 1)?, argument(arguments, 5, 0)?);
    let group = argument(arguments, 6, 0)? as usize;
    let place = match search.occurrence(from, wanted)? {
        Some(found) if group <= search.regexp.groups && found[group * 2 + 1] != usize::MAX => {
            found[group * 2 + usize::from(after > 0)] as i64 + 1
        }
        _ => 0,
    };
    Ok(number(Number::from_i64(place)))
}

/// A NULL pattern replaces nothing, a NULL replacement is empty.
fn replace(arguments: &Args<'_, '_>) -> Result<Value> {
    if is_null(arguments, 4..6) {
        return Ok(Value::Null);
    }
    let Some(search) = Search::new(arguments)? else {
        return Ok(if arguments.is_null(0) { Value::Null } else { text(arguments.text(0)?.to_owned()) });
    };
    let replacement: Vec<char> = if arguments.is_null(3) { Vec::new() } else { arguments.text(3)?.chars().collect() };
    let (from, wanted) = (argument(arguments, 4, 1)?, argument(arguments, 5, 0)?);
    let (mut made, mut copied, mut seen) = (String::new(), 0, 0);
    search.each(from, &mut |found| {
        seen += 1;
        if wanted == 0 || seen == wanted {
            made.push_str(&search.text(copied, found[0]));
            push_replacement(&mut made, &replacement, found, &search);
            copied = found[1];
        }
        wanted == 0 || seen < wanted
    })?;
    made.push_str(&search.text(copied, search.characters.len()));
    Ok(text(made))
}

/// `\1` to `\9` are what the groups took; a backslash before anything else is itself.
fn push_replacement(made: &mut String, replacement: &[char], found: &Found, search: &Search) {
    let mut at = 0;
    while let Some(character) = replacement.get(at) {
        let group = replacement.get(at + 1).and_then(|next| next.to_digit(10)).filter(|group| *group > 0);
        match (character, group, replacement.get(at + 1)) {
            ('\\', Some(group), _) => {
                let group = group as usize;
                if group <= search.regexp.groups && found[group * 2 + 1] != usize::MAX {
                    made.push_str(&search.text(found[group * 2], found[group * 2 + 1]));
                }
                at += 2;
            }
            ('\\', None, Some('\\')) => {
                made.push('\\');
                at += 2;
            }
            _ => {
                made.push(*character);
                at += 1;
            }
        }
    }
}
