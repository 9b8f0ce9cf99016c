"""The command line. Needs nothing but Python, so that it can be refused before peers are installed."""

import argparse
import os

import machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.join(ROOT, "build")
# Name: the module that it needs, precisions.
PEERS = {
    "ncnn": ("ncnn", ("fp32", "bf16")),
    "openvino": ("openvino", ("fp32", "bf16")),
    "onnxruntime": ("onnxruntime", ("fp32",)),
    "onnxruntime-lrn": ("onnxruntime", ("fp32",)),
    "mnn": ("MNN", ("fp32",)),
    "opencv": ("cv2", ("fp32",)),
    "torch-compile": ("torch", ("fp32", "bf16")),
}
# Those that 'kissa export' writes a file for; the latter with LRN in parts.
ONNX_READERS, EXPANDED_ONNX_READERS = ("openvino", "onnxruntime"), ("onnxruntime-lrn",)


def numbers(text):
    return [int(word) for word in text.split(",")]


def words(text):
    return text.split(",")


def parse_options():
    parser = argparse.ArgumentParser(
        prog="bench/peers/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Times Kissa side by side with other engines: the same network and images, in "
                    "turns, on the same cores. Needs a quiet machine.",
        epilog="Ctrl-C ends the run; what the complete rounds gave is written all the same.")
    add = parser.add_argument
    add("--out", metavar="FILE", help="the results, as JSON; needed to measure")
    add("--model", default="googlenet", metavar="NAME",
        help="googlenet (default), squeezenet, or PROTOTXT,CAFFEMODEL")
    add("--threads", type=numbers, metavar="N,...", help="default: 1,2, or what there are")
    add("--batch", type=numbers, default=[1, 16], metavar="N,...", help="default: 1,16")
    add("--cpus", type=numbers, default=machine.usable_cpus(), metavar="N,...",
        help="the cores to use, the first for one thread (all that there are)")
    add("--precisions", type=words, default=["fp32", "bf16"], metavar="NAME,...",
        help="default: fp32,bf16; an engine takes part where it has them")
    add("--engines", type=words, metavar="NAME,...",
        help=f"default: all there are of kissa,{','.join(PEERS)}")
    add("--rounds", type=int, metavar="N", help="turns of each engine in each setting (10)")
    add("--slice", type=float, metavar="SECONDS", help="length of a turn (0.5)")
    add("--quick", action="store_true", help="3 rounds of 0.15 s, answers checked on 8 images")
    add("--foreign-load", action="store_true",
        help="time everything again beside a process that keeps one of the cores busy")
    add("--torch", action="store_true", help="with torch.compile; installs gigabytes once")
    add("--extra", action="append", default=[], metavar="NAME=COMMAND",
        help="a program of your own among the peers: it gets {prototxt} {caffemodel} {batch} "
             "{threads} {runs} and prints 'min X median Y ms'")
    add("--setup", action="store_true", help="only install the peers")
    add("--kissa", default=os.path.join(BUILD, "release", "bin", "kissa"), metavar="PROGRAM",
        help="build/release/bin/kissa")
    add("--images", nargs="+", metavar="PATH",
        help="images or folders for the check of the answers (../shared/ilsvrc12)")
    add("--mean", metavar="FILE", help="mean.binaryproto (ILSVRC 2012's)")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 10)
    options.slice = options.slice or (0.15 if options.quick else 0.5)
    check_options(parser, options)
    return options


def check_options(parser, options):
    if not set(options.cpus) <= set(machine.usable_cpus()):
        parser.error(f"--cpus: this process may use {machine.usable_cpus()}")
    options.threads = options.threads or [n for n in (1, 2) if n <= len(options.cpus)]
    if not 1 <= min(options.threads) <= max(options.threads) <= len(options.cpus):
        parser.error(f"--threads: from 1 to the {len(options.cpus)} cores that there are")
    if min(options.batch) < 1 or options.rounds < 1 or options.slice <= 0:
        parser.error("--batch, --rounds and --slice are greater than 0")
    known = {"kissa", *PEERS}
    for name in options.engines or []:
        if name not in known:
            parser.error(f"--engines: no '{name}'; there are {', '.join(sorted(known))}")
    for extra in options.extra:
        if "=" not in extra:
            parser.error(f"--extra takes NAME=COMMAND, not '{extra}'")
    if options.setup:
        return
    if not options.out:
        parser.error("--out FILE is needed")
    needs_kissa = {"kissa", *ONNX_READERS, *EXPANDED_ONNX_READERS}
    if needs_kissa & set(options.engines or known) and not os.path.exists(options.kissa):
        parser.error(f"there is no {options.kissa}: 'make build' makes it, --kissa names another")
    folder = os.path.dirname(os.path.abspath(options.out))
    if not os.path.isdir(folder):
        parser.error(f"--out: there is no folder {folder}")
