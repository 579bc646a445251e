"""Every promise of the seam, for every model in the zoo. Adding a model adds tests; nothing here changes."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from parity import DEVICE

import inpaint
from inpaint import Choice, Flag, InpaintError, Number, zoo
from inpaint.contract import PRECISIONS
from inpaint.fill import pipeline
from inpaint.lab import manifest

pytestmark = pytest.mark.usefixtures("standins")
every_model = pytest.mark.parametrize("name", zoo.names())


def cheap(name):
    """The model's options with every number at its low, or a step above 0: quick, and tries the slider's end."""
    numbers = [option for option in zoo.card(name).options if isinstance(option, Number)]
    return {number.name: number.low or number.step for number in numbers} | {"device": DEVICE}


def same(first, second):
    """Equal; off the CPU, where sums are taken in no fixed order, to less than a level on average."""
    return (first == second).all() if DEVICE == "cpu" else np.abs(first.astype(int) - second).mean() < 1


@every_model
def test_fills_the_hole_and_nothing_else(name, image, mask):
    before, hole = image.copy(), mask.copy()
    out = inpaint.inpaint(image, mask, name, **cheap(name))
    assert out.shape == image.shape and out.dtype == np.uint8
    assert (out[~mask] == image[~mask]).all()
    assert (image == before).all() and (mask == hole).all(), "the caller's arrays were changed"
    assert (out[mask] != 0).any(), "the hole is still blank"


@every_model
def test_works_on_read_only_arrays(name, image, mask):
    image, mask = image[:64, :64].copy(), mask[:64, :64].copy()  # so that the crop is the picture, without padding
    image.flags.writeable = mask.flags.writeable = False
    *_, fill = inpaint.stream(image, mask, name, **cheap(name) | {"context": 4})
    assert fill.report.crops == ((0, 0, 64, 64),)
    assert fill.image.flags.writeable and (fill.image[~mask] == image[~mask]).all()


@every_model
def test_does_not_peek_into_the_hole(name, image, mask):
    other = np.where(mask[..., None], 255 - image, image)
    first, second = (inpaint.inpaint(i, mask, name, **cheap(name)) for i in (image, other))
    assert same(first[mask], second[mask])


@every_model
def test_same_seed_same_picture(name, image, mask):
    first, second = (inpaint.inpaint(image, mask, name, seed=5, **cheap(name)) for _ in range(2))
    assert same(first, second)


@every_model
@pytest.mark.parametrize("shape", [(33, 1), (2, 2), (64, 64), (15, 130)], ids=str)
def test_takes_any_size(name, shape):
    image, mask = np.full((*shape, 3), 200, np.uint8), np.zeros(shape, bool)
    mask[: max(1, shape[0] // 4), :1] = True
    out = inpaint.inpaint(image, mask, name, **cheap(name))
    assert out.shape == image.shape and (out[~mask] == 200).all()


@every_model
@pytest.mark.parametrize("case", ["one pixel", "border", "half the pixels", "all but a corner"])
def test_takes_any_hole(name, case, image):
    mask = np.zeros(image.shape[:2], bool)
    if case == "one pixel":
        mask[30, 40] = True
    elif case == "border":
        mask[:9] = mask[:, -7:] = True
    elif case == "half the pixels":
        mask = np.random.default_rng(0).random(mask.shape) < 0.5
    else:
        mask[4:, 4:] = True
    out = inpaint.inpaint(image, mask, name, **cheap(name))
    assert (out[~mask] == image[~mask]).all()


@every_model
def test_steps_keep_their_promises(name, image, mask):
    fills = list(inpaint.stream(image, mask, name, **cheap(name)))
    progress = [fill.progress for fill in fills]
    assert progress == sorted(progress) and progress[-1] == 1 and all(p < 1 for p in progress[:-1])
    for fill in fills:
        for title, view in fill.views.items():
            assert title and view.dtype == np.uint8 and view.ndim == 3 and view.shape[2] == 3
    assert fills[-1].report.title in str(fills[-1].report)


@every_model
def test_a_stopped_fill_is_a_picture(name, image, mask):
    fills = inpaint.stream(image, mask, name, device=DEVICE)
    first = next(fills)
    fills.close()
    assert (first.image[~mask] == image[~mask]).all()


@every_model
def test_options_are_the_ones_it_takes(name):
    takes = inspect.signature(zoo.load(name, "cpu")).parameters
    card = zoo.card(name)
    assert {option.name for option in card.options} | ({"seed"} if card.seeded else set()) <= takes.keys()
    for option in pipeline.options(card):
        assert option.parse(option.default) == option.default, f"{option.name}: the default is not allowed"


def others():
    """Every value of every choice and flag that is not the default."""
    for name in zoo.names():
        for option in zoo.card(name).options:
            values = (
                option.values if isinstance(option, Choice) else (False, True) if isinstance(option, Flag) else ()
            )
            yield from ((name, option.name, value) for value in values if value != option.default)


@pytest.mark.parametrize("name, option, value", list(others()))
def test_every_choice_works(name, option, value, image, mask):
    out = inpaint.inpaint(image, mask, name, **cheap(name) | {option: value})
    assert (out[~mask] == image[~mask]).all()


@every_model
def test_the_card_tells_what_a_person_must_know(name):
    card = zoo.card(name)
    assert 0 < len(card.line) <= 60 - len(" · lite: soft") * any(w.shipped for w in card.weights.values())
    assert card.title and card.summary and card.paper and card.licence and card.speed
    assert card.link.startswith("https://") and isinstance(card.commercial, bool)
    if card.size.maximum:
        assert card.size.maximum % card.size.multiple == 0 and card.size.maximum >= card.size.minimum


@every_model
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_precision_is_borne_or_refused(name, precision, image, mask):
    card = zoo.card(name)
    if precision not in card.precisions:
        with pytest.raises(InpaintError, match=f"^{re.escape(card.title)} does not work in {precision}; .*float32"):
            inpaint.stream(image, mask, name, precision=precision, **cheap(name))
        return
    plain, other = (
        list(inpaint.stream(image, mask, name, precision=p, **cheap(name)))[-1] for p in ("float32", precision)
    )
    assert other.report.precision == precision == manifest.of(other, mask).precision
    assert (precision in str(other.report)) == (precision != "float32")
    assert np.abs(plain.image[mask].astype(int) - other.image[mask]).mean() < 4


@every_model
def test_a_precision_that_is_none_is_explained(name, image, mask):
    with pytest.raises(InpaintError, match="There is no precision 'int8'; choose float32, bfloat16, float16"):
        inpaint.stream(image, mask, name, precision="int8")


def test_the_list_and_the_files_agree():
    files = (Path(zoo.__file__).parent / "models").glob("*.py")
    assert {file.stem for file in files if re.search(r"^CARD\b", file.read_text("utf-8"), re.M)} == set(zoo.names())


@pytest.mark.parametrize("name", ["no-such-model", " ", "../telea", "os"])
def test_unknown_models_are_explained(name, image, mask):
    with pytest.raises(InpaintError, match="telea"):
        inpaint.inpaint(image, mask, name)


def test_devices(image, mask):
    with pytest.raises(InpaintError, match="auto, cpu, cuda or mps"):
        inpaint.inpaint(image, mask, "telea", device="tpu")
    assert zoo.pick_device("telea", "cuda") == "cpu", "a model that cannot use a GPU runs on the CPU"


def test_a_device_that_is_not_there(image, mask):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    gpu = next(name for name in zoo.names() if zoo.card(name).gpu)
    with pytest.raises(InpaintError, match="no cuda device"):
        inpaint.inpaint(image, mask, gpu, device="cuda")
