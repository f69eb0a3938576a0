//! A load through the library: `OLBRIDGE_PASSWORD=… cargo run --example load_from_rust`. The README shows this function; a test compares them.

use olbridge::copy::{Cancel, CopyJob, NoProgress, Target};
use olbridge::oci::{Secret, Session};

fn load(password: String) -> olbridge::Result<u64> {
    let target: Target = "oracle://scott@db.example.com:1521/FREEPDB1/ORDERS".parse()?;
    let mut session = Session::connect(&target.connect_options(Some(Secret::new(password))))?;
    let plan = CopyJob::new(vec!["orders/*.parquet".into()], target).plan(&session)?;
    println!("{plan}");
    Ok(plan.run(&mut session, &mut NoProgress, &Cancel::new())?.rows_loaded)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{} rows", load(std::env::var("OLBRIDGE_PASSWORD")?)?);
    Ok(())
}
