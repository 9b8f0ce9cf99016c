#!/usr/bin/env python3
"""Trains the digits network and writes it as a Caffe model: see README.md."""

import argparse
import pathlib
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

import formats
from layers import Convolution, Dropout, InnerProduct, Lrn, Pooling, Relu, Softmax

SEED = 1998
NAME = "Digits"
BOTTOM = "data"
IMAGE_SIZE = 64  # of the PNG files
INPUT_SIZE = 28  # of the network
EPOCHS = 40
BATCH = 32
LEARNING_RATE = 0.02
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
REQUIRED_ACCURACY = 0.98
# The network sees 0..255 less the mean; training divides that by this, and export moves the
# division into the weights of conv1.
INPUT_SCALE = 128


def make_layers(rng):
    return [
        Convolution("conv1", 1, 12, kernel=5, pad=2, rng=rng),
        Relu("relu1"),
        Pooling("pool1", "MAX", kernel=3, stride=2),
        Lrn("norm1", local_size=5, alpha=0.1, beta=0.75),
        Convolution("conv2", 12, 24, kernel=5, pad=0, rng=rng),
        Relu("relu2"),
        Pooling("pool2", "AVE", kernel=3, stride=2),
        InnerProduct("ip1", 24 * 5 * 5, 64, rng),
        Relu("relu3"),
        Dropout("drop1", 0.5),
        InnerProduct("ip2", 64, 10, rng),
    ]


def sample(images, rows, columns):
    """Bilinear samples of images (N H W) at rows, columns (N P Q), clamped to the image."""
    n, h, w = images.shape
    rows, columns = np.clip(rows, 0, h - 1), np.clip(columns, 0, w - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left
    bottom, beyond = np.minimum(top + 1, h - 1), np.minimum(left + 1, w - 1)
    i = np.arange(n)[:, None, None]
    upper = images[i, top, left] * (1 - right) + images[i, top, beyond] * right
    lower = images[i, bottom, left] * (1 - right) + images[i, bottom, beyond] * right
    return upper * (1 - down) + lower * down


def grid(size):
    """Rows and columns of the pixels of a size x size image, from its centre, in its widths."""
    centres = (np.arange(size) + 0.5) / size - 0.5
    return np.meshgrid(centres, centres, indexing="ij")


def resize(images, size):
    """What OpenCV's bilinear resize makes of uint8 images: half-pixel centres, clamped edges."""
    n, h, w = images.shape
    rows, columns = grid(size)
    shape = (n, size, size)
    rows = np.broadcast_to((rows + 0.5) * h - 0.5, shape)
    columns = np.broadcast_to((columns + 0.5) * w - 0.5, shape)
    return np.rint(sample(images, rows, columns)).astype(np.uint8)


def warp(images, size, rng):
    """Like resize, but every image turned, sheared, scaled and shifted a little at random."""
    n, h, w = images.shape
    turn, shear_rows, shear_columns = rng.uniform(-0.15, 0.15, (3, n, 1, 1))
    scale_rows, scale_columns = rng.uniform(0.9, 1.15, (2, n, 1, 1))
    shift_rows, shift_columns = rng.uniform(-0.07, 0.07, (2, n, 1, 1))
    rows, columns = grid(size)
    src_rows = scale_rows * rows + (shear_rows + turn) * columns + shift_rows
    src_columns = scale_columns * columns + (shear_columns - turn) * rows + shift_columns
    return sample(images, (src_rows + 0.5) * h - 0.5, (src_columns + 0.5) * w - 0.5)


def load_split():
    """Training images, held-out images (uint8, as in the PNG files), and the labels of both."""
    digits = load_digits()
    images = resize(np.rint(digits.images * (255 / 16)).astype(np.uint8), IMAGE_SIZE)
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=SEED
    )


def forward(layers, x, rng=None):
    for layer in layers:
        x = layer.forward(x, rng)
    return x


def train_step(layers, speeds, x, labels, learning_rate, rng):
    prob = Softmax("prob").forward(forward(layers, x, rng), None)
    loss = -np.log(prob[np.arange(len(x)), labels] + 1e-12).mean()
    gradient = prob
    gradient[np.arange(len(x)), labels] -= 1
    gradient /= len(x)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
    for layer in layers:
        for blob, grad in zip(layer.blobs, layer.grads):
            speed = speeds.setdefault(id(blob), np.zeros_like(blob))
            speed *= MOMENTUM
            speed -= learning_rate * (grad + WEIGHT_DECAY * blob)
            blob += speed
    return loss


def train(layers, images, labels, mean, rng):
    speeds = {}
    steps = len(images) // BATCH
    for epoch in range(EPOCHS):
        order = rng.permutation(len(images))
        loss = 0
        for step in range(steps):
            batch = order[step * BATCH : (step + 1) * BATCH]
            progress = (epoch + step / steps) / EPOCHS
            learning_rate = LEARNING_RATE * (1 + np.cos(np.pi * progress)) / 2
            x = (warp(images[batch], INPUT_SIZE, rng) - mean)[:, None] / INPUT_SCALE
            x = x.astype(np.float32)
            loss += train_step(layers, speeds, x, labels[batch], learning_rate, rng) / steps
        print(f"epoch {epoch + 1:2}/{EPOCHS}  loss {loss:.4f}", flush=True)
    layers[0].blobs[0] /= INPUT_SCALE


def predict(layers, images, mean):
    """Classes of uint8 images, by the preprocessing of Caffe's cpp_classification."""
    x = resize(images, INPUT_SIZE)[:, None].astype(np.float32) - mean
    return forward(layers, x).argmax(1)


def export(directory, layers, mean_image, images, labels, predicted):
    """Writes the model, and of each class the first held-out image that it gets right."""
    directory.mkdir(parents=True, exist_ok=True)
    network = [*layers, Softmax("prob")]
    shape = (1, 1, INPUT_SIZE, INPUT_SIZE)
    prototxt = formats.deploy_prototxt(NAME, network, BOTTOM, shape)
    (directory / "deploy.prototxt").write_text(prototxt)
    (directory / "digits.caffemodel").write_bytes(formats.caffemodel(NAME, network, BOTTOM))
    (directory / "mean.binaryproto").write_bytes(formats.mean_binaryproto(mean_image[None]))
    (directory / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    for digit in range(10):
        first = np.flatnonzero((labels == digit) & (predicted == digit))[0]
        (directory / f"{digit}.png").write_bytes(formats.png(images[first]))


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output-dir", type=pathlib.Path, default=here, help="default: %(default)s"
    )
    directory = parser.parse_args().output_dir

    start = time.monotonic()
    rng = np.random.default_rng(SEED)
    train_images, test_images, train_labels, test_labels = load_split()
    mean_image = resize(train_images, INPUT_SIZE).astype(np.float32).mean(0)
    mean = mean_image.mean()
    layers = make_layers(rng)
    with threadpool_limits(limits=1):
        train(layers, train_images, train_labels, mean, rng)
        predicted = predict(layers, test_images, mean)

    right = int((predicted == test_labels).sum())
    accuracy = right / len(test_labels)
    seconds = time.monotonic() - start
    print(f"held-out accuracy {accuracy:.2%} ({right} of {len(test_labels)}), {seconds:.0f} s")
    if accuracy < REQUIRED_ACCURACY:
        raise SystemExit(f"train.py: accuracy is below {REQUIRED_ACCURACY:.0%}: nothing written")
    export(directory, layers, mean_image, test_images, test_labels, predicted)
    print(f"wrote the model and ten images to {directory}")


if __name__ == "__main__":
    main()
