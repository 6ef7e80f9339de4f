"""What became of the mutants: killed, survived, or explained as equivalent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

__all__ = ["FileScore", "Mutation", "read_equivalents", "score"]

EQUIVALENTS = Path(__file__).with_name("equivalent.txt")

ANYTHING = "(anything)"

ALIVE = {"survived", "no tests", "not checked"}


@dataclass(frozen=True)
class Mutation:
    """Lines of code that were changed in a file; or a function with ANYTHING in its place."""

    file: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}\n- {self.before}\n+ {self.after}"


@dataclass
class FileScore:
    """The mutants of a file."""

    file: str
    killed: int = 0
    equivalent: int = 0
    survived: list[Mutation] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Killed ones among those that are not equivalent."""
        mutants = self.killed + len(self.survived)
        return self.killed / mutants if mutants else 1.0

    def __str__(self) -> str:
        text = f"{self.share:7.1%}  {self.killed:5} killed, {len(self.survived):4} survived"
        return f"{text}, {self.equivalent:3} equivalent  {self.file}"


def read_equivalents(path: Path = EQUIVALENTS) -> dict[Mutation, str]:
    """Why each of these changes nothing, or why that cannot be known. An entry is a file, the line
    before, the line after and the reason, a line each; empty lines and those that begin with # say
    nothing."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    entries = zip(*[iter(lines)] * 4, strict=True)
    return {
        Mutation(file, before.removeprefix("- "), after.removeprefix("+ ")): reason
        for file, before, after, reason in entries
    }


def score(copy: Path, files: Iterable[str], equivalents: Iterable[Mutation]) -> list[FileScore]:
    """The score of each of these files that has mutants in this copy."""
    known = set(equivalents)
    with contextlib.chdir(copy):
        scores = [_score_of(file, known) for file in files]
    return [each for each in scores if each.killed or each.survived or each.equivalent]


def _score_of(file: str, known: set[Mutation]) -> FileScore:
    mutants = SourceFileMutationData(path=Path(file))
    mutants.load()
    statuses = {name: status_by_exit_code[code] for name, code in mutants.exit_code_by_key.items()}
    result = FileScore(file, killed=sum(status not in ALIVE for status in statuses.values()))
    for name in (name for name, status in statuses.items() if status in ALIVE):
        mutation = _mutation(file, name)
        if mutation in known or Mutation(file, _function_of(name), ANYTHING) in known:
            result.equivalent += 1
        else:
            result.survived.append(mutation)
    return result


def _mutation(file: str, name: str) -> Mutation:
    lines = get_diff_for_mutant(name, path=Path(file)).splitlines()[2:]
    return Mutation(file, " ".join(_with("-", lines)), " ".join(_with("+", lines)))


def _function_of(name: str) -> str:
    """`Retry.wrap` of `medianest.resilience.retry.xǁRetryǁwrap__mutmut_1`."""
    function = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    return function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")


def _with(sign: str, lines: list[str]) -> Iterator[str]:
    return (line[1:].strip() for line in lines if line.startswith(sign))
