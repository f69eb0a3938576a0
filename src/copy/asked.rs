//! A digest of the options that decide which rows become what: a job that was begun with some does not go on with others.

use std::fmt::Write as _;

use twox_hash::XxHash3_128;

use super::job::{CopyJob, Mode};

/// The options in the digest, as a message names them.
pub(super) const ASKED: &str = "--mode, --columns, --rename, --key, --delete-when, --soft-delete, --system-columns, --not-found, --lossy, --cast, --nested, how text is read, or SQL around it";

impl CopyJob {
    /// 32 hexadecimal digits. Options that only say how fast, how often and where refused rows go are not in it.
    pub(super) fn asked(&self) -> String {
        // What both do with a table that is there.
        let mode = if self.mode == Mode::Create { Mode::Append } else { self.mode };
        let Self {
            columns,
            rename,
            key,
            delete_when,
            soft_delete,
            system_columns,
            not_found,
            lossy,
            pre_sql,
            post_sql,
            reading,
            cast,
            nested_json,
            ..
        } = self;
        let mut text = format!("{mode} {columns:?} {rename:?} {key:?} {delete_when:?} {soft_delete} {not_found:?} {lossy}");
        let _ = write!(text, " {pre_sql:?} {post_sql:?}");
        if !cast.is_empty() || *nested_json {
            let _ = write!(text, " {cast:?} {nested_json}");
        }
        if *system_columns {
            text.push_str(" system columns");
        }
        // A schema's own texts are in no order, so not they, only what is read by them.
        let like = reading.like.iter().flat_map(|schema| schema.fields().iter());
        let like: Vec<_> = like.map(|field| (field.name(), field.data_type().to_string(), field.is_nullable())).collect();
        let types: Vec<_> = reading.types.iter().map(|(name, data_type)| (name, data_type.to_string())).collect();
        let _ = write!(text, " {:?} {:?} {types:?} {like:?} {}", reading.format, reading.csv, reading.any_offset);
        format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::CommitPolicy;

    #[test]
    fn what_decides_the_rows_is_in_it_and_what_does_not_is_not() {
        let job = || CopyJob::new(vec!["f.parquet".into()], "embedded:null/T".parse().unwrap());
        let text = |text: &str| text.to_owned();
        for other in [
            CopyJob { mode: Mode::Upsert, ..job() },
            CopyJob { columns: Some(vec![text("a")]), ..job() },
            CopyJob { rename: vec![(text("a"), text("b"))], ..job() },
            CopyJob { key: vec![text("a")], ..job() },
            CopyJob { delete_when: Some((text("a"), text("D"))), ..job() },
            CopyJob { soft_delete: true, ..job() },
            CopyJob { system_columns: true, ..job() },
            CopyJob { not_found: Some(crate::load::NotFound::Count), ..job() },
            CopyJob { lossy: "rounding".parse().unwrap(), ..job() },
            CopyJob { post_sql: vec![text("DELETE FROM X")], ..job() },
            CopyJob { nested_json: true, ..job() },
            CopyJob { cast: vec![(text("a"), "text".parse().unwrap())], ..job() },
        ] {
            assert_ne!(other.asked(), job().asked(), "{other:?}");
        }
        let faster = CopyJob { mode: Mode::Create, batch_rows: Some(7), commit: CommitPolicy::EveryRows(9.try_into().unwrap()), ..job() };
        assert_eq!(faster.asked(), job().asked());
    }
}
