"""How far a tool's word can be taken when it has one core: the highest rate at which what it reports is the truth."""

import os
import shutil
import sys

# One core for the tool, one for the server, and what is tried there: echoes a second, raised by half.
TOOL_CORE, SERVER_CORE = 0, 1
WORK = {"clients": 200, "rooms": 200, "size": 64, "seconds": 3, "held": 20, "core": TOOL_CORE}
FIRST_RATE, STEP, TRIES = 500, 1.5, 2
# How far a reported p99 may be from the truth, and how much of what was asked must have been said.
BESIDE_TRUTH, SAID = 0.10, 0.95


def can_be_had():
    """Whether there are the two cores, and the means to keep to them."""
    return {TOOL_CORE, SERVER_CORE} <= os.sched_getaffinity(0) and shutil.which("taskset")


def pinned(core):
    """What a command begins with that is to have this core only, and before anybody else where that may be asked for."""
    if core is None:
        return []
    first = ["chrt", "--rr", "1"] if shutil.which("chrt") and os.geteuid() == 0 else []
    return [*first, "taskset", "-c", str(core)]


def is_honest(found, rate):
    """Whether what was asked was said, and the p99 reported is the truth's within a tenth."""
    if not found or found["achieved"] < SAID * rate or not found["reported"] or not found["truth"]:
        return False
    return abs(found["reported"][1] / found["truth"][1] - 1) <= BESIDE_TRUTH


def highest(tool, work, steps):
    """The highest rate at which `tool` is honest, as `work` finds at each; 0 if it is at none."""
    best = 0
    for step in range(steps):
        rate = round(FIRST_RATE * STEP**step)
        if not any(tries(tool, work, rate)):
            break
        best = rate
    return best


def tries(tool, work, rate):
    """Tries the rate as often as it may be tried; whether each was honest."""
    for _ in range(TRIES):
        try:
            found = work(tool, {**WORK, "rate": rate})
        except RuntimeError as error:
            print(f"budget, {tool.name}, {rate}/s: {error}", file=sys.stderr, flush=True)
            found = None
        honest = is_honest(found, rate)
        print(f"budget, {tool.name}, {rate}/s, honest: {honest}: {found}", file=sys.stderr, flush=True)
        yield honest


def of_everybody(tools, work, steps):
    """What each reaches who can do the work, by name."""
    able = [tool for tool in tools if tool.takes({**WORK, "rate": FIRST_RATE})]
    return {tool.name: highest(tool, work, steps) for tool in able}
