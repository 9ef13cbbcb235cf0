//! What a wrong command line should have been.

use clap::{
    Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

/// Flags of other trainers, and what `duel` has in their place.
const ELSEWHERE: [(&[&str], &str); 8] = [
    (&["--epochs", "--epoch", "--iterations"], "--steps N; a step takes training.batch pictures"),
    (&["--batch", "--batch-size", "--bs"], "--set training.batch=N"),
    (&["--lr", "--learning-rate"], "--set generator.learning_rate=X and --set discriminator.learning_rate=X"),
    (&["--latent-dim", "--nz", "--z-dim"], "--set generator.latent=N"),
    (&["--size", "--resolution", "--image-size", "--img-size"], "--set data.size=64 or data.size=48x64"),
    (&["--dataset", "--dataroot", "--data-dir"], "--data PATH"),
    (&["--gpu", "--gpus", "--cuda"], "--device cuda"),
    (&["--name", "--outdir", "--logdir"], "--run RUN"),
];

/// Adds the flag of `duel train` that was meant, where another program's was given.
pub fn explained(mut error: Error) -> Error {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let known = ELSEWHERE.iter().find(|(flags, _)| flags.contains(&flag.as_str()));
    let Some((_, meant)) = known.filter(|_| usage.contains("duel train")) else { return error };
    error.remove(ContextKind::SuggestedArg);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(*meant)]));
    error
}

/// Reads a seed.
pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::Args;

    #[test]
    fn flags_of_other_programs_are_answered_with_those_of_duel() {
        for (flag, meant) in [
            ("--lr", "generator.learning_rate"),
            ("--epochs", "--steps N"),
            ("--batch-size", "training.batch=N"),
            ("--dataroot", "--data PATH"),
        ] {
            let error = Args::try_parse_from(["duel", "train", flag, "1"]).expect_err("no such flag");
            let said = explained(error).to_string();
            assert!(said.contains(flag) && said.contains(meant), "{said}");
        }
        let error = Args::try_parse_from(["duel", "sample", "--sed", "1"]).expect_err("no such flag");
        assert!(explained(error).to_string().contains("'--seed'"));
    }

    #[test]
    fn a_seed_that_is_none_is_answered_with_the_range() {
        for wrong in ["-1", "1.5", "x"] {
            let error = Args::try_parse_from(["duel", "sample", "--seed", wrong]).expect_err("no seed");
            assert!(error.to_string().contains("'--seed <N>': a seed is a whole number from 0 to"), "{error}");
        }
    }
}
