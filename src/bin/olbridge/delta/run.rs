//! Arguments → what the library is asked for → its answer.

use std::collections::BTreeMap;
use std::fmt;

use olbridge::Error;
use olbridge::copy::Cancel;
use olbridge::delta::asked::{self, Change, Column};
use olbridge::delta::{
    DeltaTables, Described, Done, Histories, Location, Outcome, Secret, StoreOptions, TIME_TO_LIVE, assignment, is_secret_option, location,
};
use serde::Serialize;

use super::arguments::{
    AlterArguments, ChangeArguments, CreateArguments, DeleteArguments, MergeArguments, OptimizeArguments, RestoreArguments,
    UpdateArguments, VacuumArguments, Verb, WriteArguments, WriteModeArgument,
};
use super::rows::pair;
use super::shared_arguments::{CommitArguments, FilesArguments, ManyArguments, StoreArguments, TableArguments, TellArguments};
use crate::command::outcome::{self, tell};
use crate::delta_arguments::SchemaModeArgument;
use crate::failure::{Failure, usage};
use crate::request::{Telling, report};
use crate::{confirm, units};

/// What a verb has to say.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    One(Box<Done>),
    Many { tables: Vec<Done> },
    Described(Box<Described>),
    History(Histories),
}

impl Answer {
    fn is_plan(&self) -> bool {
        let planned = |done: &Done| done.outcome == Outcome::Planned;
        match self {
            Answer::One(done) => planned(done),
            Answer::Many { tables } => tables.iter().all(planned),
            Answer::Described(_) | Answer::History(_) => false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::One(done) => done.fmt(f),
            Answer::Many { tables } => tables.iter().try_for_each(|done| done.fmt(f)),
            Answer::Described(described) => described.fmt(f),
            Answer::History(history) => history.fmt(f),
        }
    }
}

/// Does it, and tells.
pub fn run(verb: Verb) -> Result<(), Failure> {
    let telling = telling(told(&verb))?;
    let attempt = || -> Result<outcome::Done<Answer, Answer>, Failure> {
        let answer = Box::new(answer(&verb)?);
        Ok(if answer.is_plan() { outcome::Done::Planned(answer) } else { outcome::Done::Copied(answer) })
    };
    tell(&telling, false, |_| true, attempt).map(drop)
}

fn told(verb: &Verb) -> &TellArguments {
    match verb {
        Verb::Create(a) => &a.table.telling,
        Verb::Describe(a) => &a.table.telling,
        Verb::History(a) => &a.table.telling,
        Verb::Alter(a) => &a.table.telling,
        Verb::Restore(a) => &a.table.telling,
        Verb::Drop(a) => &a.table.telling,
        Verb::Write(a) => &a.changed.table.telling,
        Verb::Delete(a) => &a.changed.table.telling,
        Verb::Update(a) => &a.changed.table.telling,
        Verb::Merge(a) => &a.changed.table.telling,
        Verb::Optimize(a) => &a.tables.telling,
        Verb::Vacuum(a) => &a.tables.telling,
        Verb::Checkpoint(a) => &a.telling,
        Verb::Cleanup(a) => &a.tables.telling,
    }
}

fn telling(arguments: &TellArguments) -> Result<Telling, Failure> {
    let report = arguments.report.as_deref().map(report).transpose()?;
    Ok(Telling { dry_run: false, report, quiet: arguments.quiet })
}

fn answer(verb: &Verb) -> Result<Answer, Failure> {
    let one = |done: Done| Answer::One(Box::new(done));
    Ok(match verb {
        Verb::Create(a) => one(create(a)?),
        Verb::Describe(a) => {
            let (tables, location) = open(&a.table)?;
            let version = asked::Version { version: a.version.delta_version, timestamp: a.version.delta_timestamp.clone() };
            Answer::Described(Box::new(tables.describe(&location, &version)?))
        }
        Verb::History(a) => {
            let (tables, location) = open(&a.table)?;
            Answer::History(tables.history(&location, a.limit)?)
        }
        Verb::Alter(a) => one(alter(a)?),
        Verb::Restore(a) => one(restore(a)?),
        Verb::Drop(a) => {
            let (tables, location) = open(&a.table)?;
            let mut asked = asked::Drop { dry_run: a.dry_run, allow_destructive: a.allow_destructive };
            one(confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.drop_table(&location, asked))?)
        }
        Verb::Write(a) => one(write(a)?),
        Verb::Delete(a) => one(delete(a)?),
        Verb::Update(a) => one(update(a)?),
        Verb::Merge(a) => one(merge(a)?),
        Verb::Optimize(a) => optimize(a)?,
        Verb::Vacuum(a) => vacuum(a)?,
        Verb::Checkpoint(a) => each(a, |tables, location| Ok(tables.checkpoint(location)?))?,
        Verb::Cleanup(a) => each(&a.tables, |tables, location| {
            let mut asked = asked::CleanLog { allow_destructive: a.allow_destructive };
            confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.clean_log(location, asked))
        })?,
    })
}

/// Does what removes something, and where that was not allowed on the command line asks at a terminal.
fn confirmed<A>(
    asked: &mut A,
    allowed: impl Fn(&mut A) -> &mut bool,
    mut work: impl FnMut(&A) -> olbridge::Result<Done>,
) -> Result<Done, Failure> {
    match work(asked) {
        Err(Error::Usage { message, remedy }) if !*allowed(asked) && message.starts_with("this removes ") => {
            let what = message.trim_start_matches("this removes ").trim_end_matches("; nothing was done").to_owned();
            if !confirm::removal(&what, &Cancel::new()) {
                return Err(Error::Usage { message, remedy }.into());
            }
            *allowed(asked) = true;
            Ok(work(asked)?)
        }
        done => Ok(done?),
    }
}

fn tables(store: &StoreArguments) -> Result<DeltaTables, Failure> {
    let mut options = BTreeMap::new();
    for text in &store.storage_option {
        let (key, value) = pair("--storage-option", text)?;
        if is_secret_option(&key) {
            let remedy = "the environment, or the connections file: {\"env\": NAME}, {\"file\": PATH} or {\"command\": [PROGRAM]}";
            return Err(usage(format!("--storage-option {key}=… is a secret, and others may see the command line"), remedy));
        }
        options.insert(key, Secret::new(value));
    }
    let options =
        StoreOptions { connection: store.connection.clone(), connections_file: store.connections_file.clone(), credential: None, options };
    Ok(DeltaTables::new(options, TIME_TO_LIVE))
}

fn open(table: &TableArguments) -> Result<(DeltaTables, Location), Failure> {
    Ok((tables(&table.store)?, location(&table.location)?))
}

/// The same for each table: with several, what was done before one that fails stays, and is told beside the error.
fn each(many: &ManyArguments, mut work: impl FnMut(&DeltaTables, &Location) -> Result<Done, Failure>) -> Result<Answer, Failure> {
    let tables = tables(&many.store)?;
    let locations = many.locations.iter().map(|text| location(text)).collect::<Result<Vec<_>, _>>()?;
    let mut done = Vec::with_capacity(locations.len());
    for location in &locations {
        match work(&tables, location) {
            Ok(one) => done.push(one),
            Err(failure) => {
                // The report has room for the error alone.
                done.iter().filter(|done: &&Done| done.outcome != Outcome::Planned).for_each(|done| eprint!("done: {done}"));
                return Err(failure);
            }
        }
    }
    Ok(match (done.len(), done.pop()) {
        (1, Some(one)) => Answer::One(Box::new(one)),
        (_, last) => Answer::Many { tables: done.into_iter().chain(last).collect() },
    })
}

fn create(a: &CreateArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.table)?;
    let asked = asked::Create {
        columns: a.column.iter().map(|text| column("--column", text)).collect::<Result<_, _>>()?,
        partition_by: a.partition_by.clone(),
        properties: pairs("--property", &a.property)?,
        name: a.name.clone(),
        comment: a.comment.clone(),
        if_not_exists: a.if_not_exists,
        cast: a.lossy.clone(),
        commit: commit(&a.commit)?,
    };
    Ok(tables.create(&location, &asked, a.source.columns(&location, &a.lossy)?)?)
}

fn alter(a: &AlterArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.table)?;
    let mut asked =
        asked::Alter { change: change(&a.change)?, upgrade: a.upgrade, allow_destructive: a.allow_destructive, commit: commit(&a.commit)? };
    confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.alter(&location, asked))
}

fn change(a: &ChangeArguments) -> Result<Change, Failure> {
    let first = |texts: &Vec<String>| (!texts.is_empty()).then(|| texts.clone());
    Ok(match a {
        ChangeArguments { add_column: Some(text), .. } => Change::AddColumn(column("--add-column", text)?),
        ChangeArguments { rename_column: Some(text), .. } => {
            let (from, to) = pair("--rename-column", text)?;
            Change::RenameColumn { from, to }
        }
        ChangeArguments { drop_column: Some(name), .. } => Change::DropColumn(name.clone()),
        ChangeArguments { widen_column: Some(text), .. } => {
            let (column, r#type) = pair("--widen-column", text)?;
            Change::WidenColumn { column, r#type }
        }
        ChangeArguments { set_nullable: Some(name), .. } => Change::SetNullable(name.clone()),
        ChangeArguments { set_not_null: Some(name), .. } => Change::SetNotNull(name.clone()),
        ChangeArguments { add_constraint: Some(text), .. } => {
            let (name, expression) = pair("--add-constraint", text)?;
            Change::AddConstraint { name, expression }
        }
        ChangeArguments { drop_constraint: Some(name), .. } => Change::DropConstraint(name.clone()),
        ChangeArguments { set_property, unset_property, .. } => {
            let set = pairs("--set-property", set_property)?.into_iter().map(|(name, value)| (name, Some(value)));
            let unset = first(unset_property).unwrap_or_default().into_iter().map(|name| (name, None));
            Change::SetProperties(set.chain(unset).collect())
        }
    })
}

fn write(a: &WriteArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.changed.table)?;
    let mut asked = asked::Write {
        mode: match a.mode {
            WriteModeArgument::Append => asked::WriteMode::Append,
            WriteModeArgument::Create => asked::WriteMode::Create,
            WriteModeArgument::Overwrite => asked::WriteMode::Overwrite,
            WriteModeArgument::ErrorIfExists => asked::WriteMode::ErrorIfExists,
            WriteModeArgument::Ignore => asked::WriteMode::Ignore,
        },
        replace_where: a.replace_where.clone(),
        schema_mode: match a.schema_mode {
            None | Some(SchemaModeArgument::Strict) => asked::SchemaMode::Strict,
            Some(SchemaModeArgument::Merge) => asked::SchemaMode::Merge,
            Some(SchemaModeArgument::Overwrite) => asked::SchemaMode::Overwrite,
        },
        partition_by: a.partition_by.clone(),
        properties: pairs("--property", &a.property)?,
        cast: a.lossy.clone(),
        target_file_bytes: a.file_bytes.as_deref().map(|text| size("--file-bytes", text)).transpose()?,
        batch_rows: a.batch_rows.map(Into::into),
        files: files(&a.changed.files)?,
        commit: commit(&a.changed.commit)?,
        allow_destructive: a.allow_destructive,
    };
    let table = tables.open(&location)?;
    let like = table.schema().ok().filter(|_| asked.schema_mode != asked::SchemaMode::Overwrite);
    a.source.with_rows(&location, like, |rows| {
        confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.write(&location, asked, rows))
    })
}

fn merge(a: &MergeArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.changed.table)?;
    let mut asked = asked::Merge {
        on: a.on.clone(),
        key: a.key.clone(),
        when: a.when.clone(),
        source_only: a.source_only.clone(),
        cast: a.lossy.clone(),
        allow_destructive: a.allow_destructive,
        files: files(&a.changed.files)?,
        commit: commit(&a.changed.commit)?,
    };
    let like = tables.open_existing(&location)?.schema().ok();
    a.source.with_rows(&location, like, |rows| {
        confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.merge(&location, asked, rows))
    })
}

fn restore(a: &RestoreArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.table)?;
    let mut asked = asked::Restore {
        version: a.version.delta_version,
        timestamp: a.version.delta_timestamp.clone(),
        allow_destructive: a.allow_destructive,
        commit: commit(&a.commit)?,
    };
    confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.restore(&location, asked))
}

fn delete(a: &DeleteArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.changed.table)?;
    let mut asked = asked::Delete {
        r#where: a.condition.clone(),
        dry_run: a.dry_run,
        allow_destructive: a.allow_destructive,
        files: files(&a.changed.files)?,
        commit: commit(&a.changed.commit)?,
    };
    confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.delete(&location, asked))
}

fn update(a: &UpdateArguments) -> Result<Done, Failure> {
    let (tables, location) = open(&a.changed.table)?;
    let mut asked = asked::Update {
        set: sets(&a.set)?,
        r#where: a.condition.clone(),
        dry_run: a.dry_run,
        allow_destructive: a.allow_destructive,
        files: files(&a.changed.files)?,
        commit: commit(&a.changed.commit)?,
    };
    confirmed(&mut asked, |asked| &mut asked.allow_destructive, |asked| tables.update(&location, asked))
}

fn optimize(a: &OptimizeArguments) -> Result<Answer, Failure> {
    let asked = asked::Optimize {
        z_order: a.z_order.clone(),
        target_file_bytes: a.file_bytes.as_deref().map(|text| size("--file-bytes", text)).transpose()?,
        max_concurrent: a.max_concurrent.map(Into::into),
        files: files(&a.files)?,
        commit: commit(&a.commit)?,
    };
    each(&a.tables, |tables, location| Ok(tables.optimize(location, &asked)?))
}

fn vacuum(a: &VacuumArguments) -> Result<Answer, Failure> {
    let asked = asked::Vacuum {
        dry_run: a.dry_run || !a.allow_destructive,
        allow_destructive: a.allow_destructive,
        retention_hours: a.retention_hours,
        short_retention: a.short_retention,
        orphans: a.orphans,
    };
    each(&a.tables, |tables, location| Ok(tables.vacuum(location, &asked)?))
}

/// `NAME=TYPE [not null]`.
fn column(option: &str, text: &str) -> Result<Column, Failure> {
    let (name, of) = pair(option, text)?;
    let lower = of.to_ascii_lowercase();
    let plain = lower.strip_suffix("not null").map(str::trim_end);
    let r#type = plain.map_or(of.as_str(), |plain| &of[..plain.len()]).to_owned();
    Ok(Column { name, r#type, nullable: plain.is_none(), comment: None })
}

fn pairs(option: &str, texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    texts.iter().map(|text| pair(option, text)).collect()
}

fn sets(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut set = BTreeMap::new();
    for text in texts {
        let (column, value) = assignment(text).map_err(|reason| usage(format!("--set {reason}"), "--set \"price = price * 2\""))?;
        if set.insert(column.clone(), value).is_some() {
            return Err(usage(format!("--set names {column} twice"), "name it once"));
        }
    }
    Ok(set)
}

fn size(option: &str, text: &str) -> Result<u64, Failure> {
    let bytes = units::parse_bytes(text).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| usage(format!("{option} {text} is not a size"), format!("{option} 256MiB")))
}

fn files(a: &FilesArguments) -> Result<asked::Files, Failure> {
    let page_bytes = a.page_bytes.as_deref().map(|text| size("--page-bytes", text)).transpose()?;
    Ok(asked::Files {
        compression: a.compression.clone(),
        row_group_rows: a.row_group_rows.map(Into::into),
        page_bytes: page_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        dictionary: a.no_dictionary.then_some(false),
        bloom_filters: a.bloom_filter.clone(),
    })
}

fn commit(a: &CommitArguments) -> Result<asked::Commit, Failure> {
    let info = pairs("--commit-info", &a.commit_info)?.into_iter().map(|(key, value)| (key, value.into())).collect();
    Ok(asked::Commit { app_id: a.app_id.clone(), epoch: a.epoch, info, max_attempts: a.max_attempts.map(Into::into) })
}
