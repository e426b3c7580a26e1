"""What ``release.auto`` prints: the decision, and beside it what came of it."""

from __future__ import annotations

from release.model.base import schema_name
from release.model.decision import Decision
from release.model.fix import Fix
from release.model.plan import Plan
from release.model.receipt import Receipt


class Automatic(Decision, frozen=True, kw_only=True, tag=schema_name("Decision")):
    """A decision with the plan of a dry run, or the receipt of the release that it led to.

    ``fix`` is the edit of our requirements that was proposed or released.
    """

    plan: Plan | None = None
    receipt: Receipt | None = None
    fix: Fix | None = None

    @classmethod
    def of(
        cls,
        decision: Decision,
        *,
        plan: Plan | None,
        receipt: Receipt | None,
        fix: Fix | None = None,
    ) -> Automatic:
        """The same decision with what came of it."""
        fields = {name: getattr(decision, name) for name in Decision.__struct_fields__}
        return cls(**fields, plan=plan, receipt=receipt, fix=fix)
