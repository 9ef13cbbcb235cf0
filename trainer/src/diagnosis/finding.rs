//! A failure that was found.

/// A failure, as it stands in `events.jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The failure's name.
    pub what: &'static str,
    /// The first step that shows it.
    pub since: u64,
    /// The numbers that show it.
    pub evidence: String,
    /// The settings to change, as `--set` takes them.
    pub remedy: String,
}
