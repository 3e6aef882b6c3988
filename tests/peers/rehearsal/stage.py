"""What the pipelines stand on: the project's checkout, a repository with a pull request, stand-ins, a place of releases."""

import functools
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

# What a step calls, and what stands in for it. Each says in the file `called` what it was asked.
STAND_INS = {
    "sudo": 'exec "$@"',
    "apt-get": "",
    "rustup": "",
    # The compiler of the project's own sources is not what is tried here; of the chat server's it is the real one.
    "cargo": r"""
        case "$words" in
            "build --release --locked --bin wsbench --target "*)
                mkdir -p "target/${words##* }/release" && cp "$BINARY" "target/${words##* }/release/wsbench" ;;
            "install --locked --path $PROJECT/"*" --root "*" --bin wsbench")
                root=${words#* --root } && mkdir -p "${root%% *}/bin" && cp "$BINARY" "${root%% *}/bin/wsbench" ;;
            "build --release --locked"*) exec "$CARGO" "$@" ;;
            *) exit 64 ;;
        esac""",
    "docker": r"""
        case "$words" in
            "login ghcr.io --username "*" --password-stdin") grep -q . ;;
            "buildx create --use") ;;
            "buildx build "*" --push dist/image")
                file=${words#* --file }
                grep -q '^COPY .*${TARGETARCH}/wsbench' "${file%% *}"
                test -x dist/image/amd64/wsbench && test -x dist/image/arm64/wsbench ;;
            *) exit 64 ;;
        esac""",
    "gh": r"""
        [[ $1 == release && $2 == create && $4 == --verify-tag && $5 == --generate-notes ]]
        for file in "${@:6}"; do test -s "$file"; done""",
}

# A static program, as a release's is: it hands over to the wsbench under test.
HANDS_OVER = r"""
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    (void)count;
    words[0] = getenv("WSBENCH_UNDER_TEST");
    return words[0] ? execv(words[0], words) : 70;
}
"""


def sh(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout.strip()


class Stage:
    """What everything stands on, in `place`; `port` is where a server of the project is expected."""

    def __init__(self, place, wsbench):
        self.place, self.wsbench = Path(place), Path(wsbench).resolve()
        for name in ("bin", "home", "release", "project"):
            (self.place / name).mkdir()
        self.project, self.release = self.place / "project", self.place / "release"
        self.binary = self.place / "static"
        source = self.place / "hands-over.c"
        source.write_text(HANDS_OVER)
        sh("cc", "-static", "-o", self.binary, source)
        self.stand_ins()
        for name in sh("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines():
            if (ROOT / name).is_file():
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.project / name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.serve()
        self.env = self.environment()

    def stand_ins(self):
        for name, text in STAND_INS.items():
            path = self.place / "bin" / name
            said = f"printf '%s\\n' \"{name} $*\" >>{self.place}/called"
            path.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{said}\nwords=$*\n{text}\n")
            path.chmod(0o755)

    def called(self):
        path = self.place / "called"
        text = path.read_text() if path.exists() else ""
        path.write_text("")
        return text

    def environment(self):
        cargo = shutil.which("cargo")
        home = Path(os.path.expanduser("~"))
        (self.place / "home/.gitconfig").write_text("[user]\nname = somebody\nemail = somebody@example.com\n")
        # What is asked of github.com is asked of the place of releases; curl itself is the real one.
        rules = f'cacert = "{self.place}/home/cert.pem"\nconnect-to = "github.com:443:127.0.0.1:{self.served}"\n'
        (self.place / "home/.curlrc").write_text(rules)
        return {
            "PATH": f"{self.place}/bin:{os.environ['PATH']}", "HOME": self.place / "home", "CARGO": cargo,
            "CURL_HOME": self.place / "home", "PROJECT": self.project, "BINARY": self.binary, "LANG": "C.UTF-8",
            "CARGO_HOME": os.environ.get("CARGO_HOME", home / ".cargo"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", home / ".rustup"),
            "WSBENCH_UNDER_TEST": self.wsbench, "TMPDIR": self.place,
        }

    def serve(self):
        """Answers for github.com, over TLS, with the files of `release`, whatever comes before their last names."""
        home = self.place / "home"
        sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=github.com",
           "-addext", "subjectAltName=DNS:github.com", "-keyout", home / "key.pem", "-out", home / "cert.pem")
        release, asked = self.release, []

        class Answer(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path):
                asked.append(path)
                return str(release / path.rsplit("/", 1)[-1])

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Answer, directory=str(release)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home / "cert.pem", home / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.served, self.asked = server.server_address[1], asked
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def repository(self, name, base, new, gate):
        """A repository with a pull request: main has the faults `base`, the branch `new`; what is gated, as [gate] says."""
        place = self.place / name
        shutil.copytree(HERE / "chat", place)
        git = functools.partial(sh, "git", "-C", place)
        chat = place / "bench/chat.toml"
        chat.write_text(chat.read_text().replace("@PORT@", str(self.port)) + f"\n[gate]\n{gate}\n")
        for words in (["init", "-q", "-b", "main"], ["config", "user.name", "n"], ["config", "user.email", "n@example.com"],
                      ["config", "uploadpack.allowAnySHA1InWant", "true"]):
            git(*words)
        (place / ".gitignore").write_text("target\n")

        def commit(faults, subject):
            (place / "faults.json").write_text(faults + "\n")
            git("add", "-A")
            git("commit", "-q", "--allow-empty", "-m", subject)
            return git("rev-parse", "HEAD")

        main = commit(base, "main")
        git("checkout", "-q", "-b", "change")
        change = commit(new, "change")
        # What GitHub makes for a pull request.
        git("checkout", "-q", "--detach", main)
        git("merge", "-q", "--no-ff", "-m", "merge", change)
        git("update-ref", "refs/pull/1/merge", "HEAD")
        git("checkout", "-q", "main")
        return place


def check_out(origin, path, ref, depth):
    """As the action `checkout` does it."""
    path.mkdir(parents=True, exist_ok=True)
    sh("git", "init", "-q", path)
    sh("git", "-C", path, "fetch", "-q", *([f"--depth={depth}"] if int(depth) else []), f"file://{origin}", ref)
    sh("git", "-C", path, "checkout", "-q", "--detach", "FETCH_HEAD")
