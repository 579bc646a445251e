"""A method as it is set up: which, with what weights and options."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr

from ... import zoo
from ...checkpoints.store import Offer
from ...contract import Card, InpaintError, Layer, Option
from ...fill import pipeline
from ...lab.manifest import Manifest
from ...lab.trials import Trial
from ..lanes import Errand, errand
from ..widgets.methods import Row, from_methods, methods, to_methods
from ..words import badge, barred, called, card_html, control, line, listed, weights_choices
from .getting import getting, size

AUTO = "auto"  # the best method that is here when the fill begins


def taken(name: str) -> str:
    """The method itself: of Auto, the one it takes now. Raises InpaintError for a name that is none."""
    if name == AUTO:
        return zoo.default()
    if name not in zoo.names() or barred(name):
        raise InpaintError("Choose a method from the list.")
    return name


def whole(seed: Any) -> int:
    """The seed in a field, 0 where it is empty. Raises InpaintError."""
    if seed is None:
        return 0
    if not isinstance(seed, int | float) or not 0 <= seed < math.inf or seed != int(seed):
        raise InpaintError("The seed must be a whole number, 0 or more.")
    return int(seed)


class Setup:
    """The widgets, and what they ask for."""

    def __init__(self) -> None:
        self.controls: dict[tuple[str, str], gr.components.Component] = {}
        self.groups: list[tuple[str, gr.Group]] = []  # with the model whose options they hold

    # -- layout

    def lay_out(self) -> None:
        """The whole panel: the list, a line on what is chosen, and what its two buttons open."""
        first = zoo.default()
        with gr.Column(elem_id="setup", min_width=0):
            self.model = methods(to_methods(rows(), chosen=AUTO), elem_id="model")
            self.card = gr.HTML(card_html(first, zoo.offer(first).tag), elem_id="card")
            with gr.Column(elem_id="options", min_width=0):
                self._lay_out_options(zoo.card(first).seeded)

    def _lay_out_options(self, seeded: bool) -> None:
        self.weights = gr.Dropdown(
            [],
            label="Weights",
            visible=False,
            allow_custom_value=True,  # Fill may be pressed before new weights are listed: see `options`
            elem_id="weights",
        )
        self._lay_out_controls(lambda card: card.options)
        self.seed = gr.Number(
            0,
            label="seed",
            info="another number, another fill",
            precision=0,
            minimum=0,
            visible=seeded,
            elem_id="seed",
        )
        with gr.Accordion("Advanced", open=False, elem_id="cutting"):
            self._lay_out_controls(lambda card: pipeline.options(card)[len(card.options) :])

    def _lay_out_controls(self, of: Callable[[Card], tuple[Option, ...]]) -> None:
        """One group of widgets per model that has some; only the chosen model's is visible."""
        first = zoo.default()
        for name in zoo.names():
            turned = [option for option in of(zoo.card(name)) if not isinstance(option, Layer)]
            if not turned:  # layers are drawn elsewhere
                continue
            with gr.Group(visible=name == first) as group:
                self.controls |= {(name, option.name): control(option) for option in turned}
            self.groups.append((name, group))

    # -- events

    def connect(self, blocks: gr.Blocks, quick: dict[str, Any]) -> None:
        chosen = [self.model, self.weights, self.card, self.seed, *(group for _, group in self.groups)]
        now = [self.model, self.weights]
        blocks.load(self.fresh, None, self.model, **quick)
        self.model.input(self.chosen, now, chosen, trigger_mode="always_last", **quick)
        self.weights.input(self.weighed, now, [self.model, self.card], **quick)
        got = self.model.submit(self.got, now, self.model, trigger_mode="multiple", **quick)
        got.then(self.chosen, now, chosen, **quick)

    def fresh(self) -> dict:
        """The list as it is now: what is here may have changed. The choice stays."""
        return to_methods(rows())

    def chosen(self, value: Any, tag: str | None) -> dict:
        """What goes with the method that is chosen; the weights stay, if they are its own."""
        name = from_methods(value)
        return self._shown(name, self._tag(name, tag)) | {self.model: to_methods(rows(name, self._tag(name, tag)))}

    def _shown(self, name: str, tag: str) -> dict:
        model = taken(name)
        tag = zoo.offer(model, tag).tag
        choices = [] if name == AUTO else weights_choices(model)
        return {
            self.weights: gr.update(choices=choices, value=tag or None, visible=len(choices) > 1),
            self.card: card_html(model, tag),
            self.seed: gr.update(visible=zoo.card(model).seeded),
            **{group: gr.update(visible=owner == model) for owner, group in self.groups},
        }

    def weighed(self, value: Any, tag: str | None) -> tuple[dict, str]:
        """The list and the card, once other weights are chosen."""
        name = from_methods(value)
        model, tag = taken(name), self._tag(name, tag)
        return to_methods(rows(name, tag)), card_html(model, tag or zoo.offer(model).tag)

    def got(self, value: Any, tag: str | None) -> Iterator[dict]:
        """The list, while weights come that were asked for."""
        name, asked = from_methods(value), from_methods(value, "get")
        tag = self._tag(name, tag)
        for said in getting(zoo.offer(taken(asked), tag if asked == name else "")):
            yield to_methods(rows(name, tag), said=said)

    def _tag(self, name: str, tag: str | None) -> str:
        """The tag, if it is one of the method's: else it is a former method's, or a word somebody typed.

        Auto takes the best that are here.
        """
        return tag if name != AUTO and tag in zoo.tags(taken(name)) else ""

    # -- what is asked for

    @property
    def inputs(self) -> list[gr.components.Component]:
        """In the order `options`, `trial` and `told` take their values."""
        return [self.model, self.weights, self.seed, *self.controls.values()]

    def options(self, chosen: Any, tag: str | None, seed: Any, *values: Any) -> tuple[str, dict[str, Any]]:
        """The model itself, and all settings of a fill. Raises InpaintError."""
        name = from_methods(chosen)
        model = taken(name)
        options = {k: v for (owner, k), v in zip(self.controls, values, strict=True) if owner == model}
        seed = whole(seed) if zoo.card(model).seeded else 0
        return model, options | {"weights": self._tag(name, tag), "seed": seed}

    def errand(self, lane: str, chosen: Any, *_: Any) -> Errand:
        """What is waited for in a lane with these settings; of those that make no sense the work itself tells."""
        try:
            return errand(lane, taken(from_methods(chosen)))
        except InpaintError:
            return Errand(lane)

    def told(self, chosen: Any, *_: Any) -> str:
        """Which method Auto takes and why; "" where the visitor chose."""
        if from_methods(chosen) != AUTO:
            return ""
        offer = zoo.offer(zoo.default())
        why = "its weights are here" if offer.tag else "the best that is here"
        return f"Auto took {called(offer)}: {why}"

    def trial(self, *values: Any) -> Trial:
        """The same in as few words as say it."""
        model, options = self.options(*values)
        tag, seed = options.pop("weights"), options.pop("seed")
        defaults = {option.name: option.default for option in pipeline.options(zoo.card(model))}
        turned = {name: value for name, value in options.items() if value != defaults[name]}
        return Trial(model, "" if tag == zoo.offer(model).tag else tag, seed, turned)

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What `put` and `put_settings` change."""
        groups = [group for _, group in self.groups]
        return [self.model, self.weights, self.card, self.seed, *groups, *self.controls.values()]

    def put(self, run: Manifest) -> dict:
        """The updates that set up what a run was made with. Raises InpaintError for weights that are not here."""
        return self.put_settings(run.model, run.weights, run.seed, run.options)

    def put_settings(self, model: str, weights: str, seed: int, options: Mapping[str, Any]) -> dict:
        """The updates that set up a method as it was; options that are not given are the method's own.

        Raises InpaintError where the method, or its weights, are not on offer.
        """
        shown = self._shown(taken(model), weights)
        defaults = {option.name: option.default for option in pipeline.options(zoo.card(model))}
        turned = {
            widget: gr.update(value=options.get(name, defaults[name]))
            for (owner, name), widget in self.controls.items()
            if owner == model
        }
        shown[self.seed]["value"] = whole(seed)
        return shown | turned | {self.model: to_methods(rows(model, weights), chosen=model)}


def rows(chosen: str = "", tag: str = "") -> list[Row]:
    """The list: Auto, what is ready, then what has to be got. `tag`: of the chosen method's weights."""
    best = zoo.offer(zoo.default())
    auto = Row(AUTO, "Auto", badge(best), f"Takes the best that is here: {called(best)}", small=called(best))
    offers = (zoo.offer(chosen, tag) if tag and one.name == chosen else one for one in listed())
    return [auto, *map(row, offers)]


def row(offer: Offer) -> Row:
    """A method as it is listed, with the weights of the offer."""
    coming = None if offer.present else offer.coming
    share = None if coming is None else min(coming.done / (coming.total or math.inf), 1.0)
    return Row(offer.name, called(offer), badge(offer), line(offer), get=size(offer), share=share)
