//! What stands in a statement for a bound value that the database makes another type of: no client before 23ai binds these types.
//!
//! | column | source | expression |
//! |---|---|---|
//! | XMLTYPE | text | `XMLPARSE(DOCUMENT :n)`, which is NULL for NULL and takes a CLOB (SQL Language Reference, "XMLPARSE") |
//! | VECTOR | lists of one length | `TO_VECTOR(:n, *, FLOAT64)`: the format of the source, because without one FLOAT32 is taken, whatever the column's is |
//! | VECTOR, JSON | text | `:n`: the column's own format |

use crate::oracle_type::VectorFormat;

/// An expression around a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Form {
    /// The placeholder itself.
    #[default]
    AsIs,
    /// Text of an XML document.
    Xml,
    /// Text of a vector.
    Vector(VectorFormat),
}

impl Form {
    /// The expression around placeholder `position` (1-based).
    pub fn of(self, position: usize) -> String {
        match self {
            Form::AsIs => format!(":{position}"),
            Form::Xml => format!("XMLPARSE(DOCUMENT :{position})"),
            Form::Vector(format) => format!("TO_VECTOR(:{position}, *, {})", format.name()),
        }
    }
}

/// A column for which a value is bound.
pub trait Bound {
    /// Its name, as the dictionary has it.
    fn name(&self) -> &str;

    /// What stands for the value.
    fn form(&self) -> Form {
        Form::AsIs
    }
}

impl<S: AsRef<str>> Bound for S {
    fn name(&self) -> &str {
        self.as_ref()
    }
}

/// A column whose value may be bound as another type.
#[derive(Debug, Clone, Copy)]
pub struct FormedColumn<'a> {
    /// Name.
    pub name: &'a str,
    /// What stands for the value.
    pub form: Form,
}

impl Bound for FormedColumn<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn form(&self) -> Form {
        self.form
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle_type::TableName;
    use crate::sql::dml::{MergeColumn, MergeOptions, insert, merge, update};

    #[test]
    fn every_statement_has_the_expression_in_the_place_of_the_placeholder() {
        let table = TableName { schema: None, table: "T".into() };
        let column = |name, form| FormedColumn { name, form };
        let (id, xml, vector) = (column("ID", Form::AsIs), column("X", Form::Xml), column("V", Form::Vector(VectorFormat::Float64)));
        assert_eq!(
            insert(&table, &[id, xml, vector], None).unwrap(),
            "INSERT INTO T (ID, X, V) VALUES (:1, XMLPARSE(DOCUMENT :2), TO_VECTOR(:3, *, FLOAT64))"
        );
        assert_eq!(update(&table, &[xml], &[id], None).unwrap(), "UPDATE T SET X = XMLPARSE(DOCUMENT :1) WHERE ID = :2");
        let merged = [id, vector].map(|c| MergeColumn { name: c.name, is_key: c.name == "ID", cast: None, form: c.form });
        let sql = merge(&table, &merged, MergeOptions::default()).unwrap();
        assert!(sql.contains("USING (SELECT :1 ID, TO_VECTOR(:2, *, FLOAT64) V FROM DUAL) S ON (T.ID = S.ID)"), "{sql}");
    }
}
