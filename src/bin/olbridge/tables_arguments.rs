//! `--tables`: several tables of one job. Source and target then name what the tables are in.

use crate::arguments::CopyArguments;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, usage};
use crate::session;

const PREFIX: &str = "delta:";

/// A copy for each table, as if it had been asked for alone.
fn each(arguments: &CopyArguments) -> Result<Vec<CopyArguments>, Failure> {
    let [source, target] = &arguments.operands[..] else {
        return Err(usage(
            "--tables names the tables, source and target what they are in",
            "olbridge copy delta:FOLDER DATABASE --tables a,b",
        ));
    };
    let to_delta = target.starts_with(PREFIX);
    let (folder, database) = if to_delta { (target, source) } else { (source, target) };
    if !folder.starts_with(PREFIX) || !session::is_target(database) {
        let remedy = "olbridge copy delta:FOLDER DATABASE --tables a,b, or the other way";
        return Err(usage("--tables copies between a folder of Delta tables and a database", remedy));
    }
    for key in &arguments.delta.table_key {
        let table = key.split_once('=').map(|(table, _)| table);
        if !arguments.delta.tables.iter().any(|name| Some(names(name).0) == table) {
            return Err(usage(format!("--table-key {key} is not TABLE=A,B of one of --tables"), "--table-key lines=order_id,line"));
        }
    }
    let each = |entry: &String| {
        let (table, below) = names(entry);
        let of_database = format!("{}/{table}", database.trim_end_matches('/'));
        let of_delta = format!("{}/{below}", folder.trim_end_matches('/'));
        let mut one = arguments.clone();
        one.operands = if to_delta { vec![of_database, of_delta] } else { vec![of_delta, of_database] };
        let own_key = arguments.delta.table_key.iter().filter_map(|key| key.split_once('=')).find(|(name, _)| *name == table);
        if let Some((_, key)) = own_key {
            one.change.key = key.split(',').map(str::to_owned).collect();
        }
        (one.delta.tables, one.delta.table_key) = (Vec::new(), Vec::new());
        one
    };
    Ok(arguments.delta.tables.iter().map(each).collect())
}

/// `TABLE=FOLDER`, or a table whose folder has its name, without the schema.
fn names(entry: &str) -> (&str, String) {
    match entry.split_once('=') {
        Some((table, folder)) => (table, folder.to_owned()),
        None => (entry, entry.rsplit_once('.').map_or(entry, |(_, table)| table).trim_matches('"').to_owned()),
    }
}

/// Copies several tables.
#[cfg(feature = "delta")]
pub fn run(arguments: &CopyArguments) -> Result<ExitCode, Failure> {
    let each = each(arguments)?;
    match arguments.operands.last().is_some_and(|target| target.starts_with(PREFIX)) {
        true => crate::command::several::into_delta(each.into_iter().map(crate::delta_arguments::to_delta).collect::<Result<_, _>>()?)?,
        false => crate::command::several::load(each.into_iter().map(crate::request::copy).collect::<Result<_, _>>()?)?,
    }
    Ok(ExitCode::Ok)
}

/// Says that this build cannot.
#[cfg(not(feature = "delta"))]
pub fn run(arguments: &CopyArguments) -> Result<ExitCode, Failure> {
    each(arguments)?;
    Err(usage("this olbridge was built without Delta Lake", "cargo install --path . --features delta"))
}
