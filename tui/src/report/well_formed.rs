//! A check for tests that a page is well-formed.

/// Panics unless all tags are closed in order, all attributes quoted, and every `&` and `<` begins an entity or a tag.
pub fn assert_well_formed(html: &str) {
    let html = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    let (style, rest) = html.split_once("<style>").map_or(("", html), |(before, after)| {
        let (style, after) = after.split_once("</style>").expect("the style ends");
        assert!(!style.contains(['<', '&']), "the style is text");
        (before, after)
    });
    let mut open: Vec<&str> = Vec::new();
    for part in [style, rest] {
        for (index, piece) in part.split('<').enumerate() {
            let (tag, text) = if index == 0 { ("", piece) } else { piece.split_once('>').expect("a tag ends") };
            assert_entities(text);
            assert!(!text.contains('>'), "{text}");
            assert_entities(tag);
            assert!(tag.matches('"').count() % 2 == 0, "<{tag}>");
            let name = tag.trim_matches('/').split_whitespace().next().unwrap_or_default();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "</{name}>");
            } else if !tag.is_empty() && !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn assert_entities(text: &str) {
    for after in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|entity| after.starts_with(entity)), "&{after}");
    }
}

#[test]
#[should_panic(expected = "</a>")]
fn tags_that_cross_are_found() {
    assert_well_formed("<a><b></a></b>");
}
