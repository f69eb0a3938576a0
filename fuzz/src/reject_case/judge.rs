//! Whether what happened is what had to.

use olbridge::arrow::array::RecordBatch;
use olbridge::copy::CopyReport;
use olbridge::error::Error;

use super::Tally;
use super::case::{Case, Mode};
use super::column::Flaw;
use super::refused::Refused;

pub(super) fn judge(case: &Case, ran: Result<CopyReport, Error>, loaded: &RecordBatch, refused: &[Refused]) -> Tally {
    let bad: Vec<u64> = case.rows(true).iter().map(|row| row + 1).collect();
    for found in refused {
        judge_reason(case, found);
    }
    let too_many = match case.mode {
        Mode::Abort => !bad.is_empty(),
        Mode::Reject(limit) => limit.is_some_and(|limit| bad.len() as u64 > limit),
    };
    match ran {
        Ok(report) => {
            assert!(!too_many, "{} bad rows are too many", bad.len());
            let good = case.rows(false);
            assert_eq!(loaded, &case.only(&good), "the good rows");
            assert_eq!(refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), bad, "the bad rows");
            let in_conversion = case.verdicts.iter().filter(|verdict| verdict.in_conversion()).count() as u64;
            let counted = (report.rows_loaded, report.rows_rejected_convert, report.rows_rejected_execute);
            assert_eq!(counted, (good.len() as u64, in_conversion, bad.len() as u64 - in_conversion));
            Tally { good: report.rows_loaded, bad: bad.len() as u64, failed: false }
        }
        Err(Error::Row(row)) if too_many => {
            assert_eq!(loaded.num_rows(), 0, "{row}: rows have stayed");
            assert!(bad.contains(&row.source.row), "{row} is a good row");
            match case.mode {
                Mode::Abort => assert_eq!(row.source.row, bad[0], "{row} is not the first bad row"),
                Mode::Reject(limit) => {
                    let limit = limit.unwrap_or_default();
                    assert!(row.message.contains(&format!("--max-errors allows {limit}")), "{row}");
                    assert!(refused.len() as u64 > limit && refused.iter().all(|refused| bad.contains(&refused.row)), "{refused:?}");
                }
            }
            Tally { good: 0, bad: refused.len() as u64, failed: true }
        }
        Err(error) => panic!("{error}"),
    }
}

/// The reason is the row's own.
pub(super) fn judge_reason(case: &Case, found: &Refused) {
    let verdict = &case.verdicts[found.row as usize - 1];
    assert!(verdict.is_bad(), "{found:?}: a good row was refused");
    let phase = if verdict.in_conversion() { "convert" } else { "execute" };
    assert_eq!(found.phase, phase, "{found:?}: {verdict:?}");
    let is_named = |wanted: Flaw| {
        verdict.flaws.iter().any(|(index, flaw)| *flaw == wanted && found.column.as_ref().is_none_or(|name| *name == format!("C{index}")))
    };
    match found.ora_code {
        None => assert!(found.column.is_some() && is_named(Flaw::Convert), "{found:?}: {verdict:?}"),
        Some(code) => assert!(is_named(Flaw::Execute(code)), "{found:?}: {verdict:?}"),
    }
}
