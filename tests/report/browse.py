"""Opens each page of a directory in headless Chromium and checks it: nothing is fetched, the console is empty, nothing is wider than the screen,
text has contrast, headings are in order, pictures and tables have names in the accessibility tree. Writes screenshots beside the
pages. Uses the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) through a pipe."""

import base64, fcntl, json, os, pathlib, select, shutil, subprocess, sys, tempfile, time

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe""".split()

# Elements that reach beyond the screen and do not scroll.
TOO_WIDE = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll *') && !e.closest('svg *') && e.getBoundingClientRect().right > innerWidth + 0.5)
  .map(e => e.outerHTML.slice(0, 80))
  .concat(document.documentElement.scrollWidth > innerWidth ? ['the page is ' + document.documentElement.scrollWidth] : [])
"""

# Text with a contrast to its background under 4.5 (WCAG 2.2, 1.4.3), and text in an SVG that is too small to read.
HARD_TO_READ = """
(() => {
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (color != 'rgba(0, 0, 0, 0)') return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
    if (!own || !e.getClientRects().length) continue;
    const svg = e.tagName == 'text';
    const [a, b] = [light(svg ? getComputedStyle(e).fill : getComputedStyle(e).color), light(behind(e))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.add(e.tagName + ' ' + contrast.toFixed(1) + ': ' + e.textContent.slice(0, 40));
    if (svg && e.getBoundingClientRect().height < 9) found.add('small: ' + e.textContent);
  }
  return [...found];
})()
"""


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp()
        to_browser, from_browser = os.pipe(), os.pipe()
        # The browser expects its ends of the pipes at the descriptors 3 and 4, so these copies stand above 20.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (to_browser[0], from_browser[1])]

        def place():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        binary = shutil.which("chromium") or sys.exit("no chromium: apt-get install chromium")
        command = [binary, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=place, close_fds=False, stderr=subprocess.DEVNULL)
        self.write, self.read = to_browser[1], from_browser[0]
        self.buffer, self.events, self.number, self.session = b"", [], 0, None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Runtime", "Log", "Accessibility"]:
            self.ask(f"{domain}.enable")

    def message(self, until):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read], [], [], max(0, until - time.monotonic()))
            more = os.read(self.read, 1 << 20) if ready else b""
            if not more:
                raise SystemExit("Chromium does not answer")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        until = time.monotonic() + 60
        while True:
            message = self.message(until)
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        until = time.monotonic() + 60
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message(until))

    def evaluate(self, expression):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, page, width, scheme):
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Page.navigate", url=page.as_uri())
        self.wait("Page.loadEventFired")

    def shoot(self, path):
        image = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(image))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.profile, ignore_errors=True)


def overheard(browser, page):
    """Yields everything that was fetched or written to the console."""
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if url != page.as_uri() and not url.startswith("data:"):
                yield f"it fetches {url}"
        elif method == "Log.entryAdded":
            yield f"the log: {params['entry']['text']}"
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            yield f"the console: {params}"


def unnamed(nodes):
    """Yields what is missing in the accessibility tree."""
    nodes = [node for node in nodes if not node.get("ignored")]
    role = lambda node: node.get("role", {}).get("value", "")
    name = lambda node: node.get("name", {}).get("value", "").strip()
    prop = lambda node, key: next((p["value"]["value"] for p in node.get("properties", []) if p["name"] == key), None)
    levels = [prop(node, "level") for node in nodes if role(node) == "heading"]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"headings: one of level 1 first, found {levels}"
    if any(after > before + 1 for before, after in zip(levels, levels[1:])):
        yield f"headings: a level is left out in {levels}"
    roles = [role(node) for node in nodes]
    for wanted, least in [("main", 1), ("heading", 7), ("image", 3), ("table", 2), ("columnheader", 4), ("rowheader", 7)]:
        if roles.count(wanted) < least:
            yield f"{roles.count(wanted)} of the role {wanted}, expected {least} or more"
    for node in nodes:
        if role(node) in ("RootWebArea", "heading", "image", "table", "columnheader", "rowheader", "region", "link") and not name(node):
            yield f"a {role(node)} without a name"


def check(browser, page):
    wrong, size = [], page.stat().st_size
    for width, scheme in [(1280, "light"), (360, "light"), (1280, "dark"), (360, "dark")]:
        browser.open(page, width, scheme)
        browser.shoot(page.with_name(f"{page.stem}-{width}-{scheme}.png"))
        # Unfolded tables must fit, too; a folded one has no size to check.
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found = [*overheard(browser, page), *browser.evaluate(TOO_WIDE), *browser.evaluate(HARD_TO_READ)]
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
        wrong += [f"{width} {scheme}: {what}" for what in found]
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    wrong += unnamed(nodes)
    pdf = base64.b64decode(browser.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])
    page.with_suffix(".pdf").write_bytes(pdf)
    if size > 3 << 20:
        wrong.append(f"{size} bytes")
    images = sum(node.get("role", {}).get("value") == "image" for node in nodes)
    print(f"{page.name}: {size // 1024} kB, {images} pictures; {len(wrong) or 'nothing'} wrong", flush=True)
    for what in wrong:
        print(f"  {what}")
    return not wrong


pages = sorted(pathlib.Path(sys.argv[1]).resolve().glob("*.html"))
with Browser() as browser:
    good = [check(browser, page) for page in pages]
sys.exit(0 if pages and all(good) else 1)
