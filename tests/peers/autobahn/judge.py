"""Reads the suite's reports: what it says about every case, and with which code the server closed."""

import collections
import json
import pathlib
import sys

place = pathlib.Path(sys.argv[1])
LIMIT = 64 * 1024


def report(name):
    """Verdicts by case, counted, and the report of each case."""
    cases = json.loads((place / name / "index.json").read_text())["room-server"]
    details = {case: json.loads((place / name / verdict["reportfile"]).read_text()) for case, verdict in cases.items()}
    return cases, collections.Counter(verdict["behavior"] for verdict in cases.values()), details


def words(counts):
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


complaints = []
core, counts, _ = report("core")
closes = collections.Counter(verdict["behaviorClose"] for verdict in core.values())
if counts["FAILED"] or closes["FAILED"] or counts["OK"] < 242 or len(core) != 247:
    complaints += [f"{case}: {verdict}" for case, verdict in core.items() if "FAILED" in verdict.values()]
    complaints.append(f"core: {words(counts)}; closes: {words(closes)}")

raised, raised_counts, _ = report("raised")
if raised_counts["OK"] != 54:
    complaints.append(f"9.* with the limit raised: {words(raised_counts)}")

# With the default limit a case either stays below it and is OK, or is refused with 1009.
default, default_counts, details = report("default")
refused = 0
for case, verdict in default.items():
    if verdict["behavior"] == "OK":
        continue
    code = details[case]["remoteCloseCode"]
    if code == 1009:
        refused += 1
    else:
        complaints.append(f"{case} with the default limit: {verdict['behavior']}, closed with {code}")
if refused == 0:
    complaints.append("9.* with the default limit: nothing was refused")

for complaint in complaints:
    print(f"FAIL  autobahn: {complaint}")
if complaints:
    sys.exit(1)
print(
    f"PASS  autobahn: core {words(counts)} (closes: {words(closes)}); 9.* with the limit raised {words(raised_counts)}; "
    f"with the default limit {default_counts['OK']} OK, {refused} refused with 1009"
)
