"""What the tests of the program share: finding it and its data, running it, counting failures."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77  # the status that CTest counts as skipped


def arguments(description):
    """A parser with --kissa and --shared."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kissa", default=os.path.join(REPOSITORY, "build/release/bin/kissa"),
                        help="the program to test (build/release/bin/kissa)")
    parser.add_argument("--shared", default=os.path.join(os.path.dirname(REPOSITORY), "shared"),
                        help="folder of models and reference results (../shared)")
    return parser


def parse(parser):
    options = parser.parse_args()
    options.kissa = os.path.abspath(options.kissa)
    options.shared = os.path.abspath(options.shared)
    if not os.access(options.kissa, os.X_OK):
        sys.exit(f"{options.kissa}: there is no such program; build it first")
    return options


def skip(what):
    print(f"Skipped: {what}")
    sys.exit(SKIPPED)


def run(program, *arguments, cwd=None, timeout=600, check=False, env=None):
    """Runs the program; stdout and stderr come back as text."""
    done = subprocess.run([program, *arguments], cwd=cwd, timeout=timeout, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace")
    if check and done.returncode != 0:
        raise RuntimeError(f"kissa {' '.join(arguments)}: status {done.returncode}: {done.stderr}")
    return done


def run_to(stdout, program, *arguments, cwd=None):
    """Runs the program with standard output sent to a file; gives the status and stderr."""
    done = subprocess.run([program, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


class Report:
    """Counts checks; prints a line for each that failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, name, problem):
        """`problem` is empty where the check passed."""
        if problem:
            self.failed += 1
            print(f"FAILED {name}: {problem}", flush=True)
        else:
            self.passed += 1

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed or not self.passed else 0)


class DigitsCopy:
    """What runs kissa in a copy of the digits example, `scratch`."""

    files = None  # names to copy; None: all

    def __init__(self, options, scratch, report):
        self.options = options
        self.scratch = scratch
        self.report = report
        digits = os.path.join(REPOSITORY, "examples/digits")
        for name in self.files or os.listdir(digits):
            if os.path.isfile(os.path.join(digits, name)):
                shutil.copyfile(os.path.join(digits, name), os.path.join(scratch, name))

    def path(self, name):
        return os.path.join(self.scratch, name)


def run_checks(description, make, checks):
    """Calls each check with make(options, scratch, report), every time in a new folder."""
    options = parse(arguments(description))
    report = Report()
    for check in checks:
        with tempfile.TemporaryDirectory() as scratch:
            check(make(options, scratch, report))
    report.finish()


def error_problem(done, *expected, status=1):
    """Why this is not one clear line of error with `expected` in it; empty where it is."""
    lines = done.stderr.splitlines()
    if done.returncode != status:
        return f"status {done.returncode}, not {status}; stderr: {done.stderr.strip()!r}"
    if len(lines) != 1 or not lines[0].startswith("kissa: "):
        return f"not one line of error: {done.stderr!r}"
    if "internal error" in lines[0]:
        return f"an internal error: {lines[0]!r}"
    for text in expected:
        if text not in lines[0]:
            return f"{text!r} is not in {lines[0]!r}"
    return ""
