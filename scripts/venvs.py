"""Virtual environments of pinned packages from PyPI, made once below build/."""

import os
import shutil
import subprocess
import sys
import venv

BUILD = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "build")


class NoVenv(Exception):
    """Python cannot make a virtual environment here."""


def python_of(name):
    return os.path.join(BUILD, name, "bin", "python")


def make(name):
    """The environment build/NAME; gives its Python."""
    python = python_of(name)
    if not os.path.exists(python):
        try:
            venv.create(os.path.join(BUILD, name), with_pip=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(os.path.join(BUILD, name))
            raise NoVenv("Python cannot make a virtual environment; on Debian it needs "
                         "python3-venv") from None
    return python


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def pip_install(python, packages):
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0


def install(name, requirements):
    """Installs what is pinned in a file, once; returns the packages that cannot be had."""
    wanted = lines_of(requirements)
    stamp = os.path.join(BUILD, name, os.path.basename(requirements))
    if os.path.exists(stamp) and lines_of(stamp) == wanted:
        return []
    python = python_of(name)
    print(f"Installing {' '.join(wanted)} in build/{name}", file=sys.stderr)
    if pip_install(python, wanted):
        with open(stamp, "w", encoding="utf-8") as file:
            file.write("\n".join(wanted) + "\n")
        return []
    return [one for one in wanted if not pip_install(python, [one])]
