#!/usr/bin/env python3
"""Who is blamed for bad numbers: runs of a starved generator and runs against a slow server, by hand.

    benches/blame/study.py WSBENCH [TRIALS]

TRIALS runs (40) in an order drawn from a fixed seed, half of each kind, against a bundled server of its own:

  starved  the generator shares one core with four busy loops; the server has the others
  slow     the generator is let alone; the server holds its fan-out for 0.3 s out of every 0.6 s

Right is: a starved generator is unhealthy, and beside a slow server it is not. Prints each run, then how many were right;
exits with 1 below 95 %. The machine has to be idle otherwise, and needs two cores.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SCENARIO = """
name = "blame"
[run]
warm_up = "1s"
duration = "5s"
drain = "2s"
[target]
urls = [URL]
dialect = "room"
[users]
mint = { secret = "${BLAME_SECRET}", claims = { sub = "u{{n}}" } }
[[clients]]
name = "people"
count = 100
rooms = { count = 20, name = "room-{n}" }
[[publish]]
name = "talk"
from = "people"
rate = "400/s"
size = "128B"
"""
SECRET = "of no use to anybody, but thirty-two bytes"
BUSY = "while True: pass"


def post(url, body):
    ask = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(ask, timeout=5).read()


def stalls(admin, ended):
    """Every 0.6 s the server holds everything for 0.3 s."""
    while not ended.wait(0.6):
        post(f"{admin}/admin/stall", {"ms": 300})


def run(wsbench, folder, kind, cores):
    environment = dict(os.environ, BLAME_SECRET=SECRET, WSBENCH_JWT_SECRET=SECRET)
    serve = [wsbench, "serve", "--faults", "--broker", "memory", "--frames-per-second", "10000"]
    with subprocess.Popen(["taskset", "-c", ",".join(map(str, cores[1:])), *serve], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, env=environment) as server:
        fields = dict(field.split("=", 1) for field in server.stdout.readline().split()[1:])
        (folder / "blame.toml").write_text(SCENARIO.replace("URL", json.dumps(fields["url"])))
        ended, others = threading.Event(), []
        if kind == "starved":
            one = ["taskset", "-c", str(cores[0])]
            others = [subprocess.Popen([*one, sys.executable, "-c", BUSY]) for _ in range(4)]
        else:
            one = []
            threading.Thread(target=stalls, args=(fields["admin"], ended), daemon=True).start()
        try:
            done = subprocess.run([*one, wsbench, "run", folder / "blame.toml", "--format", "json", "-q"],
                                  capture_output=True, text=True, env=environment, timeout=60)
        finally:
            ended.set()
            for other in others:
                other.kill()
                other.wait()
            server.send_signal(signal.SIGTERM)
    if not done.stdout:
        sys.exit(f"a run failed: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    wsbench = os.path.abspath(sys.argv[1])
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the generator, one for the server")
    kinds = ["starved", "slow"] * (trials // 2)
    random.Random(8).shuffle(kinds)
    right = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(kinds, 1):
            report = run(wsbench, pathlib.Path(folder), kind, cores)
            generator = report["generator"]
            is_right = generator["healthy"] == (kind == "slow")
            right += is_right
            why = (generator["reasons"] or ["healthy"])[0]
            print(number, kind, "right" if is_right else "WRONG", why, flush=True)
            time.sleep(0.5)
    print(f"{right} of {len(kinds)} right, load {os.getloadavg()[0]:.1f}")
    sys.exit(0 if right >= 0.95 * len(kinds) else 1)


main()
