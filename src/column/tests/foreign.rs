//! Text for a database that is not a Unicode one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field};

use super::{Cell, decode, plan_bind_in, write};
use crate::column::ColumnBind;
use crate::oracle_type::{ColumnDesc, DatabaseCharset, EncodedText, OracleType, TextCoder, TextSize};
use crate::type_map::LossySet;

/// One byte for what Latin-1 has, four for the rest, which comes back as another character.
#[derive(Debug)]
struct Latin1;

impl TextCoder for Latin1 {
    fn encoded(&self, text: &[u8]) -> Option<EncodedText> {
        let has = |character: char| (character as u32) < 0x100;
        let text = std::str::from_utf8(text).unwrap();
        Some(EncodedText { bytes: text.chars().map(|c| if has(c) { 1 } else { 4 }).sum(), is_exact: text.chars().all(has) })
    }
}

fn bind(oracle_type: OracleType, lossy: &str) -> Box<dyn ColumnBind> {
    let charset = DatabaseCharset { coder: Some(Arc::new(Latin1)), ..DatabaseCharset::named("WE8ISO8859P1") };
    let column = ColumnDesc { name: "C".into(), oracle_type, nullable: true };
    let lossy = if lossy.is_empty() { LossySet::NONE } else { lossy.parse().unwrap() };
    plan_bind_in(&Field::new("c", DataType::Utf8, true), &column, lossy, &charset).unwrap()
}

fn written(oracle_type: OracleType, lossy: &str, texts: &[&str]) -> Result<Vec<Cell>, String> {
    let mut bind = bind(oracle_type, lossy);
    let buffers = write(bind.as_mut(), &StringArray::from(texts.to_vec())).map_err(|error| error.to_string())?;
    Ok((0..texts.len()).map(|row| decode(&buffers, row)).collect())
}

#[test]
fn lengths_are_those_of_the_database() {
    let texts = |texts: &[&str]| Ok(texts.iter().map(|text| Cell::Text((*text).into())).collect());
    let bytes = OracleType::Varchar2(TextSize::bytes(4));
    assert_eq!(written(bytes.clone(), "", &["äöüß", "abcd", "é"]), texts(&["äöüß", "abcd", "é"]));
    let error = written(bytes.clone(), "", &["a", "äöüßx"]).unwrap_err();
    assert!(error.contains("text of 5 bytes of WE8ISO8859P1 does not fit VARCHAR2(4)"), "{error}");
    assert!(written(bytes.clone(), "", &["abcde"]).unwrap_err().contains("text of 5 bytes"), "ASCII, too");
    let characters = OracleType::Char(TextSize { max_bytes: 3, max_chars: Some(3) });
    assert_eq!(written(characters.clone(), "", &["äöü"]), texts(&["äöü"]));
    assert!(written(characters, "", &["äöüß"]).unwrap_err().contains("4 characters (8 bytes)"));
    // What it lacks may be longer there; cut off where the database's bytes end.
    assert!(written(bytes.clone(), "charset", &["Жa"]).unwrap_err().contains("text of 5 bytes of WE8ISO8859P1"));
    assert_eq!(written(bytes.clone(), "charset", &["Ж"]), texts(&["Ж"]));
    assert_eq!(written(bytes, "charset,truncate", &["äöüßx", "abЖ", "Жa"]), texts(&["äöüß", "ab", "Ж"]));
}

#[test]
fn what_the_database_lacks_is_refused_and_the_rest_is_not() {
    let array: ArrayRef = Arc::new(StringArray::from(vec!["a", "é", "Ж"]));
    for oracle_type in [OracleType::Varchar2(TextSize::bytes(20)), OracleType::Clob] {
        let wider = if oracle_type == OracleType::Clob { "NCLOB" } else { "NVARCHAR2" };
        let error = write(bind(oracle_type.clone(), "").as_mut(), &array).err().unwrap();
        assert_eq!(error.row_index, 2);
        for part in ["in WE8ISO8859P1", "a character that it lacks", wider, "--lossy charset"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        assert!(write(bind(oracle_type.clone(), "").as_mut(), &array.slice(0, 2)).is_ok());
        assert!(write(bind(oracle_type, "charset").as_mut(), &array).is_ok());
    }
    let national = OracleType::Nvarchar2(TextSize { max_bytes: 6, max_chars: Some(3) });
    assert!(write(bind(national, "").as_mut(), &array).is_ok(), "national types are Unicode");
}
