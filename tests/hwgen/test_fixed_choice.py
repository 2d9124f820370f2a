"""Architectures of networks in fixed point: menus, the choice, and what is built of it."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.frontend.lut_container import write_lut_network
from crshare.hardware.architecture import Channels, Graph, Unit
from crshare.hardware.around import around_of
from crshare.hardware.beats import vectors
from crshare.hardware.choosing import Chooser
from crshare.hardware.costs import menus
from crshare.hardware.goal import Goal
from crshare.hardware.lowering import lower
from crshare.hardware.number_cost import number_luts
from crshare.hardware.number_costs import graph_luts, real_of
from crshare.hardware.options import SKIPS, Options
from crshare.hardware.other_stages import other_luts
from crshare.hardware.parts import part_of
from crshare.hardware.queues import clocks_an_image
from crshare.network.graph import Conv, RealConv
from hwgen import Compute
from hwgen.design_model import run
from hwgen.devices import CHIPS
from hwgen.targets import GENERIC
from tests.hwgen.fixed import random_fixed_network
from tests.networks import random_images


@pytest.mark.parametrize("skip", SKIPS)
def test_every_stage_is_on_a_menu(skip: str) -> None:
    network = random_fixed_network(1)
    part, found = part_of(network, None), menus(network, GENERIC, {}, skip=skip)
    names = [menu.layer for menu in found]
    weighted = [la.name for la in part.layers if isinstance(la.op, Conv | RealConv)]
    roots = [layer.name for layer in part.roots()]
    assert sorted(names) == sorted(weighted + roots) and roots
    for menu in found:
        kinds = {type(one.architecture) for one in menu.options}
        match network.op_of(menu.layer):
            case RealConv():
                assert kinds == {"adders": {Graph}, "dsp": {Unit}, "auto": {Graph, Unit}}[skip]
            case Conv():
                assert {Graph} <= kinds <= {Graph, Unit}
            case _:
                assert kinds == {Channels}


@pytest.mark.parametrize("seed", range(6))
def test_what_is_chosen_is_built_and_keeps_its_promise(seed: int) -> None:
    network = random_fixed_network(seed)
    rate = around_of(network).clocks * 8
    chooser = Chooser(network, None, Options(skip=SKIPS[seed % 2]))
    chosen = chooser.choose(Goal(rate), lambda what, share: None)
    assert chosen.choice.clocks <= rate
    made = lower(network, None, chosen.options)
    assert clocks_an_image(made.design) <= chosen.choice.clocks
    beats = vectors(made, random_images(np.random.default_rng(0), network.input, 2))
    assert run(made.design, beats.given) == beats.expected
    dsps = sum(layer.dsps for layer in made.layers)
    assert dsps <= chosen.choice.resources.dsps  # streams may be narrower than their grids


def test_other_luts_count_numbers() -> None:
    network = random_fixed_network(2)
    names = [layer.name for layer, _ in network.convs()]
    assert (other_luts(network, []) or 0) > (other_luts(network, names) or 0) > 0


def test_shifted_additions_are_estimated() -> None:
    rng = np.random.default_rng(0)
    network = random_fixed_network(1)
    layer = next(la for la in network.layers if isinstance(la.op, RealConv))
    kernel = np.rint(rng.normal(size=(3, 3, network.input.shape[2], 16)) * 8).astype(np.float32)
    op = RealConv(kernel, np.zeros(16, np.float32), same=True)
    other = type(network)(network.input, (type(layer)(layer.name, op, layer.source),))
    real = real_of(part_of(other, None), other.layers[0])
    stage = real.unrolled(3)
    assert isinstance(stage, Compute)
    assert graph_luts(real) == pytest.approx(number_luts(stage.netlist), rel=0.2)


def test_generate_takes_such_networks(tmp_path: Path) -> None:
    network = random_fixed_network(1)
    write_lut_network(network, tmp_path / "m.npz")
    words = ["generate", str(tmp_path / "m.npz"), "--clocks", "400", "--skip", "dsp"]
    done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "rtl")])
    assert done.exit_code == 0, done.output
    assert "These LUTs are of sums alone" in done.output
    assert "DSPs" in done.output and (tmp_path / "rtl" / "fork_stream.v").exists()


def test_a_device_has_so_many_dsps(tmp_path: Path) -> None:
    network = random_fixed_network(1)
    chooser = Chooser(network, None, Options(skip="dsp"))
    chosen = chooser.choose(Goal(None, "ice40-up5k", 1.0), lambda what, share: None)
    fewest = chosen.choice.resources.dsps
    assert fewest <= CHIPS["ice40-up5k"].dsps
    with pytest.raises(HardwareError, match=r"hold [^;]* 0 DSPs, and the network takes at least"):
        chooser.choose(Goal(None, "ice40-hx8k", 1.0), lambda what, share: None)
