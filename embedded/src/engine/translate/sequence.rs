//! NEXTVAL and CURRVAL.

use sqlparser::ast::Ident;

use super::super::tokens::normalise;
use super::super::types::DataType;
use super::super::{OraError, Result};
use super::{Sql, Translator};

impl Translator<'_> {
    /// `[schema.]sequence.NEXTVAL` or `.CURRVAL`; none where the name says something else.
    pub(super) fn sequence_number(&mut self, parts: &[Ident]) -> Result<Option<Sql>> {
        let names: Vec<String> = parts.iter().map(|part| normalise(&part.value, part.quote_style.is_some())).collect();
        let (schema, name, pseudo) = match names.as_slice() {
            [name, pseudo] => (self.context.schema, name, pseudo),
            [schema, name, pseudo] => (schema.as_str(), name, pseudo),
            _ => return Ok(None),
        };
        let is_next = pseudo == "NEXTVAL";
        if !is_next && pseudo != "CURRVAL" {
            return Ok(None);
        }
        let offset = parts.first().and_then(|part| self.offset(part));
        let Some(sequence) = self.context.catalog.sequence(schema, name).cloned() else {
            return match self.column(parts) {
                Ok(column) => Ok(Some(column)),
                Err(_) => Err(OraError::new(2289, "sequence does not exist").at(offset)),
            };
        };
        if !self.nextval_allowed {
            return Err(OraError::new(2287, "sequence number not allowed here").at(parts.last().and_then(|part| self.offset(part))));
        }
        let id = sequence.id;
        // A row takes one number of a sequence, however often it names it.
        let taken = self.numbers_taken.contains(&id);
        let text = if is_next && !taken {
            self.numbers_taken.push(id);
            format!("o_nextval({id})")
        } else {
            format!("o_currval({id}, '{}')", format!("{}.{}", sequence.owner, sequence.name).replace('\'', "''"))
        };
        self.needs.takes_numbers |= is_next;
        if !self.needs.sequences.iter().any(|known| known.id == id) {
            self.needs.sequences.push(sequence);
        }
        Ok(Some(Sql { nullable: false, ..Sql::new(text, DataType::NUMBER) }))
    }
}
