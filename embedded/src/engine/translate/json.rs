//! JSON in expressions: its text becomes JSON, JSON becomes text again, and text is tested for being it.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, JsonKeyUniqueness, JsonPredicateType,
};

use super::super::ddl::parse_type;
use super::super::types::{DataType, Family};
use super::super::{OraError, Result};
use super::{Sql, Translator};

impl Translator<'_> {
    /// Text in characters or bytes as JSON.
    pub(super) fn json_of(&self, sql: Sql) -> Result<Sql> {
        match sql.family() {
            _ if sql.is_null => Ok(Sql { data_type: DataType::Json, ..sql }),
            Family::Json => Ok(sql),
            Family::Text | Family::Char | Family::Clob | Family::Blob => Ok(sql.wrap("o_json", DataType::Json)),
            _ => Err(sql.inconsistent("JSON")),
        }
    }

    /// `JSON_SERIALIZE (value [RETURNING VARCHAR2 [(n)] | CLOB | BLOB])`.
    pub(super) fn json_serialize(&mut self, list: &FunctionArgumentList) -> Result<Sql> {
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_slice() else {
            return Err(OraError::new(909, "invalid number of arguments"));
        };
        let returning = match list.clauses.as_slice() {
            [] => DataType::varchar2(4000),
            [FunctionArgumentClause::JsonReturningClause(clause)] => {
                let text = clause.data_type.to_string();
                // Without a length it is the longest of the standard size.
                parse_type(if text.eq_ignore_ascii_case("VARCHAR2") { "VARCHAR2(4000)" } else { &text })?
            }
            _ => return Err(OraError::unsupported("this form of JSON_SERIALIZE")),
        };
        let value = self.value(value)?;
        let json = match value.family() {
            Family::Json => value,
            // Text is read as JSON here too.
            _ => self.json_of(value)?,
        };
        let nullable = json.nullable;
        match returning {
            DataType::Clob => Ok(Sql { data_type: DataType::Clob, rowid: None, nullable: true, text: format!("(+{})", json.text), ..json }),
            DataType::Blob => Ok(Sql { nullable, ..Sql::new(format!("CAST({} AS BLOB)", json.text), DataType::Blob) }),
            DataType::Varchar2 { size, national: false, .. } => {
                let text = format!("o_json_text({}, {size})", json.text);
                Ok(Sql { nullable, ..Sql::new(text, returning) })
            }
            other => Err(OraError::unsupported(format_args!("JSON_SERIALIZE … RETURNING {other}"))),
        }
    }

    /// `IS [NOT] JSON`.
    pub(super) fn is_json(
        &mut self,
        expr: &Expr,
        kind: Option<JsonPredicateType>,
        unique_keys: Option<JsonKeyUniqueness>,
        negated: bool,
    ) -> Result<String> {
        let value = self.value(expr)?;
        if !matches!(value.family(), Family::Text | Family::Char | Family::Clob | Family::Blob | Family::Raw | Family::Json) {
            return Err(value.inconsistent("CHAR"));
        }
        let kind = kind.map_or("VALUE".to_owned(), |kind| kind.to_string());
        let unique = u8::from(unique_keys == Some(JsonKeyUniqueness::WithUniqueKeys));
        Ok(format!("({}o_is_json({}, '{kind}', {unique}))", if negated { "NOT " } else { "" }, value.text))
    }
}
