use super::*;
use proptest::prelude::*;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn bytes_are_oracles() {
    for (text, bytes) in [
        ("0", &[0x80][..]),
        ("1", &[0xc1, 2]),
        ("-1", &[0x3e, 100, 102]),
        ("100", &[0xc2, 2]),
        ("123", &[0xc2, 2, 24]),
        ("-123", &[0x3d, 100, 78, 102]),
        ("0.01", &[0xc0, 2]),
        ("0.1", &[0xc0, 11]),
        ("123456.789", &[0xc3, 13, 35, 57, 79, 91]),
        ("1e-130", &[0x80, 2]),
        ("-1e-130", &[0x7f, 100, 102]),
    ] {
        assert_eq!(n(text).as_bytes(), bytes, "{text}");
    }
    assert_eq!(n("9.9e125").as_bytes(), &[0xff, 100]);
    assert_eq!(Number::parse("1e126"), Err(NumberError::Overflow));
    assert!(n("1e-131").is_zero());
    assert_eq!(Number::from_i64(i64::MIN).to_text(), i64::MIN.to_string());
    assert_eq!(Number::from_u64(u64::MAX).to_text(), u64::MAX.to_string());
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    for bytes in [
        &[][..],
        &[0xc1],
        &[0x00],
        &[0xff, 0x65],
        &[0xc1, 1],
        &[0xc1, 2, 1],
        &[0xc1, 0],
        &[0xc1, 102],
        &[0x3e, 100],
        &[0x3e, 102],
        &[0x3e, 101, 102],
        &[0x3e, 1, 102],
        &[0xc1; 22],
        &[0x3e, 100, 102, 100, 102],
    ] {
        assert_eq!(Number::from_bytes(bytes), Err(NumberError::Invalid), "{bytes:?}");
    }
}

#[test]
fn text_follows_oracle() {
    for (value, text) in [
        ("0.5", ".5"),
        ("-0.5", "-.5"),
        ("10", "10"),
        ("1e39", "1000000000000000000000000000000000000000"),
        ("1e40", "1.0000000000000000000000000000000000E+40"),
        ("1e-50", "1.0000000000000000000000000000000000E-50"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("1.10", "1.1"),
        ("0.00001", ".00001"),
    ] {
        assert_eq!(n(value).to_text(), text);
    }
    assert_eq!(n("1e-50").to_text_tm9(), ".00000000000000000000000000000000000000000000000001");
    assert_eq!(n("1e100").to_text_tm9(), "1E+100");
    for bad in ["", " ", "1a", "1e", "1e+", ".", "--1", "1.2.3", "0x1", "1,5", "é", "nan", "inf"] {
        assert_eq!(Number::parse(bad), Err(NumberError::Invalid), "{bad}");
    }
    assert_eq!(n("  +12.50 "), n("12.5"));
}

#[test]
fn rounding_to_precision_and_scale() {
    let fit = |text: &str, p: u8, s: i8| n(text).round(Some(p), Some(s)).map(|value| value.to_text());
    assert_eq!(fit("123.455", 5, 2).unwrap(), "123.46");
    assert_eq!(fit("-123.455", 5, 2).unwrap(), "-123.46");
    assert_eq!(fit("999.995", 5, 2), Err(NumberError::Precision));
    assert_eq!(fit("999.994", 5, 2).unwrap(), "999.99");
    assert_eq!(fit("1000", 5, 2), Err(NumberError::Precision));
    assert_eq!(fit("0.004", 5, 2).unwrap(), "0");
    assert_eq!(fit("12345", 3, -2).unwrap(), "12300");
    assert_eq!(fit("12350", 3, -2).unwrap(), "12400");
    assert_eq!(fit("99999", 3, -2), Err(NumberError::Precision));
    assert_eq!(fit("99949", 3, -2).unwrap(), "99900");
    assert_eq!(fit("0.00099", 2, 5).unwrap(), ".00099");
    assert_eq!(fit("0.001", 2, 5), Err(NumberError::Precision));
    assert_eq!(fit("49", 1, -2).unwrap(), "0");
    assert_eq!(fit("50", 1, -2).unwrap(), "100");
    assert_eq!(fit("99.5", 2, 0), Err(NumberError::Precision));
    assert_eq!(n("1234567.5").round_float(10).unwrap().to_text(), "1235000");
    assert_eq!(n("-1.99").trunc_scale(0).unwrap().to_text(), "-1");
    assert_eq!(n("1.25").trunc_scale(1).unwrap().to_text(), "1.2");
}

#[test]
fn arithmetic() {
    assert_eq!(n("1").div(&n("3")).unwrap().to_text(), ".3333333333333333333333333333333333333333");
    assert_eq!(n("2").div(&n("3")).unwrap().to_text(), ".6666666666666666666666666666666666666667");
    assert_eq!(n("1").div(&n("0")), Err(NumberError::ZeroDivide));
    assert_eq!(n("100").div(&n("0.25")).unwrap(), n("400"));
    assert_eq!(n("-7").div(&n("2")).unwrap(), n("-3.5"));
    assert_eq!(n("99999999999999999999").add(&n("1")).unwrap(), n("100000000000000000000"));
    assert_eq!(n("1").sub(&n("1.000001")).unwrap(), n("-0.000001"));
    assert_eq!(n("1e40").add(&n("1e-40")).unwrap(), n("1e40"));
    assert_eq!(n("9e125").add(&n("9e125")), Err(NumberError::Overflow));
    assert_eq!(n("1e-100").mul(&n("1e-100")).unwrap(), Number::ZERO);
}

#[test]
fn floats() {
    assert_eq!(Number::from_f64(0.1).unwrap().to_text(), ".1");
    assert_eq!(Number::from_f32(0.1).unwrap().to_text(), ".1");
    assert_eq!(Number::from_f64(1.0 / 3.0).unwrap().to_text(), ".3333333333333333");
    assert_eq!(Number::from_f64_15(1.0 / 3.0).unwrap().to_text(), ".333333333333333");
    assert_eq!(Number::from_f64(f64::NAN), Err(NumberError::Overflow));
    assert_eq!(Number::from_f64(1e300), Err(NumberError::Overflow));
    assert!(Number::from_f64(1e-300).unwrap().is_zero());
    assert_eq!(n("1.5").to_i64().unwrap(), 1);
    assert_eq!(n("-9223372036854775808").to_i64().unwrap(), i64::MIN);
    assert_eq!(n("9223372036854775808").to_i64(), Err(NumberError::Overflow));
    assert_eq!(n("-0.5").to_u64().unwrap(), 0);
    assert_eq!(n("-1").to_u64(), Err(NumberError::Overflow));
}

fn decimal() -> impl Strategy<Value = (i128, i32)> {
    (-99_999_999_999_999_999_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999_999_999_999_999_999, -80i32..80)
}

fn of((value, scale): (i128, i32)) -> Number {
    n(&format!("{value}e{}", -scale))
}

proptest! {
    #[test]
    fn bytes_and_text_round_trip(value in decimal()) {
        let number = of(value);
        prop_assert_eq!(Number::from_bytes(number.as_bytes()).unwrap(), number);
        prop_assert_eq!(n(&number.to_text_tm9()), number);
        prop_assert_eq!(n(&number.scientific()), number);
        prop_assert_eq!(number.neg().neg(), number);
    }

    #[test]
    fn byte_order_is_numeric_order(a in any::<i64>(), b in any::<i64>(), shift in 0u32..63) {
        let (a, b) = (a >> shift, b >> (shift / 2));
        prop_assert_eq!(Number::from_i64(a).cmp(&Number::from_i64(b)), a.cmp(&b));
        prop_assert_eq!(Number::from_i64(a).to_i64().unwrap(), a);
        prop_assert!(n(&a.to_string()).as_bytes() == Number::from_i64(a).as_bytes());
    }

    #[test]
    fn arithmetic_agrees_with_integers(a in -1_000_000_000_000_000_000i128..1_000_000_000_000_000_000, b in -1_000_000_000_000_000_000i128..1_000_000_000_000_000_000) {
        let (x, y) = (of((a, 0)), of((b, 0)));
        prop_assert_eq!(x.add(&y).unwrap(), of((a + b, 0)));
        prop_assert_eq!(x.sub(&y).unwrap(), of((a - b, 0)));
        prop_assert_eq!(x.mul(&y).unwrap(), of((a * b, 0)));
        if b != 0 && a.checked_rem(b) == Some(0) {
            prop_assert_eq!(x.div(&y).unwrap(), of((a / b, 0)));
        }
        if b != 0 {
            let product = of((a * b, 0));
            prop_assert_eq!(product.div(&y).unwrap(), x);
        }
    }

    #[test]
    fn rounding_agrees_with_integers(value in -10_000_000_000i128..10_000_000_000, scale in 0i32..8, keep in -3i32..9) {
        let expected = if keep >= scale { of((value, scale)) } else {
            let unit = 10i128.pow((scale - keep) as u32);
            let magnitude = (value.abs() + unit / 2) / unit;
            of((magnitude * value.signum(), keep))
        };
        prop_assert_eq!(of((value, scale)).round_scale(keep).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_refused_or_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(number) = Number::from_bytes(&bytes) {
            prop_assert!(n(&number.scientific()).as_bytes() == &bytes[..]);
        }
    }
}
