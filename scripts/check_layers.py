#!/usr/bin/python3
"""Checks who sees whom: #include lines and CMake links against the tables below.

check_layers.py [ROOT]: prints one line a violation, 'file:line: room X may not see Y', and exits
with status 1 if there is any. docs/architecture.md explains the rooms.
"""

import os
import re
import subprocess
import sys
from typing import NamedTuple

# A room: its name, its folder or files (the longest match wins), and every room that it may see.
# A test (foo_test.cpp, and foo_testing.h or test_foo.h that tests share) may see everything, and so
# may tests/ and bench/.
EVERYTHING = "*"
ROOMS = [
    ("api", ["include/kissa/"], ""),
    ("base", ["src/base/"], "api"),
    ("ops", ["src/ops/"], "api base"),
    ("ir", ["src/ir/"], "api base ops"),
    ("import", ["src/import/"], "api base ops ir"),
    ("export", ["src/export/"], "api base ops ir"),
    ("passes", ["src/passes/"], "api base ops ir"),
    ("device", ["src/device/"], "api base"),
    ("tactic", ["src/backends/tactic.h", "src/backends/backend.h", "src/backends/fallback.h",
                "src/backends/reference.h"], "api base ops device"),
    ("backends/cpu", ["src/backends/cpu/"], "api base ops device tactic"),
    ("backends/cuda", ["src/backends/cuda/"], "api base ops device tactic"),
    ("backends/null", ["src/backends/null/"], "api base ops device tactic"),
    # Further tactics of a device: on its streams and in its formats.
    ("backends/cublas", ["src/backends/cublas/"], "api base ops device tactic backends/cuda"),
    ("backends/cudnn", ["src/backends/cudnn/"], "api base ops device tactic backends/cuda"),
    ("backends/onednn", ["src/backends/onednn/"], "api base ops device tactic backends/cpu"),
    # The one place that names every backend.
    ("registry", ["src/backends/"],
     "api base ops device tactic backends/cpu backends/cublas backends/cuda"
     " backends/cudnn backends/null backends/onednn"),
    ("planner", ["src/planner/"], "api base ops ir device tactic"),
    ("runtime", ["src/runtime/"], "api base ops ir device tactic planner"),
    # The files of src/ itself implement the public API.
    ("kissa", ["src/"],
     "api base ops ir import export passes device tactic registry planner runtime"),
    # Users of the library. They link the room kissa, which has no header but those of the api.
    ("server", ["src/server/"], "api kissa"),
    ("tools", ["tools/"], "api base kissa"),
    ("python", ["python/"], "api kissa"),
    ("tests", ["tests/", "bench/"], EVERYTHING),
]

# What comes from outside: its name, the headers, the CMake targets, and the only places that may
# see it (none: nobody, and tests).
OUTSIDERS = [
    ("protobuf", r"google/protobuf/|.*\.pb\.h$", r"(protobuf::|Protobuf_|libproto)",
     ["src/import/caffe/", "src/export/"]),
    ("CUDA", r"(cuda|cublas|cufft|curand|cusparse|nvrtc|nvml|nvtx|cooperative_groups|cute/|cutlass/)"
             r"|(mma|crt/.*)\.h$|.*\.cuh$", r"CUDA::",
     ["src/backends/cublas/", "src/backends/cuda/", "src/backends/cudnn/"]),
    ("cuDNN", r"cudnn", r"(CUDNN|libcudnn)", ["src/backends/cudnn/"]),
    ("oneDNN", r"(oneapi/dnnl/|dnnl)", r"(DNNL::|dnnl)", ["src/backends/onednn/"]),
    ("vector intrinsics", r"(\w*intrin|arm_neon|arm_sve|arm_bf16|arm_fp16)\.h$", None,
     ["src/backends/cpu/kernels/"]),
    ("CPUID", r"cpuid\.h$", None, ["src/backends/cpu/isa.cpp"]),
    ("BLAS", r"(cblas|f77blas|openblas.*|lapacke?)\.h$|openblas/", r"(BLAS::|BLAS_|PkgConfig::.*BLAS|openblas)",
     ["src/backends/cpu/"]),
    ("xxHash", r"xxhash", r"XXHASH", ["src/planner/"]),
    ("OpenCV", r"opencv", r"opencv", ["tools/"]),
    ("CLI11", r"CLI/", r"CLI11::", ["tools/"]),
    ("pybind11", r"(pybind11|nanobind)/|Python\.h$", r"(pybind11|nanobind|Python)", ["python/"]),
    ("GoogleTest", r"(gtest|gmock)/", r"GTest::", []),
    ("Google Benchmark", r"benchmark/", r"benchmark::", []),
    # Library code prints nothing.
    ("iostream", r"iostream$", None, ["tools/", "python/"]),
]

# The public headers stand alone: the standard library and each other.
STANDARD_HEADER = re.compile(r"[a-z_0-9]+$|(std\w+|string|math|limits|errno|assert)\.h$")

SOURCE = re.compile(r"\.(h|hpp|inl|cpp|cc|c|cu|cuh)$")
CMAKE = re.compile(r"(^|/)CMakeLists\.txt$|\.cmake$")
TEST = re.compile(r"_(test|testing)\.(h|cpp|cu)$|(^|/)test_\w+\.h$")
LINK_KEYWORDS = {"PUBLIC", "PRIVATE", "INTERFACE"}


class Violation(NamedTuple):
    file: str
    line: int
    text: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.text}"


def room_of(path):
    """The row of ROOMS that owns the file, or None."""
    best, length = None, 0
    for row in ROOMS:
        for place in row[1]:
            owns = path.startswith(place) if place.endswith("/") else path == place
            if owns and len(place) > length:
                best, length = row, len(place)
    # A folder of src/ or src/backends/ that the table does not name is nobody's.
    if best and best[0] in ("kissa", "registry") and "/" in path[length:]:
        return None
    return best


def may_see(row, other):
    return row[2] == EVERYTHING or other == row[0] or other in row[2].split()


def is_in(path, places):
    return any(path.startswith(p) if p.endswith("/") else path == p for p in places)


class Tree:
    """The repository's own files: what git tracks or would track."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True, check=False)
        files = listed.stdout.splitlines() if listed.returncode == 0 else list(self._walk())
        self.files = sorted(f for f in set(files) if os.path.isfile(os.path.join(root, f)))
        self._set = set(self.files)

    def _walk(self):
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = [s for s in subfolders if not s.startswith(("build", ".git"))]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.root)

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def resolve(self, path, header):
        """The repository's file that `header` means in `path`, or None."""
        for folder in (os.path.dirname(path), "src", "include", "tools", "tests", "bench"):
            found = os.path.normpath(os.path.join(folder, header))
            if found in self._set:
                return found
        return None


def includes_of(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def check_include(tree, path, row, header):
    """Why `path` may not include `header`, or None."""
    target = tree.resolve(path, header)
    if TEST.search(header):
        return f"room {row[0]} may not see what tests share ({header})"
    if target is not None:
        other = room_of(target)
        forbidden = other and not may_see(row, other[0])
        return f"room {row[0]} may not see {other[0]} ({header})" if forbidden else None
    for name, pattern, _, places in OUTSIDERS:
        if re.match(pattern, header) and not is_in(path, places):
            return f"room {row[0]} may not see {name} ({header})"
    if row[0] == "api" and not STANDARD_HEADER.match(header):
        return f"room api may not see {header}: a public header takes only the standard library"
    return None


def check_sources(tree):
    for path in tree.files:
        if not SOURCE.search(path) or not path.startswith(("src/", "include/", "tools/", "python/")):
            continue
        row = room_of(path)
        if row is None:
            yield Violation(path, 1, "belongs to no room: give it one in scripts/check_layers.py")
        elif not TEST.search(path):
            for line, header in includes_of(tree.text(path)):
                reason = check_include(tree, path, row, header)
                if reason:
                    yield Violation(path, line, reason)


def commands_of(text):
    """The (line, name, [(line, word)]) of every command of a CMake file."""
    text = re.sub(r"#[^\n]*", "", text)
    for match in re.finditer(r"(\w+)[ \t]*\(([^()]*)\)", text):
        words = [(text.count("\n", 0, match.start(2) + w.start()) + 1, w.group().strip('"'))
                 for w in re.finditer(r"[^\s;]+", match.group(2))]
        yield text.count("\n", 0, match.start()) + 1, match.group(1).lower(), words


def defined_target(command, words):
    """The target that a command makes, or None."""
    if not words:
        return None
    if command == "kissa_room":
        return "kissa_" + words[0][1]
    return words[0][1] if command in ("add_library", "add_executable") else None


def links_of(command, words):
    """The (target, [(line, link)]) that a command links, or None."""
    if command == "kissa_room" and words:
        texts = [word for _, word in words]
        links = words[texts.index("LINKS") + 1:] if "LINKS" in texts else []
        return "kissa_" + words[0][1], [(n, w) for n, w in links if w != "SOURCES"]
    if command == "target_link_libraries" and words:
        return words[0][1], [(n, w) for n, w in words[1:] if w not in LINK_KEYWORDS]
    return None


def place_of_target(path, target, words):
    """Where the target that a command of `path` makes belongs: the place of its first source."""
    folder = os.path.dirname(path)
    for _, word in words[1:]:
        if SOURCE.search(word) and "$" not in word:
            return os.path.normpath(os.path.join(folder, word))
    return os.path.join(folder, target)


def check_link(place, link, targets):
    """Why the target at `place` may not link `link`, or None."""
    row = room_of(place)
    if row is None or row[2] == EVERYTHING:
        return None
    for name, _, pattern, places in OUTSIDERS:
        if pattern and re.match(pattern, link.lstrip("${"), re.IGNORECASE):
            if not is_in(place, places):
                return f"room {row[0]} may not see {name} (links {link})"
    other = room_of(targets[link]) if link in targets else None
    if other and not may_see(row, other[0]):
        return f"room {row[0]} may not see {other[0]} (links {link})"
    return None


def check_links(tree):
    parsed = [(path, list(commands_of(tree.text(path)))) for path in tree.files
              if CMAKE.search(path) and "/" in path]
    targets = {}
    for path, commands in parsed:
        for _, command, words in commands:
            target = defined_target(command, words)
            if target:
                targets[target] = place_of_target(path, target, words)
    for path, commands in parsed:
        for _, command, words in commands:
            target, links = links_of(command, words) or (None, [])
            for line, link in links if target in targets else []:
                reason = check_link(targets[target], link, targets)
                if reason:
                    yield Violation(path, line, reason)


def check(root):
    tree = Tree(root)
    return list(check_sources(tree)) + list(check_links(tree))


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
    violations = check(root)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
