//! Stored procedures, functions and packages: their headers and bodies.

use sqlparser::tokenizer::Token;

use super::super::tokens::{ObjectName, TokenReader};
use super::super::{OraError, Result};
use super::call::{Callee, Mode, Parameter, Scope, Signature};
use super::types::VarType;
use super::{Block, BlockParser, Expression};

/// What CREATE makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitKind {
    Procedure,
    Function,
    Package,
    PackageBody,
}

impl UnitKind {
    /// As the dictionary and the catalog call it.
    pub fn name(self) -> &'static str {
        match self {
            UnitKind::Procedure => "PROCEDURE",
            UnitKind::Function => "FUNCTION",
            UnitKind::Package => "PACKAGE",
            UnitKind::PackageBody => "PACKAGE BODY",
        }
    }

    /// Reads the words.
    pub fn read(reader: &mut TokenReader<'_>) -> Option<UnitKind> {
        use UnitKind as K;
        [K::PackageBody, K::Package, K::Procedure, K::Function].into_iter().find(|kind| reader.take(kind.name()))
    }
}

/// A procedure or function that can run.
pub(crate) struct Subprogram {
    pub name: String,
    pub parameters: Vec<Parameter>,
    /// Values of parameters that are not given.
    pub defaults: Vec<Option<Expression>>,
    pub returns: Option<VarType>,
    pub block: Block,
    /// Parameters and variables.
    pub slots: usize,
}

/// Headers and types that a unit shows to others.
#[derive(Default)]
pub(crate) struct Outline {
    pub signatures: Vec<(String, Vec<Parameter>, Option<VarType>)>,
    pub types: Vec<(String, VarType)>,
}

/// Reads `CREATE [OR REPLACE] kind name`.
pub(crate) fn header(reader: &mut TokenReader<'_>) -> Result<Option<(UnitKind, ObjectName)>> {
    reader.take("CREATE");
    reader.take("OR REPLACE");
    let _ = reader.take("EDITIONABLE") || reader.take("NONEDITIONABLE");
    match UnitKind::read(reader) {
        Some(kind) => Ok(Some((kind, reader.object_name()?))),
        None => Ok(None),
    }
}

/// What the text of a procedure, a function or a package's specification shows.
pub(crate) fn outline(text: &str, scope: &dyn Scope) -> Result<Outline> {
    let mut parser = BlockParser::new(text, &[], scope)?;
    let Some((kind, name)) = header(&mut parser.reader)? else { return Ok(Outline::default()) };
    if matches!(kind, UnitKind::Procedure | UnitKind::Function) {
        let (parameters, _, returns) = parser.heading()?;
        return Ok(Outline { signatures: vec![(name.name, parameters, returns)], types: Vec::new() });
    }
    parser.is_or_as()?;
    let mut signatures = Vec::new();
    while !parser.reader.take("END") {
        match UnitKind::read(&mut parser.reader) {
            Some(UnitKind::Procedure | UnitKind::Function) => {
                let name = parser.reader.identifier()?;
                let (parameters, _, returns) = parser.heading()?;
                parser.visible.clear();
                signatures.push((name, parameters, returns));
                parser.expect_token(&Token::SemiColon)?;
            }
            _ if parser.reader.take("TYPE") => parser.type_declaration()?,
            _ => return Err(parser.unexpected()),
        }
    }
    Ok(Outline { signatures, types: parser.types })
}

/// The procedures and functions in a text; `types` are those of the package's specification.
pub(crate) fn subprograms(text: &str, types: Vec<(String, VarType)>, scope: &dyn Scope) -> Result<Vec<Subprogram>> {
    let mut parser = BlockParser::new(text, &[], scope)?;
    parser.types = types;
    let Some((kind, name)) = header(&mut parser.reader)? else { return Ok(Vec::new()) };
    if matches!(kind, UnitKind::Procedure | UnitKind::Function) {
        let made = parser.subprogram(name.name)?;
        while parser.reader.take_token(&Token::SemiColon) {}
        return if parser.reader.is_end() { Ok(vec![made]) } else { Err(parser.unexpected()) };
    }
    parser.is_or_as()?;
    let mut made = Vec::new();
    while !parser.reader.take("END") {
        match UnitKind::read(&mut parser.reader) {
            Some(UnitKind::Procedure | UnitKind::Function) => {
                let name = parser.reader.identifier()?;
                made.push(parser.subprogram(name)?);
                parser.expect_token(&Token::SemiColon)?;
            }
            _ if parser.reader.take("TYPE") => parser.type_declaration()?,
            _ => return Err(OraError::unsupported("variables and initialization of a package")),
        }
    }
    Ok(made)
}

/// Parameters, the values of those not given, and the type of a function's value.
type Heading = (Vec<Parameter>, Vec<Option<Expression>>, Option<VarType>);

impl BlockParser<'_> {
    fn is_or_as(&mut self) -> Result<()> {
        while self.reader.take("AUTHID") {
            self.reader.next();
        }
        if self.reader.take("IS") || self.reader.take("AS") { Ok(()) } else { Err(self.unexpected()) }
    }

    /// `[(parameters)] [RETURN type]`.
    fn heading(&mut self) -> Result<Heading> {
        let (mut parameters, mut defaults) = (Vec::new(), Vec::new());
        if self.reader.take_token(&Token::LParen) {
            loop {
                let (parameter, default) = self.parameter()?;
                parameters.push(parameter);
                defaults.push(default);
                if !self.reader.take_token(&Token::Comma) {
                    break;
                }
            }
            self.expect_token(&Token::RParen)?;
        }
        let returns = if self.reader.take("RETURN") { Some(self.var_type()?) } else { None };
        self.reader.take("DETERMINISTIC");
        Ok((parameters, defaults, returns))
    }

    fn parameter(&mut self) -> Result<(Parameter, Option<Expression>)> {
        let name = self.reader.identifier().map_err(|_| self.unexpected())?;
        let (reads, writes) = (self.reader.take("IN"), self.reader.take("OUT"));
        self.reader.take("NOCOPY");
        let mode = match (reads, writes) {
            (_, false) => Mode::In,
            (false, true) => Mode::Out,
            (true, true) => Mode::InOut,
        };
        let var_type = self.var_type()?;
        let default = match self.reader.take_token(&Token::Assignment) || self.reader.take("DEFAULT") {
            true => Some(self.expression_until(&var_type, &[], &[Token::Comma, Token::RParen])?),
            false => None,
        };
        self.declare_variable(name.clone(), var_type.clone());
        Ok((Parameter { name, mode, var_type, has_default: default.is_some() }, default))
    }

    /// Heading and body, after the name.
    fn subprogram(&mut self, name: String) -> Result<Subprogram> {
        (self.locals, self.visible) = (0, Vec::new());
        let (parameters, defaults, returns) = self.heading()?;
        self.is_or_as()?;
        self.returns.clone_from(&returns);
        let known_types = self.types.len();
        let block = self.body()?;
        self.types.truncate(known_types);
        // END may be followed by the name.
        if self.reader.peek_word().as_deref() == Some(name.as_str()) {
            self.reader.next();
        }
        Ok(Subprogram { name, parameters, defaults, returns, block, slots: self.locals })
    }
}

/// The signature of one of an outline's subprograms.
pub(crate) fn signature(outline: Outline, owner: &str, unit: &str, name: &str) -> Option<Signature> {
    let found = outline.signatures.into_iter().find(|(known, ..)| known == name);
    found.map(|(name, parameters, returns)| Signature {
        callee: Callee::Stored { owner: owner.to_owned(), unit: unit.to_owned(), name },
        parameters,
        returns,
    })
}
