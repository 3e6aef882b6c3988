"""Opens pages in headless Chromium, over its debugging pipe; standard library only.

    look.py CHROMIUM SHOTS PAGE…
"""

import base64, json, os, pathlib, subprocess, sys, tempfile

VIEWS = {
    "wide": {"width": 1200, "dark": False, "media": ""},
    "dark": {"width": 1200, "dark": True, "media": ""},
    "phone": {"width": 375, "dark": False, "media": ""},
    "print": {"width": 794, "dark": False, "media": "print"},
    # Paper is white, whatever the screen is.
    "print-dark": {"width": 794, "dark": True, "media": "print"},
}

CHARTS = """[...document.querySelectorAll('figure')].map(figure => ({
    title: figure.querySelector('h3').textContent,
    drawn: [...figure.querySelectorAll('path.line')].filter(line => line.getTotalLength() > 20).length
        + [...figure.querySelectorAll('rect.bar')].filter(bar => bar.getBBox().height > 0).length,
    box: figure.querySelector('svg').getBoundingClientRect().toJSON(),
}))"""

PAGE = """({
    wide: document.scrollingElement.scrollWidth, inner: innerWidth, high: document.scrollingElement.scrollHeight,
    images: document.images.length, frames: frames.length,
    ground: getComputedStyle(document.body).backgroundColor,
    hidden: [...document.querySelectorAll('.scroll')].slice(0, 1).filter(box => box.scrollWidth > box.clientWidth).length,
    scripts: [...document.scripts].filter(script => script.type !== 'application/json').length,
})"""


class Browser:
    def __init__(self, chromium, place):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def lend():
            # The browser reads commands from 3 and answers on 4; the pipes may themselves have these numbers.
            kept = [os.dup(theirs_in), os.dup(theirs_out)]
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={place}"]
        self.process = subprocess.Popen([chromium, *options, "about:blank"], preexec_fn=lend, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in), os.close(theirs_out)
        self.into, self.out = os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb")
        self.number, self.events, self.rest = 0, [], b""

    def read(self):
        while b"\0" not in self.rest:
            chunk = self.out.read1(1 << 16)
            assert chunk, "the browser has ended"
            self.rest += chunk
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.into.write(json.dumps(message).encode() + b"\0")
        self.into.flush()
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.read())

    def evaluate(self, session, expression):
        result = self.call("Runtime.evaluate", session, expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


def look(browser, page, name, view, shots):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable", session)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if view["dark"] else "light"}]
    browser.call("Emulation.setEmulatedMedia", session, media=view["media"], features=scheme)
    browser.call("Emulation.setDeviceMetricsOverride", session, width=view["width"], height=900, deviceScaleFactor=1,
                 mobile=view["width"] < 500)
    browser.events.clear()
    browser.call("Page.navigate", session, url=page.as_uri())
    browser.wait("Page.loadEventFired")
    facts = browser.evaluate(session, PAGE)
    charts = browser.evaluate(session, CHARTS)
    wrong = []
    if facts["wide"] > facts["inner"]:
        wrong.append(f"wider than the page: {facts['wide']} > {facts['inner']}")
    if view["media"] == "print" and facts["ground"] != "rgb(255, 255, 255)":
        wrong.append(f"printed on {facts['ground']}")
    if facts["hidden"] and not name.startswith("hostile"):
        wrong.append("a threshold's margin is out of sight")
    if (facts["images"], facts["frames"], facts["scripts"]) != (0, 0, 1):
        wrong.append(f"markup of strangers: {facts}")
    if len(charts) < 4 or any(chart["drawn"] == 0 for chart in charts):
        wrong.append(f"empty charts: {charts}")
    for number, chart in enumerate(charts):
        browser.evaluate(session, f"document.querySelectorAll('svg')[{number}].scrollIntoView({{block: 'center'}})")
        box = browser.evaluate(session, f"document.querySelectorAll('svg')[{number}].getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5
        browser.call("Input.dispatchMouseEvent", session, type="mouseMoved", x=x, y=y)
        tip = browser.evaluate(session, f"""(() => {{ const tip = document.querySelectorAll('figure')[{number}].querySelector('.tip');
            return {{ text: tip.textContent, shown: getComputedStyle(tip).display,
                      right: tip.getBoundingClientRect().right, left: tip.getBoundingClientRect().left }}; }})()""")
        if tip["shown"] != "block" or not tip["text"] or tip["left"] < 0 or tip["right"] > view["width"]:
            wrong.append(f"hovering over {chart['title'][:40]}: {tip}")
        if number == 0:
            shoot(browser, session, shots / f"{name}-hover.png", view["width"], 900)
    browser.evaluate(session, "scrollTo(0, 0)")
    for event in browser.events:
        what, data = event["method"], event.get("params", {})
        if what == "Network.requestWillBeSent" and not data["request"]["url"].startswith(("file:", "data:")):
            wrong.append(f"a request: {data['request']['url']}")
        if what in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            wrong.append(f"{what}: {data}")
        if what == "Log.entryAdded":
            wrong.append(f"the console: {data['entry']['text']}")
    shoot(browser, session, shots / f"{name}.png", view["width"], min(facts["high"], 5000))
    browser.call("Target.closeTarget", targetId=target)
    print(f"{'FAIL' if wrong else 'ok  '}  {name}: {len(charts)} charts, {facts['high']} px high")
    for what in wrong:
        print(f"      {what}")
    return not wrong


def shoot(browser, session, path, width, height):
    top = browser.evaluate(session, "scrollY") if "hover" in path.name else 0
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    shot = browser.call("Page.captureScreenshot", session, captureBeyondViewport=True, clip=clip)
    path.write_bytes(base64.b64decode(shot["data"]))


def main():
    chromium, shots, *pages = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        browser = Browser(chromium, place)
        try:
            fine = True
            for page in map(pathlib.Path, pages):
                for view in VIEWS:
                    fine &= look(browser, page.resolve(), f"{page.stem}-{view}", VIEWS[view], pathlib.Path(shots))
        finally:
            browser.process.terminate()
            browser.process.wait(timeout=20)
    sys.exit(0 if fine else 1)


main()
