//! From what the user named (files, globs, directories) to the list of files, with the hive partition values of each.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::source_error;
use crate::error::{Error, Phase, Result};
use crate::percent::decode as percent_decode;

/// A file that belongs to the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The path, as named or found.
    pub path: Arc<Path>,
    /// Size when it was found.
    pub size_bytes: u64,
    /// `key=value` directories between what the user named and the file, outermost first; `None` for `__HIVE_DEFAULT_PARTITION__`.
    pub partitions: Vec<(String, Option<String>)>,
}

/// Directory value that hive writes for NULL.
pub(super) const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Finds the files of `sources`: each a file, a glob (`*`, `?`, `[a-z]`, `**`) or a directory, which is walked in sorted order without
/// entries that start with `.` or `_`. `key=value` directories below a named directory, or from the first wildcard of a glob on, are
/// partitions; those in the part that was spelled out are not, for the user has chosen that one. When sources differ in that part, their
/// values would be lost: most often the shell has expanded a glob, so this is refused.
///
/// # Errors
/// Nothing named or nothing found, an unreadable directory, a file found twice (its rows would arrive twice), anything in a Delta table (it also
/// holds files whose rows are deleted), partition directories that differ in their keys.
pub fn discover(sources: &[String]) -> Result<Vec<FoundFile>> {
    if sources.is_empty() {
        return Err(Error::Usage { message: "no source file named".into(), remedy: "name a Parquet file, a glob or a directory".into() });
    }
    let mut files = Vec::new();
    for source in sources {
        discover_one(source, &mut files)?;
    }
    refuse_duplicates(&files)?;
    refuse_spelled_out_partitions(sources)?;
    refuse_uneven_partitions(&files)?;
    Ok(files)
}

fn discover_one(source: &str, files: &mut Vec<FoundFile>) -> Result<()> {
    let path = Path::new(source);
    if source.is_empty() {
        return Err(Error::Usage { message: "an empty source name".into(), remedy: "name a Parquet file, a glob or a directory".into() });
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let before = files.len();
            refuse_inside_delta(path, &mut HashSet::new())?;
            walk(path, path, &mut Vec::new(), files)?;
            if files.len() == before {
                return Err(source_error(Phase::Read, path, "the directory holds no data file", "name a directory with Parquet files"));
            }
            Ok(())
        }
        Ok(metadata) => {
            refuse_inside_delta(path, &mut HashSet::new())?;
            files.push(FoundFile { path: path.into(), size_bytes: metadata.len(), partitions: Vec::new() });
            Ok(())
        }
        Err(_) if is_glob(source) => discover_glob(source, files),
        Err(error) => {
            Err(source_error(Phase::Read, path, io_text(&error), "check the path; quote a glob so that the shell leaves it alone"))
        }
    }
}

fn io_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

fn is_glob(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

fn discover_glob(pattern: &str, files: &mut Vec<FoundFile>) -> Result<()> {
    let path = Path::new(pattern);
    let bad = |message: String| source_error(Phase::Read, path, message, "check the glob: * and ? stop at /, ** crosses directories");
    let matches = glob::glob(pattern).map_err(|e| bad(format!("not a valid glob: {e}")))?;
    let fixed_components = path.components().take_while(|c| !is_glob(&c.as_os_str().to_string_lossy())).count();
    let before = files.len();
    let mut paths: Vec<PathBuf> = Vec::new();
    for found in matches {
        paths.push(found.map_err(|e| source_error(Phase::Read, e.path(), io_text(e.error()), "check the permissions"))?);
    }
    paths.sort();
    let mut delta_free = HashSet::new();
    for path in paths {
        let below: Vec<_> = path.components().skip(fixed_components).collect();
        if below.iter().any(|c| is_hidden(&c.as_os_str().to_string_lossy())) {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|e| source_error(Phase::Read, &path, io_text(&e), "check the permissions"))?;
        refuse_inside_delta(&path, &mut delta_free)?;
        let mut partitions = below.iter().filter_map(partition_of).collect();
        if !metadata.is_dir() {
            files.push(FoundFile { path: path.into(), size_bytes: metadata.len(), partitions });
        } else if !pattern.contains("**") {
            // `**` names what is in its directories as well.
            walk(&path, &path, &mut partitions, files)?;
        }
    }
    if files.len() == before {
        return Err(source_error(Phase::Read, path, "no file matches", "check the glob, and that it is quoted"));
    }
    Ok(())
}

fn walk(root: &Path, directory: &Path, partitions: &mut Vec<(String, Option<String>)>, files: &mut Vec<FoundFile>) -> Result<()> {
    refuse_delta(directory)?;
    if directory.components().count() > root.components().count() + 64 {
        return Err(source_error(Phase::Read, directory, "more than 64 directories deep", "check for a symbolic link that leads back up"));
    }
    let unreadable = |e: &std::io::Error| source_error(Phase::Read, directory, io_text(e), "check the permissions");
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|e| unreadable(&e))? {
        entries.push(entry.map_err(|e| unreadable(&e))?.path());
    }
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_hidden(&name) {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|e| source_error(Phase::Read, &path, io_text(&e), "check the permissions"))?;
        if metadata.is_dir() {
            let partition = parse_partition(&name);
            partitions.extend(partition.clone());
            walk(root, &path, partitions, files)?;
            partitions.truncate(partitions.len() - usize::from(partition.is_some()));
        } else {
            files.push(FoundFile { path: path.into(), size_bytes: metadata.len(), partitions: partitions.clone() });
        }
    }
    Ok(())
}

/// `_SUCCESS`, `_metadata`, `.part.crc`; but a partition column may begin with an underscore.
fn is_hidden(name: &str) -> bool {
    (name.starts_with('.') && name != "." && name != "..") || (name.starts_with('_') && !name.contains('='))
}

/// Refuses what lies in a Delta table, at whatever depth; `free` remembers directories that do not.
fn refuse_inside_delta(path: &Path, free: &mut HashSet<PathBuf>) -> Result<()> {
    let canonical = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    for directory in canonical.ancestors() {
        if !free.insert(directory.to_path_buf()) {
            break;
        }
        refuse_delta(directory)?;
    }
    Ok(())
}

fn refuse_delta(directory: &Path) -> Result<()> {
    if !directory.join("_delta_log").is_dir() {
        return Ok(());
    }
    Err(source_error(
        Phase::Read,
        directory,
        "this is a Delta table; its directory also holds files whose rows were deleted or replaced",
        "name the table, delta:LOCATION (a build with --features delta), or copy its live files elsewhere and name the copies",
    ))
}

fn partition_of(component: &Component<'_>) -> Option<(String, Option<String>)> {
    parse_partition(&component.as_os_str().to_string_lossy())
}

/// `key=value` with percent-decoding; `None` when there is no `=` or no key.
fn parse_partition(name: &str) -> Option<(String, Option<String>)> {
    let (key, value) = name.split_once('=')?;
    if key.is_empty() {
        return None;
    }
    Some((percent_decode(key), (value != HIVE_NULL).then(|| percent_decode(value))))
}

fn refuse_duplicates(files: &[FoundFile]) -> Result<()> {
    let mut seen = HashSet::new();
    for file in files {
        let canonical = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.to_path_buf());
        if !seen.insert(canonical) {
            let message = format!("{} is named twice, its rows would arrive twice", file.path.display());
            return Err(Error::Usage { message, remedy: "name each file once; check for overlapping globs and links".into() });
        }
    }
    Ok(())
}

/// `key=value` directories in what was spelled out of `source`, with those of the working directory.
fn spelled_out_partitions(source: &str) -> Vec<(String, Option<String>)> {
    let path = Path::new(source);
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let directories = if path.is_file() { whole.parent().unwrap_or(&whole) } else { &whole };
    let is_literal = |component: &Component<'_>| path.exists() || !is_glob(&component.as_os_str().to_string_lossy());
    directories.components().take_while(is_literal).filter_map(|component| partition_of(&component)).collect()
}

fn refuse_spelled_out_partitions(sources: &[String]) -> Result<()> {
    let Some((first, others)) = sources.split_first() else { return Ok(()) };
    let expected = spelled_out_partitions(first);
    let shown = |partitions: &[(String, Option<String>)]| {
        partitions.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or(HIVE_NULL))).collect::<Vec<_>>().join("/")
    };
    for other in others {
        let found = spelled_out_partitions(other);
        if found != expected {
            return Err(Error::Usage {
                message: format!("{first} lies in [{}] and {other} in [{}]: these columns would be lost", shown(&expected), shown(&found)),
                remedy: "quote the glob so that the shell leaves it alone, or name the directory above; else load one partition a job"
                    .into(),
            });
        }
    }
    Ok(())
}

fn refuse_uneven_partitions(files: &[FoundFile]) -> Result<()> {
    let keys = |file: &FoundFile| file.partitions.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let Some(first) = files.first() else { return Ok(()) };
    let expected = keys(first);
    for file in files {
        let found = keys(file);
        if found != expected {
            let message =
                format!("partition directories [{}], but {} has [{}]", found.join(", "), first.path.display(), expected.join(", "));
            return Err(source_error(Phase::Read, &file.path, message, "load directories of different partitioning one by one"));
        }
        if let Some(twice) = found.iter().enumerate().find(|(index, key)| found[..*index].contains(key)).map(|(_, key)| key) {
            return Err(source_error(Phase::Read, &file.path, format!("two partition directories called {twice}"), "rename one of them"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, relative: &str) {
        let path = root.join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"x").unwrap();
    }

    fn find(root: &Path, relative: &str) -> Result<Vec<FoundFile>> {
        discover(&[root.join(relative).to_str().unwrap().to_owned()])
    }

    fn relative(root: &Path, files: &[FoundFile]) -> Vec<String> {
        files.iter().map(|f| f.path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn directories_are_sorted_and_skip_hidden_entries() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.parquet", "a.parquet", "_SUCCESS", ".a.parquet.crc", "sub/c.parquet", "_tmp/d.parquet", "000000_0"] {
            touch(dir.path(), name);
        }
        assert_eq!(relative(dir.path(), &find(dir.path(), "").unwrap()), ["000000_0", "a.parquet", "b.parquet", "sub/c.parquet"]);
    }

    #[test]
    fn globs_are_sorted_and_take_directories() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["d/b.parquet", "d/a.parquet", "d/c.txt", "e/f.parquet"] {
            touch(dir.path(), name);
        }
        assert_eq!(relative(dir.path(), &find(dir.path(), "d/*.parquet").unwrap()), ["d/a.parquet", "d/b.parquet"]);
        assert_eq!(relative(dir.path(), &find(dir.path(), "?").unwrap()), ["d/a.parquet", "d/b.parquet", "d/c.txt", "e/f.parquet"]);
        assert_eq!(relative(dir.path(), &find(dir.path(), "**/*.parquet").unwrap()), ["d/a.parquet", "d/b.parquet", "e/f.parquet"]);
    }

    #[test]
    fn a_file_whose_name_looks_like_a_glob_is_that_file() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), "a[1].parquet");
        assert_eq!(relative(dir.path(), &find(dir.path(), "a[1].parquet").unwrap()), ["a[1].parquet"]);
    }

    #[test]
    fn hive_directories_become_partitions() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), "t/year=2024/city=S%C3%A3o%20Paulo/a.parquet");
        touch(dir.path(), "t/year=2025/city=__HIVE_DEFAULT_PARTITION__/b.parquet");
        let some = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        let files = find(dir.path(), "t").unwrap();
        assert_eq!(files[0].partitions, [some("year", "2024"), some("city", "São Paulo")]);
        assert_eq!(files[1].partitions, [some("year", "2025"), ("city".to_owned(), None)]);
        let by_glob = find(dir.path(), "t/year=*/*/*.parquet").unwrap();
        assert_eq!(by_glob.iter().map(|f| &f.partitions).collect::<Vec<_>>(), files.iter().map(|f| &f.partitions).collect::<Vec<_>>());
        assert_eq!(find(dir.path(), "t/year=2024/*").unwrap()[0].partitions, [some("city", "São Paulo")]);
        assert!(find(dir.path(), "t/year=2024/city=S%C3%A3o%20Paulo/a.parquet").unwrap()[0].partitions.is_empty());
    }

    #[test]
    fn what_cannot_be_read_once_and_whole_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        touch(dir.path(), "delta/_delta_log/0.json");
        touch(dir.path(), "delta/x=1/a.parquet");
        touch(dir.path(), "uneven/x=1/a.parquet");
        touch(dir.path(), "uneven/b.parquet");
        touch(dir.path(), "twice/x=1/x=2/a.parquet");
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        for (source, word) in [
            ("delta", "Delta table"),
            ("delta/x=1", "Delta table"),
            ("delta/x=1/a.parquet", "copy its live files elsewhere"),
            ("delta/x=1/*.parquet", "Delta table"),
            ("del*", "Delta table"),
            ("d*/**/*.parquet", "Delta table"),
            ("uneven", "partition directories [x], but"),
            ("twice", "two partition directories called x"),
            ("empty", "no data file"),
            ("missing.parquet", "no such file"),
            ("missing*.parquet", "no file matches"),
        ] {
            let message = find(dir.path(), source).expect_err(source).to_string();
            assert!(message.contains(word), "{source}: {message}");
        }
        let path = dir.path().join("uneven/b.parquet").to_str().unwrap().to_owned();
        let message = discover(&[path.clone(), path]).unwrap_err().to_string();
        assert!(message.contains("named twice"), "{message}");
        assert!(discover(&[]).is_err() && discover(&[String::new()]).is_err());
    }

    #[test]
    fn sources_that_the_shell_took_from_a_glob_do_not_lose_their_partitions() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["t/y=1/a.parquet", "t/y=1/b.parquet", "t/y=2/c.parquet", "plain/d.parquet"] {
            touch(dir.path(), name);
        }
        let found =
            |names: &[&str]| discover(&names.iter().map(|name| dir.path().join(name).to_str().unwrap().to_owned()).collect::<Vec<_>>());
        for names in [
            ["t/y=1/a.parquet", "t/y=2/c.parquet"],
            ["t/y=1/a.parquet", "plain/d.parquet"],
            ["t/y=1", "t/y=2"],
            ["t/y=1/*.parquet", "t/y=2/*.parquet"],
            ["t/y=2/../y=1/a.parquet", "t/y=2/c.parquet"],
        ] {
            let message = found(&names).unwrap_err().to_string();
            assert!(message.contains("would be lost") && message.contains("quote the glob"), "{names:?}: {message}");
        }
        assert!(found(&["t/y=1/a.parquet", "t/y=2/c.parquet"]).unwrap_err().to_string().contains("[y=1]"));
        assert_eq!(found(&["t/y=1/a.parquet", "t/y=1/b.parquet"]).unwrap().len(), 2);
        assert_eq!(found(&["t/y=*"]).unwrap()[2].partitions, [("y".to_owned(), Some("2".to_owned()))]);
    }

    #[test]
    fn percent_decoding_leaves_what_it_does_not_understand() {
        for (given, want) in
            [("a%20b", "a b"), ("100%", "100%"), ("%4", "%4"), ("%zz", "%zz"), ("%ff", "%ff"), ("%E2%82%AC", "€"), ("%+1", "%+1")]
        {
            assert_eq!(percent_decode(given), want);
        }
    }
}
