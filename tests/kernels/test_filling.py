"""All kernels are found and compiled before they are needed."""

import os
import subprocess
import sys

import pytest

from stream.engine import compile_helpers
from stream.kernels.discovering import discover, discover_in_stages


@pytest.fixture(scope="module")
def found():
    return discover()


def test_the_kernels_of_every_package_are_found(found):
    """A scenario is missing, so that its kernels are compiled while the user waits."""
    modules = {task.module for task in found if task.from_python}
    assert {"stream.engine.tree", "stream.engine.metrics", "stream.engine.cooccurrence"} <= modules
    assert any(module.startswith("stream.data.synthetic") for module in modules)


def test_callees_come_first(found):
    """The pool begins with what needs everything else, and its processes wait for each other."""
    names = [f"{task.module}.{task.name}" for task in found]
    assert names.index("stream.engine.random.mix") < names.index("stream.engine.tree.advance")


COMPILE_SOME = """
from stream.cli import main
from stream.kernels import filling
stages = list(filling.discover_in_stages())
sea = [[task for task in stage if task.module.endswith("synthetic.sea")] for stage in stages]
filling.discover_in_stages = lambda: sea
main(["compile", "--processes", "2"])
"""


def test_the_command_compiles_what_is_missing_and_no_more(found, tmp_path, monkeypatch):
    """A kernel is compiled for other types than those of the calls, or again at every start."""
    n_kernels = sum(task.module.endswith("synthetic.sea") for task in found)
    assert n_kernels > 0
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path))
    for n_compiled in (n_kernels, 0):
        # In a process of its own: in this one the kernels may have been used already.
        done = subprocess.run(
            [sys.executable, "-c", COMPILE_SOME], capture_output=True, text=True, check=False
        )
        assert f"{n_kernels} kernels are in" in done.stdout, done.stderr
        assert f": {n_compiled} were compiled" in done.stdout

    program = (
        "from stream import open_source\n"
        "from stream.data.synthetic import sea\n"
        "list(open_source('sea-a:rows=10').batches(10))\n"
        "print(sum(sea._sea.stats.cache_misses.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "0\n", done.stderr


COMPILE_IN_STAGES = """
from stream.kernels import filling
found = [task for stage in filling.discover_in_stages() for task in stage]
some = [task for task in found if ".synthetic." in task.module and task.from_python][:3]
def discover_in_stages():
    yield some
    kept = list(filling.kernel_cache.cache_root().rglob("*.kernel"))
    print(len(some), len(kept))
filling.discover_in_stages = discover_in_stages
filling.fill(1)
"""


def test_later_kernels_are_looked_for_when_the_first_are_compiled(tmp_path, monkeypatch):
    """The interpreter takes the processor from the kernels that are waited for."""
    monkeypatch.setenv("DRIFTHOMER_CACHE_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", COMPILE_IN_STAGES], capture_output=True, text=True, check=False
    )
    known, kept = map(int, done.stdout.split())
    assert known > 1
    assert kept >= known - 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
def test_the_second_stage_comes_although_there_are_forked_processes():
    """Compiling waits for ever: its processes hold open what tells of the end of the first."""
    program = (
        "import os, signal, time\n"
        "from stream.kernels.discovering import discover_in_stages\n"
        "stages = discover_in_stages()\n"
        "next(stages)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    time.sleep(600)\n"
        "try:\n"
        "    print(len(next(stages)) > 0)\n"
        "finally:\n"
        "    os.kill(child, signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "True\n", done.stderr


def test_helpers_are_started_once_and_end(tmp_path, monkeypatch):
    """Each missing kernel starts processes, or they are started when all has been compiled."""
    monkeypatch.setattr(compile_helpers, "_started", [])
    monkeypatch.setattr(compile_helpers, "MODULE", "stream.engine.random")  # ends at once
    monkeypatch.setenv(compile_helpers.VARIABLE, "2")
    started = []
    popen = subprocess.Popen

    def spy(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(compile_helpers.subprocess, "Popen", spy)
    compile_helpers.start(tmp_path, tmp_path / "none")
    compile_helpers.start(tmp_path, tmp_path / "none")
    assert len(started) == 1
    assert started[0].wait(timeout=300) == 0

    compile_helpers._started.clear()
    compile_helpers.complete_mark(tmp_path).touch()
    compile_helpers.start(tmp_path, tmp_path / "none")
    compile_helpers._started.clear()
    monkeypatch.setenv(compile_helpers.VARIABLE, "0")
    compile_helpers.start(tmp_path / "other", tmp_path / "none")
    assert len(started) == 1


def test_a_wrong_number_of_processes_is_named(monkeypatch):
    """'two' ends in a message that tells nothing."""
    monkeypatch.setenv(compile_helpers.VARIABLE, "two")
    with pytest.raises(ValueError, match=r"DRIFTHOMER_COMPILE_PROCESSES must be .* got 'two'"):
        compile_helpers.n_processes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
def test_helpers_end_with_the_process_that_they_help(tmp_path):
    """A killed program leaves compilers behind."""
    program = (
        "import os, sys, time\n"
        "from stream.kernels.filling import end_with\n"
        "if os.fork():\n"
        "    sys.stdin.readline()\n"
        "    os._exit(0)\n"
        "end_with(os.getppid())\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout.readline() == "up\n"
    parent.kill()
    # Standard output is closed when the last of the two has ended.
    assert parent.communicate(timeout=300)[0] == ""


def test_an_evaluation_of_the_default_model_comes_first():
    """What the first command waits for is compiled after generators and other models."""
    first, rest = discover_in_stages()
    modules = {task.module for task in first}
    assert {"stream.engine.metrics", "stream.engine.tree", "stream.engine.gate"} <= modules
    later = {
        "stream.engine.forest",
        "stream.engine.expert_mixture",
        "stream.data.synthetic.agrawal",
    }
    assert not later & modules
    assert later <= {task.module for task in rest}
    keys = [(task.module, task.name, task.types) for task in (*first, *rest) if task.from_python]
    assert len(set(keys)) == len(keys)


def test_a_scenario_that_fails_is_told(tmp_path, monkeypatch):
    """Nothing is compiled beforehand, and nobody learns why."""
    (tmp_path / "numba.py").write_text("raise ImportError('there is no Numba here')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(RuntimeError, match="there is no Numba here"):
        discover()
