"""The story of one account in the terminal, in Chinese or English."""

from typing import Any

from rich.console import Console

from arrears.reports.story import tell
from arrears.reports.wording import words


def print_story(story: dict[str, Any], language: str, time_zone: str) -> None:
    """Print what was decided, what was done and what was not, each with its reasons, and where it comes from."""
    say = words(language)
    told = tell(story, say, time_zone)
    console = Console(highlight=False, soft_wrap=True)
    console.print(told.head, markup=False)
    sections = [(part.title, part.lines) for part in told.sections]
    if told.sources:
        sections.append((say("story.title.sources"), told.sources))
    for title, lines in sections:
        console.print(title, markup=False)
        for line in lines:
            console.print(f"  {line}", markup=False)
