#!/usr/bin/env python3
"""Does memory stay flat? 10,000 deliveries a second for half an hour, by hand.

    benches/health/soak.py WSBENCH [--minutes 30] [--rate 200]

1,000 people in 20 rooms of 50, `--rate` messages a second, two instances of the room server and a Redis that wsbench
starts itself. Every five seconds the resident memory of the generator and of the servers is read from /proc. Prints it
by the minute, what each grew by from the end of the first minute to the last, and the run's own verdict. Exits with 1
where the generator grew by more than a tenth after its first minute. Wants no quiet machine.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY, WARM_UP = 5.0, 10
GROWTH = 0.10

SCENARIO = """
name = "soak"
[run]
warm_up = "{warm_up}s"
duration = "{minutes}m"
drain = "5s"
[server]
instances = 2
[[clients]]
name = "people"
count = 1000
ramp = "5s"
rooms = {{ count = 20, name = "room-{{n}}" }}
[[publish]]
name = "talk"
from = "people"
rate = "{rate}/s"
size = "200B"
"""


def resident(pid):
    """Bytes; 0 of a process that is gone."""
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def servers(pid):
    """The children that are room servers."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        named = [(child, pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")) for child in children]
    except FileNotFoundError:
        return []
    return [int(child) for child, words in named if b"instance" in words]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wsbench")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rate", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scenario, result = pathlib.Path(place, "soak.toml"), pathlib.Path(place, "result.json")
        scenario.write_text(SCENARIO.format(warm_up=WARM_UP, minutes=asked.minutes, rate=asked.rate))
        command = [os.path.abspath(asked.wsbench), "run", str(scenario), "--quiet", "--out", f"json={result}"]
        run = subprocess.Popen(command)
        began, samples = time.monotonic(), []
        while run.poll() is None:
            samples.append((time.monotonic() - began, resident(run.pid), sum(map(resident, servers(run.pid)))))
            time.sleep(EVERY)
        report = json.loads(result.read_text()) if result.exists() else {}
    if run.returncode not in (0, 99) or not report.get("complete"):
        sys.exit(f"the run did not come to its end: exit {run.returncode}")
    # Not the last seconds: servers and clients are already leaving.
    samples = [sample for sample in samples if sample[0] < WARM_UP + asked.minutes * 60]
    count = {entry["name"]: entry["value"] for entry in report["counters"] if not entry["labels"]}
    minute = lambda k: [sample for sample in samples if k <= sample[0] / 60 < k + 1]
    mib = lambda values: statistics.median(values) / 2**20
    print("| minute | generator, MiB | servers, MiB |")
    print("|---|---|---|")
    for k in range(asked.minutes):
        if k < 3 or (k + 1) % 5 == 0:
            print(f"| {k + 1} | {mib([s[1] for s in minute(k)]):.1f} | {mib([s[2] for s in minute(k)]):.1f} |")
    grown = [mib([s[which] for s in minute(asked.minutes - 1)]) / mib([s[which] for s in minute(1)]) - 1 for which in (1, 2)]
    rate = count["deliveries.delivered"] / (asked.minutes * 60)
    print(f"grown since the second minute: generator {grown[0]:+.1%}, servers {grown[1]:+.1%}")
    print(f"{rate:,.0f} deliveries/s, lost {count['deliveries.lost']}, healthy {report['generator']['healthy']}, "
          f"peak {report['generator']['rss_peak_bytes'] / 2**20:.1f} MiB")
    sys.exit(grown[0] > GROWTH)


main()
