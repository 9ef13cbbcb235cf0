#!/usr/bin/env python3
"""Measures how fast PyTorch trains a pair of networks, and prints a line of JSON. `run` calls it with the environment that makes it fastest.

    pytorch.py mlp|dcgan|upsample|colour|sgemm [--device cpu|cuda] [--compile] [--tf32] [--batch 64] [--seconds 5] [--threads 2]

A step is that of duel: an update of the discriminator on 64 real and 64 generated images, then one of the generator on 64 fresh latents.
`sgemm` trains nothing: it measures products of two 2048x2048 matrices, an upper limit of the speed.
Each choice below was measured to be PyTorch's fastest on a CPU, and none changes what is computed: see the comments. On a GPU, `--compile` replays
whole passes as CUDA graphs, and products are computed in full float32 unless `--tf32` allows TensorFloat-32.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Up(nn.Sequential):
    """Twice the height and width: transposed convolution, or nearest x2 and a 3x3 convolution."""

    def __init__(self, inputs, outputs, upsample):
        if upsample:
            super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1))
        else:
            super().__init__(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1))


class ChannelsLast(nn.Module):
    """[N, side * side * channels] -> [N, channels, side, side], read as rows, columns, channels: channels_last without a copy."""

    def __init__(self, side, channels):
        super().__init__()
        self.sides = (-1, side, side, channels)

    def forward(self, h):
        return h.view(self.sides).permute(0, 3, 1, 2)


def mlp():
    def hidden(inputs, norm):
        return [nn.Linear(inputs, 256), nn.ReLU(inplace=True), *([nn.BatchNorm1d(256, eps=1e-3, momentum=0.01)] if norm else [])]

    generator = nn.Sequential(*hidden(100, True), *hidden(256, True), *hidden(256, True), nn.Linear(256, 784), nn.Tanh())
    discriminator = nn.Sequential(*hidden(784, False), *hidden(256, False), *hidden(256, False), nn.Linear(256, 1))
    return generator, discriminator, 100, (784,), {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-7}


def convolutional(upsample, channels=(128, 64), smallest=7, picture=1):
    """Generator of these channels from the smallest image on, and the discriminator with the same channels in reverse."""
    layers = [nn.Linear(64, smallest**2 * channels[0]), ChannelsLast(smallest, channels[0])]
    for inputs, outputs in zip(channels, [*channels[1:], picture]):
        layers += [nn.BatchNorm2d(inputs), nn.LeakyReLU(0.2, inplace=True), Up(inputs, outputs, upsample)]
    generator = nn.Sequential(*layers, nn.Tanh())
    layers = []
    for inputs, outputs in zip([picture, *channels[:0:-1]], channels[::-1]):
        layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    discriminator = nn.Sequential(*layers, nn.Flatten(), nn.Linear(smallest**2 * channels[0], 1))
    networks = [network.to(memory_format=torch.channels_last) for network in (generator, discriminator)]
    side = smallest << len(channels)
    return *networks, 64, (picture, side, side), {"lr": 2e-4, "betas": (0.5, 0.99), "eps": 1e-8}


NETWORKS = {
    "mlp": mlp,
    "dcgan": lambda: convolutional(False),
    "upsample": lambda: convolutional(True),
    "colour": lambda: convolutional(False, (192, 96, 48, 24), smallest=4, picture=3),
}


def waiting(device):
    """The function that waits until the device has done everything that it was asked for."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def sgemm(seconds, device):
    a, b, c = (torch.randn(2048, 2048, device=device) for _ in range(3))
    wait = waiting(device)
    products, started = -5, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        torch.mm(a, b, out=c)
        wait()
        products += 1
        if products == 0:  # warm
            started = time.perf_counter()
    print(json.dumps({"gflops": 2 * 2048**3 * products / passed / 1e9}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=[*NETWORKS, "sgemm"])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
    if options.network == "sgemm":
        return sgemm(options.seconds, options.device)
    torch.manual_seed(1)
    batch, device, wait = options.batch, options.device, waiting(options.device)
    generator, discriminator, latent, shape, adam = NETWORKS[options.network]()
    generator, discriminator = generator.to(device), discriminator.to(device)
    optimiser_g, optimiser_d = (torch.optim.Adam(n.parameters(), fused=True, **adam) for n in (generator, discriminator))
    pool = torch.tanh(torch.randn(max(6400 // batch, 1), batch, *shape, device=device))

    def d_loss(real, fake):
        # One pass over real and generated images is faster than two, and equal, since the discriminator has no batch norm.
        logits = discriminator(torch.cat([real, fake]))
        return 0.5 * (F.softplus(-logits[:batch]).mean() + F.softplus(logits[batch:]).mean())

    def g_loss(z):
        return F.softplus(-discriminator(generator(z))).mean()

    draw = generator
    if options.compile:
        mode = "reduce-overhead" if device == "cuda" else "default"
        d_loss, g_loss, draw = (torch.compile(function, mode=mode) for function in (d_loss, g_loss, generator))

    def step(i):
        if options.compile and device == "cuda":
            # The results of the last step may be overwritten.
            torch.compiler.cudagraph_mark_step_begin()
        with torch.no_grad():
            fake = draw(torch.randn(batch, latent, device=device))
        optimiser_d.zero_grad(set_to_none=True)
        loss_d = d_loss(pool[i % len(pool)], fake)
        loss_d.backward()
        optimiser_d.step()

        # Without this the backward pass would also compute the gradients of the discriminator, which are not used.
        discriminator.requires_grad_(False)
        optimiser_g.zero_grad(set_to_none=True)
        loss_g = g_loss(torch.randn(batch, latent, device=device))
        loss_g.backward()
        optimiser_g.step()
        discriminator.requires_grad_(True)
        return loss_d, loss_g

    for i in range(20):  # warm up: primitives are chosen, memory is taken, graphs are compiled
        step(i)
    counter = FlopCounterMode(display=False)
    if not options.compile:
        with counter:
            step(0)

    wait()
    steps, started = 0, time.perf_counter()
    while time.perf_counter() - started < options.seconds:
        for _ in range(10 if device == "cuda" else 1):
            losses = step(steps)
            steps += 1
        wait()
    images_per_second = steps * batch / (time.perf_counter() - started)
    print(json.dumps({
        "images_per_second": images_per_second,
        "gflops": images_per_second * counter.get_total_flops() / batch / 1e9 or None,
        "steps": steps,
        "losses": [loss.item() for loss in losses],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
