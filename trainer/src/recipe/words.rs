//! The words that stand in a recipe where a setting has a few values.

use serde::{Deserialize, Serialize};

use super::range::Range;

/// An enum of words, as they stand in a recipe.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $word:ident = $text:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $word,)+
        }

        impl $name {
            pub(super) const WORDS: Range = Range::Choice(&[$($text),+]);
        }
    };
}

words! {
    /// The source of the mean and variance of a batch norm while the network trains.
    BatchNorm {
        /// The batch: Ioffe and Szegedy 2015, algorithm 1.
        Batch = "batch",
        /// The running statistics, which stay at 0 and 1: the behaviour of a Keras model called without
        /// `training=True`.
        Frozen = "frozen",
        /// No batch norm.
        Off = "off",
    }
}

words! {
    /// The losses of both networks.
    Loss {
        /// The generator maximises log D(G(z)): Goodfellow et al. 2014, section 3.
        NonSaturating = "non-saturating",
        /// The generator minimises log(1 - D(G(z))): Goodfellow et al. 2014, equation 1. Its gradient vanishes early.
        Minimax = "minimax",
        /// Logits of real pictures are pulled to 1, logits of generated pictures to 0: Mao et al. 2017 (LSGAN),
        /// equation 9.
        LeastSquares = "least-squares",
        /// Logits are pushed apart until they lie beyond ±1: Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.
        Hinge = "hinge",
        /// Each real picture is compared with one generated picture: Jolicoeur-Martineau 2019 (RpGAN); Huang et al.
        /// 2024 (R3GAN), equation 2.
        Relativistic = "relativistic",
    }
}

words! {
    /// The activation of a generator's last layer.
    Output {
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// The logistic sigmoid, scaled to [-1, 1]: Goodfellow et al. 2014, section 5.
        Sigmoid = "sigmoid",
        /// The identity, for toy distributions.
        Linear = "linear",
    }
}

words! {
    /// The optimiser.
    Optimizer {
        /// Adam: Kingma and Ba 2015.
        Adam = "adam",
        /// Stochastic gradient descent with momentum: Sutskever et al. 2013, equations 1 and 2.
        Sgd = "sgd",
    }
}

words! {
    /// The order of the two updates in a step.
    Order {
        /// The generator learns from the updated discriminator: Goodfellow et al. 2014, algorithm 1.
        Alternating = "alternating",
        /// Both learn from each other before either is updated: the code of Goodfellow et al. 2014; Mescheder et al.
        /// 2017, section 2.
        Simultaneous = "simultaneous",
    }
}

words! {
    /// The architecture of a network.
    Kind {
        /// Dense layers.
        Mlp = "mlp",
        /// Convolutions.
        Conv = "conv",
    }
}

words! {
    /// The upsampling of a convolutional generator's stage, to twice the height and width.
    Growth {
        /// A 4×4 transposed convolution of stride 2.
        Transposed = "transposed",
        /// Nearest-neighbour upsampling, then a 3×3 convolution: Odena et al. 2016.
        Nearest = "nearest",
    }
}

words! {
    /// The balance between both networks.
    Balance {
        /// The recipe's learning rates and updates.
        Fixed = "fixed",
        /// The discriminator's learning rate falls while it is certain, and rises again when it is not.
        Adaptive = "adaptive",
    }
}

words! {
    /// The part of a picture that is kept where its aspect ratio is not that of `data.size`.
    Crop {
        /// The largest part around the centre that has the aspect ratio.
        Centre = "centre",
        /// The whole picture, with the background beside it.
        Fit = "fit",
    }
}

words! {
    /// The channels of the pictures.
    Colour {
        /// Grey if every picture is grey, else colour.
        Auto = "auto",
        /// One channel, the luma of colours: ITU-R BT.601.
        Grey = "grey",
        /// Red, green and blue.
        Colour = "colour",
    }
}

words! {
    /// The strength of augmentation.
    Augment {
        /// No augmentation.
        Off = "off",
        /// The same probability at each step: Zhao et al. 2020 (DiffAugment).
        Fixed = "fixed",
        /// The probability follows the discriminator's overfitting: Karras et al. 2020 (ADA), section 3.
        Adaptive = "adaptive",
    }
}

words! {
    /// The distribution of the first weights.
    Initial {
        /// Uniform within √(6 / (inputs + outputs)), biases 0: Glorot and Bengio 2010, equation 16; Keras' default.
        Glorot = "glorot",
        /// Uniform within 1 / √inputs, biases too: PyTorch's default.
        FanIn = "fan-in",
        /// Uniform within `initial_range`, biases 0.
        Uniform = "uniform",
    }
}

words! {
    /// The schedule of the learning rates.
    Schedule {
        /// The rates stay as they are.
        Constant = "constant",
        /// From `decay_from` on the rates fall linearly.
        Linear = "linear",
        /// From `decay_from` on the rates fall along half a cosine.
        Cosine = "cosine",
        /// The rates are divided by `decay` at each step.
        Exponential = "exponential",
    }
}
