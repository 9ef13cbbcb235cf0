//! A JSON list of texts (RFC 8259), the only JSON of a card.

/// Writes texts without control characters as a JSON list in one line.
pub fn write_list(texts: &[String]) -> String {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

/// Reads a JSON list of at most `most` texts; none if the text is anything else.
pub fn read_list(json: &str, most: usize) -> Option<Vec<String>> {
    let mut rest = json.trim_matches(BLANK).strip_prefix('[')?.strip_suffix(']')?.trim_matches(BLANK);
    let mut texts = Vec::new();
    while !rest.is_empty() {
        if !texts.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start_matches(BLANK);
        }
        if texts.len() == most {
            return None;
        }
        let (text, after) = read_text(rest)?;
        texts.push(text);
        rest = after.trim_start_matches(BLANK);
    }
    Some(texts)
}

/// White space between the tokens of JSON.
const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// Reads a quoted text; returns it with the JSON after it.
fn read_text(json: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = json.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => return Some((text, chars.as_str())),
            '\\' => text.push(match chars.next()? {
                c @ ('"' | '\\' | '/') => c,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => read_code_point(&mut chars)?,
                _ => return None,
            }),
            c if c < ' ' => return None,
            c => text.push(c),
        }
    }
}

/// Reads the digits of `\uXXXX`, and the second half of a surrogate pair behind the first.
fn read_code_point(chars: &mut std::str::Chars) -> Option<char> {
    let first = read_hex(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    let second = chars.as_str().strip_prefix("\\u").and_then(|after| {
        *chars = after.chars();
        read_hex(chars)
    })?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)
}

fn read_hex(chars: &mut std::str::Chars) -> Option<u32> {
    (0..4).try_fold(0, |value, _| Some(value * 16 + chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_that_of_python() {
        // python: json.dumps(["cat", 'a "b" \\ c', "é😀"], ensure_ascii=False), and the same without ensure_ascii.
        let texts = ["cat", r#"a "b" \ c"#, "é😀"].map(str::to_owned);
        let json = r#"["cat", "a \"b\" \\ c", "é😀"]"#;
        assert_eq!(write_list(&texts), json);
        assert_eq!(read_list(json, 3).expect("three"), texts);
        let ascii = r#"["cat", "a \"b\" \\ c", "\u00e9\ud83d\ude00"]"#;
        assert_eq!(read_list(ascii, 3).expect("three"), texts);
        assert_eq!(read_list(json, 2), None, "more than two");
    }

    #[test]
    fn other_json_and_damage_are_refused() {
        for (json, expected) in [("[]", Some(&[][..])), (" [ \"a\"\n,\"b\" ] ", Some(&["a", "b"]))] {
            let expected = expected.map(|texts| texts.iter().map(|text| (*text).to_owned()).collect());
            assert_eq!(read_list(json, 9), expected, "{json}");
        }
        for json in [
            "",
            "[",
            "{}",
            "3",
            "[3]",
            "[null]",
            "[\"a\"",
            "[\"a]",
            "[\"a\"]]",
            "[,]",
            "[\"a\",]",
            "[\"a\" \"b\"]",
            "[\"\\x\"]",
            "[\"\\u12\"]",
            "[\"\\ud83d\"]",
            "[\"\\ud83d\\u0041\"]",
            "[\"\\ude00\"]",
            "[\"a\nb\"]",
        ] {
            assert_eq!(read_list(json, 9), None, "{json}");
        }
    }
}
