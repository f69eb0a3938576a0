//! `olbridge types`: the type table of the README, as the code has it.

use std::io::{self, Write};

use olbridge::type_map::{self, LossyKind};

use crate::failure::Failure;

pub fn run() -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(type_map::markdown().as_bytes())?;
    let kinds = LossyKind::ALL.map(LossyKind::name).join(", ");
    writeln!(out, "\nKinds for --lossy: {kinds}. A pair that is not in the table is refused before a row moves.")?;
    out.flush()?;
    Ok(())
}
