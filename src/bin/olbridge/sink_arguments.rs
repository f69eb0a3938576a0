//! Options about the layout of a Parquet file, and about the order of its rows.

use clap::{Args, ValueEnum};
use olbridge::lake::sink::{SinkOptions, SortKey, Statistics};

use crate::failure::{Failure, usage};

/// What only a copy into a Parquet file takes, for the most part.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Layout of a Parquet file")]
pub struct SinkArguments {
    /// Sort the rows in the database, NULLs last; with --limit the first ones of that order
    #[arg(long, value_name = "A,B DESC", value_delimiter = ',')]
    pub order_by: Vec<String>,
    /// Say in the file that its rows are sorted so; every row is looked at, and one out of order ends the job
    #[arg(long, value_name = "A,B DESC", value_delimiter = ',')]
    pub sorted_by: Vec<String>,
    /// Write each value out, without dictionaries of those that repeat
    #[arg(long)]
    pub no_dictionary: bool,
    /// Lowest and highest values, for readers that skip: of pages and row groups, of row groups alone, or none (default: page)
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub statistics: Option<StatisticsArgument>,
    /// A key and a value for the footer of Parquet or the schema of Arrow (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub metadata: Vec<String>,
}

/// `--statistics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatisticsArgument {
    /// Of pages and of row groups
    Page,
    /// Of row groups
    Chunk,
    /// None
    None,
}

impl SinkArguments {
    /// Each option, and whether it was given.
    pub fn given(&self) -> [(&'static str, bool); 5] {
        [
            ("--order-by", !self.order_by.is_empty()),
            ("--sorted-by", !self.sorted_by.is_empty()),
            ("--no-dictionary", self.no_dictionary),
            ("--statistics", self.statistics.is_some()),
            ("--metadata", !self.metadata.is_empty()),
        ]
    }

    /// The order of the rows.
    pub fn order_by(&self) -> Result<Vec<SortKey>, Failure> {
        keys(&self.order_by)
    }

    /// `options` with these.
    pub fn apply(&self, options: SinkOptions) -> Result<SinkOptions, Failure> {
        let statistics = match self.statistics {
            None | Some(StatisticsArgument::Page) => Statistics::Page,
            Some(StatisticsArgument::Chunk) => Statistics::Chunk,
            Some(StatisticsArgument::None) => Statistics::None,
        };
        let metadata = self.metadata.iter().map(|text| match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(usage(format!("--metadata {text} is not KEY=VALUE"), "--metadata owner=finance, once for each key")),
        });
        let metadata = metadata.collect::<Result<_, _>>()?;
        Ok(SinkOptions { dictionary: !self.no_dictionary, statistics, sorted_by: keys(&self.sorted_by)?, metadata, ..options })
    }
}

fn keys(texts: &[String]) -> Result<Vec<SortKey>, Failure> {
    Ok(texts.iter().map(|text| text.parse()).collect::<Result<_, olbridge::Error>>()?)
}
