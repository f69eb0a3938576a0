//! Which of several sessions a row goes to, by its key: rows that the database takes for one key go to one session, and so in their order.
//!
//! What is compared is not the Arrow value but what is bound, because a cast, a rounding or blanks at the end of a CHAR make one key of two values.

use std::hash::{DefaultHasher, Hasher};

use arrow::array::{Array, ArrayRef, RecordBatch};
use oci_sys::{SQLT_BDOUBLE, SQLT_BFLOAT};

use crate::layout::Layout;
use crate::oracle_type::OracleType;

use super::plan::{LoadPlan, PlannedColumn};
use super::screen::{Scratch, write_indicators};

/// Rows whose keys are converted together: they are in the processor's cache then.
const CHUNK_ROWS: usize = 512;

/// Spreads rows over sessions by the columns of a key.
pub struct KeyRouter {
    columns: Vec<PlannedColumn>,
}

impl KeyRouter {
    /// By the columns of `plan` with these names; the reason, where equal keys need not be equal in what is bound.
    pub fn new(plan: LoadPlan, names: &[String]) -> Result<Self, String> {
        let columns: Vec<PlannedColumn> = plan.columns.into_iter().filter(|column| names.contains(&column.target)).collect();
        if columns.len() != names.len() || columns.is_empty() {
            return Err(format!("not all of {} are loaded", names.join(", ")));
        }
        match columns.iter().find(|column| !is_told_by_its_bytes(column)) {
            Some(column) => Err(format!("equal values of {} {} may be bound in several forms", column.target, column.target_type)),
            None => Ok(KeyRouter { columns }),
        }
    }

    /// For each row of `batch` the session, of `sessions`, that it goes to. A row whose key is refused goes to the first, which will say so.
    pub fn route(&mut self, batch: &RecordBatch, sessions: u32) -> Vec<u32> {
        let mut hashers: Vec<DefaultHasher> = vec![DefaultHasher::new(); batch.num_rows()];
        let mut is_refused = vec![false; batch.num_rows()];
        for column in &mut self.columns {
            for start in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
                let rows = CHUNK_ROWS.min(batch.num_rows() - start);
                let array = batch.column(column.source_index).slice(start, rows);
                let (hashers, is_refused) = (&mut hashers[start..start + rows], &mut is_refused[start..start + rows]);
                if hash(column, &array, hashers).is_none() {
                    // One value is refused: each by itself.
                    for row in 0..rows {
                        is_refused[row] |= hash(column, &array.slice(row, 1), &mut hashers[row..=row]).is_none();
                    }
                }
            }
        }
        let session_of = |hash: u64| ((u128::from(hash) * u128::from(sessions)) >> 64) as u32;
        hashers.iter().zip(is_refused).map(|(hasher, refused)| if refused { 0 } else { session_of(hasher.finish()) }).collect()
    }
}

/// Adds what is bound of `array` to the hashers of its rows; `None`, and nothing added, when a value is refused.
fn hash(column: &mut PlannedColumn, array: &ArrayRef, hashers: &mut [DefaultHasher]) -> Option<()> {
    let made = match &column.preparation {
        Some(preparation) => preparation.apply(array).ok()?,
        None => array.clone(),
    };
    let stride_bytes = column.converter.required_stride_bytes(&made).ok()?.max(column.layout.stride_bytes().min(64));
    let stride_bytes = if column.layout.is_variable() { stride_bytes } else { column.layout.stride_bytes() };
    let mut scratch = Scratch::new(column.layout, stride_bytes as usize, made.len());
    let mut slots = scratch.slots(0..made.len());
    write_indicators(&made, &mut slots);
    column.converter.write(&made, slots).ok()?;
    for (row, hasher) in hashers.iter_mut().enumerate() {
        match scratch.value(row) {
            Some(bytes) => hash_value(column.layout, bytes, hasher),
            None => hasher.write_u8(0),
        }
    }
    Some(())
}

/// A key has an end, so that `ab`, `c` and `a`, `bc` differ.
fn hash_value(layout: Layout, bytes: &[u8], hasher: &mut DefaultHasher) {
    let float = |hasher: &mut DefaultHasher, value: f64| {
        // -0 equals 0, and Oracle has one NaN.
        let value = if value == 0.0 { 0.0 } else { value };
        hasher.write_u64(if value.is_nan() { u64::MAX } else { value.to_bits() });
    };
    match (layout, bytes) {
        (Layout::Fixed { external_type: SQLT_BDOUBLE, .. }, bytes) if bytes.len() == 8 => {
            float(hasher, f64::from_ne_bytes(bytes.try_into().unwrap_or_default()));
        }
        (Layout::Fixed { external_type: SQLT_BFLOAT, .. }, bytes) if bytes.len() == 4 => {
            float(hasher, f64::from(f32::from_ne_bytes(bytes.try_into().unwrap_or_default())));
        }
        (Layout::Variable { .. }, bytes) => {
            // Blanks at the end say nothing where a CHAR is compared.
            let end = bytes.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
            hasher.write(&bytes[..end]);
        }
        (_, bytes) => hasher.write(bytes),
    }
    hasher.write_u8(1);
}

/// A number has one form, a text is itself; one moment has as many forms as there are zones, and what a LOB or JSON column holds is no key.
fn is_told_by_its_bytes(column: &PlannedColumn) -> bool {
    !matches!(column.layout, Layout::DateTime { with_zone: true } | Layout::ZonedTime | Layout::Lob { .. })
        && !matches!(column.target_type, OracleType::TimestampTz { .. })
        && !column.target_type.takes_long_values()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::datatypes::DataType;

    use super::super::plan::{ColumnPair, LoadOptions};
    use super::*;
    use crate::oracle_type::{ColumnDesc, TableName, TextSize};

    fn router(batch: &RecordBatch, types: &[OracleType], options: LoadOptions) -> KeyRouter {
        let pairs: Vec<ColumnPair> = types
            .iter()
            .enumerate()
            .map(|(source_index, oracle_type)| ColumnPair {
                source_index,
                field: batch.schema().field(source_index).clone(),
                target: ColumnDesc { name: format!("C{source_index}"), oracle_type: oracle_type.clone(), nullable: true },
            })
            .collect();
        let names: Vec<String> = pairs.iter().map(|pair| pair.target.name.clone()).collect();
        let plan = LoadPlan::new(&TableName { schema: None, table: "T".into() }, &pairs, options).unwrap();
        KeyRouter::new(plan, &names).unwrap()
    }

    fn batch(array: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("k", array, true)]).unwrap()
    }

    fn number() -> OracleType {
        OracleType::Number { precision: None, scale: None }
    }

    #[test]
    fn all_sessions_get_rows_and_a_key_goes_to_one() {
        let keys = batch(Arc::new((0..6000).map(|v| Some(v % 3000)).collect::<Int64Array>()));
        let mut router = router(&keys, &[number()], LoadOptions::default());
        let routed = router.route(&keys, 3);
        assert_eq!(routed[..3000], routed[3000..]);
        for session in 0..3 {
            let rows = routed.iter().filter(|&&routed| routed == session).count();
            assert!((1600..2400).contains(&rows), "{rows}");
        }
        assert!(router.route(&keys, 1).iter().all(|&session| session == 0));
        // The batch that a row comes in plays no part.
        assert_eq!(router.route(&keys.slice(513, 10), 3), routed[513..523]);
    }

    #[test]
    fn what_the_database_takes_for_one_key_goes_to_one_session() {
        let options = LoadOptions { casts: vec![("k".into(), DataType::Int64)], ..LoadOptions::default() };
        let cases: [(ArrayRef, OracleType, LoadOptions); 3] = [
            (Arc::new(StringArray::from(vec!["ab", "ab  ", "ab "])), OracleType::Char(TextSize::bytes(6)), LoadOptions::default()),
            (Arc::new(Float64Array::from(vec![0.0, -0.0])), OracleType::BinaryDouble, LoadOptions::default()),
            (Arc::new(StringArray::from(vec!["7", "07", "+7"])), number(), options),
        ];
        for (array, oracle_type, options) in cases {
            let keys = batch(array);
            let routed = router(&keys, &[oracle_type], options).route(&keys, 1 << 20);
            assert!(routed.iter().all(|session| *session == routed[0]), "{keys:?}: {routed:?}");
        }
        let keys = batch(Arc::new(Int64Array::from(vec![None, None, Some(0)])));
        let routed = router(&keys, &[number()], LoadOptions::default()).route(&keys, 1 << 20);
        assert_eq!(routed[0], routed[1]);
    }

    #[test]
    fn a_key_that_is_refused_goes_to_the_first_and_moves_no_other() {
        let texts = |bad: usize| {
            batch(Arc::new((0..2000).map(|row| Some(if row == bad { "x".repeat(50) } else { format!("k{row}") })).collect::<StringArray>()))
        };
        let varchar = OracleType::Varchar2(TextSize::bytes(10));
        let mut router = router(&texts(0), &[varchar], LoadOptions::default());
        let good = router.route(&texts(usize::MAX), 4);
        let mut with_bad = router.route(&texts(700), 4);
        assert_eq!(with_bad[700], 0);
        with_bad[700] = good[700];
        assert_eq!(with_bad, good);
    }

    #[test]
    fn moments_in_several_zones_are_no_key_to_spread_by() {
        let keys = batch(Arc::new(StringArray::from(vec!["x"])));
        let pairs = [ColumnPair {
            source_index: 0,
            field: keys.schema().field(0).clone(),
            target: ColumnDesc { name: "C".into(), oracle_type: OracleType::Clob, nullable: true },
        }];
        let plan = LoadPlan::new(&TableName { schema: None, table: "T".into() }, &pairs, LoadOptions::default()).unwrap();
        assert!(KeyRouter::new(plan, &["C".to_owned()]).err().unwrap().contains("several forms"));
    }
}
