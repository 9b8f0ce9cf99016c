#!/usr/bin/python3
"""The page of kissa report: what it holds, and what a headless Chromium makes of it."""

import json
import os
import re
import shutil
import subprocess

import harness
import measuring

# Appended to a copy of the page: what a reader would see and do.
PROBE = """
<script>
(() => {
  const drawn = [...document.querySelectorAll('canvas')].filter((canvas) => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value) => value !== 0);
  }).length;
  const table = [...document.querySelectorAll('table')].find((candidate) =>
    [...candidate.querySelectorAll('th')].some((cell) => cell.textContent === 'us'));
  const at = [...table.querySelectorAll('th')].findIndex((cell) => cell.textContent === 'us');
  const column = () => [...table.querySelectorAll('tbody tr')].map((row) =>
    parseFloat(row.children[at].textContent.replaceAll(',', '')));
  const button = table.querySelectorAll('th button')[at];
  button.click();
  const down = column();
  button.click();
  const up = column();
  const search = document.querySelector('input[type=search]');
  search.value = 'conv1';
  search.dispatchEvent(new Event('input'));
  document.body.dataset.probe = JSON.stringify({drawn, down, up, filtered: column().length});
})();
</script>
"""


def chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


def browse(test, page, *options):
    """Chromium's standard output and error on a page."""
    done = subprocess.run(
        [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         f"--user-data-dir={test.path('profile')}", "--virtual-time-budget=5000", *options,
         "file://" + test.path(page)],
        capture_output=True, text=True, errors="replace", timeout=120, check=False)
    return done.stdout, done.stderr


def make_results(test):
    quick = measuring.QUICK
    test.kissa("bench", *measuring.NETWORK, *quick, "--json", "bench.json")
    test.kissa("profile", *measuring.NETWORK, *quick, "--runs", "3", "--json", "profile.json")
    test.kissa("compare", "caffe", "fused", *measuring.NETWORK, "--images", "7.png", "--json",
               "compare.json")
    test.kissa("study", *measuring.NETWORK, "--duration", "0.05", "--build-seconds", "0", "--batch",
               "2", "--images", "3.png", "7.png", "--save", "study.json")
    test.kissa("devices", "--json", "devices.json")
    test.kissa("compare", "study.json", "study.json", "--json", "times.json")


def check_page(test):
    make_results(test)
    with open(test.path("evil.json"), "w", encoding="utf-8") as file:
        json.dump({"schema": 1, "what": "profile", "network": "</script><b>x"}, file)
    results = ["study.json", "profile.json", "bench.json", "compare.json", "devices.json",
               "times.json"]
    test.kissa("report", *results, "-o", "report.html")
    with open(test.path("report.html"), encoding="utf-8") as file:
        page = file.read()
    test.expect("no foreign address", re.findall(r'(?:src|href)="?https?:', page), [])
    test.kissa("report", "evil.json", "-o", "evil.html")
    with open(test.path("evil.html"), encoding="utf-8") as file:
        test.expect("names stay text", "</script><b>" in file.read(), False)
    if chromium() is None:
        print("Skipped: the page in a browser: there is no chromium")
        return
    check_browser(test, page)


def check_browser(test, page):
    with open(test.path("probe.html"), "w", encoding="utf-8") as file:
        file.write(page.replace("</body>", PROBE + "</body>"))
    dom, log = browse(test, "probe.html", "--dump-dom")
    errors = [line for line in log.splitlines() if "CONSOLE" in line]
    test.expect("nothing on the console", errors, [])
    count = re.search(r'<body[^>]* data-charts="(\d+)"', dom)
    probe = re.search(r'data-probe="([^"]*)"', dom)
    test.expect("charts and probe", bool(count and probe), True)
    if not (count and probe):
        return
    seen = json.loads(probe.group(1).replace("&quot;", '"'))
    test.expect("every chart is drawn", (seen["drawn"], seen["drawn"] > 5),
                (int(count.group(1)), True))
    test.expect("sorted down", seen["down"], sorted(seen["down"], reverse=True))
    test.expect("sorted up", seen["up"], sorted(seen["up"]))
    test.expect("filtered", 0 < seen["filtered"] < len(seen["up"]), True)


def check_refusals(test):
    for name, text in [("no.json", ""), ("old.json", "[]"), ("new.json", '{"schema": 99}'),
                       ("cut.json", '{"schema": 1')]:
        if text:
            with open(test.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        done = harness.run(test.options.kissa, "report", name, "-o", "out.html", cwd=test.scratch)
        test.report.add(f"report of {name}", harness.error_problem(done, name))
    test.expect("no page is left", os.path.exists(test.path("out.html")), False)


def main():
    options = harness.parse(harness.arguments(__doc__))
    if harness.run(options.kissa, "report", "--help").returncode != 0:
        harness.skip("this program was built without kissa report")
    harness.run_checks(__doc__, measuring.Measuring, [check_page, check_refusals])


if __name__ == "__main__":
    main()
