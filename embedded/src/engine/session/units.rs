//! Stored procedures, functions and packages: making and dropping them, and finding them by name.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::super::block::{Outline, Scope, Signature, Subprogram, UnitKind, VarType, header, outline, signature, subprograms};
use super::super::catalog::Catalog;
use super::super::tokens::{ObjectName, TokenReader};
use super::super::{OraError, Result};
use super::Session;

/// Stored units by owner, name and kind.
pub(super) struct Units {
    catalog: Arc<Catalog>,
    schema: String,
}

/// Whether a text makes a stored unit.
pub(super) fn is_unit(sql: &str) -> bool {
    TokenReader::new(sql).and_then(|mut reader| header(&mut reader)).is_ok_and(|found| found.is_some())
}

impl Units {
    fn text(&self, owner: &str, name: &str, kind: UnitKind) -> Option<&Arc<str>> {
        self.catalog.units.get(&(owner.to_owned(), name.to_owned(), kind.name().to_owned()))
    }

    fn outline(&self, owner: &str, name: &str) -> Result<Option<Outline>> {
        let kinds = [UnitKind::Package, UnitKind::Procedure, UnitKind::Function];
        match kinds.into_iter().find_map(|kind| self.text(owner, name, kind)) {
            Some(text) => outline(text, self).map(Some),
            None => Ok(None),
        }
    }

    /// The subprogram of a unit, ready to run.
    pub(super) fn subprogram(&self, owner: &str, unit: &str, name: &str) -> Result<Subprogram> {
        let missing = || OraError::new(4063, format_args!("\"{owner}.{unit}\" has errors or is missing"));
        let (text, types) = match self.text(owner, unit, UnitKind::Package) {
            Some(specification) => {
                (self.text(owner, unit, UnitKind::PackageBody).ok_or_else(missing)?, outline(specification, self)?.types)
            }
            None => {
                let kinds = [UnitKind::Procedure, UnitKind::Function];
                (kinds.into_iter().find_map(|kind| self.text(owner, unit, kind)).ok_or_else(missing)?, Vec::new())
            }
        };
        subprograms(text, types, self)?.into_iter().find(|made| made.name == name).ok_or_else(missing)
    }

    /// Parses a text as it will be when it is called.
    fn compile(&self, sql: &str, owner: &str, name: &str, kind: UnitKind) -> Result<()> {
        match kind {
            UnitKind::Package => outline(sql, self).map(drop),
            UnitKind::PackageBody => {
                let types = self.outline(owner, name)?.map(|found| found.types).unwrap_or_default();
                subprograms(sql, types, self).map(drop)
            }
            UnitKind::Procedure | UnitKind::Function => subprograms(sql, Vec::new(), self).map(drop),
        }
    }
}

impl Scope for Units {
    fn signature(&self, parts: &[String]) -> Result<Option<Signature>> {
        let candidates: &[(&str, &str, &str)] = match parts {
            [name] => &[(&self.schema, name, name)],
            [first, second] => &[(&self.schema, first, second), (first, second, second)],
            [owner, package, name] => &[(owner, package, name)],
            _ => &[],
        };
        for (owner, unit, name) in candidates {
            if let Some(found) = self.outline(owner, unit)?.and_then(|outline| signature(outline, owner, unit, name)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn type_named(&self, package: &str, name: &str) -> Result<Option<VarType>> {
        let outline = self.outline(&self.schema, package)?;
        Ok(outline.and_then(|outline| outline.types.into_iter().find(|(known, _)| known == name).map(|(_, var_type)| var_type)))
    }
}

impl Session {
    /// The units there are now.
    pub(super) fn units(&self) -> Units {
        Units { catalog: Arc::clone(&self.catalog), schema: self.schema.clone() }
    }

    /// CREATE [OR REPLACE] of a unit. One that does not compile is kept, as Oracle does, with a warning; what the engine does not know is
    /// refused.
    pub(super) fn create_unit(&mut self, sql: &str) -> Result<()> {
        self.commit()?;
        self.begin()?;
        let result = self.store_unit(sql).and_then(|warning| {
            let (id, warning) = warning;
            Catalog::stamp(&self.connection, &[(id, true)])?;
            Catalog::bump(&self.connection)?;
            self.commit()?;
            Ok(warning)
        });
        match result {
            Ok(warning) => self.warning = warning,
            Err(error) => {
                self.rollback()?;
                return Err(error);
            }
        }
        self.refresh()
    }

    fn store_unit(&mut self, sql: &str) -> Result<(i64, Option<OraError>)> {
        let Some((kind, name)) = header(&mut TokenReader::new(sql)?)? else { return Err(OraError::internal("unit")) };
        let owner = name.schema.unwrap_or_else(|| self.schema.clone());
        let key = (owner.clone(), name.name.clone(), kind.name().to_owned());
        let mut reader = TokenReader::new(sql)?;
        let replaces = reader.take("CREATE OR REPLACE");
        if self.catalog.units.contains_key(&key) && !replaces {
            return Err(OraError::new(955, "name is already used by an existing object"));
        }
        if !self.catalog.units.contains_key(&key) && kind != UnitKind::PackageBody {
            self.check_free(&owner, &name.name)?;
        }
        let warning = match self.units().compile(sql, &owner, &name.name, kind) {
            Ok(()) => None,
            Err(error) if error.code == 3001 => return Err(error),
            Err(_) => Some(OraError::new(24344, "success with compilation error")),
        };
        let sql_of_id = "DELETE FROM ora_text WHERE kind = ? AND owner = ? AND name = ? RETURNING id";
        let known = self.connection.query_row(sql_of_id, params![kind.name(), owner, name.name], |row| row.get(0)).optional()?;
        let id = known.map_or_else(|| Catalog::next_id(&self.connection), Ok)?;
        let status = if warning.is_some() { "INVALID" } else { "" };
        self.connection
            .execute("INSERT INTO ora_text VALUES (?, ?, ?, ?, ?, ?)", params![id, kind.name(), owner, name.name, sql, status])?;
        Ok((id, warning))
    }

    /// DROP of a unit; a package goes with its body.
    pub(in super::super) fn drop_unit(&mut self, kind: UnitKind, name: &ObjectName) -> Result<()> {
        let owner = name.schema.as_deref().unwrap_or(&self.schema);
        let mut kinds = vec![kind.name()];
        if kind == UnitKind::Package {
            kinds.push(UnitKind::PackageBody.name());
        }
        let mut dropped = 0;
        for kind in kinds {
            let sql = "DELETE FROM ora_text WHERE kind = ? AND owner = ? AND name = ?";
            dropped += self.connection.execute(sql, params![kind, owner, name.name])?;
        }
        match dropped {
            0 => Err(OraError::new(4043, format_args!("object {} does not exist", name.name))),
            _ => Ok(()),
        }
    }

    /// What the last statement has to say besides its success, once.
    pub fn take_warning(&mut self) -> Option<OraError> {
        self.warning.take()
    }
}
