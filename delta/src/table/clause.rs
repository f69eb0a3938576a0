//! Clauses of a MERGE and assignments of an UPDATE as texts, in the words of SQL:
//!
//! ```text
//! matched [and CONDITION] then update set * | A = EXPRESSION, B = EXPRESSION
//! matched [and CONDITION] then delete
//! not matched [by target] [and CONDITION] then insert * | (A, B) values (EXPRESSION, EXPRESSION)
//! not matched by source [and CONDITION] then update set A = EXPRESSION | delete
//! ```

use std::str::FromStr;

use deltalake::datafusion::sql::sqlparser::ast::{Assignment, AssignmentTarget, Expr as SqlExpr, ObjectName};
use deltalake::datafusion::sql::sqlparser::dialect::GenericDialect;
use deltalake::datafusion::sql::sqlparser::keywords::Keyword;
use deltalake::datafusion::sql::sqlparser::parser::{IsOptional, Parser, ParserError};
use deltalake::datafusion::sql::sqlparser::tokenizer::Token;

use super::merge::{Assignments, Clause};

const DIALECT: GenericDialect = GenericDialect {};

impl FromStr for Clause {
    type Err = String;

    /// See the head of this module; a leading WHEN may stand there.
    fn from_str(text: &str) -> Result<Clause, String> {
        let wrong = |error: ParserError| format!("{text}: {}", reason(error));
        let mut parser = Parser::new(&DIALECT).try_with_sql(text).map_err(wrong)?;
        let clause = parse(&mut parser).map_err(wrong)?;
        ends(&parser).map_err(wrong)?;
        Ok(clause)
    }
}

/// `A = EXPRESSION`: the column and the text of the expression.
///
/// # Errors
/// What is not understood.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let wrong = |error: ParserError| format!("{text}: {}", reason(error));
    let mut parser = Parser::new(&DIALECT).try_with_sql(text).map_err(wrong)?;
    let pair = parser.parse_assignment().and_then(named).map_err(wrong)?;
    ends(&parser).map_err(wrong)?;
    Ok(pair)
}

fn reason(error: ParserError) -> String {
    match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
        ParserError::RecursionLimitExceeded => "too deep".into(),
    }
}

fn ends(parser: &Parser<'_>) -> Result<(), ParserError> {
    match parser.peek_token().token {
        Token::EOF => Ok(()),
        other => Err(ParserError::ParserError(format!("{other} stands after the end"))),
    }
}

fn parse(parser: &mut Parser<'_>) -> Result<Clause, ParserError> {
    let _ = parser.parse_keyword(Keyword::WHEN);
    let is_not = parser.parse_keyword(Keyword::NOT);
    parser.expect_keyword(Keyword::MATCHED)?;
    let by_source = is_not && parser.parse_keywords(&[Keyword::BY, Keyword::SOURCE]);
    if is_not && !by_source {
        let _ = parser.parse_keywords(&[Keyword::BY, Keyword::TARGET]);
    }
    let condition = if parser.parse_keyword(Keyword::AND) { Some(parser.parse_expr()?.to_string()) } else { None };
    parser.expect_keyword(Keyword::THEN)?;
    match (is_not, by_source) {
        (false, _) if parser.parse_keyword(Keyword::DELETE) => Ok(Clause::MatchedDelete { condition }),
        (false, _) => Ok(Clause::MatchedUpdate { condition, set: update(parser)? }),
        (true, true) if parser.parse_keyword(Keyword::DELETE) => Ok(Clause::NotMatchedBySourceDelete { condition }),
        (true, true) => Ok(Clause::NotMatchedBySourceUpdate { condition, set: update(parser)? }),
        (true, false) => Ok(Clause::NotMatchedInsert { condition, set: insert(parser)? }),
    }
}

fn update(parser: &mut Parser<'_>) -> Result<Assignments, ParserError> {
    parser.expect_keyword(Keyword::UPDATE)?;
    parser.expect_keyword(Keyword::SET)?;
    if parser.consume_token(&Token::Mul) {
        return Ok(Assignments::All);
    }
    let pairs = parser.parse_comma_separated(Parser::parse_assignment)?;
    Ok(Assignments::Only(pairs.into_iter().map(named).collect::<Result<_, _>>()?))
}

fn insert(parser: &mut Parser<'_>) -> Result<Assignments, ParserError> {
    parser.expect_keyword(Keyword::INSERT)?;
    if parser.consume_token(&Token::Mul) {
        return Ok(Assignments::All);
    }
    let columns = parser.parse_parenthesized_column_list(IsOptional::Mandatory, false)?;
    parser.expect_keyword(Keyword::VALUES)?;
    parser.expect_token(&Token::LParen)?;
    let values: Vec<SqlExpr> = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    if columns.len() != values.len() {
        return Err(ParserError::ParserError(format!("{} columns and {} values", columns.len(), values.len())));
    }
    Ok(Assignments::Only(columns.into_iter().zip(values).map(|(column, value)| (column.value, value.to_string())).collect()))
}

/// The column's own name: before it `target.` may stand.
fn named(assignment: Assignment) -> Result<(String, String), ParserError> {
    let AssignmentTarget::ColumnName(ObjectName(parts)) = assignment.target else {
        return Err(ParserError::ParserError("one column is set at a time".into()));
    };
    let names: Vec<String> = parts.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect();
    match &names[..] {
        [column] => Ok((column.clone(), assignment.value.to_string())),
        [side, column] if side == "target" => Ok((column.clone(), assignment.value.to_string())),
        _ => Err(ParserError::ParserError(format!("{} is no column of the target", names.join(".")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(pairs: &[(&str, &str)]) -> Assignments {
        Assignments::Only(pairs.iter().map(|(column, value)| ((*column).into(), (*value).into())).collect())
    }

    #[test]
    fn every_kind_of_clause_is_understood() {
        let condition = |text: &str| Some(text.to_owned());
        let cases = [
            ("matched then update set *", Clause::MatchedUpdate { condition: None, set: Assignments::All }),
            ("WHEN MATCHED AND source.op = 'D' THEN DELETE", Clause::MatchedDelete { condition: condition("source.op = 'D'") }),
            (
                "matched and a > 1 and b < 2 then update set target.\"A b\" = source.x + 1, c = 'then, update'",
                Clause::MatchedUpdate {
                    condition: condition("a > 1 AND b < 2"),
                    set: only(&[("A b", "source.x + 1"), ("c", "'then, update'")]),
                },
            ),
            ("not matched then insert *", Clause::NotMatchedInsert { condition: None, set: Assignments::All }),
            (
                "not matched by target and source.n > 0 then insert (id, \"N\") values (source.id, greatest(source.n, 1))",
                Clause::NotMatchedInsert {
                    condition: condition("source.n > 0"),
                    set: only(&[("id", "source.id"), ("N", "greatest(source.n, 1)")]),
                },
            ),
            ("not matched by source then delete", Clause::NotMatchedBySourceDelete { condition: None }),
            (
                "not matched by source and target.day < DATE '2026-01-01' then update set gone = true",
                Clause::NotMatchedBySourceUpdate { condition: condition("target.day < DATE '2026-01-01'"), set: only(&[("gone", "true")]) },
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Clause>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_clause_is_refused() {
        for text in [
            "",
            "matched",
            "matched then insert *",
            "not matched then delete",
            "matched then delete please",
            "matched then update set source.a = 1",
            "matched then update set (a, b) = (1, 2)",
            "not matched then insert (a, b) values (1)",
            "not matched by source then insert *",
            "matched and then delete",
        ] {
            assert!(text.parse::<Clause>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_assignment_is_a_column_and_an_expression() {
        assert_eq!(assignment("a = b = c").unwrap(), ("a".into(), "b = c".into()));
        assert_eq!(assignment("\"x = y\" = 'a''b'").unwrap(), ("x = y".into(), "'a''b'".into()));
        assert!(assignment("a").is_err() && assignment("a = 1, b = 2").is_err());
    }
}
