"""The stage in use: a case is played on it and judged; what becomes of a pull request; the actions a workflow uses."""

import glob
import shutil
import time
from pathlib import Path

import yaml

from runner import Job, Refused
from stage import check_out

# What is wrong with a build. All are so slow that what a busy machine adds to it is not what is judged.
DELAY = '"seed":7,"delay":{"ms":%d,"share":1.0}'
FINE, SLOW = "{" + DELAY % 300 + "}", "{" + DELAY % 600 + "}"
LOSSY, BROKEN = '{"drop":0.3,' + DELAY % 300 + "}", "exit"

# What becomes of a pull request: the defects of base and new, what its scenario gates, the exit code of `wsbench gate`.
CHANGES = {
    "not-regressed": (FINE, FINE, 'metrics = { p50 = "100%" }\nmax_time = "45s"', 0),
    "regressed": (FINE, SLOW, 'metrics = { p50 = "20%" }\nmax_time = "45s"', 98),
    "inconclusive": (FINE, FINE, 'metrics = { p50 = "5%" }\nmax_time = "12s"', 97),
    "untrustworthy": (FINE, LOSSY, 'metrics = { p50 = "5%" }\nmax_time = "14s"', 4),
    "error": (FINE, BROKEN, "", 3),
}

# How often a case is tried whose gate says that the machine disturbed it.
TRIES = 3


class Theatre:
    def __init__(self, stage, only):
        self.stage, self.only, self.failed, self.played, self.number = stage, only, [], 0, 0
        self.cache, self.artifacts = {}, {}

    def case(self, name, play, always=False):
        if self.only not in name and not always:
            return
        begun = time.monotonic()
        for left in reversed(range(TRIES)):
            wrong, log = [], ""
            try:
                log = play(lambda holds, words: None if holds else wrong.append(words))
            except Refused as why:
                wrong.append(str(why))
            if not wrong or "UNTRUSTWORTHY" not in log or not left:
                break
            print(f"again {name}: a gate was disturbed: {wrong[0]}", flush=True)
        self.played += 1
        print(f"{'FAIL' if wrong else 'ok  '}  {name} ({time.monotonic() - begun:.0f} s)", flush=True)
        for words in wrong:
            print(f"      {words}")
        if wrong:
            print("".join(f"      | {line}\n" for line in log.splitlines()[-40:]))
            self.failed.append(name)

    def workspace(self):
        self.number += 1
        place = self.stage.place / f"job-{self.number}"
        for name in ("workspace", "temp"):
            (place / name).mkdir(parents=True)
        return place

    def job(self, origin, job, github=None, runner="Linux", env=None, matrix=None):
        """Carries out a job whose checkouts come from `origin`."""
        place = self.workspace()
        contexts = {"github": {"workflow": "w", "token": "ghs_token", "actor": "somebody", "ref_name": "v0.1.0",
                               "repository": "wsbench/wsbench", "event_name": "push", **(github or {})},
                    "runner": {"os": runner}, "secrets": {"CHAT_TOKEN": "s3cr3t-of-the-chat"}, "matrix": matrix or {}}
        base = {**self.stage.env, "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": place / "workspace", "CI": "true",
                "RUNNER_TEMP": place / "temp", "RUNNER_OS": runner, "RUNNER_ARCH": "X64", "ImageOS": "ubuntu24"}
        played = Job(place, contexts, base, self.uses(origin))
        given = {**(env or {}), **job.get("env", {})}
        played.env.update({name: played.filled(text, contexts) for name, text in given.items()})
        played.contexts["env"] = played.env
        played.ended = played.steps(job["steps"], played.contexts)
        for key, path in getattr(played, "kept", {}).items():
            if not played.failed and Path(path).exists():
                self.cache[key] = shutil.copytree(path, self.stage.place / f"cache-{len(self.cache)}")
        return played

    def uses(self, origin):
        def use(job, action, inputs, given):
            name = action.split("@")[0]
            workspace = job.place / "workspace"
            if name == "actions/checkout":
                if origin == self.stage.project:
                    shutil.copytree(origin, workspace, dirs_exist_ok=True)
                else:
                    ref = inputs.get("ref", "refs/pull/1/merge")
                    check_out(origin, workspace / inputs.get("path", "."), ref, inputs.get("fetch-depth", 1))
            elif name == "actions/cache":
                key = inputs["key"]
                if key in self.cache:
                    shutil.copytree(self.cache[key], inputs["path"], dirs_exist_ok=True)
                else:
                    job.kept = {key: inputs["path"]}
                return {"cache-hit": "true" if key in self.cache else ""}, 0
            elif name == "actions/upload-artifact":
                found = [Path(path) for pattern in inputs["path"].split()
                         for path in sorted(glob.glob(str(workspace / pattern)))]
                self.artifacts[inputs["name"]] = job.uploaded = found
                return {}, 0 if found else 1
            elif name == "actions/download-artifact":
                (workspace / inputs["path"]).mkdir()
                for path in (path for found in self.artifacts.values() for path in found):
                    shutil.copy(path, workspace / inputs["path"])
            elif name == "wsbench/wsbench":
                manifest = yaml.safe_load((self.stage.project / "action.yml").read_text())
                outputs, code = job.composite(self.stage.project, manifest, inputs, given)
                job.outputs = outputs
                return outputs, code
            else:
                raise Refused(f"no stand-in for {action}")
            return {}, 0
        return use

    def changed(self, verdict):
        self.number += 1
        base, new, gate, code = CHANGES[verdict]
        return self.stage.repository(f"chat-{self.number}", base, new, gate), code
