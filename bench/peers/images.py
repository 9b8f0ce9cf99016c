"""Real images, prepared as Caffe's cpp_classification prepares them."""

import os

import cv2
import numpy as np

from caffe_files import FileError, read_blob

CONVERSIONS = {(1, 3): cv2.COLOR_GRAY2BGR, (4, 3): cv2.COLOR_BGRA2BGR,
               (3, 1): cv2.COLOR_BGR2GRAY, (4, 1): cv2.COLOR_BGRA2GRAY}
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def list_images(paths):
    """The files among `paths`, and the images in the folders among them, in order."""
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += [os.path.join(path, name) for name in sorted(os.listdir(path))
                      if name.lower().endswith(SUFFIXES)]
        else:
            found.append(path)
    return found


def channel_means(mean_file):
    """One mean a channel, B G R, of a mean image."""
    mean = read_blob(mean_file)
    return mean.reshape(mean.shape[-3], -1).mean(1, dtype=np.float64).astype(np.float32)


def load_image(path, means, shape):
    """C H W of `shape`: the whole image resized as 8-bit values, less one mean a channel."""
    image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileError(f"{path}: not an image that OpenCV reads")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels != shape[0]:
        image = cv2.cvtColor(image, CONVERSIONS[channels, shape[0]])
    _, height, width = shape
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    planes = image.reshape(height, width, -1).astype(np.float32) - means
    return np.ascontiguousarray(planes.transpose(2, 0, 1))


def load_images(paths, means, shape):
    return np.stack([load_image(path, means, shape) for path in paths])
