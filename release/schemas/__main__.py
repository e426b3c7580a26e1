"""Write the schemas anew, beside this file."""

from pathlib import Path

from release.schemas import write

write(Path(__file__).parent)
