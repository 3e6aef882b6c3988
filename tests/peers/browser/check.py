"""A real browser's EventSource against two instances: credentials over the border of origins, its own reconnection
through a drain and a crash, and nothing lost or repeated. Standard library only.

    check.py SERVER_BINARY CHROMIUM
"""

import base64, hashlib, hmac, http.server, json, os, pathlib, queue, signal, socket, subprocess, sys, tempfile
import threading, time, urllib.parse, urllib.request

SECRET, HERE, PATIENCE = "a secret for the browser", pathlib.Path(__file__).parent, 40
reports: queue.Queue = queue.Queue()
held: list = []


def token(user):
    part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=")
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps({"sub": user, "exp": 4_000_000_000}).encode())
    return (signed + b"." + part(hmac.digest(SECRET.encode(), signed, hashlib.sha256))).decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves the page and takes what it reports."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write((HERE / "page.html").read_bytes())

    def do_POST(self):
        reports.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def expect(what, wanted):
    """The next report for which `wanted` holds; others wait for whom they concern."""
    end = time.monotonic() + PATIENCE
    for at, report in enumerate(held):
        if wanted(report):
            return held.pop(at)
    while time.monotonic() < end:
        try:
            report = reports.get(timeout=0.5)
        except queue.Empty:
            continue
        if wanted(report):
            return report
        held.append(report)
    raise AssertionError(f"{what}: not within {PATIENCE} s; seen instead: {held[-12:]}")


def of(name, kind):
    return lambda report: report.get("name") == name and report.get("data", {}).get("type") == kind


def post(port, path, body):
    headers = {"authorization": f"Bearer {token('backend')}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def publish(port, content):
    return post(port, "/api/rooms/lobby/messages", {"content": content})


def start(binary, redis, name, port, origin):
    command = [binary, "--instance", name, "--port", str(port), "--redis", f"redis://127.0.0.1:{redis}/",
               "--allow-origin", origin, "--drain-window-ms", "200", "--retry-max-ms", "300"]
    instance = subprocess.Popen(command, env={**os.environ, "WSBENCH_JWT_SECRET": SECRET}, stdout=subprocess.PIPE, text=True)
    assert instance.stdout.readline().startswith("ready "), "the instance did not get ready"
    return instance


def back_with(missed, port_b):
    """The room's stream is back by itself: what was missed, marked, then what is said now."""
    expect("joined again", of("room", "joined"))
    for content in missed:
        message = expect(f"missed {content}", of("room", "message"))["data"]
        assert (message["content"], message.get("rp")) == (content, 1), message
    live = f"live after {missed[-1]}"
    publish(port_b, live)
    message = expect("live", of("room", "message"))["data"]
    assert message["content"] == live and "rp" not in message, message


def check(binary, chromium, place, processes):
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{pages.server_port}"
    redis, a, b = free_port(), free_port(), free_port()
    options = ["--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", place]
    processes.append(subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL))
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", redis)) == 0:
                break
        time.sleep(0.02)
    first = start(binary, redis, "a", a, origin)
    processes += [first, start(binary, redis, "b", b, origin)]

    def browse(page_origin, profile, **asked):
        query = urllib.parse.urlencode({"server": f"http://127.0.0.1:{a}", **asked})
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={place}/{profile}", "--remote-debugging-port=0"]
        log = open(f"{place}/{profile}.log", "w")
        browser = subprocess.Popen([chromium, *flags, f"{page_origin}/?{query}"], stdout=log, stderr=log)
        processes.append(browser)
        return browser

    browser = browse(origin, "profile", token=token("ada"), say="from the page")
    joined = expect("joined", of("room", "joined"))
    epoch, offset = joined["id"].split(":")
    assert (epoch, int(offset)) == (joined["data"]["ep"], joined["data"]["off"]), joined
    expect("connected", of("personal", "connected"))
    closed = expect("no credentials, no stream", lambda r: r.get("name") == "anonymous" and "state" in r)
    assert closed["state"] == 2, "a 401 is final"
    said = expect("the page spoke", lambda r: r.get("name") == "said")
    assert said.get("answer", {}).get("ep") == epoch, said
    # The page's own words may come before or after it has joined.
    if int(said["answer"]["off"]) > int(offset):
        assert expect("its own words", of("room", "message"))["data"]["from"] == "ada"
    print("  credentials, cross-origin, preflight: as they should be")

    publish(b, "hello")
    message = expect("a message from the other instance", of("room", "message"))
    assert (message["data"]["content"], message["data"]["org"], message["data"]["via"]) == ("hello", "b", "a"), message
    assert message["id"] == f"{epoch}:{message['data']['off']}", message
    post(b, "/api/users/ada/notify", {"content": "you"})
    expect("a notification", of("personal", "notify"))

    first.send_signal(signal.SIGTERM)
    expect("the hint", of("room", "drain"))
    assert first.wait(20) == 0, "drained"
    missed = [f"while away {n}" for n in range(5)]
    for content in missed:
        publish(b, content)
    post(b, "/api/users/ada/notify", {"content": "while away"})
    second = start(binary, redis, "a", a, origin)
    processes.append(second)
    back_with(missed, b)
    assert expect("a missed notification", of("personal", "notify"))["data"]["content"] == "while away"
    print("  back by itself after a drain: 5 missed, 5 replayed, none twice")

    second.kill()
    second.wait()
    missed = [f"while dead {n}" for n in range(3)]
    for content in missed:
        publish(b, content)
    processes.append(start(binary, redis, "a", a, origin))
    back_with(missed, b)
    print("  back by itself after a crash: 3 missed, 3 replayed, none twice")
    extra = [report for report in held if of("room", "message")(report) or of("room", "gap")(report)]
    assert not extra, f"heard twice, or a gap: {extra}"

    browser.terminate()
    browser.wait(20)
    browse(f"http://localhost:{pages.server_port}", "stranger", token=token("ada"))
    refused = expect("another origin is kept out", lambda r: r.get("name") == "room" and r.get("state") == 2)
    assert refused, "a 403 is final"
    print("  another origin: kept out")


def main():
    binary, chromium = sys.argv[1:]
    processes = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        try:
            check(binary, chromium, place, processes)
        finally:
            for process in reversed(processes):
                process.kill()
                process.wait()


main()
