//! Parser of IF, loops, EXECUTE IMMEDIATE and SELECT INTO.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::types::DataType;
use super::super::{OraError, Result, parse};
use super::{Action, BlockParser, Expression, OpenFor, Target, VarType};

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
        let (low, high) = (self.expression(split.0)?, self.expression(split.1)?);
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
        let into = if self.reader.take("INTO") { self.targets()? } else { Vec::new() };
        let using = self.using()?;
        match self.reader.peek_word() {
            Some(word) => Err(OraError::unsupported(format_args!("{word} in EXECUTE IMMEDIATE")).at(Some(self.reader.offset()))),
            None => Ok(Action::Immediate { text, into, using }),
        }
    }

    /// INSERT, UPDATE, DELETE or MERGE, perhaps with RETURNING … INTO variables and binds.
    pub(super) fn change(&mut self, tokens: Vec<TokenWithSpan>) -> Result<Action> {
        let is_word = |token: &TokenWithSpan, words: &[&str]| match &token.token {
            Token::Word(word) => word.quote_style.is_none() && words.iter().any(|text| word.value.eq_ignore_ascii_case(text)),
            _ => false,
        };
        let (mut tokens, fetches) = self.take_elements(tokens)?;
        let clause = tokens.iter().rposition(|token| is_word(token, &["RETURNING", "RETURN"]));
        let into = clause.and_then(|start| tokens[start..].iter().position(|token| is_word(token, &["INTO"])).map(|at| start + at));
        let mut returning = Vec::new();
        let statement = match (clause, into) {
            (Some(clause), Some(into)) => {
                let targets = self.reader.replace(tokens.split_off(into + 1));
                let read = self.targets();
                self.reader.restore(targets);
                returning = read?;
                tokens.pop();
                let expressions = tokens.split_off(clause);
                self.inner_returning(tokens, expressions, returning.len())?
            }
            _ => self.inner(parse::from_tokens(self.sql, tokens)?),
        };
        Ok(Action::Sql { statement: Box::new(Expression::Sql { statement: Box::new(statement), fetches }), returning })
    }

    fn inner_returning(&self, tokens: Vec<TokenWithSpan>, clause: Vec<TokenWithSpan>, targets: usize) -> Result<super::Statement> {
        let statement = self.inner(parse::from_tokens(self.sql, tokens)?);
        let expressions = parse::expressions(self.sql, clause.into_iter().skip(1).collect())?;
        if expressions.len() != targets {
            let (code, text) = if expressions.len() < targets { (947, "not enough values") } else { (913, "too many values") };
            return Err(OraError::new(code, text));
        }
        Ok(statement.returning(expressions))
    }

    /// Variables and binds that get values, separated by commas.
    fn targets(&mut self) -> Result<Vec<Target>> {
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
                return Ok(targets);
            }
        }
    }

    /// `OPEN cursor FOR query | text [USING values]`.
    pub(super) fn open(&mut self) -> Result<Action> {
        self.expect("OPEN")?;
        let cursor = self.targets()?.pop().ok_or_else(|| self.unexpected())?;
        if matches!(&cursor, Target::Local(_, var_type) if *var_type != VarType::Cursor) {
            return Err(self.unexpected());
        }
        self.expect("FOR")?;
        if matches!(self.reader.peek_word().as_deref(), Some("SELECT" | "WITH")) {
            let tokens = self.tokens_until(&[], &[Token::SemiColon]);
            let (tokens, fetches) = self.take_elements(tokens)?;
            let statement = Box::new(self.inner(parse::from_tokens(self.sql, tokens)?));
            return Ok(Action::Open { cursor, of: OpenFor::Query(Box::new(Expression::Sql { statement, fetches })) });
        }
        let text = self.value_until(&["USING"], &[Token::SemiColon])?;
        let using = self.using()?;
        Ok(Action::Open { cursor, of: OpenFor::Text { text, using } })
    }

    /// The cursor variable or bind named next.
    pub(super) fn cursor_slot(&mut self) -> Result<usize> {
        match self.targets()?.pop() {
            Some(Target::Local(local, VarType::Cursor)) => Ok(local.place - 1),
            Some(Target::Bind(place)) => Ok(place),
            _ => Err(self.unexpected()),
        }
    }

    /// `FETCH cursor INTO targets`.
    pub(super) fn fetch(&mut self) -> Result<Action> {
        self.expect("FETCH")?;
        let cursor = self.cursor_slot()?;
        self.expect("INTO")?;
        Ok(Action::Fetch { cursor, targets: self.targets()? })
    }

    fn using(&mut self) -> Result<Vec<Expression>> {
        let mut using = Vec::new();
        if self.reader.take("USING") {
            loop {
                using.push(self.value_until(&["INTO"], &[Token::Comma, Token::SemiColon])?);
                if !self.reader.take_token(&Token::Comma) {
                    break;
                }
            }
        }
        Ok(using)
    }

    /// `SELECT list INTO targets FROM …`.
    pub(super) fn select_into(&mut self) -> Result<Action> {
        let mut tokens = self.tokens_until(&["INTO"], &[Token::SemiColon]);
        self.expect("INTO")?;
        let targets = self.targets()?;
        tokens.extend(self.tokens_until(&[], &[Token::SemiColon]));
        let (tokens, fetches) = self.take_elements(tokens)?;
        let statement = Box::new(self.inner(parse::from_tokens(self.sql, tokens)?));
        Ok(Action::Select { query: Expression::Sql { statement, fetches }, targets })
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
