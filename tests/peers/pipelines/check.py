"""What GitHub would refuse, or should have: shapes, pins, rights, and names that do not meet."""

import re
import sys
from pathlib import Path

import yaml

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
OURS = re.compile(r"wsbench/wsbench@v\d+\.\d+\.\d+")
problems = []


def expect(holds, words):
    if not holds:
        problems.append(words)


def steps(where, of):
    names = {step["id"] for step in of if "id" in step}
    for number, step in enumerate(of, 1):
        place = f"{where}, step {number}"
        expect(("run" in step) != ("uses" in step), f"{place}: either run or uses")
        uses = step.get("uses")
        expect(uses is None or PINNED.fullmatch(uses) or OURS.fullmatch(uses), f"{place}: {uses} is not pinned")
        # What comes from outside goes by the environment, or it is typed into a shell.
        expect("${{" not in step.get("run", ""), f"{place}: an expression in a script")
        for name in re.findall(r"steps\.([\w-]+)\.", yaml.safe_dump(step)):
            expect(name in names, f"{place}: no step is called {name}")
    return names


def workflow(where, text):
    flow = yaml.safe_load(text)
    expect(True in flow, f"{where}: no trigger")  # YAML 1.1 reads `on` as a truth value
    expect(flow.get("permissions") == {"contents": "read"}, f"{where}: may do more than read")
    for name, job in flow["jobs"].items():
        expect("timeout-minutes" in job, f"{where}, {name}: may hang for six hours")
        steps(f"{where}, {name}", job["steps"])
    return flow


action = yaml.safe_load(Path("action.yml").read_text())
inputs, composed = action["inputs"], action["runs"]["steps"]
names = steps("action.yml", composed)
for number, step in enumerate(composed, 1):
    expect("uses" in step or "shell" in step, f"action.yml, step {number}: no shell")
used = set(re.findall(r"inputs\.([\w-]+)", Path("action.yml").read_text()))
expect(used == set(inputs), f"action.yml: inputs that do not meet: {sorted(used ^ set(inputs))}")
for name, output in action["outputs"].items():
    step = re.search(r"steps\.([\w-]+)\.outputs", output["value"]).group(1)
    expect(step in names, f"action.yml: {name} is of no step")

flows = sorted(Path(".github/workflows").glob("*.yml"))
for path in flows:
    workflow(str(path), path.read_text())

document = Path("docs/ci.md").read_text()
blocks = re.findall(r"^```yaml\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)
asked = []
for number, text in enumerate(blocks, 1):
    where = f"docs/ci.md, block {number}"
    if "jobs:" in text:
        for job in workflow(where, text)["jobs"].values():
            asked += [step["with"] for step in job["steps"] if OURS.fullmatch(step.get("uses", ""))]
    else:
        yaml.safe_load(text)
expect(len(asked) == 1, "docs/ci.md: one job uses the action")
for given in asked:
    expect(set(given) <= set(inputs), f"docs/ci.md: no such input: {sorted(set(given) - set(inputs))}")
    required = {name for name, input in inputs.items() if input.get("required")}
    expect(required <= set(given), f"docs/ci.md: missing: {sorted(required - set(given))}")
for name in [*inputs, *action["outputs"]]:
    expect(re.search(rf"^\|.*`{name}`.*\|", document, re.MULTILINE), f"docs/ci.md: the tables do not have {name}")

if problems:
    sys.exit("\n".join(f"FAIL  pipelines: {problem}" for problem in problems))
print(f"PASS  pipelines: the action, {len(flows)} workflows, {len(blocks)} blocks of docs/ci.md")
