"""An edit of requirements changes what it names, and no other byte."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from release.adapters.builder import static_metadata
from release.errors import BlockedError
from release.model.snapshot import Edit
from release.scan.requirements import apply, lift
from release.ship.fix import difference, edit_digest, requirement_edits, respecified


def written(files, *pairs):
    """The files after edits, all of them, by path."""
    edits = [Edit(requirement=old, becomes=new) for old, new in pairs]
    return files | {one.path: one.after for one in requirement_edits(files.get, edits)}


@pytest.mark.parametrize(
    ("text", "specifier", "after"),
    [
        ("jinja2<3", ">=2", "jinja2>=2"),
        ("jinja2>=2,<3", ">=2", "jinja2>=2"),
        ("Jinja2 >=2, <3", ">=2", "Jinja2 >=2"),
        ("jinja2 == 2.0", ">=2.0", "jinja2 >= 2.0"),
        ("jinja2 <3", "", "jinja2"),
        ("jinja2 <3 ; python_version<'3.12'", "", "jinja2 ; python_version<'3.12'"),
        ("jinja2 (>=2,<3)", ">=2", "jinja2 (>=2)"),
        ("jinja2", ">=2.1", "jinja2>=2.1"),
        ("pkg[x]>=1 ; python_version<'3.12'", ">=2", "pkg[x]>=2 ; python_version<'3.12'"),
        ("pkg [a, b] ~= 1.4", ">=1.4", "pkg [a, b] >= 1.4"),
        ("pkg>=1, !=1.5, <2", "!=1.5,>=1.7", "pkg>=1.7, !=1.5"),
        ("pkg!=1.5,>=1,<2", "!=1.5,>=1", "pkg!=1.5,>=1"),
        ("pkg===2+local", ">=2", "pkg>=2"),
        ("pkg==1.*", ">=1", "pkg>=1"),
    ],
)
def test_only_the_specifier_changes(text, specifier, after):
    assert respecified(text, SpecifierSet(specifier)) == after


STATIC = """\
# A comment at the top.
[build-system]
requires = ["hatchling<2"]   # not what users get

[project]
name = "thing"
version = "1.0"
dependencies = [
  # capped in 2019, nobody remembers why
  "Jinja2 >=2, <3",   # a trailing comment
  'pkg[x]>=1,<2 ; python_version<"3.12"', "other",
  "pkg[x]<2,>=1; python_version < '3.12'", # the same once more

]
[project.optional-dependencies]
Web_UI = ["jinja2>=2,<3", 'flask == 2.0']  # in an extra
docs = [ "jinja2>=2,<3" ]
either = ["six<2; os_name=='nt' or python_version<'3.12'"]

[tool.other]
dependencies = ["Jinja2 >=2, <3"]
"""


def test_a_requirement_is_edited_wherever_it_stands_for_the_plain_install():
    after = written(
        {"pyproject.toml": STATIC},
        ("Jinja2 >=2, <3", "Jinja2>=2"),
        ('pkg[x]<2,>=1; python_version < "3.12"', 'pkg[x]>=1.7; python_version < "3.12"'),
    )["pyproject.toml"]
    assert after == STATIC.replace('  "Jinja2 >=2, <3",   #', '  "Jinja2 >=2",   #').replace(
        "'pkg[x]>=1,<2 ;", "'pkg[x]>=1.7 ;"
    ).replace('"pkg[x]<2,>=1;', '"pkg[x]>=1.7;')


def test_an_extra_is_edited_by_itself_however_its_marker_is_written():
    for line in (
        'jinja2<3,>=2; extra == "web-ui"',
        "jinja2>=2,<3; extra == 'Web_UI'",
        "jinja2<3,>=2 ; (extra == 'web_ui')",
    ):
        after = written({"pyproject.toml": STATIC}, (line, 'jinja2>=2; extra == "web-ui"'))
        text = after["pyproject.toml"]
        assert text == STATIC.replace('Web_UI = ["jinja2>=2,<3"', 'Web_UI = ["jinja2>=2"')
    either = "(os_name == 'nt' or python_version < '3.12')"
    for line in (f"six<2; {either} and extra == 'either'", f"six<2; extra=='either' and {either}"):
        text = written({"pyproject.toml": STATIC}, (line, line.replace("<2", "")))["pyproject.toml"]
        assert text == STATIC.replace("six<2;", "six;")


@pytest.mark.parametrize(
    "text",
    [
        'project = {name = "thing", version = "1", dependencies = ["jinja2<3"]}\n',
        'project.name = "thing"\nproject.version = "1"\nproject.dependencies = ["jinja2<3",]\n',
        '[project]\nname="t"\nversion="1"\ndependencies=["jinja2<3"]\n[tool.x]\na=1\n'
        '[project.optional-dependencies]\nb=["jinja2"]\n[tool.y]\n',
        '[project]\r\nname = "t"\r\nversion = "1"\r\n'
        'dependencies = [\r\n\t"jinja2<3", # x\r\n]\r\n',
        "[project]\nname = 't'\nversion = '1'\ndependencies = ['''jinja2<3''']",
    ],
)
def test_every_form_of_toml_keeps_its_layout(text):
    after = written({"pyproject.toml": text}, ("jinja2<3", "jinja2>=2"))["pyproject.toml"]
    if "'''" in text:
        text = text.replace("'''", "'")
    assert after == text.replace("jinja2<3", "jinja2>=2")


def test_a_marker_with_double_quotes_stays_valid_toml():
    text = (
        '[project]\nname = "t"\nversion = "1"\ndependencies = ["a<2; python_version<\\"3.12\\""]\n'
    )
    line = 'a<2; python_version<"3.12"'
    after = written({"pyproject.toml": text}, (line, line.replace("<2", "")))["pyproject.toml"]
    assert after == text.replace("a<2;", "a;")


DYNAMIC = """\
[project]
name = "t"
dynamic = ["version", "dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = ["requirements.in"]}
optional-dependencies.dev = {file = "dev.txt"}
"""


def test_requirements_files_that_setuptools_reads():
    files = {
        "pyproject.toml": DYNAMIC,
        "requirements.in": "# ours\njinja2<3  # capped\n\n  six\n",
        "dev.txt": "jinja2<3\r\npytest<9\r\n",
    }
    after = written(
        files, ("jinja2<3", "jinja2>=2"), ("pytest<9; extra == 'dev'", "pytest; extra == 'dev'")
    )
    assert after["requirements.in"] == "# ours\njinja2>=2  # capped\n\n  six\n"
    assert after["dev.txt"] == "jinja2<3\r\npytest\r\n"
    assert after["pyproject.toml"] == DYNAMIC


SETUP_CFG = """\
[metadata]
name = thing
description = jinja2<3

[options]
packages = find:
install_requires =
    # why
    jinja2<3  # capped
    six
python_requires = >=3.11

[options.extras_require]
web =
    jinja2<3
all = jinja2<3
"""


def test_setup_cfg():
    after = written({"setup.cfg": SETUP_CFG}, ("jinja2<3", "jinja2>=2"))["setup.cfg"]
    assert after == SETUP_CFG.replace("    jinja2<3  # capped", "    jinja2>=2  # capped")
    line = 'jinja2<3; extra == "web"'
    after = written({"setup.cfg": SETUP_CFG}, (line, line.replace("<3", "")))["setup.cfg"]
    assert after == SETUP_CFG.replace("web =\n    jinja2<3", "web =\n    jinja2")


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "setup(install_requires=['jinja2<3'])"},
        {"pyproject.toml": "[tool.poetry.dependencies]\njinja2 = '<3'\n"},
        {"setup.cfg": "[options]\ninstall_requires = jinja2<3\n"},
        {"pyproject.toml": DYNAMIC, "requirements.in": "-r jinja.txt\n"},
        {"pyproject.toml": STATIC.replace("Jinja2 >=2, <3", "jinja2 @ https://e.org/j.whl")},
    ],
)
def test_what_is_written_elsewhere_is_left_to_a_person_with_the_edit(files):
    with pytest.raises(BlockedError) as caught:
        written(files, ("jinja2<3", "jinja2>=2"))
    assert "replace jinja2<3 by jinja2>=2" in caught.value.remedy
    assert caught.value.exit_code == 3


def test_the_digest_names_the_edit_in_any_order():
    one, two = (Edit(requirement=f"{n}<2", becomes=n) for n in "ab")
    assert edit_digest("p", [one, two]) == edit_digest("p", [two, one])
    assert edit_digest("p", [one]) != edit_digest("q", [one])
    assert len(edit_digest("p", [one])) == 12


def test_the_difference_reads_as_git_writes_it():
    assert difference("p.toml", "a\nb", "a\nc") == (
        "--- a/p.toml\n+++ b/p.toml\n@@ -1,2 +1,2 @@\n a\n"
        "-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"
    )


versions = st.builds("{}.{}".format, st.integers(0, 9), st.integers(0, 9))
specifiers = st.lists(
    st.builds("{}{}{}".format, st.sampled_from((">=", "<", "<=", "!=", "==", "~=")),
              st.sampled_from(("", " ")), versions), max_size=3,
)  # fmt: skip
markers = st.sampled_from(
    ("", ";python_version<'3.12'", " ; python_version < '3.12' and os_name=='nt'",
     "; (os_name == 'nt' or python_version < '3.13')")
)  # fmt: skip
requirements = st.builds(
    lambda name, extras, gap, words, comma, marker: (
        name + extras + gap * bool(words) + comma.join(words) + marker
    ),
    st.sampled_from(("jinja2", "Jinja_2", "a.b", "zope-x")),
    st.sampled_from(("", "[x]", " [x, Y_z]")),
    st.sampled_from(("", " ")),
    specifiers,
    st.sampled_from((",", ", ", " ,")),
    markers,
)
arrays = st.lists(requirements, max_size=4)


@given(plain=arrays, extra=arrays, quote=st.sampled_from("\"'"), join=st.sampled_from(
    (", ", ",\n  ", ", # why\n\t")
))  # fmt: skip
def test_the_metadata_is_as_the_edit_says_and_taking_it_back_gives_the_same_bytes(
    plain, extra, quote, join
):
    if quote == "'":
        plain, extra = ([text.replace("'", '"') for text in texts] for texts in (plain, extra))
    lists = (f"[ {''.join(quote + t + quote + join for t in texts)}\n]" for texts in (plain, extra))
    head = '[project]\nname = "t"\nversion = "1"\n'
    text = head + "dependencies = {}\n[project.optional-dependencies]\nE_x = {}\n".format(*lists)
    requires = static_metadata(text).requires_dist
    edits = [Edit(requirement=line, becomes=lift(line)) for line in dict.fromkeys(requires)]
    edits = [edit for edit in edits if edit.requirement != edit.becomes]
    files = {"pyproject.toml": text}
    after = written(files, *((e.requirement, e.becomes) for e in edits))["pyproject.toml"]
    wanted = sorted(str(Requirement(line)) for line in apply(requires, edits))
    assert sorted(str(Requirement(line)) for line in static_metadata(after).requires_dist) == wanted
    for path in (("project", "dependencies"), ("project", "optional-dependencies", "E_x")):
        old, new = tomllib.loads(text), tomllib.loads(after)
        for key in path:
            old, new = old[key], new[key]
        assert len(old) == len(new)
        for was, now in zip(old, new, strict=True):
            after = after.replace(f"{quote}{now}{quote}", f"{quote}{was}{quote}", 1) if (
                was != now
            ) else after  # fmt: skip
    assert sorted(after) == sorted(text)
