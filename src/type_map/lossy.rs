//! The losses that a user may ask for by name; without them a value is exact or refused.

use std::fmt;
use std::str::FromStr;

/// A loss that the user may ask for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossyKind {
    /// An empty text or binary value is stored as NULL, which is what Oracle does with it.
    EmptyText,
    /// Digits beyond the column's scale or precision are rounded away, by the database or to the nearest BINARY_FLOAT.
    Rounding,
    /// Fractions of a second that the column does not hold are cut off.
    SubSecond,
    /// The zone is dropped, and a region's name is where there is one; the instant is kept in UTC.
    Zone,
    /// Text beyond ASCII is converted by a database that is not a Unicode one: what its character set lacks is replaced.
    Charset,
    /// Dates before 1582-10-15 keep their name (year, month, day) instead of their day: Oracle's calendar is the Julian one there, Arrow's the
    /// Gregorian.
    Calendar,
    /// Text and binary values that are longer than their column are cut off, text between two characters. Never the value of a key.
    Truncation,
}

impl LossyKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [LossyKind; 7] = [
        LossyKind::EmptyText,
        LossyKind::Rounding,
        LossyKind::SubSecond,
        LossyKind::Zone,
        LossyKind::Charset,
        LossyKind::Calendar,
        LossyKind::Truncation,
    ];

    /// Those by which two values become one: of a key they would give a row the place of another, or take it away.
    pub(crate) const OF_NO_KEY: [LossyKind; 4] = [LossyKind::Rounding, LossyKind::SubSecond, LossyKind::Charset, LossyKind::Truncation];

    /// As `--lossy` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            LossyKind::EmptyText => "empty-text",
            LossyKind::Rounding => "rounding",
            LossyKind::SubSecond => "subsecond",
            LossyKind::Zone => "zone",
            LossyKind::Charset => "charset",
            LossyKind::Calendar => "calendar",
            LossyKind::Truncation => "truncate",
        }
    }
}

impl fmt::Display for LossyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The losses that were asked for; none by default. Parses `empty-text,rounding,subsecond,zone,charset,calendar,truncate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct LossySet(u8);

impl LossySet {
    /// Nothing may be lost.
    pub const NONE: LossySet = LossySet(0);
    /// Every kind.
    pub const ALL: LossySet = LossySet(0b111_1111);

    /// Is this kind allowed?
    pub const fn allows(self, kind: LossyKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// The set with one kind more.
    pub const fn with(self, kind: LossyKind) -> LossySet {
        LossySet(self.0 | 1 << kind as u8)
    }

    /// The set with one kind less.
    pub const fn without(self, kind: LossyKind) -> LossySet {
        LossySet(self.0 & !(1 << kind as u8))
    }

    /// What of it may happen to a key: nothing that makes one key of two. An empty text is NULL, which is none; an instant stays one in any zone.
    pub(crate) const fn of_keys(self) -> LossySet {
        let mut set = self;
        let mut index = 0;
        while index < LossyKind::OF_NO_KEY.len() {
            set = set.without(LossyKind::OF_NO_KEY[index]);
            index += 1;
        }
        set
    }
}

impl FromStr for LossySet {
    type Err = String;

    /// Comma-separated names; the error names the wrong one and all right ones.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).try_fold(LossySet::NONE, |set, name| {
            LossyKind::ALL
                .into_iter()
                .find(|kind| kind.name() == name)
                .map(|kind| set.with(kind))
                .ok_or_else(|| format!("unknown loss '{name}', expected one of {}", LossyKind::ALL.map(LossyKind::name).join(", ")))
        })
    }
}

impl fmt::Display for LossySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = LossyKind::ALL.into_iter().filter(|&kind| self.allows(kind)).map(LossyKind::name).collect();
        f.write_str(&names.join(","))
    }
}

/// Advice about a value of a key: what would lose something of it does not help.
pub(crate) fn remedy_for_key(remedy: String) -> String {
    let lossy = LossyKind::OF_NO_KEY.into_iter().find(|kind| remedy.contains(&format!("--lossy {kind}")));
    match lossy.filter(|_| !remedy.contains("no keys")) {
        Some(kind) => format!("{remedy}; of a key nothing is lost whatever is allowed: --lossy {kind} is for the other columns"),
        None => remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossy_names_parse_and_print() {
        assert_eq!("".parse(), Ok(LossySet::NONE));
        assert_eq!("empty-text, rounding,subsecond,zone,charset,calendar,truncate".parse(), Ok(LossySet::ALL));
        assert_eq!(LossySet::ALL.without(LossyKind::Truncation).to_string(), "empty-text,rounding,subsecond,zone,charset,calendar");
        assert_eq!("zone,rounding".parse::<LossySet>().unwrap().to_string(), "rounding,zone");
        assert_eq!(LossySet::ALL.of_keys().to_string(), "empty-text,zone,calendar");
        assert!(!LossySet::NONE.with(LossyKind::Zone).allows(LossyKind::SubSecond));
        assert!("zone,rouding".parse::<LossySet>().unwrap_err().contains("'rouding'"));
    }
}
