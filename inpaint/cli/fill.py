"""The command `fill`: one picture, or a folder of them."""

import glob
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from .. import InpaintError, stream, zoo
from ..contract import COMMON, Layer
from ..fill import pipeline
from ..imaging import files, picture
from ..lab.manifest import of, to_json
from . import terminal
from .terminal import Device, Options, Precision, Seed


def fill(
    image: Annotated[Path, typer.Argument(help="a picture, or a folder of them")],
    mask: Annotated[Path, typer.Argument(help="its mask (white = hole), or a folder of masks with the same names")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the file (or folder) to write")],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="see: python -m inpaint models; without it: the best big network that is here, else patchmatch",
        ),
    ] = "",
    weights: Annotated[
        str, typer.Option("--weights", "-w", help="a tag (see: python -m inpaint weights list), or FILE[,FILE]")
    ] = "",
    option: Options = None,
    device: Device = "auto",
    precision: Precision = "float32",
    seed: Seed = 0,
    views: Annotated[Path | None, typer.Option(help="folder for pictures of the method's inside")] = None,
    intact: Annotated[
        bool, typer.Option("--intact", help="the picture under the mask is the truth: print the PSNR in the hole")
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="also write OUT.json, with which `rerun` makes the fill again")
    ] = False,
) -> None:
    """Fill the hole of one picture, or of every picture in a folder."""
    model = model or zoo.default()
    settings = {
        "model": model,
        "weights": terminal.weights(model, weights),
        "device": device,
        "precision": zoo.pick_precision(model, precision),
    }
    settings |= {"seed": seed, "intact": intact, **terminal.options(option, model)}
    if views:
        terminal.make_folder(views)
    with terminal.download_bar() as show:
        show(zoo.fetch(model, settings["weights"]))
    if image.is_dir():
        _fill_folder(image, mask, out, views, settings, manifest)
        return
    terminal.refuse_overwriting(out, image, mask)
    with terminal.bar() as bar:
        report = fill_file(image, mask, out, views, settings, bar, _beside(out, manifest))
    terminal.err.print(report)


def fill_file(
    image: Path,
    mask: Path,
    out: Path,
    views: Path | None,
    settings: dict[str, Any],
    bar: Progress,
    manifest: Path | None = None,
) -> str:
    """Fill one file and write it, and its manifest; what was done, in one line. Raises InpaintError."""
    picture.format_of(out)  # before the work, not after it
    photo = picture.open_picture(image)
    hole, said = picture.read_mask(mask, photo.shape)
    layers, told = terminal.layers(settings["model"], settings, photo)
    task = bar.add_task(image.name, total=1.0)
    last = None
    for last in stream(photo.rgb, hole, **settings | layers):
        bar.update(task, completed=last.progress, description=f"{image.name} {last.note}")
    bar.remove_task(task)
    lost = photo.filled(last.image, hole).save(out)
    if manifest:
        files.write(manifest, to_json(of(last, hole, layers)).encode())
    for title, view in last.views.items() if views else ():
        name = f"{out.stem}.{title.replace(' ', '-')}.png"
        picture.Picture(view).save(views / name)
    return " · ".join([str(last.report), *photo.notes, *said, *told, *lost])


def _beside(out: Path, manifest: bool) -> Path | None:
    return out.with_suffix(".json") if manifest else None


def _fill_folder(
    images: Path, mask: Path, out: Path, views: Path | None, settings: dict[str, Any], manifest: bool
) -> None:
    if not mask.is_dir():
        raise InpaintError(f"{images} is a folder, so the mask must be a folder too; {mask} is not.")
    if any(folder.resolve() == out.resolve() for folder in (images, mask)):
        raise InpaintError("The output folder would overwrite the input; choose another one.")
    files = _pictures(images)
    if not files:
        raise InpaintError(f"There is no picture in {images}.")
    card = zoo.card(settings["model"])
    pictures = {option.name for option in card.options if isinstance(option, Layer)}  # read for each photo
    pipeline.settings(card, {k: v for k, v in settings.items() if k not in COMMON | pictures})
    zoo.pick_device(settings["model"], settings["device"])
    terminal.make_folder(out)
    stems = [file.stem for file in files]
    bad = []
    with terminal.bar() as bar:
        whole = bar.add_task("all", total=len(files))
        for file in files:
            name = file.stem if stems.count(file.stem) == 1 else file.name
            try:
                to = out / f"{name}.png"
                line = fill_file(file, _mask_of(file, mask), to, views, settings, bar, _beside(to, manifest))
                bar.console.print(f"{file.name}: {line}")
            except InpaintError as error:
                bad.append(file.name)
                bar.console.print(f"{file.name}: failed: {error}", markup=False)
            bar.advance(whole)
    terminal.err.print(
        f"{len(files) - len(bad)} of {len(files)} filled" + (f"; failed: {', '.join(bad)}" if bad else "")
    )
    if bad:
        raise typer.Exit(2)


def _pictures(folder: Path) -> list[Path]:
    """The folder's pictures; masks that lie beside them are not pictures to fill."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in picture.SUFFIXES and not path.stem.endswith((".mask", "_mask")) and path.is_file()
    )


def _mask_of(image: Path, folder: Path) -> Path:
    stems = [f"{image.stem}.mask", f"{image.stem}_mask"]
    if folder.resolve() != image.parent.resolve():
        stems.append(image.stem)
    for stem in stems:
        for path in sorted(folder.glob(f"{glob.escape(stem)}.*")):
            if path.stem == stem:
                return path
    raise InpaintError(f"There is no mask for it in {folder}: expected {image.stem}.png or {image.stem}.mask.png.")
