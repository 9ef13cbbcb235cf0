//! The recipes that ship with duel.

/// Name and TOML text of each, the default first.
pub const SHIPPED: &[(&str, &str)] = &[
    ("digits", include_str!("../../recipes/digits.toml")),
    ("pictures", include_str!("../../recipes/pictures.toml")),
    ("emoji", include_str!("../../recipes/emoji.toml")),
    ("fashion", include_str!("../../recipes/fashion.toml")),
    ("stacked", include_str!("../../recipes/stacked.toml")),
    ("article", include_str!("../../recipes/article.toml")),
    ("paper", include_str!("../../recipes/paper.toml")),
    ("bell", include_str!("../../recipes/bell.toml")),
    ("bell-two", include_str!("../../recipes/bell-two.toml")),
    ("one-five", include_str!("../../recipes/one-five.toml")),
    ("one-five-steady", include_str!("../../recipes/one-five-steady.toml")),
    ("hot", include_str!("../../recipes/hot.toml")),
    ("strong-discriminator", include_str!("../../recipes/strong-discriminator.toml")),
    ("minimax", include_str!("../../recipes/minimax.toml")),
    ("collapse", include_str!("../../recipes/collapse.toml")),
];
