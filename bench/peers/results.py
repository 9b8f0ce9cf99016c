"""What was measured: rows, their statistics, the table and the JSON file."""

import datetime
import json
import os
import statistics
from dataclasses import dataclass, field

SCHEMA = 1
# Beyond these an engine's answer is wrong, and its time says nothing.
FP32_MAX_DIFF = 1e-3
MOST_DISAGREEMENT = 0.05  # of the images, but one is always allowed


@dataclass
class Row:
    """One engine in one setting. A slice holds the times of its runs in microseconds, or is the
    summary (min, median, runs) of a program that tells no more."""
    engine: str
    version: str
    mode: str | None
    precision: str
    batch: int
    threads: int
    foreign_load: bool = False
    max_abs_diff: float | None = None
    top1_agree: int | None = None
    images: int = 0
    slices: list = field(default_factory=list)

    def name(self):
        return " ".join(filter(None, (self.engine, self.mode)))

    def is_peer(self):
        return self.engine != "kissa"

    def is_right(self):
        if self.max_abs_diff is None:
            return False
        if self.precision == "fp32" and self.max_abs_diff > FP32_MAX_DIFF:
            return False
        return self.images - self.top1_agree <= max(1, MOST_DISAGREEMENT * self.images)

    def slice_medians(self):
        return [one[1] if isinstance(one, tuple) else statistics.median(one)
                for one in self.slices]

    def median_us(self):
        """Of all runs of all rounds; of the slices' medians where runs are not known."""
        if any(isinstance(one, tuple) for one in self.slices):
            return statistics.median(self.slice_medians())
        return statistics.median(time for one in self.slices for time in one)

    def min_us(self):
        return min(one[0] if isinstance(one, tuple) else min(one) for one in self.slices)

    def runs(self):
        return sum(one[2] if isinstance(one, tuple) else len(one) for one in self.slices)

    def images_per_s(self):
        return self.batch / self.median_us() * 1e6

    def figure_us(self):
        """The time that engines are compared by."""
        return self.median_us()

    def setting(self):
        return (self.batch, self.threads, self.precision, self.foreign_load)

    def to_json(self, speed):
        result = {"engine": self.engine, "version": self.version, "mode": self.mode,
                  "precision": self.precision, "batch": self.batch, "threads": self.threads,
                  "median_us": round(self.median_us(), 1), "min_us": round(self.min_us(), 1),
                  "runs": self.runs(), "images_per_s": round(self.images_per_s(), 2),
                  "max_abs_diff": self.max_abs_diff, "top1_agree": self.top1_agree,
                  "images": self.images, "counts": self.is_right(),
                  "best_slice_us": round(min(self.slice_medians()), 1),
                  "slice_medians_us": [round(us, 1) for us in self.slice_medians()],
                  "speed_vs_fastest_peer": None if speed is None else round(speed, 3)}
        if self.foreign_load:
            result["foreign_load"] = True
        return result


def fastest_peers(rows):
    """The time of the fastest peer with right answers, by setting."""
    best = {}
    for row in rows:
        if row.is_peer() and row.is_right():
            best[row.setting()] = min(best.get(row.setting(), float("inf")), row.figure_us())
    return best


def speed(row, best):
    """How many times as fast as the fastest peer in the row's setting; None where there is none."""
    return best[row.setting()] / row.figure_us() if row.setting() in best else None


def degradation(row, rows):
    """A loaded row's median over the same engine's without the load."""
    for other in rows:
        if not other.foreign_load and other.name() == row.name() and \
                other.setting()[:3] == row.setting()[:3]:
            return row.median_us() / other.median_us()
    return None


def to_document(rows, facts):
    best = fastest_peers(rows)
    return {"schema": SCHEMA, "what": "peers-cpu",
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **facts, "rows": [row.to_json(speed(row, best)) for row in rows]}


def write_json(document, path):
    """The file appears whole under its name or not at all."""
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(partial, path)


def table(rows, all_rows):
    """The rows of one setting of batch and threads as text, fastest first in each precision."""
    best = fastest_peers(all_rows)
    lines = [("engine", "version", "precision", "median ms", "best slice", "images/s",
              "x fastest peer", "max diff", "top-1")]
    if any(row.foreign_load for row in rows):
        lines[0] += ("slower by",)
    for row in sorted(rows, key=lambda row: (row.precision != "fp32", row.precision,
                                             row.median_us())):
        times = speed(row, best)
        checked = row.max_abs_diff is not None
        line = (row.name(), row.version, row.precision, f"{row.median_us() / 1e3:.2f}",
                f"{min(row.slice_medians()) / 1e3:.2f}", f"{row.images_per_s():.1f}",
                "-" if times is None else f"{times:.2f}",
                f"{row.max_abs_diff:.1e}" if checked else "unchecked",
                f"{row.top1_agree}/{row.images}" + ("" if row.is_right() else " WRONG")
                if checked else "-")
        if row.foreign_load:
            slower = degradation(row, all_rows)
            line += ("-" if slower is None else f"{slower:.2f}",)
        lines.append(line)
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) if i < 3 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip()
                     for line in lines)
