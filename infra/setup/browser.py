"""Finds the browser and the PDF tools that the browser tests use, and installs them where they are missing."""

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str | None:
    """The path of a Chromium on this machine, or None."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def main() -> int:
    """Install what is missing; say what to do where that is not possible."""
    missing = [] if browser() else ["chromium"]
    if not shutil.which("pdfsig"):
        missing.append("poppler-utils")
    if missing and shutil.which("apt-get") and (os.geteuid() == 0 or shutil.which("sudo")):
        print(f"setting up: {', '.join(missing)} (Debian packages)")
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=False, **quiet)
        install = [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(install, check=False, **quiet)
    lacking = []
    if not browser() and not _playwrights_own():
        lacking.append("a Chromium on the PATH (Debian: chromium)")
    if not shutil.which("pdfsig"):
        lacking.append("the PDF tools of Poppler (Debian: poppler-utils, macOS: brew install poppler)")
    if lacking:
        print(f"The browser tests need {' and '.join(lacking)}. Install that, then try again.", file=sys.stderr)
        return 1
    return 0


def _playwrights_own() -> bool:
    """Whether Playwright's build of the browser, for machines without apt, is there now."""
    print("setting up: Playwright's Chromium")
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
