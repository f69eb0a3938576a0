//! Percent-encoding, as in names of directories and in targets.

/// Decodes `%41`; what is not two hexadecimal digits, or would not be UTF-8, stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = bytes.get(index + 1..index + 3).and_then(|h| Some((char::from(h[0]).to_digit(16)?, char::from(h[1]).to_digit(16)?)));
        match hex.filter(|_| bytes[index] == b'%') {
            Some((high, low)) => {
                decoded.push((high * 16 + low) as u8);
                index += 3;
            }
            None => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}
