//! Commands that messages name, as a shell takes them; what is in brackets behind them is to be added by hand.

use std::fmt;

use arrow::datatypes::DataType;

use crate::type_map::{LossySet, spell_arrow_type};

/// `olbridge copy …`.
pub(super) struct CommandLine(String);

impl CommandLine {
    /// From one to the other.
    pub fn copy<'a>(operands: impl IntoIterator<Item = &'a str>) -> CommandLine {
        operands.into_iter().fold(CommandLine("olbridge copy".into()), CommandLine::word)
    }

    /// `olbridge delta alter LOCATION`.
    #[cfg(feature = "delta")]
    pub fn alter(location: &str) -> CommandLine {
        CommandLine("olbridge delta alter".into()).word(location)
    }

    fn word(mut self, text: &str) -> CommandLine {
        self.0.push(' ');
        self.0 += &quoted(text);
        self
    }

    /// An option without a value, where it is given.
    pub fn flag(self, name: &str, is_given: bool) -> CommandLine {
        if is_given { self.word(name) } else { self }
    }

    /// An option with its value, where there is one.
    pub fn option<'a>(self, name: &str, value: impl Into<Option<&'a str>>) -> CommandLine {
        match value.into() {
            // It would be taken for an option.
            Some(value) if value.starts_with('-') => self.word(&format!("{name}={value}")),
            Some(value) => self.word(name).word(value),
            None => self,
        }
    }

    /// An option of several names, where there are any.
    pub fn list(self, name: &str, values: &[String]) -> CommandLine {
        if values.is_empty() { self } else { self.option(name, &*values.join(",")) }
    }

    /// An option that is repeated, `NAME=VALUE`.
    pub fn pairs<'a>(self, name: &str, pairs: impl IntoIterator<Item = (&'a str, String)>) -> CommandLine {
        pairs.into_iter().fold(self, |line, (key, value)| line.option(name, &*format!("{key}={value}")))
    }

    /// `--as`.
    pub fn types(self, types: &[(String, DataType)]) -> CommandLine {
        self.pairs("--as", types.iter().filter_map(|(column, data_type)| Some((column.as_str(), spell_arrow_type(data_type)?))))
    }

    /// `--lossy`.
    pub fn lossy(self, lossy: LossySet) -> CommandLine {
        if lossy == LossySet::NONE { self } else { self.option("--lossy", &*lossy.to_string()) }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word that a shell takes as it is.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        let line = CommandLine::copy(["embedded:a.db/T", "delta:my lake/t"])
            .option("--where", "name <> 'it''s' and x > $y")
            .option("--columns", None)
            .list("--key", &["a".into(), "b".into()])
            .flag("--trim-char", true)
            .flag("--soft-delete", false)
            .types(&[("N".into(), DataType::Decimal128(9, 2))])
            .lossy("rounding,zone".parse().unwrap());
        assert_eq!(
            line.to_string(),
            r"olbridge copy embedded:a.db/T 'delta:my lake/t' --where 'name <> '\''it'\'''\''s'\'' and x > $y' --key a,b --trim-char --as 'N=decimal(9,2)' --lossy rounding,zone"
        );
    }
}
