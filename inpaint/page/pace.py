"""How long something under way will take yet, or nothing where that cannot be told."""

import math
from collections import deque

ENOUGH = 0.15  # of the work done, before its pace says how long the rest takes
FEW, ALIKE = 3, 1.5  # steps that this takes, and by how much what they foretell may differ
MANY, STEADY = 5, 1.3  # the same of steps that say it earlier
SHORTEST = 1.0  # seconds of work before anything is said
NEAR = 1.4  # an estimate that is off by less than this factor goes on as it was told


class Pace:
    """What was told of one piece of work as it went on, and what follows from it."""

    def __init__(self) -> None:
        self._begin(0.0, 0.0)

    def _begin(self, seconds: float, progress: float) -> None:
        self.points = deque([(seconds, progress)])  # both rise
        self.ends: deque[float] = deque(maxlen=MANY)  # seconds at which it would end, as each step had it
        self.end: float | None = None  # what was told last

    def left(self, progress: float, seconds: float) -> float | None:
        """Seconds that are left after so many, with so much done (0..1); None while that cannot be trusted.

        The pace is that of the latter half of what is done: the beginning soon counts no more.
        """
        last, reached = self.points[-1]
        if seconds < last or progress < reached:  # it began anew, or goes on in another way
            self._begin(seconds, progress)
        elif progress > reached and seconds > last:
            self.points.append((seconds, progress))
            while len(self.points) > 2 and self.points[1][1] <= progress / 2:
                self.points.popleft()
            self.ends.append(seconds + (1 - progress) * self._pace())
            self._tell(progress, seconds)
        return None if self.end is None or seconds >= self.end else self.end - seconds

    def _pace(self) -> float:
        """Seconds for all of the work at the pace of late."""
        (before, since), (now, progress) = self.points[0], self.points[-1]
        return (now - before) / (progress - since)

    def _tell(self, progress: float, seconds: float) -> None:
        """Decide what is told from now on."""
        number, factor = (FEW, ALIKE) if progress >= ENOUGH else (MANY, STEADY)
        ends = list(self.ends)[-number:]
        if seconds < SHORTEST or len(ends) < number or (not self.end and max(ends) > factor * min(ends)):
            return
        left, told = self.ends[-1] - seconds, (self.end or -math.inf) - seconds
        if not left / NEAR < told < left * NEAR:
            self.end = self.ends[-1]


def about(seconds: float) -> str:
    """So many seconds (> 0) in words, as roughly as they are known: "about 8 s", "about 25 s", "about 2 min"."""
    if seconds >= 57.5:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {5 * round(seconds / 5) if seconds >= 9.5 else max(1, round(seconds))} s"
