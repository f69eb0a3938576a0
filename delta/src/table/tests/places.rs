//! Names that a table may have: it can be read where it was written, or nothing is written.

use super::*;

/// What becomes of a table in a folder of this name, beside others whose names are like it.
fn works_or_is_refused(name: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let location: Location = folder.path().join(name).to_str().unwrap().parse().unwrap();
    let opened = Table::open(&location, &StoreOptions::default());
    let Ok(mut table) = opened else {
        assert!(matches!(opened, Err(Error::Location { .. })), "{name}: {opened:?}");
        assert!(matches!(Table::open_at(&location, &StoreOptions::default(), At::Latest), Err(Error::Location { .. })), "{name}");
        assert!(walk(folder.path()).is_empty(), "{name}");
        return false;
    };
    let write = |table: &mut Table, ids: &[i64]| table.write(&mut rows(ids), &creating(), &CommitOptions::default());
    assert_eq!(committed(write(&mut table, &[1]).unwrap_or_else(|error| panic!("{name}: {error}"))).rows_written, 1, "{name}");
    assert_eq!(committed(write(&mut table, &[2, 3]).unwrap_or_else(|error| panic!("{name}: {error}"))).rows_written, 2, "{name}");
    let mut table = Table::open(&location, &StoreOptions::default()).unwrap();
    assert_eq!(ids(&table), [1, 2, 3], "{name}");
    table.checkpoint().unwrap();
    assert_eq!(committed(table.delete(Some("id = 2"), &CommitOptions::default()).unwrap()).rows, Some(1), "{name}");
    assert_eq!(ids(&Table::open(&location, &StoreOptions::default()).unwrap()), [1, 3], "{name}");
    assert_eq!(table.history(None).unwrap().len(), 3, "{name}");
    true
}

/// A whole lakehouse would be taken for one table; nothing is asked of the network.
#[test]
fn a_workspace_and_a_lakehouse_are_no_tables() {
    for place in
        ["onelake://sales", "onelake://sales/lake", "onelake://sales/lake/", "onelake://sales/lake/Tables", "onelake://sales/lake/Files"]
    {
        let error = Table::open(&place.parse().unwrap(), &StoreOptions::default()).unwrap_err();
        assert!(matches!(&error, Error::Location { .. }) && error.to_string().contains("LAKEHOUSE/TABLE"), "{place}: {error}");
    }
    let typed = |place: &str| readable(&place.parse().unwrap()).is_ok();
    assert!(typed("onelake://sales/lake/orders") && typed("onelake://sales/lake/dbo/orders") && typed("onelake://sales/lake/Files/t"));
}

#[test]
fn a_name_of_any_letters_works_or_is_refused_before_anything_is_written() {
    let mut refused = String::new();
    for letter in (' '..='~').filter(|letter| !letter.is_ascii_alphanumeric() && *letter != '/').chain(['ü', '日']) {
        if !works_or_is_refused(&format!("a{letter}b c")) {
            refused.push(letter);
        }
    }
    assert_eq!(refused, "#?[\\]^|");
    for (name, works) in
        [("a%20b", false), ("x/region=a%2Fb/t", false), ("a%25b", false), ("50%", true), ("a%zz", true), ("x=1/y=a b/t", true)]
    {
        assert_eq!(works_or_is_refused(name), works, "{name}");
    }
}
