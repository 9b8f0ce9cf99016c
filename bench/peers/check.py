"""Holds every engine's answers on real images against the expected ones, in the same run."""

import os

import numpy as np

from processes import WorkerError

INFER_TIMEOUT = 900  # seconds: the first run of torch.compile compiles


class Check:
    """Real images in batches as .npy files, and the probabilities expected of them."""

    def __init__(self, images, expected, folder):
        self.images = images
        self.expected = expected
        self.folder = folder

    def batches(self, batch):
        """The .npy files of all images; the last is filled up with the first images."""
        files = []
        for begin in range(0, len(self.images), batch):
            path = os.path.join(self.folder, f"images-{batch}-{begin}.npy")
            if not os.path.exists(path):
                places = np.arange(begin, begin + batch) % len(self.images)
                np.save(path, self.images[places])
            files.append(path)
        return files

    def run(self, worker, batch):
        """(largest difference, images with the same first choice) of a worker's answers."""
        answers = []
        path = os.path.join(self.folder, "answer.npy")
        for file in self.batches(batch):
            worker.ask(f"infer {file} {path}", INFER_TIMEOUT)
            answers.append(np.load(path).reshape(batch, -1))
        got = np.concatenate(answers)[:len(self.images)]
        if got.shape != self.expected.shape:
            raise WorkerError(f"its answer has the shape {got.shape}, not {self.expected.shape}")
        # Not a number differs from everything.
        difference = np.nan_to_num(np.abs(got - self.expected), nan=np.inf).max()
        return float(difference), int((got.argmax(1) == self.expected.argmax(1)).sum())
