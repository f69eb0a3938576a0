//! Oracle's flashback clause for sqlparser, whose Oracle dialect does not know it: `t AS OF SCN n` and `t AS OF TIMESTAMP x` are put into the words
//! that other dialects have for the same, and `t VERSIONS BETWEEN SCN a AND b` into a moment that is no moment but an interval.

use std::any::TypeId;

use sqlparser::dialect::{Dialect, OracleDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::OraError;
use super::translate::SIBLINGS;

/// What stands before the interval of `VERSIONS BETWEEN SCN`.
pub(super) const VERSIONS_SCN: &str = "VERSIONS SCN";
/// And of `VERSIONS BETWEEN TIMESTAMP`.
pub(super) const VERSIONS_TIMESTAMP: &str = "VERSIONS TIMESTAMP";

/// Rewrites each flashback clause: whether there was one. `AS OF SCN` becomes `FOR SYSTEM_TIME AS OF`, `AS OF TIMESTAMP` becomes `TIMESTAMP AS OF`, and
/// `VERSIONS BETWEEN SCN` becomes `FOR SYSTEM_TIME AS OF "VERSIONS SCN" BETWEEN`.
pub(super) fn rewrite_flashback(tokens: &mut Vec<TokenWithSpan>) -> bool {
    let is_word = |token: &TokenWithSpan, text: &str| match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    let mut found = false;
    let mut at = 0;
    while at + 2 < tokens.len() {
        if is_word(&tokens[at], "AS") && is_word(&tokens[at + 1], "OF") {
            let words: &[&str] = match &tokens[at + 2] {
                kind if is_word(kind, "SCN") => &["FOR", "SYSTEM_TIME", "AS", "OF"],
                kind if is_word(kind, "TIMESTAMP") => &["TIMESTAMP", "AS", "OF"],
                _ => &[],
            };
            if !words.is_empty() {
                let span = tokens[at].span;
                tokens.splice(at..at + 3, words.iter().map(|word| TokenWithSpan { token: Token::make_keyword(word), span }));
                (found, at) = (true, at + words.len());
                continue;
            }
        }
        if is_word(&tokens[at], "VERSIONS") && is_word(&tokens[at + 1], "BETWEEN") {
            let marker = match (&tokens[at + 2], tokens.get(at + 3).map(|next| &next.token)) {
                // A condition on a column of this name.
                (kind, Some(Token::Word(next))) if is_word(kind, "SCN") && next.keyword == Keyword::AND => None,
                (kind, Some(Token::SingleQuotedString(_))) if is_word(kind, "TIMESTAMP") => None,
                (kind, _) if is_word(kind, "SCN") => Some(VERSIONS_SCN),
                (kind, _) if is_word(kind, "TIMESTAMP") => Some(VERSIONS_TIMESTAMP),
                _ => None,
            };
            if let Some(marker) = marker {
                let span = tokens[at].span;
                let words = ["FOR", "SYSTEM_TIME", "AS", "OF"].map(Token::make_keyword);
                let interval = [Token::make_word(marker, Some('"')), Token::make_keyword("BETWEEN")];
                tokens.splice(at..at + 3, words.into_iter().chain(interval).map(|token| TokenWithSpan { token, span }));
                (found, at) = (true, at + 6);
                continue;
            }
        }
        at += 1;
    }
    found
}

/// The operators and the order of hierarchical queries in words that the parser has: `PRIOR x` and `CONNECT_BY_ROOT x` become calls, `ORDER SIBLINGS BY` an
/// ORDER BY whose first key says so.
pub(super) fn rewrite_hierarchies(tokens: &mut Vec<TokenWithSpan>) {
    let is_word = |token: Option<&TokenWithSpan>, text: &str| match token.map(|token| &token.token) {
        Some(Token::Word(word)) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    if !(0..tokens.len()).any(|at| is_word(tokens.get(at), "CONNECT") && is_word(tokens.get(at + 1), "BY")) {
        return;
    }
    let mut at = 0;
    while at < tokens.len() {
        let span = tokens[at].span;
        let spanned = |token: Token| TokenWithSpan { token, span };
        if is_word(tokens.get(at), "ORDER") && is_word(tokens.get(at + 1), "SIBLINGS") && is_word(tokens.get(at + 2), "BY") {
            let key = Token::make_word(SIBLINGS, Some('"'));
            let words = [Token::make_keyword("ORDER"), Token::make_keyword("BY"), key, Token::Comma];
            tokens.splice(at..at + 3, words.map(spanned));
            at += 4;
            continue;
        }
        let call = match (is_word(tokens.get(at), "PRIOR"), is_word(tokens.get(at), "CONNECT_BY_ROOT")) {
            (true, _) => "o$prior",
            (_, true) => "o$root",
            _ => "",
        };
        if !call.is_empty()
            && let Some(end) = end_of_operand(tokens, at + 1)
        {
            tokens.insert(end, spanned(Token::RParen));
            tokens.splice(at..=at, [spanned(Token::make_word(call, None)), spanned(Token::LParen)]);
        }
        at += 1;
    }
}

/// Refuses by their names what the parser would only call wrong. A name after a dot is a name, also where the parser knows the word.
pub(super) fn refuse_by_name(tokens: &mut [TokenWithSpan]) -> super::Result<()> {
    let is_word = |at: usize, text: &str| match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    if is_word(0, "INSERT") && (is_word(1, "ALL") || is_word(1, "FIRST")) {
        return Err(OraError::unsupported("INSERT ALL and INSERT FIRST"));
    }
    for at in 1..tokens.len() {
        let after_parenthesis = tokens[at - 1].token == Token::RParen;
        let opens = tokens.get(at + 1).is_some_and(|token| token.token == Token::LParen);
        let what = match after_parenthesis {
            true if is_word(at, "KEEP") && opens => "KEEP of an aggregate function",
            true if is_word(at, "SEARCH") && is_word(at + 2, "FIRST") => "SEARCH of a recursive WITH",
            true if is_word(at, "CYCLE") && (2..20).any(|next| is_word(at + next, "DEFAULT")) => "CYCLE of a recursive WITH",
            _ => continue,
        };
        return Err(OraError::unsupported(what));
    }
    for at in 1..tokens.len() {
        if tokens[at - 1].token == Token::Period
            && let Token::Word(word) = &mut tokens[at].token
            && matches!(word.keyword, Keyword::SUBSTR | Keyword::SUBSTRING | Keyword::TRIM)
        {
            word.keyword = Keyword::NoKeyword;
        }
    }
    Ok(())
}

/// The end of the column, call, literal or parentheses that begin here; none where nothing of the kind does.
fn end_of_operand(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let mut at = from;
    let token = |at: usize| tokens.get(at).map(|token| &token.token);
    let starts = match token(at)? {
        Token::Word(word) => word.quote_style.is_some() || !matches!(word.keyword, Keyword::AS | Keyword::FROM | Keyword::IS),
        Token::Number(..) | Token::SingleQuotedString(_) => return Some(at + 1),
        Token::LParen => true,
        _ => false,
    };
    if !starts {
        return None;
    }
    while matches!(token(at), Some(Token::Word(_))) {
        at += 1;
        if token(at) != Some(&Token::Period) {
            break;
        }
        at += 1;
    }
    if token(at) != Some(&Token::LParen) {
        return Some(at);
    }
    let mut depth = 0;
    tokens[at..]
        .iter()
        .position(|token| {
            depth += i32::from(token.token == Token::LParen) - i32::from(token.token == Token::RParen);
            depth == 0
        })
        .map(|length| at + length + 1)
}

/// Oracle's dialect with versions of tables. Everything else is that of [`OracleDialect`], which it says it is.
#[derive(Debug)]
pub(super) struct WithFlashback;

const ORACLE: OracleDialect = OracleDialect {};

impl Dialect for WithFlashback {
    fn dialect(&self) -> TypeId {
        TypeId::of::<OracleDialect>()
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        ORACLE.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ORACLE.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ORACLE.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ORACLE.is_identifier_part(ch)
    }

    fn supports_outer_join_operator(&self) -> bool {
        ORACLE.supports_outer_join_operator()
    }

    fn supports_connect_by(&self) -> bool {
        ORACLE.supports_connect_by()
    }

    fn supports_match_recognize(&self) -> bool {
        ORACLE.supports_match_recognize()
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        ORACLE.supports_window_function_null_treatment_arg()
    }

    fn supports_boolean_literals(&self) -> bool {
        ORACLE.supports_boolean_literals()
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        ORACLE.get_next_precedence(parser)
    }

    fn supports_group_by_expr(&self) -> bool {
        ORACLE.supports_group_by_expr()
    }

    fn get_reserved_keywords_for_select_item_operator(&self) -> &[Keyword] {
        ORACLE.get_reserved_keywords_for_select_item_operator()
    }

    fn supports_quote_delimited_string(&self) -> bool {
        ORACLE.supports_quote_delimited_string()
    }

    fn supports_comment_optimizer_hint(&self) -> bool {
        ORACLE.supports_comment_optimizer_hint()
    }

    fn supports_insert_table_alias(&self) -> bool {
        ORACLE.supports_insert_table_alias()
    }

    fn supports_insert_table_query(&self) -> bool {
        ORACLE.supports_insert_table_query()
    }
}
