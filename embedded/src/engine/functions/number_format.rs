//! TO_CHAR and TO_NUMBER with format models: 9 0 . , D G $ S MI PR FM EEEE X V RN, TM, TM9, TME. Refused: the currencies L, C and U, and B.

use super::super::number::Number;
use super::super::{OraError, Result};

#[derive(Default)]
struct Model {
    /// `9`, `0`, `,` left of the point.
    integer: Vec<char>,
    /// `9` and `0` right of it.
    fraction: Vec<char>,
    point: bool,
    fill: bool,
    dollar: bool,
    scientific: bool,
    hex_digits: usize,
    sign_first: bool,
    sign_last: bool,
    minus_last: bool,
    angle: bool,
    /// Digits behind V, which multiplies by as many tens.
    shift: Option<i32>,
}

fn invalid() -> OraError {
    OraError::new(1481, "invalid number format model")
}

impl Model {
    fn parse(text: &str) -> Result<Model> {
        let upper = text.to_ascii_uppercase();
        let mut model = Model { fill: true, ..Model::default() };
        let mut rest = upper.as_str();
        if let Some(tail) = rest.strip_prefix("FM") {
            (model.fill, rest) = (false, tail);
        }
        if let Some(tail) = rest.strip_prefix('S') {
            (model.sign_first, rest) = (true, tail);
        }
        while let Some(first) = rest.chars().next() {
            let mut taken = first.len_utf8();
            match first {
                '9' | '0' if model.point => model.fraction.push(first),
                '9' | '0' => {
                    model.integer.push(first);
                    model.shift = model.shift.map(|digits| digits + 1);
                }
                'V' if !model.point && model.shift.is_none() => model.shift = Some(0),
                'L' | 'C' | 'U' | 'B' => return Err(OraError::unsupported(format_args!("{first} in a number format model"))),
                ',' | 'G' if !model.point && !model.integer.is_empty() => model.integer.push(','),
                '.' | 'D' if !model.point => model.point = true,
                '$' if !model.dollar => model.dollar = true,
                'X' => model.hex_digits += 1,
                'S' if rest == "S" && !model.sign_first => model.sign_last = true,
                'M' if rest == "MI" && !model.sign_first => (model.minus_last, taken) = (true, 2),
                'P' if rest == "PR" && !model.sign_first => (model.angle, taken) = (true, 2),
                'E' if rest.starts_with("EEEE") => (model.scientific, taken) = (true, 4),
                _ => return Err(invalid()),
            }
            rest = &rest[taken..];
        }
        Ok(model)
    }

    fn decorate(&self, negative: bool, body: &str, width: usize) -> String {
        let body = if self.dollar { format!("${body}") } else { body.to_owned() };
        let width = width + usize::from(self.dollar);
        let pad = |text: String, width: usize| if self.fill { format!("{text:>width$}") } else { text };
        if self.sign_last || self.minus_last {
            let sign = match (negative, self.sign_last, self.fill) {
                (true, _, _) => "-",
                (false, true, _) => "+",
                (false, false, true) => " ",
                _ => "",
            };
            return pad(body, width) + sign;
        }
        if self.angle {
            return if negative { pad(format!("<{body}>"), width + 2) } else { pad(body, width + 1) + if self.fill { " " } else { "" } };
        }
        let sign = if negative {
            "-"
        } else if self.sign_first {
            "+"
        } else {
            ""
        };
        pad(format!("{sign}{body}"), width + 1)
    }
}

/// TO_CHAR(number, model). What does not fit becomes `####`.
pub(super) fn format(value: &Number, text: &str) -> Result<String> {
    match text.to_ascii_uppercase().as_str() {
        "TM" | "TM9" => return Ok(value.to_text_tm9()),
        "TME" => return Ok(value.scientific()),
        _ => {}
    }
    if let "RN" | "FMRN" = text.to_ascii_uppercase().as_str() {
        return Ok(roman(value, text));
    }
    let model = Model::parse(text)?;
    let shifted;
    let value = match model.shift {
        Some(digits) => {
            shifted = value.mul(&Number::parse(&format!("1e{digits}"))?)?;
            &shifted
        }
        None => value,
    };
    if model.hex_digits > 0 {
        let whole = value.round_scale(0)?.to_u64().map_err(|_| invalid())?;
        let digits = format!("{whole:X}");
        let digits = if digits.len() > model.hex_digits { "#".repeat(model.hex_digits + 1) } else { digits };
        return Ok(if model.fill { format!("{digits:>width$}", width = model.hex_digits + 1) } else { digits });
    }
    if model.scientific {
        return format_scientific(value, &model);
    }
    let rounded = value.round_scale(model.fraction.len() as i32)?;
    let (negative, integer, mut fraction) = rounded.decimal_digits();
    let places = model.integer.iter().filter(|item| **item != ',').count();
    let width = model.integer.len() + model.fraction.len() + usize::from(model.point);
    if integer.len() > places {
        return Ok("#".repeat(width + 1));
    }
    while fraction.len() < model.fraction.len() {
        fraction.push('0');
    }
    if !model.fill {
        let needed = model.fraction.iter().rposition(|item| *item == '0').map_or(0, |at| at + 1);
        let shown = fraction.trim_end_matches('0').len().max(needed);
        fraction.truncate(shown);
    }
    let mut body = grouped(&model, &integer, places);
    if body.is_empty() && !model.point && places > 0 {
        body.push('0');
    }
    if model.point {
        body.push('.');
        body.push_str(&fraction);
    }
    Ok(model.decorate(negative, &body, width))
}

/// RN: 1 to 3999 in fifteen places, in the letters' case of the model.
fn roman(value: &Number, text: &str) -> String {
    const PARTS: [(u64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = value.round_scale(0).ok().and_then(|whole| whole.to_u64().ok()).unwrap_or(0);
    if !(1..=3999).contains(&rest) {
        return "#".repeat(15);
    }
    let mut roman = String::new();
    for (worth, letters) in PARTS {
        while rest >= worth {
            rest -= worth;
            roman.push_str(letters);
        }
    }
    if text.ends_with('n') {
        roman.make_ascii_lowercase();
    }
    if text.len() > 2 { roman } else { format!("{roman:>15}") }
}

/// The digits left of the point under their places; `0` shows leading zeros, a comma shows only between digits.
fn grouped(model: &Model, integer: &str, places: usize) -> String {
    let digits: Vec<char> = std::iter::repeat_n(' ', places - integer.len()).chain(integer.chars()).collect();
    let mut body = String::new();
    let mut at = 0;
    let mut started = false;
    for item in &model.integer {
        if *item == ',' {
            if started {
                body.push(',');
            }
            continue;
        }
        let digit = digits[at];
        at += 1;
        started = started || digit != ' ' || *item == '0';
        if started {
            body.push(if digit == ' ' { '0' } else { digit });
        }
    }
    body
}

fn format_scientific(value: &Number, model: &Model) -> Result<String> {
    let fraction = model.fraction.len();
    let shown = format!("{:.*e}", fraction, value.to_f64());
    let (mantissa, exponent) = shown.split_once('e').ok_or_else(invalid)?;
    let exponent: i32 = exponent.parse().map_err(|_| invalid())?;
    // The width has room for an exponent of three digits.
    let body = format!("{}E{}{:02}", mantissa.trim_start_matches('-'), if exponent < 0 { '-' } else { '+' }, exponent.abs());
    Ok(model.decorate(value.is_negative(), &body, model.integer.len() + fraction + usize::from(model.point) + 5))
}

/// TO_NUMBER(text, model): digits, sign, point, groups and currency as the model has them.
pub(super) fn parse(text: &str, model: &str) -> Result<Number> {
    let shape = Model::parse(model)?;
    if shape.shift.is_some() {
        return Err(OraError::unsupported("V in TO_NUMBER"));
    }
    let text = text.trim();
    if shape.hex_digits > 0 {
        return u64::from_str_radix(text, 16).map(Number::from_u64).map_err(|_| OraError::invalid_number());
    }
    let (negative, text) = if shape.angle && text.starts_with('<') && text.ends_with('>') {
        (true, &text[1..text.len() - 1])
    } else if let Some(rest) = text.strip_suffix('-').filter(|_| shape.sign_last || shape.minus_last) {
        (true, rest)
    } else {
        (false, text)
    };
    let plain: String = text
        .chars()
        .filter(|character| !(*character == ',' && shape.integer.contains(&',') || *character == '$' && shape.dollar))
        .collect();
    let places = shape.integer.iter().filter(|item| **item != ',').count();
    let digits = plain.trim_start_matches(['-', '+']);
    let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !shape.scientific && (integer.len() > places || fraction.len() > shape.fraction.len()) {
        return Err(OraError::invalid_number());
    }
    let value = Number::parse(&plain)?;
    Ok(if negative { value.neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_by_their_model() {
        for (value, model, expected) in [
            ("1234.5", "9999.99", " 1234.50"),
            ("-1234.5", "9,999.99", "-1,234.50"),
            ("0.5", "0.9", " 0.5"),
            ("0.5", "9.9", "  .5"),
            ("12345", "999", "####"),
            ("7", "0009", " 0007"),
            ("1234.50", "FM999G990D99", "1,234.5"),
            ("5", "$99", "  $5"),
            ("-5", "99MI", " 5-"),
            ("-5", "99PR", " <5>"),
            ("5", "S99", " +5"),
            ("255", "XX", " FF"),
            ("0", "99", "  0"),
            ("1e20", "TM9", "100000000000000000000"),
            ("12345", "9.99EEEE", "  1.23E+04"),
            ("12.34", "99V99", " 1234"),
            ("485", "RN", "        CDLXXXV"),
            ("3999", "fmrn", "mmmcmxcix"),
            ("4000", "RN", "###############"),
        ] {
            assert_eq!(format(&Number::parse(value).unwrap(), model).unwrap(), expected, "{value} by {model}");
        }
        assert_eq!(format(&Number::ZERO, "9a").unwrap_err().code, 1481);
        assert_eq!(format(&Number::ZERO, "L99").unwrap_err().code, 3001);
        assert_eq!(parse("1,234.50", "9,999.99").unwrap(), Number::parse("1234.5").unwrap());
        assert_eq!(parse("12345", "999").unwrap_err().code, 1722);
    }
}
