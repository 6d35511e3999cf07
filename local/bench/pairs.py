"""Runs ours and the references by turns, and says what the figures mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

FEWEST_PAIRS = 5

Sample = Callable[[], float]


@dataclass(frozen=True)
class Trial:
    """How one measure takes its samples.

    Args:
        ours: takes one sample of the product.
        references: by name, one of each reference.
    """

    ours: Sample
    references: Mapping[str, Sample]


@dataclass(frozen=True)
class Series:
    """The samples of one trial, by turns: ours, each reference, ours again."""

    ours: list[float]
    again: list[float]
    references: Mapping[str, list[float]]

    @property
    def figure(self) -> float:
        """Ours, the median."""
        return median(self.ours + self.again)

    @property
    def spread(self) -> float:
        """How far ours is from ours, as part of it: the median pair of samples that should be the same.

        Noise comes in bursts here, so that the widest pair of a handful tells of the machine's worst moment alone.
        """
        return median(abs(first / second - 1) for first, second in zip(self.ours, self.again, strict=True))

    def reference(self, name: str) -> float:
        return median(self.references[name])

    def ratio(self, name: str) -> float:
        """Ours to the reference, the median of the pairs. Ours of a pair is the mean of before and after it."""
        means = [(first + second) / 2 for first, second in zip(self.ours, self.again, strict=True)]
        return median(ours / other for ours, other in zip(means, self.references[name], strict=True))


def sampled(trial: Trial, pairs: int = FEWEST_PAIRS) -> Series:
    """Takes the samples, after one of each that does not count."""
    for sample in (trial.ours, *trial.references.values()):
        sample()
    ours, again = [], []
    references: dict[str, list[float]] = {name: [] for name in trial.references}
    for _ in range(pairs):
        ours.append(trial.ours())
        for name, sample in trial.references.items():
            references[name].append(sample())
        again.append(trial.ours())
    return Series(ours, again, references)
