"""Recompute the grade from index.json alone: ``python grade.py index.json``."""

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

page = json.loads(Path(sys.argv[1]).read_text("utf-8"))
formula, own, late = page["formula"], page["vulnerability_summary"], page["own_code"]["overdue"]
cost, moment = Counter(), datetime.fromisoformat
now = page["scan_date"] and moment(page["scan_date"])
for found in page["findings"]:
    severity, fixed, due = found["severity"], found["fix_available_at"], found["due"]
    some = found["verdict"] == "installable-fix" or found["scope"] == "extra"
    old = (now - moment(fixed)).days >= formula["old_fix_days"] if fixed else found["fixed_in"]
    share = formula["exposure"]["some-installs" if some else "every-install"]
    share *= formula["fix"]["old" if old else "new"]
    cost[severity] += formula["points"][severity] * share // 10_000
    late += due is None or now > moment(due)
    own[severity] -= 1
for severity, each in formula["points"].items():  # what is left is in the project's own code
    cost[severity] += own[severity] * each
points = max(0, 100 - sum(min(cost[it], most) for it, most in formula["ceilings"].items()))
earned = min(letter for letter, least in formula["bands"].items() if points >= least)
cap = max(["A", *(letter for severity, letter in formula["caps"].items() if cost[severity])])
cap = "ABCDFF"["ABCDF".index(cap) + bool(late)]
print("none" if None in [it["at_most"] for it in page["grade_caps"]] else max(earned, cap))
