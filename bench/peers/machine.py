"""What this run stands on: processor, cores, commit."""

import os
import re
import subprocess

ISA = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512dq", "avx512bw",
       "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",
       "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2")


def usable_cpus():
    return sorted(os.sched_getaffinity(0))


def describe_machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    there = set(flags.group(1).split()) if flags else set()
    # Virtual machines often hide the name; family and model still tell the generation.
    numbers = [re.search(rf"^{key}\s*:\s*(\d+)$", text, re.MULTILINE)
               for key in ("cpu family", "model", "stepping")]
    return {"cpu": name.group(1) if name else os.uname().machine,
            "cpu_family_model_stepping": "-".join(m.group(1) for m in numbers if m) or None,
            "isa": [flag for flag in ISA if flag in there], "cores": len(usable_cpus()),
            "gpu": None, "driver": None, "cuda": None}


def describe_commit(root):
    """The commit, with '-dirty' where the sources differ from it; None outside git."""
    told = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=40",
                           "--exclude=*"], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None


def load_now():
    """How many processes ran on the machine during the last minute."""
    return os.getloadavg()[0]
