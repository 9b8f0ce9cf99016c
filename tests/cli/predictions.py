#!/usr/bin/python3
"""Classifies cat.jpg and 50 ILSVRC-2012 validation images with GoogLeNet and SqueezeNet, and compares
the text with what real Caffe's program printed: equal line for line, but a probability may differ by
0.0001, and two lines may swap where their probabilities are then equal. Then the accuracies that
'kissa eval' must count.
"""

import json
import os
import re

import harness

MODELS = {
    # name: weights, crop, top-1 and top-5 of the default preprocessing, and with --resize 256 --crop
    "bvlc_googlenet": ("bvlc_googlenet.caffemodel", 224, (30, 42), (32, 40)),
    "squeezenet_v1.1": ("squeezenet_v1.1.caffemodel", 227, (26, 42), (28, 41)),
}
MEAN = "ilsvrc12/imagenet_mean.binaryproto"
LABELS = "ilsvrc12/synset_words.txt"
IMAGES = ["ilsvrc12/cat.jpg", "ilsvrc12/val"]
GROUND_TRUTH = "ilsvrc12/val/val.txt"
TOLERANCE = 0.00011  # 0.0001, and what is lost in binary
TIE = 0.00021  # two probabilities that may each have moved by 0.0001


def sections(text):
    """Image -> [(probability, label)], and the order of the images."""
    found = {}
    for line in text.splitlines():
        header = re.fullmatch(r"---------- Prediction for (.*) ----------", line)
        row = re.fullmatch(r'(\d\.\d{4}) - "(.*)"', line)
        if header:
            rows = found[header.group(1)] = []
        elif row:
            rows.append((float(row.group(1)), row.group(2)))
        else:
            raise ValueError(f"not a line of Caffe's format: {line!r}")
    return found


def rows_problem(got, ref):
    """Why two lists of (probability, label) differ more than they may; '' where they do not."""
    if len(got) != len(ref):
        return f"{len(got)} lines, not {len(ref)}"
    for (p, label), (ref_p, ref_label) in zip(got, ref):
        if abs(p - ref_p) > TOLERANCE:
            return f"{p:.4f} - {label!r}, not {ref_p:.4f} - {ref_label!r}"
        if label == ref_label:
            continue
        # The label may stand elsewhere in the list, or tie with the last one just outside of it.
        place = dict((name, probability) for probability, name in ref).get(label, ref[-1][0])
        if abs(place - ref_p) > TIE:
            return f"{label!r} stands where Caffe has {ref_label!r}, and they do not tie"
    return ""


def text_problem(got, ref):
    got, ref = sections(got), sections(ref)
    if list(got) != list(ref):
        return f"images {list(got)}, not {list(ref)}"
    for image, rows in ref.items():
        problem = rows_problem(got[image], rows)
        if problem:
            return f"{image}: {problem}"
    return ""


def model_files(name):
    return [f"models/{name}/deploy.prototxt", f"models/{name}/{MODELS[name][0]}"]


def check_text(options, name, report):
    with open(os.path.join(options.shared, f"reference/predictions/{name}.txt"),
              encoding="utf-8") as file:
        reference = file.read()
    command = ["classify", *model_files(name), MEAN, LABELS]
    by_batch = {batch: harness.run(options.kissa, *command, "--images", *IMAGES, "--batch", batch,
                                   cwd=options.shared, check=True) for batch in ["1", "8"]}
    for batch, done in by_batch.items():
        report.add(f"{name}, batches of {batch}", text_problem(done.stdout, reference))
    # One image, with and without a batch of copies, must read as it does among the others.
    first = re.split(r"^(?=-----)", reference, flags=re.MULTILINE)[1]
    for batch in [[], ["3"]]:
        done = harness.run(options.kissa, *command, IMAGES[0], *batch, cwd=options.shared, check=True)
        timed = re.fullmatch(r"batch 3: \d+ us \(median of \d+ runs\)\n", done.stderr)
        problem = text_problem(done.stdout, first)
        if not problem and bool(batch) != bool(timed):
            problem = f"standard error: {done.stderr!r}"
        report.add(f"{name}, one image {batch}", problem)


def check_json(options, name, report):
    command = ["classify", *model_files(name), MEAN, LABELS, IMAGES[0], "--top", "2"]
    text = harness.run(options.kissa, *command, cwd=options.shared, check=True).stdout
    document = json.loads(
        harness.run(options.kissa, *command, "--json", cwd=options.shared, check=True).stdout)
    image = document["images"][0]
    lines = [f"---------- Prediction for {image['image']} ----------"]
    lines += [f'{p["probability"]:.4f} - "{p["label"]}"' for p in image["predictions"]]
    report.add(f"{name}, JSON", "" if "\n".join(lines) + "\n" == text else f"{document} for {text}")


def check_accuracy(options, name, report):
    _, crop, plain, cropped = MODELS[name]
    command = ["eval", *model_files(name), MEAN, "--images", IMAGES[1], "--ground-truth",
               GROUND_TRUTH, "--batch", "10"]
    crop_options = ["--resize", "256", "--crop", str(crop), "--mean-values", "104,117,123"]
    for extra, expected in [([], plain), (crop_options, cropped)]:
        done = harness.run(options.kissa, *command, *extra, "--json", cwd=options.shared, check=True)
        got = json.loads(done.stdout)
        wanted = {"images": 50, "top1": expected[0], "top5": expected[1]}
        report.add(f"{name}, accuracy {extra}", "" if got == wanted else f"{got}, not {wanted}")


def check_halves(options, name, precision, report):
    """In 16 bits, where there is that: first choices, and the accuracy within one image."""
    _, crop, _, cropped = MODELS[name]
    command = ["classify", *model_files(name), MEAN, LABELS, "--images", *IMAGES, "--precision", precision]
    done = harness.run(options.kissa, *command, cwd=options.shared)
    if precision == "bf16" and done.returncode == 1 and "is not built" in done.stderr:
        print(f"skipped: {name} in BF16, which this processor has no kernels for")
        return
    with open(os.path.join(options.shared, f"reference/predictions/{name}.txt"),
              encoding="utf-8") as file:
        reference = sections(file.read())
    got = sections(done.stdout)
    same = sum(got[image][0][1] == rows[0][1] for image, rows in reference.items())
    report.add(f"{name}, first choices in {precision}", "" if same >= len(reference) - 2 else
               f"{same} of {len(reference)} are Caffe's")
    done = harness.run(options.kissa, "eval", *model_files(name), MEAN, "--images", IMAGES[1],
                       "--ground-truth", GROUND_TRUTH, "--batch", "10", "--resize", "256", "--crop",
                       str(crop), "--mean-values", "104,117,123", "--precision", precision, "--json",
                       cwd=options.shared, check=True)
    counts = json.loads(done.stdout)
    counts = (counts["top1"], counts["top5"])
    is_near = all(abs(count - expected) <= 1 for count, expected in zip(counts, cropped))
    report.add(f"{name}, accuracy in {precision}", "" if is_near else f"{counts}, not about {cropped}")


def main():
    options = harness.parse(harness.arguments(__doc__))
    for path in ["reference/predictions", "ilsvrc12", "models"]:
        if not os.path.isdir(os.path.join(options.shared, path)):
            harness.skip(f"all predictions, because {options.shared}/{path} is absent")
    report = harness.Report()
    for name in MODELS:
        check_text(options, name, report)
        check_json(options, name, report)
        check_accuracy(options, name, report)
        for precision in ["bf16", "fp16"]:
            check_halves(options, name, precision, report)
    report.finish()


if __name__ == "__main__":
    main()
