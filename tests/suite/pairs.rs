//! Every pair of the type map through a database: generated from the table itself, row by row, what is accepted reads back equal and
//! what is refused leaves nothing.

use olbridge::arrow::array::{Array, ArrayRef, RecordBatch, make_array, new_empty_array, new_null_array};
use olbridge::arrow::datatypes::{DataType, Field};
use olbridge::bind::plan_bind;
use olbridge::copy::Target;
use olbridge::error::{Error, Phase};
use olbridge::load::{ColumnPair, LoadOptions, LoadPlan, Loader};
use olbridge::oci::Session;
use olbridge::oracle_type::{ColumnDesc, OracleType, TableName};
use olbridge::transaction::Transaction;
use olbridge::type_map::{LossySet, sample_oracle_types};

use crate::loader_api::engine_directory;
use crate::support::tables::{canonical, every_type, expected, table};

fn session() -> Session {
    let target: Target = "embedded::memory:/PAIRS".parse().unwrap();
    let mut options = target.connect_options(None);
    options.client_lib_dir = Some(engine_directory());
    Session::connect(&options).unwrap()
}

fn load(session: &mut Session, target: &ColumnDesc, array: &ArrayRef) -> Result<u64, Error> {
    let batch: RecordBatch = table(vec![("c", array.clone())]);
    let pair = ColumnPair { source_index: 0, field: batch.schema().field(0).clone(), target: target.clone() };
    let name = TableName { schema: None, table: "PAIRS".into() };
    let plan = LoadPlan::new(&name, &[pair], LoadOptions::default())?;
    let transaction = Transaction::begin(session);
    let mut loader = Loader::new(&transaction, plan)?;
    loader.write(&batch, None, 1)?;
    let report = loader.finish()?;
    transaction.commit()?;
    Ok(report.rows_loaded)
}

fn stored(session: &Session) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let read = session.query_text("SELECT C FROM PAIRS ORDER BY ROWID", &mut |row| {
        values.push(row[0].clone());
        Ok(())
    });
    read.unwrap();
    values
}

/// Oracle's text of a value of `oracle_type` in the spelling that [`expected`] gives to one of `data_type`.
fn read_as(data_type: &DataType, oracle_type: &OracleType, text: &str) -> String {
    let text = match oracle_type {
        // The database pads; nothing in the sources ends in a blank.
        OracleType::Char(_) | OracleType::Nchar(_) => text.trim_end_matches(' '),
        _ => text,
    };
    match (data_type, oracle_type) {
        (t, OracleType::BinaryFloat) if t.is_integer() => format!("{:.0}", text.parse::<f32>().unwrap()),
        (t, OracleType::BinaryDouble) if t.is_integer() => format!("{:.0}", text.parse::<f64>().unwrap()),
        // Shortest digits of 16 bits come back as the same 16 bits.
        (DataType::Float16, OracleType::Number { .. } | OracleType::Float { .. }) => {
            canonical(data_type, &half::f16::from_f64(text.parse().unwrap()).to_f32().to_string())
        }
        _ => canonical(data_type, text),
    }
}

fn values_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// One pair: every row alone, the good rows together, as a slice of a longer array, all NULL, and none. Answers how many were carried and refused.
fn check_pair(session: &mut Session, array: &ArrayRef, target: &ColumnDesc) -> (usize, usize) {
    let place = |row: usize| format!("{} into {}, row {row}", array.data_type(), target.oracle_type);
    let (mut good, mut refused) = (Vec::new(), 0);
    for row in 0..array.len() {
        let before = stored(session).len();
        let one = make_array(array.slice(row, 1).to_data());
        match load(session, target, &one) {
            Ok(rows) => {
                assert_eq!(rows, 1, "{}", place(row));
                let text = stored(session).pop().unwrap();
                let read = text.map(|text| read_as(values_type(array.data_type()), &target.oracle_type, &text));
                assert_eq!(read, expected(array, row), "{}", place(row));
                good.push(read);
            }
            Err(error) => {
                assert!(matches!(error, Error::Row(_)), "{}: {error}", place(row));
                assert_eq!(stored(session).len(), before, "{}", place(row));
                refused += 1;
            }
        }
    }
    session.execute_sql(Phase::Execute, None, "DELETE FROM PAIRS").unwrap();
    session.commit().unwrap();
    if refused == 0 {
        let sliced = array.slice(1, array.len() - 2);
        assert_eq!(load(session, target, &sliced).unwrap(), sliced.len() as u64);
        let read = stored(session).into_iter().map(|text| text.map(|t| read_as(values_type(array.data_type()), &target.oracle_type, &t)));
        assert_eq!(read.collect::<Vec<_>>(), good[1..array.len() - 1], "{}", place(1));
    }
    assert_eq!(load(session, target, &new_empty_array(array.data_type())).unwrap(), 0);
    assert_eq!(load(session, target, &new_null_array(array.data_type(), 3)).unwrap(), 3);
    assert_eq!(stored(session).into_iter().rev().take(3).collect::<Vec<_>>(), [None, None, None], "{}", place(0));
    (good.len(), refused)
}

#[test]
fn every_pair_of_the_type_map_reads_back_equal_or_is_refused() {
    let mut session = session();
    let source = every_type();
    let (mut pairs, mut carried, mut refused) = (0, 0, 0);
    for oracle_type in sample_oracle_types() {
        if matches!(oracle_type, OracleType::Other { .. }) {
            continue;
        }
        let target = ColumnDesc { name: "C".into(), oracle_type: oracle_type.clone(), nullable: true };
        session.execute_sql(Phase::Ddl, None, &format!("CREATE TABLE PAIRS (C {oracle_type})")).unwrap();
        for array in source.columns() {
            let field = Field::new("c", array.data_type().clone(), true);
            if plan_bind(&field, &target, LossySet::NONE).is_err() {
                continue;
            }
            let (good, bad) = check_pair(&mut session, array, &target);
            session.execute_sql(Phase::Execute, None, "DELETE FROM PAIRS").unwrap();
            session.commit().unwrap();
            pairs += 1;
            carried += good;
            refused += bad;
        }
        session.execute_sql(Phase::Ddl, None, "DROP TABLE PAIRS").unwrap();
    }
    assert!(pairs > 200 && carried > 800 && refused > 100, "{pairs} pairs, {carried} values carried, {refused} refused");
}
