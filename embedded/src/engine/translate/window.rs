//! Analytic functions: `function(…) OVER (PARTITION BY … ORDER BY … ROWS …)`.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
    WindowType,
};

use super::super::types::DataType;
use super::super::{OraError, Result};
use super::{Sql, Translator, unnested};

/// A window in SQLite's words.
struct Window {
    partition: String,
    order: String,
    frame: String,
}

impl Window {
    /// A call over the window as it was written.
    fn over(&self, call: &str) -> String {
        format!("{call} OVER ({}{}{})", self.partition, self.order, self.frame)
    }

    /// A call over all rows of the partition.
    fn over_partition(&self, call: &str) -> String {
        format!("{call} OVER ({})", self.partition)
    }
}

impl Translator<'_> {
    pub(super) fn analytic(&mut self, name: &str, function: &Function, over: &WindowType) -> Result<Sql> {
        let WindowType::WindowSpec(spec) = over else {
            return Err(OraError::unsupported("a named window"));
        };
        if spec.window_name.is_some() || function.null_treatment.is_some() || function.filter.is_some() {
            return Err(OraError::unsupported("this form of an analytic function"));
        }
        if !self.aggregates_allowed || self.aggregate_depth > 0 {
            return Err(OraError::new(30483, "window functions are not allowed here"));
        }
        let window = self.window(spec)?;
        let (values, star) = self.analytic_arguments(function)?;
        check_window(name, &window)?;
        let number = |text: String| Ok(Sql { nullable: false, ..Sql::new(text, DataType::NUMBER) });
        let count = |call: &str| number(format!("o_integer({})", window.over(call)));
        let first = values.first().cloned();
        match (name, first) {
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK", None) => count(&format!("{}()", name.to_lowercase())),
            ("PERCENT_RANK", None) => {
                let (rank, rows) = (window.over("rank()"), window.over_partition("count(*)"));
                number(format!("o_share({rank} - 1, {rows} - 1)"))
            }
            ("CUME_DIST", None) => {
                let (rows_up_to, rows) = (window.over("count(*)"), window.over_partition("count(*)"));
                number(format!("o_share({rows_up_to}, {rows})"))
            }
            ("NTILE", Some(value)) => {
                let buckets = value.into_number()?.text;
                count(&format!("ntile(o_row_limit({buckets}, '<='))"))
            }
            ("COUNT", None) if star => count("count(*)"),
            ("COUNT", Some(value)) => count(&format!("count({})", value.text)),
            ("MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE", Some(value)) => {
                Ok(Sql::new(window.over(&format!("{}({})", name.to_lowercase(), value.text)), value.data_type))
            }
            ("SUM" | "AVG", Some(value)) if value.is_float() => {
                let call = format!("o_double_{}({})", name.to_lowercase(), value.into_double()?.text);
                Ok(Sql::new(window.over(&call), DataType::BinaryDouble))
            }
            ("SUM" | "AVG", Some(value)) => {
                let moving = if window.frame.is_empty() { "" } else { "moving_" };
                let call = format!("o_{moving}{}({})", name.to_lowercase(), value.into_number()?.text);
                Ok(Sql::new(window.over(&call), DataType::NUMBER))
            }
            ("RATIO_TO_REPORT", Some(value)) => {
                let value = value.into_number()?.text;
                let sum = window.over_partition(&format!("o_sum({value})"));
                Ok(Sql::new(format!("o_div({value}, {sum})"), DataType::NUMBER))
            }
            ("NTH_VALUE", Some(value)) => {
                let place = values.get(1).cloned().ok_or_else(|| OraError::new(909, "invalid number of arguments"))?.into_number()?.text;
                Ok(Sql::new(window.over(&format!("nth_value({}, o_row_limit({place}, '<='))", value.text)), value.data_type))
            }
            ("LAG" | "LEAD", Some(value)) => {
                let distance = match values.get(1) {
                    Some(distance) => format!("o_row_limit({}, '<=')", distance.clone().into_number()?.text),
                    None => "1".into(),
                };
                let default = match values.get(2) {
                    Some(default) => self.convert(default.clone(), value.family())?.text,
                    None => "NULL".into(),
                };
                let call = format!("{}({}, {distance}, {default})", name.to_lowercase(), value.text);
                Ok(Sql::new(window.over(&call), value.data_type))
            }
            _ => Err(OraError::unsupported(format_args!("{name} as an analytic function"))),
        }
    }

    /// `PARTITION BY …` of LISTAGG, whose order is that of its WITHIN GROUP.
    pub(super) fn listagg_partition(&mut self, over: &WindowType) -> Result<String> {
        let WindowType::WindowSpec(spec) = over else {
            return Err(OraError::unsupported("a named window"));
        };
        if !self.aggregates_allowed || self.aggregate_depth > 0 {
            return Err(OraError::new(30483, "window functions are not allowed here"));
        }
        if !spec.order_by.is_empty() || spec.window_frame.is_some() || spec.window_name.is_some() {
            return Err(OraError::new(30487, "ORDER BY not allowed here"));
        }
        Ok(self.window(spec)?.partition)
    }

    fn window(&mut self, spec: &WindowSpec) -> Result<Window> {
        let partition = spec.partition_by.iter().map(|key| Ok(self.value(key)?.text)).collect::<Result<Vec<_>>>()?;
        let order = spec.order_by.iter().map(|key| self.order_key(key, &[], false)).collect::<Result<Vec<_>>>()?;
        let clause = |words: &str, keys: &[String]| if keys.is_empty() { String::new() } else { format!("{words} {} ", keys.join(", ")) };
        let frame = spec.window_frame.as_ref().map(frame_text).transpose()?.unwrap_or_default();
        Ok(Window { partition: clause("PARTITION BY", &partition), order: clause("ORDER BY", &order), frame })
    }

    fn analytic_arguments(&mut self, function: &Function) -> Result<(Vec<Sql>, bool)> {
        let FunctionArguments::List(list) = &function.args else { return Ok((Vec::new(), false)) };
        if !list.clauses.is_empty() || list.duplicate_treatment.is_some() {
            return Err(OraError::unsupported("this form of an analytic function"));
        }
        let mut values = Vec::new();
        for argument in &list.args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => values.push(self.value(expr)?),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => return Ok((values, true)),
                other => return Err(OraError::unsupported(format_args!("the argument {other}"))),
            }
        }
        Ok((values, false))
    }
}

/// What a function wants of its window.
fn check_window(name: &str, window: &Window) -> Result<()> {
    let needs_order = matches!(name, "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "LAG" | "LEAD" | "NTILE" | "PERCENT_RANK" | "CUME_DIST");
    if needs_order && window.order.is_empty() {
        return Err(OraError::new(30485, "missing ORDER BY expression in the window specification"));
    }
    if name == "RATIO_TO_REPORT" && !window.order.is_empty() {
        return Err(OraError::new(30487, "ORDER BY not allowed here"));
    }
    if !window.frame.is_empty() && (needs_order || window.order.is_empty()) {
        return Err(OraError::new(907, "missing right parenthesis"));
    }
    Ok(())
}

/// `ROWS BETWEEN … AND …`; of RANGE only what names no distance.
fn frame_text(frame: &WindowFrame) -> Result<String> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err(OraError::unsupported("GROUPS of a window")),
    };
    let bound = |bound: &WindowFrameBound| -> Result<String> {
        let distance = |distance: &Option<Box<Expr>>, side: &str| match distance.as_deref().map(unnested) {
            None => Ok(format!("UNBOUNDED {side}")),
            Some(Expr::Value(value)) if units == "ROWS" => match &value.value {
                Value::Number(text, _) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(format!("{text} {side}")),
                _ => Err(OraError::unsupported("this distance of a window")),
            },
            Some(_) => Err(OraError::unsupported("this distance of a window")),
        };
        match bound {
            WindowFrameBound::CurrentRow => Ok("CURRENT ROW".into()),
            WindowFrameBound::Preceding(rows) => distance(rows, "PRECEDING"),
            WindowFrameBound::Following(rows) => distance(rows, "FOLLOWING"),
        }
    };
    let start = bound(&frame.start_bound)?;
    match &frame.end_bound {
        None => Ok(format!("{units} {start}")),
        Some(end) => Ok(format!("{units} BETWEEN {start} AND {}", bound(end)?)),
    }
}
