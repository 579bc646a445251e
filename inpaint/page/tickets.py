"""Presses of buttons whose work waits its turn, so that Stop reaches also what has not begun."""

import secrets
from dataclasses import dataclass, field


@dataclass
class Ticket:
    """One press, from then until its work has ended."""

    what: str  # which button
    visitor: str = ""  # whose
    taken: bool = False  # whether its work stands in line, or has begun
    begun: bool = False
    stopped: bool = False


@dataclass
class Tickets:
    """A visitor's tickets that are out. No locks: Gradio copies the state that a page begins with."""

    out: dict[int, Ticket] = field(default_factory=dict)
    last: int = 0
    visitor: str = ""  # a random word, from the first press on: a copied state is another visitor's

    def draw(self, what: str) -> int:
        """The number of a new ticket."""
        self.visitor = self.visitor or secrets.token_hex(8)
        self.last += 1
        self.out[self.last] = Ticket(what, self.visitor)
        return self.last

    def awaited(self, what: str) -> bool:
        """Whether an earlier press of the button still waits or runs, and nobody stopped it."""
        return any(ticket.what == what and not ticket.stopped for ticket in list(self.out.values()))

    def take(self, number: object) -> Ticket | None:
        """The ticket whose work is to stand in line; None where it was stopped meanwhile, or is none. Good once."""
        ticket = self.out.get(number) if isinstance(number, int) else None
        if ticket is None or ticket.taken:
            return None
        if ticket.stopped:
            self.end(number)
            return None
        ticket.taken = True
        return ticket

    def end(self, number: int) -> None:
        """Take a ticket back."""
        self.out.pop(number, None)

    def stop(self, what: str = "") -> bool:
        """Mark all that are out, or those of one button; whether one of them has not begun."""
        marked = [ticket for ticket in list(self.out.values()) if what in ("", ticket.what)]
        for ticket in marked:
            ticket.stopped = True
        return any(not ticket.begun for ticket in marked)
