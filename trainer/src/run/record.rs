//! The records of a run directory: the lines of `metrics.jsonl`, `events.jsonl` and `control.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// A measured step, one line of `metrics.jsonl`.
///
/// JSON has no NaN and no infinity: both are written as `null`, which is read as NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The number of steps done, from 1.
    pub step: u64,
    /// The number of real images used so far, repetitions included.
    pub images: u64,
    /// Seconds of training without pauses and interruptions.
    pub seconds: f64,
    /// The loss that the discriminator's optimiser minimises.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss: f64,
    /// The part of the discriminator's loss that real images contribute.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss_real: f64,
    /// The part of the discriminator's loss that generated images contribute.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_loss_fake: f64,
    /// The loss that the generator's optimiser minimises.
    #[serde(deserialize_with = "nan_if_null")]
    pub g_loss: f64,
    /// V(D, G) = E[log D(x)] + E[log(1 - D(G(z)))], equation 1 of Goodfellow et al. 2014; -log 4 in an even
    /// duel.
    #[serde(deserialize_with = "nan_if_null")]
    pub value: f64,
    /// Mean D(x) over the real batch, 0 to 1. With the relativistic loss, D is computed from the difference between the
    /// logits of a real and a generated image, because one logit alone has no meaning there.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_real: f64,
    /// Mean D(G(z)) over the generated batch, 0 to 1; computed in the same way.
    #[serde(deserialize_with = "nan_if_null")]
    pub d_fake: f64,
    /// Histogram of D(x) over the real batch: counts in ten equal bins of 0 to 1. All 0 in records of old versions.
    #[serde(default)]
    pub d_real_tenths: [u32; 10],
    /// Histogram of D(G(z)) over the generated batch: counts in ten equal bins of 0 to 1. All 0 in records of old
    /// versions.
    #[serde(default)]
    pub d_fake_tenths: [u32; 10],
    /// Under a loss of pairs: the share of pairs of a real and a generated image in which the discriminator takes the real
    /// one for real, 0 to 1. NaN, and left out of the line, under other losses. Records of old versions lack it:
    /// [`Self::pairs_judged_right`] reads them, too.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub pairs_right: f64,
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
    /// Real images used per second since the last record.
    pub images_per_second: f64,
    /// The probability that a transformation of the augmentation is applied to an image. NaN, and left out of the
    /// line, without augmentation.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub augment_probability: f64,
    /// The overfitting measure r_t of adaptive augmentation (Karras et al. 2020, section 3), -1 to 1: the mean sign of
    /// the logits of real images over four updates. NaN, and left out of the line, without augmentation.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub overfitting: f64,
    /// The share of pairs in which the discriminator finds a training image more real than a held-out one, 0 to 1: 0.5
    /// without memorisation. NaN, and left out of the line, without held-out images.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub memorisation: f64,
    /// The processors that the trainer kept busy on average since the last record. NaN, and left out of the line, on systems
    /// without /proc.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub processors: f64,
    /// The resident memory of the trainer, in bytes. NaN, and left out of the line, on systems without /proc.
    #[serde(default = "nan", skip_serializing_if = "is_nan")]
    pub memory: f64,
}

impl Metrics {
    /// Returns the share of pairs of a real and a generated image in which the discriminator takes the real one for real,
    /// 0 to 1. None if the loss is not one of pairs. In records of old versions, a loss of pairs is one without a part
    /// for real images, and the share is counted from the histogram.
    pub fn pairs_judged_right(&self) -> Option<f64> {
        if !self.pairs_right.is_nan() {
            return Some(self.pairs_right);
        }
        let pairs: u32 = self.d_real_tenths.iter().sum();
        let right: u32 = self.d_real_tenths[5..].iter().sum();
        let of_pairs = self.d_loss.is_finite() && self.d_loss_real.is_nan() && pairs > 0;
        of_pairs.then(|| f64::from(right) / f64::from(pairs))
    }
}

fn nan() -> f64 {
    f64::NAN
}

fn is_nan(value: &f64) -> bool {
    value.is_nan()
}

fn nan_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// An event of a run, one line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970 by the trainer's clock.
    pub time: f64,
    /// The number of steps done.
    pub step: u64,
    /// The kind of event and its details.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// Training started.
    Started {
        /// The device: `cpu`, `cuda` or `metal`.
        device: String,
        /// The number of CPU threads.
        threads: usize,
        /// The number of steps to do.
        steps: u64,
        /// The numbers of parameters of the generator and of the discriminator.
        parameters: [usize; 2],
        /// The program and its version.
        version: String,
    },
    /// Training resumed from a checkpoint.
    Resumed {
        /// The number of steps done at the end of training, those before the checkpoint included.
        steps: u64,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// The path relative to the run directory.
        file: String,
    },
    /// The generator was scored; with the EMA of its weights if the recipe sets one.
    Evaluation {
        /// The name of the judge and the start of its hash: scores of two judges cannot be compared. Empty in events of
        /// old versions, which had one judge, `digits`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        judge: String,
        /// The scores by name.
        scores: BTreeMap<String, f64>,
        /// The scores of equally many training images. Empty in events of old versions.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        real: BTreeMap<String, f64>,
    },
    /// The diagnosis found a failure, or a file could not be read or written.
    Warning {
        /// The name of the failure.
        what: String,
        /// The step at which the failure began.
        since: u64,
        /// The measurements that show the failure.
        evidence: String,
        /// The remedy.
        remedy: String,
    },
    /// A setting changed, because the recipe planned the change or a resume or a rollback made it. A change that a watcher
    /// requested has an answer instead.
    Change {
        /// A key that may change during training, such as `generator.learning_rate`.
        key: String,
        /// The value from the next step on.
        value: f64,
    },
    /// The trainer answered a request.
    Answer {
        /// The id of the request.
        id: String,
        /// Whether the trainer did as requested.
        done: bool,
        /// The result, or the reason for refusing.
        message: String,
    },
    /// Training ended.
    Stopped {
        /// The reason.
        why: Ending,
        /// The error of a failed training.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// The reasons why training ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All steps are done.
    Done,
    /// The user asked for it: Ctrl-C, a signal, or a request.
    Asked,
    /// An error.
    Failed,
}

/// A request to the trainer, one line of `control.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// A unique id, which the answer in `events.jsonl` repeats.
    pub id: String,
    /// The kind of request and its details.
    #[serde(flatten)]
    pub kind: RequestKind,
}

/// The kinds of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestKind {
    /// Pause before the next step.
    Pause,
    /// Continue after a pause.
    Continue,
    /// Write a checkpoint now.
    Checkpoint,
    /// Write a checkpoint and end the training.
    Stop,
    /// Change a key of the recipe.
    Set {
        /// A key that may change during training, such as `generator.learning_rate`.
        key: String,
        /// The new value in TOML.
        value: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_requests_are_written_as_they_are_read() {
        let events = [
            r#"{"time":1.5,"step":0,"event":"started","device":"cpu","threads":2,"steps":10,"parameters":[1,2],"version":"duel 0.1.0"}"#,
            r#"{"time":1.5,"step":5,"event":"resumed","steps":10}"#,
            r#"{"time":1.5,"step":5,"event":"checkpoint","file":"checkpoints/00000005.safetensors"}"#,
            r#"{"time":1.5,"step":5,"event":"evaluation","scores":{"frechet":1.5}}"#,
            r#"{"time":1.5,"step":5,"event":"evaluation","judge":"digits 01","scores":{"frechet":1.5},"real":{"frechet":0.5}}"#,
            r#"{"time":1.5,"step":5,"event":"warning","what":"collapse","since":3,"evidence":"0.1","remedy":"--set a=b"}"#,
            r#"{"time":1.5,"step":5,"event":"change","key":"generator.learning_rate","value":0.5}"#,
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
    fn values_that_are_not_finite_are_read_as_nan() {
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
            pairs_right: f64::NAN,
            d_gradient: 1.0,
            g_gradient: 1.0,
            d_learning_rate: 1e-4,
            g_learning_rate: 1e-4,
            images_per_second: 64.0,
            augment_probability: f64::NAN,
            overfitting: f64::NAN,
            memorisation: f64::NAN,
            processors: f64::NAN,
            memory: f64::NAN,
        };
        let line = serde_json::to_string(&metrics).expect("metrics are JSON");
        let read: Metrics = serde_json::from_str(&line).expect("a line that was written");
        assert!(read.d_loss.is_nan() && read.g_loss.is_nan() && read.overfitting.is_nan());
        assert!(["overfitting", "augment", "pairs"].iter().all(|key| !line.contains(key)), "{line}");
        assert_eq!(read.d_real, metrics.d_real);
        let pairs =
            Metrics { d_loss: 0.5, d_loss_real: f64::NAN, d_real_tenths: [1, 0, 0, 0, 7, 4, 0, 0, 0, 20], ..metrics };
        let shares = [pairs, Metrics { d_loss_real: 0.5, ..pairs }, Metrics { pairs_right: 0.25, ..pairs }];
        assert_eq!(shares.map(|metrics| metrics.pairs_judged_right()), [Some(0.75), None, Some(0.25)]);
    }
}
