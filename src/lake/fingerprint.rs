//! What tells one source from another: the names and the bytes of its files, in their order.

use std::io::Read;
use std::path::Path;

use twox_hash::XxHash3_128;

use super::object::SourceFile;
use super::source_error;
use crate::error::{Phase, Result};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// 32 hexadecimal digits over the name (with the `key=value` directories before it, but not where those lie) and the whole content of each
/// file. The same bytes under the same names are the same source, wherever they lie and whenever they were written; everything else is another
/// one. XXH3 of 128 bits: it tells accidents apart, not forgeries.
///
/// # Errors
/// An unreadable file, or what `proceed` returns, which is asked after each piece of a file.
pub fn fingerprint<'a>(files: impl Iterator<Item = &'a Path>, proceed: &dyn Fn() -> Result<()>) -> Result<String> {
    let mut hash = XxHash3_128::new();
    let mut chunk = vec![0u8; CHUNK_BYTES];
    for path in files {
        let name = identity(path);
        hash.write(&(name.len() as u64).to_le_bytes());
        hash.write(name.as_bytes());
        let unreadable =
            |error: std::io::Error| source_error(Phase::Read, path, error.to_string(), "check that the file is still there and readable");
        let mut file = SourceFile::open(path, Phase::Read)?;
        let mut size_bytes = 0u64;
        loop {
            proceed()?;
            let read = file.read(&mut chunk).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            hash.write(&chunk[..read]);
            size_bytes += read as u64;
        }
        // After the content: so no boundary between files can move.
        hash.write(&size_bytes.to_le_bytes());
    }
    Ok(format!("{:032x}", hash.finish_128()))
}

/// The file's name, and the partition directories right above it, whose values become columns.
fn identity(path: &Path) -> String {
    let mut names: Vec<String> = Vec::new();
    for (depth, part) in path.iter().rev().enumerate() {
        let part = part.to_string_lossy();
        if depth > 0 && !part.contains('=') {
            break;
        }
        names.push(part.into_owned());
    }
    names.reverse();
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn of(files: &[PathBuf]) -> String {
        fingerprint(files.iter().map(PathBuf::as_path), &|| Ok(())).unwrap()
    }

    #[test]
    fn a_source_is_its_names_and_bytes_and_not_its_place_or_time() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        };
        let large = vec![7u8; CHUNK_BYTES + 5];
        let (a, b) = (write("a.parquet", &large), write("b.parquet", b"xy"));
        let first = of(&[a.clone(), b.clone()]);
        assert_eq!(first.len(), 32);
        assert_eq!(first, of(&[write("elsewhere/a.parquet", &large), write("elsewhere/b.parquet", b"xy")]));
        let mut other_bytes = large.clone();
        *other_bytes.last_mut().unwrap() = 8;
        for different in [
            vec![b.clone(), a.clone()],
            vec![a.clone()],
            vec![write("c.parquet", &large), b.clone()],
            vec![write("day=1/a.parquet", &large), b.clone()],
            vec![write("other/a.parquet", &other_bytes), b.clone()],
            vec![write("other/b.parquet", &[large.as_slice(), b"x"].concat()), write("x/b.parquet", b"y")],
        ] {
            assert_ne!(first, of(&different), "{different:?}");
        }
    }

    #[test]
    fn it_can_be_stopped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stop = || Err(source_error(Phase::Read, Path::new(""), "stop", ""));
        assert!(fingerprint([file.path()].into_iter(), &stop).is_err());
    }
}
