//! Tokens of a statement with their places, for the DDL parser here and for sqlparser.

use sqlparser::dialect::OracleDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::{OraError, Result};

/// A name as Oracle stores it: upper-cased unless quoted.
pub(crate) fn normalise(name: &str, quoted: bool) -> String {
    if quoted { name.to_owned() } else { name.to_uppercase() }
}

/// A possibly qualified object name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectName {
    pub schema: Option<String>,
    pub name: String,
    pub offset: usize,
}

/// Tokenises; whitespace and comments are dropped, each bind variable becomes `Placeholder(":i")` with its 0-based place in the text.
pub(crate) fn tokenise(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&OracleDialect {}, sql).tokenize_with_location().map_err(|error| {
        let code = if error.message.contains("string literal") || error.message.contains("quoted") { 1756 } else { 911 };
        let text = if code == 1756 { "quoted string not properly terminated" } else { "invalid character" };
        OraError::new(code, text).at(Some(offset_of(sql, error.location)))
    })?;
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len() / 2);
    let mut binds = 0;
    let mut after_colon = None;
    let mut after_number = false;
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_)) {
            after_number = false;
            continue;
        }
        // `1.5f` and `2d` are one literal, not a number and its alias.
        if let (true, Token::Word(word), Some(Token::Number(text, _))) =
            (after_number, &token.token, out.last_mut().map(|last| &mut last.token))
            && matches!(word.value.as_str(), "f" | "F" | "d" | "D")
        {
            text.push_str(&word.value);
            after_number = false;
            continue;
        }
        after_number = matches!(token.token, Token::Number(..));
        if let Some(colon) = after_colon.take() {
            if matches!(token.token, Token::Word(_) | Token::Number(..)) {
                out.push(TokenWithSpan { token: Token::Placeholder(format!(":{binds}")), span: token.span });
                binds += 1;
                continue;
            }
            out.push(colon);
        }
        if token.token == Token::Colon {
            after_colon = Some(token);
        } else {
            out.push(token);
        }
    }
    out.extend(after_colon);
    Ok(out)
}

/// Byte offset of a place that the tokenizer reports (line and character, 1-based).
pub(crate) fn offset_of(sql: &str, location: Location) -> usize {
    let mut offset = 0;
    for (number, line) in sql.split_inclusive('\n').enumerate() {
        if number as u64 + 1 == location.line {
            let column = (location.column.max(1) - 1) as usize;
            return offset + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        }
        offset += line.len();
    }
    sql.len()
}

/// Reads tokens one after another.
pub(crate) struct TokenReader<'s> {
    sql: &'s str,
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl<'s> TokenReader<'s> {
    pub fn new(sql: &'s str) -> Result<TokenReader<'s>> {
        let mut tokens = tokenise(sql)?;
        while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
            tokens.pop();
        }
        Ok(TokenReader { sql, tokens, at: 0 })
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    pub fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    /// The token after the next.
    pub fn peek_after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|token| &token.token)
    }

    /// Reads other tokens of the same text, until `restore` is given what this gives.
    pub fn replace(&mut self, tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, usize) {
        (std::mem::replace(&mut self.tokens, tokens), std::mem::take(&mut self.at))
    }

    /// Goes on where `replace` left.
    pub fn restore(&mut self, (tokens, at): (Vec<TokenWithSpan>, usize)) {
        (self.tokens, self.at) = (tokens, at);
    }

    /// The next token with its place.
    pub fn next_with_span(&mut self) -> Option<TokenWithSpan> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Line of the next token, 1-based.
    pub fn line(&self) -> u64 {
        self.tokens.get(self.at).or_else(|| self.tokens.last()).map_or(1, |token| token.span.start.line)
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Byte offset of the next token.
    pub fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.sql.len(), |token| offset_of(self.sql, token.span.start))
    }

    /// The text from `start` to the next token.
    pub fn text_since(&self, start: usize) -> &'s str {
        self.sql[start..self.offset()].trim()
    }

    /// The next word, upper-cased, when it is not quoted.
    pub fn peek_word(&self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
            _ => None,
        }
    }

    /// Takes the words when all of them follow.
    pub fn take(&mut self, words: &str) -> bool {
        let start = self.at;
        for word in words.split(' ') {
            if self.peek_word().as_deref() != Some(word) {
                self.at = start;
                return false;
            }
            self.at += 1;
        }
        true
    }

    pub fn take_token(&mut self, token: &Token) -> bool {
        let taken = self.peek() == Some(token);
        self.at += usize::from(taken);
        taken
    }

    pub fn expect(&mut self, words: &str) -> Result<()> {
        if self.take(words) { Ok(()) } else { Err(self.error(905, "missing keyword")) }
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.take_token(token) {
            return Ok(());
        }
        Err(match token {
            Token::LParen => self.error(906, "missing left parenthesis"),
            Token::RParen => self.error(907, "missing right parenthesis"),
            _ => self.error(900, "invalid SQL statement"),
        })
    }

    pub fn expect_end(&self) -> Result<()> {
        if self.is_end() { Ok(()) } else { Err(self.error(933, "SQL command not properly ended")) }
    }

    pub fn error(&self, code: i32, text: &str) -> OraError {
        OraError::new(code, text).at(Some(self.offset()))
    }

    /// An identifier as stored.
    pub fn identifier(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let name = normalise(&word.value, word.quote_style.is_some());
                if name.is_empty() {
                    return Err(self.error(1741, "illegal zero-length identifier"));
                }
                if name.len() > 128 {
                    return Err(self.error(972, "identifier is too long"));
                }
                if word.quote_style.is_none() && is_reserved(&name) {
                    return Err(self.error(904, ": invalid identifier"));
                }
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.error(904, ": invalid identifier")),
        }
    }

    pub fn object_name(&mut self) -> Result<ObjectName> {
        let offset = self.offset();
        if !matches!(self.peek(), Some(Token::Word(_))) {
            return Err(self.error(903, "invalid table name"));
        }
        let first = self
            .identifier()
            .map_err(|error| if error.code == 904 { OraError::new(903, "invalid table name").at(Some(offset)) } else { error })?;
        if !self.take_token(&Token::Period) {
            return Ok(ObjectName { schema: None, name: first, offset });
        }
        Ok(ObjectName { schema: Some(first), name: self.identifier()?, offset })
    }

    /// An integer, perhaps with a sign.
    pub fn integer(&mut self) -> Result<i64> {
        let negative = self.take_token(&Token::Minus);
        if !negative {
            self.take_token(&Token::Plus);
        }
        match self.next() {
            Some(Token::Number(text, false)) => text
                .parse()
                .map(|value: i64| if negative { -value } else { value })
                .map_err(|_| OraError::new(2017, "integer value required")),
            _ => Err(OraError::new(2017, "integer value required")),
        }
    }

    /// `(name, …)`.
    pub fn identifier_list(&mut self) -> Result<Vec<String>> {
        self.expect_token(&Token::LParen)?;
        let mut names = Vec::new();
        loop {
            names.push(self.identifier()?);
            if self.take_token(&Token::RParen) {
                return Ok(names);
            }
            self.expect_token(&Token::Comma)?;
        }
    }
}

/// Words that cannot name anything unless quoted.
pub(crate) fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 77] = [
        "ALL",
        "ALTER",
        "AND",
        "ANY",
        "AS",
        "ASC",
        "BETWEEN",
        "BY",
        "CHAR",
        "CHECK",
        "CLUSTER",
        "COMPRESS",
        "CONNECT",
        "CREATE",
        "DATE",
        "DECIMAL",
        "DEFAULT",
        "DELETE",
        "DESC",
        "DISTINCT",
        "DROP",
        "ELSE",
        "EXCLUSIVE",
        "EXISTS",
        "FLOAT",
        "FOR",
        "FROM",
        "GRANT",
        "GROUP",
        "HAVING",
        "IDENTIFIED",
        "IN",
        "INDEX",
        "INSERT",
        "INTEGER",
        "INTERSECT",
        "INTO",
        "IS",
        "LIKE",
        "LOCK",
        "LONG",
        "MINUS",
        "MODE",
        "NOCOMPRESS",
        "NOT",
        "NOWAIT",
        "NULL",
        "NUMBER",
        "OF",
        "ON",
        "OPTION",
        "OR",
        "ORDER",
        "PCTFREE",
        "PRIOR",
        "PUBLIC",
        "RAW",
        "RENAME",
        "RESOURCE",
        "REVOKE",
        "SELECT",
        "SET",
        "SHARE",
        "SIZE",
        "SMALLINT",
        "START",
        "SYNONYM",
        "TABLE",
        "THEN",
        "TO",
        "TRIGGER",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "VALUES",
        "VARCHAR",
        "VARCHAR2",
    ];
    const MORE: [&str; 6] = ["VIEW", "WHERE", "WITH", "UID", "SYSDATE", "ROWNUM"];
    RESERVED.contains(&name) || MORE.contains(&name)
}
