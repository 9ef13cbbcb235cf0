//! The lines of a run directory's `metrics.jsonl`, `events.jsonl` and `control.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// One logged step, a line of `metrics.jsonl`.
///
/// JSON has no NaN and no infinity: such a value is written as `null` and read back as NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Steps done, from 1.
    pub step: u64,
    /// Training images seen, repeats counted.
    pub images: u64,
    /// Seconds of training, pauses and interruptions left out.
    pub seconds: f64,
    /// The discriminator's loss, as its optimiser saw it.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss: f64,
    /// Its part on real images.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss_real: f64,
    /// Its part on generated images.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss_fake: f64,
    /// The generator's loss, as its optimiser saw it.
    #[serde(deserialize_with = "nan_if_null")]
    pub g_loss: f64,
    /// V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], equation 1 of Goodfellow et al. 2014; -log 4 at the draw.
    #[serde(deserialize_with = "nan_if_null")]
    pub value: f64,
    /// Mean D(x) over the real batch, 0 to 1. With the relativistic loss, whose logits mean something in pairs alone, here and below
    /// the logit of an image is that less its partner's.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_real: f64,
    /// Mean D(G(z)) over the generated batch, 0 to 1.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_fake: f64,
    /// Images of the real batch by D(x), in tenths of 0 to 1; all 0 in a line that does not say.
    #[serde(default)]
    pub d_real_tenths: [u32; 10],
    /// Images of the generated batch by D(G(z)), likewise.
    #[serde(default)]
    pub d_fake_tenths: [u32; 10],
    /// Euclidean norm of the discriminator's gradient.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_gradient: f64,
    /// Euclidean norm of the generator's gradient.
    #[serde(deserialize_with = "nan_if_null")]
    pub g_gradient: f64,
    /// The discriminator's learning rate at this step.
    pub d_learning_rate: f64,
    /// The generator's learning rate at this step.
    pub g_learning_rate: f64,
    /// Training images a second since the last line.
    pub images_per_second: f64,
}

fn nan_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970, by the trainer's clock.
    pub time: f64,
    /// Steps done.
    pub step: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// Training began.
    Started {
        /// Where it trains: `cpu`, `cuda` or `metal`.
        device: String,
        /// Threads of the CPU.
        threads: usize,
        /// Steps it will do.
        steps: u64,
        /// Parameters of the generator and of the discriminator.
        parameters: [usize; 2],
        /// The program and version.
        version: String,
    },
    /// Training goes on from a checkpoint.
    Resumed {
        /// Steps it will have done at its end.
        steps: u64,
    },
    /// A checkpoint is whole on the disk.
    Checkpoint {
        /// Its file, relative to the run directory.
        file: String,
    },
    /// Scores of the generator, averaged if the recipe wants an average.
    Evaluation {
        /// By name.
        scores: BTreeMap<String, f64>,
    },
    /// Something is going wrong.
    Warning {
        /// The name of the failure.
        what: String,
        /// The step since when.
        since: u64,
        /// The numbers that show it.
        evidence: String,
        /// What to change.
        remedy: String,
    },
    /// The answer to a request.
    Answer {
        /// The request's id.
        id: String,
        /// Whether it was done.
        done: bool,
        /// What was done, or why not.
        message: String,
    },
    /// Training ended.
    Stopped {
        /// Why.
        why: Ending,
        /// The error, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All steps are done.
    Done,
    /// It was asked to stop: Ctrl-C, a signal, or a request.
    Asked,
    /// An error ended it.
    Failed,
}

/// One line of `control.jsonl`: what a watcher asks of the trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Made by who asks; the answer carries it.
    pub id: String,
    /// What is asked.
    #[serde(flatten)]
    pub kind: RequestKind,
}

/// What can be asked of a trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestKind {
    /// Wait before the next step.
    Pause,
    /// Go on.
    Continue,
    /// Write a checkpoint now.
    Checkpoint,
    /// Write a checkpoint and end.
    Stop,
    /// Change one key of the recipe, as with `--set`.
    Set {
        /// A key that may change while training, such as `generator.learning_rate`.
        key: String,
        /// Its new value, as in the recipe's TOML.
        value: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_each_kind_survives_the_round_trip() {
        let events = [
            r#"{"time":1.5,"step":0,"event":"started","device":"cpu","threads":2,"steps":10,"parameters":[1,2],"version":"duel 0.1.0"}"#,
            r#"{"time":1.5,"step":5,"event":"resumed","steps":10}"#,
            r#"{"time":1.5,"step":5,"event":"checkpoint","file":"checkpoints/00000005.safetensors"}"#,
            r#"{"time":1.5,"step":5,"event":"evaluation","scores":{"frechet":1.5}}"#,
            r#"{"time":1.5,"step":5,"event":"warning","what":"collapse","since":3,"evidence":"0.1","remedy":"--set a=b"}"#,
            r#"{"time":1.5,"step":5,"event":"answer","id":"a-1","done":true,"message":"paused"}"#,
            r#"{"time":1.5,"step":5,"event":"stopped","why":"done"}"#,
        ];
        for line in events {
            let event: Event = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&event).expect("an event is JSON"), line);
        }
        for line in [r#"{"id":"a-1","ask":"pause"}"#, r#"{"id":"a-2","ask":"set","key":"k","value":"2"}"#] {
            let request: Request = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&request).expect("a request is JSON"), line);
        }
    }

    #[test]
    fn what_is_not_finite_is_read_as_nan() {
        let metrics = Metrics {
            step: 1,
            images: 32,
            seconds: 0.5,
            d_loss: f64::INFINITY,
            d_loss_real: 0.7,
            d_loss_fake: 0.7,
            g_loss: f64::NAN,
            value: -1.4,
            d_real: 0.5,
            d_fake: 0.5,
            d_real_tenths: [0; 10],
            d_fake_tenths: [0, 0, 0, 0, 32, 0, 0, 0, 0, 0],
            d_gradient: 1.0,
            g_gradient: 1.0,
            d_learning_rate: 1e-4,
            g_learning_rate: 1e-4,
            images_per_second: 64.0,
        };
        let line = serde_json::to_string(&metrics).expect("metrics are JSON");
        let read: Metrics = serde_json::from_str(&line).expect("a line that was written");
        assert!(read.d_loss.is_nan() && read.g_loss.is_nan());
        assert_eq!(read.d_real, metrics.d_real);
    }
}
