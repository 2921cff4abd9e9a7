"""The command ``drifthomer compile``."""

from __future__ import annotations

import click


@click.command("compile", short_help="Compile all kernels before their first use.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compile N kernels at a time.  [default: one for each processor, at most 4]",
)
def compile_kernels(processes: int | None) -> int:
    """Compile all kernels now, so that nothing has to be compiled when they are first used.

    They are kept in one folder per user, for all environments with the same versions of
    DriftHOMER, Python and Numba; DRIFTHOMER_CACHE_DIR names another folder.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from stream.kernels.filling import fill

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        row = bar.add_task("Looking for kernels", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(row, description="Compiling kernels", completed=done, total=total)

        filling = fill(processes, progress)
    click.echo(
        f"{filling.kernels} kernels are in {filling.folder}: {filling.compiled} were compiled, "
        f"in {filling.seconds:.1f} s."
    )
    return 0
