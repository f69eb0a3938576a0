//! SYS_CONTEXT.

use sqlparser::ast::{Expr, Value};

use super::super::types::DataType;
use super::super::{OraError, Result};
use super::{Sql, Translator};

impl Translator<'_> {
    /// SYS_CONTEXT of names that are known at run time only: a choice among all there are.
    fn any_context(&mut self, arguments: &[Expr]) -> Result<Sql> {
        const USERENV: [&str; 7] =
            ["CURRENT_SCHEMA", "SESSION_USER", "CURRENT_USER", "DB_NAME", "SERVICE_NAME", "INSTANCE_NAME", "CURRENT_EDITION_NAME"];
        let mut names = Vec::new();
        for argument in &arguments[..2] {
            let value = self.value(argument)?;
            names.push(self.text_of(value)?.text);
        }
        let own = self.context.settings.keys().map(|key| key.split_once('.').unwrap_or(("USERENV", key)));
        let known: Vec<(String, String)> = own
            .chain(USERENV.into_iter().map(|name| ("USERENV", name)))
            .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
            .collect();
        let mut branches = String::new();
        for (namespace, name) in known {
            let value = self.sys_context(&[quoted(&namespace), quoted(&name)])?;
            let (namespace, name) = (super::text_literal(&namespace), super::text_literal(&name));
            branches.push_str(&format!(" WHEN upper({}) = {namespace} AND upper({}) = {name} THEN {}", names[0], names[1], value.text));
        }
        Ok(Sql::new(format!("CASE{branches} END"), DataType::varchar2(256)))
    }

    pub(super) fn sys_context(&mut self, arguments: &[Expr]) -> Result<Sql> {
        if !arguments.iter().all(|argument| matches!(argument, Expr::Value(value) if !matches!(value.value, Value::Placeholder(_)))) {
            return self.any_context(arguments);
        }
        let text = |expr: &Expr| match expr {
            Expr::Value(value) => value.value.clone().into_string().unwrap_or_default().to_uppercase(),
            _ => String::new(),
        };
        let value = match (text(&arguments[0]).as_str(), text(&arguments[1]).as_str()) {
            ("USERENV", "CURRENT_SCHEMA") => self.context.schema,
            ("USERENV", "SESSION_USER" | "CURRENT_USER") => self.context.user,
            ("USERENV", "DB_NAME" | "SERVICE_NAME" | "INSTANCE_NAME" | "DB_UNIQUE_NAME" | "CON_NAME" | "CDB_NAME") => "EMBEDDED",
            ("USERENV", "ISDBA") => "FALSE",
            // As where there are no containers.
            ("USERENV", "CON_ID") => "0",
            ("USERENV", "LANGUAGE") => "AMERICAN_AMERICA.AL32UTF8",
            ("USERENV", "LANG") => "US",
            ("USERENV", parameter) if self.context.settings.contains_key(parameter) => {
                self.context.settings.get(parameter).map_or("", String::as_str)
            }
            ("USERENV", "CURRENT_EDITION_NAME" | "SESSION_EDITION_NAME") => "ORA$BASE",
            ("USERENV", "MODULE" | "ACTION" | "CLIENT_IDENTIFIER" | "CLIENT_INFO") => "",
            // No cloud service, no proxy: NULL, as on a server of one's own.
            ("USERENV", "CLOUD_SERVICE" | "PROXY_USER" | "PROXY_USERID") => {
                return Ok(Sql { data_type: DataType::varchar2(256), ..Sql::null() });
            }
            (namespace, parameter) => match self.context.settings.get(&format!("{namespace}.{parameter}")) {
                Some(value) => value,
                None if namespace != "USERENV" => return Ok(Sql { data_type: DataType::varchar2(256), ..Sql::null() }),
                None => return Err(OraError::unsupported(format_args!("SYS_CONTEXT('{namespace}', '{parameter}')"))),
            },
        };
        Ok(Sql::new(super::text_literal(value), DataType::varchar2(256)))
    }
}

fn quoted(name: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(name.to_owned()).into())
}
