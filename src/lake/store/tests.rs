//! Objects of a store in memory: the same calls as of any other.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use olbridge_delta::object_store::ObjectStore;
use olbridge_delta::object_store::memory::InMemory;
use olbridge_delta::object_store::path::Path as ObjectPath;

use super::remote_file::BLOCK_BYTES;
use super::*;

fn opened(store: &Arc<dyn ObjectStore>, key: &str) -> Opened {
    let location = super::location(&format!("s3://b/{key}")).unwrap();
    Opened { store: Arc::clone(store), path: ObjectPath::parse(key).unwrap(), url: location.url().clone(), location }
}

fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

fn content(store: &Arc<dyn ObjectStore>, key: &str) -> Option<Vec<u8>> {
    let opened = opened(store, key);
    let found = head(&opened, Phase::Read).unwrap()?;
    let mut bytes = Vec::new();
    RemoteFile::of(opened, Phase::Read, found).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

#[test]
fn an_object_is_there_when_it_is_whole() {
    let store = memory();
    for length in [0, 1, 99, 100, 101, 1_000, 1_050] {
        let all = bytes(length);
        let mut upload = Upload::to(opened(&store, "t"), 100);
        all.chunks(33).for_each(|chunk| upload.write_all(chunk).unwrap());
        assert_eq!(content(&store, "t"), None, "{length}");
        upload.finish(false).unwrap();
        assert_eq!(content(&store, "t").unwrap(), all, "{length}");
        wait(&opened(&store, "t"), (Phase::Write, "delete"), store.delete(&ObjectPath::from("t"))).unwrap();
    }
}

#[test]
fn an_unfinished_object_leaves_nothing() {
    let store = memory();
    let mut upload = Upload::to(opened(&store, "t"), 100);
    upload.write_all(&bytes(1_000)).unwrap();
    drop(upload);
    assert!(list(&opened(&store, "t"), Phase::Read).unwrap().is_empty());
}

#[test]
fn an_object_that_is_there_is_replaced_only_when_asked() {
    let store = memory();
    let write = |length: usize, replace: bool| {
        let mut upload = Upload::to(opened(&store, "t"), 100);
        upload.write_all(&bytes(length)).unwrap();
        upload.finish(replace)
    };
    write(10, false).unwrap();
    for length in [20, 300] {
        assert_eq!(write(length, false).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(content(&store, "t").unwrap().len(), 10);
    }
    for length in [20, 300] {
        write(length, true).unwrap();
        assert_eq!(content(&store, "t").unwrap(), bytes(length));
    }
}

#[test]
fn ranges_come_from_anywhere_and_across_blocks() {
    let store = memory();
    let all = bytes(BLOCK_BYTES as usize * 2 + 77);
    let mut upload = Upload::to(opened(&store, "t"), 1 << 20);
    upload.write_all(&all).unwrap();
    upload.finish(false).unwrap();
    let opened = opened(&store, "t");
    let found = head(&opened, Phase::Read).unwrap().unwrap();
    let mut file = RemoteFile::of(opened, Phase::Read, found);
    let block = BLOCK_BYTES as usize;
    for (start, length) in [(0, 4), (block - 2, 4), (block, block), (5, block + 1), (all.len() - 8, 8), (all.len(), 0)] {
        assert_eq!(file.range(start as u64, length).unwrap(), all[start..start + length], "{start} {length}");
    }
    assert!(file.range(all.len() as u64 - 1, 2).is_err() && file.range(u64::MAX, 2).is_err());
    file.seek(SeekFrom::End(-3)).unwrap();
    let mut end = Vec::new();
    file.read_to_end(&mut end).unwrap();
    assert_eq!(end, all[all.len() - 3..]);
}

#[test]
fn an_object_that_takes_the_place_of_another_is_no_mixture() {
    let store = memory();
    let put = |byte: u8| {
        let mut upload = Upload::to(opened(&store, "t"), 8 << 20);
        upload.write_all(&vec![byte; BLOCK_BYTES as usize * 2]).unwrap();
        upload.finish(true).unwrap();
    };
    put(1);
    let opened = opened(&store, "t");
    let found = head(&opened, Phase::Read).unwrap().unwrap();
    let mut file = RemoteFile::of(opened, Phase::Read, found);
    let mut first = [0; 8];
    file.read_exact(&mut first).unwrap();
    put(2);
    let message = file.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(message.contains("changed meanwhile"), "{message}");
}

#[test]
fn objects_of_a_directory_are_there_together() {
    let store = memory();
    let mut prefix = Prefix::within(opened(&store, "d")).unwrap();
    for name in ["x=1/a.csv", "x=2/b.csv"] {
        let mut upload = prefix.open(name).unwrap();
        upload.write_all(&bytes(7)).unwrap();
        prefix.seal(upload).unwrap();
    }
    assert!(list(&opened(&store, "d"), Phase::Read).unwrap().is_empty());
    prefix.publish().unwrap();
    let names: Vec<String> = list(&opened(&store, "d"), Phase::Read).unwrap().iter().map(|object| object.location.to_string()).collect();
    assert_eq!(names, ["d/_SUCCESS", "d/x=1/a.csv", "d/x=2/b.csv"]);
    assert!(Prefix::within(opened(&store, "d")).unwrap_err().to_string().contains("replace several at once"));
}

#[test]
fn a_directory_that_is_not_finished_leaves_nothing() {
    let store = memory();
    let mut prefix = Prefix::within(opened(&store, "d")).unwrap();
    let mut upload = prefix.open("a.csv").unwrap();
    upload.write_all(&bytes(7)).unwrap();
    prefix.seal(upload).unwrap();
    drop(prefix);
    assert!(list(&opened(&store, "d"), Phase::Read).unwrap().is_empty());
}
