"""A method as it is set up: which, with what weights and options."""

import math
from collections.abc import Callable
from typing import Any

import gradio as gr

from ... import zoo
from ...contract import Card, InpaintError, Layer, Option
from ...fill import pipeline
from ...lab.manifest import Manifest
from ...lab.trials import Trial
from ..words import card_html, control, methods, weights_choices


def whole(seed: float | None) -> int:
    """The seed in a field, 0 where it is empty. Raises InpaintError."""
    if seed is None:
        return 0
    if not 0 <= seed < math.inf or seed != int(seed):
        raise InpaintError("The seed must be a whole number, 0 or more.")
    return int(seed)


class Setup:
    """The widgets, and what they ask for."""

    def __init__(self) -> None:
        self.controls: dict[tuple[str, str], gr.components.Component] = {}
        self.groups: list[gr.Group] = []

    # -- layout

    def lay_out_model(self) -> None:
        first = zoo.default()
        tag = zoo.offer(first).tag
        with gr.Row(elem_id="go", equal_height=True):
            self.model = gr.Dropdown(
                methods(),
                value=first,
                label="Method",
                container=False,
                elem_id="model",
                scale=4,
                min_width=130,
            )
            self.weights = gr.Dropdown(
                weights_choices(first),
                value=tag or None,
                label="Weights",
                container=False,
                visible=bool(tag),
                allow_custom_value=True,  # Run may be pressed before new weights are listed: see `options`
                elem_id="weights",
                scale=4,
                min_width=130,
            )
            self.run = gr.Button("Run", variant="primary", elem_id="run", scale=2, min_width=70)
        self.card = gr.HTML(card_html(first, tag), elem_id="card")

    def lay_out_options(self) -> None:
        with gr.Accordion("Method options", open=False, elem_id="options"):
            self._lay_out_controls(lambda card: card.options)
            self.seed = gr.Number(
                0, label="seed", info="of methods that draw random numbers", precision=0, minimum=0, elem_id="seed"
            )
        with gr.Accordion("How the hole is cut out", open=False, elem_id="cutting"):
            self._lay_out_controls(lambda card: pipeline.options(card)[len(card.options) :])

    def _lay_out_controls(self, of: Callable[[Card], tuple[Option, ...]]) -> None:
        """One group of widgets per model; only the chosen model's is visible."""
        first = zoo.default()
        for name in zoo.names():
            with gr.Group(visible=name == first) as group:
                for option in of(zoo.card(name)):
                    if not isinstance(option, Layer):  # drawn elsewhere, not turned
                        self.controls[name, option.name] = control(option)
            self.groups.append(group)

    # -- events

    def connect(self, blocks: gr.Blocks, quick: dict[str, Any]) -> None:
        blocks.load(self.listed, None, [self.model], **quick)
        self.model.input(self.chosen, self.model, [self.weights, self.card, *self.groups], **quick)
        self.weights.input(self.carded, [self.model, self.weights], self.card, **quick)

    def listed(self) -> dict:
        """What is ready may have changed since the page was built."""
        return gr.update(choices=methods())

    def chosen(self, name: str, tag: str = ""):
        visible = [gr.update(visible=name == n) for n in zoo.names()] * 2
        tag = zoo.offer(name, tag).tag
        choices = gr.update(choices=weights_choices(name), value=tag or None, visible=bool(tag))
        return choices, card_html(name, tag), *visible

    def carded(self, name: str, tag: str) -> str:
        return card_html(name, self._tag(name, tag) or zoo.offer(name).tag)

    def _tag(self, name: str, tag: str | None) -> str:
        """The tag, if it is one of the method's: else it is a former method's, or a word somebody typed."""
        return tag if tag in zoo.tags(name) else ""

    # -- what is asked for

    @property
    def inputs(self) -> list[gr.components.Component]:
        """In the order `options` and `trial` take their values."""
        return [self.model, self.weights, self.seed, *self.controls.values()]

    def options(self, model: str, tag: str, seed: float, *values: Any) -> tuple[str, dict[str, Any]]:
        """The model, and all settings of a fill."""
        options = {k: v for (name, k), v in zip(self.controls, values, strict=True) if name == model}
        return model, options | {"weights": self._tag(model, tag), "seed": whole(seed)}

    def trial(self, *values: Any) -> Trial:
        """The same in as few words as say it."""
        model, options = self.options(*values)
        tag, seed = options.pop("weights"), options.pop("seed")
        defaults = {option.name: option.default for option in pipeline.options(zoo.card(model))}
        turned = {name: value for name, value in options.items() if value != defaults[name]}
        return Trial(model, "" if tag == zoo.offer(model).tag else tag, seed, turned)

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What `put` changes."""
        return [self.model, self.weights, self.card, self.seed, *self.groups, *self.controls.values()]

    def put(self, run: Manifest) -> dict:
        """The updates that set up what a run was made with. Raises InpaintError for weights that are not here."""
        weights, card, *visible = self.chosen(run.model, run.weights)
        values = {
            control: gr.update(value=run.options[name])
            for (model, name), control in self.controls.items()
            if model == run.model and name in run.options
        }
        shown = dict(zip(self.groups, visible, strict=True))
        return {
            self.model: run.model,
            self.weights: weights,
            self.card: card,
            self.seed: run.seed,
            **shown,
            **values,
        }
