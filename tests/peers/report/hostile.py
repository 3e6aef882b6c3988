"""Makes every free text of a result hostile.

    hostile.py RESULT OUT
"""

import json, sys

EVIL = "</script></pre><img src=http://127.0.0.1:1/x onerror=alert(1)>\"'><script>alert(2)</script><!-- ::error::x \u202e"

with open(sys.argv[1]) as file:
    result = json.load(file)

result["scenario"] |= {"name": EVIL, "path": EVIL, "text": EVIL + "\n" + result["scenario"]["text"]}
result["environment"]["os"] = EVIL
result["generator"] |= {"healthy": False, "reasons": [EVIL]}
result["verdict"] = "untrustworthy"
result["unknown_frames"] = [EVIL]
for rule in result["thresholds"]:
    rule |= {"metric": EVIL, "rule": EVIL, "during": EVIL, "note": EVIL, "ok": False}
for fault in result["faults"]:
    fault |= {"name": EVIL, "what": EVIL}
for row in result["arrivals"]:
    row["publish"] = EVIL
for error in result["errors"]:
    error |= {"stage": EVIL, "kind": EVIL}
    error["first"] = {"detail": EVIL, "client": EVIL, "at_ns": 1}
for instance in result["instances"]:
    instance["name"] = EVIL

with open(sys.argv[2], "w") as file:
    json.dump(result, file)
