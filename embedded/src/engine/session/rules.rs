//! Texts of the catalog as SQL of SQLite: conditions of CHECK and defaults.

use std::sync::Arc;

use super::super::catalog::{Column, Sequence, Table};
use super::super::translate::{Context, Translator};
use super::super::{OraError, Result, parse};
use super::Session;

impl Session {
    fn translator<'a>(&'a self, sql: &'a str) -> Translator<'a> {
        Translator::new(Context {
            sql,
            catalog: &self.catalog,
            nls: &self.nls,
            user: &self.user,
            schema: &self.schema,
            bind_kinds: &[],
            release: self.release,
            settings: &self.settings,
            locals: &[],
        })
    }

    /// A CHECK as a condition of the row `NEW`, and the columns it names.
    pub(in super::super) fn check_condition(&self, table: &Table, text: &str) -> Result<(String, Vec<usize>)> {
        let expr = parse::expression(text)?;
        let mut translator = self.translator(text);
        translator.show_row(table, "NEW");
        let condition = translator.condition(&expr)?;
        if condition.contains("SELECT ") {
            return Err(OraError::new(2251, "subquery not allowed here"));
        }
        if ["o_now(", "o_nextval(", "o_currval(", "randomblob("].iter().any(|call| condition.contains(call)) {
            return Err(OraError::new(2436, "date or system variable wrongly specified in CHECK constraint"));
        }
        Ok((condition, translator.columns_of("NEW")))
    }

    /// The value of a default, as its column stores it, and the sequences that it takes numbers from.
    pub(in super::super) fn default_value(&self, column: &Column, text: &str) -> Result<(String, Vec<Arc<Sequence>>)> {
        let expr = parse::expression(text)?;
        let mut translator = self.translator(text);
        translator.nextval_allowed = true;
        let value = translator.value(&expr)?;
        let value = translator.convert(value, column.data_type.family())?;
        Ok((format!("o_fit({}, '{}')", value.text, column.data_type), std::mem::take(&mut translator.needs.sequences)))
    }
}
