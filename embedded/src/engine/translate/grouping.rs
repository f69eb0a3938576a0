//! ROLLUP, CUBE and GROUPING SETS: one grouped query for each set of keys, in which the keys that are not of the set are NULL.

use sqlparser::ast::{Expr, GroupByExpr, OrderByExpr, OrderByKind, Query as Ast, Select, SelectItem, SetExpr, Value};

use super::super::number::Number;
use super::super::tokens::normalise;
use super::super::types::DataType;
use super::super::{OraError, Result};
use super::query::Query;
use super::{Sql, Translator, blob_literal, unnested};

/// Most sets that a GROUP BY may make.
const MOST_SETS: usize = 512;

/// One of the sets that a query is grouped by.
#[derive(Clone)]
pub(super) struct GroupSet {
    pub keys: Vec<Expr>,
    /// The keys of all sets.
    pub all: Vec<Expr>,
    /// How many equal sets came before.
    pub number: i64,
}

/// The sets that GROUP BY asks for; none where it names plain keys alone.
pub(super) fn sets(group_by: &[Expr]) -> Result<Option<Vec<Vec<Expr>>>> {
    let is_plain = |item: &Expr| {
        !matches!(item, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)) && !matches!(item, Expr::Tuple(items) if items.is_empty())
    };
    if group_by.iter().all(is_plain) {
        return Ok(None);
    }
    let mut product: Vec<Vec<Expr>> = vec![Vec::new()];
    for item in group_by {
        let choices: Vec<Vec<Expr>> = match item {
            Expr::Rollup(parts) => (0..=parts.len()).rev().map(|length| parts[..length].concat()).collect(),
            Expr::Cube(parts) if parts.len() > 9 => return Err(OraError::unsupported("CUBE of more than nine keys")),
            Expr::Cube(parts) => {
                let chosen = |mask: u32| {
                    let is_in = |index: &usize| mask & (1 << (parts.len() - 1 - index)) != 0;
                    (0..parts.len()).filter(is_in).flat_map(|index| parts[index].clone()).collect::<Vec<_>>()
                };
                (0..1u32 << parts.len()).rev().map(chosen).collect()
            }
            Expr::GroupingSets(parts) => parts.clone(),
            Expr::Tuple(items) => vec![items.clone()],
            key => vec![vec![key.clone()]],
        };
        product = product.iter().flat_map(|set| choices.iter().map(move |choice| [set.as_slice(), choice.as_slice()].concat())).collect();
        if product.len() > MOST_SETS {
            return Err(OraError::unsupported(format_args!("GROUP BY of more than {MOST_SETS} sets")));
        }
    }
    Ok(Some(product))
}

/// Where a key of ORDER BY is among the outputs.
enum SortKey {
    Output(usize),
    Name(String),
}

impl Translator<'_> {
    /// A query with several sets of keys.
    pub(super) fn select_by_sets(&mut self, select: &Select, ast: &Ast, sets: Vec<Vec<Expr>>) -> Result<Query> {
        if select.distinct.is_some() || !select.connect_by.is_empty() {
            return Err(OraError::unsupported("DISTINCT or CONNECT BY with several sets of GROUP BY"));
        }
        let mut all: Vec<Expr> = Vec::new();
        for key in sets.iter().flatten() {
            if !all.contains(key) {
                all.push(key.clone());
            }
        }
        let mut branch = select.clone();
        let sorted = sort_keys(&mut branch, ast)?;
        let plain = Ast {
            with: None,
            body: Box::new(SetExpr::Select(Box::new(branch.clone()))),
            order_by: None,
            limit_clause: None,
            fetch: None,
            ..ast.clone()
        };
        let mut queries: Vec<Query> = Vec::new();
        for (index, keys) in sets.iter().enumerate() {
            let number = sets[..index].iter().filter(|other| *other == keys).count() as i64;
            self.group_set = Some(GroupSet { keys: keys.clone(), all: all.clone(), number });
            let query = self.in_own_scope(|this| this.select(&branch, &plain))?;
            queries.push(query);
        }
        let union = queries.iter().map(|query| format!("SELECT * FROM ({})", query.text)).collect::<Vec<_>>().join(" UNION ALL ");
        let mut outputs = queries.into_iter().next().map(|query| query.outputs).unwrap_or_default();
        for (index, (_, output)) in outputs.iter_mut().enumerate() {
            *output = Sql { nullable: true, ..Sql::new(format!("o{index}"), output.data_type) };
        }
        let hidden = sorted.iter().filter(|(key, _)| matches!(key, SortKey::Output(place) if *place >= select.projection.len())).count();
        let shown = outputs.len() - hidden;
        let order = sorted.iter().map(|(key, item)| sort_text(key, item, &outputs)).collect::<Result<Vec<_>>>()?;
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        outputs.truncate(shown);
        let list = (0..shown).map(|index| format!("q.o{index}")).collect::<Vec<_>>().join(", ");
        let limit = self.limit(ast)?;
        let text = limit.apply(shown, &order, |more, tail| format!("SELECT {list}{more} FROM ({union}) AS q{tail}"));
        Ok(Query::new(text, outputs).grouped())
    }

    /// GROUPING, GROUPING_ID and GROUP_ID; none for any other function.
    pub(super) fn grouping(&mut self, name: &str, arguments: &[Expr]) -> Result<Option<Sql>> {
        let value = match (name, arguments) {
            ("GROUPING", [key]) => self.is_absent(key)?.into(),
            ("GROUPING_ID", [_, ..]) if arguments.len() < 63 => {
                let mut bits = 0;
                for key in arguments {
                    bits = bits * 2 + i64::from(self.is_absent(key)?);
                }
                bits
            }
            ("GROUP_ID", []) => self.group_number,
            ("GROUPING" | "GROUPING_ID" | "GROUP_ID", _) => return Err(OraError::new(909, "invalid number of arguments")),
            _ => return Ok(None),
        };
        Ok(Some(Sql { nullable: false, ..Sql::new(blob_literal(Number::from_i64(value).as_bytes()), DataType::NUMBER) }))
    }

    /// Whether a key is none of the present set.
    fn is_absent(&mut self, key: &Expr) -> Result<bool> {
        let absent = std::mem::take(&mut self.absent_keys);
        let marked = self.bare_columns.len();
        let value = self.value(key);
        self.bare_columns.truncate(marked);
        self.absent_keys = absent;
        let text = value?.text;
        match (self.absent_keys.contains(&text), self.group_keys.contains(&text)) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => Err(OraError::new(979, "not a GROUP BY expression")),
        }
    }
}

/// The keys of ORDER BY: outputs, or expressions that become hidden outputs after all others.
fn sort_keys(branch: &mut Select, ast: &Ast) -> Result<Vec<(SortKey, OrderByExpr)>> {
    let Some(order_by) = &ast.order_by else { return Ok(Vec::new()) };
    let OrderByKind::Expressions(items) = &order_by.kind else { return Err(OraError::unsupported("ORDER BY ALL")) };
    let is_plain = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    let mut keys = Vec::new();
    for item in items {
        let key = match unnested(&item.expr) {
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                let place = value.value.to_string().parse::<usize>().ok().filter(|place| (1..=branch.projection.len()).contains(place));
                SortKey::Output(
                    place.ok_or_else(|| OraError::new(1785, "ORDER BY item must be the number of a SELECT-list expression"))? - 1,
                )
            }
            Expr::Identifier(name) if has_alias(branch, name) => SortKey::Name(normalise(&name.value, name.quote_style.is_some())),
            expr => {
                if !branch.projection.iter().all(is_plain) {
                    return Err(OraError::unsupported("* with several sets of GROUP BY"));
                }
                branch.projection.push(SelectItem::UnnamedExpr(expr.clone()));
                SortKey::Output(branch.projection.len() - 1)
            }
        };
        keys.push((key, item.clone()));
    }
    Ok(keys)
}

fn has_alias(select: &Select, name: &sqlparser::ast::Ident) -> bool {
    let text = normalise(&name.value, name.quote_style.is_some());
    let fits = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if normalise(&alias.value, alias.quote_style.is_some()) == text);
    select.projection.iter().any(fits)
}

fn sort_text(key: &SortKey, item: &OrderByExpr, outputs: &[(String, Sql)]) -> Result<String> {
    let place = match key {
        SortKey::Output(place) => Some(*place),
        SortKey::Name(name) => outputs.iter().position(|(output, _)| output == name),
    };
    let place = place.ok_or_else(|| OraError::internal("key of ORDER BY"))?;
    if outputs.get(place).is_some_and(|(_, sql)| sql.is_incomparable()) {
        return Err(OraError::inconsistent("-", outputs[place].1.data_type.dictionary_name()));
    }
    let descending = matches!(item.options.sort, Some(sqlparser::ast::OrderBySort::Desc));
    let nulls_first = item.options.nulls_first.unwrap_or(descending);
    Ok(format!("q.o{place} {} NULLS {}", if descending { "DESC" } else { "ASC" }, if nulls_first { "FIRST" } else { "LAST" }))
}

/// The keys of GROUP BY, as they are where there is one set only.
pub(super) fn plain_keys<'s>(select: &'s Select, set: Option<&'s GroupSet>) -> Result<&'s [Expr]> {
    match (set, &select.group_by) {
        (Some(set), _) => Ok(&set.keys),
        (None, GroupByExpr::Expressions(keys, modifiers)) if modifiers.is_empty() => Ok(keys),
        (None, GroupByExpr::Expressions(..)) => Err(OraError::unsupported("GROUP BY with a modifier")),
        (None, GroupByExpr::All(_)) => Err(OraError::unsupported("GROUP BY ALL")),
    }
}
