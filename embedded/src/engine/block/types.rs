//! Types of variables and parameters.

use sqlparser::tokenizer::Token;

use super::super::ddl::data_type;
use super::super::types::{CharUnit, DataType};
use super::super::{OraError, Result};
use super::{BlockParser, Local};

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VarType {
    /// A value that SQL has too.
    Scalar(DataType),
    Boolean,
    /// A cursor variable.
    Cursor,
    /// An index-by table of such values.
    Table(Box<VarType>),
}

impl VarType {
    /// The type that SQL sees it as.
    pub fn data_type(&self) -> DataType {
        match self {
            VarType::Scalar(data_type) => *data_type,
            VarType::Boolean => DataType::NUMBER,
            VarType::Cursor | VarType::Table(_) => DataType::varchar2(1),
        }
    }

    /// Whether SQL can see it.
    pub fn is_plain(&self) -> bool {
        matches!(self, VarType::Scalar(_) | VarType::Boolean)
    }
}

/// A variable that the text may name.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub local: Local,
    pub var_type: VarType,
}

impl BlockParser<'_> {
    /// A type; texts and RAW of parameters have no size.
    pub(super) fn var_type(&mut self) -> Result<VarType> {
        let word = self.reader.peek_word().unwrap_or_default();
        if let Some((_, known)) = self.types.iter().rev().find(|(name, _)| *name == word) {
            let known = known.clone();
            self.reader.next();
            return Ok(known);
        }
        let sizeless = |size, national| {
            let unit = if national { CharUnit::Char } else { CharUnit::Byte };
            VarType::Scalar(DataType::Varchar2 { size, unit, national })
        };
        let plain = match word.as_str() {
            "BOOLEAN" => VarType::Boolean,
            "SYS_REFCURSOR" => VarType::Cursor,
            "PLS_INTEGER" | "BINARY_INTEGER" | "SIMPLE_INTEGER" | "NATURAL" | "POSITIVE" => VarType::Scalar(DataType::NUMBER),
            "VARCHAR2" | "VARCHAR" | "STRING" | "CHAR" if !self.has_size() => sizeless(32_767, false),
            "NVARCHAR2" | "NCHAR" if !self.has_size() => sizeless(16_383, true),
            "RAW" if !self.has_size() => VarType::Scalar(DataType::Raw { size: 32_767 }),
            _ => return self.named_type(),
        };
        self.reader.next();
        Ok(plain)
    }

    fn has_size(&self) -> bool {
        self.reader.peek_after() == Some(&Token::LParen)
    }

    /// `package.type`, or a type of SQL.
    fn named_type(&mut self) -> Result<VarType> {
        if self.reader.peek_after() != Some(&Token::Period) {
            return data_type(&mut self.reader).map(VarType::Scalar);
        }
        let name = self.reader.object_name()?;
        let package = name.schema.unwrap_or_default();
        self.scope.type_named(&package, &name.name)?.ok_or_else(|| {
            let line = self.reader.line();
            let text = format!("line {line}, column 1:\nPLS-00201: identifier '{package}.{}' must be declared", name.name);
            OraError::new(6550, text)
        })
    }

    /// `TYPE name IS TABLE OF type INDEX BY integer`, after TYPE.
    pub(super) fn type_declaration(&mut self) -> Result<()> {
        let name = self.reader.identifier().map_err(|_| self.unexpected())?;
        self.expect("IS")?;
        if self.reader.take("REF CURSOR") {
            self.types.push((name, VarType::Cursor));
            return self.expect_token(&Token::SemiColon);
        }
        if !self.reader.take("TABLE OF") {
            return Err(OraError::unsupported(format_args!("the PL/SQL type {name} (only tables indexed by integers)")));
        }
        let element = self.var_type()?;
        if !self.reader.take("INDEX BY") || !(self.reader.take("BINARY_INTEGER") || self.reader.take("PLS_INTEGER")) {
            return Err(OraError::unsupported(format_args!("the collection {name} (only tables indexed by integers)")));
        }
        self.types.push((name, VarType::Table(Box::new(element))));
        self.expect_token(&Token::SemiColon)
    }
}
