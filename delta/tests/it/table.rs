//! Tables on emulated object stores: the same operations as on a local folder, and writers in each other's way.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use olbridge_delta::table::{Batches, CommitOptions, Epoch, Merge, NewTable, Outcome, Scan, Table, WriteOptions};
use olbridge_delta::{Location, StoreOptions};

use crate::peers;
use crate::store::{no_connections, options};

fn rows(ids: &[i64]) -> Batches {
    let names: StringArray = ids.iter().map(|id| Some(format!("name {id}"))).collect();
    let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(Int64Array::from(ids.to_vec()))), ("name", Arc::new(names))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Batches::new(batch.schema(), vec![batch])
}

fn count(table: &Table) -> usize {
    table.read(&Scan::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum()
}

fn works(location: &str, mut options: StoreOptions) {
    let file = no_connections();
    options.connections_file = Some(file.path().to_owned());
    let location: Location = location.parse().unwrap();
    let open = || Table::open(&location, &options).unwrap_or_else(|error| panic!("{location}: {error}"));
    let mut table = open();
    assert!(!table.exists());
    let creating = WriteOptions { create: Some(NewTable::new(Arc::new(Schema::empty()))), ..WriteOptions::default() };
    table.write(&mut rows(&[1, 2, 3]), &creating, &CommitOptions::default()).unwrap();
    let epoch = CommitOptions { epoch: Some(Epoch { app_id: "test".into(), epoch: 1 }), ..CommitOptions::default() };
    table.merge(&mut rows(&[3, 4]), &Merge::upsert(&["id".into()]), &epoch).unwrap();
    assert_eq!(open().merge(&mut rows(&[5]), &Merge::upsert(&["id".into()]), &epoch).unwrap(), Outcome::AlreadyCommitted { epoch: 1 });
    table.delete(Some("id = 1"), &CommitOptions::default()).unwrap();
    table.checkpoint().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3i64 {
            let open = &open;
            scope.spawn(move || {
                let mut table = open();
                (0..3).for_each(|round| {
                    let ids: Vec<i64> = (0..=writer).map(|row| 100 + writer * 10 + round + 1000 * row).collect();
                    let written = table.write(&mut rows(&ids), &WriteOptions::default(), &CommitOptions::default()).unwrap();
                    assert_eq!(written.metrics().unwrap().rows_written, ids.len() as u64, "each counts its own rows");
                });
            });
        }
    });
    let mut table = open();
    assert_eq!(count(&table), 3 + 3 * (1 + 2 + 3), "{location}");
    assert_eq!(count(&table.at(0).unwrap()), 3, "{location}");
    assert!(!table.drop_table(false).unwrap().files.is_empty());
    assert!(!open().exists(), "{location}");
}

#[test]
fn a_table_on_azure_and_on_onelake() {
    let Some(server) = peers::azurite() else { return };
    let at = |account: &str| {
        let endpoint = format!("http://127.0.0.1:{}/{account}", server.port);
        options(&[("endpoint", &endpoint), ("allow_http", "true"), ("account_key", peers::AZURITE_KEY)])
    };
    works("abfss://sales-ws@olbridge.dfs.core.windows.net/tables/orders", at("olbridge"));
    works("onelake://sales-ws/My Lake/dbo/Größe", at("onelake"));
    // By GUIDs, in the short form and by both addresses: all three name one table.
    let (workspace, item) = (peers::WORKSPACE_GUID, "11111111-2222-3333-4444-555555555555");
    works(&format!("onelake://{workspace}/{item}/orders"), at("onelake"));
    works(&format!("abfss://{workspace}@onelake.dfs.fabric.microsoft.com/{item}/Tables/dbo/orders"), at("onelake"));
    works(&format!("https://onelake.dfs.fabric.microsoft.com/{workspace}/{item}/Tables/orders"), at("onelake"));
}

#[test]
fn a_table_on_s3() {
    let Some(server) = peers::moto() else { return };
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let given = [
        ("endpoint", endpoint.as_str()),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("access_key_id", "t"),
        ("secret_access_key", "t"),
    ];
    works("s3://olbridge/tables/a b/orders", options(&given));
}
