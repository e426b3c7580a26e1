"""The site brought to a folder and to a bucket: whole at the end, led to nowhere on the way."""

import json
import os

import pytest
from aws_server import REGION, serve_aws
from kit import git, make_project, warden
from status_worlds import finding, lay_out, world

from release.adapters.bucket import Bucket
from release.errors import CredentialError, FailedError, ProjectError, TryAgainError, UsageError
from status_site.build import build
from status_site.publish import Folder, bring, destination, in_order, publish_site
from status_site.store import current_files


@pytest.fixture
def sites(tmp_path):
    """A site with a finding, and the same without."""
    made = []
    for name, held in (("old", [finding(), finding("a/CVE-1")]), ("new", [finding()])):
        folder = tmp_path / name
        build(lay_out(world(*held), tmp_path / f"{name}-documents"), folder)
        made.append(folder)
    return made


def there(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_becomes_the_site_and_keeps_what_is_not_ours(sites, tmp_path):
    old, new = sites
    public = tmp_path / "public"
    first = publish_site(old, "public", Folder(public))
    assert there(public) == set(current_files(old)) == set(first.written)
    assert not any(path.is_symlink() for path in public.rglob("*"))
    for name in ("CNAME", "findings/notes.txt", "about.html"):
        (public / name).write_text("not ours")
    done = publish_site(new, "public", Folder(public))
    assert len(done.removed) == len(set(current_files(old)) - set(current_files(new))) > 0
    assert there(public) == {*current_files(new), "CNAME", "findings/notes.txt", "about.html"}
    assert all((public / name).read_bytes() == data for name, data in current_files(new).items())
    again = publish_site(new, "public", Folder(public))
    assert (again.written, again.removed) == ((), ())


def test_a_dry_run_changes_nothing_there(sites, tmp_path):
    public = tmp_path / "public"
    told = publish_site(sites[0], "public", Folder(public), dry_run=True)
    assert set(told.written) == set(current_files(sites[0]))
    assert not public.exists()


class Dying(Folder):
    """A folder whose writer is killed after so many acts."""

    def __init__(self, path, left):
        super().__init__(path)
        self.left = left

    def put(self, name, data, kind):
        self._act()
        super().put(name, data, kind)

    def delete(self, name):
        self._act()
        super().delete(name)

    def _act(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_killed_at_every_act_no_reader_is_led_nowhere_and_the_next_run_ends_it(sites, tmp_path):
    old, new = map(current_files, sites)
    acts = 0
    while True:
        public = tmp_path / f"public-{acts}"
        bring(old, Folder(public))
        try:
            bring(new, Dying(public, acts))
        except KeyboardInterrupt:
            led_somewhere(public)
            bring(old if acts % 2 else new, Folder(public))
            wanted = old if acts % 2 else new
            assert {name: (public / name).read_bytes() for name in there(public)} == wanted
            acts += 1
        else:
            break
    assert acts > 20


def led_somewhere(public):
    """What index.json names is there; and it is one of the two builds, whole."""
    index = json.loads((public / "index.json").read_text())
    named = [item["file"] for item in (*index["findings"], *index["releases"])]
    named += [path for path in index["links"].values() if "/" not in path or path in named]
    assert all((public / name).is_file() for name in named)


def test_the_order():
    names = [
        "index.json",
        "build.json",
        "badges/a.svg",
        "findings/x.json",
        "index.html",
        "feed.xml",
    ]
    assert in_order(names) == [
        "feed.xml", "findings/x.json", "badges/a.svg", "index.html", "build.json", "index.json"
    ]  # fmt: skip


@pytest.mark.parametrize("named", ["", "gs://bucket/x", "s3://", "https://x.example"])
def test_places_that_are_none(named):
    with pytest.raises(UsageError):
        destination(named)


def test_the_pages_of_somebody_else_stay(tmp_path):
    handbook = tmp_path / "public"
    handbook.mkdir()
    (handbook / "index.html").write_text("<h1>my handbook</h1>")
    with pytest.raises(UsageError, match="holds another site"):
        destination(str(handbook))


def test_the_first_time_nothing_is_removed(sites, tmp_path):
    public = tmp_path / "public"
    for name in ("releases/1.0.html", "badges/coverage.svg"):
        (public / name).parent.mkdir(parents=True)
        (public / name).write_text("not ours")
    assert publish_site(sites[0], "public", Folder(public)).removed == ()
    assert there(public) > {"releases/1.0.html", "badges/coverage.svg"}
    publish_site(sites[1], "public", Folder(public))
    assert (public / "badges/coverage.svg").read_text() == "not ours"


def test_a_place_that_cannot_be_written_is_the_one_that_is_named(sites, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is no folder"):
        destination(str(tmp_path / "file"))
    with pytest.raises(FailedError, match=f"brought to {tmp_path}/file/public"):
        publish_site(sites[0], "public", Folder(tmp_path / "file" / "public"))


def test_the_folder_of_links_is_none(sites):
    with pytest.raises(UsageError, match=r"status\.build keeps"):
        destination(str(sites[0]))


def test_nothing_to_publish(tmp_path):
    with pytest.raises(ProjectError, match="no site"):
        publish_site(tmp_path / "none", "public", Folder(tmp_path / "public"))


def test_the_task(tmp_path):
    project = make_project(tmp_path / "plain")
    lay_out(world(finding()), project / ".release" / "run" / "documents")
    public = tmp_path / "public"
    ran = warden(project, "status.publish", "--to", str(public), "--dry-run")
    assert (ran.code, public.exists()) == (0, False)
    ran = warden(project, "status.publish", "--to", str(public))
    assert (ran.code, ran.document["schema"]) == (0, "release-warden/status-published/1")
    assert ran.document["written"][-1] == "index.json"
    assert there(public) == set(ran.document["written"])
    (project / ".release" / "run" / "documents" / "record.json").write_text("{")
    failed = warden(project, "status.publish", "--to", str(public))
    assert failed.code == 1
    index = json.loads((public / "index.json").read_text())
    assert (index["security_grade"], bool(index["failed_update"])) == (None, True)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with serve_aws(tmp_path_factory.mktemp("aws")) as account:
        account.root("s3").create_bucket(
            Bucket="site", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield account


@pytest.fixture
def bucket(aws, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return aws.root("s3")


def test_a_bucket_becomes_the_site_and_keeps_what_is_not_ours(sites, bucket):
    old, new = sites
    bucket.put_object(Bucket="site", Key="other/file.txt", Body=b"x")
    place = destination("s3://site/security-status/")
    first = publish_site(old, "s3", place)
    assert first.written[-1] == "index.json"
    bucket.put_object(Bucket="site", Key="security-status/CNAME", Body=b"x")
    done = publish_site(new, "s3", place)
    assert done.removed
    assert set(place.digests()) == {*current_files(new), "CNAME"}
    for name, data in current_files(new).items():
        got = bucket.get_object(Bucket="site", Key=f"security-status/{name}")
        assert got["Body"].read() == data
        assert got["ContentType"].partition(";")[0] == {
            "html": "text/html", "json": "application/json", "svg": "image/svg+xml",
            "xml": "application/atom+xml",
        }[name.rpartition(".")[2]]  # fmt: skip
    again = publish_site(new, "s3", place)
    assert (again.written, again.removed) == ((), ())
    assert "other/file.txt" in destination("s3://site").digests()


def test_what_a_bucket_may_do_wrong(bucket, monkeypatch):
    with pytest.raises(FailedError, match="nowhere refused"):
        Bucket("nowhere", "").digests()
    with pytest.raises(UsageError):
        Bucket("no bucket!", "").digests()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("release.adapters.bucket.TRIES", 1)
    with pytest.raises(TryAgainError, match="does not answer"):
        Bucket("site", "").digests()
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CredentialError, match="no right to write"):
        Bucket("site", "").digests()


def runs_of(project):
    """The book of runs in the ledger: task and exit code of each."""
    shown = git(project, "show", "refs/release-warden/plain-thing/runs:runs.json")
    return [(one["task"], one["exit_code"]) for one in json.loads(shown)["ran"]]


def wrong_with(project):
    """What people are alerted to: the kind of each alert, and its subject."""
    told = warden(project, "release.alert").document
    return [(one["alert"]["kind"], one["alert"]["subject"]) for one in told["standing"]]


def test_a_failed_update_is_marked_told_alerted_and_over_with_the_next_one(tmp_path):
    """A failed update keeps the last good status, marks it stale, alerts, is retried."""
    project = make_project(tmp_path / "plain")
    assert warden(project, "release.scan", "--from", str(reports(tmp_path))).code == 0
    public = tmp_path / "public"
    assert warden(project, "status.publish", "--to", str(public)).code == 0
    before = there(public)
    last_run = json.loads((public / "index.json").read_text())["last_run"]
    (tmp_path / "file").write_text("no folder can be made in it")
    failed = warden(project, "status.publish", "--to", str(tmp_path / "file" / "public"))
    assert (failed.code, failed.document["schema"]) == (1, "release-warden/error/1")
    run = json.loads((project / ".release" / "run" / "documents" / "run.json").read_text())
    assert (run["task"], run["event"]["class"]) == ("status.publish", "machine")
    assert wrong_with(project) == [("status-stale", "status.publish")]
    assert there(public) == before
    assert warden(project, "status.publish", "--to", str(public)).code == 0
    assert wrong_with(project) == []
    assert json.loads((public / "index.json").read_text())["last_run"] == last_run
    for _ in range(2):
        again = warden(project, "status.publish", "--to", str(public))
    assert again.document["written"] == []
    ends = [code for task, code in runs_of(project) if task == "status.publish"]
    assert ends == [0, 1, 0, 0, 0]


def reports(folder):
    """A folder with the report of a scanner that found nothing."""
    made = folder / "reports"
    made.mkdir()
    (made / "pip-audit.json").write_text(
        '{"dependencies": [{"name": "idna", "version": "3.0", "vulns": []}], "fixes": []}'
    )
    return made
