"""Install into the environment of the Python that runs this, with uv, or else with pip.

``python tools/install.py -c constraints.txt -e .`` takes what both programs understand. uv needs a
tenth of pip's processor time; it is itself installed by pip, in the version of constraints.txt.

uv does not read pip's configuration. The index, folders of archives and the certificate that pip
is told of are passed on; where pip is told anything else that decides what is installed, or from
where, pip does all. So it does where uv cannot be had or fails, and with ``INSTALLER=pip`` in the
environment.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
# Options of pip that uv has under the same name.
PASSED_ON = {"index-url", "find-links"}
# Options of pip that change neither what is installed nor from where.
WITHOUT_EFFECT = {
    "cache-dir",
    "default-timeout",
    "disable-pip-version-check",
    "no-cache-dir",
    "no-color",
    "no-input",
    "no-python-version-warning",
    "progress-bar",
    "quiet",
    "require-virtualenv",
    "retries",
    "root-user-action",
    "timeout",
    "verbose",
}


def pip_options(listed: str) -> dict[str, str]:
    """What ``pip config list`` tells of installing, of each option the value that counts.

    Examples
    --------
    >>> pip_options("global.timeout='9'\\ninstall.index-url='https://here/'\\ndownload.pre='1'")
    {'timeout': '9', 'index-url': 'https://here/'}
    """
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in found:
            found[section][option] = str(ast.literal_eval(value))
    return found["global"] | found["install"] | found[":env:"]


def uv_settings(options: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment variables for uv that say the same as options of pip.

    Raises
    ------
    ValueError
        uv cannot be told an option; the message names it.

    Examples
    --------
    >>> uv_settings({"find-links": "/a /b", "cert": "/c.pem", "timeout": "9"})
    (['--find-links', '/a', '--find-links', '/b'], {'SSL_CERT_FILE': '/c.pem'})
    """
    arguments: list[str] = []
    variables: dict[str, str] = {}
    for option, value in options.items():
        if option in PASSED_ON:
            for each in value.split():
                arguments += [f"--{option}", each]
        elif option == "cert":
            variables["SSL_CERT_FILE"] = value
        elif option not in WITHOUT_EFFECT:
            raise ValueError(f"pip is configured with {option}, which uv does not know")
    return arguments, variables


def install_with_uv(arguments: list[str]) -> None:
    """Install with uv, which is installed first.

    Raises
    ------
    ValueError
        uv cannot be told how pip is configured.
    RuntimeError
        uv cannot be installed, or failed.
    """
    options, variables = uv_settings(pip_options(_run(_pip("config", "list"))))
    uv = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    pinned = next(
        line for line in CONSTRAINTS.read_text(encoding="utf-8").split() if line.startswith("uv==")
    )
    _run(_pip("install", "--quiet", pinned))
    command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
    if sys.dont_write_bytecode:
        # Else each process compiles all that it imports, which takes seconds.
        command.append("--compile-bytecode")
    _run([*command, *options, *arguments], **variables)


def _pip(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def _run(command: list[str], **variables: str) -> str:
    """Run a program without showing what it says; its standard output."""
    done = subprocess.run(
        command, env=variables | os.environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        program = " ".join(command[:3])
        raise RuntimeError(f"{program} ... failed: {' '.join(done.stderr.split())}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Install what the arguments say; the exit code."""
    if os.environ.get("INSTALLER") != "pip":
        try:
            install_with_uv(arguments)
            return 0
        except (OSError, RuntimeError, ValueError) as error:
            print(f"Installing with pip, which takes longer than uv: {error}", flush=True)
    return subprocess.run(_pip("install", "--quiet", *arguments), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
