"""The report in a real browser: it loads, filters, sorts, opens pages, and fits a telephone. Needs Debian's chromium and chromium-driver."""

import json
import random
import shutil

import pytest
from made import prose

import cleantext as ct

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
Select = pytest.importorskip("selenium.webdriver.support.ui", reason="needs selenium").Select
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromium-driver")
OPTIONS = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Return the report of a run over 30 pages of two hosts, one of which cannot be read."""
    folder = tmp_path_factory.mktemp("browser")
    shared = prose(random.Random(0), 200)
    for n in range(30):
        page = folder / "in" / f"{'ab'[n % 2]}.example.cn" / f"{n}.txt"
        page.parent.mkdir(parents=True, exist_ok=True)
        text = prose(random.Random(n + 1), 200) + "\n" + (shared + "\n") * (n < 3) + "分享到：微信 微博 QQ空间\n责任编辑：某某\n" * (n % 3)
        page.write_text(text, "utf-8")
    (folder / "in" / "a.example.cn" / "bad.txt").write_bytes(b"\0\1\2\3" * 500)
    (folder / "in" / "a.example.cn" / "<img src=x onerror=alert(1)>.txt").write_text(prose(random.Random(99), 50), "utf-8")
    ct.clean_files(folder / "in", folder / "out", workers=1)
    return folder / "out" / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    for option in (*OPTIONS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def show(browser, report, width=1000, scheme="light"):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(report.as_uri())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_it_fits_and_asks_for_nothing(browser, report, width, scheme):
    show(browser, report, width, scheme)
    browser.get_log("performance")
    browser.refresh()
    browser.execute_script("for (const row of document.querySelectorAll('details')) row.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {report.as_uri()}
    paper, ink = browser.execute_script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
    light = sum(map(int, paper[4:-1].split(","))) > sum(map(int, ink[4:-1].split(",")))
    assert light == (scheme == "light")


def test_pages_are_filtered_sorted_and_opened(browser, report):
    show(browser, report)
    rows = "return [...document.querySelectorAll('details.page')].filter((row) => !row.hidden && row.offsetHeight > 0)"
    everything = browser.execute_script(f"{rows}.length")
    assert browser.execute_script("return document.getElementById('page-shown').textContent") == f"{everything} of {everything} shown"
    browser.find_element("id", "page-words").send_keys("B.example")
    names = browser.execute_script(f"{rows}.map((row) => row.querySelector('.name').textContent)")
    assert 0 < len(names) < everything
    assert all(name.startswith("b.example.cn/") for name in names)
    browser.find_element("id", "page-words").clear()
    browser.find_element("id", "page-words").send_keys(" ")
    Select(browser.find_element("id", "page-order")).select_by_value("share")
    shares = [float(x) for x in browser.execute_script(f"{rows}.map((row) => row.dataset.share)")]
    assert shares == sorted(shares, reverse=True)
    Select(browser.find_element("id", "page-reason")).select_by_visible_text("most removed")
    first = browser.execute_script(f"{rows}[0]")
    first.find_element("css selector", "summary").click()
    before, after = (side.text for side in first.find_elements("css selector", ".text"))
    assert "分享到" in before
    assert "share." in before
    assert "分享到" not in after
    Select(browser.find_element("id", "page-reason")).select_by_visible_text("failed")
    assert browser.execute_script(f"{rows}.length") == 1


def test_all_is_there_without_scripts(browser, report):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, report)
        assert not browser.find_element("id", "page-tools").is_displayed()
        row = browser.find_elements("css selector", "details.page")[1]
        row.find_element("css selector", "summary").click()
        assert row.find_element("css selector", ".text").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
