#!/usr/bin/env python3
"""Records small trainings by PyTorch, which the unit tests of the trainer replay. README.md names the tensors.

Usage: record.py [DIRECTORY]; the default is the directory of this file. Needs torch and safetensors (../torch-cpu.sh).

Every run is done in float32 and in float64. The float32 numbers are recorded; their distance to the float64 ones tells a test how large rounding
errors are (see `spread` in README.md).
"""

import sys
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

STEPS, BATCH, LATENT, CLASSES, PIXELS = 10, 8, 12, 10, 784
SIGMA, LAMBDA = 0.01, 100.0  # R1 and R2 by finite difference


# The networks. Layers have the names of duel's checkpoints and exports.


class MlpGenerator(nn.Module):
    """The generator of the recipe `article`, narrower: batch norm stands after the ReLU, with Keras' momentum 0.99 (1 - 0.99 in PyTorch) and epsilon."""

    def __init__(self, width=24):
        super().__init__()
        for i, inputs in enumerate([LATENT, width, width], 1):
            setattr(self, f"dense{i}", nn.Linear(inputs, width))
            setattr(self, f"norm{i}", nn.BatchNorm1d(width, eps=1e-3, momentum=0.01))
        self.dense4 = nn.Linear(width, PIXELS)

    def forward(self, z, y):
        h = self.norm1(F.relu(self.dense1(z)))
        h = self.norm2(F.relu(self.dense2(h)))
        h = self.norm3(F.relu(self.dense3(h)))
        return torch.tanh(self.dense4(h))


class MlpDiscriminator(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        for i, (inputs, outputs) in enumerate([(PIXELS, width), (width, width), (width, width), (width, 1)], 1):
            setattr(self, f"dense{i}", nn.Linear(inputs, outputs))

    def forward(self, x, y):
        h = F.relu(self.dense1(x))
        h = F.relu(self.dense2(h))
        h = F.relu(self.dense3(h))
        return self.dense4(h).squeeze(1)


class PaperGenerator(nn.Module):
    """The generator of Goodfellow et al. 2014, narrower: ReLU and a sigmoid, mapped from [0, 1] to [-1, 1]."""

    def __init__(self, width=24):
        super().__init__()
        for i, (inputs, outputs) in enumerate([(LATENT, width), (width, width), (width, PIXELS)], 1):
            setattr(self, f"dense{i}", nn.Linear(inputs, outputs))

    def forward(self, z, y):
        return 2 * torch.sigmoid(self.dense3(F.relu(self.dense2(F.relu(self.dense1(z)))))) - 1


class PaperDiscriminator(nn.Module):
    """The discriminator of Goodfellow et al. 2014, narrower and without dropout: two layers of maxout with five pieces."""

    def __init__(self, width=12, pieces=5):
        super().__init__()
        self.pieces = pieces
        for i, (inputs, outputs) in enumerate([(PIXELS, width * pieces), (width, width * pieces), (width, 1)], 1):
            setattr(self, f"dense{i}", nn.Linear(inputs, outputs))

    def forward(self, x, y):
        maxout = lambda h: h.unflatten(1, (-1, self.pieces)).amax(2)
        return self.dense3(maxout(self.dense2(maxout(self.dense1(x))))).squeeze(1)


class ConvGenerator(nn.Module):
    """Conditional: the one-hot label follows the latent. Grows by transposed convolution, or by nearest x2 and a 3x3 convolution."""

    def __init__(self, upsample):
        super().__init__()
        self.upsample = upsample
        up = partial(nn.Conv2d, kernel_size=3, padding=1) if upsample else partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)
        self.dense1 = nn.Linear(LATENT + CLASSES, 16 * 7 * 7)
        self.norm1 = nn.BatchNorm2d(16, eps=1e-5, momentum=0.1)
        self.up1 = up(16, 8)
        self.norm2 = nn.BatchNorm2d(8, eps=1e-5, momentum=0.1)
        self.up2 = up(8, 1)

    def grow(self, layer, h):
        return layer(F.interpolate(h, scale_factor=2, mode="nearest") if self.upsample else h)

    def forward(self, z, y):
        h = self.dense1(torch.cat([z, F.one_hot(y, CLASSES).to(z)], 1)).view(-1, 16, 7, 7)
        h = F.leaky_relu(self.norm1(h), 0.2)
        h = F.leaky_relu(self.norm2(self.grow(self.up1, h)), 0.2)  # [N, 8, 14, 14]
        return torch.tanh(self.grow(self.up2, h)).flatten(1)  # [N, 784]


class ConvDiscriminator(nn.Module):
    """With the projection of Miyato and Koyama 2018: the label's embedding, dotted with the features, is added to the logit."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 4, 2, 1)
        self.conv2 = nn.Conv2d(8, 16, 4, 2, 1)
        self.head = nn.Linear(16 * 7 * 7, 1)
        self.embed = nn.Embedding(CLASSES, 16 * 7 * 7)

    def forward(self, x, y):
        h = F.leaky_relu(self.conv1(x.view(-1, 1, 28, 28)), 0.2)
        h = F.leaky_relu(self.conv2(h), 0.2).flatten(1)  # channels, rows, columns
        return self.head(h).squeeze(1) + (self.embed(y) * h).sum(1)


# The losses: each takes logits of real and of generated images, and returns the value that the network minimises.


def half(real, fake):
    return 0.5 * (real.mean() + fake.mean())


LOSSES = {  # name: (the discriminator's, the generator's)
    "non-saturating": (lambda r, f: half(F.softplus(-r), F.softplus(f)), lambda r, f: F.softplus(-f).mean()),
    "minimax": (lambda r, f: half(F.softplus(-r), F.softplus(f)), lambda r, f: -F.softplus(f).mean()),
    "least-squares": (lambda r, f: half((r - 1) ** 2, f**2), lambda r, f: 0.5 * ((f - 1) ** 2).mean()),
    "hinge": (lambda r, f: half(F.relu(1 - r), F.relu(1 + f)), lambda r, f: -f.mean()),
    "relativistic": (lambda r, f: F.softplus(f - r).mean(), lambda r, f: F.softplus(r - f).mean()),
}


def penalty(discriminator, images, y, epsilon, see=lambda images: images):
    """lambda * mean (D(x) - D(x + sigma * epsilon))^2: R1 on real images, R2 on drawn ones, without a second derivative. With augmentation D sees
    both through the same transformation."""
    return LAMBDA * ((discriminator(see(images), y) - discriminator(see(images + SIGMA * epsilon), y)) ** 2).mean()


# The duel.


def gradient_norm(network):
    return torch.sqrt(sum((p.grad**2).sum() for p in network.parameters()))


def duel(make, initial, optimiser, batches, dtype, loss="non-saturating", penalised=False):
    """Ten steps from `initial`: the discriminator's update, then the generator's with fresh latents. Figures and the two networks."""
    batches = {name: t.to(dtype) if t.is_floating_point() else t for name, t in batches.items()}
    generator, discriminator = (network.to(dtype).train() for network in make())
    generator.load_state_dict(initial["generator"])
    discriminator.load_state_dict(initial["discriminator"])
    optimiser_g, optimiser_d = (optimiser(n.parameters()) for n in (generator, discriminator))
    d_loss_of, g_loss_of = LOSSES[loss]
    figures = {"d_loss": [], "g_loss": [], "d_gradient_norm": [], "g_gradient_norm": []}
    first = {}

    for step in range(STEPS):
        x, y = batches["x"][step], batches["y"][step]
        see = lambda side, kind: partial(augmented, parameters=batches["augment"][step, side, kind]) if "augment" in batches else lambda images: images

        fake = generator(batches["z_discriminator"][step], y).detach()
        see_real, see_fake = see(0, 0), see(0, 1)
        d_loss = d_loss_of(discriminator(see_real(x), y), discriminator(see_fake(fake), y))
        if penalised:
            d_loss = d_loss + penalty(discriminator, x, y, batches["epsilon"][0], see_real)
            d_loss = d_loss + penalty(discriminator, fake, y, batches["epsilon"][1], see_fake)
        optimiser_d.zero_grad()
        d_loss.backward()
        figures["d_gradient_norm"].append(gradient_norm(discriminator))
        optimiser_d.step()

        discriminator.requires_grad_(False)
        see_real, see_fake = see(1, 0), see(1, 1)
        g_loss = g_loss_of(discriminator(see_real(x), y), discriminator(see_fake(generator(batches["z_generator"][step], y)), y))
        optimiser_g.zero_grad()
        g_loss.backward()
        discriminator.requires_grad_(True)
        figures["g_gradient_norm"].append(gradient_norm(generator))
        if step == 0:
            for name, network in (("generator", generator), ("discriminator", discriminator)):
                first |= {f"first_gradient_norm.{name}.{key}": p.grad.norm().double() for key, p in network.named_parameters()}
        optimiser_g.step()

        figures["d_loss"].append(d_loss.detach())
        figures["g_loss"].append(g_loss.detach())

    figures = {name: torch.stack(values).double() for name, values in figures.items()}
    return figures, first, generator, discriminator


def weights(prefix, network):
    # num_batches_tracked, an integer, has no use with a fixed momentum.
    return {f"{prefix}.{name}": t.clone() for name, t in network.state_dict().items() if t.is_floating_point()}


def start(make, seed):
    """Initial weights: PyTorch's own, but that norms do not start at 1 and 0, so that a test tells weight from bias."""
    torch.manual_seed(seed)
    generator, discriminator = make()
    with torch.no_grad():
        for module in [*generator.modules(), *discriminator.modules()]:
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.weight.normal_(1.0, 0.1)
                module.bias.normal_(0.0, 0.1)
            if isinstance(module, nn.Embedding):
                module.weight.mul_(0.05)  # else the projection drowns the head
    return generator, discriminator


def record(make, optimiser, shared, seed, other_losses=()):
    """The tensors of one network's file."""
    generator, discriminator = start(make, seed)
    initial = {"generator": generator.state_dict(), "discriminator": discriminator.state_dict()}
    own = {"z_discriminator": torch.randn(STEPS, BATCH, LATENT), "z_generator": torch.randn(STEPS, BATCH, LATENT)}
    run = partial(duel, make, initial, optimiser, shared | own)

    tensors = own | weights("initial.generator", generator) | weights("initial.discriminator", discriminator)
    figures, first, generator, discriminator = run(torch.float32)
    exact, _, exact_generator, exact_discriminator = run(torch.float64)
    final = weights("generator", generator) | weights("discriminator", discriminator)
    exact_final = weights("generator", exact_generator) | weights("discriminator", exact_discriminator)
    tensors |= figures | first | {f"double.{name}": values for name, values in exact.items()}
    tensors |= {f"final.{name}": t for name, t in final.items()}
    tensors |= {f"spread.{name}": (t.double() - exact_final[name]).abs().max() for name, t in final.items()}

    # Images of the trained generator in evaluation: batch norm uses its running statistics.
    with torch.no_grad():
        tensors["final.images"] = generator.eval()(own["z_generator"][-1], shared["y"][-1])

    for loss, penalised in other_losses:
        name = f"{loss}.r1r2" if penalised else loss
        for dtype, prefix in ((torch.float32, ""), (torch.float64, "double.")):
            figures = run(dtype, loss=loss, penalised=penalised)[0]
            tensors |= {f"{prefix}{name}.{key}": values for key, values in figures.items()}
    return tensors


def record_penalty(shared, seed):
    """R1 of the discriminator that dcgan.safetensors starts with, on the first real batch: value and gradients."""
    tensors = {}
    for dtype, prefix in ((torch.float32, ""), (torch.float64, "double.")):
        discriminator = start(MAKE["dcgan"], seed)[1].to(dtype)
        value = penalty(discriminator, shared["x"][0].to(dtype), shared["y"][0], shared["epsilon"][0].to(dtype))
        value.backward()
        tensors[f"{prefix}penalty"] = value.detach().double()
        if dtype == torch.float32:
            # The head's bias cancels in the difference, so it has no gradient.
            tensors |= {f"gradient.{name}": p.grad.clone() for name, p in discriminator.named_parameters() if name != "head.bias"}
    return tensors


def record_spectral_norm(seed):
    """One power iteration of PyTorch's spectral norm on a convolution's weight, and the gradient through it."""
    torch.manual_seed(seed)
    layer = torch.nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 16, 4, 2, 1)).train()
    hook, original = layer.parametrizations.weight[0], layer.parametrizations.weight.original
    hook._v.copy_(F.normalize(torch.randn_like(hook._v), dim=0))
    tensors = {"weight": original.detach().clone(), "v": hook._v.clone()}
    normalised = layer.weight  # reading it in training mode iterates: u = normalize(W v), then v = normalize(W' u)
    upstream = torch.randn_like(normalised)
    (normalised * upstream).sum().backward()
    sigma = torch.dot(hook._u, original.detach().flatten(1) @ hook._v)
    return tensors | {
        "next_u": hook._u.clone(),
        "next_v": hook._v.clone(),
        "sigma": sigma.double(),
        "normalised": normalised.detach().clone(),
        "upstream": upstream,
        "gradient": original.grad.clone(),
    }


def record_losses():
    """Every loss of a single real logit (rows) against a single drawn one (columns), and its derivatives, in float64."""
    logits = torch.tensor([-200.0, -3.0, 0.0, 3.0, 200.0], dtype=torch.float64)
    tensors = {"logits": logits}
    for name, pair in LOSSES.items():
        for side, loss in zip("dg", pair):
            table = torch.zeros(3, 5, 5, dtype=torch.float64)
            for i in range(5):
                for j in range(5):
                    real, fake = (logits[k].reshape(1).clone().requires_grad_() for k in (i, j))
                    value = loss(real, fake)
                    by_real, by_fake = torch.autograd.grad(value, (real, fake), allow_unused=True)
                    table[:, i, j] = torch.stack([value.detach(), *(torch.zeros(()) if g is None else g[0] for g in (by_real, by_fake))])
            for kind, values in zip(("", ".by_real", ".by_fake"), table):
                tensors[f"{name}.{side}_loss{kind}"] = values.clone()
    return tensors


# The transformations of DiffAugment_pytorch.py (github.com/mit-han-lab/data-efficient-gans), line by line, but that they take their random numbers
# as arguments. Pictures are [N, channels, height, width], as there; their x is a row, and their y a column.


def brightness(x, amount):
    return x + amount.view(-1, 1, 1, 1)


def saturation(x, amount):
    x_mean = x.mean(dim=1, keepdim=True)
    return (x - x_mean) * amount.view(-1, 1, 1, 1) + x_mean


def contrast(x, amount):
    x_mean = x.mean(dim=[1, 2, 3], keepdim=True)
    return (x - x_mean) * amount.view(-1, 1, 1, 1) + x_mean


def translation(x, shift):
    grid_batch, grid_x, grid_y = torch.meshgrid(*(torch.arange(size) for size in (x.size(0), x.size(2), x.size(3))), indexing="ij")
    grid_x = torch.clamp(grid_x + shift[:, 0].view(-1, 1, 1) + 1, 0, x.size(2) + 1)
    grid_y = torch.clamp(grid_y + shift[:, 1].view(-1, 1, 1) + 1, 0, x.size(3) + 1)
    x_pad = F.pad(x, [1, 1, 1, 1, 0, 0, 0, 0])
    return x_pad.permute(0, 2, 3, 1).contiguous()[grid_batch, grid_x, grid_y].permute(0, 3, 1, 2).contiguous()


def cutout(x, offset):
    size = int(x.size(2) * 0.5 + 0.5), int(x.size(3) * 0.5 + 0.5)
    grid_batch, grid_x, grid_y = torch.meshgrid(*(torch.arange(n) for n in (x.size(0), *size)), indexing="ij")
    grid_x = torch.clamp(grid_x + offset[:, 0].view(-1, 1, 1) - size[0] // 2, min=0, max=x.size(2) - 1)
    grid_y = torch.clamp(grid_y + offset[:, 1].view(-1, 1, 1) - size[1] // 2, min=0, max=x.size(3) - 1)
    mask = torch.ones(x.size(0), x.size(2), x.size(3), dtype=x.dtype)
    mask[grid_batch, grid_x, grid_y] = 0
    return x * mask.unsqueeze(1)


def augmented(x, parameters):
    """Images [N, 784] after all transformations. `parameters` [N, 7]: brightness, saturation, contrast, shift by rows and columns, cutout."""
    h = contrast(saturation(brightness(x.view(-1, 1, 28, 28), parameters[:, 0]), parameters[:, 1]), parameters[:, 2])
    return cutout(translation(h, parameters[:, 3:5].long()), parameters[:, 5:7].long()).flatten(1)


def record_augmented_steps(shared, dcgan, seed):
    """Ten steps from the start of dcgan.safetensors with augmentation, the relativistic loss, and both penalties."""
    generator, discriminator = start(MAKE["dcgan"], 3)
    initial = {"generator": generator.state_dict(), "discriminator": discriminator.state_dict()}
    torch.manual_seed(seed)
    sizes = STEPS, 2, 2, BATCH  # the discriminator's update and the generator's, real images and drawn ones
    amounts = [torch.rand(sizes) - 0.5, torch.rand(sizes) * 2, torch.rand(sizes) + 0.5]
    places = [torch.randint(*ends, sizes).float() for ends in ((-4, 5), (-4, 5), (0, 29), (0, 29))]
    tensors = {"augment": torch.stack(amounts + places, -1)}
    batches = shared | {name: dcgan[name] for name in ("z_discriminator", "z_generator")} | tensors
    for dtype, prefix in ((torch.float32, ""), (torch.float64, "double.")):
        figures = duel(MAKE["dcgan"], initial, DCGAN_ADAM, batches, dtype, loss="relativistic", penalised=True)[0]
        tensors |= {f"{prefix}augmented.{key}": values for key, values in figures.items()}
    return tensors


def record_augmentation(seed, channels, height, width, n=6):
    """Each transformation alone, and all of them in turn: pictures, their transformed ones, and the gradient of the pictures."""
    torch.manual_seed(seed)
    most = [int(side * 0.125 + 0.5) for side in (height, width)]
    ends = [side + (1 - int(side * 0.5 + 0.5) % 2) for side in (height, width)]
    parameters = {
        brightness: torch.rand(n) - 0.5,
        saturation: torch.rand(n) * 2,
        contrast: torch.rand(n) + 0.5,
        translation: torch.stack([torch.randint(-m, m + 1, [n]) for m in most], 1),
        cutout: torch.stack([torch.randint(0, end, [n]) for end in ends], 1),
    }
    # The largest shifts, and rectangles that leave the picture at either end.
    parameters[translation][:2] = torch.tensor([[-most[0], most[1]], [most[0], -most[1]]])
    parameters[cutout][:2] = torch.tensor([[0, ends[1] - 1], [ends[0] - 1, 0]])
    x = torch.tanh(2 * torch.randn(n, channels, height, width))
    upstream = torch.randn(n, channels, height, width)
    tensors = {"x": x, "upstream": upstream} | {f"{f.__name__}.parameters": amount for f, amount in parameters.items()}
    for name, functions in [*((f.__name__, [f]) for f in parameters), ("all", list(parameters))]:
        before = x.clone().requires_grad_()
        after = before
        for function in functions:
            after = function(after, parameters[function])
        after.backward(upstream)
        tensors |= {f"{name}.y": after.detach(), f"{name}.gradient": before.grad}
    return tensors


MAKE = {
    "mlp": lambda: (MlpGenerator(), MlpDiscriminator()),
    "paper": lambda: (PaperGenerator(), PaperDiscriminator()),
    "dcgan": lambda: (ConvGenerator(upsample=False), ConvDiscriminator()),
    "upsample": lambda: (ConvGenerator(upsample=True), ConvDiscriminator()),
}
KERAS_ADAM = partial(torch.optim.Adam, lr=1e-3, betas=(0.9, 0.999), eps=1e-7)
DCGAN_ADAM = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.99), eps=1e-8)
PAPER_SGD = partial(torch.optim.SGD, lr=0.05, momentum=0.5)


def main():
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    torch.set_num_threads(1)  # the order of a sum is part of the record
    torch.use_deterministic_algorithms(True)

    torch.manual_seed(1)
    shared = dict(
        x=torch.tanh(2 * torch.randn(STEPS, BATCH, PIXELS)),  # as pixels: many near -1 and 1
        y=torch.randint(CLASSES, (STEPS, BATCH)),
        epsilon=torch.randn(2, BATCH, PIXELS),
    )
    others = [(name, False) for name in LOSSES if name != "non-saturating"] + [("non-saturating", True)]
    files = {
        "batches": shared,
        "mlp": record(MAKE["mlp"], KERAS_ADAM, shared, seed=2),
        "paper": record(MAKE["paper"], PAPER_SGD, shared, seed=6),
        "dcgan": record(MAKE["dcgan"], DCGAN_ADAM, shared, seed=3, other_losses=others),
        "upsample": record(MAKE["upsample"], DCGAN_ADAM, shared, seed=4),
        "penalty": record_penalty(shared, seed=3),
        "spectral_norm": record_spectral_norm(seed=5),
        "losses": record_losses(),
        "augment_colour": record_augmentation(7, channels=3, height=12, width=13),
        "augment_grey": record_augmentation(8, channels=1, height=9, width=8),
    }
    files["augment_steps"] = record_augmented_steps(shared, files["dcgan"], seed=9)
    for name, tensors in files.items():
        path = home / f"{name}.safetensors"
        save_file({key: t.contiguous() for key, t in tensors.items()}, path, metadata={"made_by": f"record.py, torch {torch.__version__}"})
        print(f"{path}: {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
