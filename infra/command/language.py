"""The option that chooses a language, the same for every command that writes sentences."""

from typing import Annotated, Literal

import typer

Language = Annotated[Literal["zh-CN", "en"], typer.Option("--language", help="of the sentences")]
