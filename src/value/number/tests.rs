use proptest::prelude::*;

use super::*;

fn encode(mantissa: i128, scale: i8) -> Number {
    Number::from_i128(mantissa, scale).unwrap()
}

fn slot_hex(number: &Number) -> String {
    let slot = &number.0;
    slot[..=usize::from(slot[0])].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The encoding written from its definition over decimal text: slow, obvious, and shares nothing with the encoder.
fn reference(negative: bool, mantissa_text: &str, scale: i32) -> Option<Vec<u8>> {
    let mut digits = mantissa_text.trim_start_matches('0').to_string();
    let mut scale = scale;
    while digits.ends_with('0') {
        digits.pop();
        scale -= 1;
    }
    if digits.is_empty() {
        return Some(vec![0x80]);
    }
    if scale.rem_euclid(2) == 1 {
        digits.push('0');
        scale += 1;
    }
    if digits.len() % 2 == 1 {
        digits.insert(0, '0');
    }
    let pairs: Vec<u8> = digits.as_bytes().chunks(2).map(|pair| (pair[0] - b'0') * 10 + pair[1] - b'0').collect();
    let exponent = pairs.len() as i32 - scale / 2;
    if pairs.len() > 20 || !(-64..=63).contains(&exponent) {
        return None;
    }
    let mut bytes = vec![if negative { 63 - exponent } else { 192 + exponent } as u8];
    bytes.extend(pairs.iter().map(|pair| if negative { 101 - pair } else { pair + 1 }));
    if negative && pairs.len() < 20 {
        bytes.push(102);
    }
    Some(bytes)
}

/// Exact text of `mantissa × 10^-scale`, written over decimal text.
fn reference_text(mantissa: &str, scale: i32) -> String {
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
    let mut digits = digits.to_string();
    let text = if scale <= 0 {
        digits.extend(std::iter::repeat_n('0', -scale as usize));
        digits
    } else {
        let scale = scale as usize;
        if digits.len() <= scale {
            digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
        }
        digits.insert(digits.len() - scale, '.');
        digits.trim_end_matches('0').trim_end_matches('.').to_string()
    };
    let text = text.trim_start_matches('0');
    match text {
        "" => "0".into(),
        text if text.starts_with('.') => format!("{sign}0{text}"),
        text => format!("{sign}{text}"),
    }
}

#[test]
fn bytes_equal_the_samples_of_the_oracle_client() {
    for (mantissa, scale, expected) in [
        (0i128, 0i8, "01 80"),
        (0, 5, "01 80"),
        (1, 0, "02 c1 02"),
        (-1, 0, "03 3e 64 66"),
        (10, 0, "02 c1 0b"),
        (100, 0, "02 c2 02"),
        (12345, 2, "04 c2 02 18 2e"),
        (-12345, 2, "05 3d 64 4e 38 66"),
        (1234, 2, "03 c1 0d 23"),
        (1, 1, "02 c0 0b"),
        (1, 2, "02 c0 02"),
        (1, 3, "02 bf 0b"),
        (15, 1, "03 c1 02 33"),
        (i64::MAX as i128, 0, "0b ca 0a 17 22 49 04 45 37 4e 3b 08"),
        (i64::MIN as i128, 0, "0c 35 5c 4f 44 1d 62 21 2f 18 2b 5d 66"),
        (u64::MAX as i128, 0, "0b ca 13 2d 44 2d 08 26 0a 38 11 10"),
    ] {
        assert_eq!(slot_hex(&encode(mantissa, scale)), expected, "{mantissa} scale {scale}");
    }
}

#[test]
fn forty_nines_and_the_ends_of_the_range() {
    let mut slot = [0; 22];
    // 10^40 - 1 = 29 × 2^128 + …, by decimal text.
    let (low, high) = parse_u256(&"9".repeat(40));
    encode_i256(low, high as i128, 0, &mut slot).unwrap();
    assert_eq!(slot[..22], [&[0x15, 0xd4][..], &[0x64; 20]].concat());
    assert_eq!(Number::from_slot(&slot).unwrap().to_string(), "9".repeat(40));
    // 40 digits with an odd scale need 21 base-100 digits.
    assert_eq!(encode_i256(low, high as i128, 1, &mut slot), Err(NumberError::TooManyDigits));
    let (low, high) = parse_u256(&"9".repeat(41));
    assert_eq!(encode_i256(low, high as i128, 0, &mut slot), Err(NumberError::TooManyDigits));
    // 10^76: one digit, 76 zeros.
    let (low, high) = parse_u256(&format!("1{}", "0".repeat(76)));
    encode_i256(low, high as i128, 0, &mut slot).unwrap();
    assert_eq!(Number::from_slot(&slot).unwrap().to_string(), format!("1{}", "0".repeat(76)));
    assert_eq!(Number::from_i128(1, -126), Err(NumberError::OutOfRange));
    assert_eq!(Number::from_i128(1, -125).unwrap().to_string(), format!("1{}", "0".repeat(125)));
    assert_eq!(encode(1, 127).digits().shape(), NumberShape { integer_digits: -126, scale: 127 });
}

#[test]
fn every_scale_takes_38_digits() {
    let nines = 10i128.pow(38) - 1;
    for scale in -84..=127 {
        for mantissa in [nines, -nines, nines - 8, 1, -1, 10i128.pow(37), 1 << 64, u64::MAX as i128] {
            let number = encode(mantissa, scale);
            assert_eq!(number.as_bytes(), reference(mantissa < 0, &mantissa.unsigned_abs().to_string(), scale.into()).unwrap());
            assert_eq!(number.digits().to_i128(scale.into()), Ok(mantissa), "{mantissa} {scale}");
            assert_eq!(number.to_string(), reference_text(&mantissa.to_string(), scale.into()));
        }
    }
}

#[test]
fn i128_limits_and_both_conversions_of_rust_decimal() {
    for value in [i128::MAX, i128::MIN, i128::MIN + 1] {
        assert_eq!(encode(value, 0).to_string(), value.to_string());
        assert_eq!(encode(value, 7).digits().to_i128(7), Ok(value));
    }
    for text in ["0", "1.5", "-0.0000000000000000000000000001", "79228162514264337593543950335", "-123.4500", "1000"] {
        let decimal: rust_decimal::Decimal = text.parse().unwrap();
        let number = Number::from(decimal);
        assert_eq!(rust_decimal::Decimal::try_from(number).unwrap(), decimal, "{text}");
    }
    assert_eq!(rust_decimal::Decimal::try_from(encode(1, 29)), Err(NumberError::NotRepresentable));
    assert_eq!(rust_decimal::Decimal::try_from(encode(i128::MAX, 0)), Err(NumberError::NotRepresentable));
}

#[test]
fn malformed_bytes_are_refused() {
    for bytes in [
        &[][..],
        &[0xc1, 0x02, 0x01],
        &[0xc1, 0x01, 0x02],
        &[0xc1],
        &[0x3e, 0x64],
        &[0x3e, 0x66],
        &[0xc1, 0x66],
        &[0xc1, 0x00],
        &[0xc1; 22],
    ] {
        assert_eq!(Digits::decode_bytes(bytes), Err(NumberError::Malformed), "{bytes:02x?}");
    }
    for infinity in [&[0x00][..], &[0xff, 0x65]] {
        assert_eq!(Digits::decode_bytes(infinity), Err(NumberError::NotFinite));
    }
    for length in [0u8, 22, 255] {
        let mut slot = [0x80; 22];
        slot[0] = length;
        assert_eq!(Digits::decode(&slot), Err(NumberError::Malformed));
    }
}

#[test]
fn floats_are_carried_by_their_shortest_digits() {
    let mut slot = [0; 22];
    for (value, text) in [
        (0.1, "0.1"),
        (-0.0, "0"),
        (9007199254740993.0, "9007199254740992"),
        (123456789012345680.0, "123456789012345680"),
        (1e22, "10000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (-2.5, "-2.5"),
        (f64::EPSILON, "0.0000000000000002220446049250313"),
    ] {
        encode_f64_shortest(value, &mut slot).unwrap();
        assert_eq!(Number::from_slot(&slot).unwrap().to_string(), text);
    }
    encode_f32_shortest(0.1, &mut slot).unwrap();
    assert_eq!(Number::from_slot(&slot).unwrap().to_string(), "0.1");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(encode_f64_shortest(value, &mut slot), Err(NumberError::NotFinite));
        assert_eq!(encode_f32_shortest(value as f32, &mut slot), Err(NumberError::NotFinite));
    }
    for value in [f64::MAX, 1e126, -1e126, 1e-131, f64::MIN_POSITIVE, 5e-324] {
        assert_eq!(encode_f64_shortest(value, &mut slot), Err(NumberError::OutOfRange), "{value}");
    }
    for value in [1e125, 9.99e125, 1e-130, -1.2345678901234567e-130] {
        encode_f64_shortest(value, &mut slot).unwrap();
        assert_eq!(Number::from_slot(&slot).unwrap().digits().to_f64(), value);
    }
}

fn parse_u256(text: &str) -> (u128, u128) {
    let mut limbs = [0u64; 4];
    for digit in text.bytes() {
        let mut carry = u128::from(digit - b'0');
        for limb in &mut limbs {
            let product = u128::from(*limb) * 10 + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
        assert_eq!(carry, 0);
    }
    (u128::from(limbs[0]) | u128::from(limbs[1]) << 64, u128::from(limbs[2]) | u128::from(limbs[3]) << 64)
}

/// Magnitudes of every size: a random bit count keeps small numbers as frequent as large ones, and some end in zeros.
fn mantissa() -> impl Strategy<Value = i128> {
    (any::<i128>(), 0u32..127, 0u32..38).prop_map(|(value, shift, zeros)| {
        let value = value >> shift;
        let unit = 10i128.pow(zeros);
        if zeros % 3 == 0 { value / unit * unit } else { value }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn integers_equal_the_reference_and_come_back(value in mantissa(), scale in -84i8..=127) {
        let number = encode(value, scale);
        let expected = reference(value < 0, &value.unsigned_abs().to_string(), scale.into()).unwrap();
        prop_assert_eq!(number.as_bytes(), &expected[..]);
        prop_assert_eq!(number.digits().to_i128(scale.into()), Ok(value));
        prop_assert_eq!(number.to_string(), reference_text(&value.to_string(), scale.into()));
        let shape = encode_i128(value, scale, &mut [0; 22]).unwrap();
        prop_assert_eq!(shape, number.digits().shape());
        if let Ok(small) = i64::try_from(value) {
            let mut slot = [0; 22];
            encode_i64(small, scale, &mut slot).unwrap();
            prop_assert_eq!(Number(slot), number);
        }
    }

    #[test]
    fn short_decimals_equal_the_general_encoder(value: i64, shift in 0u32..64, scale in -90i8..=127, digits in 0u32..20) {
        let value = value >> shift;
        // What lies beyond the length must not matter.
        let mut slot = [0xaa; 22];
        let fits = digits > 0 && scale >= -84 && value.unsigned_abs() < 10u64.pow(digits.min(if scale & 1 == 1 { 18 } else { 19 }));
        prop_assert_eq!(ShortDecimal::new(scale, digits).encode(value, &mut slot), fits);
        if fits {
            let general = encode(value.into(), scale);
            prop_assert_eq!(&slot[1..=usize::from(slot[0])], general.as_bytes());
        }
    }

    #[test]
    fn bytes_order_like_the_numbers(a in mantissa(), b in mantissa(), scale in -84i8..=127) {
        prop_assert_eq!(encode(a, scale).cmp(&encode(b, scale)), a.cmp(&b));
    }

    #[test]
    fn wide_integers_equal_the_reference(digits in "[1-9][0-9]{0,39}", zeros in 0usize..36, negative: bool, scale in -30i8..=80) {
        let text = digits + &"0".repeat(zeros);
        let (low, high) = parse_u256(&text);
        let (low, high) = if negative { (low.wrapping_neg(), (!high).wrapping_add(u128::from(low == 0))) } else { (low, high) };
        let mut slot = [0; 22];
        let encoded = encode_i256(low, high as i128, scale, &mut slot);
        match reference(negative, &text, scale.into()) {
            None => prop_assert!(encoded.is_err()),
            Some(expected) => {
                let number = Number::from_slot(&slot).unwrap();
                prop_assert_eq!(number.as_bytes(), &expected[..]);
                prop_assert_eq!(number.digits().to_i256(scale.into()), Ok((low, high as i128)));
            }
        }
    }

    #[test]
    fn floats_come_back_bit_for_bit(bits: u64) {
        let value = f64::from_bits(bits);
        let mut slot = [0; 22];
        match encode_f64_shortest(value, &mut slot) {
            Ok(_) => prop_assert_eq!(Number::from_slot(&slot).unwrap().digits().to_f64(), value),
            Err(NumberError::NotFinite) => prop_assert!(!value.is_finite()),
            Err(error) => {
                prop_assert_eq!(error, NumberError::OutOfRange);
                prop_assert!(value.abs() >= 1e126 || value.abs() < 1e-130);
            }
        }
    }

    #[test]
    fn single_floats_come_back_bit_for_bit(bits: u32) {
        let value = f32::from_bits(bits);
        let mut slot = [0; 22];
        match encode_f32_shortest(value, &mut slot) {
            Ok(_) => prop_assert_eq!(Number::from_slot(&slot).unwrap().to_string().parse::<f32>().unwrap(), value),
            Err(_) => prop_assert!(!value.is_finite()),
        }
    }

    #[test]
    fn whatever_decodes_is_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..23)) {
        if let Ok(digits) = Digits::decode_bytes(&bytes) {
            let shape = digits.shape();
            let text = digits.pairs().iter().map(|pair| format!("{pair:02}")).collect::<String>();
            let again = reference(digits.is_negative(), &text, if text.is_empty() { 0 } else { shape.scale + i32::from(text.ends_with('0')) });
            prop_assert_eq!(again, Some(bytes));
        }
    }

    #[test]
    fn the_short_way_to_an_integer_agrees_with_the_long_one(
        value in mantissa(), scale in -40i8..=60, asked in -40i32..=60, bytes in proptest::collection::vec(any::<u8>(), 22)
    ) {
        let mut slot = [0; NUMBER_SLOT_BYTES];
        prop_assume!(encode_i128(value, scale, &mut slot).is_ok());
        prop_assert_eq!(decode_i128(&slot, asked).ok(), Digits::decode(&slot).unwrap().to_i128(asked).ok());
        prop_assert_eq!(decode_i128(&slot, i32::from(scale)), Ok(value));
        // Whatever the bytes are, both accept or both refuse them.
        let mut noise: NumberSlot = bytes.try_into().unwrap();
        noise[0] %= 24;
        let long = Digits::decode(&noise).and_then(|digits| digits.to_i128(asked));
        prop_assert_eq!(decode_i128(&noise, asked).ok(), long.ok());
    }

    #[test]
    fn decoders_of_one_scale_agree_with_the_digits(
        value in mantissa(), shift in 0u32..127, scale in -40i8..=60, more in -6i32..=6, at in 0usize..23, byte: u8, rest: u8
    ) {
        // What lies beyond the length must not matter.
        let mut slot = [rest; NUMBER_SLOT_BYTES];
        prop_assume!(encode_i128(value >> shift, scale, &mut slot).is_ok());
        let asked = i32::from(scale) + more;
        let decoder = ScaledDecoder::new(asked);
        let expected = |slot: &NumberSlot| Digits::decode(slot).and_then(|digits| digits.to_i128(asked));
        prop_assert_eq!(decoder.decode_i128(&slot), expected(&slot));
        prop_assert_eq!(decoder.decode_i64(&slot), expected(&slot).ok().and_then(|value| i64::try_from(value).ok()));
        let float = decode_f64_of_15_digits(&slot);
        prop_assert!(float.is_none() || float == Some(Digits::decode(&slot).unwrap().to_f64()), "{:?}", float);
        // Of what is no number, too, both know that.
        if let Some(broken) = slot.get_mut(at) {
            *broken = byte;
        }
        prop_assert_eq!(decoder.decode_i128(&slot).ok(), expected(&slot).ok());
        prop_assert_eq!(decoder.decode_i64(&slot), expected(&slot).ok().and_then(|value| i64::try_from(value).ok()));
        prop_assert!(decode_f64_of_15_digits(&slot).is_none() || Digits::decode(&slot).is_ok());
    }

    #[test]
    fn a_number_of_15_digits_is_the_shortest_text_of_its_float(digits in -999_999_999_999_999i128..=999_999_999_999_999, shift in 0u32..50, scale in -6i8..=22) {
        let (mut slot, mut again) = ([0; NUMBER_SLOT_BYTES], [0; NUMBER_SLOT_BYTES]);
        let digits = digits >> shift;
        encode_i128(digits, scale, &mut slot).unwrap();
        let float = decode_f64_of_15_digits(&slot).unwrap();
        prop_assert_eq!(float, format!("{digits}e{}", -scale).parse::<f64>().unwrap());
        encode_f64_shortest(float, &mut again).unwrap();
        prop_assert_eq!(Number(again), Number(slot));
    }
}
