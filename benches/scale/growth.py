#!/usr/bin/env python3
"""How the generator's cost grows with its clients: from 1,000 in one process to 60,000 in four. By hand: a quiet machine, the
release build, and a redis-server on PATH.

    benches/scale/growth.py WSBENCH [--clients 1000 5000 18000 60000] [--deliveries 20000] [--seconds 15] [--seed 1]
                           [--plot FILE.svg]

Each population sits in rooms of a hundred on four instances of the room server, every instance a process, and is run twice:
idle (one publication a second in all, so that there is something to recognise), and with its share of the deliveries: the
largest population has all of them, so each client hears equally often whatever the size. As many processes carry the clients
as the limit of open files asks for, so the limits of one process are passed on the way.

Prints a table for docs/performance.md: of the generator (all its processes) memory, CPU and lateness, of the server the same
as far as /proc tells it, and the load of the machine before each run; `--plot` draws memory, CPU and lateness. Exits with 1
when a run fails, loses a copy or a client, and with 77 where the machine cannot carry it.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading
import time

# No cache of bytecode beside the sources.
sys.dont_write_bytecode = True
import plot  # noqa: E402

INSTANCES = 4
MEMBERS = 100
# What a process has open beside its clients, as wsbench reckons it.
OTHER_FILES = 128
# Clients that are started a second.
RAMP = 1000

SCENARIO = """
name = "growth"
seed = {seed}
[run]
warm_up = "5s"
duration = "{seconds}s"
drain = "3s"
join_timeout = "120s"
[server]
instances = {instances}
broker = "redis"
[[clients]]
name = "crowd"
count = {clients}
ramp = "{ramp}ms"
rooms = {{ count = {rooms}, name = "room-{{n}}" }}
[[publish]]
name = "talk"
from = "crowd"
rate = "{rate:.2f}/s"
size = "128B"
"""

TALKING = "each client hears equally often"

COLUMNS = [
    "clients", "processes", "deliveries/s", "MiB", "KiB per client", "cores", "µs per delivery", "send lag p99 ms",
    "loop lag p99 ms", "delivery p99 ms", "lost", "server MiB", "load before",
]


def processes_for(clients):
    """How many processes the limit of open files asks for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, -(-clients // (hard - OTHER_FILES)))


class Server(threading.Thread):
    """Watches the server processes of a run: their largest memory together."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_id, self.largest, self.over = run.pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            self.largest = max(self.largest, sum(map(self.resident, self.instances())))

    def instances(self):
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if not entry.name.isdigit() or " instance " not in (entry / "cmdline").read_text().replace("\0", " "):
                    continue
                stat = (entry / "stat").read_text()
                if int(stat[stat.rindex(")") + 2:].split()[1]) == self.run_id:
                    yield entry
            except (OSError, ValueError):
                continue

    @staticmethod
    def resident(entry):
        try:
            lines = (entry / "status").read_text().splitlines()
            return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
        except (OSError, ValueError):
            return 0


def entry(report, kind, name):
    """An entry without labels."""
    return next((one for one in report[kind] if one["name"] == name and not one["labels"]), None)


def once(wsbench, folder, clients, rate, arguments):
    """One run; the cells of its row, what is drawn of it (MiB, cores, send lag and loop lag in ms), and what is wrong with it."""
    scenario, result = folder / "growth.toml", folder / "growth.json"
    scenario.write_text(SCENARIO.format(
        seed=arguments.seed, seconds=arguments.seconds, instances=INSTANCES, clients=clients,
        ramp=max(1000, clients * 1000 // RAMP), rooms=max(1, clients // MEMBERS), rate=rate))
    processes = processes_for(clients)
    load = os.getloadavg()[0]
    command = [wsbench, "run", str(scenario), "--quiet", "--processes", str(processes), "--out", f"json={result}"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    server = Server(run)
    server.start()
    said, complained = run.communicate()
    server.over.set()
    server.join()
    if run.returncode == 3 and not result.exists():
        print(complained, file=sys.stderr)
        sys.exit(77)
    if not result.exists():
        return None, None, f"ended with {run.returncode}: {complained or said}"
    report = json.loads(result.read_text())
    result.unlink()
    generator, seconds = report["generator"], report["measured_ns"] / 1e9
    counter = lambda name: (entry(report, "counters", name) or {"value": 0})["value"]
    millis = lambda name: (entry(report, "histograms", name) or {"p99": 0})["p99"] / 1e6
    delivered = counter("deliveries.delivered") / seconds if seconds else 0
    busy = generator["cpu_share"] * 1e6 / delivered if delivered > 1000 else None
    memory = generator["rss_peak_bytes"]
    lags = (millis("send_lag"), generator["loop_lag_p99_ns"] / 1e6)
    cells = [
        f"{clients:,}", processes, f"{delivered:,.0f}", f"{memory / 2**20:.0f}", f"{memory / 1024 / clients:.1f}",
        f"{generator['cpu_share']:.2f}", "–" if busy is None else f"{busy:.1f}", f"{lags[0]:.2f}",
        f"{lags[1]:.2f}", f"{millis('delivery'):.1f}", counter("deliveries.lost"),
        f"{server.largest / 1024:.0f}", f"{load:.1f}",
    ]
    wrong = None
    if not report["complete"] or report["exit_code"] not in (0, 99) or not report["identity"]["holds"]:
        wrong = f"ended with {run.returncode}: {complained or said}"
    elif counter("clients.connected") != clients or counter("deliveries.lost"):
        wrong = f"{counter('clients.connected')} of {clients} clients, {counter('deliveries.lost')} copies lost"
    elif not generator["healthy"]:
        wrong = "not to be believed: " + "; ".join(generator["reasons"])
    return cells, (memory / 2**20, generator["cpu_share"], *lags), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wsbench")
    parser.add_argument("--clients", type=int, nargs="+", default=[1000, 5000, 18000, 60000])
    parser.add_argument("--deliveries", type=float, default=20000)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=pathlib.Path)
    arguments = parser.parse_args()
    largest, failed, drawn = max(arguments.clients), False, {}
    kinds = [
        ("idle", lambda clients: 1),
        (TALKING, lambda clients: arguments.deliveries / MEMBERS * clients / largest),
    ]
    with tempfile.TemporaryDirectory(prefix="wsbench-growth-") as folder:
        for kind, rate in kinds:
            print(f"\n{kind}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
            for clients in sorted(arguments.clients):
                # The ports of the run before are free again by then, and its servers gone.
                time.sleep(2)
                cells, figures, wrong = once(arguments.wsbench, pathlib.Path(folder), clients, rate(clients), arguments)
                if cells:
                    print(f"| {' | '.join(map(str, cells))} |", flush=True)
                    drawn.setdefault(kind, []).append((clients, *figures))
                if wrong:
                    print(f"{clients} clients, {kind}: {wrong}", file=sys.stderr, flush=True)
                    failed = True
    if arguments.plot and TALKING in drawn:
        of = lambda kind, at: [(row[0], row[at]) for row in drawn[kind]]
        late = [("sends, while they talk", of(TALKING, 3)), ("loop, while they talk", of(TALKING, 4))]
        panels = [("memory, MiB", [(kind, of(kind, 1)) for kind in drawn]),
                  ("CPU, cores", [(kind, of(kind, 2)) for kind in drawn]), ("late by, p99, ms", late)]
        arguments.plot.write_text(plot.drawn(panels))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
