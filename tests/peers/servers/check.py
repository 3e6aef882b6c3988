"""Reads the result of a scenario of scenarios/servers and says whether everything due came: `check.py NAME RESULT`.

Prints a row of the table of docs/peers.md; exits with 1 and the reasons where something was not so.
"""

import json
import sys

name, path = sys.argv[1:]
report = json.load(open(path, encoding="utf-8"))


def count(metric, **labels):
    return sum(c["value"] for c in report["counters"] if c["name"] == metric and c["labels"] == labels)


def times(metric, *quantiles):
    found = [h for h in report["histograms"] if h["name"] == metric and not h["labels"] and h["count"]]
    return [f"{found[0][q] / 1e6:.2f}" if found else "–" for q in quantiles]


due, delivered, lost, excluded = (count(f"deliveries.{word}") for word in ("due", "delivered", "lost", "excluded"))
wrong = [
    text
    for text, holds in {
        "every threshold held": all(rule["ok"] for rule in report["thresholds"]),
        "the run was completed": report["complete"],
        "100 clients joined": count("clients.connected") == 100,
        "something was delivered": delivered > 1000,
        "due = delivered": due == delivered and lost == excluded == 0,
        "there were no ghosts, no duplicates": count("deliveries.ghost") == count("deliveries.duplicate") == 0,
        "every frame was understood": count("frames.received", kind="unknown") == 0 and not report["unknown_frames"],
        "nothing failed": count("errors") == 0,
    }.items()
    if not holds
]
cells = [name, f"{due} = {delivered}", *times("delivery", "p50", "p99"), *times("completion", "p99"), *times("ack", "p50")]
print("| " + " | ".join(cells) + " |")
sys.exit("not so: " + "; ".join(wrong) if wrong else 0)
