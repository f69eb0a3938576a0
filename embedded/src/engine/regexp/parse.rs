//! Patterns of regular expressions become instructions.

use super::super::{OraError, Result};
use super::{Inst, MOST_INSTRUCTIONS, Set};

pub(super) struct Parser {
    pub pattern: Vec<char>,
    pub at: usize,
    pub program: Vec<Inst>,
    pub groups: usize,
    /// Places of instructions whose slots come after those of all groups.
    pub loops: Vec<usize>,
    /// Groups that are not closed yet.
    pub open: Vec<usize>,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub fn alternatives(&mut self) -> Result<()> {
        let start = self.program.len();
        self.sequence()?;
        if !self.take('|') {
            return Ok(());
        }
        self.insert(start, Inst::Match);
        let jump = self.program.len();
        self.program.push(Inst::Match);
        self.alternatives()?;
        self.program[jump] = Inst::Jump(self.program.len());
        self.program[start] = Inst::Split(start + 1, jump + 1);
        Ok(())
    }

    /// Puts an instruction before others, whose targets move with them.
    fn insert(&mut self, place: usize, inst: Inst) {
        self.program.insert(place, inst);
        let moved = |target: &mut usize| *target += usize::from(*target >= place);
        for (index, inst) in self.program.iter_mut().enumerate() {
            match inst {
                _ if index == place => {}
                Inst::Split(first, second) => [first, second].into_iter().for_each(moved),
                Inst::Jump(target) => moved(target),
                _ => {}
            }
        }
        self.loops.iter_mut().for_each(moved);
    }

    fn sequence(&mut self) -> Result<()> {
        while let Some(next) = self.peek() {
            if next == '|' || (next == ')' && !self.open.is_empty()) {
                break;
            }
            let start = self.program.len();
            self.atom(next)?;
            self.quantifiers(start)?;
            if self.program.len() > MOST_INSTRUCTIONS {
                return Err(OraError::new(12733, "regular expression too long"));
            }
        }
        Ok(())
    }

    fn atom(&mut self, next: char) -> Result<()> {
        self.at += 1;
        let inst = match next {
            '(' => return self.group(),
            ')' => return Err(OraError::new(12725, "unmatched parentheses in regular expression")),
            '.' => Inst::Any,
            '^' => Inst::LineStart,
            '$' => Inst::LineEnd,
            '[' => Inst::Set(Box::new(self.set()?)),
            '\\' => self.escape()?,
            other => Inst::Char(other),
        };
        self.program.push(inst);
        Ok(())
    }

    fn group(&mut self) -> Result<()> {
        self.groups += 1;
        let group = self.groups;
        self.open.push(group);
        self.program.push(Inst::Save(group * 2));
        self.alternatives()?;
        if !self.take(')') {
            return Err(OraError::new(12725, "unmatched parentheses in regular expression"));
        }
        self.open.pop();
        self.program.push(Inst::Save(group * 2 + 1));
        Ok(())
    }

    fn escape(&mut self) -> Result<Inst> {
        let class = |is_negated, class: fn(char) -> bool| Inst::Set(Box::new(Set { is_negated, classes: vec![class], ..Set::default() }));
        let Some(next) = self.peek() else { return Ok(Inst::Char('\\')) };
        self.at += 1;
        Ok(match next {
            'd' => class(false, |c| c.is_ascii_digit()),
            'D' => class(true, |c| c.is_ascii_digit()),
            'w' => class(false, is_word),
            'W' => class(true, is_word),
            's' => class(false, char::is_whitespace),
            'S' => class(true, char::is_whitespace),
            'A' => Inst::TextStart,
            'Z' => Inst::LastLineEnd,
            'z' => Inst::TextEnd,
            '1'..='9' => {
                let group = next as usize - '0' as usize;
                if group > self.groups || self.open.contains(&group) {
                    return Err(OraError::new(12727, "invalid back reference in regular expression"));
                }
                Inst::BackReference(group)
            }
            other => Inst::Char(other),
        })
    }

    /// `[…]`, in which a backslash is itself.
    fn set(&mut self) -> Result<Set> {
        let unmatched = || OraError::new(12726, "unmatched bracket in regular expression");
        let mut set = Set { is_negated: self.take('^'), ..Set::default() };
        let mut is_first = true;
        loop {
            let next = self.peek().ok_or_else(unmatched)?;
            self.at += 1;
            match next {
                ']' if !is_first => return Ok(set),
                '[' if self.peek() == Some(':') => set.classes.push(self.named_class()?),
                '[' if matches!(self.peek(), Some('.' | '=')) => {
                    let element = self.collating_element()?;
                    set.ranges.push((element, element));
                }
                low => {
                    let is_range = self.peek() == Some('-') && self.pattern.get(self.at + 1).is_some_and(|after| *after != ']');
                    if !is_range {
                        set.ranges.push((low, low));
                    } else {
                        self.at += 1;
                        let mut high = self.peek().ok_or_else(unmatched)?;
                        self.at += 1;
                        if high == '[' && matches!(self.peek(), Some('.' | '=')) {
                            high = self.collating_element()?;
                        }
                        if high < low {
                            return Err(OraError::new(12728, "invalid range in regular expression"));
                        }
                        set.ranges.push((low, high));
                    }
                }
            }
            is_first = false;
        }
    }

    fn until(&mut self, mark: char) -> Option<String> {
        let rest = self.pattern.get(self.at + 1..)?;
        let length = rest.windows(2).position(|pair| pair == [mark, ']'])?;
        let text = rest[..length].iter().collect();
        self.at += length + 3;
        Some(text)
    }

    fn named_class(&mut self) -> Result<fn(char) -> bool> {
        let name = self.until(':').ok_or_else(|| OraError::new(12726, "unmatched bracket in regular expression"))?;
        Ok(match name.as_str() {
            "alpha" => char::is_alphabetic,
            "digit" => |c| c.is_ascii_digit(),
            "alnum" => char::is_alphanumeric,
            "lower" => char::is_lowercase,
            "upper" => char::is_uppercase,
            "space" => char::is_whitespace,
            "blank" => |c| matches!(c, ' ' | '\t'),
            "punct" => |c| c.is_ascii_punctuation(),
            "cntrl" => char::is_control,
            "print" => |c| !c.is_control(),
            "graph" => |c| !c.is_control() && !c.is_whitespace(),
            "xdigit" => |c| c.is_ascii_hexdigit(),
            _ => return Err(OraError::new(12729, "invalid character class in regular expression")),
        })
    }

    fn collating_element(&mut self) -> Result<char> {
        let mark = self.peek().unwrap_or('.');
        let text = self.until(mark).unwrap_or_default();
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(OraError::new(12731, "invalid collation class in regular expression")),
        }
    }

    fn quantifiers(&mut self, start: usize) -> Result<()> {
        loop {
            let (least, most) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => match self.bounds()? {
                    Some(bounds) => bounds,
                    None => return Ok(()),
                },
                _ => return Ok(()),
            };
            self.at += 1;
            let is_lazy = self.take('?');
            self.repeat(start, least, most, is_lazy)?;
        }
    }

    /// `{m}`, `{m,}` and `{m,n}` up to their last brace; none where the brace means itself.
    fn bounds(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let rest = &self.pattern[self.at + 1..];
        let Some(length) = rest.iter().position(|character| *character == '}') else { return Ok(None) };
        let text: String = rest[..length].iter().collect();
        let (low, high) = text.split_once(',').map_or((text.as_str(), None), |(low, high)| (low, Some(high)));
        let Ok(least) = low.parse() else { return Ok(None) };
        let most = match high {
            None => Some(least),
            Some("") => None,
            Some(high) => match high.parse() {
                Ok(most) => Some(most),
                Err(_) => return Ok(None),
            },
        };
        if most.is_some_and(|most| most < least) || least > 65_535 {
            return Err(OraError::new(12728, "invalid range in regular expression"));
        }
        self.at += length + 1;
        Ok(Some((least, most)))
    }

    fn repeat(&mut self, start: usize, least: u32, most: Option<u32>, is_lazy: bool) -> Result<()> {
        let end = self.program.len();
        let part: Vec<Inst> = self.program.split_off(start);
        let loops: Vec<usize> = self.loops.iter().copied().filter(|place| *place >= start).collect();
        self.loops.retain(|place| *place < start);
        let copies = most.unwrap_or(least.max(1)).max(least) as usize;
        if copies.saturating_mul(part.len() + 2) > MOST_INSTRUCTIONS {
            return Err(OraError::new(12733, "regular expression too long"));
        }
        let split = |first, second| if is_lazy { Inst::Split(second, first) } else { Inst::Split(first, second) };
        let append = |parser: &mut Parser| {
            let offset = parser.program.len();
            for (index, inst) in part.iter().enumerate() {
                let moved = |target: usize| target - start + offset;
                parser.program.push(match inst {
                    Inst::Split(first, second) => Inst::Split(moved(*first), moved(*second)),
                    Inst::Jump(target) => Inst::Jump(moved(*target)),
                    other => other.clone(),
                });
                if loops.contains(&(start + index)) {
                    parser.loops.push(offset + index);
                }
            }
        };
        debug_assert_eq!(end, start + part.len());
        (0..least).for_each(|_| append(self));
        match most {
            Some(most) => {
                let mut splits = Vec::new();
                for _ in least..most {
                    splits.push(self.program.len());
                    self.program.push(Inst::Match);
                    append(self);
                }
                let end = self.program.len();
                for place in splits {
                    self.program[place] = split(place + 1, end);
                }
            }
            None => {
                let (split_at, slot) = (self.program.len(), self.program.iter().filter(|inst| matches!(inst, Inst::Mark(_))).count());
                self.program.push(Inst::Match);
                self.loops.push(self.program.len());
                self.program.push(Inst::Mark(slot));
                append(self);
                self.loops.push(self.program.len());
                self.program.push(Inst::Progress(slot));
                self.program.push(Inst::Jump(split_at));
                let end = self.program.len();
                self.program[split_at] = split(split_at + 1, end);
            }
        }
        Ok(())
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
