//! Expressions of a block: SQL, and what is more than SQL can.

use sqlparser::ast::Statement as Ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::session::Statement;
use super::super::{OraError, Result, parse};
use super::types::VarType;
use super::{BlockParser, Expression, Fetch, Fetched};

impl BlockParser<'_> {
    /// Tokens up to one of the words or tokens outside parentheses.
    pub(super) fn tokens_until(&mut self, words: &[&str], ends: &[Token]) -> Vec<TokenWithSpan> {
        let mut depth = 0;
        let mut tokens = Vec::new();
        while let Some(token) = self.reader.peek() {
            let at_end = depth == 0 && (ends.contains(token) || self.reader.peek_word().is_some_and(|word| words.contains(&word.as_str())));
            if at_end || *token == Token::SemiColon {
                break;
            }
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            tokens.extend(self.reader.next_with_span());
        }
        tokens
    }

    pub(super) fn value_until(&mut self, words: &[&str], ends: &[Token]) -> Result<Expression> {
        let tokens = self.tokens_until(words, ends);
        if tokens.is_empty() {
            return Err(self.unexpected());
        }
        self.expression(tokens)
    }

    /// A condition.
    pub(super) fn test_until(&mut self, words: &[&str], ends: &[Token]) -> Result<Expression> {
        let tokens = self.tokens_until(words, ends);
        self.condition_of(tokens, false)
    }

    /// An expression as a query of one row.
    fn value_of(&mut self, tokens: Vec<TokenWithSpan>) -> Result<Statement> {
        let span = tokens.first().map(|token| token.span).ok_or_else(|| self.unexpected())?;
        let word = |text: &str| TokenWithSpan { token: Token::make_keyword(text), span };
        let mut whole = vec![word("SELECT")];
        whole.extend(tokens);
        whole.extend([word("FROM"), TokenWithSpan { token: Token::make_word("DUAL", None), span }]);
        let ast = parse::from_tokens(self.sql, whole)?;
        Ok(self.inner(ast))
    }

    pub(super) fn inner(&self, ast: Ast) -> Statement {
        let visible = self.visible.iter().filter(|variable| variable.var_type.is_plain()).map(|variable| variable.local.clone());
        Statement::inner(self.sql, self.binds, self.locals, visible.collect(), ast)
    }

    /// An expression up to one of the words or tokens, for a variable of this type.
    pub(super) fn expression_until(&mut self, var_type: &VarType, words: &[&str], ends: &[Token]) -> Result<Expression> {
        let tokens = self.tokens_until(words, ends);
        self.typed_expression(var_type, tokens)
    }

    /// An expression for a variable of this type: a condition where a boolean is wanted.
    pub(super) fn typed_expression(&mut self, var_type: &VarType, tokens: Vec<TokenWithSpan>) -> Result<Expression> {
        if *var_type != VarType::Boolean || is_null(&tokens) {
            return self.expression(tokens);
        }
        match self.whole(&tokens)? {
            Some(whole) => Ok(whole),
            None => self.condition_of(tokens, true),
        }
    }

    /// A variable, a bind or a function's value by itself.
    fn whole(&mut self, tokens: &[TokenWithSpan]) -> Result<Option<Expression>> {
        match tokens {
            [TokenWithSpan { token: Token::Placeholder(name), .. }] => {
                return self.bind_place(name).map(|place| Some(Expression::Slot(place)));
            }
            [TokenWithSpan { token: Token::Word(word), .. }] if word.quote_style.is_none() => {
                if let Some(found) = self.variable(&word.value.to_uppercase()) {
                    return Ok(Some(Expression::Slot(found.local.place - 1)));
                }
            }
            _ => {}
        }
        self.function_call(tokens)
    }

    /// `name[.name][(arguments)]` of a function that is stored.
    fn function_call(&mut self, tokens: &[TokenWithSpan]) -> Result<Option<Expression>> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(TokenWithSpan { token: Token::Word(word), .. }) = tokens.get(at) {
            parts.push(super::super::tokens::normalise(&word.value, word.quote_style.is_some()));
            at += 1;
            if tokens.get(at).map(|token| &token.token) != Some(&Token::Period) {
                break;
            }
            at += 1;
        }
        let covers_all = at == tokens.len() || closing(tokens, at) == Some(tokens.len() - 1);
        if parts.is_empty() || !covers_all {
            return Ok(None);
        }
        let Some(signature) = self.signature(&parts)? else { return Ok(None) };
        let shown = parts.last().cloned().unwrap_or_default();
        if signature.returns.is_none() {
            let line = self.reader.line();
            return Err(OraError::new(
                6550,
                format_args!("line {line}, column 1:\nPLS-00222: no function with name '{shown}' exists in this scope"),
            ));
        }
        let rest = self.reader.replace(tokens[at..].to_vec());
        let call = self.call(signature, shown);
        self.reader.restore(rest);
        call.map(|call| Some(Expression::Call(Box::new(call))))
    }

    /// Any expression.
    pub(super) fn expression(&mut self, tokens: Vec<TokenWithSpan>) -> Result<Expression> {
        if let Some(whole) = self.whole(&tokens)? {
            return Ok(whole);
        }
        let (tokens, fetches) = self.take_elements(tokens)?;
        Ok(Expression::Sql { statement: Box::new(self.value_of(tokens)?), fetches })
    }

    /// A condition as a query that gives 1 where it is true, 0 where it is not (and, with `keeps_null`, NULL where that is not known).
    pub(super) fn condition_of(&mut self, tokens: Vec<TokenWithSpan>, keeps_null: bool) -> Result<Expression> {
        let (tokens, fetches) = self.take_elements(tokens)?;
        let tokens = self.plain_booleans(tokens);
        let span = tokens.first().map(|token| token.span).ok_or_else(|| self.unexpected())?;
        let word = |text: &str| TokenWithSpan { token: Token::make_word(text, None), span };
        let number = |text: &str| TokenWithSpan { token: Token::Number(text.into(), false), span };
        let mut whole = vec![word("CASE"), word("WHEN")];
        whole.extend(tokens.iter().cloned());
        whole.extend([word("THEN"), number("1")]);
        if keeps_null {
            whole.extend([word("WHEN"), word("NOT"), TokenWithSpan { token: Token::LParen, span }]);
            whole.extend(tokens);
            whole.extend([TokenWithSpan { token: Token::RParen, span }, word("THEN"), number("0"), word("END")]);
        } else {
            whole.extend([word("ELSE"), number("0"), word("END")]);
        }
        Ok(Expression::Sql { statement: Box::new(self.value_of(whole)?), fetches })
    }

    /// TRUE, FALSE and boolean variables as comparisons, which SQL knows.
    fn plain_booleans(&self, tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
        let mut made = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let name = match &token.token {
                Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
                _ => String::new(),
            };
            let followed_by_is =
                matches!(tokens.get(index + 1).map(|next| &next.token), Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("IS"));
            let number = |text: &str| Token::Number(text.into(), false);
            let left = match name.as_str() {
                "TRUE" => Some(number("1")),
                "FALSE" => Some(number("0")),
                _ => {
                    self.variable(&name).filter(|found| found.var_type == VarType::Boolean && !followed_by_is).map(|_| token.token.clone())
                }
            };
            match left {
                None => made.push(token.clone()),
                Some(left) => {
                    let parts = [Token::LParen, left, Token::Eq, number("1"), Token::RParen];
                    made.extend(parts.into_iter().map(|part| TokenWithSpan { token: part, span: token.span }));
                }
            }
        }
        made
    }

    /// Replaces elements and sizes of index-by tables by variables that get them before the expression is evaluated.
    pub(super) fn take_elements(&mut self, tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Vec<Fetch>)> {
        let (mut made, mut fetches) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(token) = tokens.get(at).cloned() {
            at += 1;
            let table = match &token.token {
                Token::Word(word) if word.quote_style.is_none() => self.variable(&word.value.to_uppercase()).cloned(),
                _ => None,
            };
            let Some((table, element)) = table.and_then(|found| match found.var_type {
                VarType::Table(element) => Some((found.local.place - 1, *element)),
                _ => None,
            }) else {
                made.push(token);
                continue;
            };
            let (what, var_type) = match closing(&tokens, at) {
                Some(close) => {
                    let index = self.expression(tokens[at + 1..close].to_vec())?;
                    at = close + 1;
                    (Fetched::Element(Box::new(index)), element)
                }
                None => {
                    let method = match (tokens.get(at).map(|next| &next.token), tokens.get(at + 1).map(|next| &next.token)) {
                        (Some(Token::Period), Some(Token::Word(word))) => word.value.to_uppercase(),
                        _ => String::new(),
                    };
                    at += 2;
                    let what = match method.as_str() {
                        "COUNT" => Fetched::Count,
                        "FIRST" => Fetched::First,
                        "LAST" => Fetched::Last,
                        other => return Err(OraError::unsupported(format_args!("the collection method {other}"))),
                    };
                    (what, VarType::Scalar(super::super::types::DataType::NUMBER))
                }
            };
            let name = format!("ELEMENT$_{}", self.locals + 1);
            let into = self.declare_variable(name.clone(), var_type.clone());
            made.push(TokenWithSpan { token: Token::make_word(&name, None), span: token.span });
            fetches.push(Fetch { into, var_type, table, what });
        }
        Ok((made, fetches))
    }
}

fn is_null(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens, [TokenWithSpan { token: Token::Word(word), .. }] if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("NULL"))
}

/// The place of the parenthesis that closes the one at `open`.
fn closing(tokens: &[TokenWithSpan], open: usize) -> Option<usize> {
    if tokens.get(open)?.token != Token::LParen {
        return None;
    }
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}
