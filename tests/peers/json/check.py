"""Reads a result and says whether the peer was measured: everything due came, every frame was understood."""

import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
count = lambda name, **labels: sum(
    c["value"] for c in report["counters"] if c["name"] == name and c["labels"] == labels
)
due, delivered, lost, excluded = (count(f"deliveries.{name}") for name in ("due", "delivered", "lost", "excluded"))
delivery = next(h for h in report["histograms"] if h["name"] == "delivery" and not h["labels"])
acks = next(h for h in report["histograms"] if h["name"] == "ack" and not h["labels"])
wrong = [
    text
    for text, holds in {
        "the run passed": report["exit_code"] == 0 and report["complete"],
        "something was due": due > 5000,
        "due = delivered + lost + excluded": due == delivered + lost + excluded,
        "nothing was lost or excluded": lost == excluded == 0,
        "every delivery was measured": delivery["count"] == delivered,
        "every message was acknowledged": acks["count"] == count("messages.sent"),
        "every frame was understood": count("frames.received", kind="unknown") == 0 and not report["unknown_frames"],
        "nothing failed": count("errors") == 0,
        "the broker is not ours": report["environment"]["broker"] == "external",
    }.items()
    if not holds
]
print(
    f"due {due} = delivered {delivered} + lost {lost} + excluded {excluded}, "
    f"p50 {delivery['p50'] / 1e6:.2f} ms, p99 {delivery['p99'] / 1e6:.2f} ms, "
    f"generator {'healthy' if report['generator']['healthy'] else 'disturbed'}"
)
sys.exit("not so: " + "; ".join(wrong) if wrong else 0)
