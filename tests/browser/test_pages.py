"""Every page of every site in Chromium: nothing leaves, nothing runs, everybody can read it."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from status_worlds import NOW

NAMES = ("index.html", "findings.html", "releases.html", "dashboard.html")
PAGES = [
    *(
        (site, page)
        for site in ("rich", "clean", "unsure", "never-scanned", "failed-update")
        for page in NAMES
    ),
    ("many", "index.html"),
    ("many", "findings-3.html"),
    *((site, page) for site in ("hostile", "advisories") for page in NAMES),
]
each_page = pytest.mark.parametrize(("site", "name"), PAGES, ids=map("/".join, PAGES))
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""All of axe's rules that are on by themselves, and WCAG 2.2's on the size of targets."""
WIDE, TABLET = {"width": 1280, "height": 900}, {"width": 900, "height": 1000}
NARROW = {"width": 320, "height": 640}
"""WCAG 2.2, 1.4.10 (reflow): 320 CSS pixels without scrolling in two dimensions."""


@contextmanager
def opened(chromium, address, *, at=NOW, init=(), **settings):
    """A page at a moment, and what it asked for, said and did meanwhile."""
    context = chromium.new_context(**({"viewport": WIDE} | settings))
    page = context.new_page()
    page.seen = {"requests": [], "said": [], "dialogs": []}
    page.on("request", lambda request: page.seen["requests"].append(request.url))
    page.on("console", lambda message: page.seen["said"].append(message.text))
    page.on("pageerror", lambda error: page.seen["said"].append(str(error)))
    page.on("dialog", lambda dialog: page.seen["dialogs"].append(dialog.dismiss()))
    if settings.get("java_script_enabled", True):
        page.clock.install(time=at)
        for script in (LISTEN, *init):
            page.add_init_script(script)
    page.goto(address)
    yield page
    context.close()


@each_page
def test_nothing_leaves_nothing_runs_nothing_breaks(chromium, served, site, name):
    address = served(site) + name
    with opened(chromium, address) as page:
        page.wait_for_load_state("networkidle")
        for details in page.locator("summary").all():
            details.click()
        assert page.evaluate("window.violations") == []
        assert page.seen == {"requests": [address], "said": [], "dialogs": []}
        assert page.evaluate("window.pwned") is None
        assert page.locator("script").count() == 1
        foreign = "img, iframe, object, embed, form, input, base, video, audio, math, [style]"
        assert page.locator(foreign).count() == 0
        assert (
            page.evaluate("""[...document.querySelectorAll("*")].flatMap((element) =>
            [...element.attributes].map((it) => it.name)).filter((it) => it.startsWith("on"))
        """)
            == []
        )
        assert page.locator("h1").count() == page.locator("main").count() == 1
        assert page.locator("footer").is_visible()


@each_page
def test_without_javascript_it_says_the_same(chromium, served, site, name):
    address = served(site) + name
    with opened(chromium, address) as page:
        with_script = page.locator("body").inner_text()
    with opened(chromium, address, java_script_enabled=False) as page:
        assert page.locator("body").inner_text() == with_script
        assert page.seen["requests"] == [address]


@each_page
def test_nothing_is_cut_or_lies_beside_on_a_phone_or_a_screen(chromium, served, site, name):
    with opened(chromium, served(site) + name) as page:
        for size in (NARROW, TABLET, WIDE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
            assert page.evaluate(CUT) == []


CUT = """
[...document.querySelectorAll("main *")].filter((it) => {
  const frame = it.closest(".frame, .verdict, .entry, .note, main").getBoundingClientRect();
  const hidden = !it.checkVisibility() || it.closest("caption, thead, .away, [aria-hidden]");
  return !hidden && it.getBoundingClientRect().right > frame.right + 1;
}).map((it) => it.outerHTML.slice(0, 200))
"""
"""What reaches out of its frame, which would cut it."""


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium, served, site, name, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with opened(chromium, served(site) + name, color_scheme=scheme) as page:
        page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
        found = axe.run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate(BRIGHTNESS) == scheme


BRIGHTNESS = """
getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)
  .every((it) => it < 64) ? "dark" : "light"
"""


@pytest.mark.parametrize("name", NAMES)
def test_past_its_time_a_page_says_so_and_withdraws_what_it_claimed(chromium, served, name):
    with opened(chromium, served("rich") + name) as page:
        assert not page.locator("#expired").is_visible()
        assert all(claim.is_visible() for claim in page.locator(".current").all())
        title = page.title()
        page.clock.fast_forward("47:59:00")
        assert not page.locator("#expired").is_visible()
        page.clock.fast_forward("02:00")
        assert page.locator("#expired").is_visible()
        assert not any(claim.is_visible() for claim in page.locator(".current").all())
        assert page.title() == f"Out of date: {title}"
        assert not re.search(r"\bGrade\s+[A-F]\b", page.locator("body").inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_that_is_opened_too_late_has_no_grade(chromium, served, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    late = NOW + timedelta(days=3)
    with opened(chromium, served("clean"), at=late, color_scheme=scheme) as page:
        assert page.locator("#expired").is_visible()
        assert "Grade withdrawn" in page.locator("main").inner_text()
        text = page.locator("main").inner_text()
        assert not re.search("No known vulnerability reaches|no known open|^None|^0$", text, re.M)
        found = axe.run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()


def test_a_failed_update_shows_no_grade_anywhere(chromium, served):
    for name in NAMES:
        with opened(chromium, served("failed-update") + name) as page:
            text = page.locator("body").inner_text()
            assert "The last update failed" in text
            assert not re.search(r"\bGrade\s+[A-F]\b", text)


@pytest.mark.parametrize("name", NAMES)
def test_by_keyboard_alone(chromium, served, name):
    with opened(chromium, served("rich") + name) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.locator(".skip").bounding_box()["x"] >= 0  # it comes into view
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        wanted = page.locator("main a:visible, main summary:visible").count()
        walked = [step(page) for _ in range(wanted)]
        assert all(tag in {"A", "SUMMARY"} for tag, _, _ in walked)
        assert len({where for _, where, _ in walked}) == wanted  # each once, none is a trap
        assert all(outlined for _, _, outlined in walked)
        for opens in page.locator("summary").all():
            opens.focus()
            page.keyboard.press("Enter")
        assert page.locator("details:not([open])").count() == 0


def step(page):
    page.keyboard.press("Tab")
    return tuple(
        page.evaluate("""(() => {
          const it = document.activeElement, box = it.getBoundingClientRect();
          return [it.tagName, `${box.x} ${box.y + scrollY} ${it.textContent}`,
            parseFloat(getComputedStyle(it).outlineWidth) >= 2];
        })()""")
    )


def test_from_page_to_page(chromium, served):
    with opened(chromium, served("many")) as page:
        page.get_by_role("navigation", name="Pages of this site").get_by_text("Findings").click()
        assert page.url.endswith("/findings.html")
        page.get_by_role("navigation", name="Pages of findings").get_by_text("3").click()
        assert page.url.endswith("/findings-3.html")
        assert page.locator("h1").inner_text() == "Open findings, page 3 of 3"
        page.get_by_role("link", name="Status", exact=True).click()
        package = page.locator("table a.package").first
        package.click()
        assert page.locator("article:target").is_visible()


def test_what_a_screen_reader_hears_first(chromium, served):
    with opened(chromium, served("rich")) as page:
        for role in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        heard = page.locator("main").aria_snapshot()
        assert 'heading "Security status of paperboy" [level=1]' in heard
        assert 'img "Open findings from ' in heard
        assert 'table "Open findings in dependencies, worst first"' in heard
        assert 'columnheader "First seen, and due"' in heard
        assert 'rowheader "' in heard
