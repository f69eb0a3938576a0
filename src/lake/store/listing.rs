//! Sources by URL: an object, a glob, or all data files below a prefix.

use std::collections::HashSet;
use std::path::Path;

use glob::{MatchOptions, Pattern};
use olbridge_delta::Service;
use olbridge_delta::object_store::{ObjectMeta, path::Path as ObjectPath};
use olbridge_delta::store::Opened;

use super::{has_objects_below, head, list, open};
use crate::error::{Error, Phase, Result};
use crate::lake::discover::{FoundFile, is_hidden, parse_partition};
use crate::lake::source_error;

/// As globs of files: `*` stays within a name.
const LIKE_FILES: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
const DELTA_LOG: &str = "_delta_log";

/// Adds what a URL names, in the order of names.
///
/// # Errors
/// Nothing found, a store that does not answer, anything in a Delta table (it also holds files whose rows are deleted).
pub(in crate::lake) fn discover(url: &str, files: &mut Vec<FoundFile>) -> Result<()> {
    let (folder, pattern) = split(url)?;
    let opened = open(folder, Phase::Read)?;
    discover_in(url, folder, &opened, pattern.as_ref(), files)
}

fn discover_in(url: &str, folder: &str, opened: &Opened, pattern: Option<&Pattern>, files: &mut Vec<FoundFile>) -> Result<()> {
    let nothing = |message: &str| Err(source_error(Phase::Read, Path::new(url), message, "check the URL; upper and lower case count"));
    if pattern.is_none()
        && let Some(object) = head(opened, Phase::Read)?
    {
        refuse_inside_delta(opened, url)?;
        files.push(FoundFile { path: Path::new(url).into(), size_bytes: object.size, partitions: Vec::new() });
        return Ok(());
    }
    if matches!(opened.location.service(), Service::Http { .. }) {
        return nothing(if pattern.is_some() { "a web server lists nothing, so globs find nothing" } else { "there is no such object" });
    }
    refuse_inside_delta(opened, url)?;
    let before = files.len();
    let objects = list(opened, Phase::Read)?;
    let folders: HashSet<String> = objects.iter().flat_map(|object| ancestors(&object.location)).collect();
    for object in &objects {
        // Some tools make an empty object of the name of a folder.
        if object.size > 0 || !folders.contains(object.location.as_ref()) {
            files.extend(found(url, folder, opened, pattern, object)?);
        }
    }
    if files.len() == before {
        return nothing("there is no such object, and no data file below");
    }
    Ok(())
}

/// The file that an object is for a source, if it is one.
fn found(url: &str, folder: &str, opened: &Opened, pattern: Option<&Pattern>, object: &ObjectMeta) -> Result<Option<FoundFile>> {
    let below = object.location.as_ref().strip_prefix(opened.path.as_ref()).unwrap_or_default().trim_start_matches('/');
    let mut parts: Vec<&str> = below.split('/').collect();
    if parts.contains(&DELTA_LOG) {
        return Err(is_delta(url));
    }
    let is_wanted = pattern.is_none_or(|pattern| pattern.matches_with(below, LIKE_FILES));
    if !is_wanted || below.is_empty() || parts.iter().any(|part| is_hidden(part)) {
        return Ok(None);
    }
    parts.pop();
    let partitions = parts.into_iter().filter_map(parse_partition).collect();
    let path = format!("{}/{}", folder.trim_end_matches('/'), url_encoded(below));
    Ok(Some(FoundFile { path: Path::new(&path).into(), size_bytes: object.size, partitions }))
}

/// A name as it is written in a URL.
fn url_encoded(name: &str) -> String {
    name.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

fn ancestors(path: &ObjectPath) -> Vec<String> {
    let text = path.as_ref();
    text.match_indices('/').map(|(at, _)| text[..at].to_owned()).collect()
}

fn is_delta(url: &str) -> Error {
    let message = "this is a Delta table; it also holds files whose rows were deleted or replaced";
    source_error(Phase::Read, Path::new(url), message, "name the table as delta:URL, in a build with --features delta")
}

/// Refuses what lies in a Delta table, at whatever depth. Where a folder above may not be listed, it is taken for none.
fn refuse_inside_delta(opened: &Opened, url: &str) -> Result<()> {
    if matches!(opened.location.service(), Service::Http { .. }) {
        return Ok(());
    }
    let mut folders = ancestors(&opened.path);
    folders.push(opened.path.to_string());
    for folder in folders {
        let Ok(path) = ObjectPath::parse(format!("{folder}/{DELTA_LOG}")) else { continue };
        let log = Opened { path, ..opened.clone() };
        if has_objects_below(&log, Phase::Read).unwrap_or(false) {
            return Err(is_delta(url));
        }
    }
    Ok(())
}

/// The part of a URL before its first wildcard, up to a slash, and the pattern of the rest. `?` is no wildcard here: it begins a query.
fn split(url: &str) -> Result<(&str, Option<Pattern>)> {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let Some(wildcard) = url[begin..].find(['*', '[']) else { return Ok((url, None)) };
    super::check_url(&url.replace(['*', '['], "_"))?;
    let bad = |message: String| source_error(Phase::Read, Path::new(url), message, "check the glob: * stops at /, ** crosses directories");
    let Some(slash) = url[begin..begin + wildcard].rfind('/') else { return Err(bad("a bucket is named as it is".into())) };
    let (folder, rest) = url.split_at(begin + slash);
    let pattern = Pattern::new(&rest[1..]).map_err(|error| bad(format!("not a valid glob: {error}")))?;
    Ok((folder, Some(pattern)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use olbridge_delta::object_store::memory::InMemory;
    use olbridge_delta::object_store::{ObjectStore, ObjectStoreExt as _};
    use olbridge_delta::runtime;

    use super::*;

    #[test]
    fn a_glob_begins_after_the_last_slash_before_its_first_wildcard() {
        let of = |url| {
            let (folder, pattern) = split(url).unwrap();
            (folder.to_owned(), pattern.map(|pattern| pattern.as_str().to_owned()))
        };
        assert_eq!(of("s3://b/t/a.parquet"), ("s3://b/t/a.parquet".into(), None));
        assert_eq!(of("s3://b/t/y=*/*.parquet"), ("s3://b/t".into(), Some("y=*/*.parquet".into())));
        assert_eq!(of("s3://b/*.parquet"), ("s3://b".into(), Some("*.parquet".into())));
        assert!(split("s3://b*/x").is_err());
        let message = split("https://h/c/*.parquet?sig=hunter2").unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }

    fn find(names: &[&str], url: &str) -> Result<Vec<FoundFile>> {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for name in names {
            let content: &'static str = if name.ends_with("sub") { "" } else { "x" };
            runtime::block_on(store.put(&ObjectPath::parse(name).unwrap(), content.into())).unwrap().unwrap();
        }
        let (folder, pattern) = split(url)?;
        let location = super::super::location(folder)?;
        let path = ObjectPath::parse(location.key()).unwrap();
        let opened = Opened { store, path, url: location.url().clone(), location };
        let mut files = Vec::new();
        discover_in(url, folder, &opened, pattern.as_ref(), &mut files)?;
        Ok(files)
    }

    fn names(names: &[&str], url: &str) -> Vec<String> {
        find(names, url).unwrap().iter().map(|file| file.path.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_prefix_is_a_directory() {
        let objects = ["t/b.parquet", "t/a.parquet", "t/_SUCCESS", "t/.x", "t/sub", "t/sub/c.parquet", "t/_tmp/d.parquet", "tt/e.parquet"];
        assert_eq!(names(&objects, "s3://b/t"), ["s3://b/t/a.parquet", "s3://b/t/b.parquet", "s3://b/t/sub/c.parquet"]);
        assert_eq!(names(&objects, "s3://b/t/"), names(&objects, "s3://b/t"));
        assert_eq!(names(&objects, "s3://b/t/*.parquet"), ["s3://b/t/a.parquet", "s3://b/t/b.parquet"]);
        assert_eq!(names(&objects, "s3://b/**/c.parquet"), ["s3://b/t/sub/c.parquet"]);
        assert_eq!(names(&objects, "s3://b/t/a.parquet"), ["s3://b/t/a.parquet"]);
        assert!(find(&objects, "s3://b/none").unwrap_err().to_string().contains("no such object"));
    }

    #[test]
    fn partitions_are_decoded_and_urls_name_the_object_again() {
        let objects = ["t/y=2024/c=S%C3%A3o/a#1.parquet", "t/y=2025/c=__HIVE_DEFAULT_PARTITION__/b.parquet"];
        let files = find(&objects, "s3://b/t").unwrap();
        assert_eq!(files[0].partitions, [("y".to_owned(), Some("2024".to_owned())), ("c".to_owned(), Some("São".to_owned()))]);
        assert_eq!(files[1].partitions[1], ("c".to_owned(), None));
        for (file, object) in files.iter().zip(objects) {
            assert_eq!(super::super::location(file.path.to_str().unwrap()).unwrap().key(), object);
        }
    }

    #[test]
    fn what_lies_in_a_delta_table_is_refused() {
        let objects = ["d/t/_delta_log/0.json", "d/t/x=1/a.parquet"];
        for url in ["s3://b/d/t", "s3://b/d", "s3://b/d/t/x=1", "s3://b/d/t/x=1/a.parquet", "s3://b/d/t/x=*/*"] {
            let message = find(&objects, url).expect_err(url).to_string();
            assert!(message.contains("Delta table"), "{url}: {message}");
        }
    }
}
