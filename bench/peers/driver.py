"""Times Kissa and its peers in turns, on the same network, images and cores; see README.md."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys

import machine
import reference
from caffe_files import FileError
from check import Check
from images import channel_means, list_images, load_images
from models import convert
from network import Lrn, load_network
from options import BUILD, PEERS, ROOT, parse_options
from processes import say
from results import table, to_document, write_json
from setting import Candidate, Setting

BUSY = 0.5  # a load of the machine above this is worth a warning


def model_folder(name):
    """Where scripts/get_model finds or puts a model's files."""
    told = subprocess.run([os.path.join(ROOT, "scripts", "get_model"), name], check=False,
                          stdout=subprocess.PIPE, text=True)
    if told.returncode:
        raise FileError(f"no files for {name}")
    return told.stdout.strip()


def find_model(name):
    """The name and the two files of --model."""
    if "," in name:
        prototxt, caffemodel = name.split(",", 1)
        return os.path.splitext(os.path.basename(caffemodel))[0], prototxt, caffemodel
    folder = model_folder(name)
    base = os.path.basename(folder)
    return base, f"{folder}/deploy.prototxt", f"{folder}/{base}.caffemodel"


def candidates(options, network):
    """Who takes part. An engine that is not installed is named and left out."""
    has_lrn = any(isinstance(layer, Lrn) for layer in network.layers)
    chosen = []
    wanted = options.engines or ["kissa", *PEERS]
    if "kissa" in wanted:
        if "fp32" in options.precisions:
            chosen.append(Candidate("kissa", "fp32", "caffe"))
        chosen += [Candidate("kissa", precision, "fused") for precision in options.precisions]
    for name, (module, precisions) in PEERS.items():
        if name not in wanted or (module == "torch" and not options.torch and not options.engines):
            continue
        if name == "onnxruntime-lrn" and not has_lrn:
            continue
        if importlib.util.find_spec(module) is None:
            say(f"skipped {name}: the module {module} is not installed")
            continue
        chosen += [Candidate(name, one) for one in precisions if one in options.precisions]
    for extra in options.extra:
        name, command = extra.split("=", 1)
        chosen.append(Candidate(name, "fp32", None, command))
    return chosen


def clean_folder(folder):
    """The folder, without what an earlier run left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def load_check_images(options, shape):
    shared = os.path.join(ROOT, "..", "shared", "ilsvrc12")
    paths = list_images(options.images or
                        [os.path.join(shared, name) for name in ("cat.jpg", "val")
                         if os.path.exists(os.path.join(shared, name))])
    if not paths:
        raise FileError("no images to check the answers on: give --images")
    mean = options.mean or os.path.join(model_folder("labels"), "imagenet_mean.binaryproto")
    return load_images(paths[:8] if options.quick else paths, channel_means(mean), shape)


class Bench:
    """One run: what every setting shares, and the rows of those that are done."""

    def __init__(self, options):
        self.options = options
        self.network_name, self.prototxt, self.caffemodel = find_model(options.model)
        network = load_network(self.prototxt, self.caffemodel)
        self.candidates = candidates(options, network)
        self.folder = clean_folder(os.path.join(BUILD, "peers", self.network_name))
        self.specs = convert(network, options.kissa, self.prototxt, self.caffemodel, self.folder,
                             options.batch, {one.engine for one in self.candidates})
        images = load_check_images(options, network.input_shape)
        say(f"Computing the reference answers for {len(images)} images")
        self.check = Check(images, reference.run(network, images), self.folder)
        self.rows = []
        self.facts = {
            "network": self.network_name, "commit": machine.describe_commit(ROOT),
            "machine": machine.describe_machine(), "rounds": options.rounds,
            "slice_s": options.slice, "load_before": machine.load_now(),
            "pinned_to": {str(n): options.cpus[:n] for n in options.threads}}

    def run(self):
        if self.facts["load_before"] > BUSY:
            say(f"warning: other processes run on this machine (load "
                f"{self.facts['load_before']:.1f}): these times say little")
        for batch in self.options.batch:
            for threads in self.options.threads:
                self.run_setting(batch, threads)

    def run_setting(self, batch, threads):
        setting = Setting(self, batch, threads)
        try:
            setting.start()
            setting.measure()
        finally:
            setting.close()
            rows = setting.rows()
            self.rows += rows
            if rows:
                self.report(batch, threads, rows)

    def report(self, batch, threads, rows):
        write_json(to_document(self.rows, self.facts), self.options.out)
        cores = ",".join(map(str, self.facts["pinned_to"][str(threads)]))
        print(f"\n{self.network_name}, batch {batch}, threads {threads} (pinned to core {cores})")
        quiet = [row for row in rows if not row.foreign_load]
        loaded = [row for row in rows if row.foreign_load]
        print(table(quiet, rows))
        if loaded:
            print(f"\nThe same beside a process that spins on core {cores.split(',')[-1]}")
            print(table(loaded, rows))
        sys.stdout.flush()


def stop(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, stop)
    options = parse_options()
    try:
        bench = Bench(options)
        host = bench.facts["machine"]
        print(f"{host['cpu']}, {host['cores']} cores; {' '.join(host['isa'])}")
        bench.run()
    except (FileError, OSError) as error:
        say(f"bench/peers/run: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    if not bench.rows:
        say("bench/peers/run: nothing was measured")
        return 1
    print(f"\nWritten to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
