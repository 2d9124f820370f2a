"""The jobs of crshare as Python functions; `import crshare` offers them under its own name.

    model = crshare.load("model.h5")
    analysis = crshare.analyze(model)
    calibration = crshare.load_images(model, "calibration.npz")
    test = crshare.load_images(model, "test.npz")
    outcome = crshare.optimize(model, max_loss_points=1, choosing=calibration, reporting=test)
    evaluation = crshare.evaluate(model, outcome.found.plan, test)

Each result is a frozen value whose figures are attributes. An error that the user can correct is a
CrshareError, which says what, where and what to do.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from numpy.typing import ArrayLike

from crshare import jobs
from crshare.errors import ArgumentError, HardwareError
from crshare.evaluation.analysing import analyze_model
from crshare.evaluation.outcome import Analysis, Evaluation, Outcome, Request
from crshare.files import write_bytes
from crshare.fixed_api import to_fixed_point as to_fixed_point
from crshare.frontend.declared import declared
from crshare.hardware.choosing import Chooser, Chosen
from crshare.hardware.goal import UTILISATION, Goal, target_for
from crshare.hardware.lowering import Options
from crshare.hardware.rtl import Generated, Wish, generate_rtl
from crshare.hardware.steps import for_hardware
from crshare.hardware.wide_input import in_beats, widened
from crshare.images import digits
from crshare.images import image_set as sets
from crshare.images.image_set import ImageSet, fitting
from crshare.jobs import Source
from crshare.limits import CLOCKS, FPS, MEGAHERTZ, SHARE
from crshare.model.read import Model
from crshare.plan import file as plan_file
from crshare.plan.plan import SharingPlan
from crshare.planning import objectives
from crshare.planning.candidates import Workers
from crshare.planning.choices import RATES
from crshare.planning.damage import DamageModel
from crshare.planning.layerwise import Method
from crshare.planning.matched_variance import MatchedVariance
from crshare.report import paper_figures
from crshare.report.page.document import read_document
from crshare.table_api import apply_tables as apply_tables
from crshare.table_api import evaluate_tables as evaluate_tables
from crshare.table_api import expect_weights, silent
from crshare.table_api import load_plan_tables as load_plan_tables
from crshare.table_api import optimize_tables as optimize_tables
from crshare.table_api import save_plan_tables as save_plan_tables
from hwgen.targets import GENERIC

Progress = Callable[[str, float], None]


NO_LAYERS: Mapping[str, str] = MappingProxyType({})


def load(
    path: str | PathLike[str] | None = None,
    *,
    sign_layers: Collection[str] = (),
    rescale: tuple[Fraction, Fraction] | None = None,
    layers: Mapping[str, str] = NO_LAYERS,
    features: bool = False,
    frames: int | None = None,
) -> Model:
    """Read a model file; without a path, the small network for digits that comes with crshare.

    sign_layers: names of layers, classes or activations that give +1 for values >= 0 and else -1.
    rescale: (scale, offset) that turn a pixel v into the scale * v + offset that the model expects.
    layers: what the code of other layers, activations and quantizers computes, by their names:
        identity, sign, signs-input, scaled-sign, layer-scaled-sign or clip-0-1, as in
        {"DropoutNoScale": "identity"} (docs/formats.md).
    features: whether the model's input is real numbers, as its library gets them, and not pixels.
    frames: of a LUT network, instead of those of its file (of Verilog, which does not tell, 1).
    Raises ModelFormatError, one sentence, where crshare cannot read it.
    """
    source = digits.demo_model() if path is None else Path(path)
    meanings = declared((), layers)
    signs = frozenset(sign_layers)
    return Source(source, signs, rescale, frames, meanings, features).read()


def load_images(model: Model, path: str | PathLike[str]) -> ImageSet:
    """Images and labels of an .npz that fit the model; DataError where they do not."""
    return sets.load_images(Path(path), model.network)


def image_set(
    model: Model,
    pixels: ArrayLike | Iterable[Any],
    labels: ArrayLike | None = None,
    *,
    name: str = "given images",
) -> ImageSet:
    """Pixels as stored, [n, height, width, channels] or as the model takes them, and the class of
    each, [n], [n, 1] or one-hot.

    Without labels, a set that gives pairs of both when it is iterated: a tf.data.Dataset, a PyTorch
    DataLoader, or any list of pairs, of batches or of single images. Whole numbers within the range
    of the model's input, whatever their type; DataError where they are not, or do not fit the
    model.
    """
    if labels is None:
        pixels, labels = sets.gathered(name, cast(Iterable[Any], pixels))
    return sets.image_set(cast(ArrayLike, pixels), labels, model.network, name)


def demo_images() -> tuple[ImageSet, ImageSet]:
    """Handwritten digits for the model of load(): calibration images and test images.

    They come with scikit-learn; CrshareError where it is not installed.
    """
    return digits.demo_images()


def load_plan(model: Model, path: str | PathLike[str]) -> SharingPlan:
    """Read a plan.json made for this model; PlanError where it is not."""
    return plan_file.read_plan(Path(path), model.network, model.weights_hash)


def save_plan(
    plan: SharingPlan,
    model: Model,
    path: str | PathLike[str],
    *,
    images: Mapping[str, str] = plan_file.NO_IMAGES,
) -> None:
    """Write a plan as `crshare optimize` does; OutputError where it cannot be written.

    images: hashes of the sets that chose it and reported its loss, as `Outcome.images` has them.
    """
    plan_file.write_plan(plan, model.path.name, Path(path), images, read_with=model.read_with)


def analyze(
    model: Model, *, n_workers: int | None = None, on_progress: Progress = silent
) -> Analysis:
    """What sharing repeated and inverse slices would save, layer by layer, for one image.

    n_workers: processes that share the layers; the figures are the same for any number. None: one,
    or the cores of the machine where there are more than a million weights.
    on_progress: called with what is being done and the share of it that is.
    """
    expect_weights(model)
    return analyze_model(model, on_progress, n_workers=n_workers)


def optimize(
    model: Model,
    *,
    max_loss_points: float,
    choosing: ImageSet | None = None,
    reporting: ImageSet | None = None,
    solver: str = "auto",
    time_limit_s: float | None = None,
    mirror: bool | None = None,
    confident: bool = True,
    minimise: str = objectives.DEFAULT,
    clocks: int = 1,
    thresholds: str = RATES,
    damage: DamageModel | None = None,
    n_workers: int = 1,
    dask: str | None = None,
    seed: int = 0,
    steps: str | PathLike[str] | None = None,
    whole_curve: bool = False,
    on_progress: Progress = silent,
) -> Outcome:
    """The cheapest sharing plan found that loses at most so many percentage points of accuracy.

    choosing: calibration images, which choose the plan. reporting: test images, which report its
        loss. If one set is given, each is a seeded half of it. Without images only exact sharing
        is planned, which loses nothing.
    mirror: mirror the calibration images; None to do so where the network gets most of them right,
        and else to measure losses on images moved by a pixel, where it gets most of those right.
    confident: keep to the loss with the upper end of its 95 % interval, each half of the images
        judging what the other chose; outcome.promise says what that is. False: on average, on
        images that chose the plan, so that new ones often lose more. minimise: the
        objective, one of crshare.planning.objectives; with "additions", slices of the plan are
        corrected from others where that takes fewer; no output changes by it. With "luts", inputs
        share patterns of groups of filters, or are left out, in layers that stay unrolled.
    clocks: with "luts", clocks for an image: a layer of 16 or more for each window will have its
        weights in memory, and is left alone.
    damage: what an error of a layer's sums costs, a value of your own with the protocol
        crshare.planning.damage.DamageModel, and so which slices are similar; None for the variance
        of each sum's error (docs/damage.md). Its class must be importable where workers run.
    thresholds: with "labels", those of the last layers move to where labels are more likely.
    n_workers: processes that share the search, or with dask, the address of a Dask scheduler, its
    workers; the plan is the same for any number. The search ends with the best plan so
    far at the time limit, where one is given; the plan then depends on the machine.
    steps: a folder in which it keeps the plans that it tries, so that a later call with the same
        arguments goes on where one was stopped.
    whole_curve: try multipliers well below and above, too, and measure those plans that no other
        beats on the reporting images, with LUTs: outcome.curve.
    """
    expect_weights(model)
    CLOCKS.check("clocks", clocks)
    objective = objectives.objective(minimise, clocks)
    method = Method(
        solver=solver,
        seed=seed,
        thresholds=thresholds,
        objective=objective,
        damage=damage or MatchedVariance(),
    )
    workers = Workers(n_workers, dask)
    kept = None if steps is None else Path(steps)
    request = Request(
        max_loss_points,
        method,
        time_limit_s,
        mirror,
        confident,
        whole_curve,
        workers=workers,
        kept_candidates=kept,
    )
    calib, data = (
        None if given is None else fitting(given, model.network) for given in (choosing, reporting)
    )
    return jobs.optimize(model, *jobs.images_for(calib, data, seed), request, on_progress)


def evaluate(
    model: Model,
    plan: SharingPlan,
    images: ImageSet,
    *,
    by_layer: bool = False,
    on_progress: Progress = silent,
) -> Evaluation:
    """A plan's accuracy on images, and its operations counted by a run that follows it.

    by_layer: what each layer's sharing alone loses, too.
    """
    expect_weights(model)
    return jobs.evaluate(
        model, plan, fitting(images, model.network), on_progress, by_layer=by_layer
    )


def choose(
    model: Model,
    *,
    plan: SharingPlan | None = None,
    clocks: int | None = None,
    fps: float | None = None,
    device: str | None = None,
    utilisation: float = UTILISATION,
    clock_mhz: float = 100.0,
    layers: tuple[str, str] | None = None,
    options: Options | None = None,
    on_progress: Progress = silent,
) -> Chosen:
    """An architecture for each layer: the least LUTs at a rate, or the fewest clocks of a device.

    clocks: of an image, at most; or fps, images a second at clock_mhz. device: as in `crshare
        generate --device`, of which the share `utilisation` may be taken.
    layers: the first and the last layer with weights of a part. options: how datapaths are made,
        where their target is the device's if no options are given; layers whose architecture they
        name have no choice.
    The value prints as a table of layers. `crshare.generate(model, folder, plan=plan,
    options=chosen.options, beat=chosen.beat)` builds it. Raises HardwareError, one sentence that
    says what would have to give, where nothing reaches what is asked for.
    """
    for limit, name, value in (
        (CLOCKS, "clocks", clocks),
        (FPS, "fps", fps),
        (SHARE, "utilisation", utilisation),
        (MEGAHERTZ, "clock_mhz", clock_mhz),
    ):
        if value is not None:
            limit.check(name, value)
    goal = Goal.of(clocks, fps, device, utilisation, clock_mhz)
    if goal is None:
        raise HardwareError("nothing says what is wanted; name clocks, fps or a device")
    network = in_beats(for_hardware(model.network, plan), None, goal.clocks)
    own = options or Options(target_for(device, GENERIC))
    return Chooser(network, plan, own, layers).choose(goal, on_progress)


def save_figures(
    results: str | PathLike[str], folder: str | PathLike[str], *, kind: str = "pdf"
) -> list[Path]:
    """Figures for a paper of the results that `crshare optimize` wrote to a folder.

    kind: pdf, svg or png. Returns the files; CrshareError without matplotlib (extra `report`).
    """
    document = read_document(Path(results))
    if kind not in paper_figures.FORMATS:
        raise ArgumentError(f"kind {kind[:40]!a} is none of {', '.join(paper_figures.FORMATS)}")
    report = document.plan
    drawn = {} if report is None else paper_figures.figures(report, kind, document.curve)
    for name, content in drawn.items():
        write_bytes(Path(folder) / name, content)
    return [Path(folder) / name for name in drawn]


def generate(
    model: Model,
    folder: str | PathLike[str],
    *,
    plan: SharingPlan | None = None,
    layers: tuple[str, str] | None = None,
    options: Options | None = None,
    beat: int = 1,
    check: ImageSet | None = None,
    on_progress: Progress = silent,
) -> Generated:
    """Write a model, with or without a plan, as streaming Verilog to a folder of its own.

    layers: the first and the last layer with weights of a part. options: how datapaths are made.
    beat: positions of an image in one beat, where the network flattens its input.
    check: images whose beats go through every installed simulator and must give the executor's
    answers. Raises HardwareError where a layer has no hardware or a simulator finds a fault.
    """
    network, pixels = widened(for_hardware(model.network, plan), beat), None
    if check is not None:
        pixels = fitting(check, model.network).images.reshape(-1, *network.input.shape)
    wish = Wish(options or Options(), layers, check=pixels)
    name = model.path.stem
    return generate_rtl(network, plan, wish, Path(folder), on_progress, name=name)
