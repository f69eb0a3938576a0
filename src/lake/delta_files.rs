//! Rows of a Delta table from its own files, where these are all there is to them: in a folder of this machine, whole, in the columns and types of the
//! table. They are decoded as a Parquet source is, which takes less than half of what a scan of the table takes: batches are bounded by the sizes of their
//! own values, rows come in the order of the files, and errors name file and row.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use olbridge_delta::table::{DataFile, Table};
use parquet::arrow::arrow_reader::ArrowReaderOptions;

use super::parquet::{ParquetFile, ParquetSource, load_metadata, row_count, same_values};
use super::partition::holds;
use crate::error::Phase;

/// The value that other systems name a folder by where the partition's value is NULL.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Files that have the rows, and the columns of `source` in the order that was asked for.
pub(super) struct OwnFiles {
    pub source: ParquetSource,
    pub columns: Vec<usize>,
}

/// The table's columns, texts and bytes as views where it probably is read from its own files: their values need not be copied then.
pub(super) fn own_layout(table: &Table, schema: &Schema) -> Schema {
    let partitions = table.partition_columns().unwrap_or_default();
    let is_plain = table.location().local_path().is_some()
        && !is_mapped(table)
        && table.data_files().is_ok_and(|files| files.iter().all(|file| file.deletion_vector.is_none()));
    let layout = |field: &Arc<Field>| match field.data_type() {
        _ if !is_plain || partitions.contains(field.name()) => field.as_ref().clone(),
        DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
        DataType::Binary => field.as_ref().clone().with_data_type(DataType::BinaryView),
        _ => field.as_ref().clone(),
    };
    Schema::new(schema.fields().iter().map(layout).collect::<Vec<_>>())
}

/// Columns have other names in the files, or properties do not tell.
fn is_mapped(table: &Table) -> bool {
    table.properties().map_or(true, |known| known.get("delta.columnMapping.mode").is_some_and(|mode| mode != "none"))
}

/// `None` where the files alone do not tell the rows of these columns, or not as they are: rows are deleted by vectors, columns have other names or types in a
/// file or are not in it, a file is elsewhere or not what the log says. A scan minds all that, or says what is wrong.
pub(super) fn own_files(table: &Table, schema: &Schema) -> Option<OwnFiles> {
    let root = table.location().local_path()?;
    if is_mapped(table) {
        return None;
    }
    let partition_columns = table.partition_columns().ok()?;
    let is_partition = |field: &Field| partition_columns.contains(field.name());
    let (partitions, columns): (Vec<usize>, Vec<usize>) = (0..schema.fields().len()).partition(|index| is_partition(schema.field(*index)));
    let order = [columns, partitions].concat();
    let arranged = schema.project(&order).ok()?;
    let (columns, partitions) = arranged.fields().split_at(arranged.fields().iter().filter(|field| !is_partition(field)).count());
    let mut files = Vec::new();
    for file in table.data_files().ok()? {
        let path = own_path(&root, &file)?;
        let partitions = partitions.iter().map(|field| partition_value(&file, field)).collect::<Option<_>>()?;
        let rows = own_rows(&path, columns)?;
        if file.rows.is_some_and(|logged| logged != rows) {
            return None;
        }
        files.push(ParquetFile { path: path.into(), rows, size_bytes: file.bytes, partitions });
    }
    let columns = (0..order.len()).map(|index| order.iter().position(|place| *place == index)).collect::<Option<_>>()?;
    let partitions = partitions.len();
    Some(OwnFiles { source: ParquetSource::of_files(files, Arc::new(arranged), partitions), columns })
}

/// Of a file below the table's folder that is as large as the log says and has no rows deleted.
fn own_path(root: &Path, file: &DataFile) -> Option<PathBuf> {
    let is_below = Path::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_below || file.path.contains("://") || file.deletion_vector.is_some() {
        return None;
    }
    let path = root.join(&file.path);
    let is_same = path.metadata().is_ok_and(|found| found.is_file() && found.len() == file.bytes);
    is_same.then_some(path)
}

/// `Some(None)` is NULL.
fn partition_value(file: &DataFile, field: &Field) -> Option<Option<String>> {
    match file.partition_values.get(field.name())? {
        None => field.is_nullable().then_some(None),
        Some(value) if value.is_empty() || value == HIVE_NULL || !holds(value, field.data_type()) => None,
        Some(value) => Some(Some(value.clone())),
    }
}

/// Rows of a file that has the columns in these types.
fn own_rows(path: &Path, columns: &[Arc<Field>]) -> Option<u64> {
    let metadata = load_metadata(path, Phase::Describe, ArrowReaderOptions::new()).ok()?;
    let own = metadata.schema();
    let fits = |field: &Arc<Field>| {
        let mut found = own.fields().iter().filter(|found| found.name() == field.name());
        let (Some(found), None) = (found.next(), found.next()) else { return false };
        let (is, wanted) = (found.data_type(), field.data_type());
        is == wanted || (!is.is_nested() && !wanted.is_nested() && same_values(is, wanted))
    };
    if !columns.iter().all(fits) {
        return None;
    }
    row_count(path, &metadata).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{ArrayRef, AsArray, BinaryArray, Date32Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use olbridge_delta::StoreOptions;
    use olbridge_delta::table::{Alter, Batches, CommitOptions, NewTable, Scan, SchemaMode, WriteOptions};

    use serde_json::{Value, json};

    use super::super::delta::{DeltaSource, in_layout};
    use super::super::parquet::ReadOptions;
    use super::super::read_ahead::SourceBatch;
    use super::super::source::TableVersion;
    use super::*;

    fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
        let kinds = ids.clone().map(|id| (id % 4 != 3).then(|| ["", "a b", "100 %"][id as usize % 4].to_owned() + "z"));
        let bytes = ids.clone().map(|id| (id % 6 > 0).then(|| vec![id as u8; id as usize % 20]));
        let columns: [(&str, ArrayRef); 7] = [
            ("bytes", Arc::new(bytes.collect::<BinaryArray>())),
            ("kind", Arc::new(kinds.collect::<StringArray>())),
            ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
            ("day", Arc::new(Date32Array::from_iter(ids.clone().map(|id| (id % 5 > 0).then_some(id as i32 % 3 - 1))))),
            ("text", Arc::new(StringArray::from_iter(ids.clone().map(|id| (id % 7 > 0).then(|| format!("text {id}")))))),
            ("year", Arc::new(Int32Array::from_iter_values(ids.clone().map(|id| id as i32 % 2 - 1)))),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(ids.map(|id| (id % 3 > 0).then(|| vec![Some(id), None]))))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
    }

    struct Lake {
        folder: tempfile::TempDir,
    }

    impl Lake {
        /// Three files, or some more.
        fn new(partition_columns: &[&str], properties: &[(&str, &str)]) -> Lake {
            let lake = Lake { folder: tempfile::tempdir().unwrap() };
            for ids in [0..40, 40..41, 41..100] {
                let mut new = NewTable::new(rows(0..0).schema());
                new.partition_columns = partition_columns.iter().map(|name| (*name).to_owned()).collect();
                new.properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
                lake.append(&rows(ids), WriteOptions { create: Some(new), ..WriteOptions::default() });
            }
            lake
        }

        fn text(&self) -> String {
            self.folder.path().join("a table/t").to_str().unwrap().to_owned()
        }

        fn table(&self) -> Table {
            Table::open(&self.text().parse().unwrap(), &StoreOptions::default()).unwrap()
        }

        fn append(&self, batch: &RecordBatch, options: WriteOptions) {
            self.table().write(&mut Batches::new(batch.schema(), vec![batch.clone()]), &options, &CommitOptions::default()).unwrap();
        }

        fn read(&self, names: &[&str]) -> Vec<SourceBatch> {
            let source = DeltaSource::open(&self.text(), &TableVersion::Latest).unwrap();
            let columns = names.iter().map(|name| source.schema().index_of(name).unwrap()).collect();
            source.read(ReadOptions { columns, batch_rows: 7 }).map(Result::unwrap).collect()
        }

        /// What comes is what a scan gives, from files or not.
        #[track_caller]
        fn assert_read(&self, names: &[&str], from_files: bool) {
            let read = self.read(names);
            let scan = Scan { columns: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Scan::default() };
            let reader = self.table().read(&scan).unwrap();
            let layout = read[0].batch.schema();
            let scanned: Vec<RecordBatch> = reader.map(|batch| in_layout(&batch.unwrap(), &layout).unwrap()).collect();
            let sorted = |batches: Vec<&RecordBatch>| {
                let batch = concat_batches(&batches[0].schema(), batches).unwrap();
                let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().clone();
                let mut order: Vec<usize> = (0..batch.num_rows()).collect();
                order.sort_by_key(|row| ids.value(*row));
                order.into_iter().map(|row| format!("{:?}", batch.slice(row, 1).columns())).collect::<Vec<_>>()
            };
            assert_eq!(sorted(read.iter().map(|read| &read.batch).collect()), sorted(scanned.iter().collect()));
            for read in &read {
                assert_eq!(read.file.is_file(), from_files, "{}", read.file.display());
                assert!(!from_files || (read.first_row >= 1 && read.batch.num_rows() <= 7));
            }
        }
    }

    #[test]
    fn rows_of_whole_files_come_from_them_in_the_columns_asked_for() {
        let lake = Lake::new(&[], &[]);
        lake.assert_read(&["id"], true);
        lake.assert_read(&["list", "text", "id", "kind", "bytes", "year", "day"], true);
        let first = &lake.read(&["id"])[0];
        let texts = lake.read(&["text", "bytes"])[0].batch.schema();
        assert_eq!([0, 1].map(|index| texts.field(index).data_type().clone()), [DataType::Utf8View, DataType::BinaryView]);
        let file = first.file.to_str().unwrap();
        assert!(file.starts_with(&lake.text()) && file.ends_with(".parquet"), "{file}");
    }

    #[test]
    fn partition_values_are_what_the_log_says() {
        for partition_columns in [vec!["kind"], vec!["year"], vec!["day"], vec!["day", "kind", "year"]] {
            let lake = Lake::new(&partition_columns, &[]);
            lake.assert_read(&["id"], true);
            lake.assert_read(&["id", "kind", "year", "day", "text"], true);
            lake.assert_read(&["day", "text", "kind", "id"], true);
        }
    }

    #[test]
    fn what_files_alone_do_not_tell_is_scanned() {
        // A column that comes later is in no file of before.
        let lake = Lake::new(&["year"], &[]);
        let more = RecordBatch::try_from_iter_with_nullable(
            rows(100..103)
                .schema()
                .fields()
                .iter()
                .zip(rows(100..103).columns())
                .map(|(field, array)| (field.name().clone(), Arc::clone(array), true))
                .chain([("new".to_owned(), Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, true)]),
        )
        .unwrap();
        lake.append(&more, WriteOptions { schema_mode: SchemaMode::Merge, ..WriteOptions::default() });
        lake.assert_read(&["id", "new"], false);
        lake.assert_read(&["id", "text", "year"], true);
        // A type that has become a wider one.
        let lake = Lake::new(&[], &[]);
        lake.table().widen_column("year", &DataType::Int64, &CommitOptions::default()).unwrap();
        lake.assert_read(&["id", "kind"], true);
        lake.assert_read(&["id", "year"], true);
        // Names of columns that are not those of the files.
        let lake = Lake::new(&[], &[("delta.columnMapping.mode", "name")]);
        lake.assert_read(&["id", "text"], false);
        // The name that another column has in the files.
        let lake = Lake::new(&[], &[]);
        for (from, to) in [("text", "was text"), ("kind", "text")] {
            let rename = Alter::RenameColumn { from: from.into(), to: to.into(), upgrade: true };
            lake.table().alter(&rename, &CommitOptions::default()).unwrap();
        }
        lake.assert_read(&["id", "text"], false);
    }

    /// Those that another program has deleted by a vector do not come back.
    #[test]
    fn rows_that_a_vector_deletes_are_scanned() {
        let lake = Lake::new(&[], &[]);
        let log = Path::new(&lake.text()).join("_delta_log");
        let [first, last] = [0, 2].map(|version| std::fs::read_to_string(log.join(format!("{version:020}.json"))).unwrap());
        let action = |commit: &str, name: &str| {
            let mut lines = commit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.find(|line| line.get(name).is_some()).unwrap()
        };
        let (mut protocol, mut add) = (action(&first, "protocol"), action(&last, "add"));
        protocol["protocol"] = json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
            "writerFeatures": ["deletionVectors"]});
        let remove = json!({"remove": {"path": add["add"]["path"], "deletionTimestamp": 1, "dataChange": true}});
        // Rows 1 and 4 of the file, from 0 (protocol, "Deletion Vectors"), in the log itself.
        add["add"]["deletionVector"] = json!({"storageType": "i", "pathOrInlineDv": "^Bg9^0rr910000000000iXQKl0rr91000315c8Xg0rrl5", "sizeInBytes": 36, "cardinality": 2});
        let commit: String = [protocol, remove, add].iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(log.join("00000000000000000003.json"), commit).unwrap();
        lake.assert_read(&["id", "text"], false);
        let rows: usize = lake.read(&["id"]).iter().map(|read| read.batch.num_rows()).sum();
        assert_eq!(rows, 98);
    }

    /// A file that is not what the log says is a scan's to tell.
    #[test]
    fn files_that_are_gone_or_others_are_not_taken() {
        let lake = Lake::new(&[], &[]);
        let file = &lake.table().data_files().unwrap()[0];
        let path = Path::new(&lake.text()).join(&file.path);
        let schema = lake.table().schema().unwrap();
        assert!(own_files(&lake.table(), &schema).is_some());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        assert!(own_files(&lake.table(), &schema).is_none(), "another size");
        std::fs::write(&path, vec![0; whole.len()]).unwrap();
        assert!(own_files(&lake.table(), &schema).is_none(), "damaged");
        std::fs::remove_file(&path).unwrap();
        assert!(own_files(&lake.table(), &schema).is_none(), "gone");
        let source = DeltaSource::open(&lake.text(), &TableVersion::Latest).unwrap();
        let read: Result<Vec<_>, _> = source.read(ReadOptions { columns: vec![1], batch_rows: 7 }).collect();
        assert!(read.unwrap_err().to_string().contains(".parquet"), "the file is named");
    }
}
