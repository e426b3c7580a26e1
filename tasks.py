"""The tasks of this repository: the collections, and the demonstration."""

from invoke.collection import Collection

from examples import demo
from release.aws import collection as aws
from release.pipelines import collection as release
from status_site.pipelines import collection as status

namespace = Collection(release, status, aws, demo.demo)
