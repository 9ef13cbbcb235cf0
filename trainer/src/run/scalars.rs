//! The table of scalars: every number of a measured step once, with its name, its unit, its colour and the places that
//! show it.
//!
//! The dashboard, the report and TensorBoard read this table, so that a new curve is one row of [`SCALARS`].

use std::ops::Deref;

use super::record::Metrics;

/// A number of a measured step.
#[derive(Debug)]
pub struct Scalar {
    /// The key in `metrics.jsonl`.
    pub key: &'static str,
    /// The name where the scalar stands alone, such as `loss of D`.
    pub name: &'static str,
    /// The name within its panel, such as `D`; empty where the panel's title is enough.
    pub label: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The network that the scalar belongs to, which decides its colour.
    pub tone: Tone,
    /// The panel of curves that shows the scalar; none if only TensorBoard does.
    pub panel: Option<&'static Panel>,
    /// The tag in TensorBoard, which groups tags by the part in front of the slash.
    pub tag: &'static str,
    /// Returns the value of a measured step.
    pub read: fn(&Metrics) -> f64,
}

/// The unit of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// None: a probability, a norm, a learning rate, or a loss in nats.
    None,
    /// Images a second.
    ImagesPerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// The network that a scalar belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The discriminator.
    Discriminator,
    /// The generator.
    Generator,
    /// Neither, or both.
    Neutral,
}

/// Curves that share one chart.
#[derive(Debug, PartialEq, Eq)]
pub struct Panel {
    /// The title on the dashboard.
    pub title: &'static str,
    /// The vertical axis.
    pub axis: Axis,
    /// The runs that have the panel.
    pub shown: Shown,
    /// The chart of the report; none if the report has no such chart.
    pub report: Option<ReportChart>,
}

/// The runs that have a panel.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// All runs.
    Always,
    /// Runs with a value for the panel.
    WithValues,
    /// Runs with a value for the panel. It stands in place of another panel there.
    InPlaceOf(&'static Panel),
}

/// The vertical axis of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// A range that fits the values, linear or logarithmic.
    Fitted,
    /// A range that fits the values and -log 4. A line marks -log 4, the value of V(D, G) in an even duel.
    Value,
    /// 0 to 1, with a line at 0.5.
    Probability,
    /// 0 to 1.
    Share,
}

/// A panel as a chart of the report.
#[derive(Debug, PartialEq, Eq)]
pub struct ReportChart {
    /// The chart's name in the names of files.
    pub file: &'static str,
    /// The chart's title.
    pub title: &'static str,
    /// The text below the chart.
    pub caption: &'static str,
}

static LOSSES: Panel = Panel {
    title: "losses",
    axis: Axis::Fitted,
    shown: Shown::Always,
    report: Some(ReportChart {
        file: "losses",
        title: "Losses of D and G",
        caption: "Losses, on a logarithmic axis unless one is negative. They need not fall: each is measured against \
                  an adversary that learns, too.",
    }),
};

static VALUE: Panel = Panel {
    title: "V(D, G)",
    axis: Axis::Value,
    shown: Shown::Always,
    report: Some(ReportChart {
        file: "value",
        title: "Value V(D, G)",
        caption: "The value that the discriminator maximises and the generator minimises. In an even duel it is \
                  -log 4.",
    }),
};

static PROBABILITIES: Panel = Panel {
    title: "D says real",
    axis: Axis::Probability,
    shown: Shown::Always,
    report: Some(ReportChart {
        file: "opinions",
        title: "D(x) and D(G(z))",
        caption: "Mean outputs of the discriminator for real and for generated images, from 0 (judged as generated) \
                  to 1 (judged as real). In an even duel both are 0.5.",
    }),
};

/// A relativistic loss judges pairs of a real and a generated image: the output for one image means nothing.
static PAIRS: Panel = Panel {
    title: "pairs that D judges right",
    axis: Axis::Probability,
    shown: Shown::InPlaceOf(&PROBABILITIES),
    report: Some(ReportChart {
        file: "pairs",
        title: "Pairs judged right",
        caption: "The share of pairs of a real and a generated image in which the discriminator takes the real one for \
                  real. A relativistic loss judges such pairs, so that the output for one image means nothing. In an \
                  even duel the share is 0.5.",
    }),
};

static AUGMENTATION: Panel = Panel {
    title: "augmentation",
    axis: Axis::Share,
    shown: Shown::WithValues,
    report: Some(ReportChart {
        file: "augmentation",
        title: "Augmentation",
        caption: "The probability that a transformation is applied to an image before the discriminator sees it, and \
                  the overfitting measure r_t: the mean sign of the logits of real images, near 0 without overfitting \
                  and 1 if the discriminator recognises every real image. Adaptive augmentation raises the \
                  probability while r_t is above its target.",
    }),
};

static MEMORISATION: Panel = Panel {
    title: "memorisation",
    axis: Axis::Share,
    shown: Shown::WithValues,
    report: Some(ReportChart {
        file: "memorisation",
        title: "Memorisation",
        caption: "The share of pairs in which the discriminator finds a training image more real than a held-out one: \
                  0.5 without memorisation, 1 if it has memorised the training images.",
    }),
};

/// The norms of both gradients.
pub static GRADIENTS: Panel = Panel {
    title: "gradient norms",
    axis: Axis::Fitted,
    shown: Shown::Always,
    report: Some(ReportChart {
        file: "gradients",
        title: "Gradient norms of D and G",
        caption: "Norms of the gradients, on a logarithmic axis. A generator whose gradient vanishes stops learning.",
    }),
};

static SPEED: Panel = Panel { title: "images/s", axis: Axis::Fitted, shown: Shown::Always, report: None };

/// The scalars. Panels stand in the order of their first scalars, the most important first; TensorBoard's values are
/// written in this order.
pub static SCALARS: &[Scalar] = &[
    Scalar {
        key: "d_loss",
        name: "loss of D",
        label: "D",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&LOSSES),
        tag: "loss/discriminator",
        read: |metrics| metrics.d_loss,
    },
    Scalar {
        key: "d_loss_real",
        name: "loss of D on real images",
        label: "D real",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: None,
        tag: "loss/discriminator_real",
        read: |metrics| metrics.d_loss_real,
    },
    Scalar {
        key: "d_loss_fake",
        name: "loss of D on generated images",
        label: "D generated",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: None,
        tag: "loss/discriminator_fake",
        read: |metrics| metrics.d_loss_fake,
    },
    Scalar {
        key: "g_loss",
        name: "loss of G",
        label: "G",
        unit: Unit::None,
        tone: Tone::Generator,
        panel: Some(&LOSSES),
        tag: "loss/generator",
        read: |metrics| metrics.g_loss,
    },
    Scalar {
        key: "value",
        name: "V(D, G)",
        label: "",
        unit: Unit::None,
        tone: Tone::Neutral,
        panel: Some(&VALUE),
        tag: "duel/value",
        read: |metrics| metrics.value,
    },
    Scalar {
        key: "d_real",
        name: "D(x)",
        label: "D(x)",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&PROBABILITIES),
        tag: "duel/d_real",
        read: |metrics| metrics.d_real,
    },
    Scalar {
        key: "d_fake",
        name: "D(G(z))",
        label: "D(G(z))",
        unit: Unit::None,
        tone: Tone::Generator,
        panel: Some(&PROBABILITIES),
        tag: "duel/d_fake",
        read: |metrics| metrics.d_fake,
    },
    Scalar {
        key: "pairs_right",
        name: "pairs judged right",
        label: "",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&PAIRS),
        tag: "duel/pairs_right",
        read: |metrics| metrics.pairs_judged_right().unwrap_or(f64::NAN),
    },
    Scalar {
        key: "augment_probability",
        name: "probability of augmentation",
        label: "p",
        unit: Unit::None,
        tone: Tone::Neutral,
        panel: Some(&AUGMENTATION),
        tag: "augmentation/probability",
        read: |metrics| metrics.augment_probability,
    },
    Scalar {
        key: "overfitting",
        name: "overfitting measure r_t",
        label: "r_t",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&AUGMENTATION),
        tag: "augmentation/overfitting",
        read: |metrics| metrics.overfitting,
    },
    Scalar {
        key: "memorisation",
        name: "training before held-out images",
        label: "",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&MEMORISATION),
        tag: "duel/memorisation",
        read: |metrics| metrics.memorisation,
    },
    Scalar {
        key: "d_gradient",
        name: "gradient of D",
        label: "D",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: Some(&GRADIENTS),
        tag: "gradient/discriminator",
        read: |metrics| metrics.d_gradient,
    },
    Scalar {
        key: "g_gradient",
        name: "gradient of G",
        label: "G",
        unit: Unit::None,
        tone: Tone::Generator,
        panel: Some(&GRADIENTS),
        tag: "gradient/generator",
        read: |metrics| metrics.g_gradient,
    },
    Scalar {
        key: "d_learning_rate",
        name: "learning rate of D",
        label: "D",
        unit: Unit::None,
        tone: Tone::Discriminator,
        panel: None,
        tag: "learning_rate/discriminator",
        read: |metrics| metrics.d_learning_rate,
    },
    Scalar {
        key: "g_learning_rate",
        name: "learning rate of G",
        label: "G",
        unit: Unit::None,
        tone: Tone::Generator,
        panel: None,
        tag: "learning_rate/generator",
        read: |metrics| metrics.g_learning_rate,
    },
    Scalar {
        key: "images_per_second",
        name: "images/s",
        label: "",
        unit: Unit::ImagesPerSecond,
        tone: Tone::Neutral,
        panel: Some(&SPEED),
        tag: "speed/images_per_second",
        read: |metrics| metrics.images_per_second,
    },
    Scalar {
        key: "seconds",
        name: "seconds of training",
        label: "",
        unit: Unit::Seconds,
        tone: Tone::Neutral,
        panel: None,
        tag: "speed/seconds",
        read: |metrics| metrics.seconds,
    },
    Scalar {
        key: "processors",
        name: "busy processors",
        label: "",
        unit: Unit::None,
        tone: Tone::Neutral,
        panel: None,
        tag: "machine/processors",
        read: |metrics| metrics.processors,
    },
    Scalar {
        key: "memory",
        name: "memory of the trainer",
        label: "",
        unit: Unit::Bytes,
        tone: Tone::Neutral,
        panel: None,
        tag: "machine/memory",
        read: |metrics| metrics.memory,
    },
];

/// A scalar that has a panel. [`Curves`](super::curves::Curves) keeps its values over all steps.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    scalar: &'static Scalar,
    /// The place among the series.
    pub(super) index: usize,
}

/// The number of series.
pub(super) const SERIES: usize = {
    let (mut row, mut count) = (0, 0);
    while row < SCALARS.len() {
        count += SCALARS[row].panel.is_some() as usize;
        row += 1;
    }
    count
};

impl Series {
    /// Returns all series, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        let drawn = SCALARS.iter().filter(|scalar| scalar.panel.is_some());
        drawn.enumerate().map(|(index, scalar)| Self { scalar, index })
    }

    /// Returns the series of a key of `metrics.jsonl`; none if there is no such scalar or if it has no panel.
    pub fn find(key: &str) -> Option<Self> {
        Self::all().find(|series| series.key == key)
    }
}

impl Deref for Series {
    type Target = Scalar;

    fn deref(&self) -> &Scalar {
        self.scalar
    }
}

impl Panel {
    /// Returns all panels, the most important first.
    pub fn all() -> Vec<&'static Self> {
        let mut panels: Vec<&Self> = Vec::new();
        for panel in SCALARS.iter().filter_map(|scalar| scalar.panel) {
            if !panels.contains(&panel) {
                panels.push(panel);
            }
        }
        panels
    }

    /// Returns the series of the panel, in the order of the table.
    pub fn series(&self) -> impl DoubleEndedIterator<Item = Series> {
        Series::all().filter(|series| series.panel == Some(self)).collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests;
