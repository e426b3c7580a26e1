"""The door to readme_renderer, by which PyPI shows a project's description."""

from __future__ import annotations

import io


def unrendered(text: str, kind: str) -> str:
    """Why a description would be refused; empty if it would not.

    Markdown and plain text always render; reStructuredText with an error in it does not.

    :param kind: its content type, or the name of the file that it is in.
    """
    if not kind.endswith((".rst", "text/x-rst")):
        return ""
    from readme_renderer import rst

    complaints = io.StringIO()
    if rst.render(text, stream=complaints) is not None:
        return ""
    return " ".join(complaints.getvalue().split())[:500] or "it is no reStructuredText"
