//! The elements of a page, which is well-formed XML, too. Parameters named `html` hold elements; every other text is
//! escaped here.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use duel_models::picture::{Picture, png};

use crate::text::markup::escape;

/// Returns a paragraph.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// Returns a picture as an element that contains its PNG file. `words` describe it.
pub fn picture(picture: &Picture, words: &str) -> String {
    let Picture { width, height, .. } = picture;
    let (bytes, words) = (BASE64.encode(png(picture)), escape(words));
    format!("<img width=\"{width}\" height=\"{height}\" alt=\"{words}\" src=\"data:image/png;base64,{bytes}\"/>")
}

/// Returns a figure with its caption.
pub fn figure(html: &str, caption: &str) -> String {
    let caption = escape(caption);
    format!("<figure>{html}<figcaption>{caption}</figcaption></figure>\n")
}

/// Returns parts side by side as far as there is room: four in a row, or two if `wide`.
pub fn row(html: &[String], wide: bool) -> String {
    let class = if wide { "row wide" } else { "row" };
    format!("<div class=\"{class}\">\n{}</div>\n", html.concat())
}

/// Returns parts of equal width side by side, one for each run, below the run's name if there are several.
pub fn columns<'a>(parts: impl Iterator<Item = (&'a str, String)>) -> String {
    let parts: Vec<(&str, String)> = parts.collect();
    if let [(_, html)] = &parts[..] {
        return html.clone();
    }
    let column = |(name, html): &(&str, String)| format!("<div>\n<h3>{}</h3>\n{html}</div>\n", escape(name));
    row(&parts.iter().map(column).collect::<Vec<_>>(), false)
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text.
    Text(String),
    /// Text to copy.
    Code(String),
    /// A number, aligned to the right.
    Number(String),
}

impl Cell {
    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<td>{}</td>", escape(text)),
            Self::Code(text) => format!("<td><code>{}</code></td>", escape(text)),
            Self::Number(text) => format!("<td class=\"number\">{}</td>", escape(text)),
        }
    }
}

/// Returns a table: its caption, the heads of its columns, and rows of a head and cells. A table that is too wide
/// scrolls.
pub fn table(caption: &str, heads: &[&str], rows: &[(String, Vec<Cell>)]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head))).collect();
    let caption = escape(caption);
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table>\n<caption>{caption}</caption>\n\
         <thead><tr>{}</tr></thead>\n<tbody>\n",
        heads.concat()
    );
    for (head, cells) in rows {
        let cells: Vec<String> = cells.iter().map(Cell::html).collect();
        html += &format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(head), cells.concat());
    }
    html + "</tbody>\n</table>\n</div>\n"
}

/// Returns an element that can be unfolded.
pub fn details(summary: &str, html: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{html}</details>\n", escape(summary))
}

/// Returns a section with a heading.
pub fn section(id: &str, heading: &str, html: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{}</h2>\n{html}</section>\n", escape(heading))
}

/// Returns the element that says who wrote a page, about which runs.
pub fn generator(marks: &str) -> String {
    format!("<meta name=\"generator\" content=\"duel report: {}\"/>", escape(marks))
}

/// Returns the page. Its policy forbids scripts and requests.
pub fn page(title: &str, marks: &str, style: &str, html: &str) -> String {
    let (title, generator) = (escape(title), generator(marks));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n{generator}\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"/>\n\
         <link rel=\"icon\" href=\"data:,\"/>\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{html}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{super::well_formed::assert_well_formed, *};

    #[test]
    fn text_is_never_an_element() {
        let hostile = "</p><script>alert('&\")</script>";
        assert_eq!(escape(hostile), "&lt;/p&gt;&lt;script&gt;alert(&#39;&amp;&quot;)&lt;/script&gt;");
        let cells = vec![Cell::Text(hostile.into()), Cell::Code(hostile.into()), Cell::Number(hostile.into())];
        let html = [
            table(hostile, &[hostile; 3], &[(hostile.into(), cells)]),
            details(hostile, &paragraph(hostile)),
            section(
                "x",
                hostile,
                &figure(&picture(&Picture { width: 1, height: 1, channels: 1, pixels: vec![7] }, hostile), hostile),
            ),
            columns([(hostile, String::new()), (hostile, String::new())].into_iter()),
        ];
        let page = page(hostile, hostile, "p > a { color: red }", &html.concat());
        assert!(!page.contains("<script") && page.contains("script&gt;"), "{page}");
        assert_well_formed(&page);
    }
}
