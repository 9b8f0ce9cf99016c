#!/usr/bin/python3
"""kissa detect on the trained face detector of ../shared, with the boxes that the SSD fork found, and
on a Faster R-CNN with random weights.
"""

import json
import os
import tempfile

import numpy as np

import harness

MEAN = (104, 177, 123)  # BGR, as the detector was trained


def write_image(path, planes):
    """BGR planes 3 x H x W as a file without loss."""
    _, height, width = planes.shape
    with open(path, "wb") as file:
        file.write(b"P6 %d %d 255\n" % (width, height))
        file.write(planes[::-1].transpose(1, 2, 0).astype(np.uint8).tobytes())


def check_faces(options, scratch, report):
    folder = os.path.join(options.shared, "conformance/models/res10_ssd_face")
    planes = np.load(os.path.join(folder, "in_data.npy"))[0] + np.reshape(MEAN, (3, 1, 1))
    is_image = planes.min() >= 0 and planes.max() <= 255 and np.allclose(planes, np.rint(planes))
    image = os.path.join(scratch, "image.ppm")
    drawing = os.path.join(scratch, "faces.png")
    write_image(image, np.clip(np.rint(planes), 0, 255))
    command = ["detect", os.path.join(folder, "net.prototxt"), os.path.join(folder, "net.caffemodel"),
               image, "--mean-values", ",".join(map(str, MEAN))]
    done = harness.run(options.kissa, *command, "--json", "--threshold", "0.1", "--draw", drawing,
                       check=True)
    found = json.loads(done.stdout)["detections"]
    with open(drawing, "rb") as file:
        report.add("the drawing is a PNG", "" if file.read(4) == b"\x89PNG" else "it is not")
    if is_image:
        rows = np.load(os.path.join(folder, "out_detection_out.npy")).reshape(-1, 7)
        height, width = planes.shape[1:]
        rows = rows[rows[:, 2] >= 0.1]
        rows = rows[np.argsort(-rows[:, 2], kind="stable")]
        size = np.array([width, height, width, height])
        wanted = np.rint(np.clip(rows[:, 3:], 0, 1) * size).astype(int).tolist()
        report.add("boxes", "" if [one["box"] for one in found] == wanted
                   else f"{[one['box'] for one in found]}, not {wanted}")
    text = harness.run(options.kissa, *command, "--threshold", "0.1", check=True).stdout.splitlines()
    report.add("a line a box", "" if len(text) == len(found) else f"{text}")
    none = harness.run(options.kissa, *command, "--threshold", "2", check=True).stdout
    report.add("nothing above 2", none)


def check_proposals(options, scratch, report):
    net = os.path.join(options.shared, "prototxts/faster_rcnn_zf.prototxt")
    image = os.path.join(scratch, "image.ppm")
    write_image(image, np.random.default_rng(1).integers(0, 256, (3, 40, 60)))
    done = harness.run(options.kissa, "detect", net, "-", image, "--random-weights", "1",
                       "--threshold", "0", "--json", "--shape", "data:1x3x96x128", "--shape",
                       "im_info:1x3", check=True)
    found = json.loads(done.stdout)["detections"]
    inside = all(0 <= box[0] <= box[2] <= 60 and 0 <= box[1] <= box[3] <= 40
                 for box in (one["box"] for one in found))
    report.add("boxes of proposals", "" if found and inside else f"{found}")


def check_errors(options, scratch, report):
    digits = os.path.join(harness.REPOSITORY, "examples/digits")
    network = [os.path.join(digits, "deploy.prototxt"), os.path.join(digits, "digits.caffemodel")]
    done = harness.run(options.kissa, "detect", *network, os.path.join(digits, "1.png"))
    report.add("no detector", harness.error_problem(done, "is no detector"))
    done = harness.run(options.kissa, "detect", *network, os.path.join(scratch, "none.png"))
    report.add("no image", harness.error_problem(done, "none.png"))


def main():
    options = harness.parse(harness.arguments(__doc__))
    report = harness.Report()
    with tempfile.TemporaryDirectory() as scratch:
        check_errors(options, scratch, report)
        if os.path.isdir(os.path.join(options.shared, "conformance")):
            check_faces(options, scratch, report)
            check_proposals(options, scratch, report)
        else:
            print(f"Skipped: detectors, because {options.shared}/conformance is absent")
    report.finish()


if __name__ == "__main__":
    main()
