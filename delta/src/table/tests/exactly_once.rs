//! Epochs, lost answers, and writers that are in each other's way.

use std::sync::atomic::Ordering;

use super::faulty::{Disturbed, Loss, lossy, lossy_store};
use super::*;

#[test]
fn an_epoch_is_committed_once_and_a_later_one_again() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let write = |table: &mut Table, number| table.write(&mut rows(&[number]), &WriteOptions::default(), &epoch(number)).unwrap();
    assert!(matches!(write(&mut table, 7), Outcome::Committed { .. }));
    assert_eq!(write(&mut fixture.open(), 7), Outcome::AlreadyCommitted { epoch: 7 });
    assert_eq!(write(&mut fixture.open(), 6), Outcome::AlreadyCommitted { epoch: 7 });
    assert!(matches!(write(&mut table, 8), Outcome::Committed { .. }));
    assert_eq!(ids(&fixture.open()), [1, 7, 8]);
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(8));
    assert_eq!(fixture.open().epoch("another").unwrap(), None);
}

#[test]
fn an_epoch_without_a_change_is_kept_too() {
    let (fixture, mut table) = Fixture::with_ids(&[1]);
    let outcome = table.delete(Some("id = 99"), &epoch(1)).unwrap();
    assert!(matches!(outcome, Outcome::Committed { .. }), "{outcome:?}");
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(1));
    assert_eq!(
        table.merge(&mut rows(&[]), &Merge::delete_by_key(&["id".into()]), &epoch(1)).unwrap(),
        Outcome::AlreadyCommitted { epoch: 1 }
    );
    committed(table.merge(&mut rows(&[]), &Merge::delete_by_key(&["id".into()]), &epoch(2)).unwrap());
    assert_eq!(fixture.open().epoch("olbridge/test").unwrap(), Some(2));
}

#[test]
fn a_lost_answer_neither_loses_nor_doubles_rows() {
    for loss in [Loss::Error, Loss::ExistsAlready, Loss::ExistsUnseen, Loss::Followed] {
        let (fixture, _) = Fixture::with_ids(&[1]);
        let outcome = lossy(&fixture, loss).write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap();
        assert!(matches!(outcome, Outcome::Committed { version: 1, attempts: 1, .. }), "{loss:?}: {outcome:?}");
        assert_eq!(committed(outcome).rows_written, 1, "{loss:?}");
        let table = fixture.open();
        assert_eq!(ids(&table), [1, 2], "{loss:?}");
        // The same files in a second commit are the same rows to a reader, and new ones to whoever follows the changes.
        let adds = commits(&fixture).iter().filter(|commit| commit.contains(r#"{"add":"#)).count();
        assert_eq!(adds, 2, "{loss:?}");
    }
}

#[test]
fn a_commit_that_was_not_made_is_an_error_without_an_epoch_and_made_again_with_one() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    let error = lossy(&fixture, Loss::NotDone).write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    assert!(error.to_string().contains("not known") && !error.to_string().contains("the same again"), "{error}");
    assert_eq!(ids(&fixture.open()), [1]);
    let error = lossy(&fixture, Loss::Denied).write(&mut rows(&[2]), &WriteOptions::default(), &CommitOptions::default()).unwrap_err();
    assert!(!error.outcome_unknown(), "{error}");
    committed(lossy(&fixture, Loss::NotDone).write(&mut rows(&[2]), &WriteOptions::default(), &epoch(1)).unwrap());
    assert_eq!(ids(&fixture.open()), [1, 2]);
}

#[test]
fn a_commit_that_comes_late_is_not_made_twice() {
    let (fixture, _) = Fixture::with_ids(&[1]);
    lossy(&fixture, Loss::DoneLater).write(&mut rows(&[2]), &WriteOptions::default(), &epoch(1)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(ids(&fixture.open()), [1, 2]);
}

/// Nothing is there to be found for a while, or for good: the rows may be in the table, and the error says so, and how to find out.
#[test]
fn a_commit_whose_fate_cannot_be_learned_is_in_doubt() {
    for options in [CommitOptions::default(), CommitOptions { max_attempts: 2, ..epoch(1) }] {
        let (fixture, _) = Fixture::with_ids(&[1]);
        let (mut table, store) = lossy_store(&fixture, Loss::Away, 0);
        let error = table.write(&mut rows(&[2]), &WriteOptions::default(), &options).unwrap_err();
        assert!(error.outcome_unknown(), "{error}");
        assert!(error.to_string().contains("whether version 1 was committed is not known"), "{error}");
        // What has an epoch may be run again; what has none would be there twice.
        assert_eq!(error.to_string().contains("the same again"), options.epoch.is_some(), "{error}");
        assert_eq!(ids(&fixture.open()), [1, 2], "its files have not been removed");
        store.away.store(false, Ordering::SeqCst);
        if options.epoch.is_some() {
            assert_eq!(table.write(&mut rows(&[2]), &WriteOptions::default(), &options).unwrap(), Outcome::AlreadyCommitted { epoch: 1 });
        }
    }
}

#[test]
fn a_table_whose_first_commit_comes_late_is_made_once() {
    for loss in [Loss::DoneLater, Loss::Error, Loss::ExistsUnseen] {
        let fixture = Fixture::new();
        let outcome = lossy(&fixture, loss).write(&mut rows(&[2]), &creating(), &epoch(1)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(ids(&fixture.open()), [2], "{loss:?}: {outcome:?}");
        assert_eq!(metadata_commits(&fixture), 1, "{loss:?}");
    }
}

#[test]
fn writers_in_each_others_way_all_get_through() {
    let (fixture, _) = Fixture::with_ids(&[0]);
    std::thread::scope(|scope| {
        for writer in 1..=3 {
            let fixture = &fixture;
            scope.spawn(move || {
                let mut table = fixture.open();
                for round in 0..4 {
                    let id = writer * 100 + round;
                    // Each counts its own rows.
                    let more: Vec<i64> = (0..writer).map(|row| id + 10_000 * (row + 1)).chain([id]).collect();
                    let written = table.write(&mut rows(&more), &WriteOptions::default(), &CommitOptions::default()).unwrap();
                    assert_eq!(committed(written).rows_written, more.len() as u64);
                    let options = CommitOptions { max_attempts: 50, ..CommitOptions::default() };
                    let set = [("name".to_owned(), format!("'changed {id}'"))];
                    committed(table.update(&set, Some(&format!("id = {id}")), &options).unwrap());
                }
            });
        }
    });
    let table = fixture.open();
    assert_eq!(ids(&table).len(), 1 + 4 * (2 + 3 + 4));
    let changed = read(&table, &Scan { predicate: Some("name LIKE 'changed %'".into()), ..Scan::default() });
    assert_eq!(changed.num_rows(), 12);
}

/// An operation that another writer disturbs is run again from its source; a source that can be read once cannot, and says so.
#[test]
fn a_disturbed_merge_is_run_again_if_its_source_can_be() {
    for can_open_again in [true, false] {
        let (fixture, mut table) = Fixture::with_ids(&[1, 2]);
        let other = || {
            committed(fixture.open().delete(Some("id = 1"), &CommitOptions::default()).unwrap());
        };
        let mut source = Disturbed { can_open_again, ..Disturbed::new(rows(&[1, 2]), other) };
        let outcome = table.merge(&mut source, &Merge::upsert(&["id".into()]), &CommitOptions::default());
        match can_open_again {
            true => {
                let metrics = committed(outcome.unwrap());
                assert_eq!((metrics.rows_updated, metrics.rows_inserted), (1, 1), "as the table is after the delete");
                assert_eq!(ids(&fixture.open()), [1, 2]);
            }
            false => {
                assert!(matches!(outcome, Err(Error::Conflict { attempts: 1, .. })), "{outcome:?}");
                assert_eq!(ids(&fixture.open()), [2]);
            }
        }
    }
}
