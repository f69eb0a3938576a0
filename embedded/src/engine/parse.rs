//! SELECT and DML by sqlparser's Oracle dialect.

use sqlparser::ast::{Expr, Statement as Ast};
use sqlparser::dialect::{Dialect, OracleDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::tokens::{offset_of, tokenise};
use super::{OraError, Result, dialect};

/// `RETURNING expressions INTO binds`.
#[derive(Debug, Clone)]
pub(crate) struct Returning {
    pub expressions: Vec<Expr>,
    /// Places of the binds that get the values.
    pub into: Vec<usize>,
}

/// What FOR UPDATE asks for: how many seconds to wait for the lock; none: as long as the session waits anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowLock {
    pub wait_s: Option<u64>,
}

/// Cuts `FOR UPDATE [OF …] [NOWAIT | WAIT n]` off a query, which sqlparser does not know in Oracle's form. The file has one lock, so that `OF`
/// asks for less than is locked.
///
/// # Errors
/// ORA-03001 for `SKIP LOCKED`.
pub(crate) fn cut_for_update(tokens: &mut Vec<TokenWithSpan>) -> Result<Option<RowLock>> {
    let word = |index: usize| tokens.get(index).map(|token: &TokenWithSpan| token.token.to_string().to_uppercase()).unwrap_or_default();
    let start = (0..tokens.len()).rev().find(|index| word(*index) == "FOR" && word(index + 1) == "UPDATE");
    let Some(start) = start.filter(|start| !tokens[*start..].iter().any(|token| matches!(token.token, Token::RParen | Token::LParen)))
    else {
        return Ok(None);
    };
    let mut wait_s = None;
    for index in start + 2..tokens.len() {
        match word(index).as_str() {
            "NOWAIT" => wait_s = Some(0),
            "WAIT" => wait_s = Some(word(index + 1).parse().map_err(|_| OraError::new(30005, "missing or invalid WAIT interval"))?),
            "SKIP" => return Err(OraError::unsupported("FOR UPDATE … SKIP LOCKED")),
            _ => {}
        }
    }
    tokens.truncate(start);
    Ok(Some(RowLock { wait_s }))
}

/// Parses one statement, whose binds are `:0`, `:1` … by their place, with the RETURNING clause of DML, which sqlparser does not know with INTO.
pub(crate) fn dml(sql: &str, mut tokens: Vec<TokenWithSpan>) -> Result<(Ast, Option<Returning>)> {
    let is_word = |token: &TokenWithSpan, words: [&str; 2]| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && words.iter().any(|text| word.value.eq_ignore_ascii_case(text)),
        _ => false,
    };
    let start = tokens.iter().rposition(|token| is_word(token, ["RETURNING", "RETURN"]));
    let into = tokens.iter().rposition(|token| is_word(token, ["INTO", "INTO"]));
    let (Some(start), Some(into)) = (start, into) else { return Ok((from_tokens(sql, tokens)?, None)) };
    if into < start {
        return Ok((from_tokens(sql, tokens)?, None));
    }
    let mut clause = tokens.split_off(start);
    let mut targets = Vec::new();
    for token in clause.split_off(into - start).into_iter().skip(1) {
        match token.token {
            Token::Placeholder(name) => {
                targets.push(name.trim_start_matches(':').parse().map_err(|_| OraError::new(1036, "illegal variable name/number"))?);
            }
            Token::Comma | Token::SemiColon => {}
            _ => return Err(OraError::new(933, "SQL command not properly ended").at(Some(offset_of(sql, token.span.start)))),
        }
    }
    clause.remove(0);
    let expressions = expressions(sql, clause)?;
    if expressions.len() != targets.len() {
        let (code, text) = if expressions.len() < targets.len() { (947, "not enough values") } else { (913, "too many values") };
        return Err(OraError::new(code, text));
    }
    Ok((from_tokens(sql, tokens)?, Some(Returning { expressions, into: targets })))
}

/// Parses expressions separated by commas.
pub(crate) fn expressions(sql: &str, mut tokens: Vec<TokenWithSpan>) -> Result<Vec<Expr>> {
    quote_cast_types(&mut tokens);
    spell_at_local(&mut tokens);
    nest_quantified_lists(&mut tokens);
    let mut parser = Parser::new(&OracleDialect {}).with_tokens_with_locations(tokens);
    parser.parse_comma_separated(Parser::parse_expr).map_err(|error| parse_error(sql, error))
}

/// Parses the tokens of one statement; `sql` is the text they come from.
pub(crate) fn from_tokens(sql: &str, mut tokens: Vec<TokenWithSpan>) -> Result<Ast> {
    while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
        tokens.pop();
    }
    quote_cast_types(&mut tokens);
    spell_at_local(&mut tokens);
    nest_quantified_lists(&mut tokens);
    nest_cursor_queries(&mut tokens);
    dialect::rewrite_hierarchies(&mut tokens);
    dialect::refuse_by_name(&mut tokens)?;
    // Chains of operators nest the tree, and dropping it uses the stack.
    const MOST_OPERATORS: usize = 5000;
    let is_operator = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT),
        other => matches!(other, Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::StringConcat),
    };
    if tokens.iter().filter(|token| is_operator(token)).count() > MOST_OPERATORS {
        return Err(OraError::unsupported(format_args!("a statement of more than {MOST_OPERATORS} operators")));
    }
    let word =
        |index: usize, tokens: &[TokenWithSpan]| tokens.get(index).map(|token| token.token.to_string().to_uppercase()).unwrap_or_default();
    // Oracle's FROM in DELETE and INTO are optional words to sqlparser only in other dialects.
    if word(0, &tokens) == "DELETE" && word(1, &tokens) != "FROM" {
        let span = tokens[0].span;
        tokens.insert(1, TokenWithSpan { token: Token::make_keyword("FROM"), span });
    }
    let dialect: &dyn Dialect = if dialect::rewrite_flashback(&mut tokens) { &dialect::WithFlashback } else { &OracleDialect {} };
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens);
    let ast = parser.parse_statement().map_err(|error| parse_error(sql, error))?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(OraError::new(933, "SQL command not properly ended").at(Some(offset_of(sql, rest.span.start))));
    }
    Ok(ast)
}

/// `= ANY (a, b)` becomes `= ANY ((a, b))`: sqlparser reads one expression or a query there.
fn nest_quantified_lists(tokens: &mut Vec<TokenWithSpan>) {
    let mut index = 1;
    while index + 2 < tokens.len() {
        let quantifies = match &tokens[index].token {
            Token::Word(word) => {
                word.quote_style.is_none() && ["ANY", "SOME", "ALL"].iter().any(|name| word.value.eq_ignore_ascii_case(name))
            }
            _ => false,
        };
        let compares = matches!(tokens[index - 1].token, Token::Eq | Token::Neq | Token::Lt | Token::Gt | Token::LtEq | Token::GtEq);
        let is_query = matches!(&tokens[index + 2].token, Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH));
        if quantifies && compares && tokens[index + 1].token == Token::LParen && !is_query {
            let mut depth = 0;
            let end = tokens[index + 1..].iter().position(|token| {
                depth += i32::from(token.token == Token::LParen) - i32::from(token.token == Token::RParen);
                depth == 0
            });
            if let Some(end) = end.map(|end| index + 1 + end) {
                let (close, open) = (tokens[end].clone(), tokens[index + 1].clone());
                tokens.insert(end, close);
                tokens.insert(index + 2, open);
            }
        }
        index += 1;
    }
}

/// The type in `CAST (… AS type)` becomes one quoted name, which our own parser of types reads later: sqlparser does not know all of Oracle's.
fn quote_cast_types(tokens: &mut Vec<TokenWithSpan>) {
    let is_word = |token: &TokenWithSpan, text: &str| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    let mut at = 0;
    while at + 1 < tokens.len() {
        at += 1;
        if !is_word(&tokens[at - 1], "CAST") || tokens[at].token != Token::LParen {
            continue;
        }
        let (mut depth, mut as_at, mut close) = (0, None, None);
        for (index, token) in tokens.iter().enumerate().skip(at) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => {
                    close = Some(index);
                    break;
                }
                Token::RParen => depth -= 1,
                _ if depth == 1 && is_word(token, "AS") => as_at = Some(index),
                _ => {}
            }
        }
        if let (Some(as_at), Some(close)) = (as_at, close)
            && close > as_at + 1
        {
            let text = tokens[as_at + 1..close].iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ");
            let span = tokens[as_at + 1].span;
            tokens.splice(as_at + 1..close, [TokenWithSpan { token: Token::make_word(&text, Some('"')), span }]);
        }
    }
}

/// `AT LOCAL` becomes `AT TIME ZONE SESSIONTIMEZONE`, which the parser knows.
fn spell_at_local(tokens: &mut Vec<TokenWithSpan>) {
    let is_word = |token: &TokenWithSpan, text: &str| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    let mut at = 0;
    while at + 1 < tokens.len() {
        if is_word(&tokens[at], "AT") && is_word(&tokens[at + 1], "LOCAL") {
            let span = tokens[at + 1].span;
            let words = ["TIME", "ZONE", "SESSIONTIMEZONE"];
            tokens.splice(at + 1..at + 2, words.iter().map(|word| TokenWithSpan { token: Token::make_word(word, None), span }));
        }
        at += 1;
    }
}

/// The query in `CURSOR (SELECT …)` gets parentheses of its own, so that it is one argument of a function to sqlparser.
fn nest_cursor_queries(tokens: &mut Vec<TokenWithSpan>) {
    let is_word = |token: &TokenWithSpan, words: &[&str]| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && words.iter().any(|text| word.value.eq_ignore_ascii_case(text)),
        _ => false,
    };
    let mut at = 0;
    while at + 2 < tokens.len() {
        at += 1;
        let is_cursor = is_word(&tokens[at - 1], &["CURSOR"]) && tokens[at].token == Token::LParen;
        if !is_cursor || !is_word(&tokens[at + 1], &["SELECT", "WITH"]) {
            continue;
        }
        let mut depth = 0;
        let close = tokens.iter().enumerate().skip(at).find_map(|(index, token)| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(index)
        });
        if let Some(close) = close {
            tokens.insert(close, tokens[close].clone());
            tokens.insert(at, tokens[at].clone());
            at += 1;
        }
    }
}

/// Parses an expression by itself, as DEFAULT has it.
pub(crate) fn expression(text: &str) -> Result<Expr> {
    let mut tokens = tokenise(text)?;
    quote_cast_types(&mut tokens);
    spell_at_local(&mut tokens);
    nest_quantified_lists(&mut tokens);
    let mut parser = Parser::new(&OracleDialect {}).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|error| parse_error(text, error))?;
    if parser.peek_token().token != Token::EOF {
        return Err(OraError::new(936, "missing expression"));
    }
    Ok(expr)
}

/// The nearest of Oracle's syntax errors; what the parser says follows on a line of its own.
fn parse_error(sql: &str, error: ParserError) -> OraError {
    let detail = match &error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".into(),
    };
    let (code, text) = if detail.contains("Expected: an expression") {
        (936, "missing expression")
    } else if detail.contains("Expected: )") || detail.contains("Expected: ',' or ')'") {
        (907, "missing right parenthesis")
    } else if detail.contains("Expected: (") {
        (906, "missing left parenthesis")
    } else if detail.contains("identifier") {
        (903, "invalid table name")
    } else if detail.contains("Expected: end of statement") {
        (933, "SQL command not properly ended")
    } else {
        (900, "invalid SQL statement")
    };
    OraError::new(code, format_args!("{text}\n({detail})")).at(place(sql, &detail))
}

/// `… at Line: 1, Column: 20` as an offset.
fn place(sql: &str, detail: &str) -> Option<usize> {
    let (line, column) = detail.rsplit_once("Line: ")?.1.split_once(", Column: ")?;
    Some(offset_of(sql, Location { line: line.parse().ok()?, column: column.trim().parse().ok()? }))
}
