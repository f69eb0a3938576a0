//! Joins by columns of one name: USING and NATURAL.

use sqlparser::ast::ObjectName;

use super::super::tokens::normalise;
use super::super::{OraError, Result};
use super::{ScopeColumn, Source, Sql, Translator};

impl Translator<'_> {
    /// ` ON …` for columns of the same name in the sources from `first` and from `joined` on: those named, or all there are. They become one
    /// column each, which belongs to none of the tables and stands before all others.
    pub(super) fn join_using(&mut self, names: Option<&[ObjectName]>, words: &str, first: usize, joined: usize) -> Result<String> {
        let names = match names {
            Some(names) => names.iter().map(simple_name).collect::<Result<Vec<_>>>()?,
            None => self.common_names(first, joined),
        };
        let mut conditions = Vec::new();
        let mut merged = Vec::new();
        for name in &names {
            let (left, right) = (self.join_column(name, first..joined)?, self.join_column(name, joined..usize::MAX)?);
            let as_sql = |column: &ScopeColumn| Sql { nullable: column.nullable, ..Sql::new(column.sql.clone(), column.data_type) };
            let (a, b, collation) = self.comparable(as_sql(&left), as_sql(&right))?;
            conditions.push(format!("{a}{collation} = {b}{collation}"));
            let kept = if words == "RIGHT JOIN" { &right } else { &left };
            let sql = if words == "FULL JOIN" { format!("coalesce({}, {})", left.sql, right.sql) } else { kept.sql.clone() };
            merged.push(ScopeColumn { name: name.clone(), sql, data_type: kept.data_type, nullable: kept.nullable });
        }
        if let Some(scope) = self.scopes.last_mut() {
            for source in scope.iter_mut().skip(first) {
                source.columns.retain(|column| !names.contains(&column.name));
            }
            scope.insert(first, Source { schema: None, name: None, columns: merged, rowid: None });
        }
        Ok(if conditions.is_empty() { " ON 1".into() } else { format!(" ON {}", conditions.join(" AND ")) })
    }

    /// Names that the sources on both sides have, in the order of the left ones.
    fn common_names(&self, first: usize, joined: usize) -> Vec<String> {
        let scope = self.scopes.last().map(Vec::as_slice).unwrap_or_default();
        let right = scope.get(joined..).unwrap_or_default();
        let is_there = |name: &String| right.iter().any(|source| source.columns.iter().any(|column| column.name == *name));
        let left = scope.get(first..joined).unwrap_or_default().iter().flat_map(|source| &source.columns);
        left.map(|column| column.name.clone()).filter(is_there).collect()
    }

    /// The one column of this name in some of the sources.
    fn join_column(&self, name: &str, places: std::ops::Range<usize>) -> Result<ScopeColumn> {
        let scope = self.scopes.last().map(Vec::as_slice).unwrap_or_default();
        let sources = scope.iter().enumerate().filter(|(index, _)| places.contains(index)).map(|(_, source)| source);
        let mut found = sources.flat_map(|source| &source.columns).filter(|column| column.name == name);
        let column = found.next().ok_or_else(|| OraError::invalid_identifier(format_args!("\"{name}\"")))?;
        match found.next() {
            Some(_) => Err(OraError::new(918, "column ambiguously defined")),
            None => Ok(column.clone()),
        }
    }
}

fn simple_name(name: &ObjectName) -> Result<String> {
    let part = match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    };
    let part = part.ok_or_else(|| OraError::new(1748, "only simple column names allowed here"))?;
    Ok(normalise(&part.value, part.quote_style.is_some()))
}
