//! Makes `examples/orders.parquet`: `cargo run --example make_orders`. The same file every time, so the rows in the README are the rows you get.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use olbridge::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use olbridge::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use olbridge::arrow::error::ArrowError;
use olbridge::parquet::arrow::ArrowWriter;
use olbridge::parquet::basic::Compression;
use olbridge::parquet::file::properties::WriterProperties;

/// Rows in the example.
pub const ROWS: usize = 500;
/// 2026-01-01, days since 1970-01-01.
const FIRST_DAY: i32 = 20_454;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// The rows of the example.
pub fn orders() -> Result<RecordBatch, ArrowError> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let rows: Vec<Order> = (0..ROWS).map(|index| Order::new(index, &mut random)).collect();
    let schema = Schema::new(vec![
        Field::new("order_id", DataType::Int64, false),
        Field::new("customer_id", DataType::Int32, false),
        Field::new("order_date", DataType::Date32, false),
        Field::new("placed_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("status", DataType::Utf8, false),
        Field::new("items", DataType::Int16, false),
        Field::new("total", DataType::Decimal128(12, 2), false),
        Field::new("weight_kg", DataType::Float64, true),
        Field::new("gift", DataType::Boolean, false),
        Field::new("note", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| Some(r.order_id)).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|r| Some(r.customer_id)).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| Some(r.order_date)).collect::<Date32Array>()),
        Arc::new(rows.iter().map(|r| Some(r.placed_at)).collect::<TimestampMicrosecondArray>()),
        Arc::new(rows.iter().map(|r| Some(r.status)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|r| Some(r.items)).collect::<Int16Array>()),
        Arc::new(rows.iter().map(|r| Some(r.total_cents)).collect::<Decimal128Array>().with_precision_and_scale(12, 2)?),
        Arc::new(rows.iter().map(|r| r.weight_kg).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| Some(r.gift)).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|r| r.note).collect::<StringArray>()),
    ];
    RecordBatch::try_new(Arc::new(schema), columns)
}

struct Order {
    order_id: i64,
    customer_id: i32,
    order_date: i32,
    placed_at: i64,
    status: &'static str,
    items: i16,
    total_cents: i128,
    weight_kg: Option<f64>,
    gift: bool,
    note: Option<&'static str>,
}

impl Order {
    fn new(index: usize, random: &mut Random) -> Self {
        const STATUS: [&str; 4] = ["OPEN", "PAID", "SHIPPED", "RETURNED"];
        const NOTES: [&str; 5] = ["leave at the door", "ring twice", "Grüße aus Köln", "お届け先は裏口", "fragile"];
        let order_date = FIRST_DAY + (index / 8) as i32;
        let microseconds = random.below(MICROSECONDS_PER_DAY as u64) as i64;
        Order {
            order_id: 100_001 + index as i64,
            customer_id: 1 + random.below(120) as i32,
            order_date,
            placed_at: i64::from(order_date) * MICROSECONDS_PER_DAY + microseconds,
            status: STATUS[random.below(4) as usize],
            items: 1 + random.below(12) as i16,
            total_cents: 199 + i128::from(random.below(250_000)),
            weight_kg: (random.below(10) > 0).then(|| random.below(40_000) as f64 / 1000.0),
            gift: random.below(8) == 0,
            note: (random.below(3) == 0).then(|| NOTES[random.below(5) as usize]),
        }
    }
}

/// Xorshift64*: no dependency, and the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % bound
    }
}

/// Writes the example to `path`.
pub fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let batch = orders()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/orders.parquet"))
}
