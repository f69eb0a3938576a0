//! Sources by URL: an object, a glob, or all data files below a prefix.

use std::path::Path;

use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use olbridge_delta::object_store::{ObjectMeta, ObjectStore as _};
use olbridge_delta::store::Opened;

use super::discover::{FoundFile, is_hidden, parse_partition};
use super::{source_error, store};
use crate::error::{Phase, Result};

/// As globs of files: `*` stays within a name.
const LIKE_FILES: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Adds what a URL names, in the order of names.
///
/// # Errors
/// Nothing found, a store that does not answer, a Delta table (it also holds files whose rows are deleted).
pub(super) fn discover(url: &str, files: &mut Vec<FoundFile>) -> Result<()> {
    let nothing = |message: &str| Err(source_error(Phase::Read, Path::new(url), message, "check the URL; upper and lower case count"));
    let (folder, pattern) = split(url);
    let opened = store::open(folder, Phase::Read)?;
    if pattern.is_none() && store::exists(url, Phase::Read)? {
        let size_bytes = store::RemoteFile::open(Path::new(url), Phase::Read)?.size_bytes();
        files.push(FoundFile { path: Path::new(url).into(), size_bytes, partitions: Vec::new() });
        return Ok(());
    }
    let before = files.len();
    for object in list(&opened)? {
        let below = object.location.as_ref().strip_prefix(opened.path.as_ref()).unwrap_or_default().trim_start_matches('/').to_owned();
        let mut parts: Vec<&str> = below.split('/').collect();
        if parts.contains(&"_delta_log") {
            let remedy = "name its live files; reading Delta tables themselves is another feature";
            return Err(source_error(
                Phase::Read,
                Path::new(url),
                "this is a Delta table; it also holds files whose rows were deleted",
                remedy,
            ));
        }
        let is_wanted = pattern.as_ref().is_none_or(|pattern| pattern.matches_with(&below, LIKE_FILES));
        if !is_wanted || below.is_empty() || parts.iter().any(|part| is_hidden(part)) {
            continue;
        }
        parts.pop();
        let partitions = parts.into_iter().filter_map(parse_partition).collect();
        let path = format!("{}/{below}", folder.trim_end_matches('/'));
        files.push(FoundFile { path: Path::new(&path).into(), size_bytes: object.size, partitions });
    }
    if files.len() == before {
        return nothing("there is no such object, and no data file below");
    }
    Ok(())
}

/// The part of a URL before its first wildcard, up to a slash, and the pattern of the rest.
fn split(url: &str) -> (&str, Option<Pattern>) {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let Some(wildcard) = url[begin..].find(['*', '?', '[']) else { return (url, None) };
    let slash = url[..begin + wildcard].rfind('/').unwrap_or(begin);
    match Pattern::new(&url[slash + 1..]) {
        Ok(pattern) => (&url[..slash], Some(pattern)),
        Err(_) => (url, None),
    }
}

fn list(opened: &Opened) -> Result<Vec<ObjectMeta>> {
    let prefix = (!opened.path.as_ref().is_empty()).then_some(&opened.path);
    let list = async { opened.store.list(prefix).try_collect::<Vec<ObjectMeta>>().await };
    let mut objects = store::wait(opened, (Phase::Read, "list"), list)?;
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_begins_after_the_last_slash_before_its_first_wildcard() {
        let of = |url| {
            let (folder, pattern) = split(url);
            (folder.to_owned(), pattern.map(|pattern| pattern.as_str().to_owned()))
        };
        assert_eq!(of("s3://b/t/a.parquet"), ("s3://b/t/a.parquet".into(), None));
        assert_eq!(of("s3://b/t/y=*/*.parquet"), ("s3://b/t".into(), Some("y=*/*.parquet".into())));
        assert_eq!(of("s3://b/*.parquet"), ("s3://b".into(), Some("*.parquet".into())));
    }
}
