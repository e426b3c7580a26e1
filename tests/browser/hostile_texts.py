"""What an advisory or a report may hold to harm whoever looks at it; made up, and real where found.

Each tries to run ``window.pwned = 1``, to fetch something, or to break the page apart.
"""

import json
import os
import re
import zipfile
from pathlib import Path

RUN = "window.pwned=1"
AWAY = "https://away.example/"
MADE_UP = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src={AWAY}x.png onerror={RUN}>",
    f"\"'><svg onload={RUN}>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<iframe src={AWAY}></iframe><object data={AWAY}></object><embed src={AWAY}>",
    f"<a href=javascript:{RUN}>click</a>",
    f"<form action={AWAY}><button>send</button></form>",
    f"<base href={AWAY}>",
    f'<meta http-equiv=refresh content="0;url={AWAY}">',
    f"<link rel=stylesheet href={AWAY}x.css><style>@import '{AWAY}y.css';*{{display:none}}</style>",
    f"</style><script>{RUN}</script><style>",
    f"</title><script>{RUN}</script>",
    f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror={RUN}&gt;'>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video><audio src={AWAY}a.mp3 autoplay></audio>",
    f"<div style='position:fixed;inset:0;background:url({AWAY}z)'>over all</div>",
    f"<!--<script>{RUN}</script>-->]]><![CDATA[<script>{RUN}</script>]]>",
    "{{ 7 * 7 }}{% raw %}${7*7}#{7*7}<%= 7*7 %>",
    "</td></tr></table></main></body></html><h1>End</h1>",
    "\u202egpj.exe\u202c \u2066hidden\u2069 \u200b\u200d\ufeff",
    "\x00\x08\x1b[31mred\x1b[0m\x7f",
    "&lt;script&gt; &amp;amp; &#60;img&#62; &quot;",
    "W" * 5000,
    "ẗ̸̢̛͍̗̂̓" * 300,
    "مرحبا بالعالم שלום עולם 你好世界 🧑‍💻🏳️‍🌈",
    "line one\n\n\n# Heading\n* list\n[link](javascript:alert(1))\n```\ncode",
)

ARCHIVE = Path(os.environ.get("RELEASE_WARDEN_SHARED", ""), "advisories", "PyPI-all.zip")
MARKUP = re.compile(r"<(script|img|svg|iframe|a |div|b>|p>|br|table|h\d|style|input|form)", re.I)


def real() -> tuple[str, ...]:
    """Texts of published advisories with markup in them; none where the archive is not at hand."""
    if not os.environ.get("RELEASE_WARDEN_SHARED") or not ARCHIVE.is_file():
        return ()
    with zipfile.ZipFile(ARCHIVE) as archive:
        records = [json.loads(archive.read(name)) for name in sorted(archive.namelist())]
    texts = (record.get(key, "") for record in records for key in ("summary", "details"))
    return tuple(text for text in texts if MARKUP.search(text))
