//! Sizes as people type them.

/// Parses `8MiB`, `512 KiB`, `64k`, `1000000`, `1GB`; decimal units are powers of 1000, `Ki`/`Mi`/`Gi` of 1024.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_parsed_with_binary_and_decimal_units() {
        let cases = [("8MiB", 8 << 20), ("512 KiB", 512 << 10), ("64k", 64_000), ("1000000", 1_000_000), ("1GB", 1_000_000_000), ("7b", 7)];
        for (text, bytes) in cases {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "8MB8", "-1", "1.5MiB", "8 parsecs", "99999999999GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
