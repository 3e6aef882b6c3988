"""A stand-in for GitHub's runner: jobs, steps, composite actions, expressions, the files steps write to.

It knows what the files of this project use and refuses everything else, so that what it has not understood is not passed.
"""

import os
import re
import subprocess
import uuid
from pathlib import Path

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|==|!=|&&|\|\||[()!,]|[A-Za-z_][\w.-]*)")
STATUS = ("always", "success", "failure", "cancelled")


class Refused(Exception):
    """What is written cannot be carried out."""


class Expression:
    """`${{ … }}`: strings, contexts, == and !=, && and ||, and the functions of `call`."""

    def __init__(self, text, contexts, call):
        self.words, at = [], 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise Refused(f"expression {text!r}")
            self.words.append(found.group(1))
            at = found.end()
        self.contexts, self.call = contexts, call

    def value(self):
        value = self.either()
        if self.words:
            raise Refused(f"left over in an expression: {self.words}")
        return value

    def next_is(self, *words):
        return self.words.pop(0) if self.words and self.words[0] in words else None

    def either(self):
        value = self.both()
        while self.next_is("||"):
            other = self.both()
            value = value or other
        return value

    def both(self):
        value = self.compared()
        while self.next_is("&&"):
            other = self.compared()
            value = other if value else value
        return value

    def compared(self):
        value = self.one()
        while operator := self.next_is("==", "!="):
            same = str(value).lower() == str(self.one()).lower()
            value = same if operator == "==" else not same
        return value

    def one(self):
        if self.next_is("!"):
            return not self.one()
        if self.next_is("("):
            value = self.either()
            self.words.remove(")")
            return value
        word = self.words.pop(0)
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if self.next_is("("):
            arguments = []
            while not self.next_is(")"):
                arguments.append(self.either())
                self.next_is(",")
            return self.call(word, arguments)
        value = self.contexts
        for name in word.split("."):
            if not isinstance(value, dict) or name not in value:
                # A step that did not run has no outputs; any other name that leads nowhere is a mistake.
                if word.startswith("steps.") and word.split(".")[1] in self.contexts["steps"]:
                    return ""
                raise Refused(f"nothing is called {word}")
            value = value[name]
        return value


class Job:
    """One job: its contexts, what its steps have said, and how it has gone so far."""

    def __init__(self, place, contexts, env, uses):
        self.place, self.contexts, self.uses = Path(place), contexts, uses
        self.env, self.paths, self.failed = dict(env), [], False
        self.log, self.summary, self.done = "", "", []

    def call(self, name, arguments):
        if name == "hashFiles":
            return "hash-of-" + "-".join(arguments)
        if name in STATUS:
            return {"always": True, "success": not self.failed, "failure": self.failed, "cancelled": False}[name]
        raise Refused(f"function {name}")

    def filled(self, text, contexts):
        value = lambda found: str(Expression(found.group(1), contexts, self.call).value())
        return re.sub(r"\$\{\{(.*?)\}\}", value, text) if isinstance(text, str) else text

    def wanted(self, condition, contexts):
        if condition is None:
            return not self.failed
        text = str(condition).removeprefix("${{").removesuffix("}}")
        value = Expression(text, contexts, self.call).value()
        named = any(f"{status}(" in text for status in STATUS)
        return bool(value) and (named or not self.failed)

    def steps(self, steps, contexts, extra=None):
        contexts = {**contexts, "steps": {step["id"]: {"outputs": {}} for step in steps if "id" in step}}
        for step in steps:
            name = step.get("id") or step.get("name") or step.get("uses") or step["run"].splitlines()[0]
            if not self.wanted(step.get("if"), contexts):
                self.done.append((name, "skipped"))
                continue
            given = {key: self.filled(text, contexts) for key, text in step.get("env", {}).items()}
            if "run" in step:
                outputs, code = self.run(step, {**(extra or {}), **given})
            else:
                inputs = {key: self.filled(text, contexts) for key, text in step.get("with", {}).items()}
                outputs, code = self.uses(self, step["uses"], inputs, given)
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": outputs}
            self.failed |= code != 0
            self.done.append((name, "success" if code == 0 else f"failure {code}"))
        return contexts

    def run(self, step, given):
        """A script, as its shell is called there."""
        shell = step.get("shell")
        if shell not in (None, "bash"):
            raise Refused(f"shell {shell}")
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if shell else ["-e"]
        files = self.place / "files" / uuid.uuid4().hex
        files.mkdir(parents=True)
        for name in ("output", "env", "path", "summary"):
            (files / name).touch()
        (files / "step.sh").write_text(step["run"])
        env = {**self.env, **given, "GITHUB_OUTPUT": files / "output", "GITHUB_ENV": files / "env",
               "GITHUB_PATH": files / "path", "GITHUB_STEP_SUMMARY": files / "summary"}
        env["PATH"] = os.pathsep.join([*reversed(self.paths), env["PATH"]])
        done = subprocess.run(["bash", *options, files / "step.sh"], cwd=self.place / "workspace", text=True,
                              env={key: str(value) for key, value in env.items()}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        self.say(done.stdout)
        self.summary += (files / "summary").read_text()
        self.env.update(pairs(files / "env"))
        self.paths += (files / "path").read_text().split()
        return pairs(files / "output"), done.returncode

    def say(self, text):
        """Into the log, as the runner shows it: a mask holds from where it is said."""
        for line in text.splitlines():
            if line.startswith("::add-mask::"):
                self.masks = [*getattr(self, "masks", []), line.removeprefix("::add-mask::")]
                line = "::add-mask::***"
            for mask in getattr(self, "masks", []):
                line = line.replace(mask, "***")
            self.log += line + "\n"

    def composite(self, root, action, inputs, given):
        """An action made of steps; its outputs."""
        unknown = set(inputs) - set(action["inputs"])
        if unknown:
            raise Refused(f"no input is called {sorted(unknown)}")
        for name, about in action["inputs"].items():
            if about.get("required") and not inputs.get(name):
                raise Refused(f"input {name} is missing")
        values = {name: about.get("default", "") for name, about in action["inputs"].items()} | inputs
        before = self.failed
        contexts = {**{name: self.contexts[name] for name in ("runner", "github")}, "inputs": values}
        ended = self.steps(action["runs"]["steps"], contexts, {**given, "GITHUB_ACTION_PATH": root})
        outputs = {name: self.filled(about["value"], ended) for name, about in action["outputs"].items()}
        code = 1 if self.failed and not before else 0
        return outputs, code


def pairs(path):
    """`name=value` lines; the form for values of several lines is not used here."""
    lines = path.read_text().splitlines()
    if any("=" not in line for line in lines):
        raise Refused(f"neither name nor value: {lines}")
    return dict(line.split("=", 1) for line in lines)
