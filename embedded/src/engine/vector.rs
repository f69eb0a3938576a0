//! VECTOR values: a letter for the format (`f`, `d`, `b`) and the text that FROM_VECTOR gives: nine significant digits for a FLOAT32, seventeen for a
//! FLOAT64. Dense ones alone.

use std::fmt::Write as _;

use super::types::VectorFormat;
use super::{OraError, Result};

/// What a column or TO_VECTOR wants of a value; 0 dimensions are any number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub dimensions: u32,
    pub format: VectorFormat,
}

/// Most dimensions of a vector.
pub(crate) const MOST_DIMENSIONS: usize = 65_535;

/// The stored form of a text, or of a vector in stored form.
///
/// # Errors
/// ORA-51803 for another number of dimensions, ORA-51805 for what is no vector, ORA-51806 for a number that the format does not have.
pub(crate) fn stored(value: &str, wanted: Wanted) -> Result<String> {
    let (own, text) = match value.as_bytes() {
        [b'f', b'[', ..] => (Some(VectorFormat::Float32), &value[1..]),
        [b'd', b'[', ..] => (Some(VectorFormat::Float64), &value[1..]),
        [b'b', b'[', ..] => (Some(VectorFormat::Int8), &value[1..]),
        _ => (None, value),
    };
    let format = match wanted.format {
        VectorFormat::Any => own.unwrap_or(VectorFormat::Float32),
        format => format,
    };
    let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(|| improper(text))?;
    if inside.contains('[') {
        return Err(OraError::unsupported("a sparse vector"));
    }
    let mut out = String::with_capacity(text.len() + 1);
    out.push_str(match format {
        VectorFormat::Float64 => "d[",
        VectorFormat::Int8 => "b[",
        VectorFormat::Float32 | VectorFormat::Any => "f[",
    });
    let mut dimensions = 0;
    for part in inside.split(',') {
        if dimensions > 0 {
            out.push(',');
        }
        push(&mut out, part.trim(), (own, format))?;
        dimensions += 1;
    }
    if dimensions > MOST_DIMENSIONS {
        return Err(OraError::new(51_801, format_args!("Maximum number of vector dimensions is {MOST_DIMENSIONS}")));
    }
    if wanted.dimensions != 0 && wanted.dimensions as usize != dimensions {
        let message = format_args!(
            "Vector dimension count must match the dimension count specified in the column definition (expected {} dimensions, specified {dimensions} dimensions).",
            wanted.dimensions
        );
        return Err(OraError::new(51_803, message));
    }
    out.push(']');
    Ok(out)
}

/// The text of a value in stored form.
pub(crate) fn text(stored: &str) -> &str {
    stored.strip_prefix(['f', 'd', 'b']).unwrap_or(stored)
}

fn push(out: &mut String, part: &str, (own, format): (Option<VectorFormat>, VectorFormat)) -> Result<()> {
    let parsed = match own {
        // The number itself, and not the digits that tell it from its neighbours.
        Some(VectorFormat::Float32) => part.parse().map(|number: f32| f64::from(number)),
        _ => part.parse(),
    };
    let number = parsed.ok().filter(|number| number.is_finite()).ok_or_else(|| improper(part))?;
    let beyond = || {
        OraError::new(
            51_806,
            format_args!("Vector column is not properly formatted (dimension value {part} is outside the allowed precision range)."),
        )
    };
    match format {
        VectorFormat::Int8 => {
            let whole = number.round();
            if !(-128.0..=127.0).contains(&whole) {
                return Err(beyond());
            }
            let _ = write!(out, "{}", whole as i8);
        }
        VectorFormat::Float64 => push_scientific(out, &format!("{number:.16e}")),
        VectorFormat::Float32 | VectorFormat::Any => {
            let number: f32 = part.parse().ok().filter(|number: &f32| number.is_finite()).ok_or_else(beyond)?;
            push_scientific(out, &format!("{number:.8e}"));
        }
    }
    Ok(())
}

/// `1.50000000e-7` as `1.5E-007`.
fn push_scientific(out: &mut String, text: &str) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let short = digits.trim_end_matches('0');
    out.push_str(short);
    if short.ends_with('.') {
        out.push('0');
    }
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    let _ = write!(out, "E{sign}{exponent:0>3}");
}

fn improper(part: &str) -> OraError {
    let part: String = part.chars().take(40).collect();
    OraError::new(51_805, format_args!("Vector is not properly formatted (dimension value {part} is either not a number or infinity)."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, dimensions: u32, format: VectorFormat) -> std::result::Result<String, i32> {
        stored(value, Wanted { dimensions, format }).map_err(|error| error.code)
    }

    #[test]
    fn numbers_are_written_as_oracle_writes_them() {
        use VectorFormat::{Any, Float32, Float64, Int8};
        assert_eq!(of("[34.6, 77.8]", 0, Any).unwrap(), "f[3.45999985E+001,7.78000031E+001]");
        assert_eq!(of("[0.1,-0,1e22]", 3, Float64).unwrap(), "d[1.0000000000000001E-001,-0.0E+000,1.0E+022]");
        assert_eq!(of(" [1, -128, 126.5] ", 3, Int8).unwrap(), "b[1,-128,127]");
        // What has a format keeps it where any is allowed, and is converted elsewhere.
        let double = of("[0.1]", 1, Float64).unwrap();
        assert_eq!(of(&double, 1, Any).unwrap(), double);
        assert_eq!(of(&double, 1, Float32).unwrap(), "f[1.00000001E-001]");
        assert_eq!(text(&double), "[1.0000000000000001E-001]");
        for (value, dimensions, format, code) in [
            ("[1,2]", 3, Any, 51_803),
            ("1,2", 0, Any, 51_805),
            ("[1,]", 0, Any, 51_805),
            ("[NaN]", 0, Float64, 51_805),
            ("[1e39]", 0, Float32, 51_806),
            ("[128]", 0, Int8, 51_806),
            ("[3,[1],[2]]", 0, Any, 3001),
        ] {
            assert_eq!(of(value, dimensions, format), Err(code), "{value}");
        }
    }
}
