//! Clauses of other dialects that the parser takes too: what is not known here is refused by name, never dropped. Everything is destructured
//! whole, so that a field the parser gains does not compile until somebody decides.

use sqlparser::ast::{
    Delete, Expr, Function, Insert, Join, ObjectName, OrderBy, Query, Select, SelectFlavor, TableAlias, TableFactor, TableSample,
    TableSampleKind, TableSampleMethod, TableSampleModifier, TableSampleQuantity, TableVersion, Update, WildcardAdditionalOptions,
};

use super::super::tokens::normalise;
use super::super::{OraError, Result};

/// Refuses the first that is present.
fn refuse(clauses: &[(bool, &str)]) -> Result<()> {
    clauses.iter().find(|(present, _)| *present).map_or(Ok(()), |(_, name)| Err(OraError::unsupported(name)))
}

/// Name and alias of a table that is nothing but that.
pub(super) fn plain_table(factor: &TableFactor) -> Result<(&ObjectName, Option<String>)> {
    let QueriedTable { name, alias, version, sample } = queried_table(factor)?;
    refuse(&[(version.is_some(), "AS OF of a table here"), (sample.is_some(), "SAMPLE of a table here")])?;
    Ok((name, alias))
}

/// A table in a query.
pub(super) struct QueriedTable<'a> {
    pub name: &'a ObjectName,
    pub alias: Option<String>,
    pub version: Option<&'a TableVersion>,
    /// Percentage of `SAMPLE (n)` and `SAMPLE BLOCK (n)`.
    pub sample: Option<&'a Expr>,
}

/// As [`plain_table`], and which version and how much of it.
pub(super) fn queried_table(factor: &TableFactor) -> Result<QueriedTable<'_>> {
    let TableFactor::Table { name, alias, args, with_hints, version, with_ordinality, partitions, json_path, sample, index_hints } = factor
    else {
        return Err(OraError::unsupported(format_args!("{factor} as a table")));
    };
    refuse(&[
        (args.is_some(), "a table with arguments"),
        (!with_hints.is_empty() || !index_hints.is_empty(), "a table with hints"),
        (*with_ordinality || json_path.is_some(), "this form of table"),
        (!partitions.is_empty(), "PARTITION of a table"),
    ])?;
    let sample = sample.as_ref().map(sample_percent).transpose()?;
    Ok(QueriedTable { name, alias: alias.as_ref().map(alias_name).transpose()?, version: version.as_ref(), sample })
}

fn sample_percent(kind: &TableSampleKind) -> Result<&Expr> {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = kind;
    let TableSample { modifier, name, quantity, seed, bucket, offset } = sample.as_ref();
    refuse(&[
        (*modifier != TableSampleModifier::Sample || bucket.is_some() || offset.is_some(), "this form of SAMPLE"),
        (name.as_ref().is_some_and(|method| *method != TableSampleMethod::Block), "this form of SAMPLE"),
        (seed.is_some(), "SAMPLE with SEED"),
    ])?;
    match quantity {
        Some(TableSampleQuantity { parenthesized: true, value, unit: None }) => Ok(value),
        _ => Err(OraError::new(933, "SQL command not properly ended")),
    }
}

/// The name that an alias gives; names of columns in it are refused.
pub(super) fn alias_name(alias: &TableAlias) -> Result<String> {
    let TableAlias { explicit: _, name, columns, at } = alias;
    refuse(&[(!columns.is_empty(), "an alias with columns"), (at.is_some(), "an alias with AT")])?;
    Ok(normalise(&name.value, name.quote_style.is_some()))
}

/// What a join may have beside its operator.
pub(super) fn check_join(join: &Join) -> Result<()> {
    let Join { relation: _, global, join_operator: _ } = join;
    refuse(&[(*global, "GLOBAL JOIN")])
}

/// What a query may not have around its SELECT.
pub(super) fn check_query(query: &Query) -> Result<()> {
    let Query { with: _, body: _, order_by, limit_clause: _, fetch: _, locks: _, for_clause: _, settings, format_clause, pipe_operators } =
        query;
    let interpolated = order_by.as_ref().is_some_and(|OrderBy { kind: _, interpolate }| interpolate.is_some());
    refuse(&[
        (settings.is_some(), "SETTINGS"),
        (format_clause.is_some(), "FORMAT"),
        (!pipe_operators.is_empty(), "|>"),
        (interpolated, "INTERPOLATE"),
    ])
}

/// What `VALUES (…)` of an INSERT may not have around it.
pub(super) fn check_values(query: &Query) -> Result<()> {
    let Query { with, body: _, order_by, limit_clause, fetch, locks, for_clause, .. } = query;
    check_query(query)?;
    match with.is_some() || order_by.is_some() || limit_clause.is_some() || fetch.is_some() || !locks.is_empty() || for_clause.is_some() {
        true => Err(OraError::new(933, "SQL command not properly ended")),
        false => Ok(()),
    }
}

/// What a SELECT may not have.
pub(super) fn check_select(select: &Select) -> Result<()> {
    let Select {
        select_token: _,
        optimizer_hints: _,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by: _,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    refuse(&[
        (top.is_some(), "TOP"),
        (into.is_some(), "SELECT … INTO"),
        (!lateral_views.is_empty(), "LATERAL"),
        (qualify.is_some(), "QUALIFY"),
        (!named_window.is_empty(), "WINDOW"),
        (prewhere.is_some() || !cluster_by.is_empty() || !sort_by.is_empty() || !distribute_by.is_empty(), "this clause"),
        (select_modifiers.is_some() || value_table_mode.is_some() || exclude.is_some(), "this modifier"),
        (*flavor != SelectFlavor::Standard, "FROM before SELECT"),
    ])
}

/// What `*` may not have after it.
pub(super) fn check_wildcard(options: &WildcardAdditionalOptions) -> Result<()> {
    let WildcardAdditionalOptions { wildcard_token: _, opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias } = options;
    let any = opt_ilike.is_some()
        || opt_exclude.is_some()
        || opt_except.is_some()
        || opt_replace.is_some()
        || opt_rename.is_some()
        || opt_alias.is_some();
    if any { Err(OraError::new(923, "FROM keyword not found where expected")) } else { Ok(()) }
}

/// What a call may not have around its arguments.
pub(super) fn check_call(function: &Function) -> Result<()> {
    let Function { name: _, uses_odbc_syntax, parameters, args: _, filter, null_treatment, over: _, within_group: _ } = function;
    refuse(&[
        (filter.is_some(), "FILTER"),
        (null_treatment.is_some(), "RESPECT NULLS and IGNORE NULLS"),
        (*uses_odbc_syntax || !matches!(parameters, sqlparser::ast::FunctionArguments::None), "this form of call"),
    ])
}

/// What an INSERT may not have.
pub(super) fn check_insert(insert: &Insert) -> Result<()> {
    let Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        ignore,
        into,
        table: _,
        table_alias: _,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    if !*into {
        return Err(OraError::new(925, "missing INTO keyword"));
    }
    refuse(&[
        (returning.is_some(), "RETURNING"),
        (
            multi_table_insert_type.is_some()
                || !multi_table_into_clauses.is_empty()
                || !multi_table_when_clauses.is_empty()
                || multi_table_else_clause.is_some(),
            "INSERT into several tables",
        ),
        (
            or.is_some() || *ignore || *overwrite || *replace_into || *has_table_keyword || priority.is_some() || on.is_some(),
            "this form of INSERT",
        ),
        (
            !assignments.is_empty()
                || partitioned.is_some()
                || !after_columns.is_empty()
                || output.is_some()
                || insert_alias.is_some()
                || settings.is_some()
                || format_clause.is_some(),
            "this clause of INSERT",
        ),
    ])
}

/// What an UPDATE may not have.
pub(super) fn check_update(update: &Update) -> Result<()> {
    let Update {
        update_token: _,
        optimizer_hints: _,
        table: _,
        assignments: _,
        from,
        selection: _,
        returning,
        output,
        or,
        order_by,
        limit,
    } = update;
    refuse(&[
        (returning.is_some(), "RETURNING"),
        (from.is_some() || output.is_some() || or.is_some() || !order_by.is_empty() || limit.is_some(), "this form of UPDATE"),
    ])
}

/// What a DELETE may not have.
pub(super) fn check_delete(delete: &Delete) -> Result<()> {
    let Delete { delete_token: _, optimizer_hints: _, tables, from: _, using, selection: _, returning, output, order_by, limit } = delete;
    refuse(&[
        (returning.is_some(), "RETURNING"),
        (!tables.is_empty() || using.is_some() || output.is_some() || !order_by.is_empty() || limit.is_some(), "this form of DELETE"),
    ])
}
