//! Regular expressions as Oracle has them: POSIX extended ones, with back references, the classes `\d \w \s`, `\A \Z \z` and quantifiers that take as little
//! as they can. Alternatives are tried from left to right.

use super::{OraError, Result};

mod parse;

use parse::Parser;

/// Steps after which a match is given up.
const MOST_STEPS: u64 = 20_000_000;
/// Instructions of an expression.
const MOST_INSTRUCTIONS: usize = 50_000;

#[derive(Debug, Clone)]
enum Inst {
    Char(char),
    Any,
    Set(Box<Set>),
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    LastLineEnd,
    Save(usize),
    /// The first is tried first.
    Split(usize, usize),
    Jump(usize),
    BackReference(usize),
    /// Notes the place where a turn of a loop begins, and ends the loop where the turn took nothing.
    Mark(usize),
    Progress(usize),
    Match,
}

#[derive(Debug, Clone, Default)]
struct Set {
    is_negated: bool,
    ranges: Vec<(char, char)>,
    classes: Vec<fn(char) -> bool>,
}

impl Set {
    fn has(&self, character: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&character)) || self.classes.iter().any(|class| class(character))
    }
}

/// What letters after the pattern ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags {
    ignore_case: bool,
    dot_is_newline: bool,
    lines: bool,
    skip_blanks: bool,
}

impl Flags {
    /// # Errors
    /// ORA-01760 for letters that mean nothing.
    pub fn parse(text: &str) -> Result<Flags> {
        let mut flags = Flags { ignore_case: false, dot_is_newline: false, lines: false, skip_blanks: false };
        for letter in text.chars() {
            match letter {
                'i' => flags.ignore_case = true,
                'c' => flags.ignore_case = false,
                'n' => flags.dot_is_newline = true,
                'm' => flags.lines = true,
                'x' => flags.skip_blanks = true,
                _ => return Err(OraError::new(1760, "illegal argument for function")),
            }
        }
        Ok(flags)
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Regexp {
    program: Vec<Inst>,
    /// Places that a match notes: two of each group, the whole being the first, then those of loops.
    slots: usize,
    pub groups: usize,
    flags: Flags,
}

/// The places of a match and its groups, in characters; `usize::MAX` for a group that took no part.
pub(super) type Found = Vec<usize>;

impl Regexp {
    /// # Errors
    /// ORA-12725 and its kin for a pattern that is none.
    pub fn new(pattern: &str, flags: Flags) -> Result<Regexp> {
        let characters = pattern.chars().filter(|character| !(flags.skip_blanks && character.is_whitespace())).collect();
        let mut parser = Parser { pattern: characters, at: 0, program: Vec::new(), groups: 0, loops: Vec::new(), open: Vec::new() };
        parser.program.push(Inst::Save(0));
        parser.alternatives()?;
        if parser.at < parser.pattern.len() {
            return Err(OraError::new(12725, "unmatched parentheses in regular expression"));
        }
        parser.program.extend([Inst::Save(1), Inst::Match]);
        let base = (parser.groups + 1) * 2;
        for place in parser.loops {
            if let Inst::Mark(slot) | Inst::Progress(slot) = &mut parser.program[place] {
                *slot += base;
            }
        }
        let loops = parser.program.iter().filter(|inst| matches!(inst, Inst::Mark(_))).count();
        Ok(Regexp { program: parser.program, slots: base + loops, groups: parser.groups, flags })
    }

    /// The first match at or after a place.
    ///
    /// # Errors
    /// ORA-03001 for one that would take too long to find.
    pub fn find(&self, text: &[char], from: usize) -> Result<Option<Found>> {
        let mut steps = 0;
        for start in from..=text.len() {
            if let Some(found) = self.matches_at(text, start, &mut steps)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn matches_at(&self, text: &[char], start: usize, steps: &mut u64) -> Result<Option<Found>> {
        let mut others: Vec<(usize, usize, Vec<usize>)> = Vec::new();
        let (mut at, mut place, mut slots) = (0, start, vec![usize::MAX; self.slots]);
        loop {
            *steps += 1;
            if *steps > MOST_STEPS {
                return Err(OraError::unsupported("a regular expression that takes so long to match"));
            }
            let goes_on = match &self.program[at] {
                Inst::Match => return Ok(Some(slots)),
                Inst::Save(slot) | Inst::Mark(slot) => {
                    slots[*slot] = place;
                    true
                }
                Inst::Progress(slot) => slots[*slot] != place,
                Inst::Jump(to) => {
                    at = *to;
                    continue;
                }
                Inst::Split(first, second) => {
                    others.push((*second, place, slots.clone()));
                    at = *first;
                    continue;
                }
                Inst::BackReference(group) => match self.referred(text, place, &slots, *group) {
                    Some(length) => {
                        place += length;
                        true
                    }
                    None => false,
                },
                assertion => match self.takes(assertion, text, place) {
                    Some(length) => {
                        place += length;
                        true
                    }
                    None => false,
                },
            };
            if goes_on {
                at += 1;
            } else if let Some(other) = others.pop() {
                (at, place, slots) = other;
            } else {
                return Ok(None);
            }
        }
    }

    /// How many characters an instruction takes here; none where it does not fit.
    fn takes(&self, inst: &Inst, text: &[char], place: usize) -> Option<usize> {
        let next = text.get(place).copied();
        let at_line_start = || self.flags.lines && place > 0 && text[place - 1] == '\n';
        let fits = match inst {
            Inst::LineStart => return (place == 0 || at_line_start()).then_some(0),
            Inst::LineEnd => return (place == text.len() || (self.flags.lines && next == Some('\n'))).then_some(0),
            Inst::TextStart => return (place == 0).then_some(0),
            Inst::TextEnd => return (place == text.len()).then_some(0),
            Inst::LastLineEnd => return (place == text.len() || (place + 1 == text.len() && next == Some('\n'))).then_some(0),
            Inst::Char(wanted) => same(*wanted, next?, self.flags.ignore_case),
            Inst::Any => self.flags.dot_is_newline || next? != '\n',
            Inst::Set(set) => {
                let character = next?;
                let both = self.flags.ignore_case && (set.has(lower(character)) || set.has(upper(character)));
                (set.has(character) || both) != set.is_negated
            }
            _ => false,
        };
        (fits && next.is_some()).then_some(1)
    }

    fn referred(&self, text: &[char], place: usize, slots: &[usize], group: usize) -> Option<usize> {
        let (from, to) = (slots[group * 2], slots[group * 2 + 1]);
        let wanted = text.get(from..to)?;
        let given = text.get(place..place + wanted.len())?;
        wanted.iter().zip(given).all(|(a, b)| same(*a, *b, self.flags.ignore_case)).then_some(wanted.len())
    }
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

fn upper(character: char) -> char {
    character.to_uppercase().next().unwrap_or(character)
}

fn same(a: char, b: char, ignore_case: bool) -> bool {
    a == b || (ignore_case && lower(a) == lower(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str, flags: &str) -> Option<String> {
        let characters: Vec<char> = text.chars().collect();
        let regexp = Regexp::new(pattern, Flags::parse(flags).unwrap()).unwrap();
        regexp.find(&characters, 0).unwrap().map(|found| characters[found[0]..found[1]].iter().collect())
    }

    #[test]
    fn patterns_match_as_oracles_do() {
        for (pattern, text, flags, expected) in [
            ("a|ab|abc", "abcd", "", Some("a")),
            ("(a|ab)(c|bcd)(d*)", "abcd", "", Some("abcd")),
            ("x|b|cd|c", "acd", "", Some("cd")),
            ("[^,]+", ",,ab,c", "", Some("ab")),
            ("a.c", "a\nc", "", None),
            ("a.c", "a\nc", "n", Some("a\nc")),
            ("^b", "a\nb", "", None),
            ("^b$", "a\nb\nc", "m", Some("b")),
            ("[[:alpha:]_]+[0-9]{2,3}", "1ab_1234", "", Some("ab_123")),
            ("a{2}", "aaa", "", Some("aa")),
            ("(ab){2,}?", "ababab", "", Some("abab")),
            ("a+?", "aaa", "", Some("a")),
            ("(.)\\1", "abccd", "", Some("cc")),
            ("ÄB", "xäb", "i", Some("äb")),
            ("[a-c]+", "xABC", "i", Some("ABC")),
            ("[]a]+", "x]a]", "", Some("]a]")),
            ("[^]a]", "]ab", "", Some("b")),
            ("[a-]+", "b-a", "", Some("-a")),
            ("[\\d]+", "1\\d", "", Some("\\d")),
            ("\\d+\\s\\w", "x12 y", "", Some("12 y")),
            ("(a*)*b", "aaab", "", Some("aaab")),
            ("(a*)+", "b", "", Some("")),
            ("(a|b*)*c", "abbac", "", Some("abbac")),
            ("a b", "ab", "x", Some("ab")),
            ("a{,2}", "a{,2}", "", Some("a{,2}")),
            ("[[.-.]]", "a-b", "", Some("-")),
            ("a\\.b", "axb a.b", "", Some("a.b")),
            ("b\\Z", "ab\n", "", Some("b")),
            ("b\\z", "ab\n", "", None),
            ("(a(b)?)+", "aba", "", Some("aba")),
            ("(x|y|z|w)+v", "xyzwv", "", Some("xyzwv")),
            ("(foo|bar){2}", "foobar", "", Some("foobar")),
            ("((a|b){1,2}c)*d", "abcacbd", "", Some("d")),
        ] {
            assert_eq!(found(pattern, text, flags).as_deref(), expected, "{pattern} in {text}");
        }
        for (pattern, code) in
            [("(a", 12725), ("a)", 12725), ("[a", 12726), ("\\1", 12727), ("[b-a]", 12728), ("a{2,1}", 12728), ("[[:no:]]", 12729)]
        {
            assert_eq!(Regexp::new(pattern, Flags::parse("").unwrap()).unwrap_err().code, code, "{pattern}");
        }
        assert_eq!(Flags::parse("q").unwrap_err().code, 1760);
        let slow = Regexp::new("(a+)+$", Flags::parse("").unwrap()).unwrap();
        let text: Vec<char> = "a".repeat(40).chars().chain(['b']).collect();
        assert_eq!(slow.find(&text, 0).unwrap_err().code, 3001);
    }
}
