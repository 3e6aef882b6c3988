"""Reads the result of a scenario of scenarios/servers and says whether it is right: `check.py WEATHER NAME RESULT`.

`calm`: everything due came. `storm`: everybody was back, and what was lost was lost to those who were away. `broken`: the
server is, and the result says so: of each message it lost what that server must lose.
Prints a row of the tables of docs/peers.md; exits with 1 and the reasons where something was not so.
"""

import json
import sys

weather, name, path = sys.argv[1:]
report = json.load(open(path, encoding="utf-8"))


def count(metric, **labels):
    return sum(c["value"] for c in report["counters"] if c["name"] == metric and c["labels"] == labels)


def times(metric, *quantiles):
    found = [h for h in report["histograms"] if h["name"] == metric and not h["labels"] and h["count"]]
    return [f"{found[0][q] / 1e6:.2f}" if found else "–" for q in quantiles]


due, delivered, lost, excluded = (count(f"deliveries.{word}") for word in ("due", "delivered", "lost", "excluded"))
gap, replayed = count("deliveries.lost", **{"class": "reconnect_gap"}), count("reconnect.replayed")
# Of what the plan of scenarios/servers/graphql.toml owes, this much crosses from one instance to the other.
CROSSING = 1274
# A copy that took so long was kept for somebody who was away: such a stream does not say so.
KEPT_MS = 100
slowest = max((h["max"] / 1e6 for h in report["histograms"] if h["name"] == "delivery" and not h["labels"]), default=0)
always = {
    "100 clients joined": count("clients.connected") == 100,
    "something was due": due > 1000,
    "due = delivered + lost + excluded": due == delivered + lost + excluded,
    "there were no ghosts": count("deliveries.ghost") == 0,
    "every frame was understood": count("frames.received", kind="unknown") == 0 and not report["unknown_frames"],
}
# Who answered is known of every connection, where somebody says it.
if name in ("nchan", "nchan-websocket", "pushpin", "rabbitmq"):
    always["two instances are named"] = len(report["instances"]) == 2
    always["every copy's way is known"] = count("deliveries.delivered", hop="unknown") == 0
if name == "graphql":
    always["what had to cross did"] = count("deliveries.delivered", hop="cross") == CROSSING or weather != "calm"
calm = {
    "the run was completed": report["complete"],
    "every threshold held": all(rule["ok"] for rule in report["thresholds"]),
    "nothing was lost or excluded": lost == excluded == 0,
    "there were no duplicates": count("deliveries.duplicate") == 0,
    "nothing failed": count("errors") == 0,
}
storm = {
    "the run was completed": report["complete"],
    "every threshold held": all(rule["ok"] for rule in report["thresholds"]),
    "30 were cut and are back": count("reconnect.lost_connections") == count("reconnect.recovered") == 30,
    "they missed something, or were told it late": count("reconnect.missed") > 0 or slowest > KEPT_MS,
    "what was lost, was lost to them": lost == gap == count("reconnect.missed") - replayed,
    "nothing else failed": count("errors") == count("errors", kind="reset") == 30,
}
# What is lost, and the exit code: nothing at all ends the run early, what has to cross breaks a threshold.
must = {"article-as-printed": (due, 3), "graphql-apart": (CROSSING, 99)}.get(name)
broken = {
    "what such a server must lose was lost, and the run failed as it must": (lost, report["exit_code"]) == must,
    "nothing failed": count("errors") == 0,
}
rules = always | {"calm": calm, "storm": storm, "broken": broken}[weather]
wrong = [text for text, holds in rules.items() if not holds]
cells = {
    "calm": lambda: [f"{due} = {delivered}", *times("delivery", "p50", "p99"), *times("completion", "p99"), *times("ack", "p50")],
    "storm": lambda: [str(count("reconnect.missed")), str(replayed), str(lost), *times("reconnect.downtime", "p95")],
    "broken": lambda: [str(due), str(delivered), str(lost), str(report["exit_code"])],
}[weather]()
print("| " + " | ".join([f"`{name}`", *cells]) + " |")
sys.exit("not so: " + "; ".join(wrong) if wrong else 0)
