"""Calling a Lambda: its app.py under a name of its own (every function has a module called app), and a context."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).parent.parent
# What Lambda tells a handler of itself, as far as its log says it.
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn:aws:lambda:::f", aws_request_id="r"
)


def load_app(function: str) -> ModuleType:
    """A fresh import of functions/<function>/app.py: settings are read again from the environment."""
    name = f"functions.{function}.app"
    spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
