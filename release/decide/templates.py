"""The words of the release notes, as templates that :mod:`release.decide.markup` fills in."""

from __future__ import annotations

WHERE = """\
{% if pythons %} on Python {{ pythons|join(", ")|cut(80) }}{% endif %}
{% if extras and "" not in extras %}, with the extra {{ extras|codes(3) }}{% endif %}
"""
"""Which installs get a finding; it ends no line, so that the sentence goes on."""

FIXED = """\
- {{ package|code }}: a fresh install no longer gets {{ ids }}{{ about }}.
{%- if becomes %} It gets {{ becomes|codes(3) }}{% if was %} instead of {{ was|codes(3) }}\
{% endif %}{% else %} It does not get {{ package|code }} any more{% endif %}{{ where }}.
"""

DISCLOSED = """\
- {{ package|code }} itself: {{ ids }}{{ about }}. Affected: \
{{ was|codes(5) or "earlier releases" }}{{ where }}; fixed in \
{{ version|code }}.{% if url %} {{ url|link }}{% endif %}

"""

OPEN = """\
- {{ package|code }}{% if was %} {{ was|codes(3) }}{% endif %}: {{ ids }}{{ about }}\
{% if verdict %}; {{ verdict }}{% endif %}{{ where }}.
"""

RATED = """\
- {{ package|code }} {{ name|code }}: {{ evidence|cut(80) }}
"""

SETTLED = """\
- {{ package|code }} {{ name|code }}: {{ cause }}
"""

ADVICE = """\
Affected: whoever uses {{ project|code }}{% if since %} {{ since|code }}{% endif %}; older \
releases were not looked at. What to do: upgrade to {{ version|code }}.
{%- if upgrades %} An environment that exists keeps what it has installed; upgrade there as well: \
{{ upgrades }}.{% endif %}

"""

AUTOMATIC = """\
Release {{ version }} of {{ date }} was made automatically, by the rule {{ rule }}.
"""

REASON = """\
- {{ reason|cut(2000) }}
"""

WHY = """\
{% if manual %}
A person asked for this release{% if reason %}: {{ reason|cut(2000) }}{% endif %}

{% else %}
The rule {{ rule|code }} of the policy made this release without a hand: {{ why|cut(300) }}
{% if evidence %}

Evidence: {{ evidence|cut(2000) }}
{% endif %}
{% endif %}
"""

HEADLINE = """\
{% if fixed %}
{{ project|code }} {{ version|code }} fixes {{ fixed }} known \
{{ "vulnerability" if fixed == 1 else "vulnerabilities" }} that users\
{% if since %} of {{ since|code }}{% endif %} get.
{% else %}
{{ project|code }} {{ version|code }}, of {{ date }}.
{% endif %}
"""

TEMPLATES = {
    "where": WHERE,
    "fixed": FIXED,
    "disclosed": DISCLOSED,
    "open": OPEN,
    "rated": RATED,
    "settled": SETTLED,
    "advice": ADVICE,
    "automatic": AUTOMATIC,
    "reason": REASON,
    "why": WHY,
    "headline": HEADLINE,
}
