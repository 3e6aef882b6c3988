#!/usr/bin/env python3
"""How often the gate is wrong, and how often it sees what is there: live gates on two bundled servers, by hand.

    benches/gate/study.py WSBENCH OUT [GATES] [CONDITION…]

For each condition (aa p50 p90 p99; all if none is named) so many gates (20) run against two bundled servers, one
start of each per gate; the condition's delay is put into the new one by its own fault plan, sized by what was measured without it. Each
gate's blocks are kept under OUT, and the usual rule (base first, then new, fail at +10 %) is applied to the same blocks.
Prints the table of docs/gate.md. Needs no idle machine, but says what it finds: on a busy one, untrustworthy.
"""

import json
import math
import os
import pathlib
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

SCENARIO = ["@quickstart", "-e", "LISTENERS=180", "-e", "TALKERS=20", "-e", "RATE=100/s"]
# condition: (share of the users who are delayed, quantile whose base value sizes the delay, by how much of it)
CONDITIONS = {"aa": None, "p50": (1.0, "p50", 0.10), "p90": (0.3, "p90", 0.60), "p99": (0.05, "p99", 1.50)}


def serve(wsbench, port, faults):
    """A room server at the port, with these faults; for `--base cmd:…`."""
    command = [wsbench, "serve", "--faults", "--frames-per-second", "1000", "--port", port]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    fields = dict(field.split("=", 1) for field in process.stdout.readline().split()[1:])
    ask = urllib.request.Request(f"{fields['admin']}/admin/faults", faults.encode(), {"content-type": "application/json"})
    urllib.request.urlopen(ask, timeout=5).read()
    sys.exit(process.wait())


def target(wsbench, faults):
    words = [sys.executable, os.path.abspath(__file__), "serve", wsbench, "{{port}}", json.dumps(faults)]
    return "cmd:exec " + " ".join(word if word == "{{port}}" else shlex.quote(word) for word in words)


def gate(wsbench, base, new, seed, record):
    command = [wsbench, "gate", *SCENARIO, "--base", base, "--new", new, "--seed", str(seed), "--record", str(record),
               "--format", "json", "-q"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"gate {seed}: exit {done.returncode}: {done.stderr}")
    report = json.loads(done.stdout)
    report["seconds"] = time.monotonic() - began
    return report


def usual_rule(record, quantile):
    """Twenty blocks of base, then twenty of new: whether the mean is a tenth later; all windows of a recording."""
    blocks = [json.loads(line) for line in open(record / "blocks.ndjson")]
    side = {name: [b[f"{quantile}_ns"] for b in blocks if b["side"] == name] for name in ("base", "new")}
    windows = range(0, len(side["base"]) - 39, 20)
    mean = statistics.mean
    return [mean(side["new"][k + 20:k + 40]) > 1.1 * mean(side["base"][k:k + 20]) for k in windows]


def condition(name, wsbench, out, gates, sizes):
    faults = {}
    if CONDITIONS[name]:
        share, quantile, part = CONDITIONS[name]
        faults = {"seed": 7, "delay": {"ms": sizes[quantile] * part / 1e6, "share": share}}
    base, new = target(wsbench, {}), target(wsbench, faults)
    for seed in range(gates):
        record = out / f"{name}-{seed}"
        report = gate(wsbench, base, new, seed, record)
        (record / "report.json").write_text(json.dumps(report))
        verdicts = {m["metric"]: m["verdict"] for m in report["metrics"]}
        print(name, seed, report["verdict"], f"{report['seconds']:.0f} s", verdicts, flush=True)


def tossed_anew(wsbench, out, times):
    """Equal servers have no sides: each recording of them again and again, every pair's sides by a new coin."""
    counts, metrics = {}, {}
    for record in sorted(path.parent for path in out.glob("aa-*/blocks.ndjson")):
        blocks = [json.loads(line) for line in open(record / "blocks.ndjson")]
        for seed in range(times):
            with tempfile.TemporaryDirectory() as place:
                coins = random.Random(f"{record.name} {seed}")
                swapped = {pair for pair in {block["pair"] for block in blocks} if coins.random() < 0.5}
                other = {"base": "new", "new": "base"}
                side = lambda block: other[block["side"]] if block["pair"] in swapped else block["side"]
                lines = [json.dumps(dict(block, side=side(block))) for block in blocks]
                pathlib.Path(place, "blocks.ndjson").write_text("\n".join(lines) + "\n")
                head = json.loads((record / "gate.json").read_text())
                head["about"]["doubts"] = []
                pathlib.Path(place, "gate.json").write_text(json.dumps(head))
                done = subprocess.run([wsbench, "gate", "--replay", place, "--format", "json"], capture_output=True, text=True)
                report = json.loads(done.stdout)
                counts[report["verdict"]] = counts.get(report["verdict"], 0) + 1
                for metric in report["metrics"]:
                    key = f"{metric['metric']} {metric['verdict']}"
                    metrics[key] = metrics.get(key, 0) + 1
    print("equal servers, sides tossed anew:", counts, dict(sorted(metrics.items())))


def sizes_of(out):
    reports = [json.loads(path.read_text()) for path in out.glob("aa-*/report.json")]
    found = {}
    for metric in (m for report in reports for m in report["metrics"]):
        found.setdefault(metric["metric"], []).append(metric["base"])
    return {metric: statistics.median(values) for metric, values in found.items()}


def standard_error(finding):
    """What a report's `caught` says of it: the effect that could be told, and 1.282 standard errors, on a log scale."""
    told = max(finding["detectable"], finding["applied"])
    return (math.log1p(finding["caught"]) - math.log1p(told)) / 1.282


def spread(findings):
    """By how much the effects of the gates differ, and how many of their own standard errors that is."""
    effects = [math.log1p(finding["effect"]) for finding in findings]
    errors = [standard_error(finding) for finding in findings]
    of_them = statistics.stdev(effect / error for effect, error in zip(effects, errors))
    return f"spread {statistics.stdev(effects):.1%}, {of_them:.1f} standard errors"


def table(out):
    print("| condition | gates | regressed | not regressed | inconclusive | untrustworthy | median s | usual rule, p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in CONDITIONS:
        records = sorted(path.parent for path in out.glob(f"{name}-*/report.json"))
        reports = [json.loads((record / "report.json").read_text()) for record in records]
        if not reports:
            continue
        count = lambda verdict: sum(report["verdict"] == verdict for report in reports)
        cells = [count(verdict) for verdict in ("regressed", "not regressed", "inconclusive", "untrustworthy")]
        usual = [[hit for record in records for hit in usual_rule(record, quantile)] for quantile in ("p50", "p99")]
        shares = [f"{sum(hits)}/{len(hits)}" for hits in usual]
        seconds = statistics.median(report["seconds"] for report in reports)
        print("|", " | ".join(map(str, [name, len(reports), *cells, f"{seconds:.0f}", *shares])), "|")
        for metric in ("p50", "p90", "p99"):
            found = [m for report in reports for m in report["metrics"] if m["metric"] == metric]
            if found:
                by = lambda verdict: sum(m["verdict"] == verdict for m in found)
                effect = f"{statistics.median(m['effect'] for m in found):+.1%}"
                effect += f", {spread(found)}" if len(found) > 1 else ""
                print(f"|   {metric} alone, whatever the trust ({effect}) | {len(found)} | {by('regressed')} "
                      f"| {by('not regressed')} | {by('inconclusive')} | | | | |")


def main():
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    wsbench, out = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    gates = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    for name in sys.argv[4:] or CONDITIONS:
        condition(name, wsbench, out, gates, sizes_of(out))
    table(out)
    tossed_anew(wsbench, out, 20)


main()
