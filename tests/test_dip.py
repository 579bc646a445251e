"""Deep Image Prior: the published network against recorded outputs, then the fit and its promises."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import recipe  # noqa: E402  after the skip
from torch.nn import functional  # noqa: E402

from inpaint.contract import InpaintError  # noqa: E402
from inpaint.imaging.curve import curve  # noqa: E402
from inpaint.models import dip  # noqa: E402
from inpaint.nets.skip import Growing, Skip  # noqa: E402

PUBLISHED = {"kate": "text", "vase": "object", "library": "large hole"}  # fixture: preset
every_fixture = pytest.mark.parametrize("name", PUBLISHED)


def reference_names(net: Skip) -> dict[str, str]:
    """Module names of the reference (counters) -> module names of `net`, for a network padded by reflection.

    There each padded convolution is a pair (padding, convolution), hence the trailing ".1".
    """
    names: dict[str, str] = {}

    def unit(ours: str, conv: str, norm: str) -> None:
        names[conv], names[norm] = f"{ours}.conv", f"{ours}.norm"

    theirs, ours, scale = "", "scales", net.scales
    while True:
        branch = f"{theirs}1.1." if scale.skip else f"{theirs}1."
        if scale.skip:
            unit(f"{ours}.skip", f"{theirs}1.0.1.1", f"{theirs}1.0.2")
        unit(f"{ours}.down", f"{branch}1.1", f"{branch}2")
        unit(f"{ours}.refine", f"{branch}4.1", f"{branch}5")
        names[f"{theirs}2"] = f"{ours}.join"
        unit(f"{ours}.up", f"{theirs}3.1", f"{theirs}4")
        if scale.mix:
            unit(f"{ours}.mix", f"{theirs}6.1", f"{theirs}7")
        if scale.inner is None:
            break
        theirs, ours, scale = f"{branch}7.", f"{ours}.inner", scale.inner
    names["9.1" if net.scales.mix else "6.1"] = "head"
    return names


def from_reference(state: dict[str, torch.Tensor], net: Skip) -> dict[str, torch.Tensor]:
    """A state dict of the reference code with its modules renamed to those of `net`."""
    names = reference_names(net)
    renamed = {}
    for key, value in state.items():
        module, leaf = key.rsplit(".", 1)
        renamed[f"{names.get(module, module)}.{leaf}"] = value
    return renamed


def published(name, dtype):
    """The preset's network with the fixture's weights, its manifest and its expected outputs."""
    manifest, expected = recipe.load_fixture(f"dip_skip_{name}")
    state = recipe.fill_state(manifest["state"], **manifest["recipe"])
    net = Skip(**dip.PRESETS[PUBLISHED[name]].net)
    net.load_state_dict(from_reference({key: torch.from_numpy(value) for key, value in state.items()}, net))
    return net.to(dtype), manifest, expected


def fixture_input(name, h, w):
    preset = dip.PRESETS[PUBLISHED[name]]
    if preset.mesh:
        return dip._input(preset, (h, w), torch.Generator())
    channels = preset.net["inputs"]
    z = 0.1 * recipe.uniform01("dip-z", channels * h * w).reshape(1, channels, h, w)
    return torch.from_numpy(z.astype(np.float32))


@every_fixture
def test_outputs_are_the_published_networks(name):
    net, manifest, expected = published(name, torch.float64)
    for case in manifest["cases"]:
        z = fixture_input(name, case["h"], case["w"]).double()
        for output in case["outputs"]:
            net, *_ = published(name, torch.float64)  # a pass in training mode moves the running statistics
            with torch.no_grad():
                out = net.train(output == "output_train")(z)
            recipe.compare(expected, case["id"], output, out.numpy(), manifest["tolerance"]["atol_float64"])


def test_outputs_in_float32():
    net, manifest, expected = published("library", torch.float32)
    with torch.no_grad():
        out = net(fixture_input("library", 192, 320))
    recipe.compare(expected, "192x320", "output_train", out.numpy(), manifest["tolerance"]["atol"])


@every_fixture
def test_the_reference_layout_is_covered(name):
    net, manifest, _ = published(name, torch.float32)
    assert len(net.state_dict()) == len(manifest["state"])
    assert sum(p.numel() for p in net.parameters()) == manifest["parameters"]


@every_fixture
def test_first_losses_are_the_published_ones(name):
    net, manifest, _ = published(name, torch.float64)
    run = manifest["optimisation"]
    image, mask = recipe.make_inputs(run["h"], run["w"], run["mask"])
    (stage,) = dip.pyramid(image, mask.astype(bool), 6, False, "cpu")
    z, target, known = (t.double() for t in (fixture_input(name, run["h"], run["w"]), stage.target, stage.known))
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in run["losses"][:4]:
        loss = ((net(z) - target) * known).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, run["losses"][:4], rtol=run["rtol_float64"])


def test_unequal_branches_are_cropped_to_the_smaller():
    net = Skip(4, [8, 8], [8, 8], [4, 4], upsample="bilinear")
    assert net(torch.rand(1, 4, 37, 30)).shape == (1, 3, 37, 30)


def test_a_finer_scale_changes_nothing_until_it_has_learned():
    net, z = Growing(4, (8, 8), 4, finer=(8, 4)), torch.rand(1, 4, 16, 24)
    with torch.no_grad():
        coarse, fine = net(z, 0), net(z, 2)
    assert coarse.shape == (1, 3, 16, 24) and fine.shape == (1, 3, 64, 96)
    twice = {"scale_factor": 2, "mode": "bilinear"}
    enlarged = functional.interpolate(functional.interpolate(coarse.logit(), **twice), **twice).sigmoid()
    torch.testing.assert_close(fine, enlarged)


@pytest.fixture
def scene():
    """A smooth (128, 192, 3) picture and a thin hole."""
    image, mask = recipe.make_inputs(128, 192, "thin")
    return image, mask.astype(bool)


def fill(scene, **options):
    return list(dip.load("cpu")(*scene, **{"iterations": 8, **options}))


def test_fits_the_known_pixels_and_beats_a_flat_fill(scene):
    image, mask = scene
    blank = np.where(mask[..., None], np.uint8(0), image)
    out = fill((blank, mask), iterations=150)[-1].image
    error = np.abs(out.astype(float) - image)
    flat = np.abs(image - image[~mask].mean(0))
    assert error[~mask].mean() < flat[~mask].mean() / 3
    assert error[mask].mean() < flat[mask].mean() / 2


def test_the_seed_decides_and_nothing_outside_is_disturbed(scene):
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    first, again, other = (fill(scene, seed=s)[-1].image for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    assert torch.equal(before, torch.get_rng_state()) and threads == torch.get_num_threads()


@pytest.mark.parametrize("preset", dip.PRESETS)
def test_first_weights_are_torchs_own(preset):
    chosen = dip.PRESETS[preset]
    net = dip.build(chosen, 256, 2, seed=7)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        plain = Growing(**chosen.net, finer=(32, 16)) if chosen.light else Skip(**chosen.net)
    drawn = plain.state_dict()
    assert drawn.keys() == net.state_dict().keys()
    for name, value in net.state_dict().items():
        assert torch.equal(value, drawn[name]), name


def test_first_weights_are_drawn_whatever_other_threads_draw():
    alone = dip.build(dip.PRESETS["light"], 256, 2, seed=7).state_dict()
    done = threading.Event()

    def draw():
        while not done.is_set():
            torch.rand(1)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        nets = [dip.build(dip.PRESETS["light"], 256, 2, seed=7).state_dict() for _ in range(20)]
    finally:
        done.set()
        thread.join()
    assert all(torch.equal(net[name], value) for net in nets for name, value in alone.items())


def test_two_fills_at_once_are_each_as_alone(scene):
    alone = fill(scene, seed=7, iterations=3)[-1].image
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: fill(scene, seed=7, iterations=3)[-1].image, range(6)))
    assert all((image == alone).all() for image in both)


def test_noise_is_the_processors_on_every_device(scene, monkeypatch):
    generators = []
    monkeypatch.setattr(torch, "Generator", lambda *at: generators.append(at) or torch._C.Generator(*at))
    with pytest.raises(RuntimeError):  # a meta tensor has no number to read
        stages = [stage._replace(target=stage.target.to("meta")) for stage in dip.pyramid(*scene, 4, True, "cpu")]
        dip.start(stages, 3, dip.PRESETS["light"], "meta")(stages[0], 0)
    assert generators and all(at == () for at in generators)


@pytest.mark.parametrize("there", [True, False])
def test_the_last_note_tells_of_bfloat16(scene, monkeypatch, there):
    monkeypatch.setattr(dip, "_has_bfloat16", lambda: there)
    note = "iteration 2 of 2"
    assert fill(scene, iterations=2)[-1].note == note + (", products in bfloat16" if there else "")
    assert fill(scene, preset="large hole", iterations=2)[-1].note == note


def test_the_clock_does_not_change_the_result(scene, monkeypatch):
    slow = fill(scene)
    monkeypatch.setattr(dip, "CADENCE", 0)
    every = fill(scene)
    assert len(every) == 8 and (slow[-1].image == every[-1].image).all()


def test_steps(scene, monkeypatch):
    monkeypatch.setattr(dip, "CADENCE", 0)
    steps = fill(scene, preset="large hole", iterations=3)
    assert [s.note for s in steps] == [f"iteration {i} of 3" for i in (1, 2, 3)]
    progress = [s.progress for s in steps]
    assert progress == sorted(progress) and progress[-1] == 1 and progress[-2] < 1
    for step in steps:
        assert step.image.shape == (128, 192, 3) and step.image.dtype == np.uint8
        assert step.views["latest output"].shape == (128, 192, 3)
        assert step.views["loss"].shape == (300, 480, 3)
    assert (steps[0].image == steps[0].views["latest output"]).all()


def test_stops_when_the_consumer_does(scene, monkeypatch):
    made = []
    start = dip.start

    def counted(*args):
        step = start(*args)
        return lambda *a: (made.append(1), step(*a))[1]

    monkeypatch.setattr(dip, "start", counted)
    steps = dip.load("cpu")(*scene, iterations=500)
    assert next(steps).note == "iteration 1 of 500"
    steps.close()
    assert len(made) == 1


def test_the_hole_is_never_read(scene):
    image, mask = scene
    other = np.where(mask[..., None], 255 - image, image)
    assert (fill(scene, iterations=3)[-1].image == fill((other, mask), iterations=3)[-1].image).all()


@pytest.mark.parametrize("preset", dip.PRESETS)
def test_the_smallest_patch_and_odd_holes(preset):
    image, _ = recipe.make_inputs(64, 64, "none")
    half = np.random.default_rng(0).random((64, 64)) < 0.5
    line, most = np.zeros((64, 64), bool), np.ones((64, 64), bool)
    line[:, 20] = True
    most[:3, :3] = False
    for mask in (half, line, most):
        assert fill((image, mask), preset=preset, iterations=2)[-1].image.shape == image.shape


def test_too_few_iterations_for_every_size():
    image, mask = recipe.make_inputs(256, 256, "thin")
    step = fill((image, mask.astype(bool)), iterations=2)[-1]
    assert step.image.shape == image.shape and step.progress == 1


def test_sizes_share_the_iterations():
    for iterations in (1, 2, 7, 1100):
        for sizes in (1, 2, 3):
            counts = dip._split(iterations, sizes)
            assert sum(counts) == iterations and len(counts) == sizes and counts[0] > 0


def test_the_watch_stops_after_the_calmest_moment():
    watch, generator = dip.Watch(patience=30, burn_in=10), torch.Generator().manual_seed(0)
    stopped = None
    for i in range(1, 300):
        restless = abs(i - 100) / 100
        raw = torch.rand(1, 3, 8, 8, generator=generator) * restless
        if watch(raw, torch.full((1, 3, 8, 8), float(i))):
            stopped = i
            break
    assert stopped is not None and abs(watch.best_at - 100) < 30 and stopped == watch.best_at + 30
    assert watch.best[0, 0, 0, 0].item() == watch.best_at, "the estimate kept is the one of that moment"


def scripted(monkeypatch, losses):
    """Replace the network: outputs of growing unrest, losses as given."""
    generator = torch.Generator().manual_seed(0)

    def start(stages, *_):
        script = iter(losses)

        def step(stage, index):
            loss = next(script)
            return torch.rand(stage.target.shape, generator=generator) * index / 500, loss

        return step

    monkeypatch.setattr(dip, "start", start)


def test_early_stop_can_be_switched_off(scene, monkeypatch):
    monkeypatch.setattr(dip, "PATIENCE", 20)
    scripted(monkeypatch, [1.0] * 300)
    on = fill(scene, preset="text", iterations=300)[-1]
    assert on.note.startswith("stopped early at 1") and on.progress == 1
    scripted(monkeypatch, [1.0] * 300)
    assert fill(scene, preset="text", iterations=300, early_stop=False)[-1].note == "iteration 300 of 300"


def test_an_unstable_fit_keeps_the_last_good_picture(scene, monkeypatch):
    scripted(monkeypatch, [1.0, 0.5, 0.4, math.nan])
    broken = fill(scene, preset="text")[-1]
    scripted(monkeypatch, [1.0, 0.5, 0.4])
    good = fill(scene, preset="text", iterations=3)[-1]
    assert broken.note == "stopped at 3: the fit became unstable" and broken.progress == 1
    assert (broken.image == good.image).all()


def test_a_fit_that_never_starts_is_explained(scene, monkeypatch):
    scripted(monkeypatch, [math.inf])
    with pytest.raises(InpaintError, match="another seed"):
        fill(scene, preset="text")


def test_curves_take_what_comes():
    plot = curve({"a": [1, 0, math.nan, 4], "b": [2.0]}, scale="log", y="loss", every=10)
    assert plot.shape == (300, 480, 3) and plot.dtype == np.uint8 and plot.std() > 10
    assert curve({"none yet": []}, scale="log", size=(320, 200)).shape == (200, 320, 3)
    assert curve({"bad": [math.nan, math.inf]}).shape == (300, 480, 3)
