#!/usr/bin/env python3
"""Is a starved generator told apart from a bad target? Seeded trials, by hand: a quiet machine and the release build.

    benches/health/trials.py WSBENCH [--trials 40] [--seed 1] [--goal 0.95]

In every other trial the generator is harmed (its core is shared with busy loops, or it is stopped for most of every
tenth of a second, as a CPU quota does), in the others the target is (it holds every copy, stands still, or shares its
own core with busy loops); how and how hard is drawn from the seed. Generator and server have a core each. A trial is
right when wsbench calls itself unhealthy in the first case, and in the second healthy with the harm in its figures: so
load of others, which harms the generator too, makes target trials wrong. Prints every trial and the share that was
right; exits with 1 below the goal, and with 77 where there are no two cores.
"""

import argparse
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

SECRET = "a secret of the benches"
GENERATOR, TARGET = 0, 1
SECONDS = 5
# How long after its start a run is in the midst of what it measures.
MIDST = 3.5
# What a target's harm must be seen as at least, of what was done.
SEEN = 0.8

SCENARIO = """
name = "trial"
seed = {seed}
[run]
warm_up = "1s"
duration = "{seconds}s"
drain = "3s"
[target]
urls = ["{url}"]
[users]
mint = {{ secret = "{secret}" }}
[[clients]]
name = "people"
count = 200
ramp = "500ms"
rooms = {{ count = 20, name = "room-{{n}}" }}
[[publish]]
name = "talk"
from = "people"
rate = "200/s"
size = "128B"
"""


def busy(core, count):
    """Loops that keep a core busy, for a minute at most."""
    loop = ["taskset", "-c", str(core), "sh", "-c", "ulimit -t 60; while :; do :; done"]
    return [subprocess.Popen(loop) for _ in range(count)]


def end(processes):
    for process in processes:
        process.kill()
        process.wait()


class Server:
    """The bundled server on its own core, memory broker."""

    def __init__(self, wsbench):
        flags = ["--broker", "memory", "--faults", "--jwt-secret", SECRET]
        command = ["taskset", "-c", str(TARGET), wsbench, "serve", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        fields = dict(field.split("=", 1) for field in self.process.stdout.readline().split()[1:])
        self.url, self.admin = fields["url"], fields["admin"]

    def order(self, path, body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.admin + path, data, {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


# The harms. Those of a target give what its slowest hundredth must have waited at least, in milliseconds.


def share_core_of_generator(dice, server, run):
    run.loops = busy(GENERATOR, dice.randint(4, 8))


def throttle_generator(dice, server, run):
    """Runs for so many hundredths of a second in every tenth."""
    runs = dice.randint(1, 3) / 100

    def pulse():
        while run.process.poll() is None:
            run.process.send_signal(signal.SIGSTOP)
            time.sleep(0.1 - runs)
            run.process.send_signal(signal.SIGCONT)
            time.sleep(runs)

    run.in_midst(pulse, after=0.0)


def hold_copies(dice, server, run):
    held = dice.randint(20, 200)
    server.order("/admin/faults", {"delay": {"ms": held}})
    return held


def stand_still(dice, server, run):
    still = dice.randint(400, 1500)
    run.in_midst(lambda: server.order("/admin/stall", {"ms": still}), after=MIDST)
    # Of five seconds the stall is more than a twentieth: its slowest fifth is more than a hundredth of all.
    return still * 0.5


def share_core_of_target(dice, server, run):
    run.loops = busy(TARGET, dice.randint(3, 6))
    return 2


HARMS = {"generator": [share_core_of_generator, throttle_generator],
         "target": [hold_copies, stand_still, share_core_of_target]}


class Run:
    """One run of wsbench on the generator's core."""

    def __init__(self):
        self.loops, self.threads, self.process = [], [], None

    def in_midst(self, act, after):
        """`act` is done so many seconds after the start."""
        self.threads.append(threading.Thread(target=lambda: (time.sleep(after), act()), daemon=True))

    def go(self, wsbench, server, seed, place):
        scenario, result = place / "trial.toml", place / "result.json"
        scenario.write_text(SCENARIO.format(seed=seed, url=server.url, secret=SECRET, seconds=SECONDS))
        command = ["taskset", "-c", str(GENERATOR), wsbench, "run", "-q", str(scenario), "--out", f"json={result}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for thread in self.threads:
            thread.start()
        try:
            # What it says on stderr is a line or two.
            code = self.process.wait(90)
        finally:
            end([*self.loops, self.process])
        if not result.exists():
            sys.exit(f"a run failed (exit {code}): {self.process.stderr.read()}")
        return json.loads(result.read_text())


def trial(wsbench, seed, whose):
    """One trial: whether it was right, and what it came to in words."""
    dice = random.Random(f"{seed} {whose}")
    harm = dice.choice(HARMS[whose])
    server, run = Server(wsbench), Run()
    try:
        with tempfile.TemporaryDirectory() as name:
            least = harm(dice, server, run)
            report = run.go(wsbench, server, seed, pathlib.Path(name))
    finally:
        end(run.loops)
        server.stop()
    generator = report["generator"]
    delivery = next((h for h in report["histograms"] if h["name"] == "delivery" and not h.get("labels")), None)
    p99 = delivery["p99"] / 1e6 if delivery else 0.0
    reasons = "; ".join(generator["reasons"]) or "healthy"
    if whose == "generator":
        right = not generator["healthy"]
    else:
        right = generator["healthy"] and p99 >= least * SEEN
    return right, f"{harm.__name__.replace('_', ' ')}: p99 {p99:.1f} ms, {reasons}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wsbench")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--goal", type=float, default=0.95)
    arguments = parser.parse_args()
    if not {GENERATOR, TARGET} <= os.sched_getaffinity(0):
        print("SKIP  trials: cores 0 and 1 are not both to be had")
        sys.exit(77)
    right = {"generator": [], "target": []}
    for number in range(arguments.trials):
        whose = ("generator", "target")[number % 2]
        was_right, words = trial(arguments.wsbench, arguments.seed + number, whose)
        right[whose].append(was_right)
        print(f"{number + 1:3}  {'right' if was_right else 'WRONG'}  {whose}: {words}", flush=True)
    for whose, found in right.items():
        print(f"{whose}: {sum(found)} of {len(found)} right")
    share = sum(map(sum, right.values())) / arguments.trials
    print(f"in all {share:.1%}, goal {arguments.goal:.0%}; load of the machine now {os.getloadavg()[0]:.1f}")
    sys.exit(0 if share >= arguments.goal else 1)


if __name__ == "__main__":
    main()
