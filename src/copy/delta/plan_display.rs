//! The plan of a copy into a Delta table, for people.

use std::fmt;

use super::evolved::cut_digits;
use super::plan::{DeltaAction, DeltaPlan};
use crate::copy::format::TextTable;

impl fmt::Debug for DeltaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaPlan").field("location", &self.location).field("action", &self.action).finish_non_exhaustive()
    }
}

impl fmt::Display for DeltaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "source   {}", self.source)?;
        let version = self.version.map(|version| format!(" (version {version})")).unwrap_or_default();
        let action = match self.action {
            DeltaAction::Create => "is made".to_owned(),
            DeltaAction::Append => "gets the rows, in one commit".to_owned(),
            DeltaAction::Replace => "gets the rows in place of its own, in one commit".to_owned(),
            DeltaAction::Merge => format!("rows are merged by {}, in one commit", self.key.join(", ")),
            DeltaAction::Skip => "exists: nothing is done".to_owned(),
        };
        writeln!(f, "target   {}{version}: {action}", self.location)?;
        let Some(select) = &self.select_sql else { return Ok(()) };
        let scn = self.snapshot.scn.map_or("none".into(), |scn| scn.to_string());
        writeln!(f, "SCN      {scn}: {}", self.snapshot.how)?;
        if let Some(followed) = &self.followed {
            writeln!(f, "changes  {followed}")?;
        }
        if let Some(job) = &self.job {
            writeln!(f, "job      {job}: the SCN is committed once")?;
        }
        writeln!(f, "\n{select};\n")?;
        if let Some(deletes) = &self.deletes_sql {
            writeln!(f, "{deletes};\n")?;
        }
        let mut table = TextTable::new(["column", "Oracle", "target", "Arrow", "Delta, as Arrow"]);
        for c in &self.columns {
            let c = c.clone();
            let cut = cut_digits(&c, &self.asked.losses).map_or(String::new(), |cut| format!(" ({cut})"));
            table.row([c.source, c.oracle_type, c.target, c.arrow_type, c.delta_type + &cut]);
        }
        write!(f, "{table}")?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
