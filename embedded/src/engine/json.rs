//! JSON text: whether it is that, and the form in which a JSON column keeps it.
//!
//! Insignificant blanks go, names and strings are written with as few escapes as JSON allows, the order of names and the digits of numbers stay as
//! they were. Depth as Oracle limits it.

use super::{OraError, Result};

/// Deepest nesting that Oracle takes.
const MOST_LEVELS: usize = 1024;

/// Which text is JSON: that of RFC 8259, or with the liberties of Oracle's lax syntax (names without quotes, single quotes, a comma before a
/// closing bracket, keywords in any case, `+1`, `.5`, `01`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Strict,
    Lax,
}

/// What the outermost value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Scalar,
}

/// JSON text that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Json {
    /// The text in the form that is stored.
    pub text: String,
    pub kind: Kind,
    /// A name that an object has twice.
    pub duplicate: Option<String>,
    /// Whether a string holds half of a surrogate pair, which has no form in UTF-8.
    has_half_pair: bool,
}

/// Reads JSON text; none where it is not JSON.
pub(crate) fn read(text: &str, syntax: Syntax) -> Option<Json> {
    let mut reader = Reader { rest: text, syntax, out: String::with_capacity(text.len()), duplicate: None, has_half_pair: false, depth: 0 };
    reader.blanks();
    let kind = match reader.rest.as_bytes().first()? {
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        _ => Kind::Scalar,
    };
    reader.value()?;
    reader.blanks();
    let Reader { rest, out, duplicate, has_half_pair, .. } = reader;
    rest.is_empty().then_some(Json { text: out, kind, duplicate, has_half_pair })
}

/// The form in which a JSON column keeps `text`.
///
/// # Errors
/// ORA-40441 for what is no JSON; ORA-03001 for a name that an object has twice (a server keeps one of them).
pub(crate) fn stored(text: &str) -> Result<String> {
    let json = read(text, Syntax::Lax).ok_or_else(|| OraError::new(40441, "JSON syntax error"))?;
    if let Some(name) = json.duplicate {
        return Err(OraError::unsupported(format_args!("JSON that has the name \"{name}\" twice in one object")));
    }
    if json.has_half_pair {
        return Err(OraError::unsupported("JSON with half of a surrogate pair"));
    }
    Ok(json.text)
}

struct Reader<'t> {
    rest: &'t str,
    syntax: Syntax,
    out: String,
    duplicate: Option<String>,
    has_half_pair: bool,
    depth: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The next word of letters, digits and what else a name may have.
    fn word(&mut self) -> &str {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn value(&mut self) -> Option<()> {
        self.blanks();
        match self.rest.chars().next()? {
            '{' => self.nested('{', '}', Self::member),
            '[' => self.nested('[', ']', Self::value),
            quote @ ('"' | '\'') => {
                let text = self.string(quote)?;
                push_string(&mut self.out, &text);
                Some(())
            }
            c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            _ => {
                let is_lax = self.syntax == Syntax::Lax;
                let word = self.word();
                let known = ["true", "false", "null"].into_iter();
                let found = known
                    .clone()
                    .find(|known| word == *known)
                    .or_else(|| known.clone().find(|k| is_lax && word.eq_ignore_ascii_case(k)))?;
                self.out.push_str(found);
                Some(())
            }
        }
    }

    /// Items between brackets.
    fn nested(&mut self, open: char, close: char, item: fn(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > MOST_LEVELS {
            return None;
        }
        let _ = self.take(open);
        self.out.push(open);
        self.blanks();
        let mut names = Vec::new();
        let mut first = true;
        while !self.take(close) {
            if !first {
                if !self.take(',') {
                    return None;
                }
                self.blanks();
                if self.syntax == Syntax::Lax && self.take(close) {
                    break;
                }
                self.out.push(',');
            }
            first = false;
            let start = self.out.len();
            item(self)?;
            names.push(start);
            self.blanks();
        }
        if open == '{' {
            self.note_duplicate(&names);
        }
        self.out.push(close);
        self.depth -= 1;
        Some(())
    }

    /// Remembers a name that comes twice among the members that begin at these places.
    fn note_duplicate(&mut self, members: &[usize]) {
        if self.duplicate.is_some() || members.len() < 2 {
            return;
        }
        let mut names: Vec<&str> = members.iter().map(|start| name_at(&self.out[*start..])).collect();
        names.sort_unstable();
        self.duplicate = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].trim_matches('"').to_owned());
    }

    fn member(&mut self) -> Option<()> {
        self.blanks();
        let name = match self.rest.chars().next()? {
            quote @ ('"' | '\'') => self.string(quote)?,
            c if self.syntax == Syntax::Lax && (c.is_alphabetic() || matches!(c, '_' | '$')) => self.word().to_owned(),
            _ => return None,
        };
        push_string(&mut self.out, &name);
        self.blanks();
        if !self.take(':') {
            return None;
        }
        self.out.push(':');
        self.value()
    }

    fn string(&mut self, quote: char) -> Option<String> {
        if quote == '\'' && self.syntax == Syntax::Strict {
            return None;
        }
        let _ = self.take(quote);
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next()? {
                c if c == quote => break,
                '\\' => match characters.next()? {
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    'u' => {
                        let unit = hex4(&mut characters)?;
                        self.has_half_pair |= push_unit(&mut text, unit, &mut characters);
                    }
                    c @ ('"' | '\\' | '/') => text.push(c),
                    '\'' if quote == '\'' => text.push('\''),
                    _ => return None,
                },
                c if (c as u32) < 0x20 => return None,
                c => text.push(c),
            }
        }
        self.rest = characters.as_str();
        Some(text)
    }

    fn number(&mut self) -> Option<()> {
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'))).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        if is_number(token) {
            self.out.push_str(token);
            return Some(());
        }
        if self.syntax == Syntax::Strict {
            return None;
        }
        // What lax syntax lets through besides is written as strict syntax has it.
        let (sign, digits) = token.strip_prefix('-').map_or(("", token.strip_prefix('+').unwrap_or(token)), |digits| ("-", digits));
        let whole = digits.find(['.', 'e', 'E']).unwrap_or(digits.len());
        let (whole, tail) = digits.split_at(whole);
        let whole = whole.trim_start_matches('0');
        let fixed = format!("{sign}{}{tail}", if whole.is_empty() { "0" } else { whole });
        let fixed = fixed.strip_suffix('.').map_or(fixed.clone(), str::to_owned);
        (digits.bytes().any(|byte| byte.is_ascii_digit()) && is_number(&fixed)).then(|| self.out.push_str(&fixed))
    }
}

/// The quoted name that a member begins with.
fn name_at(member: &str) -> &str {
    let mut is_escaped = false;
    let end = member.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    end.map_or(member, |(end, _)| &member[..=end])
}

fn hex4(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value * 16 + characters.next()?.to_digit(16)?))
}

/// Pushes a UTF-16 unit with the other half of its pair; true when there is none.
fn push_unit(text: &mut String, unit: u32, characters: &mut std::str::Chars<'_>) -> bool {
    if let Some(character) = char::from_u32(unit) {
        text.push(character);
        return false;
    }
    let mut ahead = characters.clone();
    let low = (ahead.next() == Some('\\') && ahead.next() == Some('u')).then(|| hex4(&mut ahead)).flatten();
    match low.filter(|low| unit < 0xdc00 && (0xdc00..0xe000).contains(low)) {
        Some(low) => {
            text.extend(char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
            *characters = ahead;
            false
        }
        None => {
            text.push('\u{fffd}');
            true
        }
    }
}

/// A number of RFC 8259.
fn is_number(token: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = token.strip_prefix('-').unwrap_or(token);
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

fn push_string(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if (c as u32) < 0x20 => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_json_has_no_blanks_and_keeps_what_it_says() {
        for (text, expected) in [
            (" { \"b\" : [ 1 , 2.50 , -0 , 1E+5 ] , \"a\" : null } ", "{\"b\":[1,2.50,-0,1E+5],\"a\":null}"),
            ("\"\\u00e4\\/\\ud83d\\ude00\\n\\u0001\"", "\"ä/😀\\n\\u0001\""),
            ("[]", "[]"),
            ("{}", "{}"),
            ("true", "true"),
            // Lax syntax becomes strict.
            ("{a:'x\"y', $b_1:TRUE,}", "{\"a\":\"x\\\"y\",\"$b_1\":true}"),
            ("[+1,.5,007,1.]", "[1,0.5,7,1]"),
        ] {
            assert_eq!(stored(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(stored(expected).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "  ", "{", "[1,,2]", "{\"a\"}", "nul", "\"a", "1 2", "{\"a\":1}}", "[1e]", "+", "\"\t\"", "{1:2}", "'a"] {
            assert_eq!(stored(text).unwrap_err().message, "ORA-40441: JSON syntax error", "{text}");
        }
        assert_eq!(stored(&format!("{}{}", "[".repeat(1025), "]".repeat(1025))).unwrap_err().code, 40441);
        assert!(stored(&format!("{}{}", "[".repeat(1024), "]".repeat(1024))).is_ok());
        for text in ["{\"a\":1,\"b\":{\"a\":2},\"a\":3}", "[\"\\ud800\"]"] {
            assert_eq!(stored(text).unwrap_err().code, 3001, "{text}");
        }
        assert!(stored("{\"a\":1,\"b\":{\"a\":2}}").is_ok());
    }

    #[test]
    fn strict_syntax_takes_no_liberties() {
        for text in ["{a:1}", "['x']", "[1,]", "TRUE", "[+1]", "[.5]", "[01]"] {
            assert!(read(text, Syntax::Lax).is_some(), "{text}");
            assert!(read(text, Syntax::Strict).is_none(), "{text}");
        }
        assert_eq!(read("[1]", Syntax::Strict).map(|json| json.kind), Some(Kind::Array));
        assert_eq!(read("{\"x\":0,\"x\":1}", Syntax::Strict).and_then(|json| json.duplicate).as_deref(), Some("x"));
    }
}
