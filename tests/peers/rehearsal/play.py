"""Carries out every pipeline this project has or documents, script by script as it is written, and says what came of it.

    play.py WSBENCH PLACE [WORD]        in the empty directory PLACE; only the cases whose name holds the word
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from stage import ROOT, Stage
from theatre import CHANGES, FINE, LOSSY, Theatre

DOCUMENT = (ROOT / "docs/ci.md").read_text()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


GATE, LOAD, GITLAB, SECRETS = (yaml.safe_load(text) for text in blocks("yaml"))
(JENKINS,) = blocks("groovy")


def released(theatre):
    """release.yml: its builds become a release, which all else here downloads."""
    flow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    stage, version = theatre.stage, re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)

    def play(expect):
        theatre.artifacts.clear()
        tag = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": f"v{version}"}
        log = ""
        for matrix in flow["jobs"]["build"]["strategy"]["matrix"]["include"]:
            runner = "macOS" if "darwin" in matrix["target"] else "Linux"
            job = theatre.job(stage.project, flow["jobs"]["build"], None, runner, {**flow["env"], **tag}, matrix)
            expect(not job.failed, f"{matrix['target']}: {job.done}")
            log += job.log
        job = theatre.job(stage.project, flow["jobs"]["publish"], {"ref_name": f"v{version}"}, env={**flow["env"], **tag})
        expect(not job.failed, f"publish: {job.done}")
        made = sorted((job.place / "workspace/dist").glob("*.tar.gz")) + [job.place / "workspace/dist/SHA256SUMS"]
        expect(len(made) == 5, f"published: {made}")
        called = stage.called()
        expect(f"gh release create v{version} " in called and all(path.name in called for path in made), called)
        expect(f"ghcr.io/wsbench/wsbench:{version} " in called and "ghs_token" not in called, called)
        for path in made:
            shutil.copy(path, stage.release)
        return log + job.log

    # Whatever else is tried needs what it makes.
    theatre.case("release: four targets, sums, image, release", play, always=True)

    def refuses(what, build, words, more):
        def play(expect):
            job = theatre.job(stage.project, build, None, "Linux", {**flow["env"], **more},
                              {"target": "x86_64-unknown-linux-musl"})
            expect(job.failed and words in job.log, f"{job.done}")
            return job.log
        theatre.case(f"release: {what}", play)

    build = flow["jobs"]["build"]
    wrong = {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v9.9.9"}
    refuses("a tag that is not the version is refused", build, "the tag is v9.9.9", wrong)
    refuses("a program that is not static is refused", build, "is not static", {"BINARY": stage.wsbench})


def gated(theatre):
    """The workflow of docs/ci.md, whole, for each thing that may become of a pull request."""
    levels = {"not-regressed": None, "regressed": "error", "inconclusive": "warning", "untrustworthy": "warning",
              "error": "error"}

    def play(verdict, choices=None, level=None, fails=None):
        level = level or levels[verdict]
        fails = levels[verdict] == "error" if fails is None else fails

        def played(expect):
            origin, code = theatre.changed(verdict)
            job_text = json.loads(json.dumps(GATE["jobs"]["gate"]))
            for step in job_text["steps"]:
                if step.get("id") == "gate":
                    step["with"].update(choices or {})
            job = theatre.job(origin, job_text, {"event": {"pull_request": {"number": 1}}})
            outputs = getattr(job, "outputs", {})
            expect(outputs.get("verdict") == verdict, f"verdict {outputs}")
            expect(job.failed == fails, f"{job.done}")
            inner = [ended for name, ended in job.done if name == "gate"][0]
            expect(inner == (f"failure {code}" if fails else "success"), f"the step ended with {inner}")
            told = [line for line in job.log.splitlines() if line.startswith(("::error", "::warning"))]
            expect(len(told) == (level is not None) and all(line.startswith(f"::{level}") for line in told), f"{told}")
            uploaded = [path.name for path in getattr(job, "uploaded", [])]
            expect(uploaded == (["wsbench-gate.json", "wsbench-gate"] if verdict != "error" else ["wsbench-gate"]),
                   f"uploaded {uploaded}")
            if verdict == "untrustworthy":
                expect("new lost " in job.log, "it is the loss that is not trusted")
            if verdict == "error":
                expect("no database" in job.log, "the log has why")
            else:
                expect(json.loads(Path(outputs["result"]).read_text())["verdict"].replace(" ", "-") == verdict, "result")
                expect(verdict.replace("-", " ").upper() in job.summary, job.summary)
                expect({"blocks.ndjson", "gate.json", "base.log", "new.log"} <=
                       {path.name for path in Path(outputs["recording"]).iterdir()}, "recording")
            return job.log
        return played

    for verdict in CHANGES:
        theatre.case(f"github: {verdict}", play(verdict))
    theatre.case("github: inconclusive, which fails", play("inconclusive", {"on-inconclusive": "fail"}, "error", True))
    theatre.case("github: untrustworthy, which fails", play("untrustworthy", {"on-untrustworthy": "fail"}, "error", True))


def downloaded(theatre):
    """The action's ways to a wsbench: a wrong sum ends it, a missing release is built, and kept."""
    stage = theatre.stage
    archive = stage.release / "wsbench-x86_64-unknown-linux-musl.tar.gz"
    sums = stage.release / "SHA256SUMS"

    def spoilt(expect):
        kept = archive.read_bytes()
        archive.write_bytes(kept + b"\0")
        try:
            origin, _ = theatre.changed("error")
            job = theatre.job(origin, GATE["jobs"]["gate"], {"event": {"pull_request": {"number": 1}}})
        finally:
            archive.write_bytes(kept)
        expect(job.failed and "is not used: its SHA-256 is" in job.log, f"{job.done}")
        expect(not (job.place / "temp/wsbench/bin").exists() and not (job.place / "temp/wsbench-gate").exists(), "it ran")
        expect("cargo install" not in stage.called(), "a wrong sum is not answered by a build")
        return job.log

    theatre.case("github: an archive with another sum", spoilt)

    def missing(built):
        def play(expect):
            kept = sums.read_bytes()
            sums.unlink()
            stage.called()
            try:
                origin, _ = theatre.changed("error")
                job = theatre.job(origin, GATE["jobs"]["gate"], {"event": {"pull_request": {"number": 1}}})
            finally:
                sums.write_bytes(kept)
            called = stage.called()
            expect("::notice title=wsbench::release v" in job.log and "no database" in job.log, f"{job.done}")
            expect(("cargo install" in called) == built, called)
            if built:
                # A job that fails keeps nothing on GitHub; what is kept is what a good one leaves.
                theatre.cache[list(job.kept)[0]] = shutil.copytree(job.place / "temp/wsbench/bin", stage.place / "kept")
            return job.log
        return play

    theatre.case("github: no release, so it is built", missing(True))
    theatre.case("github: no release, and it was built before", missing(False))


def loaded(theatre):
    """The workflow of thresholds, against a server that is up; the secret of it is in nothing."""
    stage = theatre.stage
    (job,) = LOAD["jobs"].values()

    def play(faults, fails):
        def played(expect):
            origin, _ = theatre.changed("error")
            (origin / "faults.json").write_text(faults + "\n")
            subprocess.run(["cargo", "build", "-q", "--release", "--locked"], cwd=origin, check=True)
            server = subprocess.Popen([origin / "target/release/chat-server", "--port", str(stage.port)],
                                      env={key: str(value) for key, value in stage.env.items()},
                                      stdout=subprocess.PIPE, text=True, start_new_session=True)
            try:
                server.stdout.readline()
                done = theatre.job(origin, job)
            finally:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait()
            expect(done.failed == fails, f"{done.done}")
            expect([path.name for path in done.uploaded] == ["result.json", "report.html"], f"{done.uploaded}")
            told = [line for line in done.log.splitlines() if line.startswith("::error file=bench/chat.toml,line=")]
            expect(bool(told) == fails, f"{told}")
            expect(("## FAIL" if fails else "## PASS") in done.summary, done.summary[:200])
            texts = [done.log, done.summary, *(path.read_text() for path in done.uploaded)]
            expect(not any("s3cr3t-of-the-chat" in text for text in texts), "the secret is shown")
            return done.log
        return played

    theatre.case("github: thresholds that hold", play(FINE, False))
    theatre.case("github: thresholds that do not", play(LOSSY, True))

    def masked(expect):
        steps = SECRETS["steps"] + [{"run": "printf 'the token is %s\\n' \"$CHAT_TOKEN\""}]
        place = stage.place / "log-in"
        place.write_text("#!/bin/sh\necho t0ken-of-the-job\n")
        place.chmod(0o755)
        job_text = {"steps": [{"run": f"cp {place} ."}, *steps]}
        done = theatre.job(stage.project, job_text)
        expect(not done.failed and "the token is ***" in done.log and "t0ken-of-the-job" not in done.log, done.log)
        return done.log

    theatre.case("github: a token the job obtains", masked)


def elsewhere(theatre):
    """GitLab's job and Jenkins's pipeline."""
    stage = theatre.stage

    def checkout(verdict):
        origin, code = theatre.changed(verdict)
        place = theatre.workspace() / "workspace"
        subprocess.run(["git", "clone", "-q", f"file://{origin}", place], check=True)
        subprocess.run(["git", "-C", place, "checkout", "-q", "--detach", "origin/change"], check=True)
        return place, code

    def lab(verdict):
        def played(expect):
            place, code = checkout(verdict)
            job = GITLAB["latency"]
            main = subprocess.run(["git", "-C", place, "rev-parse", "origin/main"], capture_output=True, text=True)
            env = {**stage.env, **job["variables"], "CI_MERGE_REQUEST_DIFF_BASE_SHA": main.stdout.strip()}
            done = subprocess.run(["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])], cwd=place, text=True,
                                  env={key: str(value) for key, value in env.items()}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
            expect(done.returncode == code, f"exit {done.returncode}")
            goes_on = done.returncode == 0 or done.returncode in job["allow_failure"]["exit_codes"]
            expect(goes_on == (verdict not in ("regressed", "error")), f"goes on: {goes_on}")
            expect(all((place / path).exists() for path in job["artifacts"]["paths"]), "the artifact")
            again = subprocess.run([stage.wsbench, "gate", "--replay", "latency", "--format", "json"], cwd=place,
                                   capture_output=True)
            expect(verdict == "error" or again.returncode == code, f"replayed: {again.returncode}")
            return done.stdout
        return played

    def jenkins(verdict, result):
        def played(expect):
            place, _ = checkout(verdict)
            (place.parent / "Jenkinsfile").write_text(JENKINS)
            java = Path(shutil.which("java")).resolve().parents[1]
            env = {**stage.env, "CHANGE_TARGET": "main", "JAVA_HOME": java}
            done = subprocess.run(["groovy", Path(__file__).parent / "jenkins.groovy", place.parent / "Jenkinsfile", place],
                                  env={key: str(value) for key, value in env.items()}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
            expect(f"\nresult: {result}\n" in done.stdout, f"not {result}")
            expect(re.search(r"^archived: .*new\.log", done.stdout, re.M), "nothing is archived")
            return done.stdout
        return played

    for verdict in ("regressed", "inconclusive", "error"):
        theatre.case(f"gitlab: {verdict}", lab(verdict))
    results = {"not-regressed": "SUCCESS", "regressed": "FAILURE", "inconclusive": "UNSTABLE", "untrustworthy": "UNSTABLE",
               "error": "FAILURE"}
    for verdict, result in results.items():
        theatre.case(f"jenkins: {verdict}", jenkins(verdict, result))


def main():
    wsbench, place, *only = sys.argv[1:]
    theatre = Theatre(Stage(place, wsbench), only[0] if only else "")
    for act in (released, gated, downloaded, loaded, elsewhere):
        act(theatre)
    if theatre.failed or not theatre.played:
        sys.exit(f"FAIL  rehearsal: {len(theatre.failed)} of {theatre.played} pipelines")
    print(f"PASS  rehearsal: {theatre.played} of {theatre.played} pipelines")


main()
