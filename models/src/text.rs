//! Untrusted text on a user's screen, and file names in the commands that a user copies.

use std::path::Path;

/// Characters that [`showable`] keeps.
const SHOWABLE: usize = 400;

/// The text with each hidden character ([`is_hidden`]) written as an escape. The result is one line.
pub fn escaped(text: impl IntoIterator<Item = char>) -> String {
    let mut escaped = String::new();
    for c in text {
        if is_hidden(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// The first 400 characters of a text, [`escaped`].
pub fn showable(text: &str) -> String {
    escaped(text.chars().take(SHOWABLE))
}

/// Whether a terminal would obey the character or show nothing for it: control characters, marks that change the
/// direction of text, spaces without width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A path as one word of a command for a POSIX shell, where the command takes it as a path. Printable names that need quotes
/// stand in single quotes; names with hidden characters, or not in UTF-8, are an octal text for `printf`, which loses line
/// ends at the end of a name.
pub fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    // A name like `-x` would be read as an option.
    let here = if bytes.starts_with(b"-") { "./" } else { "" };
    match path.to_str() {
        Some(text) if !text.chars().any(is_hidden) => {
            // At the start of a word a shell may expand `~` and `=`.
            let is_plain = |c: char| c.is_alphanumeric() || "_-./+:,@%=".contains(c);
            match !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('=') {
                true => format!("{here}{text}"),
                false => format!("'{here}{}'", text.replace('\'', r"'\''")),
            }
        }
        _ => {
            let octal = |byte: &u8| match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-' | b'.' | b'/' | b' ' => {
                    char::from(*byte).to_string()
                }
                _ => format!("\\{byte:03o}"),
            };
            format!("\"$(printf '{here}{}')\"", bytes.iter().map(octal).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_shell_reads_a_quoted_name_as_it_is() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};
        // The second column is Python's shlex.quote, except for names that begin with `-` or `=`.
        let rows: [(&[u8], &str); 11] = [
            (b"runs/first-1", "runs/first-1"),
            (b"runs/kind=conv", "runs/kind=conv"),
            (b"r/my run", "'r/my run'"),
            (b"it$HOME;x", "'it$HOME;x'"),
            (b"it's `a` \"b\" \\", "'it'\"'\"'s `a` \"b\" \\'"),
            (b"~/data", "'~/data'"),
            (b"", "''"),
            (b"-x", "./-x"),
            (b"=ls", "'=ls'"),
            ("été".as_bytes(), "été"),
            (b"\x1b[2J%s\n\xff'", r#""$(printf '\033\1332J\045s\012\377\047')""#),
        ];
        for (bytes, expected) in rows {
            let word = quoted(Path::new(OsStr::from_bytes(bytes)));
            // Both ways to write a quote inside of quotes are one to a shell.
            assert_eq!(word, expected.replace("'\"'\"'", r"'\''"));
            let read = Command::new("sh").arg("-c").arg(format!("printf %s {word}")).output().expect("sh").stdout;
            assert_eq!(read.strip_prefix(if bytes == b"-x" { b"./".as_slice() } else { b"" }), Some(bytes), "{word}");
        }
    }

    #[test]
    fn hidden_characters_become_escapes() {
        assert_eq!(showable("a\u{1b}[2Jb\n\u{202e}ö"), "a\\u{1b}[2Jb\\n\\u{202e}ö");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(showable(&"x".repeat(1000)).len(), SHOWABLE);
    }
}
