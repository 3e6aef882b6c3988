"""Reads the suite's reports: what it says about every case, and with which code the room server closed."""

import collections
import json
import pathlib
import sys

place = pathlib.Path(sys.argv[1])
complaints = []


def report(name):
    """The verdicts of one run by case, and those verdicts counted."""
    (cases,) = json.loads((place / name / "index.json").read_text()).values()
    return cases, collections.Counter(verdict["behavior"] for verdict in cases.values())


def words(counts):
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


def core(side):
    """Judges 1 to 7 and 10 as one side has them; what they came to."""
    cases, counts = report(f"{side}-core")
    closes = collections.Counter(verdict["behaviorClose"] for verdict in cases.values())
    if counts["FAILED"] or closes["FAILED"] or counts["OK"] < 242 or len(cases) != 247:
        complaints.extend(f"{side}: {case}: {verdict}" for case, verdict in cases.items() if "FAILED" in verdict.values())
        complaints.append(f"{side}: core: {words(counts)}; closes: {words(closes)}")
    return f"core {words(counts)} (closes: {words(closes)})"


def large(side):
    """Judges 9 with room for its messages as one side has it."""
    _, counts = report(f"{side}-large")
    if counts["OK"] != 54 or len(counts) != 1:
        complaints.append(f"{side}: 9.*: {words(counts)}")
    return f"9.* {words(counts)}"


def limited():
    """With its default limit the room server either is OK with a case, or refuses it with 1009."""
    cases, counts = report("server-limited")
    refused = 0
    for case, verdict in cases.items():
        code = json.loads((place / "server-limited" / verdict["reportfile"]).read_text())["remoteCloseCode"]
        if verdict["behavior"] != "OK" and code != 1009:
            complaints.append(f"server: {case} with the default limit: {verdict['behavior']}, closed with {code}")
        refused += verdict["behavior"] != "OK" and code == 1009
    if refused == 0:
        complaints.append("server: 9.* with the default limit: nothing was refused")
    return f"9.* with the default limit {counts['OK']} OK, {refused} refused with 1009"


said = [
    f"server: {core('server')}; {large('server')}; {limited()}",
    f"client: {core('client')}; {large('client')}",
]
for complaint in complaints:
    print(f"FAIL  autobahn: {complaint}")
if complaints:
    sys.exit(1)
for line in said:
    print(f"PASS  autobahn {line}")
