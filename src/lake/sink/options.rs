//! How a file is laid out.

use std::fmt;
use std::str::FromStr;

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::EnabledStatistics;

use super::sorted::SortKey;
use crate::error::{Error, Result};
use crate::lake::format::{CsvOptions, Format};

/// How pages of Parquet and buffers of Arrow are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Zstandard, level 1.
    Zstd,
    /// Snappy; Parquet only.
    Snappy,
    /// LZ4: raw blocks in Parquet, frames in Arrow.
    Lz4,
    /// None.
    None,
}

impl Codec {
    /// All codecs, as `--compression` spells them.
    pub const ALL: [(&str, Codec); 4] = [("zstd", Codec::Zstd), ("snappy", Codec::Snappy), ("lz4", Codec::Lz4), ("none", Codec::None)];

    pub(super) fn for_parquet(self) -> Compression {
        match self {
            Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
            Codec::Snappy => Compression::SNAPPY,
            Codec::Lz4 => Compression::LZ4_RAW,
            Codec::None => Compression::UNCOMPRESSED,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Codec::ALL.iter().find(|(_, codec)| codec == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Codec::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, codec)| codec).ok_or_else(|| Error::Usage {
            message: format!("unknown compression {text:?}"),
            remedy: "--compression zstd, snappy, lz4 or none".into(),
        })
    }
}

/// Lowest and highest values and counts of NULLs, for readers that skip; Parquet only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistics {
    /// Of pages and row groups.
    #[default]
    Page,
    /// Of row groups.
    Chunk,
    /// None.
    None,
}

impl Statistics {
    pub(super) fn for_parquet(self) -> EnabledStatistics {
        match self {
            Statistics::Page => EnabledStatistics::Page,
            Statistics::Chunk => EnabledStatistics::Chunk,
            Statistics::None => EnabledStatistics::None,
        }
    }
}

/// How a file is laid out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SinkOptions {
    /// Its format.
    pub format: Format,
    /// Compression; `None` for what the format does by itself: Zstandard in Parquet, none elsewhere.
    pub codec: Option<Codec>,
    /// Rows of a row group at most; Parquet only.
    pub row_group_rows: usize,
    /// Encoded bytes after which a row group ends: what the writer keeps in memory; Parquet only.
    pub row_group_bytes: usize,
    /// Values that repeat are written once and referred to, as long as that pays; Parquet only.
    pub dictionary: bool,
    /// What readers may skip by; Parquet only.
    pub statistics: Statistics,
    /// The order that the rows have, which is looked at as they are written; Parquet only.
    pub sorted_by: Vec<SortKey>,
    /// Keys and values for the footer (Parquet) or the schema (Arrow), beside those of the copy itself.
    pub metadata: Vec<(String, String)>,
    /// How CSV is written.
    pub csv: CsvOptions,
    /// Columns whose values become `column=value` directories; the target is a directory then.
    pub partition_by: Vec<String>,
    /// Bytes after which another file is begun; the target is a directory then.
    pub file_bytes: Option<u64>,
}

impl Default for SinkOptions {
    fn default() -> Self {
        SinkOptions {
            format: Format::default(),
            codec: None,
            row_group_rows: 1 << 20,
            row_group_bytes: 64 << 20,
            dictionary: true,
            statistics: Statistics::default(),
            sorted_by: Vec::new(),
            metadata: Vec::new(),
            csv: CsvOptions::default(),
            partition_by: Vec::new(),
            file_bytes: None,
        }
    }
}

impl SinkOptions {
    /// The compression in use.
    pub fn codec(&self) -> Codec {
        self.codec.unwrap_or(match self.format {
            Format::Parquet => Codec::Zstd,
            _ => Codec::None,
        })
    }

    /// Whether the target is a directory of files rather than a file.
    pub fn is_directory(&self) -> bool {
        !self.partition_by.is_empty() || self.file_bytes.is_some()
    }

    /// What the format has no place for.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self) -> Result<()> {
        let refused = |message: String, remedy: &str| Err(Error::Usage { message, remedy: remedy.into() });
        match (self.format, self.codec) {
            (Format::Arrow | Format::Arrows, Some(Codec::Snappy)) => {
                refused("Arrow IPC knows no snappy".into(), "--compression zstd, lz4 or none")
            }
            (Format::Csv | Format::Ndjson, Some(Codec::Zstd | Codec::Snappy | Codec::Lz4)) => {
                refused(format!("{} is written without compression", self.format), "leave it out; - writes to a pipe for gzip or zstd")
            }
            (format, _) if format != Format::Parquet && !self.sorted_by.is_empty() => {
                refused(format!("{format} has no place to say that its rows are sorted"), "leave out --sorted-by")
            }
            (Format::Csv | Format::Ndjson, _) if !self.metadata.is_empty() => {
                refused(format!("{} has no place for --metadata", self.format), "leave it out, or write Parquet or Arrow")
            }
            _ if self.metadata.iter().any(|(key, _)| key.starts_with("olbridge.") || key.starts_with("ARROW:")) => {
                refused("keys that begin with olbridge. or ARROW: have a meaning of their own".into(), "another key in --metadata")
            }
            _ if self.row_group_rows == 0 || self.row_group_bytes == 0 => {
                refused("row groups without room for a row would never end".into(), "leave out the size of row groups")
            }
            _ => Ok(()),
        }
    }
}
