//! Parser of IF, loops, EXECUTE IMMEDIATE and SELECT INTO.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::types::DataType;
use super::super::{OraError, Result, parse};
use super::{Action, BlockParser};

impl BlockParser<'_> {
    pub(super) fn condition(&mut self) -> Result<Action> {
        self.expect("IF")?;
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let test = self.test_until(&["THEN"], &[])?;
            self.expect("THEN")?;
            branches.push((test, self.steps(&["ELSIF", "ELSE", "END"])?));
            if self.reader.take("ELSIF") {
                continue;
            }
            if self.reader.take("ELSE") {
                otherwise = self.steps(&["END"])?;
            }
            self.expect("END IF")?;
            return Ok(Action::If { branches, otherwise });
        }
    }

    pub(super) fn for_loop(&mut self) -> Result<Action> {
        self.expect("FOR")?;
        let name = self.reader.identifier().map_err(|_| self.unexpected())?;
        self.expect("IN")?;
        let reverse = self.reader.take("REVERSE");
        let start = self.reader.offset();
        let tokens = self.tokens_until(&["LOOP"], &[]);
        let split = range_split(&tokens).ok_or_else(|| OraError::unsupported("FOR over a cursor").at(Some(start)))?;
        let (low, high) = (self.value_of(split.0)?, self.value_of(split.1)?);
        self.expect("LOOP")?;
        let seen = self.visible.len();
        let variable = self.declare(name, DataType::NUMBER);
        let body = self.steps(&["END"])?;
        self.expect("END LOOP")?;
        self.visible.truncate(seen);
        Ok(Action::For { variable, reverse, low, high, body })
    }

    pub(super) fn plain_loop(&mut self) -> Result<Action> {
        let condition = if self.reader.take("WHILE") { Some(self.test_until(&["LOOP"], &[])?) } else { None };
        self.expect("LOOP")?;
        let body = self.steps(&["END"])?;
        self.expect("END LOOP")?;
        Ok(Action::Loop { condition, body })
    }

    pub(super) fn immediate(&mut self) -> Result<Action> {
        self.expect("EXECUTE IMMEDIATE")?;
        let text = self.value_until(&["USING", "INTO", "RETURNING", "BULK"], &[Token::SemiColon])?;
        let mut using = Vec::new();
        if self.reader.take("USING") {
            loop {
                using.push(self.value_until(&["INTO"], &[Token::Comma, Token::SemiColon])?);
                if !self.reader.take_token(&Token::Comma) {
                    break;
                }
            }
        }
        match self.reader.peek_word() {
            Some(word) => Err(OraError::unsupported(format_args!("{word} in EXECUTE IMMEDIATE")).at(Some(self.reader.offset()))),
            None => Ok(Action::Immediate { text, using }),
        }
    }

    /// `SELECT list INTO targets FROM …`.
    pub(super) fn select_into(&mut self) -> Result<Action> {
        let mut tokens = self.tokens_until(&["INTO"], &[Token::SemiColon]);
        self.expect("INTO")?;
        let mut targets = Vec::new();
        loop {
            targets.push(match self.reader.peek().cloned() {
                Some(Token::Placeholder(name)) => {
                    self.reader.next();
                    self.bind_target(&name)?
                }
                _ => {
                    let name = self.reader.object_name().map_err(|_| self.unexpected())?;
                    self.local_target(&name)?
                }
            });
            if !self.reader.take_token(&Token::Comma) {
                break;
            }
        }
        tokens.extend(self.tokens_until(&[], &[Token::SemiColon]));
        let query = self.inner(parse::from_tokens(self.sql, tokens)?);
        Ok(Action::Select { query: Box::new(query), targets })
    }
}

/// The tokens before and after `..`, which the tokenizer joins with the digits around it.
fn range_split(tokens: &[TokenWithSpan]) -> Option<(Vec<TokenWithSpan>, Vec<TokenWithSpan>)> {
    let number = |text: &str, span| TokenWithSpan { token: Token::Number(text.into(), false), span };
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map(|next| &next.token);
        match (&token.token, next) {
            (Token::Period, Some(Token::Period)) => return Some((tokens[..index].to_vec(), tokens[index + 2..].to_vec())),
            // `1..10` is read as `1.` and `.10`.
            (Token::Number(low, false), Some(Token::Number(high, false))) if low.ends_with('.') && high.starts_with('.') => {
                let mut left = tokens[..index].to_vec();
                left.push(number(low.trim_end_matches('.'), token.span));
                let mut right = vec![number(high.trim_start_matches('.'), token.span)];
                right.extend_from_slice(&tokens[index + 2..]);
                return Some((left, right));
            }
            // `1..n` is read as `1.` and `.`.
            (Token::Number(low, false), Some(Token::Period)) if low.ends_with('.') => {
                let mut left = tokens[..index].to_vec();
                left.push(number(low.trim_end_matches('.'), token.span));
                return Some((left, tokens[index + 2..].to_vec()));
            }
            // `a..10` is read as `a`, `.` and `.10`.
            (Token::Period, Some(Token::Number(high, false))) if high.starts_with('.') => {
                let mut right = vec![number(high.trim_start_matches('.'), token.span)];
                right.extend_from_slice(&tokens[index + 2..]);
                return Some((tokens[..index].to_vec(), right));
            }
            _ => {}
        }
    }
    None
}
